// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * cast_page MODES NODE: a desktop behind the real xdg-desktop-portal, for live-cursor.sh: the back end of its
 * ScreenCast portal (org.freedesktop.impl.portal.ScreenCast), whose AvailableCursorModes are MODES and whose only
 * screen is that node of PipeWire. Nobody is asked. Prints "cursor N" for what is asked for.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

static uint32_t modes, node;

static int on_select(sd_bus_message *m, void *data, sd_bus_error *err)
{
	const char *handle, *session, *app, *key;
	uint32_t mode = 0;

	(void)data, (void)err;
	sd_bus_message_read(m, "oos", &handle, &session, &app);
	sd_bus_message_enter_container(m, 'a', "{sv}");
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		sd_bus_message_read_basic(m, 's', &key);
		if (strcmp(key, "cursor_mode") == 0)
			sd_bus_message_read(m, "v", "u", &mode);
		else
			sd_bus_message_skip(m, "v");
		sd_bus_message_exit_container(m);
	}
	sd_bus_message_exit_container(m);
	printf("cursor %u\n", mode);
	return sd_bus_reply_method_return(m, "ua{sv}", 0, 0);
}

static int on_start(sd_bus_message *m, void *data, sd_bus_error *err)
{
	(void)data, (void)err;
	return sd_bus_reply_method_return(m, "ua{sv}", 0, 1, "streams", "a(ua{sv})", 1, node, 0);
}

static int get_number(sd_bus *bus, const char *path, const char *iface, const char *property, sd_bus_message *reply,
		      void *data, sd_bus_error *err)
{
	(void)bus, (void)path, (void)iface, (void)data, (void)err;
	return sd_bus_message_append(reply, "u",
				     strcmp(property, "version") == 0                ? 4
				     : strcmp(property, "AvailableCursorModes") == 0 ? modes
										     : 1);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("CreateSession", "oosa{sv}", "ua{sv}", page_create_session, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("SelectSources", "oosa{sv}", "ua{sv}", on_select, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Start", "oossa{sv}", "ua{sv}", on_start, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("AvailableSourceTypes", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("AvailableCursorModes", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("version", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
	struct page page = {0};

	if (argc != 3) {
		fprintf(stderr, "usage: see the top of cast_page.c\n");
		return 2;
	}
	modes = (uint32_t)strtoul(argv[1], NULL, 0);
	node = (uint32_t)strtoul(argv[2], NULL, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!page_open(&page, "org.freedesktop.impl.portal.ScreenCast", vtable)) {
		fprintf(stderr, "cast_page: no place on the session bus\n");
		return 1;
	}
	for (;;) {
		int more = sd_bus_process(page.bus, NULL);

		if (more < 0 || (!more && sd_bus_wait(page.bus, UINT64_MAX) < 0))
			return 0;
	}
}

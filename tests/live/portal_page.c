// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * portal_page yes|no|once: a desktop behind the real xdg-desktop-portal, for live-portal-input.sh: the back end of its
 * RemoteDesktop portal (org.freedesktop.impl.portal.RemoteDesktop) and an EIS server. What a dialog would be answered
 * with is the argument; once: yes, but not for the next time. Prints a line for each thing that happens.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xkbcommon/xkbcommon.h>

#include "../unit/input/eis_host.h"
#include "page.h"

static struct {
	struct eis_host *eis;
	const char *answer;
	uint32_t types, persist;
	bool restored;
} desk;

static void on_closed(void)
{
	printf("session closed\n");
}

static int on_select(sd_bus_message *m, void *data, sd_bus_error *err)
{
	const char *handle, *session, *app, *key, *contents;

	(void)data, (void)err;
	desk.restored = false;
	sd_bus_message_read(m, "oos", &handle, &session, &app);
	sd_bus_message_enter_container(m, 'a', "{sv}");
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		sd_bus_message_read_basic(m, 's', &key);
		sd_bus_message_peek_type(m, NULL, &contents);
		if (strcmp(contents, "u") == 0)
			sd_bus_message_read(m, "v", "u", strcmp(key, "types") == 0 ? &desk.types : &desk.persist);
		else
			sd_bus_message_skip(m, "v");
		desk.restored |= strcmp(key, "restore_data") == 0;
		sd_bus_message_exit_container(m);
	}
	sd_bus_message_exit_container(m);
	printf("devices %u, persist %u%s\n", desk.types, desk.persist, desk.restored ? ", restored" : "");
	return sd_bus_reply_method_return(m, "ua{sv}", 0, 0);
}

static int on_start(sd_bus_message *m, void *data, sd_bus_error *err)
{
	(void)data, (void)err;
	if (!desk.restored)
		printf("dialog: %s\n", desk.answer);
	if (!desk.restored && strcmp(desk.answer, "no") == 0)
		return sd_bus_reply_method_return(m, "ua{sv}", 1, 0);
	if (strcmp(desk.answer, "once") == 0)
		return sd_bus_reply_method_return(m, "ua{sv}", 0, 1, "devices", "u", desk.types);
	return sd_bus_reply_method_return(m, "ua{sv}", 0, 3, "devices", "u", desk.types, "persist_mode", "u", 2,
					  "restore_data", "(suv)", "page", 1, "u", desk.types);
}

static int on_connect(sd_bus_message *m, void *data, sd_bus_error *err)
{
	int fd = eis_host_connect(desk.eis), ok;

	(void)data, (void)err;
	ok = sd_bus_reply_method_return(m, "h", fd);
	close(fd);
	return ok;
}

static int get_number(sd_bus *bus, const char *path, const char *iface, const char *property, sd_bus_message *reply,
		      void *data, sd_bus_error *err)
{
	(void)bus, (void)path, (void)iface, (void)data, (void)err;
	return sd_bus_message_append(reply, "u", strcmp(property, "version") == 0 ? 2 : 7);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("CreateSession", "oosa{sv}", "ua{sv}", page_create_session, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("SelectDevices", "oosa{sv}", "ua{sv}", on_select, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Start", "oossa{sv}", "ua{sv}", on_start, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ConnectToEIS", "osa{sv}", "h", on_connect, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_PROPERTY("AvailableDeviceTypes", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("version", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};

static void on_word(void *ctx, const char *text)
{
	(void)ctx;
	printf("%s\n", text);
}

static char *us_keymap(void)
{
	const struct xkb_rule_names us = {.layout = "us"};
	struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	struct xkb_keymap *keymap = xkb_keymap_new_from_names(context, &us, XKB_KEYMAP_COMPILE_NO_FLAGS);
	char *text = keymap ? xkb_keymap_get_as_string(keymap, XKB_KEYMAP_FORMAT_TEXT_V1) : NULL;

	xkb_keymap_unref(keymap);
	xkb_context_unref(context);
	return text;
}

int main(int argc, char **argv)
{
	struct page page = {.closed = on_closed};
	char *keymap = us_keymap();

	setvbuf(stdout, NULL, _IOLBF, 0);
	desk.answer = argc > 1 ? argv[1] : "yes";
	desk.eis = eis_host_create(keymap, on_word, NULL);
	if (!page_open(&page, "org.freedesktop.impl.portal.RemoteDesktop", vtable)) {
		fprintf(stderr, "portal_page: no place on the session bus\n");
		return 1;
	}
	for (;;) {
		struct pollfd fds[2] = {{.fd = eis_host_fd(desk.eis), .events = POLLIN},
					{.fd = sd_bus_get_fd(page.bus), .events = POLLIN}};
		int more;

		while ((more = sd_bus_process(page.bus, NULL)) > 0)
			;
		if (more < 0)
			break;
		fds[1].events = (short)sd_bus_get_events(page.bus);
		if (poll(fds, 2, 1000) < 0)
			break;
		if (fds[0].revents)
			eis_host_dispatch(desk.eis);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * locale1 LAYOUT: stands in for systemd-localed on the session's bus: Mutter without its shell takes its keyboard
 * layout from there, once, when it starts, off what it takes for the system bus (DBUS_SYSTEM_BUS_ADDRESS).
 */
#include <stdio.h>
#include <systemd/sd-bus.h>

static int get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
	       void *text, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s", (const char *)text);
}

static const sd_bus_vtable layout[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("X11Layout", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	int err = sd_bus_open_user(&bus);

	if (argc != 2) {
		fprintf(stderr, "usage: locale1 LAYOUT\n");
		return 2;
	}
	if (err >= 0)
		err = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/locale1", "org.freedesktop.locale1", layout,
					       argv[1]);
	if (err >= 0)
		err = sd_bus_request_name(bus, "org.freedesktop.locale1", 0);
	while (err >= 0) {
		err = sd_bus_process(bus, NULL);
		if (err == 0)
			err = sd_bus_wait(bus, UINT64_MAX);
	}
	fprintf(stderr, "locale1: %d\n", err);
	sd_bus_unref(bus);
	return 1;
}

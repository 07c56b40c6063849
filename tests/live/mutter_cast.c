// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * mutter_cast MODE MOVES: shares Mutter's monitor as its ScreenCast page has it, the cursor by MODE (0 hidden, 1
 * embedded, 2 metadata), and prints "node N" of PipeWire. From the first line on its input on the pointer goes MOVES
 * steps from 100,100 to 900,500, fifty a second; then "done", until its input ends. For live-cursor.sh.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define DESK "org.gnome.Mutter.RemoteDesktop"
#define CAST "org.gnome.Mutter.ScreenCast"

static sd_bus *bus;
static char desk[128], cast[128], stream[128]; /* paths */
static uint32_t node;

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "mutter_cast: %s: %s\n", what, strerror(-rc));
	exit(1);
}

/* The path that a reply brings. */
static void take_path(sd_bus_message *reply, char path[128])
{
	const char *text;

	check(sd_bus_message_read(reply, "o", &text), "a path");
	snprintf(path, 128, "%s", text);
	sd_bus_message_unref(reply);
}

static int on_node(sd_bus_message *m, void *data, sd_bus_error *err)
{
	(void)data, (void)err;
	check(sd_bus_message_read(m, "u", &node), "a node");
	return 0;
}

static void share(uint32_t mode)
{
	sd_bus_message *reply;
	char *id;

	check(sd_bus_call_method(bus, DESK, "/org/gnome/Mutter/RemoteDesktop", DESK, "CreateSession", NULL, &reply, ""),
	      "RemoteDesktop");
	take_path(reply, desk);
	check(sd_bus_get_property_string(bus, DESK, desk, DESK ".Session", "SessionId", NULL, &id), "its name");
	check(sd_bus_call_method(bus, CAST, "/org/gnome/Mutter/ScreenCast", CAST, "CreateSession", NULL, &reply,
				 "a{sv}", 1, "remote-desktop-session-id", "s", id),
	      "ScreenCast");
	free(id);
	take_path(reply, cast);
	check(sd_bus_call_method(bus, CAST, cast, CAST ".Session", "RecordMonitor", NULL, &reply, "sa{sv}", "", 1,
				 "cursor-mode", "u", mode),
	      "RecordMonitor");
	take_path(reply, stream);
	check(sd_bus_match_signal(bus, NULL, CAST, stream, CAST ".Stream", "PipeWireStreamAdded", on_node, NULL),
	      "match");
	check(sd_bus_call_method(bus, DESK, desk, DESK ".Session", "Start", NULL, NULL, ""), "Start");
	while (!node) {
		check(sd_bus_process(bus, NULL), "the bus");
		check(sd_bus_wait(bus, 100000), "the bus");
	}
}

static void move(double share_of)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	check(sd_bus_call_method(bus, DESK, desk, DESK ".Session", "NotifyPointerMotionAbsolute", NULL, NULL, "sdd",
				 stream, 100 + 800 * share_of, 100 + 400 * share_of),
	      "NotifyPointerMotionAbsolute");
	while (sd_bus_process(bus, NULL) > 0)
		;
	nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
	char line[16];
	int moves;

	if (argc != 3) {
		fprintf(stderr, "usage: see the top of mutter_cast.c\n");
		return 2;
	}
	moves = atoi(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	check(sd_bus_open_user(&bus), "the session bus");
	share((uint32_t)atoi(argv[1]));
	printf("node %u\n", node);
	if (fgets(line, sizeof(line), stdin)) {
		for (int i = 0; i <= moves; i++)
			move((double)i / moves);
		printf("done\n");
	}
	while (fgets(line, sizeof(line), stdin))
		;
	sd_bus_unref(bus);
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* The announcement's name and its absence; with arguments "announce NAME PORT" the live part for tests/live/mdns.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>

#include "base/log.h"
#include "base/str.h"
#include "http/mdns.h"

static void s1_names_are_labels(void **state)
{
	static const struct {
		const char *host, *label;
	} cases[] = {
		{"deck", "deck"},
		{"living room", "living-room"},
		{"a.b.c", "a"},
		{"tom's pc", "tom"},
		{"", "moonrill"},
		{"\xc3\xa9t\xc3\xa9", "moonrill"},
		{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg",
		 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		char label[MDNS_LABEL];

		mdns_label(label, cases[i].host);
		assert_string_equal(label, cases[i].label);
	}
}

static void no_bus_is_an_error_and_no_more(void **state)
{
	struct loop *l = loop_create();
	struct mdns *m = NULL;

	(void)state;
	log_set_level(-1);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	/* The connection may fail at once or a moment later. */
	if (mdns_create(&m, l, "x", 1) == 0)
		for (unsigned i = 0; i < 10; i++)
			loop_step(l, 10);
	mdns_destroy(m);
	mdns_destroy(NULL);
	loop_destroy(l);
}

static void on_term(void *ctx, int signo)
{
	(void)signo;
	loop_quit(ctx, 0);
}

static int announce(const char *name, const char *port)
{
	struct loop *l = loop_create();
	struct mdns *m = NULL;
	int rc = 1;

	log_set_level(LOG_LEVEL_DBG);
	if (l && loop_signal_add(l, SIGTERM, on_term, l) == 0 && mdns_create(&m, l, name, (uint16_t)atoi(port)) == 0)
		rc = loop_run(l);
	mdns_destroy(m);
	loop_destroy(l);
	return rc;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s1_names_are_labels),
		cmocka_unit_test(no_bus_is_an_error_and_no_more),
	};

	if (argc == 4 && strcmp(argv[1], "announce") == 0)
		return announce(argv[2], argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

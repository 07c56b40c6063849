// SPDX-License-Identifier: GPL-3.0-or-later
/* Which clients get in: both families, limits, storms, removal under load, the idle thread. */
#include <errno.h>
#include <pthread.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/str.h"
#include "base/wr.h"
#include "fixture.h"

static void ipv6_clients_come_through_the_relay_with_their_address(void **state)
{
	struct owner o[2];
	struct client c[3];
	const struct input_back *back;
	char text[ADDR_TEXT];
	union addr own = {0};
	socklen_t len = sizeof(own);
	int n;

	(void)state;
	owner_default(&o[0], key_a, 77);
	owner_default(&o[1], key_b, 78);
	start(&c[0], &o[0], true, 77, key_a);
	assert_string_equal(addr_host(&o[0].peer, false, text), "::1");
	assert_int_equal(getsockname(c[0].outer, &own.sa, &len), 0);
	assert_int_equal(addr_port(&o[0].peer), addr_port(&own));
	start(&c[1], &o[1], true, 78, key_b);
	/* the wrong data are refused here too */
	client_open(&c[2], true, control_port(control), 79, key_a, true);
	until(c, 3, c[2].disconnected);
	back = control_out_back(o[1].out);
	back->rumble(back->ctx, 0, 1, 2);
	until(c, 3, client_message(&c[1], 0x010b, &n));
	assert_null(client_message(&c[0], 0x010b, &n));
	owner_close(&o[0], CONTROL_TERM_GRACEFUL);
	until(c, 3, c[0].disconnected);
	assert_non_null(client_message(&c[0], 0x0109, &n));
	enet_peer_disconnect(c[1].peer, 0);
	until(c, 3, o[1].disconnected);
	assert_int_equal(o[1].err, 0);
	owner_close(&o[1], 0);
	for (unsigned i = 0; i < 3; i++)
		client_close(&c[i]);
}

static void clients_without_connect_data_are_known_by_address(void **state)
{
	struct control_session_params p = {.v2 = true, .match_by_ip = true};
	struct owner v4, v6, other;
	struct client c[3];

	(void)state;
	assert_int_equal(addr_parse(&p.peer, "127.0.0.1", 1), 0);
	owner_open(&v4, key_a, p);
	assert_int_equal(addr_parse(&p.peer, "::1", 1), 0);
	owner_open(&v6, key_b, p);
	assert_int_equal(addr_parse(&p.peer, "192.0.2.1", 1), 0);
	owner_open(&other, key_a, p);
	start(&c[0], &v6, true, 0, key_b);
	start(&c[1], &v4, false, 0, key_a);
	client_open(&c[2], false, control_port(control), 5, key_a, true);
	until(c, 3, c[2].disconnected);
	assert_int_equal(other.connected, 0);
	finish(&c[0], &v6);
	finish(&c[1], &v4);
	owner_close(&other, 0);
	client_close(&c[2]);
}

/* Connection requests with no ENet behind them, each from a socket of its own. */
static void half_open_storm(unsigned n, int family, uint32_t connect_data)
{
	uint8_t request[52] = {0x8f, 0xff, 0, 0, 0x82, 0xff, 0, 1, 0, 0, 0xff, 0xff};
	union addr to;

	put_be32(request + 12, 900);
	put_be32(request + 16, 32768);
	put_be32(request + 20, 48);
	put_be32(request + 48, connect_data);
	assert_int_equal(addr_parse(&to, family == AF_INET6 ? "::1" : "127.0.0.1", control_port(control)), 0);
	for (unsigned i = 0; i < n; i++) {
		int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		assert_true(fd >= 0);
		put_be32(request + 44, i);
		assert_int_equal(sendto(fd, request, sizeof(request), 0, &to.sa, addr_len(&to)), sizeof(request));
		close(fd);
	}
}

static void half_open_connections_leave_room_for_clients(void **state)
{
	struct owner o;
	struct client c;

	(void)state;
	owner_default(&o, key_a, 77);
	half_open_storm(300, AF_INET, 1);
	half_open_storm(300, AF_INET6, 1);
	start(&c, &o, false, 77, key_a);
	client_send(&c, 0, IDR);
	until(&c, 1, STAT_GET(o.stats.idr_requests) == 2);
	finish(&c, &o);
	owner_default(&o, key_a, 77);
	start(&c, &o, true, 77, key_a);
	finish(&c, &o);
}

static void half_open_connections_with_the_right_data_expire(void **state)
{
	struct owner o;
	struct client c;

	(void)state;
	owner_default(&o, key_a, 77);
	half_open_storm(50, AF_INET, 77); /* takes the session's four places until they expire */
	sleep(4);
	start(&c, &o, false, 77, key_a);
	finish(&c, &o);
}

static void garbage_and_oversized_datagrams_disturb_nobody(void **state)
{
	static uint8_t junk[9000];
	struct owner o;
	struct client c;
	union addr to;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t x = 7;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(addr_parse(&to, "127.0.0.1", control_port(control)), 0);
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	for (unsigned i = 0; i < 2000; i++) {
		size_t n = i % 10 ? i % 100 : sizeof(junk);

		for (size_t k = 0; k < 100; k++)
			junk[k] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
		sendto(fd, junk, n, MSG_DONTWAIT, &to.sa, addr_len(&to));
		if (i % 100 == 0)
			step(&c, 1);
	}
	client_send(&c, 0, IDR);
	until(&c, 1, STAT_GET(o.stats.idr_requests) == 2);
	assert_false(c.disconnected);
	finish(&c, &o);
	close(fd);
}

static void a_flood_of_one_client_does_not_starve_another(void **state)
{
	struct owner o[2];
	struct client c[2];
	unsigned sent = 0;

	(void)state;
	owner_default(&o[0], key_a, 77);
	owner_default(&o[1], key_b, 78);
	start(&c[0], &o[0], false, 77, key_a);
	start(&c[1], &o[1], false, 78, key_b);
	/* the request is answered while the flood goes on */
	for (uint64_t end = clock_ns() + WAIT_NS; STAT_GET(o[1].stats.idr_requests) < 2 && clock_ns() < end;) {
		for (unsigned i = 0; i < 200; i++, sent++)
			client_send(&c[0], (uint8_t)(i % 48), "06020c00000000080700000000010002");
		if (sent == 1000)
			client_send(&c[1], 1, IDR);
		client_pump(&c[0]);
		client_pump(&c[1]);
	}
	assert_int_equal(STAT_GET(o[1].stats.idr_requests), 2);
	assert_true(sent >= 1000);
	settle(c, 2);
	assert_false(o[0].disconnected || o[1].disconnected);
	finish(&c[1], &o[1]);
	finish(&c[0], &o[0]);
}

struct poster {
	const struct input_back *back;
	atomic_bool stop;
};

static void *post(void *arg)
{
	struct poster *p = arg;

	for (uint16_t i = 0; !atomic_load(&p->stop); i++) {
		p->back->rumble(p->back->ctx, i % 16, i, i);
		p->back->led(p->back->ctx, i % 16, 1, 2, (uint8_t)i);
		if (i % 64 == 0)
			usleep(1000);
	}
	return NULL;
}

static void a_busy_session_is_removed_without_waiting_for_it(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 15; round++) {
		struct owner o;
		struct client c;
		struct poster p = {0};
		pthread_t thread;

		owner_default(&o, key_a, 100 + round);
		p.back = control_out_back(o.out);
		assert_int_equal(pthread_create(&thread, NULL, post, &p), 0);
		start(&c, &o, round % 3 == 0, 100 + round, key_a);
		for (unsigned i = 0; i < 100 + round; i++) {
			client_send(&c, 3, "06020c00000000080700000000010002");
			if (i % 16 == 0)
				client_pump(&c);
		}
		owner_remove(&o, round % 2 ? CONTROL_TERM_GRACEFUL : 0);
		memset(&o.feedback, 0xee, sizeof(o.feedback)); /* ours again: a late write would be a race */
		memset(&o.stats, 0xee, sizeof(o.stats));
		atomic_store(&p.stop, true);
		pthread_join(thread, NULL);
		owner_close(&o, 0);
		until(&c, 1, c.disconnected);
		client_close(&c);
	}
}

static void many_sessions_at_once(void **state)
{
	static struct owner o[CONTROL_SESSIONS_MAX + 1];
	static struct client c[CONTROL_SESSIONS_MAX];
	struct control_session_params p = {.connect_data = 1, .feedback = &o[0].feedback};
	struct control_session *s;

	(void)state;
	for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++)
		owner_default(&o[i], i % 2 ? key_a : key_b, 1000 + i);
	p.out = o[0].out;
	assert_int_equal(control_session_add(control, &p, &owner_events, NULL, &s), -ENOSPC);
	for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++)
		client_open(&c[i], i % 4 == 0, control_port(control), 1000 + i, i % 2 ? key_a : key_b, true);
	for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++) {
		until(c, CONTROL_SESSIONS_MAX, c[i].connected);
		client_send(&c[i], 0, START);
	}
	for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++) {
		until(c, CONTROL_SESSIONS_MAX, o[i].started);
		assert_int_equal(STAT_GET(o[i].stats.control_rejected), 0);
	}
	for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++)
		owner_close(&o[i], CONTROL_TERM_GRACEFUL);
	for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++)
		until(c, CONTROL_SESSIONS_MAX, c[i].disconnected);
	for (unsigned i = 0; i < CONTROL_SESSIONS_MAX; i++)
		client_close(&c[i]);
}

/* How often the control thread has gone to sleep. */
static unsigned long sleeps(void)
{
	struct dirent *e;
	DIR *dir = opendir("/proc/self/task");
	unsigned long n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		char path[300], line[128];
		bool ours = false;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		while (f && fgets(line, sizeof(line), f)) {
			ours |= strcmp(line, "Name:\tcontrol\n") == 0;
			if (ours)
				sscanf(line, "voluntary_ctxt_switches: %lu", &n);
		}
		if (f)
			fclose(f);
	}
	closedir(dir);
	return n;
}

static void an_idle_daemon_does_not_wake(void **state)
{
	struct owner o;
	struct client c;
	unsigned long before;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, true, 77, key_a);
	enet_peer_disconnect(c.peer, 0);
	until(&c, 1, o.disconnected && c.disconnected);
	client_close(&c);
	owner_close(&o, 0);
	settle(NULL, 0);
	before = sleeps();
	assert_true(before > 0);
	usleep(500000);
	assert_int_equal(sleeps(), before);
}

static void a_client_that_is_not_heard_pauses_its_stream_until_it_is(void **state)
{
	struct owner o;
	struct client c;
	uint64_t heard;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	until(&c, 1, !atomic_load(&o.feedback.silent));
	until(&c, 1, atomic_load(&o.feedback.heard_ns));
	assert_true(atomic_load(&o.feedback.dark_ns) > atomic_load(&o.feedback.heard_ns));
	/* It does not even acknowledge: nobody runs it. */
	for (unsigned i = 0; i < 1000 && !atomic_load(&o.feedback.silent); i++)
		usleep(10000);
	assert_true(atomic_load(&o.feedback.silent));
	assert_true(clock_ns() >= atomic_load(&o.feedback.dark_ns));
	heard = atomic_load(&o.feedback.heard_ns);
	until(&c, 1, !atomic_load(&o.feedback.silent));
	assert_true(atomic_load(&o.feedback.heard_ns) > heard);
	assert_int_equal(o.disconnected, 0);
	finish(&c, &o);
}

static void one_address_of_either_family(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "::1"};

	(void)state;
	teardown(NULL);
	for (unsigned v6 = 0; v6 <= 1; v6++) {
		struct control_params p = {.bind = addresses[v6], .silence_ms = 10000};
		struct owner o;
		struct client c;

		loop = loop_create();
		assert_int_equal(control_create(&control, loop, &p), 0);
		assert_true(control_port(control) != 0);
		owner_default(&o, key_a, 77);
		start(&c, &o, v6, 77, key_a);
		/* the port is taken */
		p.port = control_port(control);
		{
			struct control *second;

			assert_int_not_equal(control_create(&second, loop, &p), 0);
			assert_null(second);
		}
		finish(&c, &o);
		control_destroy(control);
		loop_destroy(loop);
	}
	setup(NULL);
}

static void destroying_waits_for_a_dead_client_only_so_long(void **state)
{
	struct owner o;
	struct client c;
	uint64_t began;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	owner_close(&o, CONTROL_TERM_GRACEFUL); /* the client is not pumped: no acknowledgement comes */
	began = clock_ns();
	control_destroy(control);
	assert_true(clock_ns() - began < WAIT_NS);
	client_close(&c);
	control_destroy(NULL);
	loop_destroy(loop);
	setup(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(ipv6_clients_come_through_the_relay_with_their_address),
		CASE(clients_without_connect_data_are_known_by_address),
		CASE(half_open_connections_leave_room_for_clients),
		CASE(half_open_connections_with_the_right_data_expire),
		CASE(garbage_and_oversized_datagrams_disturb_nobody),
		CASE(a_flood_of_one_client_does_not_starve_another),
		CASE(a_busy_session_is_removed_without_waiting_for_it),
		CASE(many_sessions_at_once),
		CASE(an_idle_daemon_does_not_wake),
		CASE(a_client_that_is_not_heard_pauses_its_stream_until_it_is),
		CASE(one_address_of_either_family),
		CASE(destroying_waits_for_a_dead_client_only_so_long),
	};

	if (enet_initialize())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

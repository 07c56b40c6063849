// SPDX-License-Identifier: GPL-3.0-or-later
/* Pings in, a connected socket out, over both families of loopback. */
#include "net/media_port.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/thread.h"

struct seen {
	unsigned n;
	enum media_class cls;
	struct ping ping;
	union addr from, to;
};

struct rig {
	struct loop *loop;
	struct media_port *port;
	uint16_t number;
	struct seen seen;
};

static const uint8_t good[20] = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
				 'a', 'b', 'c', 'd', 'e', 'f', 0,   0,   1,   2};

static void on_ping(void *ctx, enum media_class cls, const struct ping *p, const union addr *from, const union addr *to)
{
	struct seen *s = ctx;

	s->n++;
	s->cls = cls;
	s->ping = *p;
	s->from = *from;
	s->to = *to;
}

static uint16_t local_port(int fd)
{
	union addr a;
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	return addr_port(&a);
}

static void rig_init(struct rig *r, const char *bind, enum media_class cls)
{
	memset(r, 0, sizeof(*r));
	r->loop = loop_create();
	assert_non_null(r->loop);
	/* Some port that is free in both families. */
	for (unsigned tries = 0;; tries++) {
		int fd;

		assert_int_equal(addr_bind("", 0, SOCK_DGRAM, &fd), 0);
		r->number = local_port(fd);
		close(fd);
		if (media_port_open(&r->port, r->loop, bind, r->number, cls, on_ping, &r->seen) == 0)
			return;
		assert_true(tries < 20);
	}
}

static void rig_finish(struct rig *r)
{
	media_port_close(r->port);
	loop_destroy(r->loop);
}

/* A client's socket, not connected, like the real one's. */
static int client_socket(const char *host)
{
	int fd;

	assert_int_equal(addr_bind(host, 0, SOCK_DGRAM, &fd), 0);
	return fd;
}

static void ping_from(int fd, const char *host, uint16_t port, const void *data, size_t len)
{
	union addr a;

	assert_int_equal(addr_parse(&a, host, port), 0);
	assert_int_equal(sendto(fd, data, len, 0, &a.sa, addr_len(&a)), len);
}

static void wait_pings(struct rig *r, unsigned n)
{
	while (r->seen.n < n)
		assert_int_equal(loop_step(r->loop, -1), 0);
}

static void assert_no_more(struct rig *r)
{
	unsigned n = r->seen.n;

	assert_int_equal(loop_step(r->loop, 30), 0);
	assert_int_equal(r->seen.n, n);
}

static void drain_client(int fd, const union addr *expect_from, unsigned want)
{
	uint8_t buf[256];

	for (unsigned i = 0; i < want; i++) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		union addr from;
		socklen_t len = sizeof(from);

		assert_int_equal(poll(&pfd, 1, -1), 1);
		assert_int_equal(recvfrom(fd, buf, sizeof(buf), 0, &from.sa, &len), 5);
		addr_unmap(&from);
		assert_true(addr_equal(&from, expect_from));
	}
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), -1);
}

static void m1_on(const char *bind, const char *host)
{
	struct rig r;
	union addr us;
	int client = client_socket(host), fd;

	rig_init(&r, bind, MEDIA_VIDEO);
	assert_int_equal(addr_parse(&us, host, r.number), 0);
	ping_from(client, host, r.number, good, sizeof(good));
	wait_pings(&r, 1);
	assert_int_equal(r.seen.cls, MEDIA_VIDEO);
	assert_false(r.seen.ping.legacy);
	assert_memory_equal(r.seen.ping.payload, good, 16);
	assert_int_equal(r.seen.ping.counter, 0x102);
	assert_int_equal(addr_port(&r.seen.from), local_port(client));
	assert_true(addr_equal(&r.seen.to, &us));
	assert_int_equal(media_port_connect(r.port, &r.seen.from, &r.seen.to, true, &fd), 0);
	/* What leaves there comes from the address that was pinged and goes to the one that pinged. */
	assert_int_equal(send(fd, "media", 5, 0), 5);
	drain_client(client, &us, 1);
	/* The peer's later pings go to the connected socket; they still reach the callback. */
	ping_from(client, host, r.number, good, sizeof(good));
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1), 1);
	assert_no_more(&r);
	media_port_drain(r.port, fd, &us);
	assert_int_equal(r.seen.n, 2);
	assert_true(addr_equal(&r.seen.to, &us));
	close(fd);
	close(client);
	rig_finish(&r);
}

static void m1_media_leave_from_the_pinged_address_v4(void **state)
{
	(void)state;
	m1_on("", "127.0.0.1");
	m1_on("", "127.0.0.2"); /* an address that the kernel would not choose by itself */
	m1_on("127.0.0.1", "127.0.0.1");
}

static void m1_media_leave_from_the_pinged_address_v6(void **state)
{
	(void)state;
	m1_on("", "::1");
	m1_on("::1", "::1");
}

static void m2_what_is_no_ping_is_ignored(void **state)
{
	struct rig r;
	uint8_t junk[300] = {0};
	int client = client_socket("127.0.0.1");

	(void)state;
	rig_init(&r, "", MEDIA_AUDIO);
	ping_from(client, "127.0.0.1", r.number, "PONG", 4);
	ping_from(client, "127.0.0.1", r.number, "PING!", 5);
	ping_from(client, "127.0.0.1", r.number, good, 19);
	ping_from(client, "127.0.0.1", r.number, "", 0);
	assert_no_more(&r);
	/* A wrong payload is for the session to refuse: it is handed on as it came. */
	ping_from(client, "127.0.0.1", r.number, junk, 20);
	wait_pings(&r, 1);
	assert_int_equal(r.seen.cls, MEDIA_AUDIO);
	assert_memory_equal(r.seen.ping.payload, junk, 16);
	close(client);
	rig_finish(&r);
}

static void m3_legacy_ping_is_told_apart(void **state)
{
	struct rig r;
	int client = client_socket("127.0.0.1");

	(void)state;
	rig_init(&r, "", MEDIA_VIDEO);
	ping_from(client, "127.0.0.1", r.number, "PING", 4);
	wait_pings(&r, 1);
	assert_true(r.seen.ping.legacy);
	close(client);
	rig_finish(&r);
}

static void m4_ping_from_a_new_port_can_be_followed(const char *host)
{
	struct rig r;
	union addr us;
	int old = client_socket(host), new = client_socket(host), fd[2];

	rig_init(&r, "", MEDIA_VIDEO);
	assert_int_equal(addr_parse(&us, host, r.number), 0);
	ping_from(old, host, r.number, good, sizeof(good));
	wait_pings(&r, 1);
	assert_int_equal(media_port_connect(r.port, &r.seen.from, &r.seen.to, false, &fd[0]), 0);
	/* The connected socket takes nothing that another port sends. */
	ping_from(new, host, r.number, good, sizeof(good));
	wait_pings(&r, 2);
	assert_int_equal(addr_port(&r.seen.from), local_port(new));
	assert_int_equal(media_port_connect(r.port, &r.seen.from, &r.seen.to, false, &fd[1]), 0);
	assert_int_equal(send(fd[1], "media", 5, 0), 5);
	assert_int_equal(send(fd[1], "media", 5, 0), 5);
	drain_client(new, &us, 2);
	drain_client(old, &us, 0);
	close(fd[0]);
	close(fd[1]);
	close(old);
	close(new);
	rig_finish(&r);
}

static void m4_new_port_v4(void **state)
{
	(void)state;
	m4_ping_from_a_new_port_can_be_followed("127.0.0.1");
}

static void m4_new_port_v6(void **state)
{
	(void)state;
	m4_ping_from_a_new_port_can_be_followed("::1");
}

/* Several clients on one port, each with its own socket. */
static void sessions_do_not_mix(void **state)
{
	struct rig r;
	union addr us;
	int client[6], fd[6];

	(void)state;
	rig_init(&r, "", MEDIA_VIDEO);
	assert_int_equal(addr_parse(&us, "127.0.0.1", r.number), 0);
	for (unsigned i = 0; i < 6; i++) {
		client[i] = client_socket("127.0.0.1");
		ping_from(client[i], "127.0.0.1", r.number, good, sizeof(good));
		wait_pings(&r, i + 1);
		assert_int_equal(media_port_connect(r.port, &r.seen.from, &r.seen.to, true, &fd[i]), 0);
	}
	for (unsigned i = 0; i < 6; i++)
		for (unsigned k = 0; k <= i; k++)
			assert_int_equal(send(fd[i], "media", 5, 0), 5);
	for (unsigned i = 0; i < 6; i++)
		drain_client(client[i], &us, i + 1);
	/* Each one's pings reach its own socket only. */
	ping_from(client[3], "127.0.0.1", r.number, good, sizeof(good));
	assert_int_equal(poll(&(struct pollfd){.fd = fd[3], .events = POLLIN}, 1, -1), 1);
	for (unsigned i = 0; i < 6; i++) {
		media_port_drain(r.port, fd[i], &us);
		assert_int_equal(r.seen.n, i < 3 ? 6 : 7);
		close(fd[i]);
		close(client[i]);
	}
	rig_finish(&r);
}

struct flood {
	struct thread thread;
	int fd;
	uint16_t port;
	atomic_uint begun, sent;
	atomic_uint *seen;
};

static void flood(void *arg)
{
	struct flood *f = arg;

	while (!thread_should_stop(&f->thread)) {
		if (atomic_load(&f->sent) - atomic_load(f->seen) > 40) {
			sched_yield();
			continue;
		}
		atomic_fetch_add(&f->begun, 1);
		ping_from(f->fd, "127.0.0.1", f->port, good, sizeof(good));
		atomic_fetch_add(&f->sent, 1);
	}
}

/* What is on its way to a socket that the kernel has already chosen for it has arrived. */
static void settle(struct flood *f)
{
	unsigned n = atomic_load(&f->begun);

	while (atomic_load(&f->sent) < n)
		sched_yield();
}

struct crossing {
	atomic_uint others;
	uint16_t other_port;
};

static void on_crossing(void *ctx, enum media_class cls, const struct ping *p, const union addr *from,
			const union addr *to)
{
	struct crossing *c = ctx;

	(void)cls;
	(void)p;
	assert_true(addr_port(to) > 0);
	if (addr_port(from) == c->other_port)
		atomic_fetch_add(&c->others, 1);
}

/* Whatever another client sends while sockets to a first one are made and connected reaches the callback. */
static void strays_of_a_new_socket_are_handed_over(void **state)
{
	static struct crossing c;
	struct media_port *port;
	struct rig r;
	struct flood f = {.seen = &c.others};
	union addr us, peer;

	(void)state;
	rig_init(&r, "", MEDIA_VIDEO);
	media_port_close(r.port);
	assert_int_equal(media_port_open(&port, r.loop, "", r.number, MEDIA_VIDEO, on_crossing, &c), 0);
	r.port = port;
	f.fd = client_socket("127.0.0.1");
	f.port = r.number;
	c.other_port = local_port(f.fd);
	assert_int_equal(addr_parse(&us, "127.0.0.1", r.number), 0);
	assert_int_equal(addr_parse(&peer, "127.0.0.1", 9), 0);
	assert_int_equal(thread_start(&f.thread, "flood", flood, &f), 0);
	for (unsigned i = 0; i < 500; i++) {
		int fd;

		assert_int_equal(media_port_connect(port, &peer, &us, false, &fd), 0);
		assert_int_equal(loop_step(r.loop, 0), 0);
		settle(&f);
		media_port_drain(port, fd, &us);
		close(fd);
	}
	thread_stop(&f.thread);
	thread_join(&f.thread);
	/* What is on its way is in a socket buffer by now; ten empty rounds are an end, not a delay. */
	for (unsigned idle = 0; idle < 10 && atomic_load(&c.others) < atomic_load(&f.sent); idle++)
		assert_int_equal(loop_step(r.loop, 100), 0);
	assert_int_equal(atomic_load(&c.others), atomic_load(&f.sent));
	assert_true(atomic_load(&f.sent) > 0);
	close(f.fd);
	rig_finish(&r);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void marking_follows_class_and_wish(void **state)
{
	static const struct {
		enum media_class cls;
		int tos, priority;
	} expect[] = {{MEDIA_VIDEO, 160, 5}, {MEDIA_AUDIO, 192, 6}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned qos = 0; qos < 2; qos++) {
			struct rig r;
			union addr from, to;
			int fd;

			rig_init(&r, "", expect[i].cls);
			assert_int_equal(addr_parse(&from, "127.0.0.1", 9), 0);
			assert_int_equal(addr_parse(&to, "127.0.0.1", r.number), 0);
			assert_int_equal(media_port_connect(r.port, &from, &to, qos, &fd), 0);
			assert_int_equal(option(fd, IPPROTO_IP, IP_TOS), qos ? expect[i].tos : 0);
			assert_int_equal(option(fd, SOL_SOCKET, SO_PRIORITY), expect[i].priority);
			assert_int_equal(option(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DO);
			close(fd);
			assert_int_equal(addr_parse(&from, "::1", 9), 0);
			assert_int_equal(addr_parse(&to, "::1", r.number), 0);
			assert_int_equal(media_port_connect(r.port, &from, &to, qos, &fd), 0);
			assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_TCLASS), qos ? expect[i].tos : 0);
			assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_DO);
			close(fd);
			rig_finish(&r);
		}
	}
}

static void errors_are_told(void **state)
{
	struct media_port *port;
	struct rig r;
	union addr from, to;
	int fd;

	(void)state;
	rig_init(&r, "", MEDIA_VIDEO);
	assert_int_equal(media_port_open(&port, r.loop, "no address", 1, MEDIA_VIDEO, on_ping, NULL), -EINVAL);
	assert_int_equal(media_port_open(&port, r.loop, "192.0.2.1", 1, MEDIA_VIDEO, on_ping, NULL), -EADDRNOTAVAIL);
	assert_int_equal(addr_parse(&from, "127.0.0.1", 9), 0);
	assert_int_equal(addr_parse(&to, "192.0.2.1", r.number), 0);
	assert_int_equal(media_port_connect(r.port, &from, &to, true, &fd), -EADDRNOTAVAIL);
	rig_finish(&r);
	media_port_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m1_media_leave_from_the_pinged_address_v4),
		cmocka_unit_test(m1_media_leave_from_the_pinged_address_v6),
		cmocka_unit_test(m2_what_is_no_ping_is_ignored),
		cmocka_unit_test(m3_legacy_ping_is_told_apart),
		cmocka_unit_test(m4_new_port_v4),
		cmocka_unit_test(m4_new_port_v6),
		cmocka_unit_test(sessions_do_not_mix),
		cmocka_unit_test(strays_of_a_new_socket_are_handed_over),
		cmocka_unit_test(marking_follows_class_and_wish),
		cmocka_unit_test(errors_are_told),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

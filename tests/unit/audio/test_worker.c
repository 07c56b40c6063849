// SPDX-License-Identifier: GPL-3.0-or-later
/* The audio thread as a whole, over sockets, with the client model at the other end. */
#include "build_config.h"

#include "../cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audio/worker.h"
#include "base/clock.h"
#include "client.h"

/* Only so that a broken test ends. */
#define PATIENCE_S 30

static const struct session_keys keys = {.key = "0123456789abcdef", .rikeyid = 0xfffffff0};

struct link {
	int host, client; /* two ends of a UDP flow on loopback */
};

static void link_open(struct link *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int big = 1 << 20;

	l->client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	l->host = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(l->client >= 0 && l->host >= 0);
	assert_int_equal(bind(l->client, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(l->client, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(connect(l->host, (struct sockaddr *)&a, len), 0);
	setsockopt(l->client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(l->client, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
}

static void link_close(struct link *l)
{
	close(l->host);
	close(l->client);
}

static struct audio_worker *start(const struct audio_params *p, enum audio_source source, struct stream_stats *stats)
{
	const struct audio_worker_params wp = {.audio = *p, .keys = keys, .source = source, .node = "", .stats = stats};
	struct audio_worker *w = NULL;

	assert_int_equal(audio_worker_start(&w, &wp), 0);
	return w;
}

/* Data packets received; each is checked for its number. */
static unsigned receive(int fd, struct client *c, unsigned packets, unsigned first)
{
	uint8_t buf[2048];
	unsigned n = 0;

	while (n < packets) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		assert_true(len > 0);
		if (c)
			client_receive(c, buf, (size_t)len);
		if (buf[1] == 97)
			assert_int_equal(buf[2] << 8 | buf[3], (first + n++) & 0xffff);
	}
	return first + n;
}

static void tones_arrive_at_the_client(void **state)
{
	static const struct {
		struct audio_params p;
		const char *surround;
		const char *describe;
	} cases[] = {
		{{.channels = 2, .packet_ms = 5, .encrypt = true}, NULL, "tone, stereo 96 kbit/s"},
		{{.channels = 6, .packet_ms = 10}, "642012453", "tone, 5.1 256 kbit/s"},
		{{.channels = 8, .packet_ms = 5, .high_quality = true, .encrypt = true},
		 "88001234567",
		 "tone, 7.1 high quality 2048 kbit/s"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct audio_params *p = &cases[i].p;
		struct stream_stats stats = {0};
		struct audio_worker *w = start(p, AUDIO_TONE, &stats);
		struct client c;
		struct link l;
		unsigned packets = 240 / p->packet_ms; /* whole groups */

		link_open(&l);
		client_init(&c, p, &keys, cases[i].surround, !p->high_quality);
		assert_string_equal(audio_worker_describe(w), cases[i].describe);
		audio_worker_begin(w, l.host);
		receive(l.client, &c, packets, 0);
		audio_worker_stop(w);
		assert_true(STAT_GET(stats.audio_packets) >= packets);
		assert_int_equal(STAT_GET(stats.audio_underruns), 0);
		client_flush(&c);
		assert_null(c.broken);
		assert_true(client_hears_tones(&c));
		client_finish(&c);
		link_close(&l);
	}
}

static void nothing_before_begin_and_no_packet_before_its_tick(void **state)
{
	const struct audio_params p = {.channels = 2, .packet_ms = 5};
	struct stream_stats stats = {0};
	struct audio_worker *w = start(&p, AUDIO_TONE, &stats);
	struct link l;
	uint8_t buf[2048];
	uint64_t begin_ns;

	(void)state;
	link_open(&l);
	clock_sleep_until(clock_ns() + 30 * NS_PER_MS);
	assert_int_equal(recv(l.client, buf, sizeof(buf), MSG_DONTWAIT), -1);
	begin_ns = clock_ns();
	audio_worker_begin(w, l.host);
	for (unsigned n = 0; n < 100; n++) {
		receive(l.client, NULL, 1, n);
		/* However late this thread or that one ran: the grid is absolute. */
		assert_true(clock_ns() >= begin_ns + n * 5 * NS_PER_MS);
	}
	audio_worker_stop(w);
	link_close(&l);
}

static void a_moved_peer_gets_the_next_packet(void **state)
{
	const struct audio_params p = {.channels = 2, .packet_ms = 5};
	struct stream_stats stats = {0};
	struct audio_worker *w = start(&p, AUDIO_TONE, &stats);
	struct link l[2];
	unsigned next = 0, on = 0;
	uint8_t buf[2048];

	(void)state;
	link_open(&l[0]);
	link_open(&l[1]);
	audio_worker_begin(w, l[0].host);
	for (unsigned i = 0; i < 20; i++) {
		next = receive(l[on].client, NULL, 3, next);
		on = !on;
		audio_worker_begin(w, l[on].host);
		audio_worker_begin(w, l[on].host);
		/* The old socket is not used any more: what it got, it got before. */
		for (ssize_t n; (n = recv(l[!on].client, buf, sizeof(buf), MSG_DONTWAIT)) > 0;) {
			if (buf[1] == 97)
				assert_int_equal(buf[2] << 8 | buf[3], next++);
		}
		assert_int_equal(close(l[!on].host), 0);
		close(l[!on].client);
		link_open(&l[!on]);
	}
	audio_worker_stop(w);
	link_close(&l[0]);
	link_close(&l[1]);
}

static void wait_for_packets(struct stream_stats *s, uint64_t n)
{
	uint64_t target = STAT_GET(s->audio_packets) + n;

	for (unsigned i = 0; STAT_GET(s->audio_packets) < target; i++) {
		assert_true(i < PATIENCE_S * 1000);
		clock_sleep_until(clock_ns() + NS_PER_MS);
	}
}

static void a_full_socket_costs_packets_not_the_stream(void **state)
{
	const struct audio_params p = {.channels = 2, .packet_ms = 5};
	struct stream_stats stats = {0};
	struct audio_worker *w = start(&p, AUDIO_TONE, &stats);
	int fd[2], small = 1;
	uint8_t buf[2048];
	unsigned last = 0, gap = 0;

	(void)state;
	/* Unlike UDP, this one says EAGAIN when its peer does not read. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	audio_worker_begin(w, fd[0]);
	wait_for_packets(&stats, 40);
	while (recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		last = (unsigned)(buf[2] << 8 | buf[3]);
	wait_for_packets(&stats, 8);
	while (recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT) > 0) {
		if (buf[1] == 97 && !gap)
			gap = (unsigned)(buf[2] << 8 | buf[3]) - last;
	}
	assert_true(gap > 1);
	audio_worker_stop(w);
	close(fd[0]);
	close(fd[1]);
}

static void a_refusing_peer_does_not_end_the_stream(void **state)
{
	const struct audio_params p = {.channels = 2, .packet_ms = 5};
	struct stream_stats stats = {0};
	struct audio_worker *w = start(&p, AUDIO_TONE, &stats);
	struct link l;

	(void)state;
	link_open(&l);
	close(l.client);
	audio_worker_begin(w, l.host);
	wait_for_packets(&stats, 20);
	audio_worker_stop(w);
	close(l.host);
}

static void silence_flows_without_a_sound_system(void **state)
{
	static const enum audio_source source[] = {AUDIO_NONE, AUDIO_AUTO};
	const struct audio_params p = {.channels = 6, .packet_ms = 5, .encrypt = true};

	(void)state;
	setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
	setenv("PIPEWIRE_RUNTIME_DIR", "/nonexistent", 1);
	for (unsigned i = 0; i < 2; i++) {
		struct stream_stats stats = {0};
		struct audio_worker *w = start(&p, source[i], &stats);
		struct client c;
		struct link l;

		link_open(&l);
		client_init(&c, &p, &keys, "642012453", true);
		audio_worker_begin(w, l.host);
		receive(l.client, &c, 60, 0);
		audio_worker_stop(w);
		client_flush(&c);
		assert_null(c.broken);
		for (size_t s = 0; s < c.frames * c.channels; s++)
			assert_true(c.pcm[s] > -1e-3f && c.pcm[s] < 1e-3f);
		client_finish(&c);
		link_close(&l);
	}
}

static void wrong_parameters_are_refused(void **state)
{
	static const struct audio_params wrong[] = {
		{.channels = 4, .packet_ms = 5},
		{.channels = 0, .packet_ms = 5},
		{.channels = 2, .packet_ms = 0},
		{.channels = 2, .packet_ms = 20},
		{.channels = 8, .packet_ms = 10, .high_quality = true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct stream_stats stats = {0};
		const struct audio_worker_params wp = {
			.audio = wrong[i], .source = AUDIO_TONE, .node = "", .stats = &stats};
		struct audio_worker *w = NULL;

		assert_int_equal(audio_worker_start(&w, &wp), -ENOTSUP);
		assert_null(w);
	}
	audio_worker_stop(NULL);
}

static void start_and_stop_at_any_moment(void **state)
{
	const struct audio_params p = {.channels = 2, .packet_ms = 5, .encrypt = true};
	struct link l;

	(void)state;
	link_open(&l);
	for (unsigned i = 0; i < 200; i++) {
		struct stream_stats stats = {0};
		struct audio_worker *w = start(&p, AUDIO_TONE, &stats);

		if (i % 3)
			audio_worker_begin(w, l.host);
		if (i % 3 == 2)
			clock_sleep_until(clock_ns() + i % 7 * NS_PER_MS);
		audio_worker_stop(w);
	}
	link_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tones_arrive_at_the_client),
		cmocka_unit_test(nothing_before_begin_and_no_packet_before_its_tick),
		cmocka_unit_test(a_moved_peer_gets_the_next_packet),
		cmocka_unit_test(a_full_socket_costs_packets_not_the_stream),
		cmocka_unit_test(a_refusing_peer_does_not_end_the_stream),
		cmocka_unit_test(silence_flows_without_a_sound_system),
		cmocka_unit_test(wrong_parameters_are_refused),
		cmocka_unit_test(start_and_stop_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The two real threads of a stream between a fake encoder and the client's model. Most cases send through a pair of
 * UNIX datagram sockets: it loses nothing and pushes back, and a train arrives there as one datagram that is cut here.
 */
#include "net/video_tx.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/thread.h"
#include "client.h"
#include "media/au.h"
#include "net/batch.h"
#include "net/pacer.h"

#define FRAMES_MAX 400u

static const uint8_t key[16] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

struct rig {
	struct video_tx *tx;
	struct video_tx_params params;
	struct wake tx_wake, encode_wake, arrived;
	struct au_link link;
	struct credit credit;
	struct feedback feedback;
	struct stream_stats stats;
	struct tune tune;
	atomic_int failed;
	atomic_uint aus_out;
	uint32_t frame_no; /* of the last pushed */
	uint32_t epoch;
	unsigned pushed;
	size_t len[FRAMES_MAX];
	/* wire */
	int pair[2];
	size_t packet_len;
	/* receiver thread */
	struct thread receiver;
	struct client client;
	atomic_uint delivered, same;
	unsigned longest_run; /* packets in one datagram of the pair */
};

struct test_au {
	struct au au;
	struct rig *rig;
};

static void release(struct au *a)
{
	struct rig *r = ((struct test_au *)a)->rig;

	free((void *)(uintptr_t)a->data);
	free(a);
	atomic_fetch_sub(&r->aus_out, 1);
}

static uint8_t byte_at(uint32_t frame_no, size_t i)
{
	return (uint8_t)((frame_no * 2654435761u + i * 40503u) >> 7);
}

static void on_frame(void *ctx, const struct client_frame *f)
{
	struct rig *r = ctx;
	size_t len = r->len[f->frame_no % FRAMES_MAX];
	/* How much of the last payload is padding is not said where the frame was sent in parts. */
	bool same = f->len >= len && f->len - len < r->client.packet_size - 16;

	for (size_t i = 0; i < f->len && same; i++)
		same = f->data[i] == (i < len ? byte_at(f->frame_no, i) : 0);
	if (same)
		atomic_fetch_add(&r->same, 1);
	atomic_fetch_add(&r->delivered, 1);
	wake_poke(&r->arrived);
}

static void receive(void *arg)
{
	struct rig *r = arg;
	static uint8_t buf[PACER_TRAIN * CLIENT_SHARD_MAX];

	while (!thread_should_stop(&r->receiver)) {
		struct pollfd pfd = {.fd = r->pair[1], .events = POLLIN};
		ssize_t n;

		if (poll(&pfd, 1, 20) <= 0)
			continue;
		n = recv(r->pair[1], buf, sizeof(buf), MSG_DONTWAIT);
		if (n <= 0)
			continue;
		if ((size_t)n / r->packet_len > r->longest_run)
			r->longest_run = (unsigned)((size_t)n / r->packet_len);
		for (size_t at = 0; at + r->packet_len <= (size_t)n; at += r->packet_len)
			client_datagram(&r->client, buf + at, r->packet_len);
		if ((size_t)n % r->packet_len)
			r->client.broken++;
	}
}

static void on_failed(void *ctx, int err)
{
	struct rig *r = ctx;

	atomic_store(&r->failed, err);
	wake_poke(&r->arrived);
}

static const struct video_tx_events events = {.failed = on_failed};

static void rig_init(struct rig *r, unsigned packet_size, bool encrypt, uint32_t ceiling_kbps)
{
	memset(r, 0, sizeof(*r));
	assert_int_equal(wake_init(&r->tx_wake), 0);
	assert_int_equal(wake_init(&r->encode_wake), 0);
	assert_int_equal(wake_init(&r->arrived), 0);
	assert_int_equal(ring_init(&r->link.ring, AU_RING_CAPACITY), 0);
	r->link.wake = &r->tx_wake;
	r->credit.wake = &r->encode_wake;
	feedback_init(&r->feedback);
	tune_set_all(&r->tune, ceiling_kbps, 20);
	r->packet_len = packet_size + 16 + (encrypt ? 32 : 0);
	r->params = (struct video_tx_params){
		.video = {.codec = CODEC_H264,
			  .fps_mhz = 100, /* patience of half a minute: this machine may be busy */
			  .packet_size = (uint16_t)packet_size,
			  .encoder_kbps = 1000,
			  .fec_percent = 20,
			  .fec_min = 2,
			  .encrypt = encrypt},
		.iv_generation = 3,
		.tune = &r->tune,
		.tx_wake = &r->tx_wake,
		.in = &r->link,
		.credit = &r->credit,
		.feedback = &r->feedback,
		.stats = &r->stats,
	};
	memcpy(r->params.keys.key, key, 16);
	client_init(&r->client, packet_size, encrypt ? key : NULL, on_frame, r);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, r->pair), 0);
}

static void rig_start(struct rig *r)
{
	assert_int_equal(video_tx_start(&r->tx, &r->params, r->pair[0], &events, r), 0);
}

static void rig_receive(struct rig *r)
{
	assert_int_equal(thread_start(&r->receiver, "receiver", receive, r), 0);
}

static void rig_stop_receiving(struct rig *r)
{
	thread_stop(&r->receiver);
	thread_join(&r->receiver);
}

static void rig_finish(struct rig *r)
{
	video_tx_stop(r->tx);
	rig_stop_receiving(r);
	/* Nothing is kept back, whatever happened. */
	assert_int_equal(atomic_load(&r->aus_out), 0);
	assert_int_equal(credit_used(&r->credit), 0);
	client_finish(&r->client);
	close(r->pair[0]);
	close(r->pair[1]);
	ring_finish(&r->link.ring);
	wake_finish(&r->tx_wake);
	wake_finish(&r->encode_wake);
	wake_finish(&r->arrived);
}

static void push_au(struct rig *r, uint32_t frame_no, size_t from, size_t to, bool first, bool last)
{
	struct test_au *t = calloc(1, sizeof(*t));
	uint8_t *data = malloc(to - from ? to - from : 1);

	assert_non_null(t);
	assert_non_null(data);
	for (size_t i = from; i < to; i++)
		data[i - from] = byte_at(frame_no, i);
	t->rig = r;
	t->au = (struct au){.release = release,
			    .first = first,
			    .last = last,
			    .key = frame_no == 1,
			    .data = data,
			    .len = to - from,
			    .frame_no = frame_no,
			    .epoch = r->epoch,
			    .pts_ns = frame_no * 16666667ull,
			    .t = {.captured = clock_ns() - 1000000, .encoded = clock_ns()}};
	t->au.broken = last && !first && from == to;
	t->au.expected = last ? 0 : r->len[frame_no % FRAMES_MAX];
	atomic_fetch_add(&r->aus_out, 1);
	assert_true(ring_push(&r->link.ring, &t->au));
	wake_poke(&r->tx_wake);
}

/* As the encode thread does: numbers that were not used are used again. */
static bool take_unsent(struct rig *r, uint32_t *from, bool *partly)
{
	if (!feedback_take_unsent(&r->feedback, &r->epoch, from, partly))
		return false;
	r->frame_no = *from - 1;
	return true;
}

/* As the encode thread does: a frame only when credit allows. */
static void push_frame(struct rig *r, size_t len, unsigned slices)
{
	uint32_t from;
	bool partly;

	while (credit_used(&r->credit) >= CREDIT_FRAMES)
		wake_wait(&r->encode_wake, NS_NEVER);
	credit_take(&r->credit);
	take_unsent(r, &from, &partly);
	r->frame_no++;
	r->pushed++;
	r->len[r->frame_no % FRAMES_MAX] = len;
	for (unsigned i = 0; i < slices; i++)
		push_au(r, r->frame_no, len * i / slices, len * (i + 1) / slices, i == 0, i + 1 == slices);
}

static void wait_delivered(struct rig *r, unsigned n)
{
	while (atomic_load(&r->delivered) < n && !atomic_load(&r->failed))
		wake_wait(&r->arrived, NS_NEVER);
}

static void wait_credit(struct rig *r)
{
	while (credit_used(&r->credit))
		wake_wait(&r->encode_wake, NS_NEVER);
}

static void stream(bool encrypt, unsigned slices)
{
	static struct rig r;

	rig_init(&r, 1392, encrypt, 2000000);
	rig_start(&r);
	rig_receive(&r);
	for (unsigned i = 0; i < 200; i++)
		push_frame(&r, 1 + i * 977 % 60000, slices);
	wait_delivered(&r, 200);
	wait_credit(&r);
	assert_int_equal(atomic_load(&r.same), 200);
	assert_int_equal(STAT_GET(r.stats.frames_sent), 200);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 0);
	assert_int_equal(STAT_GET(r.stats.packets_sent),
			 STAT_GET(r.stats.shards_data) + STAT_GET(r.stats.shards_parity));
	assert_int_equal(STAT_GET(r.stats.bytes_sent), STAT_GET(r.stats.packets_sent) * r.packet_len);
	assert_int_equal(atomic_load(&r.stats.total.count), 200);
	assert_int_equal(atomic_load(&r.stats.pace.count), 200);
	rig_stop_receiving(&r);
	assert_int_equal(r.client.lost, 0);
	assert_int_equal(r.client.broken, 0);
	assert_int_equal(r.client.bad_tags, 0);
	assert_in_range(r.longest_run, 2, PACER_TRAIN);
	rig_finish(&r);
}

static void frames_arrive_whole_and_in_order(void **state)
{
	(void)state;
	stream(false, 1);
}

static void encrypted_slices_arrive_as_frames(void **state)
{
	(void)state;
	stream(true, 8);
}

static void m14_frame_larger_than_the_whole_pool_is_sent(void **state)
{
	static struct rig r;
	size_t pool = BATCH_COUNT * BATCH_PACKETS_MAX * 1376u, len = 4092 * 1376u - 8;

	(void)state;
	assert_true(len > pool);
	rig_init(&r, 1392, false, 4000000);
	rig_start(&r);
	rig_receive(&r);
	push_frame(&r, 2000, 1);
	push_frame(&r, len, 4);
	push_frame(&r, 2000, 1);
	wait_delivered(&r, 3);
	wait_credit(&r);
	assert_int_equal(atomic_load(&r.same), 3);
	rig_finish(&r);
}

static void m25_frame_beyond_the_format_gives_its_number_to_the_next(void **state)
{
	static struct rig r;

	(void)state;
	rig_init(&r, 128, false, 2000000);
	rig_start(&r);
	rig_receive(&r);
	push_frame(&r, 4093 * 112, 2);
	wait_credit(&r);
	push_frame(&r, 100, 1);
	wait_delivered(&r, 1);
	wait_credit(&r);
	assert_int_equal(r.frame_no, 1);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 1);
	rig_stop_receiving(&r);
	assert_int_equal(r.client.lost, 0);
	rig_finish(&r);
}

static void frame_without_end_is_given_up_when_the_next_begins(void **state)
{
	static struct rig r;
	uint32_t from;
	bool partly;

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	rig_start(&r);
	rig_receive(&r);
	push_frame(&r, 5000, 1);
	credit_take(&r.credit);
	push_au(&r, 2, 0, 100, true, false);
	push_au(&r, 2, 100, 200, false, false);
	r.frame_no = 2;
	push_frame(&r, 5000, 1); /* useless: it refers to the one before */
	wait_credit(&r);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 2);
	assert_true(take_unsent(&r, &from, &partly));
	assert_int_equal(from, 2);
	assert_false(partly);
	push_frame(&r, 5000, 1);
	wait_delivered(&r, 2);
	wait_credit(&r);
	rig_stop_receiving(&r);
	assert_int_equal(r.client.lost, 0);
	rig_finish(&r);
}

static void late_frame_is_dropped_whole_and_what_follows_waits_for_the_encoder(void **state)
{
	static struct rig r;
	unsigned sent;

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	r.params.video.fps_mhz = 60000; /* patience 50 ms */
	rig_start(&r);
	/* Nobody reads: the pair fills up and pushes back until the deadline. */
	for (unsigned i = 0; i < 40 && !STAT_GET(r.stats.frames_dropped); i++)
		push_frame(&r, 1000000, 4);
	wait_credit(&r);
	assert_true(STAT_GET(r.stats.frames_dropped) > 0);
	assert_int_equal(STAT_GET(r.stats.frames_dropped) + STAT_GET(r.stats.frames_sent), r.pushed);
	/* The line is free again: the stream goes on. */
	rig_receive(&r);
	sent = (unsigned)STAT_GET(r.stats.frames_sent);
	do {
		push_frame(&r, 3000, 1);
		wait_credit(&r);
	} while (STAT_GET(r.stats.frames_sent) == sent);
	wait_delivered(&r, sent + 1);
	rig_stop_receiving(&r);
	/* At most the one that was cut off in the middle is missing to the client. */
	assert_in_range(r.client.lost, 0, 1);
	rig_finish(&r);
}

static void dead_socket_is_told_once_and_another_revives_the_stream(void **state)
{
	static struct rig r;
	int pipe_fd[2];

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(video_tx_start(&r.tx, &r.params, pipe_fd[1], &events, &r), 0);
	push_frame(&r, 20000, 1);
	wait_credit(&r);
	assert_int_equal(atomic_load(&r.failed), -ENOTSOCK);
	atomic_store(&r.failed, 0);
	push_frame(&r, 20000, 1);
	wait_credit(&r);
	assert_int_equal(atomic_load(&r.failed), 0);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 2);
	video_tx_set_fd(r.tx, r.pair[0]);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	rig_receive(&r);
	push_frame(&r, 20000, 1);
	wait_delivered(&r, 1);
	wait_credit(&r);
	assert_int_equal(atomic_load(&r.same), 1);
	rig_finish(&r);
}

static void stop_gives_everything_back_at_any_moment(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 30; round++) {
		static struct rig r;

		rig_init(&r, 1392, round % 2, 20000);
		rig_start(&r);
		/* Without a reader, in the middle of pacing, with an unfinished frame behind. */
		push_frame(&r, 1 + round * 20000, 1 + round % 8);
		if (round % 3 == 0) {
			credit_take(&r.credit);
			push_au(&r, 2, 0, 100, true, false);
		}
		if (round % 4 == 1)
			usleep(round * 200);
		rig_finish(&r);
	}
}

/* --- frames in parts --- */

#define PART 20000u /* 14 payloads */

static void wait_packets(struct rig *r, unsigned n)
{
	uint64_t give_up = clock_ns() + 20 * NS_PER_S;

	while (STAT_GET(r->stats.packets_sent) < n) {
		assert_true(clock_ns() < give_up);
		usleep(500);
	}
}

/* The first unit of the next frame. */
static void begin_frame(struct rig *r, size_t expected)
{
	uint32_t from;
	bool partly;

	while (credit_used(&r->credit) >= CREDIT_FRAMES)
		wake_wait(&r->encode_wake, NS_NEVER);
	credit_take(&r->credit);
	take_unsent(r, &from, &partly);
	r->pushed++;
	r->len[++r->frame_no % FRAMES_MAX] = expected;
	push_au(r, r->frame_no, 0, PART, true, false);
}

static void parts_leave_while_the_rest_is_encoded(void **state)
{
	(void)state;
	for (unsigned fixed = 0; fixed < 2; fixed++) {
		static struct rig r;

		rig_init(&r, 1392, fixed, 2000000);
		r.params.fixed_blocks = fixed;
		rig_start(&r);
		rig_receive(&r);
		for (unsigned i = 0; i < 5; i++) {
			unsigned before = (unsigned)STAT_GET(r.stats.packets_sent);

			begin_frame(&r, 3 * PART);
			/* 14 and 3 of parity are out while nothing of the frame is there but this unit. */
			wait_packets(&r, before + 17);
			push_au(&r, r.frame_no, PART, 2 * PART, false, false);
			if (!fixed)
				wait_packets(&r, before + 34);
			assert_int_equal(credit_used(&r.credit), 1);
			push_au(&r, r.frame_no, 2 * PART, 3 * PART, false, true);
			wait_delivered(&r, i + 1);
			wait_credit(&r);
		}
		assert_int_equal(atomic_load(&r.same), 5);
		assert_int_equal(STAT_GET(r.stats.frames_sent), 5);
		assert_int_equal(STAT_GET(r.stats.frames_in_parts), 5);
		rig_stop_receiving(&r);
		assert_int_equal(r.client.broken, 0);
		assert_int_equal(r.client.lost, 0);
		rig_finish(&r);
	}
}

static void a_part_waits_when_the_rest_might_not_fit_behind_it(void **state)
{
	static struct rig r;

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	rig_start(&r);
	rig_receive(&r);
	/* Three blocks of 212 are left after the first one: not enough for what is expected and a third more. */
	begin_frame(&r, 600 * 1376);
	push_au(&r, 1, PART, 2 * PART, false, false);
	usleep(20000);
	assert_int_equal(STAT_GET(r.stats.packets_sent), 0);
	/* It turns out smaller. */
	r.len[1] = 3 * PART;
	push_au(&r, 1, 2 * PART, 3 * PART, false, true);
	wait_delivered(&r, 1);
	wait_credit(&r);
	assert_int_equal(atomic_load(&r.same), 1);
	rig_finish(&r);
}

static void an_encoder_that_fails_in_mid_frame_costs_that_frame_only(void **state)
{
	(void)state;
	for (unsigned early = 0; early < 2; early++) {
		static struct rig r;
		uint32_t from;
		bool partly;

		rig_init(&r, 1392, false, 2000000);
		rig_start(&r);
		rig_receive(&r);
		push_frame(&r, 3000, 1);
		wait_delivered(&r, 1);
		/* With nothing of it sent, and with a block of it sent. */
		begin_frame(&r, early ? 3 * PART : 4000 * 1376);
		if (early)
			wait_packets(&r, 5 + 17);
		push_au(&r, 2, PART, PART, false, true);
		wait_credit(&r);
		/* Its units come back when the encode thread has been told: not before the encoder may begin anew. */
		while (atomic_load(&r.aus_out))
			usleep(500);
		assert_true(take_unsent(&r, &from, &partly));
		assert_int_equal(from, early ? 3 : 2);
		assert_int_equal(partly, early);
		push_frame(&r, 3000, 1);
		wait_delivered(&r, 2);
		wait_credit(&r);
		assert_int_equal(atomic_load(&r.same), 2);
		assert_int_equal(STAT_GET(r.stats.frames_sent), 2);
		assert_int_equal(STAT_GET(r.stats.frames_dropped), 1);
		rig_stop_receiving(&r);
		assert_int_equal(r.client.lost, early);
		assert_int_equal(r.client.broken, 0);
		rig_finish(&r);
	}
}

static void a_frame_in_parts_without_end_is_given_up_when_the_next_begins(void **state)
{
	static struct rig r;
	uint32_t from;
	bool partly;

	(void)state;
	rig_init(&r, 1392, true, 2000000);
	rig_start(&r);
	rig_receive(&r);
	push_frame(&r, 3000, 1);
	begin_frame(&r, 3 * PART);
	wait_packets(&r, 5 + 17);
	push_frame(&r, 3 * PART, 3); /* useless: it refers to the one before */
	wait_credit(&r);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 2);
	assert_true(take_unsent(&r, &from, &partly));
	assert_int_equal(from, 3);
	assert_true(partly);
	push_frame(&r, 3 * PART, 3);
	wait_delivered(&r, 2);
	wait_credit(&r);
	assert_int_equal(atomic_load(&r.same), 2);
	rig_stop_receiving(&r);
	assert_int_equal(r.client.lost, 1);
	rig_finish(&r);
}

static void late_parts_are_dropped_with_their_frame(void **state)
{
	static struct rig r;
	unsigned sent;

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	r.params.video.fps_mhz = 60000; /* patience 50 ms */
	rig_start(&r);
	/* Nobody reads: the pair is full after a few frames. Units come slowly, so that one is dropped between them. */
	for (unsigned i = 0; i < 60 && !STAT_GET(r.stats.frames_dropped); i++) {
		begin_frame(&r, 3 * PART);
		push_au(&r, r.frame_no, PART, 2 * PART, false, false);
		for (unsigned k = 0; k < 100 && !STAT_GET(r.stats.frames_dropped) && i > 3; k++)
			usleep(1000);
		push_au(&r, r.frame_no, 2 * PART, 3 * PART, false, true);
	}
	wait_credit(&r);
	assert_true(STAT_GET(r.stats.frames_dropped) > 0);
	assert_int_equal(STAT_GET(r.stats.frames_dropped) + STAT_GET(r.stats.frames_sent), r.pushed);
	/* The line is free again: the stream goes on. */
	rig_receive(&r);
	sent = (unsigned)STAT_GET(r.stats.frames_sent);
	do {
		push_frame(&r, 3 * PART, 3);
		wait_credit(&r);
	} while (STAT_GET(r.stats.frames_sent) == sent);
	wait_delivered(&r, sent + 1);
	rig_stop_receiving(&r);
	assert_in_range(r.client.lost, 0, 1);
	rig_finish(&r);
}

static void stop_in_the_middle_of_a_frame_in_parts_gives_everything_back(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		static struct rig r;

		rig_init(&r, 1392, round % 2, 20000);
		rig_start(&r);
		begin_frame(&r, 4 * PART);
		if (round % 2)
			push_au(&r, 1, PART, 2 * PART, false, false);
		if (round % 5 == 1)
			push_au(&r, 1, 2 * PART, 2 * PART, false, true);
		if (round % 5 == 2)
			begin_frame(&r, 4 * PART);
		if (round % 3)
			usleep(round * 200);
		rig_finish(&r);
	}
}

static unsigned udp_receive(int fd, struct client *c, size_t packet_len)
{
	uint8_t buf[CLIENT_SHARD_MAX];
	unsigned n = 0;
	ssize_t len;

	while ((len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		assert_int_equal(len, packet_len);
		client_datagram(c, buf, (size_t)len);
		n++;
	}
	return n;
}

static int udp_pair(const char *host, int *rx)
{
	union addr a;
	socklen_t len = sizeof(a);
	int tx;

	assert_int_equal(addr_bind(host, 0, SOCK_DGRAM, rx), 0);
	assert_int_equal(getsockname(*rx, &a.sa, &len), 0);
	tx = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(tx >= 0);
	assert_int_equal(connect(tx, &a.sa, addr_len(&a)), 0);
	return tx;
}

/* Real UDP, small enough frames for any receive buffer; the peer moves halfway. */
static void m4_udp_stream_follows_to_another_socket(void **state)
{
	static struct rig r;
	int rx[2], tx[2];

	(void)state;
	rig_init(&r, 1392, true, 2000000);
	tx[0] = udp_pair("127.0.0.1", &rx[0]);
	tx[1] = udp_pair("::1", &rx[1]);
	assert_int_equal(video_tx_start(&r.tx, &r.params, tx[0], &events, &r), 0);
	for (unsigned half = 0; half < 2; half++) {
		for (unsigned i = 0; i < 50; i++) {
			push_frame(&r, 30000, 1);
			wait_credit(&r);
			assert_true(udp_receive(rx[half], &r.client, r.packet_len) > 0);
		}
		if (half == 0) {
			video_tx_set_fd(r.tx, tx[1]);
			close(tx[0]);
		}
	}
	/* None went to the old one after the move. */
	assert_int_equal(udp_receive(rx[0], &r.client, r.packet_len), 0);
	assert_int_equal(atomic_load(&r.same), 100);
	assert_int_equal(r.client.lost, 0);
	assert_int_equal(r.client.broken, 0);
	rig_finish(&r);
	close(rx[0]);
	close(rx[1]);
	close(tx[1]);
}

/* The receiver goes away: ICMP errors must neither stop nor fail the stream. */
static void refused_port_does_not_end_the_stream(void **state)
{
	static struct rig r;
	int rx, tx;

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	tx = udp_pair("127.0.0.1", &rx);
	close(rx);
	assert_int_equal(video_tx_start(&r.tx, &r.params, tx, &events, &r), 0);
	for (unsigned i = 0; i < 50; i++)
		push_frame(&r, 30000, 1);
	wait_credit(&r);
	assert_int_equal(atomic_load(&r.failed), 0);
	assert_int_equal(STAT_GET(r.stats.frames_sent), 50);
	rig_finish(&r);
	close(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_whole_and_in_order),
		cmocka_unit_test(encrypted_slices_arrive_as_frames),
		cmocka_unit_test(m14_frame_larger_than_the_whole_pool_is_sent),
		cmocka_unit_test(m25_frame_beyond_the_format_gives_its_number_to_the_next),
		cmocka_unit_test(frame_without_end_is_given_up_when_the_next_begins),
		cmocka_unit_test(late_frame_is_dropped_whole_and_what_follows_waits_for_the_encoder),
		cmocka_unit_test(dead_socket_is_told_once_and_another_revives_the_stream),
		cmocka_unit_test(stop_gives_everything_back_at_any_moment),
		cmocka_unit_test(parts_leave_while_the_rest_is_encoded),
		cmocka_unit_test(a_part_waits_when_the_rest_might_not_fit_behind_it),
		cmocka_unit_test(an_encoder_that_fails_in_mid_frame_costs_that_frame_only),
		cmocka_unit_test(a_frame_in_parts_without_end_is_given_up_when_the_next_begins),
		cmocka_unit_test(late_parts_are_dropped_with_their_frame),
		cmocka_unit_test(stop_in_the_middle_of_a_frame_in_parts_gives_everything_back),
		cmocka_unit_test(m4_udp_stream_follows_to_another_socket),
		cmocka_unit_test(refused_port_does_not_end_the_stream),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

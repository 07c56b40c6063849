// SPDX-License-Identifier: GPL-3.0-or-later
#include "video_tx_rig.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/pacer.h"

static const uint8_t key[16] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

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
	size_t len = r->len[f->frame_no % RIG_FRAMES_MAX];
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

void rig_init(struct rig *r, unsigned packet_size, bool encrypt, uint32_t ceiling_kbps)
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

void rig_start_to(struct rig *r, int fd)
{
	static const struct video_tx_events events = {.failed = on_failed};

	assert_int_equal(video_tx_start(&r->tx, &r->params, fd, &events, r), 0);
}

void rig_start(struct rig *r)
{
	rig_start_to(r, r->pair[0]);
}

void rig_receive(struct rig *r)
{
	assert_int_equal(thread_start(&r->receiver, "receiver", receive, r), 0);
}

void rig_begin(struct rig *r, unsigned packet_size, bool encrypt, uint32_t ceiling_kbps)
{
	rig_init(r, packet_size, encrypt, ceiling_kbps);
	rig_start(r);
	rig_receive(r);
}

void rig_stop_receiving(struct rig *r)
{
	thread_stop(&r->receiver);
	thread_join(&r->receiver);
}

void rig_finish(struct rig *r)
{
	video_tx_stop(r->tx);
	rig_stop_receiving(r);
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

void rig_finish_lost(struct rig *r, unsigned lost)
{
	rig_stop_receiving(r);
	assert_int_equal(r->client.lost, lost);
	assert_int_equal(r->client.broken, 0);
	assert_int_equal(r->client.bad_tags, 0);
	rig_finish(r);
}

void rig_push_unit(struct rig *r, uint32_t frame_no, size_t from, size_t to, bool first, bool last)
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
	t->au.expected = last ? 0 : r->len[frame_no % RIG_FRAMES_MAX];
	atomic_fetch_add(&r->aus_out, 1);
	assert_true(ring_push(&r->link.ring, &t->au));
	wake_poke(&r->tx_wake);
}

static bool take_unsent(struct rig *r, uint32_t *from, bool *partly)
{
	if (!feedback_take_unsent(&r->feedback, &r->epoch, from, partly))
		return false;
	r->frame_no = *from - 1;
	r->partly += *partly;
	return true;
}

void rig_expect_unsent(struct rig *r, uint32_t from, bool partly)
{
	uint32_t told;
	bool told_partly;

	assert_true(take_unsent(r, &told, &told_partly));
	assert_int_equal(told, from);
	assert_int_equal(told_partly, partly);
}

void rig_next_frame(struct rig *r, size_t len)
{
	uint32_t from;
	bool partly;

	while (credit_used(&r->credit) >= CREDIT_FRAMES)
		wake_wait(&r->encode_wake, NS_NEVER);
	credit_take(&r->credit);
	take_unsent(r, &from, &partly);
	r->pushed++;
	r->len[++r->frame_no % RIG_FRAMES_MAX] = len;
}

void rig_push_frame(struct rig *r, size_t len, unsigned units)
{
	rig_next_frame(r, len);
	for (unsigned i = 0; i < units; i++)
		rig_push_unit(r, r->frame_no, len * i / units, len * (i + 1) / units, i == 0, i + 1 == units);
}

void rig_wait_delivered(struct rig *r, unsigned n)
{
	while (atomic_load(&r->delivered) < n && !atomic_load(&r->failed))
		wake_wait(&r->arrived, NS_NEVER);
}

void rig_wait_credit(struct rig *r)
{
	while (credit_used(&r->credit))
		wake_wait(&r->encode_wake, NS_NEVER);
}

void rig_settle(struct rig *r, unsigned delivered)
{
	rig_wait_delivered(r, delivered);
	rig_wait_credit(r);
}

void rig_recovers(struct rig *r, size_t len, unsigned units)
{
	unsigned sent;

	rig_wait_credit(r);
	assert_true(STAT_GET(r->stats.frames_dropped) > 0);
	assert_int_equal(STAT_GET(r->stats.frames_dropped) + STAT_GET(r->stats.frames_sent), r->pushed);
	rig_receive(r);
	sent = (unsigned)STAT_GET(r->stats.frames_sent);
	do {
		rig_push_frame(r, len, units);
		rig_wait_credit(r);
	} while (STAT_GET(r->stats.frames_sent) == sent);
	rig_wait_delivered(r, sent + 1);
	rig_stop_receiving(r);
	/* A slow machine gives up more than one, and of each something may have left. */
	assert_in_range(r->client.lost, 0, r->partly);
	rig_finish(r);
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "chain.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "moving.h"

static void frame_back(struct frame *f, int fence_fd)
{
	(void)fence_fd;
	/* Pictures are constant here: nothing to reuse, but the worker may hold it again. */
	atomic_store(&f->refs, 1);
}

void source_init(struct source *s, uint16_t width, uint16_t height, unsigned n)
{
	size_t size = (size_t)width * height * 4;

	*s = (struct source){.width = width, .height = height, .n = n};
	for (unsigned i = 0; i < n; i++) {
		s->pixels[i] = malloc(size);
		if (!s->pixels[i])
			abort();
		moving_draw_bgrx(s->pixels[i], width * 4u, width, height, i);
	}
	for (unsigned i = 0; i < SOURCE_BUFFERS; i++) {
		s->fresh[i] = (struct frame){
			.release = frame_back,
			.width = width,
			.height = height,
			.fourcc = FOURCC_XRGB8888,
			.n_planes = 1,
			.plane[0] = {.fd = -1, .stride = width * 4u},
			.map[0] = malloc(size),
			.acquire_fence = -1,
		};
		if (!s->fresh[i].map[0])
			abort();
		atomic_init(&s->fresh[i].refs, 1);
	}
}

void source_finish(struct source *s)
{
	for (unsigned i = 0; i < s->n; i++)
		free(s->pixels[i]);
	for (unsigned i = 0; i < SOURCE_BUFFERS; i++)
		free((void *)(uintptr_t)s->fresh[i].map[0]);
}

unsigned source_picture(const struct source *s, unsigned i)
{
	unsigned k = i % (2 * s->n - 2);

	return k < s->n ? k : 2 * s->n - 2 - k;
}

struct frame *source_draw(struct source *s, unsigned i)
{
	struct frame *f = &s->fresh[i % SOURCE_BUFFERS];

	memcpy((void *)(uintptr_t)f->map[0], s->pixels[source_picture(s, i)], (size_t)f->plane[0].stride * f->height);
	return f;
}

static void on_failed(void *ctx, int err)
{
	(void)ctx;
	fprintf(stderr, "a stage failed: %d\n", err);
	abort();
}

static void loopback(struct chain *c)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int on = 1, room = 8 << 20;

	c->sink = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	c->out = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->sink < 0 || c->out < 0 || setsockopt(c->sink, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    bind(c->sink, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    getsockname(c->sink, (struct sockaddr *)&at, &len) < 0 ||
	    connect(c->out, (struct sockaddr *)&at, len) < 0) {
		perror("loopback");
		exit(1);
	}
	if (setsockopt(c->sink, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(c->sink, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

void chain_start(struct chain *c, const struct video_params *video, const char *preset, unsigned slices,
		 enum early_mode early)
{
	static const struct encode_worker_events events = {.failed = on_failed};
	static const struct video_tx_events tx_events = {.failed = on_failed};
	struct encode_worker_params p = {
		.video = *video,
		.min_slices = (uint8_t)slices,
		.min_fps_mhz = 1000,
		.early = early,
		.wake = &c->encode_wake,
		.frames = &c->frames,
		.out = &c->aus,
		.credit = &c->credit,
		.feedback = &c->feedback,
		.stats = &c->stats,
	};
	const struct video_tx_params tp = {
		.video = *video,
		.fixed_blocks = early == EARLY_FIXED,
		.tune = &c->tune,
		.tx_wake = &c->tx_wake,
		.in = &c->aus,
		.credit = &c->credit,
		.feedback = &c->feedback,
		.stats = &c->stats,
	};

	memset(c, 0, sizeof(*c));
	loopback(c);
	if (wake_init(&c->encode_wake) < 0 || wake_init(&c->tx_wake) < 0 ||
	    ring_init(&c->aus.ring, AU_RING_CAPACITY) < 0)
		abort();
	c->frames.wake = c->credit.wake = &c->encode_wake;
	c->aus.wake = &c->tx_wake;
	feedback_init(&c->feedback);
	tune_set_all(&c->tune, video->configured_kbps * 3 / 2, video->fec_percent);
	if (encoder_choose(&p.choice, "x264", video, preset, (uint8_t)slices) < 0 ||
	    encode_worker_start(&c->worker, &p, &events, NULL) < 0 ||
	    video_tx_start(&c->tx, &tp, c->out, &tx_events, NULL) < 0)
		abort();
	encode_worker_begin(c->worker);
}

void chain_stop(struct chain *c)
{
	video_tx_stop(c->tx);
	encode_worker_stop(c->worker);
	ring_finish(&c->aus.ring);
	wake_finish(&c->encode_wake);
	wake_finish(&c->tx_wake);
	close(c->sink);
	close(c->out);
}

static uint64_t ns_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_nsec;
}

uint64_t chain_give(struct chain *c, struct frame *f)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	f->t.captured = clock_ns();
	latest_put(&c->frames.slot, f);
	wake_poke(&c->encode_wake);
	return ns_of(&now);
}

uint64_t chain_rest_until(const struct chain *c, uint64_t want)
{
	uint64_t sent, late = clock_ns() + CHAIN_LATE_NS;

	while ((sent = STAT_GET(c->stats.frames_sent)) < want && clock_ns() < late)
		clock_sleep_until(clock_ns() + NS_PER_MS);
	return sent;
}

ssize_t chain_take(const struct chain *c, uint8_t *data, size_t size, uint64_t *at_ns)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = {data, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->sink, &m, 0);
	struct cmsghdr *stamp = n < 0 ? NULL : CMSG_FIRSTHDR(&m);

	*at_ns = 0;
	if (stamp && stamp->cmsg_type == SCM_TIMESTAMPNS) {
		struct timespec t;

		memcpy(&t, CMSG_DATA(stamp), sizeof(t));
		*at_ns = ns_of(&t);
	}
	return n;
}

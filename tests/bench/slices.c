// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What sending a frame in parts gains. Two whole chains, encode thread and video-tx thread, see the same pictures at the
 * same rate and differ in one thing: A packs frames when they are encoded, with as many sliced threads as there are
 * cores, B may send them in parts. They take turns frame by frame, so a noisy neighbour hits both, and each turn lasts
 * until the frame is out and the library's threads rest. Times are the kernel's at the receiving socket. Each pair of
 * turns gives its difference; stdout has medians of the pairs as JSON, for frames of at least 100 data shards and others.
 * Usage: slices [frames]
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "encode/worker.h"
#include "media/frame.h"
#include "moving.h"
#include "net/video_tx.h"

#define PICTURES   12 /* distinct ones, played forth and back */
#define BUFFERS    3  /* of a source */
#define WARM       40 /* frames until rate and sizes have settled */
#define FRAMES_MAX 2000u
#define TAIL_NS    (5 * NS_PER_MS) /* in which the library's threads come to rest */
#define LATE_NS    (2 * NS_PER_S)  /* a frame that is not out by then never will be */
#define LARGE      100u            /* data shards */

struct setup {
	const char *name;
	struct video_params video;
	unsigned cores;
	uint8_t *pixels[PICTURES];
	struct frame fresh[BUFFERS];
};

/* Of one frame, ms since it was captured. */
struct turn {
	double first, last, encoded;
	unsigned data, packets, blocks;
};

struct chain {
	struct wake encode_wake, tx_wake;
	struct frame_link frames;
	struct au_link aus;
	struct credit credit;
	struct feedback feedback;
	struct stream_stats stats;
	struct tune tune;
	struct encode_worker *worker;
	struct video_tx *tx;
	int sink, out;
};

static void frame_back(struct frame *f, int fence_fd)
{
	(void)fence_fd;
	atomic_store(&f->refs, 1);
}

static void setup_init(struct setup *s, const char *name, uint16_t w, uint16_t h, uint32_t fps, uint32_t kbps)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	*s = (struct setup){
		.name = name,
		.video = {.codec = CODEC_H264,
			  .width = w,
			  .height = h,
			  .fps_mhz = fps * 1000,
			  .depth = 8,
			  .space = COLOUR_BT709,
			  .slices = 1,
			  .configured_kbps = kbps,
			  .encoder_kbps = kbps * 4 / 5,
			  .packet_size = 1392,
			  .fec_percent = 20,
			  .fec_min = 2},
		.cores = cores < 1   ? 1
			 : cores > 8 ? 8
				     : (unsigned)cores,
	};
	for (unsigned i = 0; i < PICTURES; i++) {
		s->pixels[i] = malloc((size_t)w * h * 4);
		if (!s->pixels[i])
			abort();
		moving_draw_bgrx(s->pixels[i], w * 4u, w, h, i);
	}
	for (unsigned i = 0; i < BUFFERS; i++) {
		s->fresh[i] = (struct frame){
			.release = frame_back,
			.width = w,
			.height = h,
			.fourcc = FOURCC_XRGB8888,
			.n_planes = 1,
			.plane[0] = {.fd = -1, .stride = w * 4u},
			.map[0] = malloc((size_t)w * h * 4),
			.acquire_fence = -1,
		};
		if (!s->fresh[i].map[0])
			abort();
		atomic_init(&s->fresh[i].refs, 1);
	}
}

static void setup_finish(struct setup *s)
{
	for (unsigned i = 0; i < PICTURES; i++)
		free(s->pixels[i]);
	for (unsigned i = 0; i < BUFFERS; i++)
		free((void *)(uintptr_t)s->fresh[i].map[0]);
}

/* The n-th picture of the stream, into the next buffer of the source. */
static struct frame *draw(struct setup *s, unsigned n)
{
	struct frame *f = &s->fresh[n % BUFFERS];
	unsigned k = n % (2 * PICTURES - 2);

	k = k < PICTURES ? k : 2 * PICTURES - 2 - k;
	memcpy((void *)(uintptr_t)f->map[0], s->pixels[k], (size_t)f->plane[0].stride * f->height);
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

static void chain_start(struct chain *c, const struct setup *s, enum early_mode early)
{
	static const struct encode_worker_events events = {.failed = on_failed};
	static const struct video_tx_events tx_events = {.failed = on_failed};
	const struct encode_worker_params p = {
		.video = s->video,
		.backend = "x264",
		.preset = "superfast",
		.min_slices = (uint8_t)s->cores,
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
		.video = s->video,
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
	tune_set_all(&c->tune, s->video.configured_kbps * 3 / 2, s->video.fec_percent);
	if (encode_worker_start(&c->worker, &p, &events, NULL) < 0 ||
	    video_tx_start(&c->tx, &tp, c->out, &tx_events, NULL) < 0)
		abort();
	encode_worker_begin(c->worker);
}

static void chain_stop(struct chain *c)
{
	video_tx_stop(c->tx);
	encode_worker_stop(c->worker);
	ring_finish(&c->aus.ring);
	wake_finish(&c->encode_wake);
	wake_finish(&c->tx_wake);
	close(c->sink);
	close(c->out);
}

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Takes what has arrived; start: when the frame was captured, CLOCK_REALTIME. */
static void drain(const struct chain *c, struct turn *t, uint64_t start)
{
	for (;;) {
		uint8_t data[2048], control[CMSG_SPACE(sizeof(struct timespec))];
		struct iovec iov = {data, sizeof(data)};
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
		struct timespec at;
		double ms;

		if (recvmsg(c->sink, &m, 0) < 32)
			return;
		if (!CMSG_FIRSTHDR(&m) || !t)
			continue;
		memcpy(&at, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(at));
		ms = (double)((int64_t)at.tv_sec * (int64_t)NS_PER_S + at.tv_nsec - (int64_t)start) / 1e6;
		if (!t->packets++)
			t->first = ms;
		t->last = ms;
		if (((unsigned)data[29] >> 4 | (unsigned)(data[30] & 0x3f) << 4) == 0) { /* shard 0 of its block */
			t->blocks++;
			t->data += (unsigned)data[30] >> 6 | (unsigned)data[31] << 2;
		}
	}
}

static void rest_until(const struct chain *c, uint64_t want)
{
	uint64_t late = clock_ns() + LATE_NS;

	while (STAT_GET(c->stats.frames_sent) < want && clock_ns() < late)
		clock_sleep_until(clock_ns() + NS_PER_MS);
}

/* False: a repeated picture came between, the turn says nothing. */
static bool one_frame(struct chain *c, struct frame *f, struct turn *t)
{
	uint64_t repeats = STAT_GET(c->stats.frames_repeated), sent = STAT_GET(c->stats.frames_sent);
	uint64_t encode_ns = STAT_GET(c->stats.encode.sum_ns), start;

	drain(c, NULL, 0);
	*t = (struct turn){0};
	f->t.captured = clock_ns();
	start = real_ns();
	latest_put(&c->frames.slot, f);
	wake_poke(&c->encode_wake);
	rest_until(c, sent + 1);
	drain(c, t, start);
	t->encoded = (double)(STAT_GET(c->stats.encode.sum_ns) - encode_ns) / 1e6;
	clock_sleep_until(clock_ns() + TAIL_NS);
	return STAT_GET(c->stats.frames_repeated) == repeats && t->data;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), compare);
	return n ? v[n / 2] : 0;
}

static void report(const char *name, const struct turn (*t)[2], unsigned n, bool large)
{
	static double v[10][FRAMES_MAX];
	unsigned k = 0, blocks = 0, data[2] = {0}, packets[2] = {0};

	for (unsigned i = 0; i < n; i++) {
		const struct turn *a = &t[i][0], *b = &t[i][1];

		/* Of both, or the pair compares a large with a small one. */
		if ((a->data >= LARGE) != large || (b->data >= LARGE) != large)
			continue;
		v[0][k] = a->last;
		v[1][k] = b->last;
		v[2][k] = 1 - b->last / a->last;
		v[3][k] = a->first;
		v[4][k] = b->first;
		v[5][k] = (a->first - b->first) / a->encoded;
		v[6][k] = a->encoded;
		v[7][k] = b->encoded;
		blocks += b->blocks;
		data[0] += a->data;
		data[1] += b->data;
		packets[0] += a->packets;
		packets[1] += b->packets;
		k++;
	}
	printf("    \"%s\": {\"frames\": %u", name, k);
	if (k) {
		double last_a = median(v[0], k), last_b = median(v[1], k);

		printf(", \"shards\": [%.1f, %.1f], \"packets\": [%.1f, %.1f], \"blocks\": %.2f, "
		       "\"encode_ms\": [%.2f, %.2f], \"first_packet_ms\": [%.2f, %.2f], "
		       "\"last_packet_ms\": [%.2f, %.2f], \"last_better_p50\": %.3f, \"last_better_of_pairs\": %.3f, "
		       "\"first_earlier_of_encode\": %.3f",
		       (double)data[0] / k, (double)data[1] / k, (double)packets[0] / k, (double)packets[1] / k,
		       (double)blocks / k, median(v[6], k), median(v[7], k), median(v[3], k), median(v[4], k), last_a,
		       last_b, 1 - last_b / last_a, median(v[2], k), median(v[5], k));
	}
	printf("}");
}

static void measure(struct setup *s, enum early_mode mode, unsigned frames, bool last)
{
	static struct chain chain[2];
	static struct turn turn[FRAMES_MAX][2];
	uint64_t at, period = 2 * 1000 * NS_PER_S / s->video.fps_mhz + 4 * TAIL_NS;
	unsigned n = 0;

	chain_start(&chain[0], s, EARLY_OFF);
	chain_start(&chain[1], s, mode);
	clock_sleep_until(clock_ns() + 200 * NS_PER_MS); /* the black start is out */
	at = clock_ns();
	for (unsigned i = 0; i < WARM + frames; i++) {
		struct frame *f = draw(s, i);
		bool good = true;

		if (at < clock_ns())
			at = clock_ns();
		clock_sleep_until(at += period / 2);
		/* Who comes second finds the picture in the caches: the order alternates. */
		for (unsigned k = 0; k < 2; k++) {
			unsigned who = (i + k) % 2;

			good &= one_frame(&chain[who], f, &turn[n][who]);
		}
		n += i >= WARM && good;
	}
	for (unsigned k = 0; k < 2; k++)
		chain_stop(&chain[k]);
	printf("  \"%s %s\": {\n", s->name, mode == EARLY_FIXED ? "fixed" : "auto");
	report("large", turn, n, true);
	printf(",\n");
	report("others", turn, n, false);
	printf("\n  }%s\n", last ? "" : ",");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct setup full_hd, wide;
	unsigned frames = argc > 1 ? (unsigned)atoi(argv[1]) : 240;

	if (!frames || frames > FRAMES_MAX)
		return 1;
	log_set_level(LOG_LEVEL_WARN);
	setup_init(&full_hd, "1080p60_20000", 1920, 1080, 60, 20000);
	setup_init(&wide, "1440p30_60000", 2560, 1440, 30, 60000);
	printf("{\n");
	measure(&full_hd, EARLY_AUTO, frames, false);
	measure(&wide, EARLY_AUTO, frames, false);
	measure(&full_hd, EARLY_FIXED, frames, false);
	measure(&wide, EARLY_FIXED, frames, true);
	printf("}\n");
	setup_finish(&full_hd);
	setup_finish(&wide);
	return 0;
}

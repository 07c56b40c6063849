// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the encode thread costs above the bare library. Two encoders with the same parameters see the same pictures at
 * the same pace: A is libx264 alone on converted pictures, B our worker with conversion from BGRx. They take turns
 * frame by frame, so a noisy neighbour hits both; CPU time is of the whole process, so that the library's slice
 * threads count. Each round gives the median of its frames, stdout the median of the rounds as JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x264.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "encode/convert.h"
#include "encode/rate.h"
#include "encode/worker.h"
#include "encode/x264.h"
#include "media/au.h"
#include "media/frame.h"
#include "moving.h"

#define PICTURES 16 /* distinct ones, played forth and back */
#define WARM     30 /* frames before the clock starts */
#define ROUNDS   5
#define FRAMES   120 /* measured, each round */

struct setup {
	const char *name;
	struct enc_params enc;
	struct frame frame[PICTURES];
	struct picture picture[PICTURES];
	uint64_t interval_ns;
	double limit_ms;
};

/* Per measured frame, ms; latency of A is the library call, of B from captured to encoded. */
struct series {
	double cpu[FRAMES], latency[FRAMES];
	size_t bytes;
};

static double process_cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static unsigned picture_of(unsigned n)
{
	unsigned k = n % (2 * PICTURES - 2);

	return k < PICTURES ? k : 2 * PICTURES - 2 - k;
}

static void frame_back(struct frame *f, int fence_fd)
{
	(void)fence_fd;
	/* Pictures are constant here: nothing to reuse, but the worker may hold it again. */
	atomic_store(&f->refs, 1);
}

static void setup_init(struct setup *s, const char *name, uint16_t w, uint16_t h, uint32_t kbps, double limit_ms)
{
	struct convert c;

	*s = (struct setup){
		.name = name,
		.enc = {.video = {.codec = CODEC_H264,
				  .width = w,
				  .height = h,
				  .fps_mhz = 60000,
				  .depth = 8,
				  .space = COLOUR_BT709,
				  .slices = 2,
				  .encoder_kbps = kbps,
				  .packet_size = 1392},
			.slices = 2,
			.dpb = 1,
			.preset = "superfast"},
		.interval_ns = NS_PER_S / 60,
		.limit_ms = limit_ms,
	};
	if (convert_init(&c, FOURCC_XRGB8888, COLOUR_BT709, false) < 0)
		abort();
	for (unsigned i = 0; i < PICTURES; i++) {
		uint8_t *pixels = malloc((size_t)w * h * 4);

		if (!pixels || picture_init(&s->picture[i], w, h, COLOUR_BT709, false) < 0)
			abort();
		moving_draw_bgrx(pixels, w * 4u, w, h, i);
		convert_run(&c, pixels, w * 4u, &s->picture[i], 0, 0, w, h);
		s->frame[i] = (struct frame){
			.release = frame_back,
			.width = w,
			.height = h,
			.fourcc = FOURCC_XRGB8888,
			.n_planes = 1,
			.plane[0] = {.fd = -1, .stride = w * 4u},
			.map[0] = pixels,
			.acquire_fence = -1,
		};
		atomic_init(&s->frame[i].refs, 1);
	}
}

static void setup_finish(struct setup *s)
{
	for (unsigned i = 0; i < PICTURES; i++) {
		free((void *)(uintptr_t)s->frame[i].map[0]);
		picture_finish(&s->picture[i]);
	}
}

struct bare {
	x264_t *lib;
	x264_param_t param;
	struct rate rate;
};

static void bare_start(struct bare *x, const struct setup *s)
{
	struct enc_params p = s->enc;

	rate_init(&x->rate, p.video.encoder_kbps, p.video.fps_mhz);
	p.kbps = rate_ask(&x->rate);
	if (x264_backend_params(&x->param, &p) < 0)
		abort();
	x->param.i_log_level = X264_LOG_NONE;
	x->lib = x264_encoder_open(&x->param);
	if (!x->lib)
		abort();
}

static size_t bare_frame(struct bare *x, const struct picture *src, unsigned i)
{
	x264_picture_t in, out;
	x264_nal_t *nals;
	int n_nals, size;

	x264_picture_init(&in);
	in.img = (x264_image_t){X264_CSP_NV12, 2, {(int)src->stride, (int)src->stride}, {src->luma, src->chroma}};
	in.i_pts = i;
	size = x264_encoder_encode(x->lib, &nals, &n_nals, &in, &out);
	if (size <= 0)
		abort();
	if (rate_frame(&x->rate, (size_t)size)) {
		x->param.rc.i_bitrate = x->param.rc.i_vbv_max_bitrate = (int)rate_ask(&x->rate);
		x->param.rc.i_vbv_buffer_size = (int)(rate_ask(&x->rate) / 60);
		x264_encoder_reconfig(x->lib, &x->param);
	}
	return (size_t)size;
}

static void on_failed(void *ctx, int err)
{
	(void)ctx;
	fprintf(stderr, "worker failed: %d\n", err);
	abort();
}

struct ours {
	struct wake encode_wake, pack_wake;
	struct frame_link frames;
	struct au_link out;
	struct credit credit;
	struct feedback feedback;
	struct stream_stats stats;
	struct encode_worker *worker;
};

static void ours_start(struct ours *o, const struct setup *s)
{
	static const struct encode_worker_events events = {.failed = on_failed};
	struct encode_worker_params p = {
		.video = s->enc.video,
		.backend = "x264",
		.preset = s->enc.preset,
		.min_slices = s->enc.slices,
		.min_fps_mhz = 1000,
		.wake = &o->encode_wake,
		.frames = &o->frames,
		.out = &o->out,
		.credit = &o->credit,
		.feedback = &o->feedback,
		.stats = &o->stats,
	};

	memset(o, 0, sizeof(*o));
	if (wake_init(&o->encode_wake) < 0 || wake_init(&o->pack_wake) < 0 ||
	    ring_init(&o->out.ring, AU_RING_CAPACITY) < 0)
		abort();
	o->frames.wake = o->credit.wake = &o->encode_wake;
	o->out.wake = &o->pack_wake;
	feedback_init(&o->feedback);
	if (encode_worker_start(&o->worker, &p, &events, NULL) < 0)
		abort();
	encode_worker_begin(o->worker);
}

static void ours_stop(struct ours *o)
{
	encode_worker_stop(o->worker);
	ring_finish(&o->out.ring);
	wake_finish(&o->encode_wake);
	wake_finish(&o->pack_wake);
}

/* Returns the bytes; latency in *ms. */
static size_t ours_frame(struct ours *o, struct frame *f, double *ms)
{
	struct au *a;
	size_t len;

	f->t.captured = clock_ns();
	latest_put(&o->frames.slot, f);
	wake_poke(&o->encode_wake);
	/* The black start, or a repeat when this machine stood still for a second, is not the answer. */
	while (!(a = ring_pop(&o->out.ring)) || a->repeat) {
		if (a) {
			au_release(a);
			credit_give(&o->credit);
			continue;
		}
		wake_wait(&o->pack_wake, NS_NEVER);
	}
	len = a->len;
	*ms = (double)(a->t.encoded - f->t.captured) / 1e6;
	au_release(a);
	credit_give(&o->credit);
	/* The worker's bookkeeping after the hand-over is its cost too. */
	clock_sleep_until(clock_ns() + NS_PER_MS / 2);
	return len;
}

static void run(struct setup *s, struct series *a, struct series *b)
{
	static struct bare bare;
	static struct ours ours;
	uint64_t at;

	a->bytes = b->bytes = 0;
	bare_start(&bare, s);
	ours_start(&ours, s);
	at = clock_ns();
	for (unsigned i = 0; i < WARM + FRAMES; i++) {
		unsigned k = picture_of(i), m = i < WARM ? 0 : i - WARM;
		size_t bare_len = 0, len = 0;

		/* At half the frame rate: two encoders share the time of one. Who comes second pays for the caches of
		 * the first, whichever that is, so the order alternates. */
		clock_sleep_until(at += 2 * s->interval_ns);
		for (unsigned turn = 0; turn < 2; turn++) {
			bool bare_turn = (i + turn) % 2 == 0;
			uint64_t t0 = clock_ns();
			double cpu = process_cpu_ms();

			if (bare_turn) {
				bare_len = bare_frame(&bare, &s->picture[k], i);
				a->latency[m] = (double)(clock_ns() - t0) / 1e6;
				a->cpu[m] = process_cpu_ms() - cpu;
			} else {
				len = ours_frame(&ours, &s->frame[k], &b->latency[m]);
				b->cpu[m] = process_cpu_ms() - cpu;
			}
		}
		if (i >= WARM) {
			a->bytes += bare_len;
			b->bytes += len;
		}
	}
	ours_stop(&ours);
	x264_encoder_close(bare.lib);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double percentile(double *v, unsigned n, unsigned percent)
{
	qsort(v, n, sizeof(*v), compare);
	return v[(n - 1) * percent / 100];
}

static bool measure(struct setup *s, bool last)
{
	static struct series a, b;
	double cpu_a[ROUNDS], cpu_b[ROUNDS], more[ROUNDS], later[ROUNDS], tail[ROUNDS], rate[ROUNDS];
	double over;

	for (unsigned i = 0; i < ROUNDS; i++) {
		double diff[FRAMES / 2];

		run(s, &a, &b);
		/* Pairs of frames, so that each difference has seen both orders. */
		for (unsigned k = 0; k < FRAMES / 2; k++)
			diff[k] = (b.cpu[2 * k] + b.cpu[2 * k + 1] - a.cpu[2 * k] - a.cpu[2 * k + 1]) / 2;
		more[i] = percentile(diff, FRAMES / 2, 50);
		cpu_a[i] = percentile(a.cpu, FRAMES, 50);
		cpu_b[i] = percentile(b.cpu, FRAMES, 50);
		later[i] = percentile(b.latency, FRAMES, 50) - percentile(a.latency, FRAMES, 50);
		tail[i] = percentile(b.latency, FRAMES, 99) / percentile(a.latency, FRAMES, 99);
		rate[i] = (double)b.bytes / (double)a.bytes;
	}
	over = percentile(more, ROUNDS, 50);
	printf("  \"%s\": {\"bare_cpu_ms\": %.2f, \"worker_cpu_ms\": %.2f, \"more_cpu_ms\": %.2f, \"limit_ms\": %.1f, "
	       "\"more_latency_p50_ms\": %.2f, \"p99_ratio\": %.2f, \"bytes_ratio\": %.3f}%s\n",
	       s->name, percentile(cpu_a, ROUNDS, 50), percentile(cpu_b, ROUNDS, 50), over, s->limit_ms,
	       percentile(later, ROUNDS, 50), percentile(tail, ROUNDS, 50), percentile(rate, ROUNDS, 50),
	       last ? "" : ",");
	return over <= s->limit_ms;
}

int main(void)
{
	static struct setup hd, full_hd;
	bool ok;

	log_set_level(LOG_LEVEL_WARN);
	setup_init(&hd, "720p60_10000", 1280, 720, 10000, 0.7);
	setup_init(&full_hd, "1080p60_20000", 1920, 1080, 20000, 1.3);
	printf("{\n");
	ok = measure(&hd, false);
	ok = measure(&full_hd, true) && ok;
	printf("}\n");
	setup_finish(&hd);
	setup_finish(&full_hd);
	return ok ? 0 : 1;
}

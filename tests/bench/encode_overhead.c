// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the encode thread costs above the bare library: A runs libx264 alone on converted pictures, B runs our worker
 * with conversion from BGRx on the same pictures, same parameters, same pace, in turn, in one process. CPU time is of
 * the whole process, so that the library's slice threads count. Medians of the rounds go to stdout as JSON.
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

struct result {
	double cpu_ms, kbps;
	double latency_ms[FRAMES]; /* A: encode call; B: captured to encoded */
	unsigned n;
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

static void run_bare(const struct setup *s, struct result *r)
{
	struct enc_params p = s->enc;
	x264_param_t param;
	struct rate rate;
	x264_nal_t *nals;
	int n_nals;
	x264_t *x;
	double cpu = 0;
	size_t bytes = 0;
	uint64_t at;

	rate_init(&rate, p.video.encoder_kbps, p.video.fps_mhz);
	p.kbps = rate_ask(&rate);
	if (x264_backend_params(&param, &p) < 0)
		abort();
	param.i_log_level = X264_LOG_NONE;
	x = x264_encoder_open(&param);
	at = clock_ns();
	for (unsigned i = 0; i < WARM + FRAMES; i++) {
		const struct picture *src = &s->picture[picture_of(i)];
		x264_picture_t in, out;
		uint64_t t0;
		int size;

		clock_sleep_until(at += s->interval_ns);
		if (i == WARM)
			cpu = process_cpu_ms();
		t0 = clock_ns();
		x264_picture_init(&in);
		in.img = (x264_image_t){
			X264_CSP_NV12, 2, {(int)src->stride, (int)src->stride}, {src->luma, src->chroma}};
		in.i_pts = i;
		size = x264_encoder_encode(x, &nals, &n_nals, &in, &out);
		if (size <= 0)
			abort();
		if (rate_frame(&rate, (size_t)size)) {
			param.rc.i_bitrate = param.rc.i_vbv_max_bitrate = (int)rate_ask(&rate);
			param.rc.i_vbv_buffer_size = (int)(rate_ask(&rate) / 60);
			x264_encoder_reconfig(x, &param);
		}
		if (i >= WARM) {
			bytes += (size_t)size;
			r->latency_ms[r->n++] = (double)(clock_ns() - t0) / 1e6;
		}
	}
	r->cpu_ms = (process_cpu_ms() - cpu) / FRAMES;
	r->kbps = (double)bytes * 8 / 1000 * 60 / FRAMES;
	x264_encoder_close(x);
}

static void on_failed(void *ctx, int err)
{
	(void)ctx;
	fprintf(stderr, "worker failed: %d\n", err);
	abort();
}

static void run_worker(struct setup *s, struct result *r)
{
	static struct stream_stats stats;
	static const struct encode_worker_events events = {.failed = on_failed};
	struct wake encode_wake = {.fd = -1}, tx_wake = {.fd = -1};
	struct frame_link frames = {.wake = &encode_wake};
	struct au_link out = {.wake = &tx_wake};
	struct credit credit = {.wake = &encode_wake};
	struct feedback feedback;
	struct encode_worker_params p = {
		.video = s->enc.video,
		.backend = "x264",
		.preset = s->enc.preset,
		.min_slices = s->enc.slices,
		.min_fps_mhz = 10000,
		.wake = &encode_wake,
		.frames = &frames,
		.out = &out,
		.credit = &credit,
		.feedback = &feedback,
		.stats = &stats,
	};
	struct encode_worker *w;
	double cpu = 0;
	size_t bytes = 0;
	uint64_t at;

	if (wake_init(&encode_wake) < 0 || wake_init(&tx_wake) < 0 || ring_init(&out.ring, AU_RING_CAPACITY) < 0)
		abort();
	feedback_init(&feedback);
	if (encode_worker_start(&w, &p, &events, NULL) < 0)
		abort();
	at = clock_ns();
	encode_worker_begin(w);
	for (unsigned i = 0; i < WARM + FRAMES; i++) {
		struct frame *f = &s->frame[picture_of(i)];
		struct au *a;

		clock_sleep_until(at += s->interval_ns);
		if (i == WARM)
			cpu = process_cpu_ms();
		f->t.captured = clock_ns();
		latest_put(&frames.slot, f);
		wake_poke(&encode_wake);
		while (!(a = ring_pop(&out.ring)))
			wake_wait(&tx_wake, NS_NEVER);
		if (i >= WARM) {
			bytes += a->len;
			r->latency_ms[r->n++] = (double)(a->t.encoded - f->t.captured) / 1e6;
		}
		au_release(a);
		credit_give(&credit);
	}
	r->cpu_ms = (process_cpu_ms() - cpu) / FRAMES;
	r->kbps = (double)bytes * 8 / 1000 * 60 / FRAMES;
	encode_worker_stop(w);
	ring_finish(&out.ring);
	wake_finish(&encode_wake);
	wake_finish(&tx_wake);
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
	static struct result a, b;
	double cpu_a[ROUNDS], cpu_b[ROUNDS], more[ROUNDS], p50[ROUNDS], p99_a[ROUNDS], p99_b[ROUNDS];
	double over;

	for (unsigned i = 0; i < ROUNDS; i++) {
		a.n = b.n = 0;
		run_bare(s, &a);
		run_worker(s, &b);
		cpu_a[i] = a.cpu_ms;
		cpu_b[i] = b.cpu_ms;
		more[i] = b.cpu_ms - a.cpu_ms;
		p50[i] = percentile(b.latency_ms, b.n, 50) - percentile(a.latency_ms, a.n, 50);
		p99_a[i] = percentile(a.latency_ms, a.n, 99);
		p99_b[i] = percentile(b.latency_ms, b.n, 99);
	}
	over = percentile(more, ROUNDS, 50);
	printf("  \"%s\": {\"bare_cpu_ms\": %.2f, \"worker_cpu_ms\": %.2f, \"more_cpu_ms\": %.2f, \"limit_ms\": %.1f, "
	       "\"more_latency_p50_ms\": %.2f, \"p99_ratio\": %.2f, \"bare_kbps\": %.0f, \"worker_kbps\": %.0f}%s\n",
	       s->name, percentile(cpu_a, ROUNDS, 50), percentile(cpu_b, ROUNDS, 50), over, s->limit_ms,
	       percentile(p50, ROUNDS, 50), percentile(p99_b, ROUNDS, 50) / percentile(p99_a, ROUNDS, 50), a.kbps,
	       b.kbps, last ? "" : ",");
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

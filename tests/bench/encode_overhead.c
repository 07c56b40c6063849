// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the video path costs above the bare library. Two encoders with the same parameters see the same pictures at the
 * same pace: A is libx264 alone on converted pictures; B is our encode thread, conversion from BGRx included, and our
 * video-tx thread, which packs, protects, paces and sends to a socket on this machine. They take turns frame by frame,
 * so a noisy neighbour hits both; CPU time is of the whole process, so that the library's slice threads count, less
 * what this program itself does in B. Each turn lasts until all its work is done: the library's slice threads go on for
 * a while after it has returned. Each round gives the median of its frames, stdout the median of the rounds as JSON.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x264.h>

#include "base/clock.h"
#include "base/log.h"
#include "chain.h"
#include "encode/convert.h"
#include "encode/rate.h"
#include "encode/x264.h"

#define PICTURES 16 /* distinct ones, played forth and back */
#define WARM     30 /* frames before the clock starts */
#define ROUNDS   5
#define FRAMES   120             /* measured, each round */
#define TAIL_NS  (4 * NS_PER_MS) /* in which the library's threads come to rest */

struct setup {
	const char *name;
	struct enc_params enc;
	struct source source;
	/* The same, converted; written just before as well. */
	struct picture picture[PICTURES], fresh_picture[SOURCE_BUFFERS];
	uint64_t interval_ns;
	double limit_ms;
};

/* Per measured frame, ms; latency of A is the library call, of B from captured to the first packet at the socket. */
struct series {
	double cpu[FRAMES], latency[FRAMES];
	size_t bytes;
};

static double clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double process_cpu_ms(void)
{
	return clock_ms(CLOCK_PROCESS_CPUTIME_ID);
}

/* Of all threads but this one. */
static double others_cpu_ms(void)
{
	return process_cpu_ms() - clock_ms(CLOCK_THREAD_CPUTIME_ID);
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
				  .configured_kbps = kbps,
				  .encoder_kbps = kbps,
				  .packet_size = 1392,
				  .fec_percent = 20,
				  .fec_min = 2,
				  .encrypt = true},
			.slices = 2,
			.dpb = 1,
			.preset = "superfast"},
		.interval_ns = NS_PER_S / 60,
		.limit_ms = limit_ms,
	};
	source_init(&s->source, w, h, PICTURES);
	for (unsigned i = 0; i < PICTURES; i++) {
		if (picture_init(&s->picture[i], w, h, COLOUR_BT709, false) < 0 ||
		    convert_init(&c, FOURCC_XRGB8888, &s->picture[i]) < 0)
			abort();
		convert_run(&c, s->source.pixels[i], w * 4u, &s->picture[i], 0, 0, w, h);
	}
	for (unsigned i = 0; i < SOURCE_BUFFERS; i++)
		if (picture_init(&s->fresh_picture[i], w, h, COLOUR_BT709, false) < 0)
			abort();
}

static void setup_finish(struct setup *s)
{
	source_finish(&s->source);
	for (unsigned i = 0; i < PICTURES; i++)
		picture_finish(&s->picture[i]);
	for (unsigned i = 0; i < SOURCE_BUFFERS; i++)
		picture_finish(&s->fresh_picture[i]);
}

static const struct picture *draw_picture(struct setup *s, unsigned i)
{
	const struct picture *from = &s->picture[source_picture(&s->source, i)];
	struct picture *to = &s->fresh_picture[i % SOURCE_BUFFERS];

	memcpy(to->luma, from->luma, (size_t)from->stride * from->height);
	memcpy(to->chroma, from->chroma, (size_t)from->stride * from->height / 2);
	return to;
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

/* Takes what has arrived; the time when the first of it reached the socket, CLOCK_REALTIME, or 0. */
static uint64_t drain(const struct chain *c)
{
	uint8_t data[2048];
	uint64_t first = 0, at;

	while (chain_take(c, data, sizeof(data), &at) >= 0)
		first = first ? first : at;
	return first;
}

/* One frame through both threads. Returns the bytes; latency in *ms. */
static size_t ours_frame(struct chain *c, struct frame *f, double *ms)
{
	uint64_t repeats = STAT_GET(c->stats.frames_repeated), sent = STAT_GET(c->stats.frames_sent);
	uint64_t bytes, first, start;

	drain(c);
	bytes = STAT_GET(c->stats.bytes_encoded);
	start = chain_give(c, f);
	poll(&(struct pollfd){.fd = c->sink, .events = POLLIN}, 1, (int)(CHAIN_LATE_NS / NS_PER_MS));
	sent = chain_rest_until(c, sent + 1);
	/* The black start, or a repeat when this machine stood still for a second, is not the answer. */
	if (STAT_GET(c->stats.frames_repeated) != repeats)
		chain_rest_until(c, sent + 1);
	first = drain(c);
	*ms = first > start ? (double)(first - start) / 1e6 : (double)CHAIN_LATE_NS / 1e6;
	clock_sleep_until(clock_ns() + TAIL_NS);
	return (size_t)(STAT_GET(c->stats.bytes_encoded) - bytes);
}

static void run(struct setup *s, struct series *a, struct series *b)
{
	static struct bare bare;
	static struct chain ours;
	uint64_t at;

	a->bytes = b->bytes = 0;
	bare_start(&bare, s);
	chain_start(&ours, &s->enc.video, s->enc.preset, s->enc.slices, EARLY_OFF);
	at = clock_ns();
	for (unsigned i = 0; i < WARM + FRAMES; i++) {
		unsigned m = i < WARM ? 0 : i - WARM;
		size_t bare_len = 0, len = 0;
		const struct picture *pic = draw_picture(s, i);
		struct frame *f = source_draw(&s->source, i);

		/* At a third of the frame rate: two encoders and their rests share the time of one. Who comes second
		 * pays for the caches of the first, whichever that is, so the order alternates. */
		clock_sleep_until(at += 3 * s->interval_ns);
		for (unsigned turn = 0; turn < 2; turn++) {
			bool bare_turn = (i + turn) % 2 == 0;

			if (bare_turn) {
				double cpu = process_cpu_ms();
				uint64_t t0 = clock_ns();

				bare_len = bare_frame(&bare, pic, i);
				a->latency[m] = (double)(clock_ns() - t0) / 1e6;
				clock_sleep_until(clock_ns() + TAIL_NS);
				a->cpu[m] = process_cpu_ms() - cpu;
			} else {
				double cpu = others_cpu_ms();

				len = ours_frame(&ours, f, &b->latency[m]);
				b->cpu[m] = others_cpu_ms() - cpu;
			}
		}
		if (i >= WARM) {
			a->bytes += bare_len;
			b->bytes += len;
		}
	}
	chain_stop(&ours);
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
	printf("  \"%s\": {\"bare_cpu_ms\": %.2f, \"ours_cpu_ms\": %.2f, \"more_cpu_ms\": %.2f, \"limit_ms\": %.1f, "
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

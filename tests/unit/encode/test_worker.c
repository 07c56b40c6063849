// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The encode thread on the stand-in encoder, between a source thread and a sink thread like the real ones: what comes
 * out is numbered without gaps, rises in time, never exceeds credit, answers losses, and every frame goes back.
 */
#include "../cmocka_all.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "encode/bitstream.h"
#include "encode/worker.h"
#include "media/au.h"
#include "media/frame.h"

#define W           128
#define H           96
#define POOL        4
#define SEEN_MAX    4096
#define PATIENCE_NS (20 * NS_PER_S) /* only ever reached by a failure */

struct seen {
	uint32_t frame_no;
	uint64_t pts_ns;
	bool key, after_rfi, repeat;
	unsigned ref; /* what the stand-in says it refers to */
	uint32_t epoch;
	bool ltr;
	struct trace t;
};

struct rig {
	struct wake encode_wake, sink_wake;
	struct frame_link frames;
	struct au_link out;
	struct credit credit;
	struct feedback feedback;
	struct stream_stats stats;
	struct encode_worker *worker;
	atomic_int failed;

	/* source */
	uint64_t seq; /* of the last picture */
	struct frame pool[POOL];
	atomic_uint out_of_pool; /* bit: frame is out */
	uint32_t *pixels;

	/* sink thread */
	struct thread sink;
	atomic_bool hold; /* keep credit */
	atomic_uint n_seen;
	atomic_uint units, broken;
	struct seen seen[SEEN_MAX];
	unsigned max_in_flight;
};

static void frame_back(struct frame *f, int fence_fd)
{
	struct rig *r = f->owner;

	assert(fence_fd < 0);
	atomic_fetch_and(&r->out_of_pool, ~(1u << f->slot));
}

/* Puts a new frame into the slot as a capture does; false when all buffers are out. */
static bool post(struct rig *r, uint64_t captured_ns)
{
	unsigned out = atomic_load(&r->out_of_pool);
	struct frame *f, *old;

	for (unsigned i = 0; i < POOL; i++) {
		if (out >> i & 1)
			continue;
		atomic_fetch_or(&r->out_of_pool, 1u << i);
		f = &r->pool[i];
		*f = (struct frame){
			.release = frame_back,
			.owner = r,
			.slot = (uint8_t)i,
			.width = W,
			.height = H,
			.fourcc = FOURCC_XRGB8888,
			.n_planes = 1,
			.plane[0] = {.fd = -1, .stride = W * 4},
			.map[0] = r->pixels,
			.acquire_fence = -1,
			.seq = ++r->seq,
			.t.captured = captured_ns,
		};
		atomic_init(&f->refs, 1);
		old = latest_put(&r->frames.slot, f);
		frame_unref(old, -1);
		wake_poke(&r->encode_wake);
		return true;
	}
	return false;
}

static void note(struct rig *r, const struct au *a)
{
	unsigned n = atomic_load(&r->n_seen);
	struct nal_walk w = nal_walk_init(a->data, a->len);
	struct seen *s = &r->seen[n];
	struct nal nal;

	if (n == SEEN_MAX)
		return;
	*s = (struct seen){a->frame_no, a->pts_ns, a->key, a->after_rfi, a->repeat, 0, a->epoch, a->ltr, a->t};
	while (nal_walk_next(&w, &nal))
		if (nal.type == NAL_TYPE_SEI) {
			char text[80] = {0};
			const char *ref;

			memcpy(text, nal.payload + 19, nal.len - 20 < 79 ? nal.len - 20 : 79);
			ref = strstr(text, "ref ");
			s->ref = ref ? (unsigned)atoi(ref + 4) : 9999;
		}
	if (credit_used(&r->credit) > r->max_in_flight)
		r->max_in_flight = credit_used(&r->credit);
	atomic_store(&r->n_seen, n + 1);
}

static void sink_run(void *arg)
{
	struct rig *r = arg;
	unsigned owed = 0;

	for (;;) {
		struct au *a;

		while ((a = ring_pop(&r->out.ring))) {
			if (a->first)
				note(r, a);
			atomic_fetch_add(&r->units, 1);
			atomic_fetch_add(&r->broken, a->broken);
			owed += a->last;
			au_release(a);
		}
		if (!atomic_load(&r->hold))
			for (; owed; owed--)
				credit_give(&r->credit);
		if (thread_should_stop(&r->sink))
			return;
		wake_wait(&r->sink_wake, clock_ns() + 2 * NS_PER_MS);
	}
}

static void on_failed(void *ctx, int err)
{
	struct rig *r = ctx;

	atomic_store(&r->failed, err);
}

static const struct encode_worker_events events = {.failed = on_failed};

static struct rig *rig_start_early(uint32_t fps_mhz, uint32_t min_fps_mhz, bool rfi, const char *preset,
				   enum early_mode early)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct encode_worker_params p;

	assert_non_null(r);
	r->pixels = calloc(W * H, 4);
	assert_non_null(r->pixels);
	assert_int_equal(wake_init(&r->encode_wake), 0);
	assert_int_equal(wake_init(&r->sink_wake), 0);
	assert_int_equal(ring_init(&r->out.ring, AU_RING_CAPACITY), 0);
	r->frames.wake = r->credit.wake = &r->encode_wake;
	r->out.wake = &r->sink_wake;
	feedback_init(&r->feedback);
	p = (struct encode_worker_params){
		.video =
			{
				.codec = CODEC_H264,
				.width = W,
				.height = H,
				.fps_mhz = fps_mhz,
				.depth = 8,
				.slices = 1,
				.rfi = rfi,
				.encoder_kbps = 1000,
				.packet_size = early ? 18 : 1392, /* tiny frames of the stand-in count as long */
			},
		.early = early,
		.backend = "null",
		.preset = preset,
		.min_slices = 2,
		.min_fps_mhz = min_fps_mhz,
		.wake = &r->encode_wake,
		.frames = &r->frames,
		.out = &r->out,
		.credit = &r->credit,
		.feedback = &r->feedback,
		.stats = &r->stats,
	};
	assert_int_equal(encode_worker_start(&r->worker, &p, &events, r), 0);
	assert_int_equal(thread_start(&r->sink, "sink", sink_run, r), 0);
	return r;
}

static struct rig *rig_start_preset(uint32_t fps_mhz, uint32_t min_fps_mhz, bool rfi, const char *preset)
{
	return rig_start_early(fps_mhz, min_fps_mhz, rfi, preset, EARLY_OFF);
}

static struct rig *rig_start(uint32_t fps_mhz, uint32_t min_fps_mhz, bool rfi)
{
	return rig_start_preset(fps_mhz, min_fps_mhz, rfi, "superfast");
}

/* Stops in the order of the pipeline; everything must be back. */
static void rig_stop(struct rig *r)
{
	atomic_store(&r->hold, false);
	thread_stop(&r->sink);
	wake_poke(&r->sink_wake);
	thread_join(&r->sink);
	encode_worker_stop(r->worker);
	frame_unref(latest_take(&r->frames.slot), -1);
	assert_int_equal(atomic_load(&r->out_of_pool), 0);
	wake_finish(&r->encode_wake);
	wake_finish(&r->sink_wake);
	ring_finish(&r->out.ring);
	free(r->pixels);
	free(r);
}

static void wait_seen(struct rig *r, unsigned count)
{
	uint64_t give_up = clock_ns() + PATIENCE_NS;

	while (atomic_load(&r->n_seen) < count) {
		assert_true(clock_ns() < give_up);
		clock_sleep_until(clock_ns() + NS_PER_MS / 2);
	}
}

static void assert_gapless(struct rig *r)
{
	unsigned n = atomic_load(&r->n_seen);

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(r->seen[i].frame_no, i + 1);
		if (i)
			assert_true(r->seen[i].pts_ns >= r->seen[i - 1].pts_ns + 11112);
	}
}

/* Posts count frames, each as soon as a buffer is free and the last one was encoded. */
static void feed(struct rig *r, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned before = atomic_load(&r->n_seen);

		assert_true(post(r, clock_ns()));
		wait_seen(r, before + 1);
	}
}

static void m6_first_frame_is_number_1_and_an_idr(void **state)
{
	struct rig *r = rig_start(500000, 1000, true);

	(void)state;
	/* Nothing before begin, whatever arrives or is asked. */
	post(r, clock_ns());
	post(r, clock_ns());
	feedback_post_idr(&r->feedback);
	feedback_post_rfi(&r->feedback, 3, 4);
	clock_sleep_until(clock_ns() + 20 * NS_PER_MS);
	assert_int_equal(atomic_load(&r->n_seen), 0);
	encode_worker_begin(r->worker);
	wait_seen(r, 1);
	feed(r, 20);
	assert_int_equal(r->seen[0].frame_no, 1);
	assert_true(r->seen[0].key && !r->seen[0].repeat && r->seen[0].pts_ns > 0);
	for (unsigned i = 1; i < 20; i++)
		assert_false(r->seen[i].key);
	assert_gapless(r);
	assert_non_null(strstr(encode_worker_describe(r->worker), "2 slices, DPB "));
	rig_stop(r);
}

static void pictures_passed_over_are_counted(void **state)
{
	struct rig *r = rig_start(500000, 1000, true);

	(void)state;
	r->seq = 40; /* what came before the stream does not count */
	encode_worker_begin(r->worker);
	feed(r, 3);
	r->seq += 2; /* the source itself dropped two */
	feed(r, 1);
	feed(r, 1);
	assert_int_equal(STAT_GET(r->stats.frames_skipped), 2);
	r->seq = 0; /* opened anew */
	feed(r, 2);
	assert_int_equal(STAT_GET(r->stats.frames_skipped), 2);
	r->seq++;
	feed(r, 1);
	assert_int_equal(STAT_GET(r->stats.frames_skipped), 3);
	rig_stop(r);
}

static void a_silent_source_gets_a_picture(void **state)
{
	struct rig *r = rig_start(60000, 20000, true);

	(void)state;
	encode_worker_begin(r->worker);
	wait_seen(r, 3);
	assert_true(r->seen[0].key && r->seen[0].repeat);
	feed(r, 1);
	rig_stop(r);
}

static void m24_m56_still_picture_is_repeated_with_rising_time_and_no_latency(void **state)
{
	struct rig *r = rig_start(500000, 100000, true);
	unsigned repeats = 0;

	(void)state;
	encode_worker_begin(r->worker);
	feed(r, 3);
	wait_seen(r, 20);
	assert_gapless(r);
	for (unsigned i = 0; i < 20; i++)
		if (r->seen[i].repeat) {
			assert_int_equal(r->seen[i].t.captured, 0);
			repeats++;
		}
	assert_true(repeats >= 15);
	assert_true(STAT_GET(r->stats.frames_repeated) >= repeats);
	rig_stop(r);
}

static void m46_m47_losses_are_answered_by_the_next_frame(void **state)
{
	struct rig *r = rig_start(500000, 1000, true);
	unsigned n;

	(void)state;
	encode_worker_begin(r->worker);
	feed(r, 12);
	n = atomic_load(&r->n_seen);
	feedback_post_rfi(&r->feedback, n - 1, n - 1);
	wait_seen(r, n + 1);
	/* Not waiting for a new picture: the still one is sent again at once. */
	assert_true(r->seen[n].after_rfi && !r->seen[n].key && r->seen[n].repeat);
	assert_true(r->seen[n].pts_ns - r->seen[n - 1].pts_ns < NS_PER_S);
	assert_int_equal(r->seen[n].ref, n - 2);
	feed(r, 1);
	assert_false(r->seen[n + 1].after_rfi);
	assert_int_equal(r->seen[n + 1].ref, n + 1);

	n = atomic_load(&r->n_seen);
	feedback_post_rfi(&r->feedback, n, n);
	feedback_post_idr(&r->feedback);
	wait_seen(r, n + 1);
	/* Either the range came first and the key frame second, or both were seen at once. */
	feed(r, 2);
	{
		unsigned keys = 0;

		for (unsigned i = n; i < n + 3; i++)
			keys += r->seen[i].key;
		assert_int_equal(keys, 1);
	}
	n = atomic_load(&r->n_seen);
	feedback_post_rfi(&r->feedback, 1, n);
	wait_seen(r, n + 1);
	assert_true(r->seen[n].key);
	assert_gapless(r);
	rig_stop(r);
}

static void m25_numbers_of_frames_that_did_not_leave_are_used_again(void **state)
{
	struct rig *r = rig_start(500000, 1000, true);
	unsigned n;

	(void)state;
	encode_worker_begin(r->worker);
	feed(r, 12);
	n = atomic_load(&r->n_seen);
	feedback_post_unsent(&r->feedback, 7, n - 1, false); /* the last two */
	wait_seen(r, n + 1);
	assert_int_equal(r->seen[n].frame_no, n - 1);
	assert_int_equal(r->seen[n].epoch, 7);
	assert_true(r->seen[n].after_rfi && !r->seen[n].key);
	assert_int_equal(r->seen[n].ref, n - 2);
	/* What the client calls n - 1 is that frame now. */
	feedback_post_rfi(&r->feedback, n - 1, n - 1);
	wait_seen(r, n + 2);
	assert_int_equal(r->seen[n + 1].frame_no, n);
	assert_true(r->seen[n + 1].after_rfi);
	assert_int_equal(r->seen[n + 1].ref, n - 2);
	/* A frame that went out in part keeps its number; the client is told nothing it does not know. */
	feedback_post_unsent(&r->feedback, 8, n + 1, true);
	wait_seen(r, n + 3);
	assert_int_equal(r->seen[n + 2].frame_no, n + 1);
	assert_true(r->seen[n + 2].after_rfi);
	feedback_post_rfi(&r->feedback, n, n);
	feed(r, 1);
	assert_false(r->seen[n + 3].after_rfi || r->seen[n + 3].key);
	rig_stop(r);
}

static void nothing_is_encoded_while_the_path_is_dead(void **state)
{
	struct rig *r = rig_start(500000, 500000, true);
	unsigned n;

	(void)state;
	encode_worker_begin(r->worker);
	wait_seen(r, 10);
	feedback_set_silent(&r->feedback, true);
	clock_sleep_until(clock_ns() + 30 * NS_PER_MS); /* what was begun is done */
	n = atomic_load(&r->n_seen);
	feedback_post_ltr(&r->feedback, n - 2);
	for (int i = 0; i < 20; i++) {
		post(r, clock_ns());
		clock_sleep_until(clock_ns() + NS_PER_MS);
	}
	assert_int_equal(atomic_load(&r->n_seen), n);
	feedback_set_silent(&r->feedback, false);
	wait_seen(r, n + 2);
	assert_true(r->seen[n].after_rfi && !r->seen[n].key);
	assert_int_equal(r->seen[n].ref, n - 2);
	assert_false(r->seen[n + 1].after_rfi);
	assert_gapless(r);
	rig_stop(r);
}

static void frames_are_marked_for_clients_that_can_answer(void **state)
{
	struct rig *with = rig_start(60000, 60000, true), *without = rig_start(60000, 60000, false);
	unsigned marks = 0, apart = 0;

	(void)state;
	encode_worker_begin(with->worker);
	encode_worker_begin(without->worker);
	wait_seen(with, 20);
	wait_seen(without, 20);
	for (unsigned i = 0; i < 20; i++) {
		marks += with->seen[i].ltr;
		apart = with->seen[i].ltr ? 0 : apart + 1;
		assert_in_range(apart, 0, 3);
		assert_false(without->seen[i].ltr);
	}
	assert_int_equal(marks, 5);
	rig_stop(with);
	rig_stop(without);
}

static void m49_without_rfi_losses_give_key_frames(void **state)
{
	struct rig *r = rig_start(500000, 1000, false);
	unsigned n;

	(void)state;
	encode_worker_begin(r->worker);
	feed(r, 5);
	n = atomic_load(&r->n_seen);
	feedback_post_rfi(&r->feedback, n, n);
	wait_seen(r, n + 1);
	assert_true(r->seen[n].key);
	rig_stop(r);
}

static void m25_no_credit_no_frame_and_no_gap(void **state)
{
	struct rig *r = rig_start(500000, 500000, true);
	unsigned n;

	(void)state;
	encode_worker_begin(r->worker);
	wait_seen(r, 10);
	atomic_store(&r->hold, true);
	clock_sleep_until(clock_ns() + 30 * NS_PER_MS);
	n = atomic_load(&r->n_seen);
	for (int i = 0; i < 20; i++) {
		post(r, clock_ns());
		clock_sleep_until(clock_ns() + NS_PER_MS);
	}
	assert_int_equal(atomic_load(&r->n_seen), n);
	assert_int_equal(credit_used(&r->credit), CREDIT_FRAMES);
	atomic_store(&r->hold, false);
	wait_seen(r, n + 10);
	assert_true(r->max_in_flight <= CREDIT_FRAMES);
	assert_gapless(r);
	rig_stop(r);
}

static void time_stamps_rise_though_the_source_goes_back(void **state)
{
	struct rig *r = rig_start(500000, 1000, true);
	uint64_t t0 = clock_ns();

	(void)state;
	encode_worker_begin(r->worker);
	for (unsigned i = 0; i < 10; i++) {
		unsigned before = atomic_load(&r->n_seen);

		/* Same time, older times, no time, the future. */
		assert_true(post(r, i % 4 == 0 ? t0 : i % 4 == 1 ? 1 : i % 4 == 2 ? 0 : UINT64_MAX));
		wait_seen(r, before + 1);
	}
	assert_gapless(r);
	rig_stop(r);
}

static void unusable_frames_go_back_and_the_stream_goes_on(void **state)
{
	struct rig *r = rig_start(500000, 100000, true);
	uint32_t *pixels = r->pixels;

	(void)state;
	encode_worker_begin(r->worker);
	feed(r, 2);
	r->pixels = NULL;
	for (int i = 0; i < 10; i++) {
		post(r, clock_ns());
		clock_sleep_until(clock_ns() + 2 * NS_PER_MS);
	}
	wait_seen(r, atomic_load(&r->n_seen) + 3);
	r->pixels = pixels;
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_gapless(r);
	rig_stop(r);
}

static void m25_a_failed_encoder_is_opened_anew_without_a_gap(void **state)
{
	struct rig *r = rig_start_preset(500000, 100000, true, "fail 310");

	(void)state;
	encode_worker_begin(r->worker);
	feed(r, 300);
	wait_seen(r, 330);
	/* Number 310 failed and came from the new encoder, as an IDR. */
	for (unsigned i = 1; i < 330; i++)
		assert_int_equal(r->seen[i].key, i == 309);
	assert_gapless(r);
	assert_int_equal(atomic_load(&r->failed), 0);
	rig_stop(r);
}

static void an_encoder_that_fails_again_at_once_is_given_up(void **state)
{
	struct rig *r = rig_start_preset(500000, 100000, true, "fail 5");
	uint64_t give_up = clock_ns() + PATIENCE_NS;

	(void)state;
	encode_worker_begin(r->worker);
	while (!atomic_load(&r->failed) && clock_ns() < give_up)
		clock_sleep_until(clock_ns() + NS_PER_MS);
	assert_int_equal(atomic_load(&r->failed), -EIO);
	assert_int_equal(STAT_GET(r->stats.frames_encoded),
			 8); /* told before that, though the sink may still be at them */
	wait_seen(r, 8);
	assert_gapless(r);
	rig_stop(r);
}

static void an_encoder_that_breaks_off_a_frame_has_spent_its_number(void **state)
{
	struct rig *r = rig_start_early(500000, 100000, true, "break 310", EARLY_AUTO);

	(void)state;
	encode_worker_begin(r->worker);
	feed(r, 300);
	wait_seen(r, 330);
	/* The first unit of 310 was out: the new encoder goes on with 311, an IDR. */
	for (unsigned i = 1; i < 330; i++)
		assert_int_equal(r->seen[i].key, i == 310);
	assert_gapless(r);
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_int_equal(atomic_load(&r->broken), 1);
	assert_true(atomic_load(&r->units) >= 2 * 330);
	/* Its credit came back like any other's. */
	assert_in_range(r->max_in_flight, 1, CREDIT_FRAMES);
	rig_stop(r);
}

static void start_and_stop_at_any_moment(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		struct rig *r = rig_start(500000, 500000, i & 1);

		if (i % 3)
			encode_worker_begin(r->worker);
		if (i % 3 == 2)
			feed(r, 3);
		rig_stop(r);
	}
}

static void what_cannot_be_encoded_is_said_at_start(void **state)
{
	struct rig *r = rig_start(60000, 1000, true);
	struct encode_worker_params p = {
		.video = {.codec = CODEC_HEVC, .width = W, .height = H, .fps_mhz = 60000, .encoder_kbps = 1000},
		.backend = "auto",
		.preset = "superfast",
		.feedback = &r->feedback,
	};
	struct encode_worker *w = NULL;

	(void)state;
	assert_int_equal(encode_worker_start(&w, &p, &events, r), -ENOTSUP);
	assert_null(w);
	p.video.codec = CODEC_H264;
	p.backend = "abacus";
	assert_int_equal(encode_worker_start(&w, &p, &events, r), -ENOTSUP);
	encode_worker_stop(NULL);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m6_first_frame_is_number_1_and_an_idr),
		cmocka_unit_test(pictures_passed_over_are_counted),
		cmocka_unit_test(a_silent_source_gets_a_picture),
		cmocka_unit_test(m24_m56_still_picture_is_repeated_with_rising_time_and_no_latency),
		cmocka_unit_test(m46_m47_losses_are_answered_by_the_next_frame),
		cmocka_unit_test(m25_numbers_of_frames_that_did_not_leave_are_used_again),
		cmocka_unit_test(nothing_is_encoded_while_the_path_is_dead),
		cmocka_unit_test(frames_are_marked_for_clients_that_can_answer),
		cmocka_unit_test(m49_without_rfi_losses_give_key_frames),
		cmocka_unit_test(m25_no_credit_no_frame_and_no_gap),
		cmocka_unit_test(time_stamps_rise_though_the_source_goes_back),
		cmocka_unit_test(unusable_frames_go_back_and_the_stream_goes_on),
		cmocka_unit_test(m25_a_failed_encoder_is_opened_anew_without_a_gap),
		cmocka_unit_test(an_encoder_that_fails_again_at_once_is_given_up),
		cmocka_unit_test(an_encoder_that_breaks_off_a_frame_has_spent_its_number),
		cmocka_unit_test(start_and_stop_at_any_moment),
		cmocka_unit_test(what_cannot_be_encoded_is_said_at_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

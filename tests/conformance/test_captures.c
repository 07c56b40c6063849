// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What capture.h promises, asked of every back end that is built in. One that has nothing to capture here (no PipeWire
 * daemon, or none with a video node called CAPTURE_NODE) is skipped.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/latest.h"
#include "base/wake.h"
#include "capture/capture.h"

struct sink {
	struct wake wake;
	struct latest slot;
	struct capture *capture;
	atomic_uint frames, bad_order, over_budget;
	atomic_int lost;
	atomic_bool stopped; /* nothing may come while this is set */
	atomic_uint late;
	uint64_t last_seq;
};

static void on_frame(void *ctx, struct frame *f)
{
	struct sink *s = ctx;

	if (atomic_load(&s->stopped))
		atomic_fetch_add(&s->late, 1);
	if (f->seq < s->last_seq)
		atomic_fetch_add(&s->bad_order, 1);
	s->last_seq = f->seq;
	if (!s->capture->held_max || !s->capture->ops->held(s->capture))
		atomic_fetch_add(&s->over_budget, 1);
	atomic_fetch_add(&s->frames, 1);
	frame_unref(latest_put(&s->slot, f), -1);
	wake_poke(&s->wake);
}

static void on_lost(void *ctx, int err)
{
	struct sink *s = ctx;

	atomic_store(&s->lost, err);
	wake_poke(&s->wake);
}

static const struct capture_events events = {.frame = on_frame, .lost = on_lost};

static struct frame *next(struct sink *s)
{
	struct frame *f;
	uint64_t deadline = clock_ns() + 20 * NS_PER_S;

	while (!(f = latest_take(&s->slot)) && !atomic_load(&s->lost) && clock_ns() < deadline)
		wake_wait(&s->wake, deadline);
	return f;
}

static void check_frame(const struct frame *f)
{
	const uint8_t *p = f->map[0];
	volatile uint8_t sum = 0;

	assert_non_null(f->release);
	assert_in_range(f->n_planes, 1, FRAME_PLANES_MAX);
	assert_true(f->width && f->height && f->fourcc && f->buffer_id);
	assert_non_null(p);
	assert_true(f->plane[0].stride >= f->width * 4);
	for (uint32_t y = 0; y < f->height; y++)
		sum = (uint8_t)(sum + p[(size_t)y * f->plane[0].stride + f->width * 4 - 1]);
	assert_true(f->crop.x >= 0 && f->crop.y >= 0 && f->crop.w && f->crop.h);
	assert_true((uint32_t)f->crop.x + f->crop.w <= f->width && (uint32_t)f->crop.y + f->crop.h <= f->height);
	assert_true(f->n_damage <= FRAME_DAMAGE_MAX);
	for (unsigned i = 0; i < f->n_damage; i++)
		assert_true((uint32_t)f->damage[i].x + f->damage[i].w <= f->width &&
			    (uint32_t)f->damage[i].y + f->damage[i].h <= f->height);
	assert_true(f->t.captured && f->t.captured <= clock_ns());
}

/* Frames that are given back from here reach the owner at once; PipeWire's loop may take a moment to see it. */
static void assert_all_back(struct capture *c)
{
	for (int i = 0; i < 2000 && c->ops->held(c); i++)
		clock_sleep_until(clock_ns() + NS_PER_MS);
	assert_int_equal(c->ops->held(c), 0);
}

static void one_backend(const struct capture_ops *ops)
{
	struct capture_params params = {.width = 640,
					.height = 360,
					.fps_mhz = 120000,
					.pattern = "motion",
					.node = getenv("CAPTURE_NODE"),
					.pipewire_fd = -1};
	struct sink s = {0};
	struct frame *f, *kept;
	uint64_t seq;

	if (!params.node)
		params.node = "";
	if (ops->probe(&params) || (strcmp(ops->name, "pattern") && !*params.node)) {
		print_message("# %s: nothing to capture here\n", ops->name);
		return;
	}
	assert_int_equal(wake_init(&s.wake), 0);
	assert_int_equal(capture_open(&s.capture, ops, &params, &events, &s), 0);
	for (int round = 0; round < 3; round++) {
		atomic_store(&s.stopped, false);
		assert_int_equal(ops->start(s.capture), 0);
		for (int i = 0; i < 10; i++) {
			f = next(&s);
			assert_non_null(f);
			check_frame(f);
			frame_unref(f, -1);
		}
		/* one that is kept stays as it is, and the others go on */
		kept = next(&s);
		assert_non_null(kept);
		seq = kept->seq;
		for (int i = 0; i < 10; i++) {
			f = next(&s);
			assert_non_null(f);
			assert_true(f != kept && f->seq > seq);
			frame_unref(f, -1);
		}
		assert_int_equal(kept->seq, seq);
		ops->refresh(s.capture);
		f = next(&s);
		assert_non_null(f);
		frame_unref(f, -1);
		ops->stop(s.capture);
		atomic_store(&s.stopped, true);
		frame_unref(latest_take(&s.slot), -1);
		assert_int_equal(ops->held(s.capture), 1);
		check_frame(kept);
		frame_unref(kept, -1);
		assert_all_back(s.capture);
	}
	clock_sleep_until(clock_ns() + 50 * NS_PER_MS);
	assert_int_equal(s.late, 0);
	assert_int_equal(s.bad_order, 0);
	assert_int_equal(s.over_budget, 0);
	assert_int_equal(s.lost, 0);
	capture_close(s.capture);
	wake_finish(&s.wake);
	print_message("# %s to its reader\n", ops->name);
}

static void every_capture_keeps_its_contract(void **state)
{
	(void)state;
	for (const struct capture_ops *const *c = captures; *c; c++) {
		assert_non_null((*c)->help);
		assert_ptr_equal(capture_find((*c)->name), *c);
		one_backend(*c);
	}
	assert_null(capture_find("kms"));
}

static void a_size_or_rate_out_of_range_is_refused(void **state)
{
	static const struct capture_params bad[] = {
		{.width = 63, .height = 64, .fps_mhz = 60000, .pattern = "motion", .pipewire_fd = -1},
		{.width = 64, .height = 8193, .fps_mhz = 60000, .pattern = "motion", .pipewire_fd = -1},
		{.width = 64, .height = 64, .fps_mhz = 500001, .pattern = "motion", .pipewire_fd = -1},
		{.width = 64, .height = 64, .fps_mhz = 0, .pattern = "motion", .pipewire_fd = -1},
		{.width = 64, .height = 64, .fps_mhz = 60000, .pattern = "stripes", .pipewire_fd = -1},
	};
	struct sink s = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(capture_open(&s.capture, capture_find("pattern"), &bad[i], &events, &s), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_capture_keeps_its_contract),
		cmocka_unit_test(a_size_or_rate_out_of_range_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* A source that can wait, and a link that takes every frame: nothing is passed over, however slow the reader. */
#include "../cmocka_all.h"

#include <string.h>

#include "base/clock.h"
#include "base/ring.h"
#include "capture/capture.h"
#include "capture/fanout.h"

#define FPS 500u

static void push(void *ctx, struct frame *f)
{
	assert_true(ring_push(ctx, f));
}

static void lost(void *ctx, int err)
{
	(void)ctx;
	(void)err;
	fail();
}

static const struct capture_events events = {.frame = push, .lost = lost};

static struct frame *next(struct ring *r)
{
	struct frame *f;

	while (!(f = ring_pop(r)))
		clock_sleep_until(clock_ns() + NS_PER_MS / 10);
	return f;
}

static void a_pattern_that_waits_leaves_nothing_out(void **state)
{
	const struct capture_params p = {.width = 64,
					 .height = 64,
					 .fps_mhz = FPS * 1000,
					 .pattern = "motion",
					 .every = true,
					 .pipewire_fd = -1};
	struct capture *c;
	struct ring r;
	uint64_t first_ns = 0;

	(void)state;
	assert_int_equal(ring_init(&r, 64), 0);
	assert_int_equal(capture_open(&c, capture_find("pattern"), &p, &events, &r), 0);
	assert_int_equal(c->ops->start(c), 0);
	for (unsigned n = 0; n < 200; n++) {
		struct frame *f;

		/* Longer than its buffers last; then as fast as it can. */
		if (n % 50 == 0)
			clock_sleep_until(clock_ns() + 50 * NS_PER_MS);
		f = next(&r);
		assert_int_equal(f->seq, n);
		first_ns = n ? first_ns : f->t.captured;
		assert_int_equal(f->t.captured - first_ns, n * (NS_PER_S / FPS));
		frame_unref(f, -1);
	}
	/* It stops while it waits. */
	clock_sleep_until(clock_ns() + 20 * NS_PER_MS);
	c->ops->stop(c);
	for (struct frame *f; (f = ring_pop(&r));)
		frame_unref(f, -1);
	capture_close(c);
	ring_finish(&r);
}

static void back(struct frame *f, int fence_fd)
{
	(void)fence_fd;
	*(unsigned *)f->owner += 1;
}

static void a_link_that_takes_every_frame_gets_them_in_order(void **state)
{
	static struct frame pool[FRAME_RING_CAPACITY + 4];
	struct frame_link newest, every;
	struct wake wake = {0};
	struct ring r;
	struct fanout f;
	unsigned returned = 0;

	(void)state;
	assert_int_equal(ring_init(&r, FRAME_RING_CAPACITY), 0);
	assert_int_equal(wake_init(&wake), 0);
	memset(&newest, 0, sizeof(newest));
	memset(&every, 0, sizeof(every));
	newest.wake = every.wake = &wake;
	every.every = &r;
	fanout_init(&f);
	assert_int_equal(fanout_add(&f, &every), 0);
	assert_int_equal(fanout_add(&f, &newest), 1);
	for (unsigned i = 0; i < FRAME_RING_CAPACITY + 4; i++) {
		pool[i] = (struct frame){.release = back, .owner = &returned, .refs = 1, .seq = i, .acquire_fence = -1};
		fanout_deliver(&f, &pool[i]);
		fanout_retract(&f); /* is not for it */
	}
	/* No capture has so many buffers; what does not fit goes back all the same. */
	assert_int_equal(returned, 4);
	assert_int_equal(every.superseded, 4);
	for (unsigned i = 0; i < FRAME_RING_CAPACITY; i++) {
		struct frame *got = ring_pop(&r);

		assert_int_equal(got->seq, i);
		frame_unref(got, -1);
	}
	assert_int_equal(returned, FRAME_RING_CAPACITY + 4);
	assert_null(ring_pop(&r));
	ring_finish(&r);
	wake_finish(&wake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_that_waits_leaves_nothing_out),
		cmocka_unit_test(a_link_that_takes_every_frame_gets_them_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Which frame is taken when: pictures may be early, a cursor may not. */
#include "../cmocka_all.h"

#include <string.h>

#include "base/wake.h"
#include "capture/fanout.h"
#include "capture/views.h"
#include "encode/intake.h"

#define MS       1000000ull
#define INTERVAL (10 * MS)

static struct frame frame[4];
static unsigned released;
static struct latest slot;
static struct intake intake;
static struct pace pace;
static struct shown shown;

static void on_release(struct frame *f, int fence_fd)
{
	(void)fence_fd;
	released |= 1u << (f - frame);
}

/* A grid of 10 ms that begins at 0; picture 1 is shown. */
static int setup(void **state)
{
	(void)state;
	released = 0;
	memset(frame, 0, sizeof(frame));
	atomic_init(&slot.item, NULL);
	intake = (struct intake){0};
	pace_init(&pace, 100000, 1000);
	pace_begin(&pace, 0);
	pace_took(&pace, 0);
	shown = (struct shown){.any = true, .seq = 1, .picture = 1};
	return 0;
}

/* n: which of the four; picture: its number; x: where the cursor is. */
static void post(unsigned n, uint64_t picture, int32_t x)
{
	static struct cursor_image image = {.id = 9, .w = 1, .h = 1};

	frame[n] = (struct frame){
		.release = on_release,
		.acquire_fence = -1,
		.seq = picture,
		.picture = picture,
		.cursor = {.image = &image, .x = x},
	};
	atomic_init(&frame[n].refs, 1);
	frame_unref(latest_put(&slot, &frame[n]), -1);
}

static struct frame *take(uint64_t at)
{
	return intake_take(&intake, &slot, &pace, &shown, at);
}

static void a_picture_may_come_early_and_waits_when_it_is_too_early(void **state)
{
	(void)state;
	assert_null(take(1 * MS));
	assert_false(intake_waits(&intake));
	post(0, 2, 0);
	assert_null(take(2 * MS));
	assert_true(intake_waits(&intake));
	assert_null(take(6 * MS)); /* it does not become a little early by waiting */
	assert_ptr_equal(take(10 * MS), &frame[0]);
	assert_false(intake_waits(&intake));
	pace_took(&pace, 10 * MS);
	post(1, 3, 0);
	assert_ptr_equal(take(16 * MS), &frame[1]);
	assert_int_equal(released, 0);
}

static void a_cursor_waits_and_a_picture_takes_its_place(void **state)
{
	(void)state;
	post(0, 1, 5);
	assert_null(take(6 * MS));
	assert_true(intake_waits(&intake));
	assert_null(take(7 * MS));
	assert_int_equal(released, 0);
	/* A newer one, and then a picture that is early, but not too early. */
	post(1, 1, 6);
	assert_null(take(8 * MS));
	assert_int_equal(released, 1);
	post(2, 2, 6);
	assert_ptr_equal(take(9 * MS), &frame[2]);
	assert_int_equal(released, 3);
	assert_false(intake_waits(&intake));
}

static void a_cursor_alone_is_taken_when_it_is_due(void **state)
{
	(void)state;
	post(0, 1, 5);
	assert_null(take(6 * MS));
	assert_ptr_equal(take(10 * MS), &frame[0]);
	assert_null(take(11 * MS));
	assert_int_equal(released, 0);
	/* At once when it comes late. */
	post(1, 1, 6);
	assert_ptr_equal(take(12 * MS), &frame[1]);
}

static void a_view_of_a_picture_that_nobody_saw_is_a_picture(void **state)
{
	(void)state;
	post(0, 2, 5);
	assert_ptr_equal(take(6 * MS), &frame[0]);
	/* And so is any after the shown one was lost. */
	shown.stale = true;
	post(1, 1, 6);
	assert_ptr_equal(take(7 * MS), &frame[1]);
}

/* The rule of capture/screen.c: with three buffers one may be held, or the source has none to draw into. */
static void a_cursor_that_waits_keeps_no_buffer_from_the_next_picture(void **state)
{
	static struct cursor_image image = {.id = 9, .w = 1, .h = 1};
	static struct fanout fanout;
	static struct views views;
	struct frame_link link = {{NULL}};
	struct wake wake;
	struct frame *v;

	(void)state;
	assert_int_equal(wake_init(&wake), 0);
	link.wake = &wake;
	fanout_init(&fanout);
	assert_int_equal(fanout_add(&fanout, &link), 0);
	post(0, 1, 0); /* the buffer that is shown; the capture keeps it for its views */
	v = views_take(&views, latest_take(&slot), (struct cursor){cursor_image_ref(&image), 5, 0}, 6 * MS);
	frame_unref(&frame[0], -1);
	fanout_deliver(&fanout, v);
	assert_null(intake_take(&intake, &link.slot, &pace, &shown, 6 * MS));
	assert_true(intake_waits(&intake));
	assert_int_equal(released, 0);
	/* The next buffer comes: what nobody reads yet is taken back. */
	fanout_retract(&fanout);
	assert_int_equal(released, 1);
	post(1, 2, 6);
	fanout_deliver(&fanout, latest_take(&slot));
	assert_ptr_equal(intake_take(&intake, &link.slot, &pace, &shown, 7 * MS), &frame[1]);
	assert_false(intake_waits(&intake));
	frame_unref(&frame[1], -1);
	fanout_remove(&fanout, 0);
	wake_finish(&wake);
}

static void one_that_was_taken_back_is_not_waited_for(void **state)
{
	(void)state;
	post(0, 1, 5);
	assert_null(take(6 * MS));
	frame_unref(latest_take(&slot), -1);
	assert_null(take(10 * MS));
	assert_false(intake_waits(&intake));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_picture_may_come_early_and_waits_when_it_is_too_early, setup),
		cmocka_unit_test_setup(a_cursor_waits_and_a_picture_takes_its_place, setup),
		cmocka_unit_test_setup(a_cursor_alone_is_taken_when_it_is_due, setup),
		cmocka_unit_test_setup(a_view_of_a_picture_that_nobody_saw_is_a_picture, setup),
		cmocka_unit_test_setup(a_cursor_that_waits_keeps_no_buffer_from_the_next_picture, setup),
		cmocka_unit_test_setup(one_that_was_taken_back_is_not_waited_for, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Pictures whose points come early, late, never or are nonsense: which is shown, and that every release point is
 * reached. */
#include "fake_drm.h"

#include "../cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "capture/drm_abi.h"
#include "capture/sync_line.h"

enum { N = 4 };

static struct drm_timelines dev;
static struct sync_line line;
static struct sync_points buffer[N], plain; /* plain: synchronised implicitly */
static int acquire[N], release[N];

static int setup_with(bool events)
{
	fake_drm = (struct fake_drm){.no_events = !events};
	assert_int_equal(fake_drm_open(&dev), 0);
	line = (struct sync_line){.dev = &dev, .event_fd = events ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1};
	for (unsigned i = 0; i < N; i++) {
		acquire[i] = fake_timeline();
		release[i] = i == 3 ? dup(acquire[3]) : fake_timeline(); /* some sources have one for both */
		assert_int_equal(sync_points_open(&buffer[i], &dev, acquire[i], release[i]), 0);
	}
	plain = (struct sync_points){0};
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(true);
}

static int setup_old_kernel(void **state)
{
	(void)state;
	return setup_with(false);
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N; i++) {
		sync_line_leave(&line, &buffer[i]);
		sync_points_close(&buffer[i], &dev);
		close(acquire[i]);
		close(release[i]);
	}
	if (line.event_fd >= 0)
		close(line.event_fd);
	fake_drm_close(&dev);
	return 0;
}

/* A picture with acquire point 10 + n and release point 20 + n. */
static void arrive(unsigned i, unsigned n, uint64_t now)
{
	sync_points_begin(&buffer[i], 10 + n, 20 + n);
	sync_line_push(&line, &buffer[i], now);
}

static void expect_turn(enum sync_turn turn, unsigned i, uint64_t now)
{
	struct sync_points *who = NULL;

	assert_int_equal(sync_line_next(&line, now, &who), turn);
	assert_ptr_equal(who, turn == SYNC_NOBODY ? NULL : &buffer[i]);
}

static bool event(void)
{
	uint64_t n;

	return read(line.event_fd, &n, sizeof(n)) == sizeof(n);
}

static void a_point_that_is_there_makes_a_fence(void **state)
{
	int fence = fake_fence();

	(void)state;
	fake_submit(acquire[0], 11, fence);
	arrive(0, 1, 0);
	expect_turn(SYNC_SHOW, 0, 0);
	assert_true(fake_is_fence(buffer[0].fence, fence)); /* though nothing is drawn yet */
	close(buffer[0].fence);
	buffer[0].fence = -1;
	expect_turn(SYNC_NOBODY, 0, 0);
	assert_int_equal(sync_line_due(&line, 0), 0);
	assert_false(fake_there(release[0], 21));
	sync_points_end(&buffer[0], &dev, -1);
	assert_true(fake_reached(release[0], 21));
	close(fence);
}

static void a_point_that_is_late_is_waited_for(void **state)
{
	(void)state;
	arrive(0, 1, 1000);
	expect_turn(SYNC_NOBODY, 0, 1000);
	assert_int_equal(sync_line_due(&line, 1000), 1000 + SYNC_WAIT_NS);
	assert_false(event());
	fake_submit(acquire[0], 11, -1);
	assert_true(event());
	expect_turn(SYNC_SHOW, 0, 1000 + SYNC_WAIT_NS); /* in time, if only just */
	sync_points_end(&buffer[0], &dev, -1);          /* with the fence that nobody took */
	assert_true(fake_reached(release[0], 21));
}

static void an_old_kernel_is_asked_again_and_again(void **state)
{
	(void)state;
	arrive(0, 1, 0);
	expect_turn(SYNC_NOBODY, 0, 0);
	assert_int_equal(sync_line_due(&line, 5000), 5000 + SYNC_LOOK_NS);
	fake_submit(acquire[0], 11, -1);
	expect_turn(SYNC_SHOW, 0, SYNC_LOOK_NS);
	sync_points_end(&buffer[0], &dev, -1);
}

static void a_point_that_never_comes_is_given_up(void **state)
{
	(void)state;
	arrive(0, 1, 0);
	arrive(1, 1, 10);
	expect_turn(SYNC_NOBODY, 0, SYNC_WAIT_NS - 1);
	expect_turn(SYNC_GIVEN_UP, 0, SYNC_WAIT_NS);
	sync_points_end(&buffer[0], &dev, -1);
	assert_true(fake_reached(release[0], 21));
	expect_turn(SYNC_NOBODY, 0, SYNC_WAIT_NS);
	assert_int_equal(sync_line_due(&line, SYNC_WAIT_NS), 10 + SYNC_WAIT_NS);
	expect_turn(SYNC_GIVEN_UP, 1, 10 + SYNC_WAIT_NS);
	sync_points_end(&buffer[1], &dev, -1);

	/* The buffer is of use again. */
	fake_submit(acquire[0], 12, -1);
	arrive(0, 2, SYNC_WAIT_NS);
	expect_turn(SYNC_SHOW, 0, SYNC_WAIT_NS);
	sync_points_end(&buffer[0], &dev, -1);
	assert_true(fake_reached(release[0], 22));
}

/* Else a source could have the kernel keep more and more of them. */
static void of_a_buffer_one_event_is_asked_for(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 5; n++) {
		arrive(0, n, 0);
		assert_int_equal(fake_drm.events, 1);
		assert_int_equal(sync_line_due(&line, 7), n == 1 ? SYNC_WAIT_NS : 7 + SYNC_LOOK_NS);
		expect_turn(SYNC_GIVEN_UP, 0, SYNC_WAIT_NS);
		sync_points_end(&buffer[0], &dev, -1);
	}
	/* It has come at last, and so the next one is told of again. */
	fake_submit(acquire[0], 15, -1);
	arrive(0, 5, 0);
	expect_turn(SYNC_SHOW, 0, 0);
	sync_points_end(&buffer[0], &dev, -1);
	assert_int_equal(fake_drm.events, 0);
	arrive(0, 6, 0);
	assert_int_equal(fake_drm.events, 1);
	assert_int_equal(sync_line_due(&line, 7), SYNC_WAIT_NS);

	/* Nor does one that cannot be asked for keep the picture. */
	fake_drm.fails = DRM_SYNCOBJ_EVENT;
	fake_drm.error = ENOMEM;
	arrive(1, 1, 0);
	assert_int_equal(sync_line_due(&line, 7), 7 + SYNC_LOOK_NS);
}

static void the_newest_that_is_there_is_shown(void **state)
{
	(void)state;
	arrive(0, 1, 0);
	arrive(1, 1, 0);
	arrive(2, 1, 0);
	fake_submit(acquire[1], 11, -1);
	expect_turn(SYNC_PASSED_OVER, 0, 0);
	expect_turn(SYNC_SHOW, 1, 0);
	expect_turn(SYNC_NOBODY, 0, 0);
	fake_submit(acquire[0], 11, -1); /* too late, nobody waits */
	expect_turn(SYNC_NOBODY, 0, 0);
	fake_submit(acquire[2], 11, -1);
	expect_turn(SYNC_SHOW, 2, 0);
	for (unsigned i = 0; i < 3; i++) {
		sync_points_end(&buffer[i], &dev, -1);
		assert_true(fake_reached(release[i], 21));
	}
}

static void an_implicit_buffer_never_waits(void **state)
{
	struct sync_points *who;
	unsigned calls;

	(void)state;
	arrive(0, 1, 0);
	calls = fake_drm.calls;
	sync_points_begin(&plain, 99, 99);
	sync_line_push(&line, &plain, 0);
	assert_int_equal(fake_drm.calls, calls);
	expect_turn(SYNC_PASSED_OVER, 0, 0);
	assert_int_equal(sync_line_next(&line, 0, &who), SYNC_SHOW);
	assert_ptr_equal(who, &plain);
	assert_int_equal(plain.fence, -1);
	sync_points_end(&plain, &dev, -1);
	sync_points_end(&buffer[0], &dev, -1);
}

static void points_of_zero_are_none(void **state)
{
	(void)state;
	sync_points_begin(&buffer[0], 0, 0);
	sync_line_push(&line, &buffer[0], 0);
	expect_turn(SYNC_SHOW, 0, 0);
	assert_int_equal(buffer[0].fence, -1);
	sync_points_end(&buffer[0], &dev, -1);
	assert_false(fake_there(release[0], 0));
}

static void readers_fences_gate_the_release(void **state)
{
	int fence = fake_fence();

	(void)state;
	fake_submit(acquire[0], 11, -1);
	arrive(0, 1, 0);
	expect_turn(SYNC_SHOW, 0, 0);
	sync_points_end(&buffer[0], &dev, dup(fence));
	assert_true(fake_there(release[0], 21));
	assert_false(fake_reached(release[0], 21));
	fake_signal(fence);
	assert_true(fake_reached(release[0], 21));

	/* One that the kernel does not take does not hold up the source. */
	arrive(0, 2, 0);
	sync_line_leave(&line, &buffer[0]);
	sync_points_end(&buffer[0], &dev, open("/dev/null", O_RDONLY | O_CLOEXEC));
	assert_true(fake_reached(release[0], 22));
	close(fence);
}

static void a_stream_that_ends_leaves_nobody_waiting(void **state)
{
	int a = fake_timeline(), r = fake_timeline();
	struct sync_points p;

	(void)state;
	assert_int_equal(sync_points_open(&p, &dev, a, r), 0);
	sync_points_begin(&p, 5, 6);
	sync_line_push(&line, &p, 0);
	assert_true(sync_line_leave(&line, &p));
	assert_false(sync_line_leave(&line, &p));
	sync_points_close(&p, &dev);
	assert_true(fake_reached(r, 6));
	sync_points_close(&p, &dev);
	close(a);
	close(r);
}

static void a_release_point_is_reached_once(void **state)
{
	unsigned calls;

	(void)state;
	sync_points_begin(&buffer[3], 1, 2);
	sync_points_end(&buffer[3], &dev, -1);
	assert_true(fake_reached(release[3], 2));
	calls = fake_drm.calls;
	sync_points_end(&buffer[3], &dev, -1);
	sync_points_begin(&buffer[3], 1, 2); /* left from the time before: a buffer with news of the cursor alone */
	sync_points_end(&buffer[3], &dev, -1);
	assert_int_equal(fake_drm.calls, calls);
}

static void files_that_are_no_timelines_are_refused(void **state)
{
	const struct drm_timelines none = {.fd = -1};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct sync_points p;

	(void)state;
	assert_true(sync_points_open(&p, &dev, null, release[0]) < 0);
	assert_true(sync_points_open(&p, &dev, acquire[0], null) < 0);
	assert_true(sync_points_open(&p, &dev, acquire[0], -1) < 0);
	assert_int_equal(sync_points_open(&p, &none, acquire[0], release[0]), -ENODEV);
	close(null);
}

static void a_device_that_fails_costs_the_picture(void **state)
{
	static const unsigned long requests[] = {DRM_SYNCOBJ_MOVE, DRM_SYNCOBJ_TO_FILE};

	(void)state;
	fake_submit(acquire[0], 30, -1);
	for (unsigned i = 0; i < ARRAY_LEN(requests); i++) {
		fake_drm.fails = requests[i];
		fake_drm.error = ENOMEM;
		arrive(0, i, 0);
		expect_turn(SYNC_GIVEN_UP, 0, 0);
		fake_drm.fails = DRM_SYNCOBJ_SIGNAL;
		fake_drm.error = i ? EIO : 0;
		sync_points_end(&buffer[0], &dev, -1);
		assert_int_equal(fake_there(release[0], 20 + i), !i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_point_that_is_there_makes_a_fence, setup, teardown),
		cmocka_unit_test_setup_teardown(a_point_that_is_late_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_kernel_is_asked_again_and_again, setup_old_kernel, teardown),
		cmocka_unit_test_setup_teardown(a_point_that_never_comes_is_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_buffer_one_event_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(the_newest_that_is_there_is_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(an_implicit_buffer_never_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(points_of_zero_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_fences_gate_the_release, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_that_ends_leaves_nobody_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(a_release_point_is_reached_once, setup, teardown),
		cmocka_unit_test_setup_teardown(files_that_are_no_timelines_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_device_that_fails_costs_the_picture, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

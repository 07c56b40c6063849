// SPDX-License-Identifier: GPL-3.0-or-later
/* Timelines on a device that is a stand-in. */
#include "fake_drm.h"

#include "../cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/str.h"
#include "capture/drm_abi.h"

static struct drm_timelines dev;
static int line;
static uint32_t handle;

static int setup(void **state)
{
	(void)state;
	fake_drm = (struct fake_drm){0};
	assert_int_equal(fake_drm_open(&dev), 0);
	line = fake_timeline();
	assert_int_equal(drm_timeline_import(&dev, line, &handle), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drm_timeline_drop(&dev, handle);
	close(line);
	fake_drm_close(&dev);
	return 0;
}

static void a_device_must_have_timelines(void **state)
{
	struct drm_timelines d;

	(void)state;
	fake_drm = (struct fake_drm){.no_timelines = true};
	assert_int_equal(fake_drm_open(&d), -ENOTSUP);
	assert_int_equal(d.fd, -1);
	fake_drm = (struct fake_drm){.fails = DRM_GET_CAPABILITY, .error = EINVAL};
	assert_int_equal(fake_drm_open(&d), -EINVAL);
	fake_drm = (struct fake_drm){.fails = DRM_SYNCOBJ_CREATE, .error = ENOMEM};
	assert_int_equal(fake_drm_open(&d), -ENOMEM);
	assert_int_equal(fake_drm.handles, 0);
	drm_timelines_close(&d);
	drm_timelines_close(&d);
}

static void only_a_timelines_file_is_one(void **state)
{
	int fence = fake_fence(), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint32_t h = 7;

	(void)state;
	assert_int_equal(drm_timeline_import(&dev, -1, &h), -EBADF);
	assert_int_equal(h, 0);
	assert_true(drm_timeline_import(&dev, null, &h) < 0);
	assert_true(drm_timeline_import(&dev, fence, &h) < 0);
	assert_int_equal(drm_timeline_import(&dev, line, &h), 0);
	assert_int_not_equal(h, handle);
	drm_timeline_drop(&dev, h);
	close(fence);
	close(null);
}

static void a_point_has_a_fence_once_it_is_there(void **state)
{
	int fence = fake_fence(), fd;

	(void)state;
	assert_int_equal(drm_timeline_fence(&dev, handle, 5), -EAGAIN);
	fake_submit(line, 5, fence);
	fd = drm_timeline_fence(&dev, handle, 5);
	assert_true(fake_is_fence(fd, fence));
	close(fd);
	fd = drm_timeline_fence(&dev, handle, 4); /* reached no later than the one behind it */
	assert_true(fake_is_fence(fd, fence));
	close(fd);
	assert_int_equal(drm_timeline_fence(&dev, handle, 6), -EAGAIN);
	assert_int_equal(drm_timeline_fence(&dev, handle, UINT64_MAX), -EAGAIN);
	assert_int_equal(drm_timeline_fence(&dev, 60, 5), -ENOENT);
	close(fence);
}

static void what_fails_is_told(void **state)
{
	static const struct {
		unsigned long request;
		int error;
	} cases[] = {{DRM_SYNCOBJ_MOVE, ENOMEM}, {DRM_SYNCOBJ_TO_FILE, EMFILE}};

	(void)state;
	fake_submit(line, 5, -1);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		fake_drm.fails = cases[i].request;
		fake_drm.error = cases[i].error;
		assert_int_equal(drm_timeline_fence(&dev, handle, 5), -cases[i].error);
	}
	fake_drm.fails = DRM_SYNCOBJ_SIGNAL;
	fake_drm.error = EINTR; /* is asked again */
	assert_int_equal(drm_timeline_signal(&dev, handle, 9, -1), 0);
	assert_true(fake_reached(line, 9));
}

static void a_point_is_reached_at_once_or_with_a_fence(void **state)
{
	int fence = fake_fence();

	(void)state;
	assert_int_equal(drm_timeline_signal(&dev, handle, 1, -1), 0);
	assert_true(fake_reached(line, 1));
	assert_int_equal(drm_timeline_signal(&dev, handle, 2, fence), 0);
	assert_true(fake_there(line, 2));
	assert_false(fake_reached(line, 2));
	fake_signal(fence);
	assert_true(fake_reached(line, 2));
	assert_true(drm_timeline_signal(&dev, handle, 3, line) < 0); /* no sync_file */
	assert_false(fake_there(line, 3));
	close(fence);
}

static void a_point_that_comes_is_told_where_the_kernel_can(void **state)
{
	struct drm_timelines old;
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint64_t n;

	(void)state;
	assert_true(dev.tells);
	assert_int_equal(drm_timeline_tell(&dev, handle, 3, event), 0);
	fake_submit(line, 2, -1);
	assert_int_equal(read(event, &n, sizeof(n)), -1);
	fake_submit(line, 3, -1);
	assert_int_equal(read(event, &n, sizeof(n)), sizeof(n));
	assert_int_equal(drm_timeline_tell(&dev, handle, 3, event), 0);
	assert_int_equal(read(event, &n, sizeof(n)), sizeof(n));
	teardown(NULL);

	fake_drm.no_events = true;
	assert_int_equal(fake_drm_open(&old), 0);
	assert_false(old.tells);
	assert_int_equal(drm_timeline_tell(&old, 1, 3, event), -ENOTSUP);
	fake_drm_close(&old);
	close(event);
	setup(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_must_have_timelines),
		cmocka_unit_test_setup_teardown(only_a_timelines_file_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(a_point_has_a_fence_once_it_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(what_fails_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_point_is_reached_at_once_or_with_a_fence, setup, teardown),
		cmocka_unit_test_setup_teardown(a_point_that_comes_is_told_where_the_kernel_can, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Recordings converted on a GPU: several pictures under way, the same as one at a time, and none lost: not while the
 * disk stands still, not with the GPU. */
#include "rig.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "app/movie_rig.h"
#include "encode/conversion_queue.h"

#define NEAR 2 /* what the CPU makes is up to two code values off what the GPU makes */

/* --- a device that can be lost --- */

static atomic_uint submits;    /* since the test began */
static atomic_uint lost_after; /* so many; 0: never */

static bool is_lost(void)
{
	return atomic_load(&lost_after) && atomic_load(&submits) >= atomic_load(&lost_after);
}

/* In front of the loader's. */
VkResult vkQueueSubmit2(VkQueue queue, uint32_t n, const VkSubmitInfo2 *infos, VkFence fence)
{
	PFN_vkQueueSubmit2 next = (PFN_vkQueueSubmit2)dlsym(RTLD_NEXT, "vkQueueSubmit2");

	if (is_lost())
		return VK_ERROR_DEVICE_LOST;
	atomic_fetch_add(&submits, 1);
	return next(queue, n, infos, fence);
}

VkResult vkWaitSemaphores(VkDevice device, const VkSemaphoreWaitInfo *info, uint64_t timeout)
{
	PFN_vkWaitSemaphores next = (PFN_vkWaitSemaphores)dlsym(RTLD_NEXT, "vkWaitSemaphores");
	VkResult r = next(device, info, timeout);

	return is_lost() ? VK_ERROR_DEVICE_LOST : r;
}

static int setup(void **state)
{
	(void)state;
	scratch_make();
	atomic_store(&submits, 0);
	atomic_store(&lost_after, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove();
	return 0;
}

/* --- several under way --- */

#define BIG_W 640
#define BIG_H 360
#define N     (CONVERSION_QUEUE_MAX + 2)

static void not_released(struct frame *f, int fence_fd)
{
	(void)f, (void)fence_fd;
	fail();
}

/* Each another picture under another cursor, which must not change under one that is still being made. */
static void they_are_the_same_as_one_at_a_time(void **state)
{
	static struct cursor_image image[N];
	struct picture want[N], got;
	struct conversion_queue q;
	struct conversion c;
	struct source s[N];
	int fd[N];

	(void)state;
	assert_int_equal(picture_init(&got, BIG_W, BIG_H, COLOUR_BT709, false), 0);
	conversion_init(&c, CONVERT_GPU, &got);
	for (unsigned i = 0; i < N; i++) {
		source_init(&s[i], FOURCC_XRGB8888, BIG_W, BIG_H, 0);
		source_random(&s[i], i);
		image[i] = (struct cursor_image){.id = frame_picture_no(), .w = 200, .h = 200};
		memset(image[i].argb, (int)(0xff - 16 * i), (size_t)200 * 200 * 4);
		s[i].frame.cursor = (struct cursor){&image[i], 100, 100};
		s[i].frame.release = not_released;
		s[i].frame.refs = 1;
		assert_int_equal(picture_init(&want[i], BIG_W, BIG_H, COLOUR_BT709, false), 0);
		assert_int_equal(conversion_run(&c, &s[i].frame, &want[i]), 0);
		assert_true(c.on_gpu);
	}
	conversion_queue_init(&q, CONVERT_GPU, &got);
	for (unsigned round = 0; round < 3; round++) {
		unsigned put = 0, taken = 0;

		/* Read in place at first, then copied up. */
		for (unsigned i = 0; round == 1 && i < N; i++) {
			fd[i] = s[i].frame.plane[0].fd;
			s[i].frame.plane[0].fd = -1;
		}
		while (put < CONVERSION_QUEUE_MAX)
			assert_int_equal(conversion_queue_put(&q, &s[put++].frame), 0);
		assert_int_equal(conversion_queue_put(&q, &s[put].frame), -ENOBUFS);
		for (unsigned i = 0; i < CONVERSION_QUEUE_MAX; i++) {
			const bool aside = i < CONVERSION_QUEUE_MAX - CONVERSION_GPU_SLOTS;

			assert_int_equal(atomic_load(&s[i].frame.refs), aside ? 1 : 2);
		}
		while (taken < N) {
			assert_int_equal(conversion_queue_take(&q, &got, true), 0);
			assert_memory_equal(got.luma, want[taken].luma, picture_bytes(&got));
			assert_int_equal(atomic_load(&s[taken++].frame.refs), 1);
			if (put < N)
				assert_int_equal(conversion_queue_put(&q, &s[put++].frame), 0);
		}
		assert_int_equal(conversion_queue_take(&q, &got, true), -EAGAIN);
	}
	assert_true(q.conversion.on_gpu);
	/* With some in flight. */
	for (unsigned i = 0; i < CONVERSION_QUEUE_MAX; i++)
		assert_int_equal(conversion_queue_put(&q, &s[i].frame), 0);
	conversion_queue_finish(&q);
	conversion_finish(&c);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(atomic_load(&s[i].frame.refs), 1);
		picture_finish(&want[i]);
		s[i].frame.plane[0].fd = fd[i];
		source_finish(&s[i]);
	}
	picture_finish(&got);
}

/* --- into a file --- */

static void assert_recorded(unsigned count)
{
	struct movie_state end;
	struct movie *m = start("a.y4m", NS_NEVER, CONVERT_GPU);
	uint8_t *bytes;
	size_t len;

	for (unsigned n = 0; n < count; n++)
		give(m, n, 1 + n, FOURCC_XRGB8888);
	movie_stop(m, &end);
	assert_int_equal(end.err, 0);
	assert_int_equal(end.frames, count);
	assert_int_equal(end.gaps + end.unusable, 0);
	assert_int_equal(slots_out(&feed.slots), 0);
	len = load("a.y4m", &bytes);
	assert_holds(bytes, len, count, NEAR);
	free(bytes);
}

static void every_picture_is_in_the_file(void **state)
{
	(void)state;
	assert_recorded(100);
	assert_int_equal(submits, 100);
}

/* It is seen when one is handed over, or when one is awaited. */
static void with_a_gpu_that_is_lost_too(void **state)
{
	(void)state;
	for (unsigned at = 1; at < 12; at += 3) {
		atomic_store(&submits, 0);
		atomic_store(&lost_after, at);
		assert_recorded(40);
		assert_int_equal(submits, at);
		assert_int_equal(unlink(in_scratch("a.y4m")), 0);
	}
}

static void a_source_that_stands_still_leaves_none_on_the_gpu(void **state)
{
	struct movie *m = start("a.y4m", NS_NEVER, CONVERT_GPU);
	struct movie_state end;

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		give(m, n, 1 + n, FOURCC_XRGB8888);
	while (movie_state(m).frames < 3 || slots_out(&feed.slots))
		clock_sleep_until(clock_ns() + NS_PER_MS);
	movie_stop(m, &end);
	assert_int_equal(end.frames, 3);
}

/* Until the memory for pictures, the ring and its stash are full. */
static void a_disk_that_stands_still_loses_nothing_when_it_goes_on(void **state)
{
	struct reader r = {0};
	struct movie_state end = record_to_reader(&r, CONVERT_GPU, 320);

	(void)state;
	assert_int_equal(end.err, 0);
	assert_int_equal(end.frames, 320);
	assert_int_equal(end.gaps + end.unusable, 0);
	assert_int_equal(submits, 320);
	assert_holds(r.bytes, r.len, 320, NEAR);
	free(r.bytes);
}

static void a_disk_that_is_full_gives_every_buffer_back(void **state)
{
	struct movie_params p = {.length_ns = NS_NEVER, .convert = CONVERT_GPU, .file = y4m};
	struct movie_state end;
	struct movie *m;

	(void)state;
	slots_init(&feed.slots, POOL);
	p.file.force = true;
	assert_int_equal(movie_start(&m, "/dev/full", &p), 0);
	for (unsigned n = 0; n < 40; n++)
		give(m, n, 1 + n, FOURCC_XRGB8888);
	movie_stop(m, &end);
	assert_int_equal(end.err, -ENOSPC);
	assert_int_equal(end.frames, 0);
	assert_int_equal(slots_out(&feed.slots), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_are_the_same_as_one_at_a_time),
		TEST(every_picture_is_in_the_file),
		TEST(with_a_gpu_that_is_lost_too),
		TEST(a_source_that_stands_still_leaves_none_on_the_gpu),
		TEST(a_disk_that_stands_still_loses_nothing_when_it_goes_on),
		TEST(a_disk_that_is_full_gives_every_buffer_back),
	};

	gpu_device_close(rig_device());
	return cmocka_run_group_tests(tests, NULL, NULL);
}

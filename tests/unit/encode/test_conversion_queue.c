// SPDX-License-Identifier: GPL-3.0-or-later
/* Several pictures under way: order, whose frames are kept how long, and that nothing is lost with the GPU. */
#include "conversion_rig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "encode/conversion_queue.h"

#define MAX   CONVERSION_QUEUE_MAX
#define WHITE 235 /* as the CPU makes it */

static struct conversion_queue queue;
static struct frame frame[2 * MAX];
static unsigned released;

static void on_release(struct frame *f, int fence_fd)
{
	(void)f, (void)fence_fd;
	released++;
}

static void begin(enum convert_where where)
{
	released = 0;
	gpu.run_rc = 0;
	gpu.pending = gpu.received = gpu.receive_rc = 0;
	conversion_queue_init(&queue, where, &dst);
}

/* As a source does, which keeps none of them. */
static int put(unsigned n, bool mapped)
{
	int rc;

	frame[n] = rig_frame(mapped);
	frame[n].release = on_release;
	frame[n].refs = 1;
	rc = conversion_queue_put(&queue, &frame[n]);
	frame_unref(&frame[n], -1);
	return rc;
}

static int take(bool wait)
{
	memset(dst.luma, 0, dst.stride);
	return conversion_queue_take(&queue, &dst, wait);
}

static void assert_taken(unsigned luma)
{
	assert_int_equal(take(true), 0);
	assert_int_equal(dst.luma[0], luma);
}

static void they_come_in_order_and_what_is_aside_needs_no_frame(void **state)
{
	(void)state;
	begin(CONVERT_GPU);
	assert_int_equal(take(true), -EAGAIN);
	assert_int_equal(take(false), -EAGAIN);
	for (unsigned round = 0; round < 3; round++) {
		const unsigned before = (unsigned)gpu.received;

		released = 0;
		gpu.late = true;
		for (unsigned n = 0; n < MAX; n++) {
			assert_int_equal(conversion_queue_busy(&queue), n >= CONVERSION_GPU_SLOTS);
			assert_int_equal(put(n, true), 0);
			assert_int_equal(conversion_queue_pending(&queue), n + 1);
			assert_int_equal(released, n < CONVERSION_GPU_SLOTS ? 0 : n + 1 - CONVERSION_GPU_SLOTS);
		}
		/* No room: it stays the source's. */
		assert_int_equal(put(MAX, true), -ENOBUFS);
		assert_int_equal(released, MAX - CONVERSION_GPU_SLOTS + 1);
		for (unsigned n = 0; n < MAX - CONVERSION_GPU_SLOTS; n++) {
			assert_int_equal(take(false), 0);
			assert_int_equal(dst.luma[0], DONE + before + n);
		}
		assert_int_equal(take(false), -EAGAIN);
		assert_int_equal(dst.luma[0], 0);
		assert_int_equal(conversion_queue_pending(&queue), CONVERSION_GPU_SLOTS);
		for (unsigned n = MAX - CONVERSION_GPU_SLOTS; n < MAX; n++)
			assert_taken(DONE + before + n);
		assert_int_equal(released, MAX + 1);
		assert_int_equal(take(true), -EAGAIN);
	}
	conversion_queue_finish(&queue);
	assert_int_equal(gpu.closes, 1);
}

/* Two are aside by then, two in flight: these the CPU makes, from their frames, and all that come later. */
static void what_the_gpu_loses_the_cpu_makes(void **state)
{
	static const int lost[] = {-EIO, -ETIMEDOUT, -ENOMEM};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		begin(CONVERT_GPU);
		for (unsigned n = 0; n < MAX; n++)
			assert_int_equal(put(n, true), 0);
		gpu.receive_rc = lost[i];
		for (unsigned n = 0; n < MAX - CONVERSION_GPU_SLOTS; n++)
			assert_taken(DONE + n);
		for (unsigned n = 0; n < CONVERSION_GPU_SLOTS; n++) {
			assert_int_equal(take(false), 0);
			assert_int_equal(dst.luma[0], WHITE);
		}
		assert_int_equal(conversion_by(&queue.conversion), CONVERTER_GPU_FAILED);
		gpu.receive_rc = 0;
		assert_int_equal(put(0, true), 0);
		assert_taken(WHITE);
		assert_int_equal(gpu.runs, MAX * (i + 1));
		assert_int_equal(released, MAX + 1);
		conversion_queue_finish(&queue);
	}
}

static void what_a_gpu_that_hangs_may_read_stays_out(void **state)
{
	(void)state;
	begin(CONVERT_GPU);
	for (unsigned n = 0; n < MAX; n++)
		assert_int_equal(put(n, true), 0);
	assert_int_equal(released, MAX - CONVERSION_GPU_SLOTS);
	gpu.receive_rc = -ETIMEDOUT;
	gpu.busy = true;
	for (unsigned n = 0; n < MAX; n++)
		assert_taken(n < MAX - CONVERSION_GPU_SLOTS ? DONE + n : WHITE);
	assert_int_not_equal(conversion_queue_tend(&queue), NS_NEVER);
	assert_int_equal(released, MAX - CONVERSION_GPU_SLOTS);
	gpu.busy = false;
	assert_int_equal(conversion_queue_tend(&queue), NS_NEVER);
	assert_int_equal(released, MAX);
	conversion_queue_finish(&queue);
	gpu.receive_rc = 0;
}

/* The device says so to the fourth: two are in flight, one aside. */
static void one_that_is_lost_on_the_way_in_is_made_in_its_turn(void **state)
{
	(void)state;
	begin(CONVERT_GPU);
	for (unsigned n = 0; n < MAX - 1; n++)
		assert_int_equal(put(n, true), 0);
	gpu.run_rc = -EIO;
	gpu.receive_rc = -EIO;
	assert_int_equal(put(MAX - 1, true), 0);
	assert_int_equal(put(MAX, true), -ENOBUFS);
	assert_taken(DONE);
	for (unsigned n = 1; n < MAX; n++)
		assert_taken(WHITE);
	assert_int_equal(take(true), -EAGAIN);
	assert_int_equal(released, MAX + 1);
	conversion_queue_finish(&queue);
}

/* Nobody else can read them: each is told and counted, what is aside is not lost. */
static void what_only_the_lost_gpu_could_read_is_an_error_each(void **state)
{
	(void)state;
	begin(CONVERT_AUTO);
	for (unsigned n = 0; n < MAX - 1; n++)
		assert_int_equal(put(n, false), 0);
	gpu.receive_rc = -EIO;
	assert_taken(DONE);
	assert_int_equal(take(true), -ENOTSUP);
	assert_int_equal(take(true), -ENOTSUP);
	assert_int_equal(dst.luma[0], 0);
	assert_int_equal(gpu.refused_all, 2);
	assert_int_equal(take(true), -EAGAIN);
	assert_int_equal(put(0, true), 0);
	assert_taken(WHITE);
	assert_int_equal(put(0, false), 0);
	assert_int_equal(take(true), -ENOTSUP);
	assert_int_equal(released, MAX + 1);
	conversion_queue_finish(&queue);
}

static void what_the_gpu_refuses_is_the_cpus_or_not_in_it(void **state)
{
	static const int refused[] = {-EAGAIN, -EBUSY, -ENOTSUP, -EINVAL, -ENOMEM};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		begin(CONVERT_GPU);
		assert_int_equal(put(0, true), 0);
		gpu.run_rc = refused[i];
		gpu.refused_one = 0;
		assert_int_equal(put(1, false), refused[i]);
		assert_int_equal(gpu.refused_one, refused[i] == -ENOTSUP);
		assert_int_equal(conversion_queue_pending(&queue), 1);
		assert_int_equal(put(2, true), 0);
		gpu.run_rc = 0;
		/* Nothing is begun behind one that waits for the CPU. */
		assert_int_equal(put(3, true), -ENOBUFS);
		assert_taken(DONE);
		assert_taken(WHITE);
		assert_int_equal(put(3, true), 0);
		assert_taken(DONE + 1);
		assert_int_equal(released, 5);
		conversion_queue_finish(&queue);
	}
}

static void memory_and_dmabufs_stay_in_order(void **state)
{
	(void)state;
	begin(CONVERT_AUTO);
	assert_int_equal(put(0, false), 0);
	assert_int_equal(put(1, false), 0);
	assert_int_equal(put(2, true), 0);
	assert_int_equal(put(3, false), -ENOBUFS);
	assert_taken(DONE);
	assert_taken(DONE + 1);
	assert_int_equal(put(3, false), -ENOBUFS);
	assert_taken(WHITE);
	assert_int_equal(put(3, false), 0);
	assert_taken(DONE + 2);
	conversion_queue_finish(&queue);
}

static void a_frame_that_is_no_good_to_the_cpu_is_an_error_in_its_turn(void **state)
{
	(void)state;
	begin(CONVERT_CPU);
	assert_int_equal(put(0, false), 0);
	assert_int_equal(put(1, true), -ENOBUFS);
	assert_int_equal(take(false), -ENOTSUP);
	assert_int_equal(gpu.refused_all, 1);
	assert_int_equal(put(1, true), 0);
	assert_taken(WHITE);
	assert_int_equal(gpu.opens, 0);
	conversion_queue_finish(&queue);
}

static void a_fence_that_does_not_come_is_waited_for_once(void **state)
{
	struct frame f = rig_frame(true);
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	begin(CONVERT_GPU);
	f.release = on_release;
	f.refs = 1;
	f.acquire_fence = fd[0];
	assert_int_equal(conversion_queue_put(&queue, &f), -ETIMEDOUT);
	assert_int_equal(conversion_queue_pending(&queue), 0);
	/* That was the source's fence: the GPU is as good as ever. */
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(conversion_queue_put(&queue, &f), 0);
	assert_taken(DONE);
	assert_int_equal(atomic_load(&f.refs), 1);
	conversion_queue_finish(&queue);
	close(fd[0]);
	close(fd[1]);
}

static void the_end_gives_back_what_is_under_way(void **state)
{
	(void)state;
	begin(CONVERT_GPU);
	for (unsigned n = 0; n < MAX; n++)
		assert_int_equal(put(n, true), 0);
	conversion_queue_finish(&queue);
	assert_int_equal(released, MAX);
	assert_int_equal(gpu.closes, 1);
	conversion_queue_finish(&queue);
	assert_int_equal(gpu.closes, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_come_in_order_and_what_is_aside_needs_no_frame),
		TEST(what_the_gpu_loses_the_cpu_makes),
		TEST(what_a_gpu_that_hangs_may_read_stays_out),
		TEST(one_that_is_lost_on_the_way_in_is_made_in_its_turn),
		TEST(what_only_the_lost_gpu_could_read_is_an_error_each),
		TEST(what_the_gpu_refuses_is_the_cpus_or_not_in_it),
		TEST(memory_and_dmabufs_stay_in_order),
		TEST(a_frame_that_is_no_good_to_the_cpu_is_an_error_in_its_turn),
		TEST(a_fence_that_does_not_come_is_waited_for_once),
		TEST(the_end_gives_back_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

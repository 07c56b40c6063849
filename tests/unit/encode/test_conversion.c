// SPDX-License-Identifier: GPL-3.0-or-later
/* Where pictures are converted, and what becomes of them when the GPU fails. */
#include "conversion_rig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "encode/closer.h"

static void auto_takes_the_gpu_for_what_the_cpu_cannot_read(void **state)
{
	struct frame odd = rig_frame(true);

	(void)state;
	conversion_init(&conversion, CONVERT_AUTO, &dst);
	assert_int_equal(rig_run(true), 0);
	rig_assert_by_cpu();
	assert_int_equal(conversion_by(&conversion), CONVERTER_CPU);
	assert_int_equal(gpu.opens, 0);
	assert_int_equal(rig_run(false), 0);
	assert_int_equal(dst.luma[0], DONE);
	assert_int_equal(conversion_by(&conversion), CONVERTER_GPU);
	assert_true(conversion.on_gpu);
	odd.fourcc = FOURCC_XBGR16161616F;
	assert_int_equal(conversion_run(&conversion, &odd, &dst), 0);
	odd = rig_frame(true);
	odd.modifier = 0x0100000000000001ull; /* a tiling */
	assert_int_equal(conversion_run(&conversion, &odd, &dst), 0);
	assert_int_equal(gpu.runs, 3);
	assert_int_equal(gpu.opens, 1);
	conversion_finish(&conversion);
	assert_int_equal(gpu.closes, 1);
}

/* The source's geometry is the same before and after, the picture's memory is not. */
static void what_the_gpu_painted_does_not_stay_beside_a_narrower_picture(void **state)
{
	struct frame narrow = rig_frame(true);

	(void)state;
	narrow.width = W / 2;
	conversion_init(&conversion, CONVERT_AUTO, &dst);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(conversion_run(&conversion, &narrow, &dst), 0);
		assert_int_equal(dst.luma[0], 16);
		assert_int_equal(dst.luma[W / 2], 235);
		assert_int_equal(dst.luma[W - 1], 16);
		assert_int_equal(rig_run(false), 0);
		assert_int_equal(dst.luma[0], DONE);
	}
	conversion_finish(&conversion);
}

static void cpu_never_asks_the_gpu(void **state)
{
	(void)state;
	conversion_init(&conversion, CONVERT_CPU, &dst);
	assert_int_equal(rig_run(true), 0);
	assert_int_equal(rig_run(false), -ENOTSUP);
	assert_int_equal(dst.luma[0], 0);
	assert_int_equal(gpu.opens, 0);
	conversion_finish(&conversion);
}

static void without_a_gpu_the_cpu_converts(void **state)
{
	(void)state;
	gpu.open_rc = -ENODEV;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rig_run(true), 0);
		rig_assert_by_cpu();
	}
	assert_int_equal(rig_run(false), -ENOTSUP);
	assert_int_equal(gpu.opens, 1);
	conversion_finish(&conversion);
	assert_int_equal(gpu.closes, 0);
}

static void when_the_gpu_is_lost_the_cpu_converts_that_very_picture(void **state)
{
	static const int lost[] = {-EIO, -ETIMEDOUT};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		conversion_init(&conversion, CONVERT_GPU, &dst);
		assert_int_equal(conversion_by(&conversion), CONVERTER_GPU);
		gpu.run_rc = 0;
		assert_int_equal(rig_run(true), 0);
		assert_int_equal(dst.luma[0], DONE);
		gpu.runs = 0;
		gpu.run_rc = lost[i];
		for (unsigned n = 0; n < 3; n++) {
			assert_int_equal(rig_run(true), 0);
			rig_assert_by_cpu();
			assert_int_equal(conversion_by(&conversion), CONVERTER_GPU_FAILED);
		}
		/* It is not asked again, well though it may be. */
		gpu.run_rc = 0;
		assert_int_equal(rig_run(true), 0);
		rig_assert_by_cpu();
		assert_int_equal(gpu.runs, 1);
		conversion_finish(&conversion);
	}
	assert_int_equal(gpu.closes, 2);
}

static void a_picture_that_the_gpu_refuses_does_not_lose_it(void **state)
{
	static const int refused[] = {-EAGAIN, -EBUSY, -ENOTSUP, -EINVAL, -ENOMEM};

	(void)state;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	for (unsigned i = 0; i < 5; i++) {
		gpu.run_rc = refused[i];
		assert_int_equal(rig_run(true), 0);
		rig_assert_by_cpu();
		assert_int_equal(rig_run(false), refused[i]);
		gpu.run_rc = 0;
		assert_int_equal(rig_run(true), 0);
		assert_int_equal(dst.luma[0], DONE);
	}
	conversion_finish(&conversion);
}

/* Nobody else can read these: the source is told to give others. */
static void what_a_lost_gpu_leaves_unread_is_refused(void **state)
{
	static const int lost[] = {-EIO, -ETIMEDOUT};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		conversion_init(&conversion, CONVERT_AUTO, &dst);
		gpu.run_rc = gpu.refused_all = 0;
		assert_int_equal(rig_run(false), 0);
		assert_int_equal(gpu.refused_all, 0);
		gpu.run_rc = lost[i];
		assert_int_equal(rig_run(false), -ENOTSUP);
		assert_int_equal(gpu.refused_all, 1);
		assert_int_equal(dst.luma[0], 0);
		/* What comes then is read by the CPU. */
		assert_int_equal(rig_run(true), 0);
		rig_assert_by_cpu();
		conversion_finish(&conversion);
	}
	assert_int_equal(gpu.refused_one, 0);
}

static void a_modifier_that_cannot_be_imported_is_refused_alone(void **state)
{
	(void)state;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	gpu.run_rc = -ENOTSUP;
	assert_int_equal(rig_run(false), -ENOTSUP);
	assert_int_equal(gpu.refused_one, 1);
	assert_int_equal(gpu.refused_all, 0);
	/* One that the CPU can read is no loss. */
	assert_int_equal(rig_run(true), 0);
	assert_int_equal(gpu.refused_one, 1);
	gpu.run_rc = 0;
	assert_int_equal(rig_run(false), 0);
	assert_int_equal(dst.luma[0], DONE);
	conversion_finish(&conversion);
}

static void a_fence_that_does_not_come_is_waited_for_once(void **state)
{
	struct frame f = rig_frame(true);
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	f.acquire_fence = fd[0];
	conversion_init(&conversion, CONVERT_GPU, &dst);
	assert_int_equal(conversion_run(&conversion, &f, &dst), -ETIMEDOUT);
	assert_int_equal(gpu.runs, 0);
	/* That was the source's fence: the GPU is as good as ever. */
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(conversion_run(&conversion, &f, &dst), 0);
	assert_int_equal(gpu.runs, 1);
	conversion_finish(&conversion);
	close(fd[0]);
	close(fd[1]);
}

static void a_stream_goes_on_when_the_gpu_is_lost_in_it(void **state)
{
	struct rig *r;

	(void)state;
	rig_convert = CONVERT_GPU;
	gpu.run_rc = -EIO;
	gpu.fails_from = 20;
	r = rig_begin(1000, true, NULL, 60);
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_int_equal(atomic_load(&gpu.runs), 20);
	assert_int_equal(STAT_GET(r->stats.idr_frames), 1);
	rig_stop_gapless(r);
	assert_int_equal(gpu.closes, 1);
}

static atomic_uint given_back;

static void on_release(struct frame *f, int fence_fd)
{
	(void)f;
	assert_int_equal(fence_fd, -1);
	given_back++;
}

/* As the encode thread has it: one reference, dropped behind the conversion. */
static int run_counted(struct frame *f)
{
	int rc;

	*f = rig_frame(false);
	f->release = on_release;
	atomic_init(&f->refs, 1);
	rc = conversion_run(&conversion, f, &dst);
	frame_unref(f, -1);
	return rc;
}

static void a_frame_that_a_hung_gpu_may_still_read_stays_out(void **state)
{
	enum { PASSES, LONG, ENDS, WAYS };
	struct frame read, after;

	(void)state;
	for (unsigned way = 0; way < WAYS; way++) {
		given_back = 0;
		gpu.run_rc = 0;
		gpu.busy = false;
		conversion_init(&conversion, CONVERT_AUTO, &dst);
		assert_int_equal(run_counted(&after), 0);
		assert_int_equal(given_back, 1);
		gpu.run_rc = -ETIMEDOUT;
		gpu.busy = true;
		assert_int_equal(run_counted(&read), -ENOTSUP);
		assert_int_equal(given_back, 1);
		/* It is the only one: nothing is given to that GPU any more. */
		assert_int_equal(run_counted(&after), -ENOTSUP);
		assert_int_equal(given_back, 2);
		conversion_tend(&conversion, clock_ns());
		assert_int_equal(given_back, 2);
		gpu.busy = way != PASSES;
		if (way == PASSES)
			conversion_tend(&conversion, clock_ns());
		if (way == LONG) /* a source that has to begin anew waits for its buffers */
			conversion_tend(&conversion, clock_ns() + CONVERSION_HOLD_NS);
		assert_int_equal(given_back, way == ENDS ? 2 : 3);
		conversion_tend(&conversion, clock_ns());
		conversion_finish(&conversion);
		assert_int_equal(given_back, 3);
	}
}

/* Main is not held by it, and the next stream does not go there. */
static void a_gpu_that_hangs_in_closing_is_left_alone(void **state)
{
	struct frame f;

	(void)state;
	given_back = 0;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	gpu.run_rc = -ETIMEDOUT;
	gpu.busy = gpu.close_hangs = true;
	run_counted(&f);
	conversion_finish(&conversion);
	assert_int_equal(given_back, 1);
	assert_int_equal(gpu.closes, 0);
	assert_false(closer_finish());
	while (!closer_hung())
		clock_sleep_until(clock_ns() + NS_PER_MS);
	conversion_init(&conversion, CONVERT_GPU, &dst);
	assert_int_equal(gpu.opens, 1);
	assert_int_equal(conversion_by(&conversion), CONVERTER_GPU_FAILED);
	conversion_finish(&conversion);
	gpu.close_hangs = gpu.busy = false;
	while (closer_look())
		clock_sleep_until(clock_ns() + NS_PER_MS);
	assert_int_equal(gpu.closes, 1);
	conversion_init(&conversion, CONVERT_GPU, &dst);
	assert_int_equal(gpu.opens, 2);
	conversion_finish(&conversion);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(auto_takes_the_gpu_for_what_the_cpu_cannot_read, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(what_the_gpu_painted_does_not_stay_beside_a_narrower_picture, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(cpu_never_asks_the_gpu, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(without_a_gpu_the_cpu_converts, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(when_the_gpu_is_lost_the_cpu_converts_that_very_picture, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(a_picture_that_the_gpu_refuses_does_not_lose_it, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(what_a_lost_gpu_leaves_unread_is_refused, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_modifier_that_cannot_be_imported_is_refused_alone, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(a_fence_that_does_not_come_is_waited_for_once, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_stream_goes_on_when_the_gpu_is_lost_in_it, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_frame_that_a_hung_gpu_may_still_read_stays_out, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(a_gpu_that_hangs_in_closing_is_left_alone, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

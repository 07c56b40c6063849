// SPDX-License-Identifier: GPL-3.0-or-later
/* Where pictures are converted, and what becomes of them when the GPU fails: with a GPU that does as it is told. */
#include "worker_rig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "encode/conversion.h"

#define W    64u
#define H    48u
#define DONE 0x5a /* what the GPU paints */

struct conversion_gpu {
	int unused;
};

static struct conversion_gpu the_gpu;
static atomic_int opens, closes, runs, open_rc, run_rc, fails_from;

/* In place of conversion_gpu.c. */
int conversion_gpu_open(struct conversion_gpu **out, const struct picture *dst)
{
	(void)dst;
	opens++;
	*out = open_rc ? NULL : &the_gpu;
	return open_rc;
}

void conversion_gpu_close(struct conversion_gpu *g)
{
	closes += g != NULL;
}

void conversion_gpu_importable(struct dmabuf_formats *out)
{
	out->n = 0;
}

int conversion_gpu_run(struct conversion_gpu *g, const struct frame *f, struct picture *dst)
{
	(void)f;
	assert_ptr_equal(g, &the_gpu);
	runs++;
	if (fails_from ? runs >= fails_from : run_rc)
		return run_rc;
	memset(dst->luma, DONE, dst->stride);
	return 0;
}

static unsigned refused_one, refused_all; /* times that the source was told: this, or every dma-buf */
static uint32_t pixels[W * H];
static struct picture dst;
static struct conversion conversion;

static void refuse(struct frame *f, bool all_dmabufs)
{
	(void)f;
	refused_one += !all_dmabufs;
	refused_all += all_dmabufs;
}

static struct frame frame(bool mapped)
{
	return (struct frame){
		.width = W,
		.height = H,
		.fourcc = FOURCC_XRGB8888,
		.n_planes = 1,
		.plane[0] = {.fd = -1, .stride = W * 4},
		.map[0] = mapped ? pixels : NULL,
		.acquire_fence = -1,
		.refuse = refuse,
	};
}

static int setup(void **state)
{
	(void)state;
	opens = closes = runs = open_rc = run_rc = fails_from = 0;
	refused_one = refused_all = 0;
	rig_convert = CONVERT_AUTO;
	memset(pixels, 0xff, sizeof(pixels));
	return picture_init(&dst, W, H, COLOUR_BT709, false);
}

static int teardown(void **state)
{
	(void)state;
	picture_finish(&dst);
	return 0;
}

static int run(bool mapped)
{
	struct frame f = frame(mapped);

	memset(dst.luma, 0, dst.stride);
	return conversion_run(&conversion, &f, &dst);
}

static void assert_by_cpu(void)
{
	assert_int_equal(dst.luma[0], 235);
	assert_false(conversion.on_gpu);
}

static void auto_takes_the_gpu_for_what_the_cpu_cannot_read(void **state)
{
	struct frame odd = frame(true);

	(void)state;
	conversion_init(&conversion, CONVERT_AUTO, &dst);
	assert_int_equal(run(true), 0);
	assert_by_cpu();
	assert_int_equal(conversion_by(&conversion), CONVERTER_CPU);
	assert_int_equal(opens, 0);
	assert_int_equal(run(false), 0);
	assert_int_equal(dst.luma[0], DONE);
	assert_int_equal(conversion_by(&conversion), CONVERTER_GPU);
	assert_true(conversion.on_gpu);
	odd.fourcc = FOURCC_XBGR16161616F;
	assert_int_equal(conversion_run(&conversion, &odd, &dst), 0);
	odd = frame(true);
	odd.modifier = 0x0100000000000001ull; /* a tiling */
	assert_int_equal(conversion_run(&conversion, &odd, &dst), 0);
	assert_int_equal(runs, 3);
	assert_int_equal(opens, 1);
	conversion_finish(&conversion);
	assert_int_equal(closes, 1);
}

static void cpu_never_asks_the_gpu(void **state)
{
	(void)state;
	conversion_init(&conversion, CONVERT_CPU, &dst);
	assert_int_equal(run(true), 0);
	assert_int_equal(run(false), -ENOTSUP);
	assert_int_equal(dst.luma[0], 0);
	assert_int_equal(opens, 0);
	conversion_finish(&conversion);
}

static void without_a_gpu_the_cpu_converts(void **state)
{
	(void)state;
	open_rc = -ENODEV;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(run(true), 0);
		assert_by_cpu();
	}
	assert_int_equal(run(false), -ENOTSUP);
	assert_int_equal(opens, 1);
	conversion_finish(&conversion);
	assert_int_equal(closes, 0);
}

static void when_the_gpu_is_lost_the_cpu_converts_that_very_picture(void **state)
{
	static const int lost[] = {-EIO, -ETIMEDOUT};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		conversion_init(&conversion, CONVERT_GPU, &dst);
		assert_int_equal(conversion_by(&conversion), CONVERTER_GPU);
		run_rc = 0;
		assert_int_equal(run(true), 0);
		assert_int_equal(dst.luma[0], DONE);
		runs = 0;
		run_rc = lost[i];
		for (unsigned n = 0; n < 3; n++) {
			assert_int_equal(run(true), 0);
			assert_by_cpu();
			assert_int_equal(conversion_by(&conversion), CONVERTER_GPU_FAILED);
		}
		/* It is not asked again, well though it may be. */
		run_rc = 0;
		assert_int_equal(run(true), 0);
		assert_by_cpu();
		assert_int_equal(runs, 1);
		conversion_finish(&conversion);
	}
	assert_int_equal(closes, 2);
}

static void a_picture_that_the_gpu_refuses_does_not_lose_it(void **state)
{
	static const int refused[] = {-EAGAIN, -EBUSY, -ENOTSUP, -EINVAL, -ENOMEM};

	(void)state;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	for (unsigned i = 0; i < 5; i++) {
		run_rc = refused[i];
		assert_int_equal(run(true), 0);
		assert_by_cpu();
		assert_int_equal(run(false), refused[i]);
		run_rc = 0;
		assert_int_equal(run(true), 0);
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
		run_rc = refused_all = 0;
		assert_int_equal(run(false), 0);
		assert_int_equal(refused_all, 0);
		run_rc = lost[i];
		assert_int_equal(run(false), -ENOTSUP);
		assert_int_equal(refused_all, 1);
		assert_int_equal(dst.luma[0], 0);
		/* What comes then is read by the CPU. */
		assert_int_equal(run(true), 0);
		assert_by_cpu();
		conversion_finish(&conversion);
	}
	assert_int_equal(refused_one, 0);
}

static void a_modifier_that_cannot_be_imported_is_refused_alone(void **state)
{
	(void)state;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	run_rc = -ENOTSUP;
	assert_int_equal(run(false), -ENOTSUP);
	assert_int_equal(refused_one, 1);
	assert_int_equal(refused_all, 0);
	/* One that the CPU can read is no loss. */
	assert_int_equal(run(true), 0);
	assert_int_equal(refused_one, 1);
	run_rc = 0;
	assert_int_equal(run(false), 0);
	assert_int_equal(dst.luma[0], DONE);
	conversion_finish(&conversion);
}

static void a_fence_that_does_not_come_is_waited_for_once(void **state)
{
	struct frame f = frame(true);
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	f.acquire_fence = fd[0];
	conversion_init(&conversion, CONVERT_GPU, &dst);
	assert_int_equal(conversion_run(&conversion, &f, &dst), -ETIMEDOUT);
	assert_int_equal(runs, 0);
	/* That was the source's fence: the GPU is as good as ever. */
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(conversion_run(&conversion, &f, &dst), 0);
	assert_int_equal(runs, 1);
	conversion_finish(&conversion);
	close(fd[0]);
	close(fd[1]);
}

static void a_stream_goes_on_when_the_gpu_is_lost_in_it(void **state)
{
	struct rig *r;

	(void)state;
	rig_convert = CONVERT_GPU;
	run_rc = -EIO;
	fails_from = 20;
	r = rig_begin(1000, true, NULL, 60);
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_int_equal(atomic_load(&runs), 20);
	assert_int_equal(STAT_GET(r->stats.idr_frames), 1);
	rig_stop_gapless(r);
	assert_int_equal(closes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(auto_takes_the_gpu_for_what_the_cpu_cannot_read, setup, teardown),
		cmocka_unit_test_setup_teardown(cpu_never_asks_the_gpu, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_gpu_the_cpu_converts, setup, teardown),
		cmocka_unit_test_setup_teardown(when_the_gpu_is_lost_the_cpu_converts_that_very_picture, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_picture_that_the_gpu_refuses_does_not_lose_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_lost_gpu_leaves_unread_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_modifier_that_cannot_be_imported_is_refused_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_fence_that_does_not_come_is_waited_for_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_goes_on_when_the_gpu_is_lost_in_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

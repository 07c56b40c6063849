// SPDX-License-Identifier: GPL-3.0-or-later
/* Where pictures are converted, and what becomes of them when the GPU fails: with a GPU that does as it is told. */
#include "worker_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "encode/conversion.h"
#include "encode/registry.h"

#define W    64u
#define H    48u
#define DONE 0x5a    /* what the GPU paints */
#define NODE 0x12345 /* of the encoder */
#define KEPT 0x77    /* what it brings back of a picture that stayed with it */

struct conversion_gpu {
	int unused;
};

static struct conversion_gpu the_gpu;
static atomic_int opens, closes, runs, open_rc, run_rc, fails_from;
static atomic_int sharing, shares, share_rc, fetches, fetch_rc; /* of pictures that stay */
static uint64_t node;                                           /* of the GPU */
static const struct picture_share share = {.fd = -1, .id = 1};

/* In place of conversion_gpu.c. */
int conversion_gpu_open(struct conversion_gpu **out, const struct picture *dst, uint64_t drm)
{
	int rc = drm && drm != node ? -ENODEV : open_rc;

	(void)dst;
	opens++;
	*out = rc ? NULL : &the_gpu;
	return rc;
}

void conversion_gpu_close(struct conversion_gpu *g)
{
	closes += g != NULL;
}

void conversion_gpu_importable(uint64_t drm, struct dmabuf_formats *out)
{
	out->n = drm ? drm == node : 2;
}

bool conversion_gpu_is(const struct conversion_gpu *g, uint64_t drm)
{
	assert_ptr_equal(g, &the_gpu);
	return drm == node;
}

int conversion_gpu_share(struct conversion_gpu *g, bool on, const struct picture *dst)
{
	(void)dst;
	assert_ptr_equal(g, &the_gpu);
	assert_int_not_equal(on, sharing);
	if (on && share_rc)
		return share_rc;
	sharing = on;
	shares += on;
	return 0;
}

int conversion_gpu_fetch(struct conversion_gpu *g, struct picture *dst)
{
	assert_ptr_equal(g, &the_gpu);
	assert_true(sharing);
	assert_ptr_equal(dst->share, &share);
	fetches++;
	if (!fetch_rc)
		memset(dst->luma, KEPT, dst->stride);
	return fetch_rc;
}

int conversion_gpu_run(struct conversion_gpu *g, const struct frame *f, struct picture *dst, uint64_t *copied)
{
	(void)f;
	assert_ptr_equal(g, &the_gpu);
	runs++;
	if (fails_from ? runs >= fails_from : run_rc)
		return run_rc;
	if (sharing) {
		dst->share = &share;
		return 0;
	}
	*copied += 1;
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
	sharing = shares = share_rc = fetches = fetch_rc = 0;
	node = NODE;
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

/* --- pictures that stay on the GPU --- */

static void auto_leaves_pictures_on_the_encoders_own_gpu(void **state)
{
	(void)state;
	conversion_init(&conversion, CONVERT_AUTO, &dst);
	conversion_share(&conversion, 0, &dst);
	assert_int_equal(opens, 0);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(conversion_by(&conversion), CONVERTER_GPU_SHARED);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(shares, 1);
	/* What the CPU could read as well, too. */
	assert_int_equal(run(true), 0);
	assert_int_equal(run(false), 0);
	assert_int_equal(runs, 2);
	assert_ptr_equal(dst.share, &share);
	assert_int_equal(dst.luma[0], 0);
	assert_int_equal(conversion.copied, 0);

	/* Another encoder goes on with the same picture. */
	conversion_share(&conversion, 0, &dst);
	assert_null(dst.share);
	assert_int_equal(dst.luma[0], KEPT);
	assert_false(sharing);
	assert_int_equal(conversion.copied, picture_bytes(&dst));
	assert_int_equal(run(true), 0);
	assert_by_cpu();
	assert_int_equal(conversion_by(&conversion), CONVERTER_CPU);
	conversion_finish(&conversion);
	assert_int_equal(fetches, 1);
}

static void another_gpu_shares_only_by_wish(void **state)
{
	(void)state;
	node = NODE + 1;
	conversion_init(&conversion, CONVERT_AUTO, &dst);
	conversion_share(&conversion, NODE, &dst);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(opens, 1);
	assert_int_equal(shares, 0);
	assert_int_equal(run(true), 0);
	assert_by_cpu();
	assert_int_equal(conversion_by(&conversion), CONVERTER_CPU); /* nothing has failed */
	/* It is as good as any for what only a GPU reads. */
	assert_int_equal(run(false), 0);
	assert_int_equal(dst.luma[0], DONE);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(shares, 0);
	conversion_finish(&conversion);
	conversion_init(&conversion, CONVERT_CPU, &dst);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(shares, 0);
	conversion_finish(&conversion);
	conversion_init(&conversion, CONVERT_GPU, &dst);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(shares, 1);
	conversion_finish(&conversion);
}

static void a_gpu_that_shares_nothing_gives_memory(void **state)
{
	(void)state;
	share_rc = -ENOTSUP;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(conversion_by(&conversion), CONVERTER_GPU);
	assert_int_equal(run(true), 0);
	assert_null(dst.share);
	assert_int_equal(dst.luma[0], DONE);
	conversion_finish(&conversion);
}

/* With the GPU, or without it afterwards, or with a picture of the CPU after it: never a picture that is nowhere. */
static void a_picture_that_was_lost_with_the_gpu_is_black(void **state)
{
	static const struct {
		int fetch_rc, run_rc;
		uint8_t luma;
		bool readable;
	} rows[] = {{-EIO, 0, 16, true},  {-ETIMEDOUT, 0, 16, true},  {0, -EIO, 235, true},
		    {0, -EIO, 16, false}, {0, -ETIMEDOUT, 16, false}, {0, 0, KEPT, true}};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		fetch_rc = rows[i].fetch_rc;
		run_rc = fetches = sharing = 0;
		dst.share = NULL;
		conversion_init(&conversion, CONVERT_GPU, &dst);
		conversion_share(&conversion, NODE, &dst);
		assert_int_equal(run(true), 0);
		assert_ptr_equal(dst.share, &share);
		if (rows[i].run_rc) {
			run_rc = rows[i].run_rc;
			assert_int_equal(run(rows[i].readable), rows[i].readable ? 0 : -ENOTSUP);
			assert_null(dst.share);
		}
		conversion_share(&conversion, 0, &dst);
		assert_null(dst.share);
		assert_int_equal(dst.luma[0], rows[i].luma);
		assert_int_equal(fetches, !rows[i].run_rc);
		assert_int_equal(conversion.gpu_failed, rows[i].fetch_rc || rows[i].run_rc);
		conversion_finish(&conversion);
	}
}

static void dmabufs_are_asked_for_where_nobody_maps_them(void **state)
{
	struct dmabuf_formats list;

	(void)state;
	conversion_importable(CONVERT_GPU, 0, &list);
	assert_int_equal(list.n, 2);
	conversion_importable(CONVERT_GPU, NODE, &list);
	assert_int_equal(list.n, 2);
	conversion_importable(CONVERT_AUTO, 0, &list);
	assert_int_equal(list.n, 0);
	conversion_importable(CONVERT_AUTO, NODE, &list);
	assert_int_equal(list.n, 1);
	conversion_importable(CONVERT_AUTO, NODE + 1, &list);
	assert_int_equal(list.n, 0);
	conversion_importable(CONVERT_CPU, NODE, &list);
	assert_int_equal(list.n, 0);
}

/* The stand-in, but that it reads pictures on the GPU. */
static struct encoder_ops reader;
static const struct encoder_ops *grey;
static atomic_int read_there, read_here;
static atomic_int reads_rc, always_rc; /* what it says of a picture on the GPU, of any */

static int reader_probe(enum codec codec, struct enc_caps *caps)
{
	int rc = grey->probe(codec, caps);

	caps->flags |= ENC_SHARED;
	return rc;
}

static void reader_describe(enum codec codec, struct encoder_details *d)
{
	(void)codec;
	snprintf(d->device, sizeof(d->device), "/dev/null");
}

static int reader_submit(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	if ((pic->share && reads_rc) || always_rc)
		return always_rc ? always_rc : reads_rc;
	read_there += pic->share != NULL;
	read_here += pic->share == NULL;
	return grey->submit(e, pic, r);
}

static struct rig *begin_with_reader(int rc)
{
	struct encoder_choice c = {.at = {{&reader, ""}}, .n = 2};
	struct rig *r;

	grey = encoder_find("null", CODEC_H264, NULL);
	assert_non_null(grey);
	c.at[1].ops = grey;
	c.at[1].preset = "";
	reader = *grey;
	reader.name = "reader";
	reader.probe = reader_probe;
	reader.describe = reader_describe;
	reader.submit = reader_submit;
	read_there = read_here = always_rc = 0;
	reads_rc = rc;
	node = encoder_drm(&reader, CODEC_H264);
	assert_int_not_equal(node, 0);
	r = rig_start_with(500000, 1000, true, &c, EARLY_OFF);
	encode_worker_begin(r->worker);
	rig_feed(r, 20);
	rig_wait_seen(r, 20);
	return r;
}

static void an_encoder_that_reads_dmabufs_gets_them(void **state)
{
	struct rig *r = begin_with_reader(0);

	(void)state;
	assert_int_equal(fetches, 0);
	assert_true(read_there >= 20);
	assert_int_equal(read_here, 0);
	assert_non_null(strstr(encode_worker_describe(r->worker), "stay on the GPU"));
	rig_stop_gapless(r);
}

static void one_that_cannot_read_this_one_gets_that_very_picture_in_memory(void **state)
{
	struct rig *r = begin_with_reader(-ENOTSUP);

	(void)state;
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_int_equal(atomic_load(&r->changed), 0);
	assert_int_equal(fetches, 1);
	assert_int_equal(read_there, 0);
	assert_true(read_here >= 20);
	assert_int_equal(STAT_GET(r->stats.idr_frames), 1);
	rig_stop_gapless(r);
}

/* As drivers do that find out late: it is opened anew, in memory it works, and nobody takes its place. */
static void one_that_fails_with_the_first_gets_that_very_picture_in_memory(void **state)
{
	struct rig *r = begin_with_reader(-EIO);
	const struct encoder_ops *failed;
	const char *why;

	(void)state;
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_int_equal(atomic_load(&r->changed), 1);
	assert_true(encode_worker_tell(r->worker, &failed, &why));
	assert_non_null(strstr(why, "opened anew"));
	assert_null(strstr(encode_worker_describe(r->worker), "stay on the GPU"));
	assert_int_equal(fetches, 1);
	assert_int_equal(read_there, 0);
	assert_true(read_here >= 20);
	rig_stop(r);
}

static void the_encoder_that_takes_over_gets_the_picture_in_memory(void **state)
{
	struct rig *r = begin_with_reader(0);
	const struct encoder_ops *failed;
	const char *why;
	int before;

	(void)state;
	before = fetches;
	always_rc = -EIO;
	rig_feed(r, 20);
	rig_wait_seen(r, 40);
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_true(encode_worker_tell(r->worker, &failed, &why));
	assert_ptr_equal(failed, &reader);
	assert_non_null(strstr(why, "null goes on"));
	assert_null(strstr(encode_worker_describe(r->worker), "stay on the GPU"));
	assert_int_equal(fetches, before + 1);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(auto_leaves_pictures_on_the_encoders_own_gpu, setup, teardown),
		cmocka_unit_test_setup_teardown(another_gpu_shares_only_by_wish, setup, teardown),
		cmocka_unit_test_setup_teardown(a_gpu_that_shares_nothing_gives_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(a_picture_that_was_lost_with_the_gpu_is_black, setup, teardown),
		cmocka_unit_test_setup_teardown(dmabufs_are_asked_for_where_nobody_maps_them, setup, teardown),
		cmocka_unit_test_setup_teardown(an_encoder_that_reads_dmabufs_gets_them, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_cannot_read_this_one_gets_that_very_picture_in_memory, setup,
						teardown),
		cmocka_unit_test_setup_teardown(one_that_fails_with_the_first_gets_that_very_picture_in_memory, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_encoder_that_takes_over_gets_the_picture_in_memory, setup,
						teardown),
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

// SPDX-License-Identifier: GPL-3.0-or-later
/* Pictures that stay on the GPU, for encoders that read them there: when, and what becomes of them when they no longer
 * may. */
#include "conversion_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "encode/failover.h"
#include "encode/registry.h"

static void auto_leaves_pictures_on_the_encoders_own_gpu(void **state)
{
	(void)state;
	conversion_init(&conversion, CONVERT_AUTO, &dst);
	conversion_share(&conversion, 0, &dst);
	assert_int_equal(gpu.opens, 0);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(conversion_by(&conversion), CONVERTER_GPU_SHARED);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(gpu.shares, 1);
	/* What the CPU could read as well, too. */
	assert_int_equal(rig_run(true), 0);
	assert_int_equal(rig_run(false), 0);
	assert_int_equal(gpu.runs, 2);
	assert_ptr_equal(dst.share, &gpu_share);
	assert_int_equal(dst.luma[0], 0);
	assert_int_equal(conversion.copied, 0);

	/* Another encoder goes on with the same picture. */
	conversion_share(&conversion, 0, &dst);
	assert_null(dst.share);
	assert_int_equal(dst.luma[0], KEPT);
	assert_false(gpu.sharing);
	assert_int_equal(conversion.copied, picture_bytes(&dst));
	assert_int_equal(rig_run(true), 0);
	rig_assert_by_cpu();
	assert_int_equal(conversion_by(&conversion), CONVERTER_CPU);
	conversion_finish(&conversion);
	assert_int_equal(gpu.fetches, 1);
}

static void what_was_brought_back_does_not_stay_beside_a_narrower_picture(void **state)
{
	struct frame narrow = rig_frame(true);

	(void)state;
	narrow.width = W / 2;
	conversion_init(&conversion, CONVERT_AUTO, &dst);
	assert_int_equal(conversion_run(&conversion, &narrow, &dst), 0);
	assert_int_equal(dst.luma[0], 16);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(conversion_run(&conversion, &narrow, &dst), 0);
	conversion_share(&conversion, 0, &dst);
	assert_int_equal(dst.luma[0], KEPT);
	assert_int_equal(conversion_run(&conversion, &narrow, &dst), 0);
	assert_int_equal(dst.luma[0], 16);
	assert_int_equal(dst.luma[W / 2], 235);
	conversion_finish(&conversion);
}

static void another_gpu_shares_only_by_wish(void **state)
{
	(void)state;
	gpu.node = NODE + 1;
	conversion_init(&conversion, CONVERT_AUTO, &dst);
	conversion_share(&conversion, NODE, &dst);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(gpu.opens, 1);
	assert_int_equal(gpu.shares, 0);
	assert_int_equal(rig_run(true), 0);
	rig_assert_by_cpu();
	assert_int_equal(conversion_by(&conversion), CONVERTER_CPU); /* nothing has failed */
	/* It is as good as any for what only a GPU reads. */
	assert_int_equal(rig_run(false), 0);
	assert_int_equal(dst.luma[0], DONE);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(gpu.shares, 0);
	conversion_finish(&conversion);
	conversion_init(&conversion, CONVERT_CPU, &dst);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(gpu.shares, 0);
	conversion_finish(&conversion);
	conversion_init(&conversion, CONVERT_GPU, &dst);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(gpu.shares, 1);
	conversion_finish(&conversion);
}

static void a_gpu_that_shares_nothing_gives_memory(void **state)
{
	(void)state;
	gpu.share_rc = -ENOTSUP;
	conversion_init(&conversion, CONVERT_GPU, &dst);
	conversion_share(&conversion, NODE, &dst);
	assert_int_equal(conversion_by(&conversion), CONVERTER_GPU);
	assert_int_equal(rig_run(true), 0);
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
		gpu.fetch_rc = rows[i].fetch_rc;
		gpu.run_rc = gpu.fetches = gpu.sharing = 0;
		dst.share = NULL;
		conversion_init(&conversion, CONVERT_GPU, &dst);
		conversion_share(&conversion, NODE, &dst);
		assert_int_equal(rig_run(true), 0);
		assert_ptr_equal(dst.share, &gpu_share);
		if (rows[i].run_rc) {
			gpu.run_rc = rows[i].run_rc;
			assert_int_equal(rig_run(rows[i].readable), rows[i].readable ? 0 : -ENOTSUP);
			assert_null(dst.share);
		}
		conversion_share(&conversion, 0, &dst);
		assert_null(dst.share);
		assert_int_equal(dst.luma[0], rows[i].luma);
		assert_int_equal(gpu.fetches, !rows[i].run_rc);
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

static struct encoder_choice choose_reader(int rc)
{
	struct encoder_choice c = {.at = {{&reader, ""}}, .n = 2};

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
	gpu.node = encoder_drm(&reader, CODEC_H264);
	assert_int_not_equal(gpu.node, 0);
	return c;
}

static struct rig *begin_with_reader(int rc)
{
	const struct encoder_choice c = choose_reader(rc);
	struct rig *r;

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
	assert_int_equal(gpu.fetches, 0);
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
	assert_int_equal(gpu.fetches, 1);
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
	assert_int_equal(gpu.fetches, 1);
	assert_int_equal(read_there, 0);
	assert_true(read_here >= 20);
	rig_stop(r);
}

/* That is no time of the encoder's, which has not hung. */
static void the_picture_may_take_long_to_come_into_memory(void **state)
{
	const struct encoder_ops *failed;
	const char *why;
	struct rig *r;

	(void)state;
	gpu.fetch_ms = FAILOVER_QUICK_NS / NS_PER_MS + 50;
	r = begin_with_reader(-EIO);
	assert_true(encode_worker_tell(r->worker, &failed, &why));
	assert_non_null(strstr(why, "opened anew"));
	assert_int_equal(gpu.fetches, 1);
	assert_true(read_here >= 20);
	rig_stop(r);
}

/* Sharing is arranged while the stream is announced. */
static void who_converts_is_said_from_the_start(void **state)
{
	const struct encoder_choice c = choose_reader(0);
	struct rig *r;

	(void)state;
	rig_convert = CONVERT_GPU;
	gpu.holds = 1;
	r = rig_start_with(500000, 1000, true, &c, EARLY_OFF);
	assert_non_null(strstr(encode_worker_describe(r->worker), ", GPU conversion"));
	gpu.holds = 0;
	encode_worker_begin(r->worker);
	rig_feed(r, 1);
	assert_non_null(strstr(encode_worker_describe(r->worker), "stay on the GPU"));
	rig_stop_gapless(r);
}

static void the_encoder_that_takes_over_gets_the_picture_in_memory(void **state)
{
	struct rig *r = begin_with_reader(0);
	const struct encoder_ops *failed;
	const char *why;
	int before;

	(void)state;
	before = gpu.fetches;
	always_rc = -EIO;
	rig_feed(r, 20);
	rig_wait_seen(r, 40);
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_true(encode_worker_tell(r->worker, &failed, &why));
	assert_ptr_equal(failed, &reader);
	assert_non_null(strstr(why, "null goes on"));
	assert_null(strstr(encode_worker_describe(r->worker), "stay on the GPU"));
	assert_int_equal(gpu.fetches, before + 1);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(auto_leaves_pictures_on_the_encoders_own_gpu, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_was_brought_back_does_not_stay_beside_a_narrower_picture,
						rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(another_gpu_shares_only_by_wish, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_gpu_that_shares_nothing_gives_memory, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_picture_that_was_lost_with_the_gpu_is_black, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(dmabufs_are_asked_for_where_nobody_maps_them, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(an_encoder_that_reads_dmabufs_gets_them, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(one_that_cannot_read_this_one_gets_that_very_picture_in_memory,
						rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(one_that_fails_with_the_first_gets_that_very_picture_in_memory,
						rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(the_picture_may_take_long_to_come_into_memory, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(who_converts_is_said_from_the_start, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(the_encoder_that_takes_over_gets_the_picture_in_memory, rig_setup,
						rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

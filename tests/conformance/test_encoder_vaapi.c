// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What VA-API must do beyond the rules for every encoder, on the hardware or stand-in that the environment names
 * (TEST_ENCODER_DEVICE). The stand-in is told in the environment which driver it is and when it fails, so each kind is
 * a process of its own; the argument is a pattern of the cases that are run.
 */
#include "encoder_rig.h"

#include <math.h>
#include <sys/mman.h>

#include "encode/choice.h"
#include "encode/vaapi_device.h"

static const struct encoder_ops *vaapi(void)
{
	const struct encoder_ops *ops = encoder_find("vaapi", defaults().video.codec, NULL);

	if (!ops)
		skip();
	return ops;
}

/* --- any driver --- */

/* In ffprobe's words. */
static const char *profile_said(const struct video_params *v)
{
	return v->yuv444 ? "profile=Rext\n" : v->depth > 8 ? "profile=Main 10\n" : "profile=Main\n";
}

/* Of the stream's own format, three planes of which the first is luma. */
static bool decode_all(struct decoded *d, const struct rig *r, const uint8_t *stream, size_t len)
{
	return decode_planes(d, &r->e->params.video, stream, len);
}

/* Of the luma of the picture drawn last; ten bits as parts of eight. */
static double luma_db(const struct rig *r, const uint8_t *shown)
{
	const unsigned w = r->pic.width, h = r->pic.height;
	const bool deep = r->e->params.video.depth > 8;
	double sum = 0;

	for (unsigned y = 0; y < h; y++)
		for (unsigned x = 0; x < w; x++) {
			const uint8_t *got = shown + ((size_t)y * w + x) * (deep ? 2 : 1),
				      *want = r->pic.luma + (size_t)y * r->pic.stride + x * (deep ? 2 : 1);
			const unsigned up = r->pic.format == PICTURE_P010 ? 6 : 0;
			const double off = deep ? ((got[0] | got[1] << 8) - ((want[0] | want[1] << 8) >> up)) / 4.0
						: got[0] - want[0];

			sum += off * off;
		}
	return sum == 0 ? 100 : 10 * log10(255.0 * 255 * w * h / sum);
}

/* The ffprobe program says all that of the stream. */
static void stream_is(const struct rig *r, const char *const *wanted, size_t n)
{
	char path[] = "/tmp/moonrill-test-XXXXXX", command[256], text[4096];
	int fd = mkstemp(path);
	size_t len = 0;
	FILE *f;

	assert_true(fd >= 0 && write(fd, r->stream, r->len) == (ssize_t)r->len);
	close(fd);
	snprintf(command, sizeof(command),
		 "ffprobe -v error -f %s -show_streams -of default=noprint_wrappers=1 %s 2>&1",
		 r->e->params.video.codec == CODEC_AV1 ? "obu" : codec_name(r->e->params.video.codec), path);
	f = popen(command, "r");
	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = 0;
	pclose(f);
	unlink(path);
	for (size_t i = 0; i < n; i++)
		if (!strstr(text, wanted[i]))
			fail_msg("not said: %s", wanted[i]);
}

static void any_describes_colour_range_and_timing(void **state)
{
	static const struct {
		enum colour_space space;
		uint8_t primaries, transfer, matrix;
		const char *said[3];
	} rows[] = {
		{COLOUR_BT601, 6, 6, 6, {"primaries=smpte170m\n", "transfer=smpte170m\n", "space=smpte170m\n"}},
		{COLOUR_BT709, 1, 1, 1, {"primaries=bt709\n", "transfer=bt709\n", "space=bt709\n"}},
		{COLOUR_BT2020, 9, 14, 9, {"primaries=bt2020\n", "transfer=bt2020-10\n", "space=bt2020nc\n"}},
	};

	(void)state;
	if (!decode_available())
		skip();
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct enc_params p = defaults();
		struct rig *r;
		struct sps s;

		p.video.space = rows[i / 2].space;
		p.video.full_range = i & 1;
		p.video.fps_mhz = 59940;
		r = rig_open(vaapi(), &p);
		assert_int_equal(submit(r, true, false), 0);
		if (p.video.codec == CODEC_AV1) { /* which has no word for where chroma is */
			const char *const said[] = {rows[i / 2].said[0],
						    rows[i / 2].said[1],
						    rows[i / 2].said[2],
						    i & 1 ? "color_range=pc\n" : "color_range=tv\n",
						    "has_b_frames=0\n",
						    "profile=Main\n",
						    p.video.depth > 8 ? "pix_fmt=yuv420p10le\n" : "pix_fmt=yuv420p\n",
						    "width=320\n",
						    "height=192\n"};

			stream_is(r, said, ARRAY_LEN(said));
			rig_close(r);
			continue;
		}
		if (p.video.codec == CODEC_HEVC) {
			const char *const said[] = {
				rows[i / 2].said[0],
				rows[i / 2].said[1],
				rows[i / 2].said[2],
				i & 1 ? "color_range=pc\n" : "color_range=tv\n",
				"r_frame_rate=2997/50\n",
				"has_b_frames=0\n",
				profile_said(&p.video),
				p.video.yuv444 ? "chroma_location=unspecified\n" : "chroma_location=center\n"};

			stream_is(r, said, ARRAY_LEN(said));
			rig_close(r);
			continue;
		}
		s = first_sps(r);
		assert_true(s.vui && s.timing);
		assert_int_equal(s.full_range, i & 1);
		assert_int_equal(s.primaries, rows[i / 2].primaries);
		assert_int_equal(s.transfer, rows[i / 2].transfer);
		assert_int_equal(s.matrix, rows[i / 2].matrix);
		assert_int_equal(s.chroma_loc, 1);
		assert_true((uint64_t)s.time_scale * 1000 == 2ull * 59940 * s.units_in_tick);
		rig_close(r);
	}
}

/* Every frame is shown and looks like what went in. */
static void any_pictures_come_out(void **state)
{
	struct enc_params p = defaults();
	struct decoded d;
	struct rig *r;

	(void)state;
	if (!decode_available())
		skip();
	p.slices = 3;
	p.kbps = 4000;
	r = rig_open(vaapi(), &p);
	encode_frames(r, 20);
	assert_true(decode_all(&d, r, r->stream, r->len));
	assert_int_equal(d.count, 20);
	for (unsigned i = 0; i < 20; i++) {
		double db;

		moving_draw(&r->pic, i);
		db = luma_db(r, d.frames + i * d.frame_size);
		assert_true(db > 20);
	}
	decoded_finish(&d);
	rig_close(r);
}

static void any_odd_sizes_come_out(void **state)
{
	static const uint16_t size[][2] = {{64, 64}, {322, 182}, {638, 358}};

	(void)state;
	if (!decode_available())
		skip();
	for (size_t i = 0; i < ARRAY_LEN(size); i++) {
		struct enc_params p = defaults();
		struct decoded d;
		struct rig *r;

		p.video.width = size[i][0];
		p.video.height = size[i][1];
		r = rig_open(vaapi(), &p);
		encode_frames(r, 5);
		assert_true(decode_all(&d, r, r->stream, r->len));
		assert_int_equal(d.count, 5);
		decoded_finish(&d);
		rig_close(r);
	}
}

/* In as many parts as the picture has room for: slices, or tiles. */
static void any_parts_of_a_larger_picture_come_out(void **state)
{
	struct enc_params p = defaults();
	struct decoded d;
	struct rig *r;

	(void)state;
	if (!decode_available())
		skip();
	p.video.width = 648;
	p.video.height = 392;
	p.slices = 4;
	p.kbps = 8000;
	r = rig_open(vaapi(), &p);
	if (r->e->caps.max_slices > 3)
		assert_int_equal(r->e->params.slices, 4);
	encode_frames(r, 12);
	assert_true(decode_all(&d, r, r->stream, r->len));
	assert_int_equal(d.count, 12);
	moving_draw(&r->pic, 11);
	assert_true(luma_db(r, d.frames + 11 * d.frame_size) > 20);
	decoded_finish(&d);
	rig_close(r);
}

static void any_thousand_frames_leave_nothing_behind(void **state)
{
	unsigned before, after = 0;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		struct enc_params p = defaults();
		struct rig *r;

		p.video.width = p.video.height = 64;
		r = rig_open(vaapi(), &p);
		encode_frames(r, 4);
		before = rig_open_files();
		encode_frames(r, round ? 20 : 1000);
		assert_int_equal(rig_open_files(), before);
		assert_int_equal(encoder_units_out(r->e), 0);
		rig_close(r);
		if (round)
			assert_int_equal(rig_open_files(), after);
		after = rig_open_files();
	}
}

/* --- drivers that take our slice headers --- */

static struct rig *open_with_rfi(uint8_t dpb, uint8_t slices)
{
	struct enc_params p = defaults();
	struct rig *r;

	p.dpb = dpb;
	p.slices = slices;
	r = rig_open(vaapi(), &p);
	assert_true(r->e->caps.flags & ENC_RFI);
	return r;
}

/* What a client that got only some of the frames shows is what was encoded. */
static void shows_the_same(const struct rig *r, const bool *delivered)
{
	struct decoded full, lossy;
	uint8_t *cut = malloc(r->len);
	size_t cut_len = 0;
	unsigned shown = 0;

	assert_non_null(cut);
	for (unsigned i = 0; i < r->n; i++)
		if (delivered[i]) {
			memcpy(cut + cut_len, r->stream + r->unit[i].at, r->unit[i].len);
			cut_len += r->unit[i].len;
			shown++;
		}
	assert_true(decode_all(&full, r, r->stream, r->len));
	assert_true(decode_all(&lossy, r, cut, cut_len));
	assert_int_equal(full.count, r->n);
	assert_int_equal(lossy.count, shown);
	for (unsigned i = 0, k = 0; i < r->n; i++)
		if (delivered[i])
			assert_memory_equal(full.frames + i * full.frame_size, lossy.frames + k++ * lossy.frame_size,
					    full.frame_size);
	decoded_finish(&full);
	decoded_finish(&lossy);
	free(cut);
}

static void losses_stay_exact(uint8_t dpb, unsigned seed, unsigned delay)
{
	const unsigned total = 200;
	struct rig *r = open_with_rfi(dpb, 2);
	unsigned waiting = 0, answer = 0, recovered = 0;
	bool delivered[200] = {false};

	srand(seed);
	for (unsigned i = 1; i <= total; i++) {
		bool answers = answer == i;
		bool rfi = answers && encoder_invalidate_refs(r->e, waiting, i - 1) == 0;

		moving_draw(&r->pic, i);
		assert_int_equal(submit(r, i == 1 || (answers && !rfi), rfi), 0);
		if (answers) {
			waiting = 0;
			recovered += rfi;
		} else if (!waiting && i > 3 && i < total - 20 && rand() % 6 == 0) {
			waiting = i;
			answer = i + 1 + (unsigned)rand() % delay;
		}
		delivered[i - 1] = !waiting;
	}
	assert_true(recovered > 10);
	shows_the_same(r, delivered);
	rig_close(r);
}

static void rfi_stays_exact_through_losses_upon_losses(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	losses_stay_exact(8, 1, 4);
	losses_stay_exact(8, 2, 14);
	losses_stay_exact(4, 3, 3);
}

static void rfi_goes_back_to_an_acknowledged_frame(void **state)
{
	struct rig *r = open_with_rfi(8, 1);
	struct enc_request q = {.frame_no = 10, .pts_ns = 10000, .ltr = true};
	bool delivered[170];

	(void)state;
	if (!decode_available())
		skip();
	encode_frames(r, 9);
	assert_int_equal(encoder_submit(r->e, &r->pic, &q), 0);
	encode_frames(r, 2);
	encoder_acked(r->e, 10);
	encode_frames(r, 148); /* so many that it is a long-term picture in HEVC as well */
	/* All since then is lost. */
	assert_int_equal(encoder_invalidate_refs(r->e, 11, 160), 0);
	moving_draw(&r->pic, 160);
	assert_int_equal(submit(r, false, true), 0);
	encode_frames(r, 9);
	for (unsigned i = 0; i < 170; i++)
		delivered[i] = i < 10 || i >= 160;
	assert_false(key_by_stream(r, 160));
	shows_the_same(r, delivered);
	rig_close(r);
}

/* --- drivers that do not --- */

static void answers_no_loss_and_says_so(void)
{
	struct enc_params p = defaults();
	struct rig *r = rig_open(vaapi(), &p);
	struct decoded d;

	assert_false(r->e->caps.flags & ENC_RFI);
	assert_int_equal(r->e->params.dpb, 1);
	encode_frames(r, 30);
	assert_int_equal(encoder_invalidate_refs(r->e, 20, 20), -ENOTSUP);
	assert_int_equal(submit(r, true, false), 0);
	assert_true(key_by_stream(r, 30));
	if (p.video.codec == CODEC_H264)
		assert_int_equal(first_sps(r).max_num_ref_frames, 1);
	if (decode_available()) {
		assert_true(decode_all(&d, r, r->stream, r->len));
		assert_int_equal(d.count, 31);
		decoded_finish(&d);
	}
	rig_close(r);
}

static void plain_driver_answers_no_loss_and_says_so(void **state)
{
	(void)state;
	answers_no_loss_and_says_so();
}

/* As after a picture whose slices did not begin as they should. */
static void rfi_is_given_up_with_a_driver_that_is_distrusted(void **state)
{
	(void)state;
	rig_close(open_with_rfi(8, 1));
	vaapi_distrust(defaults().video.codec);
	answers_no_loss_and_says_so();
}

/* The first frame that names a slot is not the one asked for. */
static void other_slots_are_seen_and_references_left_to_the_driver(void **state)
{
	struct rig *r = open_with_rfi(8, 1);

	(void)state;
	encode_frames(r, 1);
	assert_int_equal(submit(r, false, false), -EIO);
	assert_int_equal(r->n, 1);
	rig_close(r);
	answers_no_loss_and_says_so();
}

/* --- drivers that fail --- */

/* At the twelfth picture of the process. */
static void failing_picture_is_reported_and_opening_anew_helps(void **state)
{
	struct enc_params p = defaults();
	struct rig *r = rig_open(vaapi(), &p);
	unsigned files;

	(void)state;
	encode_frames(r, 11);
	files = rig_open_files();
	assert_int_equal(submit(r, false, false), -EIO);
	assert_int_equal(r->n, 11);
	assert_int_equal(encoder_units_out(r->e), 0);
	rig_close(r);

	r = rig_open(vaapi(), &p);
	encode_frames(r, 20);
	assert_true(key_by_stream(r, 0));
	assert_int_equal(rig_open_files(), files);
	rig_close(r);
}

/* The driver may still hold the surface that it failed with. */
static void shared_picture_that_fails_is_let_go(void **state)
{
	const struct enc_params p = defaults();
	struct picture_share share = {.id = 1, .stride = W, .offset = {0, W * H}, .size = W * H * 3 / 2};
	struct rig *r = rig_open(vaapi(), &p);
	unsigned files;

	(void)state;
	share.fd = memfd_create("picture", MFD_CLOEXEC);
	assert_true(share.fd >= 0 && ftruncate(share.fd, (off_t)share.size) == 0);
	r->pic.share = &share;
	for (unsigned i = 0; i < 11; i++)
		assert_int_equal(submit(r, i == 0, false), 0);
	files = rig_open_files();
	assert_int_equal(submit(r, false, false), -EIO);
	rig_close(r);

	r = rig_open(vaapi(), &p);
	r->pic.share = &share;
	for (unsigned i = 0; i < 11; i++)
		assert_int_equal(submit(r, i == 0, false), 0);
	assert_int_equal(rig_open_files(), files);
	rig_close(r);
	close(share.fd);
}

/* No tile is wider than 4096: not a failure, which would be tried again. */
static void tiles_that_lack_make_a_picture_too_large(void **state)
{
	struct enc_params p = defaults();
	struct encoder *e;

	(void)state;
	p.video.width = 4096;
	assert_int_equal(encoder_open(&e, vaapi(), &p, &events, NULL), 0);
	encoder_close(e);
	p.video.width = 4098;
	assert_int_equal(encoder_open(&e, vaapi(), &p, &events, NULL), -ENOTSUP);
}

static void without_rate_control_it_is_not_used(void **state)
{
	(void)state;
	assert_null(encoder_find("vaapi", defaults().video.codec, NULL));
}

/* --- formats that a driver has or lacks (MOONRILL_VA_FORMATS) --- */

/* What the driver is said to have is what is claimed, and nothing else opens. */
static void formats_are_those_of_the_driver(void **state)
{
	const char *fault = getenv("MOONRILL_VA_FAULT");
	const char *formats = fault && strstr(fault, "rt-420") ? "" : getenv("MOONRILL_VA_FORMATS");
	const enum codec codec = defaults().video.codec;
	const bool hevc = codec == CODEC_HEVC; /* AV1 has whole chroma in another profile */
	const bool deep = strstr(formats, "main10"), whole_deep = hevc && strstr(formats, "main444-10"),
		   whole = hevc && (strstr(formats, "main444,") || (strstr(formats, "main444") && !whole_deep));
	const struct encoder_ops *ops = vaapi();
	struct encoder_details details = {.profile = ""};
	struct enc_caps caps;

	(void)state;
	assert_int_equal(ops->probe(codec, &caps), 0);
	assert_int_equal(enc_caps_have(&caps, 8, false), true);
	assert_int_equal(enc_caps_have(&caps, 10, false), deep);
	assert_int_equal(enc_caps_have(&caps, 8, true), whole);
	assert_int_equal(enc_caps_have(&caps, 10, true), whole && whole_deep);
	ops->describe(codec, &details);
	assert_int_equal(strstr(details.profile, "Main 10") != NULL, hevc && deep);
	assert_int_equal(strstr(details.profile, "Main 4:4:4") != NULL, whole || whole_deep);
	for (unsigned f = 0; f < PICTURE_FORMATS; f++) {
		struct enc_params p = defaults();
		struct encoder *e = NULL;
		int rc;

		p.video.depth = f & 1 ? 10 : 8;
		p.video.yuv444 = f & 2;
		rc = encoder_open(&e, ops, &p, &events, NULL);
		assert_int_equal(rc, enc_caps_have(&caps, p.video.depth, p.video.yuv444) ? 0 : -ENOTSUP);
		encoder_close(e);
	}
	/* H.264 has none of them. */
	assert_int_equal(ops->probe(CODEC_H264, &caps), 0);
	assert_int_equal(caps.max_depth, 8);
	assert_false(caps.yuv444);
}

/* A stream of a format that the driver lacks begins with software. */
static void formats_that_lack_go_to_software(void **state)
{
	struct encoder_choice c;
	struct enc_caps caps;

	const enum codec codec = defaults().video.codec;
	const char *software = codec == CODEC_HEVC ? "x265" : "aom";

	(void)state;
	if (!encoder_find(software, codec, &caps) || caps.max_depth < 10)
		skip();
	for (unsigned f = 0; f < PICTURE_FORMATS; f++) {
		struct enc_params p = defaults();

		assert_int_equal(vaapi()->probe(codec, &caps), 0);
		p.video.depth = f & 1 ? 10 : 8;
		p.video.yuv444 = f & 2;
		assert_int_equal(encoder_choose(&c, "auto", &p.video, p.preset, 1), 0);
		assert_string_equal(c.at[0].ops->name,
				    enc_caps_have(&caps, p.video.depth, p.video.yuv444) ? "vaapi" : software);
	}
	encoder_choice_forget();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_describes_colour_range_and_timing),
		cmocka_unit_test(any_pictures_come_out),
		cmocka_unit_test(any_odd_sizes_come_out),
		cmocka_unit_test(any_parts_of_a_larger_picture_come_out),
		cmocka_unit_test(any_thousand_frames_leave_nothing_behind),
		cmocka_unit_test(rfi_stays_exact_through_losses_upon_losses),
		cmocka_unit_test(rfi_goes_back_to_an_acknowledged_frame),
		cmocka_unit_test(rfi_is_given_up_with_a_driver_that_is_distrusted),
		cmocka_unit_test(plain_driver_answers_no_loss_and_says_so),
		cmocka_unit_test(other_slots_are_seen_and_references_left_to_the_driver),
		cmocka_unit_test(failing_picture_is_reported_and_opening_anew_helps),
		cmocka_unit_test(shared_picture_that_fails_is_let_go),
		cmocka_unit_test(tiles_that_lack_make_a_picture_too_large),
		cmocka_unit_test(without_rate_control_it_is_not_used),
		cmocka_unit_test(formats_are_those_of_the_driver),
		cmocka_unit_test(formats_that_lack_go_to_software),
	};

	cmocka_set_test_filter(argc > 1 ? argv[1] : "any_*");
	rig_environment();
	return rig_verdict(cmocka_run_group_tests(tests, NULL, NULL));
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Streams of the stand-in driver: ffmpeg shows bit by bit what the driver reconstructed, and it is close to the
 * source. */
#include "av1_rig.h"
#include "hevc_rig.h"
#include "rig.h"

#include "cmocka_all.h"
#include "decode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES 60u

/* What a picture is made of. */
struct kind {
	unsigned width, height, depth;
	bool whole;
};

static struct kind kind_of(const struct rig_options *o)
{
	return (struct kind){
		.width = o->width,
		.height = o->height,
		.depth = o->deep || o->profile == VAProfileHEVCMain10 || o->profile == VAProfileHEVCMain444_10 ? 10 : 8,
		.whole = o->profile == VAProfileHEVCMain444 || o->profile == VAProfileHEVCMain444_10,
	};
}

static size_t samples(const struct kind *k, unsigned plane)
{
	const size_t luma = (size_t)k->width * k->height;

	return plane && !k->whole ? luma / 4 : luma;
}

/* A texture that pans, with a block that jumps; of more than eight bits the lower ones are those of no 8-bit
 * picture. */
static void draw(uint16_t *to, const struct kind *k, unsigned n)
{
	const unsigned w = k->width, h = k->height, deep = k->depth - 8, low = (1u << deep) - 1;

	for (unsigned y = 0; y < h; y++)
		for (unsigned x = 0; x < w; x++) {
			unsigned u = x + n * 2, v = y + n, at = n * 37 % w;
			unsigned value = 64 + ((u * 5 ^ v * 3) & 63) + (x >= at && x < at + 24 && y < h / 2 ? 90 : 0);

			*to++ = (uint16_t)(value << deep | ((x ^ y) & low));
		}
	for (unsigned plane = 1; plane < 3; plane++)
		for (unsigned y = 0; y < (k->whole ? h : h / 2); y++)
			for (unsigned x = 0; x < (k->whole ? w : w / 2); x++)
				*to++ = (uint16_t)((96 + ((x + n * (plane - 1)) * 3 + y) % 64) << deep | (x & low));
}

/* Of all values, so that no quantiser leaves nothing of it. */
static void draw_noise(uint16_t *to, const struct kind *k, unsigned n)
{
	const size_t all = samples(k, 0) + 2 * samples(k, 1);
	uint32_t x = n;

	for (size_t i = 0; i < all; i++) {
		x = x * 1664525u + 1013904223u;
		to[i] = (uint16_t)(x >> (32 - k->depth));
	}
}

static double luma_db(const uint16_t *source, const uint8_t *shown, const struct kind *k)
{
	const double top = (1 << k->depth) - 1;
	double sum = 0;

	for (size_t i = 0; i < samples(k, 0); i++) {
		const int got = k->depth > 8 ? shown[2 * i] | shown[2 * i + 1] << 8 : shown[i], off = got - source[i];

		sum += (double)off * off;
	}
	return sum == 0 ? 100 : 10 * log10(top * top * (double)samples(k, 0) / sum);
}

/* As the driver writes reconstructions: NV12, else three planes. */
static bool show(struct decoded *d, enum codec codec, const struct kind *k, const struct out *out)
{
	const struct video_params v = {.codec = codec,
				       .width = (uint16_t)k->width,
				       .height = (uint16_t)k->height,
				       .depth = (uint8_t)k->depth,
				       .yuv444 = k->whole};

	if (k->depth == 8 && !k->whole)
		return decode(d, codec, out->p, out->n / 8, k->width, k->height);
	return decode_planes(d, &v, out->p, out->n / 8);
}

static uint8_t *file_read(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	uint8_t *p;
	long n;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (n = ftell(f)) < 0 || !(p = malloc((size_t)n + 1))) {
		if (f)
			fclose(f);
		return NULL;
	}
	rewind(f);
	*len = fread(p, 1, (size_t)n, f);
	fclose(f);
	return p;
}

/* Now and then an older reference, as after a loss; with our headers a long-term one too. */
static VAStatus send_h264(struct rig *r, unsigned n, struct out *out)
{
	static struct shot s;

	rig_shot(r, &s, n % 40 == 0, n % 11 == 7 && n % 40 > 4 ? 2 : 0);
	s.send_sei = r->packed & VA_ENC_PACKED_HEADER_RAW_DATA;
	if (n % 13 == 5 && r->packed & VA_ENC_PACKED_HEADER_SLICE)
		shot_long_term(r, &s);
	if (n % 13 == 12 && n % 40 > 8)
		rig_shot(r, &s, false, 3);
	return rig_send(r, &s, out);
}

static VAStatus send_hevc(struct hevc_rig *h, unsigned n, struct out *out)
{
	static struct hevc_shot s;

	if (n % 13 == 5)
		hevc_rig_long_term(h);
	hevc_rig_shot(h, &s, n % 40 == 0, n % 13 == 12 && n % 40 > 8 ? 3 : n % 11 == 7 && n % 40 > 4 ? 2 : 0);
	s.keep_long = n % 13 < 11;
	return hevc_rig_send(h, &s, out);
}

/* The quantiser of frame n is n + 1. */
static VAStatus send_quantisers(struct av1_rig *a, unsigned n, struct out *out)
{
	static struct av1_shot s;

	av1_rig_shot(a, &s, n == 0, av1_rig_newest(a, 0));
	s.pic.base_qindex = (uint8_t)(n + 1);
	av1_shot_headers(a, &s);
	return av1_rig_send(a, &s, out);
}

static VAStatus send_av1(struct av1_rig *a, unsigned n, struct out *out)
{
	static struct av1_shot s;

	av1_rig_shot(a, &s, n % 40 == 0, av1_rig_newest(a, n % 13 == 12 ? 3 : n % 11 == 7 ? 2 : 0));
	if (n % 17 == 5 && !s.key) { /* the coder begins anew, and leaves nothing */
		s.pic.primary_ref_frame = AV1_PRIMARY_NONE;
		s.pic.picture_flags.bits.disable_frame_end_update_cdf = 1;
		av1_shot_headers(a, &s);
	} else if (n % 17 == 9) {
		s.pic.picture_flags.bits.disable_cdf_update = 1;
		av1_shot_headers(a, &s);
	}
	return av1_rig_send(a, &s, out);
}

/* quantisers: of AV1, one after the other. */
static void stream_of(const struct rig_options *o, const char *faults, unsigned frames, bool quantisers)
{
	const struct kind k = kind_of(o);
	const bool av1 = o->profile == VAProfileAV1Profile0, hevc = o->profile != VAProfileH264High && !av1;
	const size_t all = samples(&k, 0) + 2 * samples(&k, 1), size = all * (k.depth > 8 ? 2 : 1);
	char recon[] = "/tmp/moonrill-recon-XXXXXX";
	uint16_t *source = malloc(all * frames * sizeof(*source));
	struct out out = {0};
	struct hevc_rig h = {.both_lists = strstr(faults, "both-lists") != NULL};
	struct av1_rig a = {.log2_cols = o->slices > 1, .log2_rows = o->slices > 2};
	struct decoded d;
	struct rig r;
	double least = 100;
	uint8_t *shown;
	size_t len = 0;

	assert_non_null(source);
	close(mkstemp(recon));
	setenv("MOONRILL_VA_RECON", recon, 1);
	setenv("MOONRILL_VA_FAULT", faults, 1);
	assert_int_equal(rig_open(&r, o), 0);
	h.r = a.r = &r;
	for (unsigned n = 0; n < frames; n++) {
		uint16_t *at = source + n * all;
		const uint16_t *const planes[] = {at, at + samples(&k, 0), at + samples(&k, 0) + samples(&k, 1)};

		(quantisers ? draw_noise : draw)(at, &k, n);
		assert_int_equal(rig_put(&r, planes), 0);
		if ((hevc         ? send_hevc(&h, n, &out)
		     : quantisers ? send_quantisers(&a, n, &out)
		     : av1        ? send_av1(&a, n, &out)
				  : send_h264(&r, n, &out)) != VA_STATUS_SUCCESS)
			fail_msg("picture %u: %s", n, rig_log(&r, "RULE"));
	}
	assert_string_equal(rig_log(&r, "RULE"), "");
	rig_close(&r);
	unsetenv("MOONRILL_VA_RECON");
	unsetenv("MOONRILL_VA_FAULT");
	shown = file_read(recon, &len);
	unlink(recon);
	assert_non_null(shown);
	assert_int_equal(len, size * frames);
	assert_true(show(&d, hevc ? CODEC_HEVC : av1 ? CODEC_AV1 : CODEC_H264, &k, &out));
	assert_int_equal(d.count, frames);
	for (unsigned n = 0; n < frames; n++) {
		double psnr = luma_db(source + n * all, d.frames + n * size, &k);

		if (memcmp(d.frames + n * size, shown + n * size, size) != 0)
			fail_msg("picture %u is not what the driver reconstructed", n);
		least = psnr < least ? psnr : least;
	}
	print_message("# %ux%u, %u bit%s, %u slices, %s: %zu bytes a picture, at least %.1f dB\n", o->width, o->height,
		      k.depth, k.whole ? " 4:4:4" : "", o->slices,
		      hevc       ? "HEVC"
		      : av1      ? "AV1"
		      : o->cabac ? "CABAC"
				 : "CAVLC",
		      out.n / 8 / frames, least);
	if (o->rc == VA_RC_CQP && !quantisers)
		assert_true(least > 35);
	decoded_finish(&d);
	out_free(&out);
	free(shown);
	free(source);
}

static void stream(const struct rig_options *o, const char *faults)
{
	stream_of(o, faults, FRAMES, false);
}

static void need_ffmpeg(void)
{
	if (!decode_available())
		skip();
}

static const struct rig_options base = {.width = 176,
					.height = 144,
					.slices = 1,
					.packed = 0x17,
					.rc = VA_RC_CQP,
					.cabac = true,
					.deblock = true,
					.profile = VAProfileH264High};

static void a_decoder_shows_the_reconstruction_cabac(void **state)
{
	(void)state;
	need_ffmpeg();
	stream(&base, "");
}

static void a_decoder_shows_the_reconstruction_cavlc(void **state)
{
	struct rig_options o = base;

	(void)state;
	need_ffmpeg();
	o.cabac = false;
	stream(&o, "segments:4");
}

static void slices_and_a_picture_that_is_cropped(void **state)
{
	struct rig_options o = base;

	(void)state;
	need_ffmpeg();
	o.slices = 3;
	o.width = 150;
	o.height = 98;
	stream(&o, "");
	o.cabac = false;
	o.deblock = false;
	stream(&o, "");
}

static void headers_of_the_driver(void **state)
{
	struct rig_options o = base;

	(void)state;
	need_ffmpeg();
	o.packed = 0;
	o.slices = 2;
	stream(&o, "no-packed-headers");
}

static void the_rate_is_kept(void **state)
{
	struct rig_options o = base;

	(void)state;
	need_ffmpeg();
	o.rc = VA_RC_CBR;
	stream(&o, "");
}

static struct rig_options hevc_base(void)
{
	struct rig_options o = base;

	o.profile = VAProfileHEVCMain;
	return o;
}

static void hevc_decodes_to_the_reconstruction(void **state)
{
	struct rig_options o = hevc_base();

	(void)state;
	need_ffmpeg();
	stream(&o, "segments:4");
	o.deblock = false;
	stream(&o, "");
}

/* Ten bits, whole chroma, and both, as the surfaces of each fourcc have them. */
static const struct {
	VAProfile profile;
	const char *fault;
} deeper[] = {
	{VAProfileHEVCMain10, ""},      {VAProfileHEVCMain444, ""},    {VAProfileHEVCMain444, "ayuv"},
	{VAProfileHEVCMain444, "444p"}, {VAProfileHEVCMain444_10, ""},
};

static void hevc_of_ten_bits_and_whole_chroma(void **state)
{
	(void)state;
	need_ffmpeg();
	for (size_t i = 0; i < sizeof(deeper) / sizeof(*deeper); i++) {
		struct rig_options o = hevc_base();

		o.profile = deeper[i].profile;
		stream(&o, deeper[i].fault);
		o.slices = 3;
		o.width = 150;
		o.height = 98;
		o.rc = VA_RC_CBR;
		stream(&o, deeper[i].fault);
		o.bits_per_second = 30000; /* the coarsest quantisers, far from where a slice begins */
		stream(&o, deeper[i].fault);
		o.packed = 0;
		o.rc = VA_RC_CQP;
		o.deblock = false;
		stream(&o, deeper[i].fault);
	}
}

static void hevc_slices_and_a_picture_that_is_cropped(void **state)
{
	struct rig_options o = hevc_base();

	(void)state;
	need_ffmpeg();
	o.slices = 3;
	o.width = 150;
	o.height = 98;
	stream(&o, "");
}

static void hevc_headers_of_the_driver(void **state)
{
	struct rig_options o = hevc_base();

	(void)state;
	need_ffmpeg();
	o.packed = 0;
	o.slices = 2;
	stream(&o, "no-packed-headers");
}

static void hevc_with_b_slices_of_both_lists(void **state)
{
	struct rig_options o = hevc_base();

	(void)state;
	need_ffmpeg();
	stream(&o, "both-lists");
}

static void hevc_rate_is_kept(void **state)
{
	struct rig_options o = hevc_base();

	(void)state;
	need_ffmpeg();
	o.rc = VA_RC_CBR;
	stream(&o, "");
}

static struct rig_options av1_base(void)
{
	struct rig_options o = base;

	o.profile = VAProfileAV1Profile0;
	o.packed = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE;
	return o;
}

static void av1_decodes_to_the_reconstruction(void **state)
{
	struct rig_options o = av1_base();

	(void)state;
	need_ffmpeg();
	stream(&o, "segments:4");
}

static void av1_tiles_and_a_picture_of_odd_size(void **state)
{
	struct rig_options o = av1_base();

	(void)state;
	need_ffmpeg();
	o.width = 266;
	o.height = 258;
	for (o.slices = 1; o.slices <= 3; o.slices++)
		stream(&o, "");
}

static void av1_headers_of_the_driver(void **state)
{
	struct rig_options o = av1_base();

	(void)state;
	need_ffmpeg();
	o.packed = 0;
	stream(&o, "no-packed-headers");
}

static void av1_rate_is_kept(void **state)
{
	struct rig_options o = av1_base();

	(void)state;
	need_ffmpeg();
	o.rc = VA_RC_CBR;
	stream(&o, "");
}

/* A wrong figure in the tables shows somewhere in the noise. */
static void av1_of_every_quantiser(void **state)
{
	struct rig_options o = av1_base();

	(void)state;
	need_ffmpeg();
	o.width = o.height = 64;
	stream_of(&o, "", 255, true);
	o.deep = true;
	stream_of(&o, "", 255, true);
}

static void av1_of_ten_bits(void **state)
{
	struct rig_options o = av1_base();

	(void)state;
	need_ffmpeg();
	o.deep = true;
	stream(&o, "segments:4");
	o.packed = 0;
	stream(&o, "no-packed-headers");
	o = av1_base();
	o.deep = true;
	o.width = 266;
	o.height = 258;
	o.slices = 3;
	stream(&o, "");
	o.rc = VA_RC_CBR;
	stream(&o, "");
	o.bits_per_second = 30000; /* the coarsest quantisers */
	stream(&o, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_decoder_shows_the_reconstruction_cabac),
		cmocka_unit_test(a_decoder_shows_the_reconstruction_cavlc),
		cmocka_unit_test(slices_and_a_picture_that_is_cropped),
		cmocka_unit_test(headers_of_the_driver),
		cmocka_unit_test(the_rate_is_kept),
		cmocka_unit_test(hevc_decodes_to_the_reconstruction),
		cmocka_unit_test(hevc_of_ten_bits_and_whole_chroma),
		cmocka_unit_test(hevc_slices_and_a_picture_that_is_cropped),
		cmocka_unit_test(hevc_headers_of_the_driver),
		cmocka_unit_test(hevc_with_b_slices_of_both_lists),
		cmocka_unit_test(hevc_rate_is_kept),
		cmocka_unit_test(av1_decodes_to_the_reconstruction),
		cmocka_unit_test(av1_tiles_and_a_picture_of_odd_size),
		cmocka_unit_test(av1_headers_of_the_driver),
		cmocka_unit_test(av1_rate_is_kept),
		cmocka_unit_test(av1_of_ten_bits),
		cmocka_unit_test(av1_of_every_quantiser),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

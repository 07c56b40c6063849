// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Every encoder in every format, matrix and range that it claims to have: what ffmpeg decodes is what went in, and the
 * stream says of itself what it is, without a word of warning.
 */
#include "encoder_rig.h"

#include <math.h>

#include "encode/planar.h"
#include "media/colour.h"

#define FRAMES 30

/* Each encoder with each codec and format of its own. */
static void for_each_format(void (*fn)(const struct encoder_ops *ops, const struct enc_params *p))
{
	const struct encoder_ops *ops;

	for (unsigned i = 0; (ops = encoder_at(i)); i++)
		for (enum codec c = CODEC_H264; c <= CODEC_AV1 && rig_wants(ops); c++) {
			struct enc_caps caps;

			if (ops->probe(c, &caps) < 0 || !strcmp(ops->name, "null"))
				continue;
			for (unsigned f = 0; f < 4; f++) {
				struct enc_params p = defaults_for(ops);

				p.video.codec = c;
				p.video.depth = f & 1 ? 10 : 8;
				p.video.yuv444 = f & 2;
				p.kbps = 12000;
				if (!enc_caps_have(&caps, p.video.depth, p.video.yuv444))
					continue;
				fn(ops, &p);
			}
		}
}

static double plane_psnr(const uint8_t *got, size_t got_stride, const uint8_t *want, size_t want_stride, unsigned w,
			 unsigned h, bool deep)
{
	double sum = 0;

	for (unsigned y = 0; y < h; y++)
		for (unsigned x = 0; x < w; x++) {
			const uint8_t *g = got + y * got_stride, *e = want + y * want_stride;
			int d = deep ? (g[2 * x] | g[2 * x + 1] << 8) - (e[2 * x] | e[2 * x + 1] << 8) : g[x] - e[x];

			sum += (double)d * d;
		}
	return sum == 0 ? 100 : 10 * log10((deep ? 1023.0 * 1023 : 255.0 * 255) * w * h / sum);
}

static void decoded_is_what_went_in(const struct encoder_ops *ops, const struct enc_params *p)
{
	const bool deep = p->video.depth > 8;
	struct rig *r = rig_open(ops, p);
	struct planar planes;
	struct decoded d;
	const uint8_t *at;
	double worst = 100;

	encode_frames(r, FRAMES);
	assert_true(decode_planes(&d, &p->video, r->stream, r->len));
	assert_int_equal(d.count, FRAMES);
	assert_int_equal(planar_init(&planes, &p->video), 0);
	planar_take(&planes, &r->pic);
	at = d.frames + (FRAMES - 1) * d.frame_size;
	for (unsigned i = 0; i < 3; i++) {
		const unsigned part = i && !p->video.yuv444 ? 2 : 1, w = W / part, h = H / part;
		const size_t line = (size_t)w * (deep ? 2 : 1);
		double db = plane_psnr(at, line, planes.plane[i], planes.stride[i], w, h, deep);

		worst = db < worst ? db : worst;
		at += line * h;
	}
	print_message("# %s %s %s: %.1f dB\n", ops->name, codec_name(p->video.codec),
		      picture_format_name(r->pic.format), worst);
	assert_true(worst > (!strcmp(ops->name, "aom") && deep ? 32 : 40)); /* see aom.c */
	planar_finish(&planes);
	decoded_finish(&d);
	rig_close(r);
}

static void each_format_comes_out_as_it_went_in(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	for_each_format(decoded_is_what_went_in);
}

/* In ffmpeg's words. */
static void says_what_it_is(const struct encoder_ops *ops, const struct enc_params *base)
{
	static const char *const matrix[] = {"smpte170m", "bt709", "bt2020nc"};
	static const char *const transfer[] = {"smpte170m", "bt709", "bt2020-10", "smpte2084"};
	static const char *const primaries[] = {"smpte170m", "bt709", "bt2020"};

	for (unsigned i = 0; i < 8; i++) {
		struct enc_params p = *base;
		char want[160], got[160];
		struct rig *r;

		p.video.space = i / 2 < 3 ? (enum colour_space)(i / 2) : COLOUR_BT2020;
		p.video.full_range = i & 1;
		p.video.pq = i / 2 == 3;
		if (p.video.pq && p.video.depth == 8)
			continue;
		r = rig_open(ops, &p);
		encode_frames(r, 3);
		snprintf(want, sizeof(want), "yuv%s%s,%s,%s,%s,%s\n", p.video.yuv444 ? "444p" : "420p",
			 p.video.depth > 8 ? "10le" : "", p.video.full_range ? "pc" : "tv", matrix[p.video.space],
			 transfer[i / 2], primaries[p.video.space]);
		assert_true(decode_describe(&p.video, r->stream, r->len, got));
		/* An old name of ffmpeg for full range. */
		if (!strncmp(got, "yuvj", 4))
			memmove(got + 3, got + 4, strlen(got + 3));
		assert_string_equal(got, want);
		rig_close(r);
	}
}

static void each_format_matrix_and_range_is_signalled_and_decodes_without_a_warning(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	for_each_format(says_what_it_is);
}

/* The value of that key, a rational number; -1: it is not there. */
static double light_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	double n, d = 1;

	if (!at || sscanf(at + strlen(key), "=%lf/%lf", &n, &d) < 1)
		return -1;
	return n / d;
}

static void says_its_light(const struct encoder_ops *ops, const struct enc_params *base)
{
	static const struct hdr_metadata light = {
		.red = {35400, 14600},
		.green = {8500, 39850},
		.blue = {6550, 2300},
		.white = {15635, 16450},
		.max_nits = 4000,
		.min_nits = 50,
		.max_cll = 1234,
		.max_fall = 321,
	};
	static const struct {
		const char *key;
		double want;
	} rows[] = {
		{"red_x", 0.708},        {"red_y", 0.292},         {"green_x", 0.170},        {"green_y", 0.797},
		{"blue_x", 0.131},       {"blue_y", 0.046},        {"white_point_x", 0.3127}, {"white_point_y", 0.3290},
		{"max_luminance", 4000}, {"min_luminance", 0.005}, {"max_content", 1234},     {"max_average", 321},
	};
	struct enc_params p = *base;
	char text[2048], described[160];

	if (p.video.depth == 8 || p.video.codec == CODEC_H264) /* which no client gets in HDR */
		return;
	for (unsigned known = 0; known < 2; known++) {
		struct rig *r;

		p.video.space = COLOUR_BT2020;
		p.video.pq = true;
		p.video.light = light;
		if (!known)
			p.video.light.max_cll = p.video.light.max_fall = 0;
		r = rig_open(ops, &p);
		encode_frames(r, 3);
		assert_int_equal(submit(r, true, false), 0);
		for (unsigned key = 0; key < 4; key += 3) {
			const struct unit *u = &r->unit[key];

			assert_true(decode_light(&p.video, r->stream + u->at, u->len, text));
			for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
				double got = light_of(text, rows[i].key), off = got - rows[i].want;
				bool there = known || i < 10;

				if (there ? off > 1e-4 || off < -1e-4 : got >= 0)
					fail_msg("%s: %f, not %f", rows[i].key, got, rows[i].want);
			}
			if (p.video.codec == CODEC_HEVC) { /* the slice begins in the first shard all the same */
				struct nal_walk w = walk(r, key);
				struct nal n;

				do
					assert_true(nal_walk_next(&w, &n));
				while (hevc_type(&n) >= 32);
				assert_true(n.payload - (r->stream + u->at) < p.video.packet_size - 16 - 8);
			}
		}
		rig_close(r);
	}
	/* Where a packet has no room for them, the slice comes first. */
	if (p.video.codec == CODEC_HEVC) {
		struct rig *r;

		p.video.packet_size = 256;
		r = rig_open(ops, &p);
		encode_frames(r, 1);
		decode_light(&p.video, r->stream, r->len, text);
		assert_true(light_of(text, "max_luminance") < 0);
		rig_close(r);
		p.video.packet_size = base->video.packet_size;
	}
	/* SDR in ten bits says nothing. */
	{
		struct rig *r;

		p.video.pq = false;
		r = rig_open(ops, &p);
		encode_frames(r, 1);
		decode_light(&p.video, r->stream, r->len, text);
		assert_true(light_of(text, "max_luminance") < 0);
		assert_true(decode_describe(&p.video, r->stream, r->len, described)); /* ffprobe can read it */
		assert_non_null(strstr(described, "bt2020"));
		rig_close(r);
	}
}

static void hdr_metadata_are_in_front_of_every_key_frame(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	for_each_format(says_its_light);
}

/* A loss is healed by what the client has, in every format. */
static void heals(const struct encoder_ops *ops, const struct enc_params *p)
{
	struct decoded full, lossy;
	struct rig *r = rig_open(ops, p);
	uint8_t *cut;
	size_t len = 0;

	if (r->e->caps.flags & ENC_RFI) {
		encode_frames(r, 6);
		assert_int_equal(encoder_invalidate_refs(r->e, 5, 6), 0);
		moving_draw(&r->pic, r->e->newest);
		assert_int_equal(submit(r, false, true), 0);
		encode_frames(r, 2);
		assert_false(r->unit[6].key);
		cut = malloc(r->len);
		assert_non_null(cut);
		for (unsigned i = 0; i < r->n; i++) {
			if (i == 4 || i == 5)
				continue;
			memcpy(cut + len, r->stream + r->unit[i].at, r->unit[i].len);
			len += r->unit[i].len;
		}
		assert_true(decode_planes(&full, &p->video, r->stream, r->len));
		assert_true(decode_planes(&lossy, &p->video, cut, len));
		for (unsigned back = 1; back <= 3; back++)
			assert_memory_equal(full.frames + (full.count - back) * full.frame_size,
					    lossy.frames + (lossy.count - back) * lossy.frame_size, full.frame_size);
		decoded_finish(&full);
		decoded_finish(&lossy);
		free(cut);
	}
	rig_close(r);
}

static void a_loss_is_healed_exactly_in_each_format(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	for_each_format(heals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_comes_out_as_it_went_in),
		cmocka_unit_test(each_format_matrix_and_range_is_signalled_and_decodes_without_a_warning),
		cmocka_unit_test(hdr_metadata_are_in_front_of_every_key_frame),
		cmocka_unit_test(a_loss_is_healed_exactly_in_each_format),
	};

	rig_environment();
	return rig_verdict(cmocka_run_group_tests(tests, NULL, NULL));
}

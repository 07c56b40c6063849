// SPDX-License-Identifier: GPL-3.0-or-later
/* One encoder behind the front that the worker uses, and all that came out of it. */
#pragma once

#include "cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "decode.h"
#include "encode/bitstream.h"
#include "encode/encoder.h"
#include "encode/picture.h"
#include "encode/rate.h"
#include "encode/registry.h"
#include "moving.h"
#include "probe/obu.h"

#define W          320
#define H          192
#define FRAMES_MAX 4200
#define KEPT_MAX   16

/* The environment names the hardware, or its stand-in (TEST_ENCODER_DEVICE), and the only back end to be tested
 * (TEST_ENCODER). */
static inline void rig_environment(void)
{
	const char *device = getenv("TEST_ENCODER_DEVICE"), *log = getenv("MOONRILL_VA_LOG");

	if (device)
		encoder_use_device(device);
	if (log)
		unlink(log);
}

/* What the stand-in driver, if there is one, has to object: a broken rule or a leak fails the whole program. */
static inline int rig_verdict(int failed)
{
	const char *log = getenv("MOONRILL_VA_LOG");
	FILE *f = log ? fopen(log, "r") : NULL;
	char line[600];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "RULE", 4) || strstr(line, "LEAK")) {
			print_message("# %s", line);
			failed++;
		}
	if (f)
		fclose(f);
	return failed;
}

/* Files of this process; what opendir() itself adds is there each time. */
static inline unsigned rig_open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Whether that encoder works here and is to be tested. */
static inline bool rig_wants(const struct encoder_ops *ops)
{
	const char *only = getenv("TEST_ENCODER");
	struct enc_caps caps;

	if (only && strcmp(only, ops->name) != 0)
		return false;
	for (enum codec c = CODEC_H264; c <= CODEC_AV1; c++)
		if (ops->probe(c, &caps) == 0)
			return true;
	return false;
}

/* TEST_ENCODER_CODEC: the only codec to be tested, of back ends that have several. */
static inline bool rig_codec(enum codec *codec)
{
	const char *name = getenv("TEST_ENCODER_CODEC");

	for (enum codec c = CODEC_H264; name && c <= CODEC_AV1; c++)
		if (strcmp(name, codec_name(c)) == 0) {
			*codec = c;
			return true;
		}
	return false;
}

/* TEST_ENCODER_FORMAT: "10", "444" or "444-10", for the same rules with another format than 8 bits and 4:2:0. */
static inline void rig_format(struct video_params *v)
{
	const char *name = getenv("TEST_ENCODER_FORMAT");

	v->depth = name && strstr(name, "10") ? 10 : 8;
	v->yuv444 = name && strstr(name, "444");
}

struct unit {
	uint32_t frame_no;
	bool key, after_rfi, repeat;
	uint64_t pts_ns;
	size_t at, len; /* in stream */
};

/* One encoder with all that came out of it. */
struct rig {
	const struct encoder_ops *ops;
	struct encoder *e;
	struct picture pic;
	uint8_t *stream;
	size_t len, cap;
	struct unit unit[FRAMES_MAX];
	unsigned n;
	struct au *kept[KEPT_MAX]; /* with keep: not given back at once */
	unsigned n_kept;
	bool keep;
};

static inline void on_au(void *ctx, struct au *a)
{
	struct rig *r = ctx;

	assert_true(a->first && a->last && a->len);
	assert_true(r->n < FRAMES_MAX);
	while (r->len + a->len > r->cap) {
		r->cap = r->cap ? 2 * r->cap : 1 << 20;
		r->stream = realloc(r->stream, r->cap);
		assert_non_null(r->stream);
	}
	memcpy(r->stream + r->len, a->data, a->len);
	r->unit[r->n++] = (struct unit){
		.frame_no = a->frame_no,
		.key = a->key,
		.after_rfi = a->after_rfi,
		.repeat = a->repeat,
		.pts_ns = a->pts_ns,
		.at = r->len,
		.len = a->len,
	};
	r->len += a->len;
	if (r->keep)
		r->kept[r->n_kept++] = a;
	else
		au_release(a);
}

static const struct encoder_events events = {.au = on_au};

static inline struct enc_params defaults(void)
{
	enum codec codec = CODEC_H264;

	struct enc_params p;

	rig_codec(&codec);
	p = (struct enc_params){
		.video =
			{
				.codec = codec,
				.width = W,
				.height = H,
				.fps_mhz = 60000,
				.space = COLOUR_BT709,
				.slices = 1,
				.rfi = true,
				.packet_size = 1392,
			},
		.slices = 1,
		.dpb = 8,
		.kbps = 1500,
		.preset = "superfast",
	};
	rig_format(&p.video);
	return p;
}

/* For any encoder: its codec, its words. */
static inline struct enc_params defaults_for(const struct encoder_ops *ops)
{
	struct enc_params p = defaults();
	struct enc_caps caps;

	if (!rig_codec(&p.video.codec) && ops->probe(CODEC_AV1, &caps) == 0) {
		p.video.codec = CODEC_AV1;
		p.preset = "9";
	} else if (ops->probe(CODEC_H264, &caps) < 0) {
		p.video.codec = CODEC_HEVC;
		p.preset = "ultrafast";
	}
	return p;
}

/* Whether it can be told of lost frames. */
static inline bool rig_invalidates(const struct encoder_ops *ops)
{
	struct enc_caps caps = {0};

	ops->probe(defaults_for(ops).video.codec, &caps);
	return caps.flags & ENC_RFI;
}

static inline struct rig *rig_open(const struct encoder_ops *ops, const struct enc_params *p)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->ops = ops;
	assert_int_equal(encoder_open(&r->e, ops, p, &events, r), 0);
	assert_int_equal(picture_init_for(&r->pic, &p->video), 0);
	return r;
}

static inline void rig_close(struct rig *r)
{
	encoder_close(r->e);
	picture_finish(&r->pic);
	free(r->stream);
	free(r);
}

static inline int submit(struct rig *r, bool idr, bool after_rfi)
{
	struct enc_request q = {
		.frame_no = r->e->newest + 1,
		.pts_ns = (r->e->newest + 1) * 1000ull,
		.idr = idr,
		.after_rfi = after_rfi,
	};

	return encoder_submit(r->e, &r->pic, &q);
}

static inline void encode_frames(struct rig *r, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		moving_draw(&r->pic, r->e->newest);
		assert_int_equal(submit(r, r->e->newest == 0, false), 0);
	}
}

/* Bytes a frame, of units first..last-1. */
static inline double mean(const struct rig *r, unsigned first, unsigned last)
{
	return (double)(r->unit[last - 1].at + r->unit[last - 1].len - r->unit[first].at) / (last - first);
}

static inline struct nal_walk walk(const struct rig *r, unsigned i)
{
	return nal_walk_init(r->stream + r->unit[i].at, r->unit[i].len);
}

/* Type of an HEVC unit (H.265 table 7-1). */
static inline uint8_t hevc_type(const struct nal *n)
{
	return n->payload[0] >> 1 & 63;
}

static inline bool is_slice(const struct nal *n)
{
	return n->type == NAL_TYPE_SLICE || n->type == NAL_TYPE_IDR;
}

/* What the bitstream itself says. */
static inline bool key_by_stream(const struct rig *r, unsigned i)
{
	struct nal_walk w = walk(r, i);
	bool key = false;
	struct nal n;

	if (r->e->params.video.codec == CODEC_AV1) {
		struct obu_unit u = {0};

		obu_unit_parse(&u, r->stream + r->unit[0].at, r->unit[0].len);
		obu_unit_parse(&u, r->stream + r->unit[i].at, r->unit[i].len);
		assert_int_equal(u.error, 0);
		assert_int_equal(u.frames, 1);
		return u.frame.type == OBU_KEY;
	}
	while (nal_walk_next(&w, &n))
		key |= r->e->params.video.codec == CODEC_HEVC ? hevc_type(&n) == 19 || hevc_type(&n) == 20
							      : n.type == NAL_TYPE_IDR;
	return key;
}

static inline struct sps first_sps(const struct rig *r)
{
	struct nal_walk w = walk(r, 0);
	struct sps s;
	struct nal n;

	assert_true(nal_walk_next(&w, &n));
	assert_int_equal(n.type, NAL_TYPE_SPS);
	assert_int_equal(sps_parse(&s, &n), 0);
	return s;
}

static inline void require_x264(void)
{
	if (!encoder_find("x264", CODEC_H264, NULL))
		skip();
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The encoder that encodes nothing: valid H.264 (baseline, CAVLC) of a grey picture, a few bytes a frame, made without
 * a library. It keeps references like a real one and says in an SEI which frame it is and which it refers to, so that
 * tests of the worker, of recovery and of everything downstream read their answers out of the stream. Presets that mean
 * something: "fail N", the N-th frame after each open fails; "break N", it does so after its first early unit; "hang
 * N", it does so after 300 ms. Only chosen by name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "encode/bitstream.h"
#include "encode/encoder.h"
#include "encode/picture.h"

#define LOG2_MAX_FRAME_NUM 16
#define HANG_NS            (300 * NS_PER_MS)

struct null_encoder {
	struct encoder e;
	uint32_t idr_frame;
	uint32_t valid; /* bit i: frame newest - i may be referenced */
	uint8_t idr_pic_id;
	unsigned fail_at, break_at, hang_at, submitted; /* 0: never */
	/* of the frame being encoded */
	const struct enc_request *req;
	uint32_t ref; /* 0 in an IDR */
	unsigned units;
	uint8_t rbsp[AU_BYTES_MAX / 16]; /* a grey IDR slice is one byte a macroblock */
};

static struct null_encoder *null_from(struct encoder *e)
{
	return (struct null_encoder *)e;
}

static int probe(enum codec codec, struct enc_caps *caps)
{
	if (codec != CODEC_H264)
		return -ENOTSUP;
	*caps = (struct enc_caps){
		.flags = ENC_RFI | ENC_RATE | ENC_SLICES,
		.max_width = VIDEO_DIM_MAX,
		.max_height = VIDEO_DIM_MAX,
		.max_refs = ENCODER_DPB_MAX,
		.max_slices = VIDEO_SLICES_MAX,
		.max_depth = 8,
	};
	return 0;
}

static unsigned fault(const char *preset, const char *word)
{
	return strncmp(preset, word, strlen(word)) ? 0 : (unsigned)strtoul(preset + strlen(word), NULL, 10);
}

static int open_null(struct encoder *e)
{
	unsigned rows = (e->params.video.height + 15u) / 16;

	null_from(e)->fail_at = fault(e->params.preset, "fail ");
	null_from(e)->break_at = fault(e->params.preset, "break ");
	null_from(e)->hang_at = fault(e->params.preset, "hang ");
	if (e->params.slices > rows)
		e->params.slices = (uint8_t)rows;
	return 0;
}

static size_t put_sps(struct null_encoder *n, uint8_t *out)
{
	const struct video_params *v = &n->e.params.video;
	unsigned wide = (v->width + 15u) / 16, high = (v->height + 15u) / 16;
	struct bit_writer w = bit_writer_init(n->rbsp, sizeof(n->rbsp));

	bit_put(&w, 8, 66); /* baseline */
	bit_put(&w, 8, 0xc0);
	bit_put(&w, 8, 52); /* level 5.2: any size and rate */
	bit_ue(&w, 0);
	bit_ue(&w, LOG2_MAX_FRAME_NUM - 4);
	bit_ue(&w, 2); /* output order is decoding order */
	bit_ue(&w, n->e.params.dpb);
	bit_put(&w, 1, 0);
	bit_ue(&w, wide - 1);
	bit_ue(&w, high - 1);
	bit_put(&w, 2, 3); /* frames only, direct 8x8 */
	bit_put(&w, 1, 1); /* cropping, in units of two samples */
	bit_ue(&w, 0);
	bit_ue(&w, (wide * 16 - v->width) / 2);
	bit_ue(&w, 0);
	bit_ue(&w, (high * 16 - v->height) / 2);
	bit_put(&w, 1, 1); /* VUI */
	bit_put(&w, 1, 0); /* aspect */
	bit_put(&w, 1, 0); /* overscan */
	bit_put(&w, 1, 0); /* signal type */
	bit_put(&w, 1, 0); /* chroma location */
	bit_put(&w, 1, 0); /* timing */
	bit_put(&w, 2, 0); /* HRD */
	bit_put(&w, 1, 0); /* picture structure */
	bit_put(&w, 2, 3); /* restriction, vectors over boundaries */
	bit_ue(&w, 0);
	bit_ue(&w, 0);
	bit_ue(&w, 10);
	bit_ue(&w, 10);
	bit_ue(&w, 0); /* no reordering */
	bit_ue(&w, n->e.params.dpb);
	bit_trailing(&w);
	return nal_write(out, 3, NAL_TYPE_SPS, n->rbsp, bit_bytes(&w));
}

static size_t put_pps(struct null_encoder *n, uint8_t *out)
{
	struct bit_writer w = bit_writer_init(n->rbsp, sizeof(n->rbsp));

	bit_ue(&w, 0);
	bit_ue(&w, 0);
	bit_put(&w, 2, 0); /* CAVLC, no field order */
	bit_ue(&w, 0);     /* one slice group */
	bit_ue(&w, 0);     /* one reference */
	bit_ue(&w, 0);
	bit_put(&w, 3, 0); /* no weights */
	bit_se(&w, 0);
	bit_se(&w, 0);
	bit_se(&w, 0);
	bit_put(&w, 3, 4); /* deblocking control */
	bit_trailing(&w);
	return nal_write(out, 3, NAL_TYPE_PPS, n->rbsp, bit_bytes(&w));
}

/* User data, unregistered (D.1.7). */
static size_t put_sei(struct null_encoder *n, uint8_t *out, uint32_t frame, uint32_t ref)
{
	static const uint8_t uuid[16] = "moonrill null 01";
	char text[64];
	int len = snprintf(text, sizeof(text), "frame %u ref %u", frame, ref);
	struct bit_writer w = bit_writer_init(n->rbsp, sizeof(n->rbsp));

	bit_put(&w, 8, 5);
	bit_put(&w, 8, 16 + (unsigned)len);
	for (unsigned i = 0; i < 16; i++)
		bit_put(&w, 8, uuid[i]);
	for (int i = 0; i < len; i++)
		bit_put(&w, 8, (uint8_t)text[i]);
	bit_trailing(&w);
	return nal_write(out, 0, NAL_TYPE_SEI, n->rbsp, bit_bytes(&w));
}

/* ref: the frame referred to, 0 in an IDR. */
static size_t put_slice(struct null_encoder *n, uint8_t *out, uint32_t frame, uint32_t ref, unsigned first_mb,
			unsigned mbs)
{
	struct bit_writer w = bit_writer_init(n->rbsp, sizeof(n->rbsp));
	bool idr = !ref;

	bit_ue(&w, first_mb);
	bit_ue(&w, idr ? 7 : 5);
	bit_ue(&w, 0);
	bit_put(&w, LOG2_MAX_FRAME_NUM, idr ? 0 : (frame - n->idr_frame) & 0xffff);
	if (idr) {
		bit_ue(&w, n->idr_pic_id);
		bit_put(&w, 2, 0); /* marking */
	} else {
		bit_put(&w, 1, 0); /* one reference, as in the PPS */
		bit_put(&w, 1, 1); /* named: short-term, by distance */
		bit_ue(&w, 0);
		bit_ue(&w, frame - ref - 1);
		bit_ue(&w, 3);
		bit_put(&w, 1, 0); /* sliding window */
	}
	bit_se(&w, 0);
	bit_ue(&w, 1); /* no deblocking */
	if (idr) {
		/* Intra 16x16, DC of nothing, no residual: 00100 1 1 1. */
		for (unsigned i = 0; i < mbs; i++)
			bit_put(&w, 8, 0x27);
	} else {
		bit_ue(&w, mbs); /* all skipped */
	}
	bit_trailing(&w);
	return nal_write(out, 3, idr ? NAL_TYPE_IDR : NAL_TYPE_SLICE, n->rbsp, bit_bytes(&w));
}

/* The newest frame that may be referenced, 0: none. */
static uint32_t best_ref(const struct null_encoder *n)
{
	uint32_t window = (1u << n->e.params.dpb) - 1;

	return n->valid & window ? n->e.newest - (uint32_t)__builtin_ctz(n->valid & window) : 0;
}

/* next: what is filled after it, NULL with the last. */
static void give_out(struct null_encoder *n, struct au_slot *unit, size_t len, struct au_slot *next)
{
	const struct enc_request *r = n->req;
	struct au *au = &unit->au;

	au->first = !n->units++;
	au->last = !next;
	au->len = len;
	au->expected = next ? r->expected : 0;
	encoder_give(&n->e, au, r, !n->ref);
}

static int submit(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	struct null_encoder *n = null_from(e);
	unsigned wide = (pic->width + 15u) / 16, high = (pic->height + 15u) / 16;
	unsigned slices = e->params.slices;
	struct au_slot *unit, *next;
	uint8_t *p;

	n->submitted++;
	if (n->submitted == n->hang_at)
		clock_sleep_until(clock_ns() + HANG_NS);
	if (n->submitted == n->fail_at || n->submitted == n->hang_at)
		return -EIO;
	unit = au_slab_take(&e->slab);
	if (!unit)
		return -EAGAIN;
	n->req = r;
	n->units = 0;
	n->ref = r->idr ? 0 : best_ref(n);
	p = unit->data;
	if (!n->ref) {
		n->idr_frame = r->frame_no;
		n->idr_pic_id ^= 1;
		n->valid = 0;
		p += put_sps(n, p);
		p += put_pps(n, p);
	}
	p += put_sei(n, p, r->frame_no, n->ref);
	for (unsigned i = 0; i < slices; i++) {
		unsigned first = high * i / slices * wide, end = high * (i + 1) / slices * wide;

		p += put_slice(n, p, r->frame_no, n->ref, first, end - first);
		if (i + 1 == slices || !r->unit_bytes || (size_t)(p - unit->data) < r->unit_bytes ||
		    n->units + 1u >= r->units || !(next = au_slab_take(&e->slab)))
			continue;
		give_out(n, unit, (size_t)(p - unit->data), next);
		unit = next;
		p = unit->data;
		if (n->submitted == n->break_at) {
			unit->au.broken = true;
			give_out(n, unit, 0, NULL);
			return -EIO;
		}
	}
	n->valid = n->valid << 1 | 1;
	give_out(n, unit, (size_t)(p - unit->data), NULL);
	return 0;
}

static int invalidate_refs(struct encoder *e, uint32_t first, uint32_t last)
{
	struct null_encoder *n = null_from(e);
	uint32_t window = (1u << e->params.dpb) - 1, count = e->newest - first + 1;
	/* Everything after the first lost frame depends on it. */
	uint32_t left = count >= 32 ? 0 : n->valid & UINT32_MAX << count;

	(void)last;
	if (!(left & window))
		return -ENOENT;
	n->valid = left;
	return 0;
}

static int set_bitrate(struct encoder *e, uint32_t kbps)
{
	e->params.kbps = kbps;
	return 0;
}

static void close_null(struct encoder *e)
{
	(void)e;
}

const struct encoder_ops encoder_null = {
	.name = "null",
	.help = "a grey picture, for tests",
	.size = sizeof(struct null_encoder),
	.only_by_name = true,
	.probe = probe,
	.open = open_null,
	.submit = submit,
	.invalidate_refs = invalidate_refs,
	.set_bitrate = set_bitrate,
	.close = close_null,
};

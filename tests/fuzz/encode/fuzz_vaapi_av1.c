// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whatever a VA-API driver writes for an AV1 frame. The first byte: whether headers are ours, whether it is a key
 * frame. What is taken is one temporal unit with one frame of the plan, and would be taken again as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "encode/vaapi_codec.h"

#define CAP 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make(struct vaapi_stream *v, struct pic_plan *p, uint8_t how)
{
	const struct vaapi_caps caps = {.max_slices = 8, .av1 = {.size_bytes = 4, .tile_bytes = 4, .cdef = true}};
	const struct enc_params params = {
		.video = {.codec = CODEC_AV1, .width = 320, .height = 192, .depth = 8, .fps_mhz = 60000},
		.slices = 1,
		.dpb = 8,
		.kbps = 1000,
	};
	const uint32_t newest = how & 2 ? 1 : 6;
	uint8_t header[AV1_HEADER_MAX];
	struct av1_walk walk;
	struct av1_unit u;

	*v = (struct vaapi_stream){.codec = vaapi_codec_find(CODEC_AV1), .ours = how & 1};
	pic_refs_init(&v->refs, params.dpb, true);
	v->codec->init(v, &caps, &params);
	for (uint32_t f = 1; f <= newest; f++) {
		pic_refs_plan(&v->refs, f == 1, f, p);
		if (f < newest)
			pic_refs_encoded(&v->refs, p, false);
	}
	/* As after the key frame. */
	walk = av1_walk_init(header, av1_sequence_write(header, &v->av1.stream));
	if (newest > 1 && (av1_walk_next(&walk, &u) || av1_sequence_read(&v->av1.seen, &u) < 0))
		abort();
}

static void check(const struct vaapi_stream *v, const struct pic_plan *p, const uint8_t *out, size_t len)
{
	struct av1_walk walk = av1_walk_init(out, len);
	unsigned n = 0, frames = 0, tiles = 0;
	struct av1_frame_start f;
	struct av1_unit u;
	int rc;

	for (; (rc = av1_walk_next(&walk, &u)) == 0; n++) {
		if ((u.type == AV1_OBU_DELIMITER) != (n == 0) || (u.type == AV1_OBU_SEQUENCE) != (p->idr && n == 1))
			abort();
		if (u.type == AV1_OBU_FRAME_HEADER || u.type == AV1_OBU_FRAME) {
			if (av1_frame_read(&f, &v->av1.seen, &u) < 0 || !f.shown || (f.type == AV1_KEY) != p->idr ||
			    (v->ours && !av1_frame_is(&f, &v->av1.seen, p)))
				abort();
			frames++;
		}
		tiles += u.type == AV1_OBU_FRAME || u.type == AV1_OBU_TILE_GROUP;
	}
	if (rc != 1 || frames != 1 || !tiles)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[CAP], again[CAP];
	size_t len, len_again;
	struct vaapi_stream v;
	struct pic_plan p;

	if (!size)
		return 0;
	make(&v, &p, data[0]);
	if (vaapi_take(&v, &p, data + 1, size - 1, out, sizeof(out), &len) < 0)
		return 0;
	if (len > sizeof(out))
		abort();
	check(&v, &p, out, len);
	if (vaapi_take(&v, &p, out, len, again, sizeof(again), &len_again) != 0 || len_again != len ||
	    memcmp(out, again, len) != 0)
		abort();
	return 0;
}

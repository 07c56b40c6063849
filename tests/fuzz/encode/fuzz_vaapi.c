// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whatever a VA-API driver writes for a picture. The first byte: codec, whether slice headers are ours, whether it is
 * an IDR, slices, whether it is HDR. What is taken has only units that belong there, and would be taken again as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "encode/vaapi_codec.h"

#define CAP 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make(struct vaapi_stream *v, struct pic_plan *p, uint8_t how)
{
	const struct vaapi_caps caps = {
		.profile = how & 1 ? VAProfileHEVCMain : VAProfileH264High,
		.hevc = {.min_cb = 3, .ctb = 5, .min_tb = 2, .max_tb = 5, .qp_delta = true},
	};
	const struct enc_params params = {
		.video =
			{
				.codec = how & 1 ? CODEC_HEVC : CODEC_H264,
				.width = 320,
				.height = 192,
				.fps_mhz = 60000,
				.depth = how & 32 ? 10 : 8,
				.space = COLOUR_BT2020,
				.pq = how & 32,
				.light = {.max_nits = 1000, .max_cll = 500},
				.packet_size = 1392,
			},
		.dpb = 8,
		.kbps = 1000,
	};
	const uint32_t newest = how & 4 ? 1 : 6;

	*v = (struct vaapi_stream){.codec = vaapi_codec_find(params.video.codec), .ours = how & 2};
	pic_refs_init(&v->refs, params.dpb, true);
	v->codec->init(v, &caps, &params);
	vaapi_cut(v, 1 + (how >> 3 & 3), 0);
	for (uint32_t f = 1; f <= newest; f++) {
		pic_refs_plan(&v->refs, f == 1, f, p);
		if (f < newest)
			pic_refs_encoded(&v->refs, p, false);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[CAP], again[CAP];
	uint8_t unit[VAAPI_HEADER_MAX];
	struct vaapi_stream v;
	struct pic_plan p;
	struct nal_walk walk;
	unsigned slices = 0;
	size_t len, len_again;
	struct nal n;

	if (!size)
		return 0;
	make(&v, &p, data[0]);
	if (vaapi_take(&v, &p, data + 1, size - 1, out, sizeof(out), &len) < 0)
		return 0;
	if (len > sizeof(out) || len < 5 || memcmp(out, "\0\0\0\1", 4) != 0)
		abort();
	walk = nal_walk_init(out, len);
	while (nal_walk_next(&walk, &n))
		switch (v.codec->unit(&n)) {
		case VAAPI_OTHER: /* the one that we put in */
			if (slices || !p.idr || !v.codec->before_key || n.len + 4 != v.codec->before_key(&v, unit) ||
			    memcmp(n.payload, unit + 4, n.len) != 0)
				abort();
			break;
		case VAAPI_SET:
			if (slices)
				abort();
			break;
		case VAAPI_SLICE:
		case VAAPI_KEY_SLICE:
			if ((v.codec->unit(&n) == VAAPI_KEY_SLICE) != p.idr ||
			    (v.ours && !v.codec->slice_is(&v, &p, slices, &n)))
				abort();
			slices++;
			break;
		}
	if (!slices || slices > v.slices)
		abort();
	if (vaapi_take(&v, &p, out, len, again, sizeof(again), &len_again) != 0 || len_again != len ||
	    memcmp(out, again, len) != 0)
		abort();
	return 0;
}

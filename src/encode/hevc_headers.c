// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/hevc_headers.h"

#include <assert.h>

#include "base/str.h"
#include "media/colour.h"

enum { SEI_DISPLAY = 137, SEI_LIGHT = 144 }; /* payloadType */

/* MaxDpbSize (A.4.2) of a picture at a level of so many luma samples. */
static unsigned dpb_at(uint32_t most, uint32_t luma)
{
	return luma <= most / 4 ? 16 : luma <= most / 2 ? 12 : luma <= most / 4 * 3 ? 8 : 6;
}

unsigned hevc_dpb_most(uint32_t width, uint32_t height)
{
	const uint32_t level_51 = 8912896, level_6 = 35651584, luma = width * height;

	return dpb_at(luma <= level_51 ? level_51 : level_6, luma);
}

/* What a profile makes of the rates of table A.9, in percent: CpbBrVclFactor of tables A.8 and A.10. */
static uint64_t rate_percent(const struct hevc_stream *s)
{
	return !s->yuv444 ? 100 : s->depth > 8 ? 250 : 200;
}

void hevc_level(struct hevc_stream *s, uint32_t kbps)
{
	/* Tables A.8 and A.9: luma samples in a picture, in a second; kbit/s of the main and the high tier. */
	static const struct {
		uint8_t idc;
		uint32_t luma;
		uint64_t per_s;
		uint32_t main_kbps, high_kbps;
	} levels[] = {
		{90, 552960, 16588800, 6000, 6000},          {93, 983040, 33177600, 10000, 10000},
		{120, 2228224, 66846720, 12000, 30000},      {123, 2228224, 133693440, 20000, 50000},
		{150, 8912896, 267386880, 25000, 100000},    {153, 8912896, 534773760, 40000, 160000},
		{156, 8912896, 1069547520, 60000, 240000},   {180, 35651584, 1069547520, 60000, 240000},
		{183, 35651584, 2139095040, 120000, 480000}, {186, 35651584, 4278190080, 240000, 800000},
	};
	uint32_t wide = hevc_coded_width(s), high = hevc_coded_height(s), luma = wide * high;
	const uint64_t rate = kbps * 100ull;
	size_t i = 0;

	for (; i + 1 < ARRAY_LEN(levels); i++) {
		uint64_t side = 8ull * levels[i].luma; /* squared */

		if (luma <= levels[i].luma && (uint64_t)luma * s->fps_mhz <= levels[i].per_s * 1000 &&
		    (uint64_t)wide * wide <= side && (uint64_t)high * high <= side &&
		    s->dpb <= dpb_at(levels[i].luma, luma) && rate <= levels[i].high_kbps * rate_percent(s))
			break;
	}
	s->level = levels[i].idc;
	s->high_tier = rate > levels[i].main_kbps * rate_percent(s);
}

static size_t unit_write(uint8_t *out, enum hevc_nal type, const uint8_t *rbsp, const struct bit_writer *w)
{
	const uint8_t header[] = {(uint8_t)(type << 1), 1}; /* base layer, lowest sub-layer */

	assert(!w->err);
	return nal_write_headed(out, header, sizeof(header), rbsp, bit_bytes(w));
}

/* 7.3.3 */
static void put_profile(struct bit_writer *w, const struct hevc_stream *s)
{
	bit_put(w, 2, 0);
	bit_put(w, 1, s->high_tier);
	bit_put(w, 5, hevc_profile(s));
	/* Compatible with itself, and Main with Main 10. */
	bit_put32(w, 1u << (31 - hevc_profile(s)) | (hevc_profile(s) == 1 ? 1u << 29 : 0));
	bit_put(w, 4, 9); /* progressive frames */
	/* Table A.2: at most 12, 10, 8 bits; neither 4:2:2, 4:2:0, monochrome, intra nor still; usual rates. */
	bit_put(w, 9, !s->yuv444 ? 0 : s->depth > 8 ? 0x181 : 0x1c1);
	bit_put(w, 15, 0);
	bit_put(w, 20, 0);
	bit_put(w, 8, s->level);
}

/* What a decoder holds, and that nothing is reordered. */
static void put_buffering(struct bit_writer *w, const struct hevc_stream *s)
{
	bit_put(w, 1, 1);
	bit_ue(w, s->dpb - 1u);
	bit_ue(w, 0);
	bit_ue(w, 0);
}

static void put_timing(struct bit_writer *w, const struct hevc_stream *s)
{
	bit_put(w, 1, 1);
	bit_put32(w, 1000);
	bit_put32(w, s->fps_mhz);
	bit_put(w, 1, 0); /* order counts are not times */
}

size_t hevc_vps_write(uint8_t *out, const struct hevc_stream *s)
{
	uint8_t rbsp[HEVC_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));

	bit_put(&w, 4, 0);
	bit_put(&w, 2, 3);
	bit_put(&w, 9, 0); /* one layer, one sub-layer */
	bit_put(&w, 1, 1);
	bit_put(&w, 16, 0xffff);
	put_profile(&w, s);
	put_buffering(&w, s);
	bit_put(&w, 6, 0);
	bit_ue(&w, 0);
	put_timing(&w, s);
	bit_ue(&w, 0);     /* HRD */
	bit_put(&w, 1, 0); /* extension */
	bit_trailing(&w);
	return unit_write(out, HEVC_NAL_VPS, rbsp, &w);
}

static void put_vui(struct bit_writer *w, const struct hevc_stream *s)
{
	const struct colour_codes colour = colour_codes(s->space, s->pq);

	bit_put(w, 1, 0); /* aspect ratio */
	bit_put(w, 1, 0); /* overscan */
	bit_put(w, 1, 1);
	bit_put(w, 3, 5); /* video format: unspecified */
	bit_put(w, 1, s->full_range);
	bit_put(w, 1, 1);
	bit_put(w, 8, colour.primaries);
	bit_put(w, 8, colour.transfer);
	bit_put(w, 8, colour.matrix);
	bit_put(w, 1, !s->yuv444);
	if (!s->yuv444) { /* chroma in the centre: encode/convert.h */
		bit_ue(w, 1);
		bit_ue(w, 1);
	}
	bit_put(w, 3, 0); /* nothing of neutral chroma and fields */
	bit_put(w, 1, 0); /* display window */
	put_timing(w, s);
	bit_put(w, 1, 0); /* HRD */
	bit_put(w, 1, 1); /* restrictions */
	bit_put(w, 1, 0); /* tiles */
	bit_put(w, 1, 1); /* vectors over boundaries */
	bit_put(w, 1, 1); /* all slices of a picture have the same lists */
	bit_ue(w, 0);
	bit_ue(w, 0);
	bit_ue(w, 0);
	bit_ue(w, 15);
	bit_ue(w, 15);
}

/* Sizes of blocks and what slices are made with. */
static void put_tools(struct bit_writer *w, const struct hevc_tools *t)
{
	bit_ue(w, t->min_cb - 3u);
	bit_ue(w, (uint32_t)t->ctb - t->min_cb);
	bit_ue(w, t->min_tb - 2u);
	bit_ue(w, (uint32_t)t->max_tb - t->min_tb);
	bit_ue(w, t->depth_inter);
	bit_ue(w, t->depth_intra);
	bit_put(w, 1, 0); /* scaling lists */
	bit_put(w, 1, t->amp);
	bit_put(w, 1, t->sao);
	bit_put(w, 1, 0); /* PCM */
	bit_ue(w, 0);     /* reference picture sets: in slice headers */
	bit_put(w, 1, 1); /* long-term pictures, there as well */
	bit_ue(w, 0);
	bit_put(w, 1, 0); /* vectors of other pictures */
	bit_put(w, 1, t->strong_intra);
}

size_t hevc_sps_write(uint8_t *out, const struct hevc_stream *s)
{
	unsigned wide = hevc_coded_width(s), high = hevc_coded_height(s);
	bool crop = wide != s->width || high != s->height;
	const unsigned unit = s->yuv444 ? 1 : 2;
	uint8_t rbsp[HEVC_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));

	bit_put(&w, 4, 0);
	bit_put(&w, 3, 0); /* one sub-layer */
	bit_put(&w, 1, 1);
	put_profile(&w, s);
	bit_ue(&w, 0);
	bit_ue(&w, s->yuv444 ? 3 : 1);
	if (s->yuv444)
		bit_put(&w, 1, 0); /* its planes are not pictures of their own */
	bit_ue(&w, wide);
	bit_ue(&w, high);
	bit_put(&w, 1, crop);
	if (crop) {
		bit_ue(&w, 0);
		bit_ue(&w, (wide - s->width) / unit);
		bit_ue(&w, 0);
		bit_ue(&w, (high - s->height) / unit);
	}
	bit_ue(&w, s->depth - 8u);
	bit_ue(&w, s->depth - 8u);
	bit_ue(&w, PIC_REFS_NUMBER_BITS - 4);
	put_buffering(&w, s);
	put_tools(&w, &s->tools);
	bit_put(&w, 1, 1);
	put_vui(&w, s);
	bit_put(&w, 1, 0); /* extension */
	bit_trailing(&w);
	return unit_write(out, HEVC_NAL_SPS, rbsp, &w);
}

size_t hevc_pps_write(uint8_t *out, const struct hevc_stream *s)
{
	const struct hevc_tools *t = &s->tools;
	uint8_t rbsp[HEVC_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));

	bit_ue(&w, 0);
	bit_ue(&w, 0);
	bit_put(&w, 2, 0); /* neither dependent slices nor pictures that are not shown */
	bit_put(&w, 3, 0);
	bit_put(&w, 1, t->sign_hiding);
	bit_put(&w, 1, 0); /* slices do not choose their contexts */
	bit_ue(&w, 0);     /* one reference in either list */
	bit_ue(&w, 0);
	bit_se(&w, (int32_t)HEVC_INIT_QP - 26);
	bit_put(&w, 1, t->constrained_intra);
	bit_put(&w, 1, t->transform_skip);
	bit_put(&w, 1, t->qp_delta);
	if (t->qp_delta)
		bit_ue(&w, (uint32_t)t->ctb - t->min_cb);
	bit_se(&w, 0);
	bit_se(&w, 0);
	bit_put(&w, 1, 0); /* chroma offsets of slices */
	bit_put(&w, 2, 0); /* no weights */
	bit_put(&w, 1, 0); /* lossless blocks */
	bit_put(&w, 2, 0); /* neither tiles nor wavefronts */
	bit_put(&w, 1, 1); /* filters run over slices */
	bit_put(&w, 1, 0); /* deblocked, standard strength */
	bit_put(&w, 1, 0); /* scaling lists */
	bit_put(&w, 1, 0); /* lists as the sets make them */
	bit_ue(&w, 0);
	bit_put(&w, 2, 0); /* extensions */
	bit_trailing(&w);
	return unit_write(out, HEVC_NAL_PPS, rbsp, &w);
}

/* D.2.28: green, blue, red. */
static void put_display(struct bit_writer *w, const struct hdr_metadata *m)
{
	const uint16_t *const points[] = {m->green, m->blue, m->red, m->white};

	bit_put(w, 8, SEI_DISPLAY);
	bit_put(w, 8, 24);
	for (unsigned i = 0; i < 4; i++) {
		bit_put(w, 16, points[i][0]);
		bit_put(w, 16, points[i][1]);
	}
	bit_put32(w, m->max_nits * 10000u);
	bit_put32(w, m->min_nits);
}

size_t hevc_light_write(uint8_t *out, const struct hevc_stream *s)
{
	const struct hdr_metadata *m = &s->light;
	uint8_t rbsp[HEVC_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));

	if (!s->pq || !m->max_nits)
		return 0;
	put_display(&w, m);
	if (m->max_cll || m->max_fall) {
		bit_put(&w, 8, SEI_LIGHT);
		bit_put(&w, 8, 4);
		bit_put(&w, 16, m->max_cll);
		bit_put(&w, 16, m->max_fall);
	}
	bit_trailing(&w);
	return unit_write(out, HEVC_NAL_SEI, rbsp, &w);
}

/* The newest of the kept frames that are older than that, of that kind; -1: none. */
static int next_kept(const struct pic_refs *r, const struct pic_plan *p, bool long_term, uint32_t below)
{
	int best = -1;

	for (unsigned i = 0; i < REF_SLOTS; i++)
		if (p->kept >> i & 1 && hevc_is_long_term(p, &r->held[i]) == long_term && r->held[i].number < below &&
		    (best < 0 || r->held[i].number > r->held[best].number))
			best = (int)i;
	return best;
}

static unsigned count_kept(const struct pic_refs *r, const struct pic_plan *p, bool long_term)
{
	unsigned n = 0;

	for (uint32_t below = p->number; next_kept(r, p, long_term, below) >= 0; n++)
		below = r->held[next_kept(r, p, long_term, below)].number;
	return n;
}

/* The reference picture set, the newest first: 7.3.7, and the long-term part of 7.3.6.1. */
static void put_kept(struct bit_writer *w, const struct pic_refs *r, const struct pic_plan *p)
{
	const uint32_t lsb_mask = (1u << PIC_REFS_NUMBER_BITS) - 1;
	uint32_t at = p->number, cycle = 0;
	int i;

	bit_put(w, 1, 0); /* none of the parameter set's */
	bit_ue(w, count_kept(r, p, false));
	bit_ue(w, 0); /* nothing follows in output order */
	while ((i = next_kept(r, p, false, at)) >= 0) {
		bit_ue(w, at - r->held[i].number - 1);
		bit_put(w, 1, i == p->ref);
		at = r->held[i].number;
	}
	bit_ue(w, count_kept(r, p, true));
	at = p->number;
	while ((i = next_kept(r, p, true, at)) >= 0) {
		at = r->held[i].number;
		bit_put(w, PIC_REFS_NUMBER_BITS, at & lsb_mask);
		bit_put(w, 1, i == p->ref);
		bit_put(w, 1, 1);
		bit_ue(w, (p->number >> PIC_REFS_NUMBER_BITS) - (at >> PIC_REFS_NUMBER_BITS) - cycle);
		cycle = (p->number >> PIC_REFS_NUMBER_BITS) - (at >> PIC_REFS_NUMBER_BITS);
	}
}

/* Up to the reference picture set. segments: the parameter set allows dependent slice segments, and this is none. */
static void put_references(struct bit_writer *w, const struct hevc_stream *s, const struct pic_refs *r,
			   const struct pic_plan *p, uint32_t address, bool segments)
{
	unsigned blocks = hevc_ctbs_wide(s) * hevc_ctbs_high(s), bits = 0;

	while (1u << bits < blocks)
		bits++;
	bit_put(w, 1, address == 0);
	if (p->idr)
		bit_put(w, 1, 0);
	bit_ue(w, 0);
	if (address && segments)
		bit_put(w, 1, 0);
	if (address)
		bit_put(w, bits, address);
	bit_ue(w, hevc_slice_type(s, p));
	if (p->idr)
		return;
	bit_put(w, PIC_REFS_NUMBER_BITS, p->number & ((1u << PIC_REFS_NUMBER_BITS) - 1));
	put_kept(w, r, p);
}

size_t hevc_slice_header_write(uint8_t *out, const struct hevc_stream *s, const struct pic_refs *r,
			       const struct pic_plan *p, uint32_t address)
{
	uint8_t rbsp[HEVC_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));

	put_references(&w, s, r, p, address, false);
	if (s->tools.sao)
		bit_put(&w, 2, 3);
	if (!p->idr) {
		bit_put(&w, 1, 0); /* one reference, as the parameter set says */
		if (s->tools.both_lists)
			bit_put(&w, 1, 0);
		bit_ue(&w, 0); /* five candidates to merge with */
	}
	bit_se(&w, 0);     /* quantizer: whoever encodes says it with the blocks */
	bit_put(&w, 1, 1); /* filters run over slices */
	bit_trailing(&w);
	return unit_write(out, hevc_slice_nal(p), rbsp, &w);
}

bool hevc_slice_header_is(const struct nal *n, const struct hevc_stream *s, const struct pic_refs *r,
			  const struct pic_plan *p, uint32_t address)
{
	if (hevc_nal_type(n) != hevc_slice_nal(p))
		return false;
	/* A driver that writes a parameter set of its own may allow dependent segments there, as radeonsi's does. */
	for (unsigned segments = 0; segments <= (address != 0); segments++) {
		uint8_t want[HEVC_HEADER_MAX / 2];
		struct bit_writer w = bit_writer_init(want, sizeof(want));
		size_t bits;

		put_references(&w, s, r, p, address, segments);
		bits = bit_pad(&w);
		assert(!w.err);
		if (nal_begins_with(n, 2, want, bits))
			return true;
	}
	return false;
}

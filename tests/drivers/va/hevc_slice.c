// SPDX-License-Identifier: GPL-3.0-or-later
/* Slice segment headers of HEVC (7.3.6.1, 7.3.7), read and written: no dependent ones, sets of references spelt out. */
#include "hevc.h"

#define REFUSE(cond, why)                                                                                              \
	do {                                                                                                           \
		if (cond)                                                                                              \
			return why;                                                                                    \
	} while (0)

static unsigned address_bits(const struct hevc_sps *s)
{
	unsigned n = hevc_ctbs(s);

	return n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;
}

/* st_ref_pic_set() and what follows of long-term pictures. */
static const char *references_parse(struct hevc_header *h, struct bits *b, const struct hevc_sps *s)
{
	uint32_t before, after, n_long = 0, cycle = 0;
	int32_t delta = 0;

	REFUSE(bits_get(b, 1), "slice header: short_term_ref_pic_set_sps_flag, and the SPS has none");
	before = bits_ue(b);
	after = bits_ue(b);
	REFUSE(before > HEVC_RPS_MAX || after > HEVC_RPS_MAX || before + after > HEVC_RPS_MAX,
	       "slice header: too many short-term pictures");
	for (uint32_t i = 0; i < before + after; i++) {
		if (i == before)
			delta = 0;
		delta += (i < before ? -1 : 1) * (int32_t)(bits_ue(b) + 1);
		h->rps[h->n_rps++] = (struct hevc_rps_entry){.delta = delta, .used = bits_get(b, 1)};
	}
	if (s->long_term)
		n_long = bits_ue(b);
	REFUSE(n_long > HEVC_RPS_MAX - h->n_rps, "slice header: too many long-term pictures");
	for (uint32_t i = 0; i < n_long; i++) {
		struct hevc_rps_entry *e = &h->rps[h->n_rps++];

		*e = (struct hevc_rps_entry){.is_long = true, .lsb = bits_get(b, s->log2_poc_lsb)};
		e->used = bits_get(b, 1);
		e->msb = bits_get(b, 1);
		/* 7-52: said as differences */
		cycle = (e->msb ? bits_ue(b) : 0) + (i ? cycle : 0);
		e->msb_cycle = cycle;
	}
	return NULL;
}

static const char *lists_parse(struct hevc_header *h, struct bits *b, const struct hevc_sps *s,
			       const struct hevc_pps *p)
{
	h->override = bits_get(b, 1);
	if (h->override) {
		h->l0 = bits_ue(b) + 1;
		if (h->type == HEVC_B)
			h->l1 = bits_ue(b) + 1;
	} else {
		h->l0 = p->l0;
		h->l1 = h->type == HEVC_B ? p->l1 : 0;
	}
	REFUSE(h->l0 > 15 || h->l1 > 15, "slice header: num_ref_idx_active_minus1");
	REFUSE(p->lists, "slice header: lists_modification_present_flag is not offered");
	if (h->type == HEVC_B)
		h->mvd_l1_zero = bits_get(b, 1);
	if (p->cabac_init)
		h->cabac_init = bits_get(b, 1);
	REFUSE(s->tmvp, "slice header: temporal motion vectors are not offered");
	REFUSE((p->weighted && h->type == HEVC_P) || (p->bipred && h->type == HEVC_B),
	       "slice header: weights are not offered");
	h->merge_cands = 5 - bits_ue(b);
	REFUSE(h->merge_cands < 1 || h->merge_cands > 5, "slice header: five_minus_max_num_merge_cand");
	return NULL;
}

static const char *filter_parse(struct hevc_header *h, struct bits *b, const struct hevc_pps *p)
{
	h->deblock_off = p->deblock_off;
	h->beta = p->beta;
	h->tc = p->tc;
	if (p->deblock_override)
		h->deblock_override = bits_get(b, 1);
	if (h->deblock_override) {
		h->deblock_off = bits_get(b, 1);
		if (!h->deblock_off) {
			h->beta = 2 * bits_se(b);
			h->tc = 2 * bits_se(b);
		}
	}
	REFUSE(h->beta < -12 || h->beta > 12 || h->tc < -12 || h->tc > 12, "slice header: deblocking offsets");
	h->across_slices = p->across_slices;
	if (p->across_slices && !h->deblock_off)
		h->across_slices = bits_get(b, 1);
	return NULL;
}

const char *hevc_header_parse(struct hevc_header *h, struct bits *b, const struct hevc_sps *s, const struct hevc_pps *p)
{
	const char *why = NULL;

	*h = (struct hevc_header){0};
	REFUSE(bits_get(b, 1), "slice header: forbidden_zero_bit");
	h->nal_type = (uint8_t)bits_get(b, 6);
	REFUSE(bits_get(b, 6) || bits_get(b, 3) != 1, "slice header: layer or sub-layer");
	REFUSE(h->nal_type != HEVC_TRAIL_R && !hevc_idr(h), "slice header: nal_unit_type other than TRAIL_R and IDR");
	h->first = bits_get(b, 1);
	if (hevc_idr(h))
		h->no_output = bits_get(b, 1);
	h->pps_id = bits_ue(b);
	REFUSE(h->pps_id != p->id, "slice header: slice_pic_parameter_set_id is another PPS");
	if (!h->first) {
		REFUSE(p->dependent && bits_get(b, 1), "slice header: dependent slice segments are not offered");
		h->address = bits_get(b, address_bits(s));
		REFUSE(!h->address || h->address >= hevc_ctbs(s), "slice header: slice_segment_address");
	}
	h->type = bits_ue(b);
	REFUSE(h->type > HEVC_I || (hevc_idr(h) && h->type != HEVC_I), "slice header: slice_type");
	REFUSE(p->output && !bits_get(b, 1), "slice header: pic_output_flag is 0");
	if (!hevc_idr(h)) {
		h->poc_lsb = bits_get(b, s->log2_poc_lsb);
		why = references_parse(h, b, s);
	}
	REFUSE(!why && !hevc_idr(h) && s->tmvp, "slice header: temporal motion vectors are not offered");
	REFUSE(!why && s->sao, "slice header: sample adaptive offset is not offered");
	if (!why && h->type != HEVC_I)
		why = lists_parse(h, b, s, p);
	if (why)
		return why;
	h->qp_delta = bits_se(b);
	REFUSE(p->init_qp + h->qp_delta < 0 || p->init_qp + h->qp_delta > 51, "slice header: slice_qp_delta");
	if (p->slice_chroma) {
		h->cb_offset = bits_se(b);
		h->cr_offset = bits_se(b);
		REFUSE(h->cb_offset < -12 || h->cb_offset > 12 || h->cr_offset < -12 || h->cr_offset > 12,
		       "slice header: chroma offsets");
	}
	why = filter_parse(h, b, p);
	if (why)
		return why;
	if (p->extension)
		REFUSE(bits_ue(b), "slice header: extension");
	why = hevc_trailing(b);
	return why ? "slice header: it does not end with byte_alignment()" : NULL;
}

static void references_write(struct out *o, const struct hevc_header *h, const struct hevc_sps *s)
{
	unsigned before = 0, after = 0, n_long = 0;
	int32_t last = 0;
	uint32_t cycle = 0;

	for (unsigned i = 0; i < h->n_rps; i++) {
		n_long += h->rps[i].is_long;
		before += !h->rps[i].is_long && h->rps[i].delta < 0;
		after += !h->rps[i].is_long && h->rps[i].delta > 0;
	}
	out_put(o, 1, 0);
	out_ue(o, before);
	out_ue(o, after);
	for (unsigned i = 0; i < before + after; i++) {
		if (i == before)
			last = 0;
		out_ue(o, (uint32_t)(i < before ? last - h->rps[i].delta : h->rps[i].delta - last) - 1);
		out_put(o, 1, h->rps[i].used);
		last = h->rps[i].delta;
	}
	if (s->long_term)
		out_ue(o, n_long);
	for (unsigned i = before + after; i < h->n_rps; i++) {
		out_put(o, s->log2_poc_lsb, h->rps[i].lsb);
		out_put(o, 1, h->rps[i].used);
		out_put(o, 1, h->rps[i].msb);
		if (h->rps[i].msb)
			out_ue(o, h->rps[i].msb_cycle - cycle);
		cycle = h->rps[i].msb_cycle;
	}
}

void hevc_header_write(struct out *o, const struct hevc_header *h, const struct hevc_sps *s, const struct hevc_pps *p)
{
	out_put(o, 16, (uint32_t)h->nal_type << 9 | 1);
	out_put(o, 1, h->first);
	if (hevc_idr(h))
		out_put(o, 1, h->no_output);
	out_ue(o, h->pps_id);
	if (!h->first) {
		if (p->dependent)
			out_put(o, 1, 0);
		out_put(o, address_bits(s), h->address);
	}
	out_ue(o, h->type);
	if (p->output)
		out_put(o, 1, 1);
	if (!hevc_idr(h)) {
		out_put(o, s->log2_poc_lsb, h->poc_lsb);
		references_write(o, h, s);
	}
	if (h->type != HEVC_I) {
		out_put(o, 1, h->override);
		if (h->override) {
			out_ue(o, h->l0 - 1);
			if (h->type == HEVC_B)
				out_ue(o, h->l1 - 1);
		}
		if (h->type == HEVC_B)
			out_put(o, 1, h->mvd_l1_zero);
		if (p->cabac_init)
			out_put(o, 1, h->cabac_init);
		out_ue(o, 5 - h->merge_cands);
	}
	out_se(o, h->qp_delta);
	if (p->slice_chroma) {
		out_se(o, h->cb_offset);
		out_se(o, h->cr_offset);
	}
	if (p->deblock_override)
		out_put(o, 1, h->deblock_override);
	if (h->deblock_override) {
		out_put(o, 1, h->deblock_off);
		if (!h->deblock_off) {
			out_se(o, h->beta / 2);
			out_se(o, h->tc / 2);
		}
	}
	if (p->across_slices && !h->deblock_off)
		out_put(o, 1, h->across_slices);
	if (p->extension)
		out_ue(o, 0);
	out_trailing(o);
}

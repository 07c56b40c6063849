// SPDX-License-Identifier: GPL-3.0-or-later
/* Headers of AV1, written: twins of av1_syntax.c. */
#include "av1.h"

void av1_unit_write(struct out *o, unsigned type, unsigned size_bytes, const uint8_t *payload, size_t len)
{
	out_put(o, 8, type << 3 | 2);
	for (unsigned i = 0; i < size_bytes; i++)
		out_put(o, 8, (uint32_t)(len >> 7 * i & 0x7f) | (i + 1 < size_bytes ? 0x80 : 0));
	out_copy(o, payload, len * 8);
}

static void flag(struct out *o, bool v)
{
	out_put(o, 1, v);
}

void av1_sequence_write(struct out *o, const struct av1_sequence *s, unsigned size_bytes)
{
	struct out p = {0};

	out_put(&p, 3, s->profile);
	flag(&p, s->still);
	flag(&p, s->reduced);
	flag(&p, s->timing);
	flag(&p, s->display_delay);
	out_put(&p, 17, 0);
	out_put(&p, 5, s->level);
	if (s->level > 7)
		flag(&p, s->tier);
	out_put(&p, 4, s->width_bits - 1);
	out_put(&p, 4, s->height_bits - 1);
	out_put(&p, s->width_bits, s->width - 1);
	out_put(&p, s->height_bits, s->height - 1);
	flag(&p, s->frame_ids);
	flag(&p, s->sb128);
	flag(&p, s->filter_intra);
	flag(&p, s->intra_edge);
	flag(&p, s->interintra);
	flag(&p, s->masked);
	flag(&p, s->warped);
	flag(&p, s->dual_filter);
	flag(&p, s->order_hint);
	if (s->order_hint) {
		flag(&p, s->jnt_comp);
		flag(&p, s->ref_frame_mvs);
	}
	flag(&p, 0);
	flag(&p, s->screen);
	if (s->order_hint)
		out_put(&p, 3, s->order_hint_bits - 1);
	flag(&p, s->superres);
	flag(&p, s->cdef);
	flag(&p, s->restoration);
	flag(&p, s->high_depth);
	flag(&p, s->mono);
	flag(&p, s->colour);
	if (s->colour) {
		out_put(&p, 8, s->primaries);
		out_put(&p, 8, s->transfer);
		out_put(&p, 8, s->matrix);
	}
	flag(&p, s->full_range);
	out_put(&p, 2, s->chroma_position);
	flag(&p, s->separate_uv);
	flag(&p, s->film_grain);
	out_trailing(&p);
	av1_unit_write(o, AV1_OBU_SEQUENCE, size_bytes, p.p, p.n / 8);
	o->err |= p.err;
	out_free(&p);
}

static void write_tiles(struct out *p, const struct av1_header *h, const struct av1_sequence *s)
{
	unsigned min_cols, max_cols, min_rows, max_rows;

	av1_tile_limits(s, h->log2_cols, &min_cols, &max_cols, &min_rows, &max_rows);
	flag(p, h->uniform);
	for (unsigned i = min_cols; i < max_cols && i <= h->log2_cols; i++)
		flag(p, i < h->log2_cols);
	for (unsigned i = min_rows; i < max_rows && i <= h->log2_rows; i++)
		flag(p, i < h->log2_rows);
	if (!(h->log2_cols + h->log2_rows))
		return;
	out_put(p, h->log2_cols + h->log2_rows, h->context_tile);
	out_put(p, 2, h->tile_bytes - 1);
}

static void write_quality(struct out *p, struct av1_header *h, const struct av1_sequence *s)
{
	h->at.qindex = (uint32_t)p->n;
	out_put(p, 8, h->qindex);
	flag(p, h->deltas);
	if (s->separate_uv)
		flag(p, 0);
	out_put(p, 2, 0);
	flag(p, h->qmatrix);
	h->at.segmentation = (uint32_t)p->n;
	flag(p, h->segmentation);
	if (h->qindex)
		flag(p, h->delta_q_present);
	h->at.loop_filter = (uint32_t)p->n;
	out_put(p, 6, h->level[0]);
	out_put(p, 6, h->level[1]);
	if (h->level[0] || h->level[1]) {
		out_put(p, 6, h->level[2]);
		out_put(p, 6, h->level[3]);
	}
	out_put(p, 3, h->sharpness);
	flag(p, h->delta_lf);
	h->at.cdef = (uint32_t)p->n;
	if (s->cdef) {
		out_put(p, 2, h->damping);
		out_put(p, 2, h->cdef_bits);
		for (unsigned i = 0; i < 1u << h->cdef_bits; i++) {
			out_put(p, 6, h->cdef_y[i]);
			out_put(p, 6, h->cdef_uv[i]);
		}
	}
	h->at.cdef_bits = (uint32_t)p->n - h->at.cdef;
}

void av1_header_write(struct out *o, struct av1_header *h, const struct av1_sequence *s, unsigned size_bytes)
{
	const uint32_t front = 8 * (1 + size_bytes);
	const bool key = h->type == AV1_KEY;
	struct out p = {0};

	flag(&p, 0);
	out_put(&p, 2, h->type);
	flag(&p, h->show);
	if (!key)
		flag(&p, h->error_resilient);
	flag(&p, h->no_cdf_update);
	flag(&p, h->size_override);
	if (s->order_hint)
		out_put(&p, s->order_hint_bits, h->order_hint);
	if (!key && !h->error_resilient)
		out_put(&p, 3, h->primary);
	if (!key) {
		out_put(&p, 8, h->refresh);
		if (s->order_hint)
			flag(&p, 0);
		for (unsigned i = 0; i < AV1_NAMES; i++)
			out_put(&p, 3, h->ref_idx[i]);
	}
	flag(&p, h->other_size);
	if (!key) {
		flag(&p, h->hp_mv);
		flag(&p, h->switchable);
		if (!h->switchable)
			out_put(&p, 2, h->filter);
		flag(&p, h->motion_switchable);
	}
	if (!h->no_cdf_update)
		flag(&p, h->no_end_update);
	write_tiles(&p, h, s);
	write_quality(&p, h, s);
	flag(&p, h->tx_select);
	if (!key)
		flag(&p, h->compound);
	flag(&p, h->reduced_tx);
	if (!key)
		out_put(&p, AV1_NAMES, h->global ? 0x40 : 0);
	h->at.end = front + (uint32_t)p.n + 1;
	out_trailing(&p);
	h->at.qindex += front;
	h->at.segmentation += front;
	h->at.loop_filter += front;
	h->at.cdef += front;
	h->at.size_bytes = size_bytes;
	av1_unit_write(o, AV1_OBU_FRAME_HEADER, size_bytes, p.p, p.n / 8);
	o->err |= p.err;
	out_free(&p);
}

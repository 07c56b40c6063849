// SPDX-License-Identifier: GPL-3.0-or-later
/* Headers of AV1, read: sequence header (5.5), frame header (5.9) of streams without superres, frame numbers,
 * timing. */
#include "av1.h"

#include <string.h>

static bool flag(struct bits *b)
{
	return bits_get(b, 1);
}

const char *av1_unit_open(struct bits *b, unsigned *type, uint32_t *size_bytes)
{
	uint64_t size = 0;
	bool more = true;

	if (flag(b))
		return "OBU: forbidden bit";
	*type = bits_get(b, 4);
	if (flag(b))
		return "OBU: an extension";
	if (!flag(b))
		return "OBU: no size";
	if (flag(b))
		return "OBU: reserved bit";
	for (*size_bytes = 0; more && *size_bytes < 8; ++*size_bytes) {
		more = flag(b);
		size |= (uint64_t)bits_get(b, 7) << 7 * *size_bytes;
	}
	if (b->err || more || b->n % 8 || size != (b->n - b->at) / 8)
		return "OBU: obu_size is not what follows";
	return NULL;
}

/* 5.3.4; at: bits up to and with the trailing one. */
static const char *trailing(struct bits *b, uint32_t *at)
{
	if (!flag(b) || b->err)
		return "trailing bits";
	if (at)
		*at = (uint32_t)b->at;
	if (b->n - b->at >= 8)
		return "more than trailing bits";
	while (b->at < b->n)
		if (flag(b))
			return "trailing bits";
	return NULL;
}

static void read_tools(struct av1_sequence *s, struct bits *b)
{
	s->sb128 = flag(b);
	s->filter_intra = flag(b);
	s->intra_edge = flag(b);
	s->interintra = flag(b);
	s->masked = flag(b);
	s->warped = flag(b);
	s->dual_filter = flag(b);
	s->order_hint = flag(b);
	if (s->order_hint) {
		s->jnt_comp = flag(b);
		s->ref_frame_mvs = flag(b);
	}
	s->screen = flag(b) || flag(b);
	if (s->order_hint)
		s->order_hint_bits = bits_get(b, 3) + 1;
	s->superres = flag(b);
	s->cdef = flag(b);
	s->restoration = flag(b);
}

static void read_colour(struct av1_sequence *s, struct bits *b)
{
	s->high_depth = flag(b);
	s->mono = flag(b);
	s->primaries = s->transfer = s->matrix = 2;
	s->colour = flag(b);
	if (s->colour) {
		s->primaries = bits_get(b, 8);
		s->transfer = bits_get(b, 8);
		s->matrix = bits_get(b, 8);
	}
	s->full_range = flag(b);
	s->chroma_position = bits_get(b, 2);
	s->separate_uv = flag(b);
}

const char *av1_sequence_parse(struct av1_sequence *s, struct bits *b)
{
	uint32_t size_bytes;
	const char *wrong;
	unsigned type;

	memset(s, 0, sizeof(*s));
	wrong = av1_unit_open(b, &type, &size_bytes);
	if (wrong)
		return wrong;
	if (type != AV1_OBU_SEQUENCE)
		return "OBU: no sequence header";
	s->profile = bits_get(b, 3);
	s->still = flag(b);
	s->reduced = flag(b);
	s->timing = !s->reduced && flag(b);
	s->display_delay = !s->reduced && flag(b);
	if (s->profile || s->still || s->reduced || s->timing || s->display_delay)
		return "sequence header: not of the Main profile, or with timing";
	if (bits_get(b, 5) || bits_get(b, 12))
		return "sequence header: operating points";
	s->level = bits_get(b, 5);
	s->tier = s->level > 7 && flag(b);
	s->width_bits = bits_get(b, 4) + 1;
	s->height_bits = bits_get(b, 4) + 1;
	s->width = bits_get(b, s->width_bits) + 1;
	s->height = bits_get(b, s->height_bits) + 1;
	s->frame_ids = flag(b);
	if (s->frame_ids)
		return "sequence header: frame_id_numbers_present_flag";
	read_tools(s, b);
	if (s->screen)
		return "sequence header: tools for screens";
	read_colour(s, b);
	s->film_grain = flag(b);
	if (b->err)
		return "sequence header: cut off";
	return trailing(b, NULL);
}

static unsigned log2_of(unsigned unit, unsigned target)
{
	unsigned k = 0;

	while (unit << k < target)
		k++;
	return k;
}

void av1_tile_limits(const struct av1_sequence *s, unsigned log2_cols, unsigned *min_cols, unsigned *max_cols,
		     unsigned *min_rows, unsigned *max_rows)
{
	const unsigned wide = av1_sbs(s->width), high = av1_sbs(s->height);
	const unsigned area = log2_of(4096 * 2304 / (AV1_SB * AV1_SB), wide * high);

	*min_cols = log2_of(4096 / AV1_SB, wide);
	*max_cols = log2_of(1, wide < 64 ? wide : 64);
	*max_rows = log2_of(1, high < 64 ? high : 64);
	*min_rows = area > log2_cols ? area - log2_cols : 0;
}

const char *av1_tiles_fill(struct av1_header *h, const struct av1_sequence *s)
{
	const unsigned wide = av1_sbs(s->width), high = av1_sbs(s->height);

	h->each_wide = (wide + (1u << h->log2_cols) - 1) >> h->log2_cols;
	h->each_high = (high + (1u << h->log2_rows) - 1) >> h->log2_rows;
	h->cols = (wide + h->each_wide - 1) / h->each_wide;
	h->rows = (high + h->each_high - 1) / h->each_high;
	return h->cols * h->rows > AV1_TILES_MAX ? "tiles: more than 64" : NULL;
}

/* 5.9.15 */
static const char *read_tiles(struct av1_header *h, struct bits *b, const struct av1_sequence *s)
{
	unsigned min_cols, max_cols, min_rows, max_rows;
	const char *wrong;

	h->uniform = flag(b);
	if (!h->uniform)
		return "tiles: not uniform";
	av1_tile_limits(s, 0, &min_cols, &max_cols, &min_rows, &max_rows);
	for (h->log2_cols = min_cols; h->log2_cols < max_cols && flag(b);)
		h->log2_cols++;
	av1_tile_limits(s, h->log2_cols, &min_cols, &max_cols, &min_rows, &max_rows);
	for (h->log2_rows = min_rows; h->log2_rows < max_rows && flag(b);)
		h->log2_rows++;
	wrong = av1_tiles_fill(h, s);
	if (wrong || !(h->log2_cols + h->log2_rows))
		return wrong;
	h->context_tile = bits_get(b, h->log2_cols + h->log2_rows);
	h->tile_bytes = bits_get(b, 2) + 1;
	return h->context_tile >= h->cols * h->rows ? "tiles: context_update_tile_id" : NULL;
}

/* 5.9.12 to 5.9.19 */
static const char *read_quality(struct av1_header *h, struct bits *b, const struct av1_sequence *s)
{
	h->at.qindex = (uint32_t)b->at;
	h->qindex = bits_get(b, 8);
	h->deltas = flag(b);
	if (!h->deltas && s->separate_uv && flag(b))
		h->deltas = true;
	if (h->deltas || flag(b) || flag(b))
		return "frame header: quantisers that differ";
	h->qmatrix = flag(b);
	h->at.segmentation = (uint32_t)b->at;
	h->segmentation = !h->qmatrix && flag(b);
	h->delta_q_present = h->qindex && !h->segmentation && flag(b);
	if (!h->qindex || h->qmatrix || h->segmentation || h->delta_q_present)
		return "frame header: lossless, matrices, segments or quantisers by block";
	h->at.loop_filter = (uint32_t)b->at;
	h->level[0] = bits_get(b, 6);
	h->level[1] = bits_get(b, 6);
	if (h->level[0] || h->level[1]) {
		h->level[2] = bits_get(b, 6);
		h->level[3] = bits_get(b, 6);
	}
	h->sharpness = bits_get(b, 3);
	h->delta_lf = flag(b);
	if (h->delta_lf)
		return "frame header: filters by reference";
	h->at.cdef = (uint32_t)b->at;
	if (s->cdef) {
		h->damping = bits_get(b, 2);
		h->cdef_bits = bits_get(b, 2);
		for (unsigned i = 0; i < 1u << h->cdef_bits; i++) {
			h->cdef_y[i] = bits_get(b, 6);
			h->cdef_uv[i] = bits_get(b, 6);
		}
	}
	h->at.cdef_bits = (uint32_t)b->at - h->at.cdef;
	return NULL;
}

static const char *read_references(struct av1_header *h, struct bits *b, const struct av1_sequence *s)
{
	if (s->order_hint && flag(b))
		return "frame header: short signalling";
	for (unsigned i = 0; i < AV1_NAMES; i++)
		h->ref_idx[i] = bits_get(b, 3);
	if (h->size_override)
		return "frame header: frame_size_override_flag";
	h->other_size = flag(b);
	h->hp_mv = flag(b);
	h->switchable = flag(b);
	if (!h->switchable)
		h->filter = bits_get(b, 2);
	h->motion_switchable = flag(b);
	return NULL;
}

const char *av1_header_parse(struct av1_header *h, struct bits *b, const struct av1_sequence *s)
{
	const char *wrong;
	unsigned type;
	bool key;

	memset(h, 0, sizeof(*h));
	wrong = av1_unit_open(b, &type, &h->at.size_bytes);
	if (wrong)
		return wrong;
	if (type != AV1_OBU_FRAME_HEADER)
		return "OBU: no frame header";
	if (s->superres || s->film_grain || s->restoration || s->sb128 || s->warped || s->mono)
		return "sequence header: tools that are not offered";
	if (flag(b))
		return "frame header: show_existing_frame";
	h->type = bits_get(b, 2);
	h->show = flag(b);
	key = h->type == AV1_KEY;
	if ((!key && h->type != AV1_INTER) || !h->show)
		return "frame header: neither a key frame nor an inter frame that is shown";
	h->error_resilient = key || flag(b);
	h->no_cdf_update = flag(b);
	h->size_override = flag(b);
	h->order_hint = bits_get(b, s->order_hint_bits);
	h->primary = AV1_PRIMARY_NONE;
	h->refresh = 0xff;
	if (!key && !h->error_resilient)
		h->primary = bits_get(b, 3);
	if (!key)
		h->refresh = bits_get(b, 8);
	if (!key && h->error_resilient && s->order_hint)
		return "frame header: error resilient, with order hints";
	if (key && !h->size_override)
		h->other_size = flag(b);
	else if (!key)
		wrong = read_references(h, b, s);
	if (wrong || h->size_override || h->other_size)
		return wrong ? wrong : "frame header: another size";
	h->no_end_update = h->no_cdf_update || flag(b);
	wrong = read_tiles(h, b, s);
	if (!wrong)
		wrong = read_quality(h, b, s);
	if (wrong)
		return wrong;
	h->tx_select = flag(b);
	h->compound = !key && flag(b);
	if (h->compound)
		return "frame header: reference_select";
	h->reduced_tx = flag(b);
	for (unsigned i = 0; i < AV1_NAMES && !key; i++)
		h->global |= flag(b);
	if (h->global)
		return "frame header: global motion";
	return trailing(b, &h->at.end);
}

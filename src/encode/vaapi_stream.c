// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "base/wr.h"
#include "encode/vaapi_codec.h"

const struct vaapi_codec *vaapi_codec_find(enum codec codec)
{
	static const struct vaapi_codec *const all[] = {&vaapi_h264, &vaapi_hevc, &vaapi_av1};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i]->codec == codec)
			return all[i];
	return NULL;
}

void vaapi_cut(struct vaapi_stream *v, unsigned want, uint32_t slice_structure)
{
	const uint32_t any = VA_ENC_SLICE_STRUCTURE_ARBITRARY_MACROBLOCKS | VA_ENC_SLICE_STRUCTURE_ARBITRARY_ROWS;

	v->slices = want < v->high ? want : v->high;
	v->rows = 0;
	if (!slice_structure || slice_structure & any || v->slices == 1)
		return;
	v->rows = (v->high + v->slices - 1) / v->slices;
	if (!(slice_structure & (VA_ENC_SLICE_STRUCTURE_EQUAL_ROWS | VA_ENC_SLICE_STRUCTURE_EQUAL_MULTI_ROWS)) &&
	    slice_structure & VA_ENC_SLICE_STRUCTURE_POWER_OF_TWO_ROWS)
		while (v->rows & (v->rows - 1))
			v->rows++;
	v->slices = (v->high + v->rows - 1) / v->rows;
}

void vaapi_slice_blocks(const struct vaapi_stream *v, unsigned n, uint32_t *first, uint32_t *count)
{
	unsigned from = v->rows ? n * v->rows : n * v->high / v->slices;
	unsigned to = v->rows ? (n + 1) * v->rows : (n + 1) * v->high / v->slices;

	if (to > v->high)
		to = v->high;
	*first = from * v->wide;
	*count = (to - from) * v->wide;
}

/* Four-byte start codes where Annex B asks for them: parameter sets and the first unit. */
static void put_unit(struct wr *w, const struct nal *n, bool set)
{
	static const uint8_t code[] = {0, 0, 0, 1};
	unsigned skip = wr_len(w) && !set;

	wr_bytes(w, code + skip, sizeof(code) - skip);
	wr_bytes(w, n->payload, n->len);
}

/* Which parameter sets the driver wrote: bits. */
static uint32_t sets_in(const struct vaapi_stream *v, const uint8_t *in, size_t in_len)
{
	struct nal_walk walk = nal_walk_init(in, in_len);
	uint32_t sets = 0;
	struct nal n;

	while (nal_walk_next(&walk, &n))
		if (v->codec->unit(&n) == VAAPI_SET)
			sets |= 1u << v->codec->set_of(&n);
	return sets;
}

/* Ours of those before set `end` that are not in *there, which they are then. */
static void put_missing_sets(const struct vaapi_stream *v, struct wr *w, unsigned end, uint32_t *there)
{
	uint8_t set[VAAPI_HEADER_MAX];
	uint32_t packed;

	for (unsigned i = 0; i < end; i++) {
		if (*there >> i & 1)
			continue;
		wr_bytes(w, set, v->codec->set(v, i, set, &packed));
		*there |= 1u << i;
	}
}

static void put_before_key(const struct vaapi_stream *v, struct wr *w)
{
	uint8_t unit[VAAPI_HEADER_MAX];

	if (v->codec->before_key)
		wr_bytes(w, unit, v->codec->before_key(v, unit));
}

int vaapi_take(struct vaapi_stream *v, const struct pic_plan *p, const uint8_t *in, size_t in_len, uint8_t *out,
	       size_t cap, size_t *len)
{
	struct nal_walk walk = nal_walk_init(in, in_len);
	struct wr w = wr_init(out, cap);
	unsigned slices = 0;
	uint32_t sets;
	struct nal n;

	if (v->codec->take)
		return v->codec->take(v, p, in, in_len, out, cap, len);
	sets = sets_in(v, in, in_len);
	while (nal_walk_next(&walk, &n)) {
		enum vaapi_unit unit = v->codec->unit(&n);

		switch (unit) {
		case VAAPI_OTHER:
			break;
		case VAAPI_SET:
			if (slices)
				return -EPROTO;
			if (p->idr)
				put_missing_sets(v, &w, v->codec->set_of(&n), &sets);
			put_unit(&w, &n, true);
			break;
		case VAAPI_SLICE:
		case VAAPI_KEY_SLICE:
			if ((unit == VAAPI_KEY_SLICE) != p->idr || slices == v->slices)
				return -EPROTO;
			if (v->ours && !v->codec->slice_is(v, p, slices, &n))
				return -EBADMSG;
			if (!slices && p->idr) {
				put_missing_sets(v, &w, v->codec->n_sets, &sets);
				put_before_key(v, &w);
			}
			put_unit(&w, &n, false);
			slices++;
			break;
		}
	}
	if (!slices || (v->ours && slices != v->slices))
		return -EPROTO;
	*len = wr_len(&w);
	return wr_ok(&w) ? 0 : -ENOSPC;
}

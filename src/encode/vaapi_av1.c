// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * AV1 on VA-API: slots, tiles, and temporal units made of what drivers write. The frame header is an OBU of its own, in
 * front of one tile group with all tiles. iHD puts both together with its own quantiser, filters and sizes written into
 * our bits; radeonsi reads our headers and writes its own. Both see to it that what comes out is one frame; that it
 * names our slots is checked here.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <va/va.h>
#include <va/va_enc_av1.h>

#include "base/str.h"
#include "base/wr.h"
#include "encode/vaapi_codec.h"

#define PERIOD   65535u /* frames */
#define NAME_ONE 1u     /* the first name, LAST_FRAME */

static_assert(sizeof(VAEncSequenceParameterBufferAV1) <= VAAPI_PARAMETER_MAX &&
		      sizeof(VAEncPictureParameterBufferAV1) <= VAAPI_PARAMETER_MAX &&
		      sizeof(VAEncTileGroupBufferAV1) <= VAAPI_PARAMETER_MAX && AV1_HEADER_MAX <= VAAPI_HEADER_MAX,
	      "parameters and headers must fit");

enum { TX_LARGEST = 1, TX_SELECT = 2 }; /* mode_control_flags.tx_mode; bits of Ext2.tx_mode_support */

static const struct vaapi_profile profiles[] = {
	{VAProfileAV1Profile0, "Main", PICTURE_NV12},
	{VAProfileAV1Profile0, "Main", PICTURE_P010},
	{VAProfileNone, NULL, PICTURE_NV12},
};

bool vaapi_av1_tools(uint32_t features, uint32_t ext2, struct av1_tools *t, uint32_t *tiles)
{
	const VAConfigAttribValEncAV1 f = {.value = features == VA_ATTRIB_NOT_SUPPORTED ? 0 : features};
	const VAConfigAttribValEncAV1Ext2 e = {.value = ext2};
	const uint32_t must = VA_FEATURE_REQUIRED;

	/* How long the sizes are that it writes over is not to be guessed. */
	if (ext2 == VA_ATTRIB_NOT_SUPPORTED || !(e.bits.tx_mode_support & (1u << TX_LARGEST | 1u << TX_SELECT)))
		return false;
	if (f.bits.support_128x128_superblock == must || f.bits.support_filter_intra == must ||
	    f.bits.support_intra_edge_filter == must || f.bits.support_interintra_compound == must ||
	    f.bits.support_masked_compound == must || f.bits.support_warped_motion == must ||
	    f.bits.support_palette_mode == must || f.bits.support_dual_filter == must ||
	    f.bits.support_jnt_comp == must || f.bits.support_ref_frame_mvs == must ||
	    f.bits.support_superres == must || f.bits.support_restoration == must ||
	    f.bits.support_allow_intrabc == must)
		return false;
	*t = (struct av1_tools){
		.size_bytes = (uint8_t)(e.bits.obu_size_bytes_minus1 + 1),
		.tile_bytes = (uint8_t)(e.bits.tile_size_bytes_minus1 + 1),
		.tx_select = e.bits.tx_mode_support >> TX_SELECT & 1,
		.cdef = true,
	};
	*tiles = e.bits.max_tile_num_minus1 + 1;
	return true;
}

static bool suits(VADisplay dpy, struct vaapi_caps *c)
{
	enum { FEATURES, EXT2 };
	VAConfigAttrib a[] = {[FEATURES] = {VAConfigAttribEncAV1, 0}, [EXT2] = {VAConfigAttribEncAV1Ext2, 0}};

	return vaGetConfigAttributes(dpy, c->profile, c->entry, a, ARRAY_LEN(a)) == VA_STATUS_SUCCESS &&
	       vaapi_av1_tools(a[FEATURES].value, a[EXT2].value, &c->av1, &c->max_slices);
}

static unsigned align(unsigned v)
{
	return av1_superblocks(v) * AV1_SUPERBLOCK;
}

static void init(struct vaapi_stream *v, const struct vaapi_caps *c, const struct enc_params *p)
{
	const struct video_params *video = &p->video;
	struct av1_stream *s = &v->av1.stream;

	v->av1 = (struct vaapi_av1){
		.stream =
			{
				.tools = c->av1,
				.depth = video->depth,
				.width = video->width,
				.height = video->height,
				.fps_mhz = video->fps_mhz,
				.space = video->space,
				.full_range = video->full_range,
				.pq = video->pq,
			},
		.light = video->light,
	};
	v->refs.unnumbered = true;
	if (!av1_cut(s, p->slices, c->max_slices))
		return;
	av1_level(s, p->kbps);
	v->wide = v->high = 1; /* one tile group */
	v->tiles = (unsigned)s->tiles.columns * s->tiles.rows;
	v->width = align(video->width);
	v->height = align(video->height);
}

static void sequence(const struct vaapi_stream *v, uint32_t kbps, void *out)
{
	const struct av1_stream *s = &v->av1.stream;

	*(VAEncSequenceParameterBufferAV1 *)out = (VAEncSequenceParameterBufferAV1){
		.seq_level_idx = s->level,
		.seq_tier = s->high_tier,
		.intra_period = PERIOD,
		.ip_period = 1,
		.bits_per_second = kbps * 1000,
		.seq_fields.bits =
			{
				.enable_order_hint = 1,
				.enable_cdef = s->tools.cdef,
				.bit_depth_minus8 = s->depth - 8u,
				.subsampling_x = 1,
				.subsampling_y = 1,
			},
		.order_hint_bits_minus_1 = AV1_ORDER_HINT_BITS - 1,
	};
}

/* The slots as a driver sees them; what a client may not have is none. */
static void name_slots(const struct vaapi_stream *v, const struct pic_plan *p, VAEncPictureParameterBufferAV1 *b)
{
	for (unsigned i = 0; i < ARRAY_LEN(b->reference_frames); i++)
		b->reference_frames[i] = VA_INVALID_SURFACE;
	b->primary_ref_frame = AV1_PRIMARY_NONE;
	if (p->idr)
		return;
	for (unsigned i = 0; i < v->refs.slots.n; i++) {
		const struct ref_slot *slot = &v->refs.slots.slot[i];

		for (unsigned k = 0; k < v->refs.slots.n && slot->valid; k++)
			if (v->refs.held[k].used && v->refs.held[k].frame == slot->frame)
				b->reference_frames[i] = v->surface[v->refs.held[k].surface];
	}
	memset(b->ref_frame_idx, p->slots.ref, sizeof(b->ref_frame_idx));
	b->primary_ref_frame = p->slots.ref;
	b->ref_frame_ctrl_l0.fields.search_idx0 = NAME_ONE;
}

static void name_tiles(const struct av1_stream *s, VAEncPictureParameterBufferAV1 *b)
{
	const struct av1_tiles *t = &s->tiles;
	unsigned wide = av1_superblocks(s->width), high = av1_superblocks(s->height);

	b->tile_cols = t->columns;
	b->tile_rows = t->rows;
	for (unsigned i = 0; i < t->columns; i++, wide -= t->each_wide)
		b->width_in_sbs_minus_1[i] = (uint16_t)((wide < t->each_wide ? wide : t->each_wide) - 1);
	for (unsigned i = 0; i < t->rows; i++, high -= t->each_high)
		b->height_in_sbs_minus_1[i] = (uint16_t)((high < t->each_high ? high : t->each_high) - 1);
}

static void picture(const struct vaapi_stream *v, const struct pic_plan *p, VABufferID coded, void *out)
{
	const struct av1_stream *s = &v->av1.stream;
	VAEncPictureParameterBufferAV1 *b = out;
	uint8_t header[AV1_HEADER_MAX];
	struct av1_offsets at;

	av1_frame_header_write(header, s, p, &at);
	*b = (VAEncPictureParameterBufferAV1){
		.frame_width_minus_1 = (uint16_t)(s->width - 1),
		.frame_height_minus_1 = (uint16_t)(s->height - 1),
		.reconstructed_frame = v->surface[p->surface],
		.coded_buf = coded,
		.order_hint = (uint8_t)p->number,
		.refresh_frame_flags = p->idr ? 0xff : p->slots.refresh,
		.picture_flags.bits =
			{
				.frame_type = p->idr ? AV1_KEY : AV1_INTER,
				.error_resilient_mode = p->idr,
			},
		.base_qindex = AV1_INIT_QINDEX,
		.min_base_qindex = 1,
		.max_base_qindex = 255,
		.mode_control_flags.bits.tx_mode = s->tools.tx_select ? TX_SELECT : TX_LARGEST,
		.tile_group_obu_hdr_info.bits.obu_has_size_field = 1,
	};
	if (v->ours) {
		b->bit_offset_qindex = at.qindex;
		b->bit_offset_loopfilter_params = at.loop_filter;
		b->bit_offset_cdef_params = at.cdef;
		b->size_in_bits_cdef_params = at.cdef_bits;
		b->size_in_bits_frame_hdr_obu = at.end;
		/* Bits count from this header, the byte from the first of the packed ones. */
		b->byte_offset_frame_hdr_obu_size = at.obu_size;
		if (p->idr)
			b->byte_offset_frame_hdr_obu_size += (uint32_t)av1_sequence_write(header, s);
	}
	name_slots(v, p, b);
	name_tiles(s, b);
}

static void slice(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, void *out)
{
	(void)p;
	(void)n;
	*(VAEncTileGroupBufferAV1 *)out = (VAEncTileGroupBufferAV1){.tg_end = (uint8_t)(v->tiles - 1)};
}

static size_t set(const struct vaapi_stream *v, unsigned i, uint8_t *out, uint32_t *packed)
{
	(void)i;
	*packed = VA_ENC_PACKED_HEADER_SEQUENCE;
	return av1_sequence_write(out, &v->av1.stream);
}

static size_t picture_header(const struct vaapi_stream *v, const struct pic_plan *p, uint8_t *out)
{
	return av1_frame_header_write(out, &v->av1.stream, p, NULL);
}

/* --- temporal units --- */

/* What stands behind a key frame's sequence header; in front of it ours, when the driver wrote none. */
static int lead(struct vaapi_stream *v, struct wr *w, bool sequence_is_there)
{
	const struct hdr_metadata *light = &v->av1.light;
	uint8_t header[2 * AV1_HEADER_MAX];
	struct av1_walk walk;
	struct av1_unit u;
	size_t len;

	if (!sequence_is_there) {
		len = av1_sequence_write(header, &v->av1.stream);
		walk = av1_walk_init(header, len);
		if (av1_walk_next(&walk, &u) || av1_sequence_read(&v->av1.seen, &u) < 0)
			return -EPROTO;
		wr_bytes(w, header, len);
	}
	if (v->av1.stream.pq)
		wr_bytes(w, header, av1_light_write(header, light));
	return 0;
}

/* The frame's header, once. */
static int check_frame(struct vaapi_stream *v, const struct pic_plan *p, const struct av1_unit *u)
{
	struct av1_frame_start f;

	if (!v->av1.seen.known || av1_frame_read(&f, &v->av1.seen, u) < 0 || !f.shown || (f.type == AV1_KEY) != p->idr)
		return -EPROTO;
	return !v->ours || av1_frame_is(&f, &v->av1.seen, p) ? 0 : -EBADMSG;
}

/* Some hardware makes pictures of whole blocks and has nowhere to say what of them is to be shown. */
static bool is_our_size(const struct vaapi_stream *v)
{
	return v->av1.seen.width == v->av1.stream.width && v->av1.seen.height == v->av1.stream.height;
}

/* Delimiters are ours: hardware differs in whether it writes them. Metadata too. */
static int take(struct vaapi_stream *v, const struct pic_plan *p, const uint8_t *in, size_t in_len, uint8_t *out,
		size_t cap, size_t *len)
{
	struct av1_walk walk = av1_walk_init(in, in_len);
	struct wr w = wr_init(out, cap);
	unsigned headers = 0, groups = 0, sequences = 0;
	uint8_t delimiter[AV1_HEADER_MAX];
	struct av1_unit u;
	int rc;

	wr_bytes(&w, delimiter, av1_delimiter_write(delimiter));
	while ((rc = av1_walk_next(&walk, &u)) == 0)
		switch (u.type) {
		case AV1_OBU_SEQUENCE:
			if (headers || !p->idr || sequences++ || av1_sequence_read(&v->av1.seen, &u) < 0 ||
			    !is_our_size(v))
				return -EPROTO;
			wr_bytes(&w, u.start, u.size);
			break;
		case AV1_OBU_FRAME_HEADER:
		case AV1_OBU_FRAME:
			if (headers++)
				return -EPROTO;
			rc = p->idr ? lead(v, &w, sequences) : 0;
			if (rc == 0)
				rc = check_frame(v, p, &u);
			if (rc < 0)
				return rc;
			groups += u.type == AV1_OBU_FRAME;
			wr_bytes(&w, u.start, u.size);
			break;
		case AV1_OBU_TILE_GROUP:
			if (!headers)
				return -EPROTO;
			groups++;
			wr_bytes(&w, u.start, u.size);
			break;
		default:
			break;
		}
	if (rc < 0 || !groups)
		return -EPROTO;
	*len = wr_len(&w);
	return wr_ok(&w) ? 0 : -ENOSPC;
}

const struct vaapi_codec vaapi_av1 = {
	.codec = CODEC_AV1,
	.profiles = profiles,
	.packed = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE,
	.sequence_size = sizeof(VAEncSequenceParameterBufferAV1),
	.picture_size = sizeof(VAEncPictureParameterBufferAV1),
	.slice_size = sizeof(VAEncTileGroupBufferAV1),
	.n_sets = 1,
	.suits = suits,
	.init = init,
	.sequence = sequence,
	.picture = picture,
	.slice = slice,
	.set = set,
	.picture_header = picture_header,
	.take = take,
};

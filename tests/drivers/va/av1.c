// SPDX-License-Identifier: GPL-3.0-or-later
/* An AV1 frame: checked, then encoded from the slot that its header names. */
#include "av1.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_BYTES 4u /* of the obu_size of what has no packed header */

struct slot {
	VASurfaceID surface;
	uint64_t serial;
	struct av1_cdfs cdfs;
};

/* Of a context. */
struct av1 {
	bool have_sequence;
	struct av1_sequence sequence;
	struct slot slot[AV1_SLOTS]; /* as a decoder that missed nothing has them */
	uint64_t serial;
	struct av1_frame frame;
	struct planes source; /* padded */
	size_t room;          /* in blocks */
};

/* Of the frame at hand. */
struct job {
	struct context *c;
	struct av1 *x;
	const struct picture *p;
	const VAEncPictureParameterBufferAV1 *pic;
	struct av1_header header;
	struct surface *recon;
	const struct planes *ref;
	const struct item *packed; /* the frame header */
	struct out lead;           /* what stands before it */
};

static VAStatus create(struct context *c)
{
	struct av1 *x = calloc(1, sizeof(*x));

	c->priv = x;
	for (unsigned i = 0; x && i < AV1_SLOTS; i++)
		x->slot[i].surface = VA_INVALID_SURFACE;
	return x ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_ALLOCATION_FAILED;
}

static void destroy(struct context *c)
{
	struct av1 *x = c->priv;

	free(x->frame.skipped);
	planes_free(&x->source);
	free(x);
}

static VABufferID coded_buf(const void *pic)
{
	return ((const VAEncPictureParameterBufferAV1 *)pic)->coded_buf;
}

static VAStatus wrong(struct job *j, const char *what)
{
	return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s", what);
}

/* --- headers --- */

static bool is_key(const struct job *j)
{
	return j->pic->picture_flags.bits.frame_type == AV1_KEY;
}

static struct bits bits_of(const struct item *i)
{
	return (struct bits){.p = i->data, .n = i->bit_length};
}

static VAStatus take_sequence(struct job *j)
{
	const VAEncSequenceParameterBufferAV1 *q = j->p->seq;
	const bool ours = !(j->c->config->packed & VA_ENC_PACKED_HEADER_SEQUENCE);
	VAStatus status;

	if (!q)
		return is_key(j) || !j->x->have_sequence ? wrong(j, "a key frame without sequence parameters")
							 : VA_STATUS_SUCCESS;
	if (!is_key(j))
		return wrong(j, "sequence parameters with a frame that is no key frame");
	status = av1_check_seq(j->c, q);
	if (status != VA_STATUS_SUCCESS)
		return status;
	j->x->have_sequence = true;
	if (!j->c->rate.bits_per_second)
		j->c->rate.bits_per_second = q->bits_per_second;
	if (ours) {
		av1_sequence_of(&j->x->sequence, q, j->pic);
		out_put(&j->lead, 16, 0x1200); /* a delimiter, as some drivers write it */
		av1_sequence_write(&j->lead, &j->x->sequence, 1);
	}
	return VA_STATUS_SUCCESS;
}

static VAStatus take_packed(struct job *j, const struct item *i)
{
	struct bits b = bits_of(i);
	const char *why;

	if (j->packed)
		return wrong(j, "a packed header behind the frame header");
	if (i->type == VAEncPackedHeaderPicture) {
		if (!j->x->have_sequence ||
		    (is_key(j) && j->c->config->packed & VA_ENC_PACKED_HEADER_SEQUENCE && !j->lead.n))
			return wrong(j, "a frame header without a sequence header");
		j->packed = i;
		why = av1_header_parse(&j->header, &b, &j->x->sequence);
		if (!why && j->header.at.size_bytes != j->c->d->q.size_bytes)
			why = "frame header: obu_size has not as many bytes as the attributes say";
		if (!why && j->header.cols * j->header.rows > 1 && j->header.tile_bytes != j->c->d->q.size_bytes)
			why = "frame header: sizes of tiles have not as many bytes as the attributes say";
		return why ? wrong(j, why) : VA_STATUS_SUCCESS;
	}
	if (i->type != VAEncPackedHeaderSequence)
		return wrong(j, "raw data are not offered");
	if (!j->p->seq)
		return wrong(j, "a packed sequence header without sequence parameters");
	why = av1_sequence_parse(&j->x->sequence, &b);
	if (why)
		return wrong(j, why);
	out_copy(&j->lead, i->data, i->bit_length);
	return av1_same_sequence(j->c, j->p->seq, &j->x->sequence);
}

static VAStatus heads(struct job *j)
{
	VAStatus status = take_sequence(j);

	for (unsigned n = 0; n < j->p->n_packed && status == VA_STATUS_SUCCESS; n++)
		status = take_packed(j, j->p->packed[n]);
	if (status != VA_STATUS_SUCCESS)
		return status;
	if (j->c->config->packed & VA_ENC_PACKED_HEADER_PICTURE && !j->packed)
		return wrong(j, "a frame without its packed header");
	status = av1_check_pic(j->c, j->pic, &j->x->sequence);
	if (status == VA_STATUS_SUCCESS && j->p->seq)
		status = av1_check_room(j->c, j->p->seq, j->pic);
	if (status != VA_STATUS_SUCCESS)
		return status;
	if (!j->packed) {
		av1_header_of(&j->header, j->pic, &j->x->sequence);
		return VA_STATUS_SUCCESS;
	}
	status = av1_same_header(j->c, j->pic, &j->header);
	return status == VA_STATUS_SUCCESS ? av1_same_places(j->c, j->pic, &j->header, j->lead.n / 8) : status;
}

/* As a driver that keeps references of its own: all slots have the frame before. */
static void forget_slots(struct job *j)
{
	const struct surface *before;

	j->packed = NULL;
	j->header.refresh = 0xff;
	memset(j->header.ref_idx, 0, sizeof(j->header.ref_idx));
	before = surface_find(j->c->d, j->x->slot[0].surface);
	if (!is_key(j) && before)
		j->ref = &before->recon.planes;
}

static VAStatus tile_group(struct job *j)
{
	const VAEncTileGroupBufferAV1 *t = j->p->slice[0].param;

	if (j->p->n_slices != j->pic->num_tile_groups_minus1 + 1u)
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%u tile groups, num_tile_groups_minus1 %u",
			    j->p->n_slices, j->pic->num_tile_groups_minus1);
	if (t->tg_start || t->tg_end + 1u != j->header.cols * j->header.rows)
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "tile group %u to %u of %u tiles", t->tg_start,
			    t->tg_end, j->header.cols * j->header.rows);
	for (unsigned i = 0; i < sizeof(t->va_reserved) / sizeof(*t->va_reserved); i++)
		if (t->va_reserved[i])
			return wrong(j, "tile group: reserved bytes");
	return VA_STATUS_SUCCESS;
}

/* --- slots --- */

static VAStatus reference_frames(struct job *j)
{
	for (unsigned i = 0; i < AV1_SLOTS; i++) {
		const VASurfaceID id = j->pic->reference_frames[i];
		const struct slot *slot = &j->x->slot[i];
		const struct surface *s;

		if (id == VA_INVALID_SURFACE)
			continue;
		if (is_key(j))
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "reference_frames[%u] of a key frame",
				    i);
		s = surface_find(j->c->d, id);
		if (!s)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_SURFACE, "reference_frames[%u]: no surface %#x", i,
				    id);
		if (slot->surface != id)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "reference_frames[%u]: surface %#x, the decoder has %#x there", i, id,
				    slot->surface);
		if (s->recon.serial != slot->serial || s->recon.context != j->c->id)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_SURFACE,
				    "reference_frames[%u]: surface %#x was overwritten", i, id);
	}
	if (is_key(j))
		return VA_STATUS_SUCCESS;
	for (unsigned i = 0; i < AV1_NAMES; i++)
		if (j->pic->ref_frame_idx[i] >= AV1_SLOTS ||
		    j->pic->reference_frames[j->pic->ref_frame_idx[i]] == VA_INVALID_SURFACE)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "ref_frame_idx[%u]: slot %u, which is not among reference_frames", i,
				    j->pic->ref_frame_idx[i]);
	j->ref = &surface_find(j->c->d, j->pic->reference_frames[j->pic->ref_frame_idx[0]])->recon.planes;
	return VA_STATUS_SUCCESS;
}

static VAStatus current(struct job *j)
{
	const VASurfaceID id = j->pic->reconstructed_frame;
	struct surface *s = surface_find(j->c->d, id);

	if (!s)
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_SURFACE, "reconstructed_frame: no surface %#x", id);
	if (s == j->c->target)
		return wrong(j, "reconstructed_frame is the surface that is encoded");
	if (s->rt_format != j->c->config->rt_format)
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_SURFACE,
			    "reconstructed_frame: surface of format %#x, config of %#x", s->rt_format,
			    j->c->config->rt_format);
	if (!surface_covers(s, j->c))
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_SURFACE, "reconstructed_frame of %ux%u", s->width,
			    s->height);
	/* A slot that is not named any more may lose its picture: no later frame names it (see above). */
	for (unsigned i = 0; i < AV1_SLOTS; i++)
		if (j->pic->reference_frames[i] == id)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_SURFACE,
				    "reconstructed_frame: surface %#x is still in slot %u", id, i);
	j->recon = s;
	return VA_STATUS_SUCCESS;
}

/* --- pictures --- */

static VAStatus prepare(struct job *j)
{
	struct av1 *x = j->x;
	struct av1_frame *f = &x->frame;
	const unsigned wide = (x->sequence.width + 7) / 8, high = (x->sequence.height + 7) / 8, depth = av1_depth(j->c);
	const size_t blocks = (size_t)wide * high;

	if (x->room != blocks) {
		free(f->skipped);
		f->skipped = malloc(blocks);
		x->room = blocks;
	}
	j->recon->recon.serial = 0;
	if (!f->skipped || !planes_prepare(&x->source, wide * 8, high * 8, depth, false) ||
	    !planes_prepare(&j->recon->recon.planes, wide * 8, high * 8, depth, false))
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	planes_read(&x->source, j->c->target);
	f->h = &j->header;
	f->width = wide;
	f->height = high;
	f->src = &x->source;
	f->ref = j->ref;
	f->to = &j->recon->recon.planes;
	return VA_STATUS_SUCCESS;
}

/* The quantiser of H.264 that rates are kept with, as AV1 has it: the step doubles every six, and every bit of
 * depth. */
static unsigned qindex_of(const struct job *j, int qp)
{
	const unsigned depth = av1_depth(j->c);
	const double step = 5 * exp2(qp / 6.0 + depth - 8);
	unsigned q = 1;

	while (q < 255 && av1_ac_step(q, depth) < step)
		q++;
	if (q < j->pic->min_base_qindex)
		q = j->pic->min_base_qindex;
	return j->pic->max_base_qindex && q > j->pic->max_base_qindex ? j->pic->max_base_qindex : q;
}

static int qp_of(unsigned qindex, unsigned depth)
{
	return (int)lrint(6 * (log2(av1_ac_step(qindex, depth) / 5.0) - (depth - 8)));
}

/* The header with its quantiser put where the application said that it is. */
static void header_put(struct job *j, unsigned qindex, struct out *o)
{
	const size_t from = o->n;

	if (!j->packed) {
		j->header.qindex = qindex;
		av1_header_write(o, &j->header, &j->x->sequence, SIZE_BYTES);
		return;
	}
	out_copy(o, j->packed->data, j->packed->bit_length);
	if (o->err || j->c->config->rc == VA_RC_CQP)
		return;
	for (unsigned i = 0; i < 8; i++) {
		const size_t at = from + j->pic->bit_offset_qindex + i;
		const uint8_t bit = (uint8_t)(0x80 >> at % 8);

		o->p[at / 8] = (uint8_t)((o->p[at / 8] & ~bit) | (qindex >> (7 - i) & 1 ? bit : 0));
	}
}

/* A tile group with all tiles (5.11.1); *kept: the state that the frame leaves. */
static void tiles_put(struct job *j, unsigned qindex, struct av1_cdfs *kept, struct out *o)
{
	const unsigned n = j->header.cols * j->header.rows;
	const struct slot *primary = NULL;
	struct av1_cdfs first, cdfs;
	struct out group = {0};

	if (j->header.primary != AV1_PRIMARY_NONE)
		primary = &j->x->slot[j->header.ref_idx[j->header.primary]];
	if (primary)
		first = primary->cdfs;
	else
		av1_cdfs_default(&first, qindex);
	*kept = first;
	if (n > 1)
		out_put(&group, 8, 0); /* no start and end, aligned */
	for (unsigned i = 0; i < n; i++) {
		struct out tile = {0};

		cdfs = first;
		av1_tile(&j->x->frame, i, &cdfs, &tile);
		for (unsigned k = 0; i + 1 < n && k < j->header.tile_bytes; k++)
			out_put(&group, 8, (uint32_t)((tile.n / 8 - 1) >> 8 * k & 0xff));
		out_copy(&group, tile.p, tile.n);
		group.err |= tile.err;
		out_free(&tile);
		if (i == j->header.context_tile && !j->header.no_end_update)
			*kept = cdfs;
	}
	av1_cdfs_rest(kept);
	av1_unit_write(o, AV1_OBU_TILE_GROUP, SIZE_BYTES, group.p, group.n / 8);
	o->err |= group.err;
	out_free(&group);
}

static VAStatus frame_code(struct job *j, struct out *o, struct av1_cdfs *kept)
{
	const bool intra = !j->ref, cqp = j->c->config->rc == VA_RC_CQP;
	int qp, next = rate_begin(j->c, intra, qp_of(j->pic->base_qindex, av1_depth(j->c)));

	for (unsigned pass = 0;; pass++) {
		qp = next;
		j->x->frame.qindex = cqp ? j->pic->base_qindex : qindex_of(j, qp);
		o->n = 0;
		out_copy(o, j->lead.p, j->lead.n);
		header_put(j, j->x->frame.qindex, o);
		tiles_put(j, j->x->frame.qindex, kept, o);
		if (o->err || j->lead.err)
			return VA_STATUS_ERROR_ALLOCATION_FAILED;
		if (!rate_again(j->c, o->n, qp, &next, pass))
			break;
	}
	rate_end(j->c, intra, o->n, qp);
	return VA_STATUS_SUCCESS;
}

static VAStatus finish(struct job *j, const struct out *o, const struct av1_cdfs *kept, struct buffer *coded)
{
	struct recon *r = &j->recon->recon;
	const size_t size = (size_t)coded->size * coded->num_elements, len = o->n / 8;

	if (len > size)
		return rule(j->c->d, VA_STATUS_ERROR_NOT_ENOUGH_BUFFER, "the coded buffer has %zu bytes, the frame %zu",
			    size, len);
	memcpy(coded->data, o->p, len);
	coded->coded_len = len;
	coded->coded_status = 0;
	r->serial = ++j->x->serial;
	r->context = j->c->id;
	for (unsigned i = 0; i < AV1_SLOTS; i++)
		if (j->header.refresh >> i & 1)
			j->x->slot[i] = (struct slot){.surface = j->recon->id, .serial = r->serial, .cdfs = *kept};
	planes_show(&r->planes, j->recon);
	planes_keep(&r->planes, j->c->d, j->x->sequence.width, j->x->sequence.height);
	return VA_STATUS_SUCCESS;
}

static VAStatus encode(struct context *c, const struct picture *p, struct buffer **coded)
{
	struct job j = {.c = c, .x = c->priv, .p = p, .pic = p->pic};
	const struct av1_sequence before = j.x->sequence;
	struct av1_cdfs *kept = calloc(1, sizeof(*kept));
	struct out o = {0};
	VAStatus status = kept ? heads(&j) : VA_STATUS_ERROR_ALLOCATION_FAILED;

	if (status == VA_STATUS_SUCCESS)
		status = tile_group(&j);
	if (status == VA_STATUS_SUCCESS)
		status = reference_frames(&j);
	if (status == VA_STATUS_SUCCESS)
		status = current(&j);
	if (status == VA_STATUS_SUCCESS && c->d->q.own_slots)
		forget_slots(&j);
	if (status == VA_STATUS_SUCCESS)
		status = prepare(&j);
	if (status == VA_STATUS_SUCCESS)
		status = frame_code(&j, &o, kept);
	if (status == VA_STATUS_SUCCESS)
		status = finish(&j, &o, kept, *coded);
	else
		j.x->sequence = before;
	out_free(&o);
	out_free(&j.lead);
	free(kept);
	return status;
}

const struct codec_ops codec_av1 = {
	.name = "AV1",
	.set = SET_AV1,
	.seq_size = sizeof(VAEncSequenceParameterBufferAV1),
	.pic_size = sizeof(VAEncPictureParameterBufferAV1),
	.slice_size = sizeof(VAEncTileGroupBufferAV1),
	.slice_elements_max = AV1_TILES_MAX,
	.sequence_headers = 1,
	.create = create,
	.destroy = destroy,
	.encode = encode,
	.coded_buf = coded_buf,
};

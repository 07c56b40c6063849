// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <va/va_drm.h>

#define LOG2_FRAME_NUM 4u
#define LOG2_POC       6u

static int open_context(struct rig *r, const struct rig_options *o)
{
	const unsigned format = o->profile == VAProfileHEVCMain10       ? VA_RT_FORMAT_YUV420_10
				: o->profile == VAProfileHEVCMain444    ? VA_RT_FORMAT_YUV444
				: o->profile == VAProfileHEVCMain444_10 ? VA_RT_FORMAT_YUV444_10
				: o->deep                               ? VA_RT_FORMAT_YUV420_10
									: VA_RT_FORMAT_YUV420;
	VAConfigAttrib attrib[3] = {{VAConfigAttribRTFormat, format},
				    {VAConfigAttribRateControl, o->rc},
				    {VAConfigAttribEncPackedHeaders, o->packed}};
	VAStatus status;

	status = vaCreateConfig(r->dpy, o->profile, VAEntrypointEncSlice, attrib, o->packed ? 3 : 2, &r->config);
	if (status == VA_STATUS_SUCCESS)
		status = vaCreateSurfaces(r->dpy, format, o->width, o->height, &r->input, 1, NULL, 0);
	if (status == VA_STATUS_SUCCESS)
		status = vaCreateSurfaces(r->dpy, format, o->width, o->height, r->recon, RIG_REFS + 2, NULL, 0);
	if (status == VA_STATUS_SUCCESS)
		status = vaCreateContext(r->dpy, r->config, (int)o->width, (int)o->height, VA_PROGRESSIVE, &r->input, 1,
					 &r->context);
	if (status == VA_STATUS_SUCCESS)
		status = vaCreateBuffer(r->dpy, r->context, VAEncCodedBufferType, o->width * o->height * 4, 1, NULL,
					&r->coded);
	return (int)status;
}

static void quiet(void *user, const char *message)
{
	(void)user, (void)message;
}

int rig_open(struct rig *r, const struct rig_options *o)
{
	int major, minor, fd;
	VAStatus status;

	*r = (struct rig){.fd = memfd_create("node", MFD_CLOEXEC),
			  .profile = o->profile,
			  .bits_per_second = o->bits_per_second ? o->bits_per_second : 1000000,
			  .width = o->width,
			  .height = o->height,
			  .slices = o->slices,
			  .packed = o->packed,
			  .rc = o->rc,
			  .cabac = o->cabac,
			  .deblock = o->deblock,
			  .deep = o->deep,
			  .log = "/tmp/moonrill-va-XXXXXX"};
	fd = mkstemp(r->log);
	if (fd < 0 || r->fd < 0)
		return -1;
	close(fd);
	setenv("MOONRILL_VA_LOG", r->log, 1);
	setenv("LIBVA_DRIVER_NAME", "moonrill", 1);
	r->dpy = vaGetDisplayDRM(r->fd);
	if (!r->dpy)
		return -1;
	vaSetInfoCallback(r->dpy, quiet, NULL);
	status = vaInitialize(r->dpy, &major, &minor);
	return status == VA_STATUS_SUCCESS ? open_context(r, o) : (int)status;
}

void rig_close(struct rig *r)
{
	if (r->dpy) {
		vaDestroyBuffer(r->dpy, r->coded);
		vaDestroyContext(r->dpy, r->context);
		vaDestroySurfaces(r->dpy, r->recon, RIG_REFS + 2);
		vaDestroySurfaces(r->dpy, &r->input, 1);
		vaDestroyConfig(r->dpy, r->config);
		vaTerminate(r->dpy);
	}
	close(r->fd);
	unlink(r->log);
}

const char *rig_log(const struct rig *r, const char *kind)
{
	static char found[1024];
	char line[1024];
	FILE *f = fopen(r->log, "re");

	found[0] = 0;
	while (f && !found[0] && fgets(line, sizeof(line), f))
		if (strncmp(line, kind, strlen(kind)) == 0)
			memcpy(found, line, sizeof(line));
	if (f)
		fclose(f);
	return found;
}

static bool is_long(const struct rig_ref *e)
{
	return e->va.flags & VA_PICTURE_H264_LONG_TERM_REFERENCE;
}

/* The n-th newest, -1 if there is none. */
static int newest(const struct rig *r, unsigned n)
{
	int best = -1;

	for (unsigned seen = 0; seen <= n; seen++) {
		int next = -1;

		for (unsigned i = 0; i < RIG_REFS; i++)
			if (r->ref[i].used &&
			    (best < 0 || r->ref[i].va.TopFieldOrderCnt < r->ref[best].va.TopFieldOrderCnt) &&
			    (next < 0 || r->ref[i].va.TopFieldOrderCnt > r->ref[next].va.TopFieldOrderCnt))
				next = (int)i;
		if (next < 0)
			return -1;
		best = next;
	}
	return best;
}

static VASurfaceID free_surface(const struct rig *r)
{
	for (unsigned k = 0; k < RIG_REFS + 2; k++) {
		bool taken = false;

		for (unsigned i = 0; i < RIG_REFS; i++)
			taken |= r->ref[i].used && r->ref[i].va.picture_id == r->recon[k];
		if (!taken)
			return r->recon[k];
	}
	return VA_INVALID_SURFACE;
}

static void set_sequence(const struct rig *r, VAEncSequenceParameterBufferH264 *q)
{
	*q = (VAEncSequenceParameterBufferH264){.level_idc = 31,
						.intra_period = 0,
						.ip_period = 1,
						.bits_per_second = r->rc == VA_RC_CQP ? 0 : 1000000,
						.max_num_ref_frames = RIG_REFS,
						.picture_width_in_mbs = (uint16_t)((r->width + 15) / 16),
						.picture_height_in_mbs = (uint16_t)((r->height + 15) / 16)};
	q->seq_fields.bits.chroma_format_idc = 1;
	q->seq_fields.bits.frame_mbs_only_flag = 1;
	q->seq_fields.bits.direct_8x8_inference_flag = 1;
	q->seq_fields.bits.log2_max_frame_num_minus4 = LOG2_FRAME_NUM - 4;
	q->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 = LOG2_POC - 4;
	q->frame_cropping_flag = r->width % 16 || r->height % 16;
	q->frame_crop_right_offset = (q->picture_width_in_mbs * 16u - r->width) / 2;
	q->frame_crop_bottom_offset = (q->picture_height_in_mbs * 16u - r->height) / 2;
	q->vui_parameters_present_flag = 1;
	q->vui_fields.bits.bitstream_restriction_flag = 1;
	q->vui_fields.bits.timing_info_present_flag = 1;
	q->num_units_in_tick = 1;
	q->time_scale = 120;
}

static void set_picture(const struct rig *r, struct shot *s)
{
	VAEncPictureParameterBufferH264 *p = &s->pic;
	unsigned n = 0;

	*p = (VAEncPictureParameterBufferH264){
		.coded_buf = r->coded, .frame_num = (uint16_t)r->frame_num, .pic_init_qp = 22};
	p->CurrPic = (VAPictureH264){.picture_id = free_surface(r),
				     .frame_idx = r->frame_num,
				     .flags = VA_PICTURE_H264_SHORT_TERM_REFERENCE,
				     .TopFieldOrderCnt = (int)r->poc,
				     .BottomFieldOrderCnt = (int)r->poc};
	for (unsigned i = 0; i < RIG_REFS; i++)
		if (r->ref[i].used && !s->idr)
			p->ReferenceFrames[n++] = r->ref[i].va;
	for (; n < 16; n++)
		p->ReferenceFrames[n] =
			(VAPictureH264){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID};
	p->pic_fields.bits.idr_pic_flag = s->idr;
	p->pic_fields.bits.reference_pic_flag = 1;
	p->pic_fields.bits.entropy_coding_mode_flag = r->cabac;
	p->pic_fields.bits.deblocking_filter_control_present_flag = 1;
}

void rig_shot(struct rig *r, struct shot *s, bool idr, unsigned ref)
{
	unsigned rows, row = 0;
	int of;

	*s = (struct shot){.idr = idr, .send_seq = idr, .send_pic = true, .packed_type = {1, 2, 3}};
	if (idr)
		r->frame_num = r->poc = 0;
	s->send_packed[0] = idr && r->packed & VA_ENC_PACKED_HEADER_SEQUENCE;
	s->send_packed[1] = idr && r->packed & VA_ENC_PACKED_HEADER_PICTURE;
	s->send_packed[2] = r->packed & VA_ENC_PACKED_HEADER_SLICE;
	set_sequence(r, &s->seq);
	set_picture(r, s);
	s->n_slices = r->slices;
	rows = s->seq.picture_height_in_mbs;
	of = newest(r, ref);
	if (of < 0)
		of = newest(r, 0);
	for (unsigned n = 0; n < s->n_slices; n++) {
		VAEncSliceParameterBufferH264 *v = &s->slice[n];
		unsigned end = rows * (n + 1) / s->n_slices;

		*v = (VAEncSliceParameterBufferH264){.macroblock_address = row * s->seq.picture_width_in_mbs,
						     .num_macroblocks = (end - row) * s->seq.picture_width_in_mbs,
						     .macroblock_info = VA_INVALID_ID,
						     .slice_type = idr ? 2 : 0,
						     .idr_pic_id = (uint16_t)(r->idr_id & 1),
						     .pic_order_cnt_lsb = (uint16_t)(r->poc % (1u << LOG2_POC)),
						     .disable_deblocking_filter_idc =
							     r->deblock ? (uint8_t)0 : (uint8_t)1};
		for (unsigned i = 0; i < 32; i++)
			v->RefPicList0[i] = v->RefPicList1[i] =
				(VAPictureH264){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID};
		if (!idr && of >= 0)
			v->RefPicList0[0] = r->ref[of].va;
		row = end;
	}
	shot_headers(r, s);
}

void shot_headers(struct rig *r, struct shot *s)
{
	h264_sps_of(&s->sps, VAProfileH264High, &s->seq);
	h264_pps_of(&s->pps, &s->pic);
	for (unsigned n = 0; n < s->n_slices; n++) {
		struct h264_header *h = &s->header[n];
		const VAPictureH264 *want = &s->slice[n].RefPicList0[0];
		int diff = (int)r->frame_num - (int)want->frame_idx;

		h264_header_of(h, &s->pic, &s->slice[n], &s->sps, &s->pps);
		if (s->idr)
			continue;
		h->list_changed = true;
		h->n_change = 1;
		if (want->flags & VA_PICTURE_H264_LONG_TERM_REFERENCE) {
			h->change[0].op = 2;
			h->change[0].value = want->frame_idx;
		} else {
			h->change[0].op = 0;
			h->change[0].value = (uint32_t)(diff <= 0 ? diff + (1 << LOG2_FRAME_NUM) : diff) - 1;
		}
	}
}

void shot_long_term(struct rig *r, struct shot *s)
{
	unsigned used = 0, oldest = RIG_REFS;
	bool have_long = false;

	s->pic.CurrPic.flags = VA_PICTURE_H264_LONG_TERM_REFERENCE;
	s->pic.CurrPic.frame_idx = 0;
	for (unsigned i = 0; i < RIG_REFS; i++) {
		used += r->ref[i].used;
		have_long |= r->ref[i].used && is_long(&r->ref[i]);
		if (r->ref[i].used && !is_long(&r->ref[i]) &&
		    (oldest == RIG_REFS || r->ref[i].va.TopFieldOrderCnt < r->ref[oldest].va.TopFieldOrderCnt))
			oldest = i;
	}
	for (unsigned n = 0; n < s->n_slices; n++) {
		struct h264_header *h = &s->header[n];

		h->long_term = s->idr;
		if (s->idr)
			continue;
		h->adaptive = true;
		if (!have_long) {
			/* Long-term index 0 must be allowed first. */
			h->mmco[h->n_mmco].op = 4;
			h->mmco[h->n_mmco++].a = 1;
		}
		if (!have_long && used == RIG_REFS) {
			int diff = (int)r->frame_num - (int)r->ref[oldest].va.frame_idx;

			h->mmco[h->n_mmco].op = 1;
			h->mmco[h->n_mmco++].a = (uint32_t)(diff <= 0 ? diff + (1 << LOG2_FRAME_NUM) : diff) - 1;
		}
		h->mmco[h->n_mmco].op = 6;
		h->mmco[h->n_mmco++].a = 0;
	}
}

/* What a decoder forgets with this picture, and the picture itself. */
static void move_on(struct rig *r, const struct shot *s)
{
	const bool now_long = s->pic.CurrPic.flags & VA_PICTURE_H264_LONG_TERM_REFERENCE;
	unsigned used = 0, oldest = RIG_REFS, at = RIG_REFS;

	if (s->idr)
		memset(r->ref, 0, sizeof(r->ref));
	for (unsigned i = 0; i < RIG_REFS; i++) {
		if (r->ref[i].used && is_long(&r->ref[i]) && now_long)
			r->ref[i].used = false;
		used += r->ref[i].used;
		if (r->ref[i].used && !is_long(&r->ref[i]) &&
		    (oldest == RIG_REFS || r->ref[i].va.TopFieldOrderCnt < r->ref[oldest].va.TopFieldOrderCnt))
			oldest = i;
	}
	if (used == RIG_REFS)
		r->ref[oldest].used = false;
	for (unsigned i = 0; i < RIG_REFS; i++)
		if (!r->ref[i].used)
			at = i;
	r->ref[at] = (struct rig_ref){.va = s->pic.CurrPic, .used = true};
	r->frame_num = (r->frame_num + 1) % (1u << LOG2_FRAME_NUM);
	r->poc += 2;
	r->idr_id += s->idr;
	r->n++;
}

void batch_add(struct rig *r, struct batch *b, VABufferType type, unsigned size, void *data)
{
	if (b->status != VA_STATUS_SUCCESS)
		return;
	b->status = vaCreateBuffer(r->dpy, r->context, type, size, 1, data, &b->id[b->n]);
	if (b->status == VA_STATUS_SUCCESS)
		b->n++;
}

static void add_packed(struct rig *r, struct shot *s, struct batch *b, unsigned kind, struct out *rbsp)
{
	VAEncPackedHeaderParameterBuffer p = {.type = s->packed_type[kind], .has_emulation_bytes = 1};
	struct out o = {0};

	if (kind == 2 || s->raw_escaped) { /* a slice header ends inside a byte: the driver escapes */
		out_put(&o, 32, 1);
		out_copy(&o, rbsp->p, rbsp->n);
		p.has_emulation_bytes = s->raw_escaped;
	} else {
		nal_append(&o, rbsp->p, rbsp->n / 8);
	}
	p.bit_length = (uint32_t)((int)o.n + s->packed_bits[kind]);
	out_reserve(&o, 64);
	batch_add(r, b, VAEncPackedHeaderParameterBufferType, sizeof(p), &p);
	if (!s->no_data)
		batch_add(r, b, VAEncPackedHeaderDataBufferType, (unsigned)(o.n + 15) / 8, o.p);
	out_free(&o);
	out_free(rbsp);
}

static void add_slice(struct rig *r, struct shot *s, struct batch *b, unsigned n)
{
	struct out o = {0};

	if (s->send_packed[2]) {
		h264_header_write(&o, &s->header[n], &s->sps, &s->pps);
		add_packed(r, s, b, 2, &o);
	}
	batch_add(r, b, VAEncSliceParameterBufferType, sizeof(s->slice[n]), &s->slice[n]);
}

static void add_heads(struct rig *r, struct shot *s, struct batch *b)
{
	struct out sps = {0}, pps = {0}, sei = {0};

	h264_pps_write(&pps, &s->pps);
	h264_sps_write(&sps, &s->sps);
	if (s->pps_first && s->send_packed[1])
		add_packed(r, s, b, 1, &pps);
	if (s->send_packed[0])
		add_packed(r, s, b, 0, &sps);
	if (!s->pps_first && s->send_packed[1])
		add_packed(r, s, b, 1, &pps);
	out_free(&sps);
	out_free(&pps);
	if (s->send_sei) {
		VAEncPackedHeaderParameterBuffer p = {.type = VAEncPackedHeaderRawData, .has_emulation_bytes = 1};
		static const uint8_t body[] = {6, 5, 17, 0,  1,  2,  3,  4,  5,   6,   7,
					       8, 9, 10, 11, 12, 13, 14, 15, 'm', 0x80};

		nal_append(&sei, body, sizeof(body));
		p.bit_length = (uint32_t)sei.n;
		batch_add(r, b, VAEncPackedHeaderParameterBufferType, sizeof(p), &p);
		batch_add(r, b, VAEncPackedHeaderDataBufferType, (unsigned)sei.n / 8, sei.p);
		out_free(&sei);
	}
}

static VAStatus read_coded(struct rig *r, VABufferID coded, struct out *out)
{
	VACodedBufferSegment *seg;
	VAStatus status = vaMapBuffer(r->dpy, coded, (void **)&seg);

	if (status != VA_STATUS_SUCCESS)
		return status;
	for (; seg; seg = seg->next)
		if (out)
			out_copy(out, seg->buf, seg->size * 8ull);
	return vaUnmapBuffer(r->dpy, coded);
}

VAStatus batch_run(struct rig *r, struct batch *b, VABufferID coded, struct out *out)
{
	VAStatus status = b->status, ended;
	void *p;

	if (status == VA_STATUS_SUCCESS)
		status = vaBeginPicture(r->dpy, r->context, r->input);
	if (status != VA_STATUS_SUCCESS)
		return status;
	if (b->mapped)
		vaMapBuffer(r->dpy, b->id[0], &p);
	if (b->twice)
		b->id[b->n++] = b->id[0];
	status = vaRenderPicture(r->dpy, r->context, b->id, (int)b->n);
	ended = vaEndPicture(r->dpy, r->context);
	b->n -= b->twice;
	if (b->mapped)
		vaUnmapBuffer(r->dpy, b->id[0]);
	while (b->n > 0)
		vaDestroyBuffer(r->dpy, b->id[--b->n]);
	status = status != VA_STATUS_SUCCESS ? status : ended;
	if (status == VA_STATUS_SUCCESS)
		status = vaSyncSurface(r->dpy, r->input);
	if (status == VA_STATUS_SUCCESS)
		status = read_coded(r, coded, out);
	return status;
}

VAStatus rig_send(struct rig *r, struct shot *s, struct out *out)
{
	struct batch b = {.status = VA_STATUS_SUCCESS};
	VAStatus status;

	if (s->coded_size)
		batch_add(r, &b, VAEncCodedBufferType, s->coded_size, NULL), s->pic.coded_buf = b.id[0], b.n = 0;
	if (s->send_seq)
		batch_add(r, &b, VAEncSequenceParameterBufferType, s->seq_size ? s->seq_size : sizeof(s->seq), &s->seq);
	if (s->misc_size) {
		uint8_t m[sizeof(VAEncMiscParameterBuffer) + sizeof(s->misc)] = {0};

		memcpy(m, &s->misc_type, sizeof(s->misc_type));
		memcpy(m + sizeof(VAEncMiscParameterBuffer), s->misc, s->misc_size);
		batch_add(r, &b, VAEncMiscParameterBufferType,
			  (unsigned)(sizeof(VAEncMiscParameterBuffer) + s->misc_size), m);
	}
	if (s->slice_first)
		add_slice(r, s, &b, 0);
	if (s->send_pic)
		batch_add(r, &b, VAEncPictureParameterBufferType, sizeof(s->pic), &s->pic);
	add_heads(r, s, &b);
	for (unsigned n = s->slice_first; n < s->n_slices; n++)
		add_slice(r, s, &b, n);
	b.mapped = s->mapped;
	b.twice = s->twice;
	status = batch_run(r, &b, s->pic.coded_buf, out);
	if (s->coded_size)
		vaDestroyBuffer(r->dpy, s->pic.coded_buf);
	if (status == VA_STATUS_SUCCESS)
		move_on(r, s);
	return status;
}

/* Plane 0: luma, then Cb and Cr. */
static void put_sample(const VAImage *i, uint8_t *map, unsigned n, unsigned x, unsigned y, unsigned v)
{
	const unsigned chroma = n > 0, at = chroma ? 2 * x + n - 1 : x;
	static const unsigned shift[] = {10, 0, 20};
	uint32_t word;

	switch (i->format.fourcc) {
	case VA_FOURCC_NV12:
		map[i->offsets[chroma] + y * i->pitches[chroma] + at] = (uint8_t)v;
		break;
	case VA_FOURCC_P010:
		v <<= 6;
		memcpy(map + i->offsets[chroma] + (size_t)y * i->pitches[chroma] + at * 2ul, &v, 2);
		break;
	case VA_FOURCC_444P:
		map[i->offsets[n] + y * i->pitches[n] + x] = (uint8_t)v;
		break;
	case VA_FOURCC_Y410:
		map += i->offsets[0] + (size_t)y * i->pitches[0] + x * 4ul;
		memcpy(&word, map, 4);
		word = (word & ~(1023u << shift[n])) | v << shift[n];
		memcpy(map, &word, 4);
		break;
	default: /* XYUV, AYUV */
		map[i->offsets[0] + y * i->pitches[0] + x * 4 + 2 - n] = (uint8_t)v;
	}
}

VAStatus rig_put(struct rig *r, const uint16_t *const planes[3])
{
	const bool whole = r->profile == VAProfileHEVCMain444 || r->profile == VAProfileHEVCMain444_10;
	VAImage i;
	uint8_t *map;
	VAStatus status = vaDeriveImage(r->dpy, r->input, &i);

	if (status != VA_STATUS_SUCCESS)
		return status;
	status = vaMapBuffer(r->dpy, i.buf, (void **)&map);
	for (unsigned n = 0; status == VA_STATUS_SUCCESS && n < 3; n++) {
		const unsigned part = n && !whole ? 2 : 1, w = r->width / part;

		for (unsigned y = 0; y < r->height / part; y++)
			for (unsigned x = 0; x < w; x++)
				put_sample(&i, map, n, x, y, planes[n][(size_t)y * w + x]);
	}
	if (status == VA_STATUS_SUCCESS)
		vaUnmapBuffer(r->dpy, i.buf);
	vaDestroyImage(r->dpy, i.image_id);
	return status;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/pw_format.h"

#include <assert.h>
#include <errno.h>

#include <spa/buffer/buffer.h>
#include <spa/buffer/meta.h>
#include <spa/param/buffers.h>
#include <spa/param/param.h>
#include <spa/param/video/format-utils.h>

#include "base/str.h"
#include "capture/pw_sync.h"
#include "capture/pw_cursor.h"

#define DAMAGE_REGIONS 16 /* asked for; more than a frame carries, so that "too many" can be told from "all" */
#define MODIFIERS_MAX  32 /* offered of one format */

/* SPA names bytes in memory, DRM names little-endian words. Alpha of a screen means nothing. */
static const struct row {
	uint32_t spa, fourcc;
} formats[] = {
	{SPA_VIDEO_FORMAT_BGRx, FOURCC_XRGB8888},          {SPA_VIDEO_FORMAT_BGRA, FOURCC_ARGB8888},
	{SPA_VIDEO_FORMAT_RGBx, FOURCC_XBGR8888},          {SPA_VIDEO_FORMAT_RGBA, FOURCC_ABGR8888},
	{SPA_VIDEO_FORMAT_xRGB, FOURCC_BGRX8888},          {SPA_VIDEO_FORMAT_ARGB, FOURCC_BGRX8888},
	{SPA_VIDEO_FORMAT_xBGR, FOURCC_RGBX8888},          {SPA_VIDEO_FORMAT_ABGR, FOURCC_RGBX8888},
	{SPA_VIDEO_FORMAT_xRGB_210LE, FOURCC_XRGB2101010}, {SPA_VIDEO_FORMAT_xBGR_210LE, FOURCC_XBGR2101010},
	{SPA_VIDEO_FORMAT_ARGB_210LE, FOURCC_ARGB2101010}, {SPA_VIDEO_FORMAT_ABGR_210LE, FOURCC_ABGR2101010},
};

/* Every format in a pod of its own, one fixed, memory, and linear dma-bufs. */
static_assert(ARRAY_LEN(formats) + 3 <= PW_FORMAT_PODS_MAX, "an offer has room");

static void add_common(struct spa_pod_builder *b, const struct pw_format *fixed, uint32_t fps_mhz)
{
	struct spa_rectangle size = SPA_RECTANGLE(1920, 1080), min = SPA_RECTANGLE(1, 1),
			     max = SPA_RECTANGLE(VIDEO_DIM_MAX * 2, VIDEO_DIM_MAX * 2);
	struct spa_fraction any = SPA_FRACTION(0, 1), top = SPA_FRACTION(1000, 1);
	struct spa_fraction one = SPA_FRACTION(1, 1), limit = SPA_FRACTION(fps_mhz, 1000);

	spa_pod_builder_add(b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
			    SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), 0);
	if (fixed)
		size = min = max = SPA_RECTANGLE(fixed->width, fixed->height);
	spa_pod_builder_add(b, SPA_FORMAT_VIDEO_size, SPA_POD_CHOICE_RANGE_Rectangle(&size, &min, &max),
			    SPA_FORMAT_VIDEO_framerate, SPA_POD_CHOICE_RANGE_Fraction(&any, &any, &top), 0);
	if (fps_mhz)
		spa_pod_builder_add(b, SPA_FORMAT_VIDEO_maxFramerate,
				    SPA_POD_CHOICE_RANGE_Fraction(&limit, &one, &limit), 0);
}

static void add_formats(struct spa_pod_builder *b, const struct pw_format *fixed)
{
	struct spa_pod_frame choice;

	spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_format, 0);
	if (fixed) {
		spa_pod_builder_id(b, fixed->spa);
		return;
	}
	spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Enum, 0);
	spa_pod_builder_id(b, formats[0].spa); /* the default comes first, and again among the others */
	for (unsigned i = 0; i < ARRAY_LEN(formats); i++)
		spa_pod_builder_id(b, formats[i].spa);
	spa_pod_builder_pop(b, &choice);
}

static void add_modifiers(struct spa_pod_builder *b, const struct pw_format *fixed)
{
	struct spa_pod_frame choice;

	if (fixed) {
		spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY);
		spa_pod_builder_long(b, (int64_t)fixed->modifier);
		return;
	}
	spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY | SPA_POD_PROP_FLAG_DONT_FIXATE);
	spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Enum, 0);
	spa_pod_builder_long(b, (int64_t)MODIFIER_LINEAR);
	spa_pod_builder_long(b, (int64_t)MODIFIER_LINEAR);
	spa_pod_builder_long(b, (int64_t)MODIFIER_INVALID);
	spa_pod_builder_pop(b, &choice);
}

static const struct spa_pod *offer(struct spa_pod_builder *b, const struct pw_format *fixed, bool dmabuf,
				   uint32_t fps_mhz)
{
	struct spa_pod_frame object;

	spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
	add_formats(b, fixed);
	if (dmabuf)
		add_modifiers(b, fixed);
	add_common(b, fixed, fps_mhz);
	return spa_pod_builder_pop(b, &object);
}

/* What the reader imports of one format; NULL: nothing. */
static const struct spa_pod *offer_import(struct spa_pod_builder *b, const struct dmabuf_formats *importable,
					  const struct row *row, uint32_t fps_mhz)
{
	struct spa_pod_frame object, choice;
	int64_t modifier[MODIFIERS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < importable->n && n < MODIFIERS_MAX; i++)
		if (importable->format[i].fourcc == row->fourcc)
			modifier[n++] = (int64_t)importable->format[i].modifier;
	if (!n)
		return NULL;
	spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
	spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_format, 0);
	spa_pod_builder_id(b, row->spa);
	spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY | SPA_POD_PROP_FLAG_DONT_FIXATE);
	spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Enum, 0);
	spa_pod_builder_long(b, modifier[0]); /* the default comes first, and again among the others */
	for (unsigned i = 0; i < n; i++)
		spa_pod_builder_long(b, modifier[i]);
	spa_pod_builder_pop(b, &choice);
	add_common(b, NULL, fps_mhz);
	return spa_pod_builder_pop(b, &object);
}

unsigned pw_format_offer(struct spa_pod_builder *b, const struct dmabuf_formats *importable,
			 const struct pw_format *fixed, uint32_t fps_mhz,
			 const struct spa_pod *pods[PW_FORMAT_PODS_MAX])
{
	unsigned n = 0;

	if (fixed)
		pods[n++] = offer(b, fixed, true, fps_mhz);
	for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
		pods[n] = offer_import(b, importable, &formats[i], fps_mhz);
		n += pods[n] != NULL;
	}
	pods[n++] = offer(b, NULL, false, fps_mhz);
	pods[n++] = offer(b, NULL, true, fps_mhz);
	return n;
}

static struct colour colour_of(const struct spa_video_info_raw *info)
{
	struct colour c = {.space = COLOUR_BT709, .full_range = true};

	/* RGB has no matrix and is full range; what is left to say are the primaries. */
	if (info->color_primaries == SPA_VIDEO_COLOR_PRIMARIES_BT2020)
		c.space = COLOUR_BT2020;
	return c;
}

static bool has(const struct dmabuf_formats *importable, uint32_t fourcc, uint64_t modifier)
{
	for (unsigned i = 0; i < importable->n; i++)
		if (importable->format[i].fourcc == fourcc && importable->format[i].modifier == modifier)
			return true;
	return false;
}

/* The first of the source's that the reader imports: sources put what they like best first. Else linear, when the
 * source has it; else its default. */
static uint64_t pick_modifier(const struct spa_pod *value, const struct dmabuf_formats *importable, uint32_t fourcc)
{
	uint32_t n, choice;
	const struct spa_pod *first = spa_pod_get_values(value, &n, &choice);
	const int64_t *v = SPA_POD_BODY_CONST(first);

	if (first->type != SPA_TYPE_Long || first->size != sizeof(*v) || !n)
		return MODIFIER_INVALID;
	for (uint32_t i = 0; i < n; i++)
		if (has(importable, fourcc, (uint64_t)v[i]))
			return (uint64_t)v[i];
	for (uint32_t i = 0; i < n; i++)
		if (v[i] == (int64_t)MODIFIER_LINEAR)
			return MODIFIER_LINEAR;
	return (uint64_t)v[0];
}

int pw_format_parse(const struct spa_pod *param, const struct dmabuf_formats *importable, struct pw_format *f)
{
	struct spa_video_info_raw info = {0};
	const struct spa_pod_prop *modifier;
	const struct row *row = NULL;
	uint32_t type, subtype;

	if (spa_format_parse(param, &type, &subtype) < 0 || type != SPA_MEDIA_TYPE_video ||
	    subtype != SPA_MEDIA_SUBTYPE_raw || spa_format_video_raw_parse(param, &info) < 0)
		return -ENOTSUP;
	*f = (struct pw_format){
		.width = info.size.width,
		.height = info.size.height,
		.spa = info.format,
		.modifier = MODIFIER_LINEAR,
		.colour = colour_of(&info),
	};
	for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
		if (formats[i].spa == f->spa)
			row = &formats[i];
	}
	if (!row)
		return -ENOTSUP;
	f->fourcc = row->fourcc;
	if (!f->width || !f->height || f->width > VIDEO_DIM_MAX * 2 || f->height > VIDEO_DIM_MAX * 2)
		return -EINVAL;
	modifier = spa_pod_find_prop(param, NULL, SPA_FORMAT_VIDEO_modifier);
	if (modifier) {
		f->dmabuf = true;
		f->fixate = modifier->flags & SPA_POD_PROP_FLAG_DONT_FIXATE;
		f->modifier = pick_modifier(&modifier->value, importable, f->fourcc);
		f->import = has(importable, f->fourcc, f->modifier);
		if (!f->import && f->modifier != MODIFIER_LINEAR && f->modifier != MODIFIER_INVALID)
			return -ENOTSUP;
	}
	return 0;
}

bool pw_format_withdraw(struct dmabuf_formats *importable, const struct pw_format *f, bool all)
{
	unsigned kept = 0, before = importable->n;

	for (unsigned i = 0; i < before && !all; i++)
		if (importable->format[i].fourcc != f->fourcc || importable->format[i].modifier != f->modifier)
			importable->format[kept++] = importable->format[i];
	importable->n = kept;
	return kept < before;
}

/* min..max bytes, size if nobody says otherwise. */
static const struct spa_pod *meta(struct spa_pod_builder *b, uint32_t type, size_t size, size_t min, size_t max)
{
	return spa_pod_builder_add_object(b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type,
					  SPA_POD_Id(type), SPA_PARAM_META_size,
					  SPA_POD_CHOICE_RANGE_Int((int)size, (int)min, (int)max));
}

static const struct spa_pod *buffers(struct spa_pod_builder *b, const struct pw_format *f, bool sync)
{
	int types = f->dmabuf ? 1 << SPA_DATA_DmaBuf : 1 << SPA_DATA_MemFd;
	struct spa_pod_frame object;

	spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers);
	spa_pod_builder_add(b, SPA_PARAM_BUFFERS_buffers,
			    SPA_POD_CHOICE_RANGE_Int(PW_BUFFERS_WANTED, 2, PW_BUFFERS_MAX), SPA_PARAM_BUFFERS_dataType,
			    SPA_POD_CHOICE_FLAGS_Int(types), 0);
	if (sync)
		pw_sync_only(b);
	return spa_pod_builder_pop(b, &object);
}

unsigned pw_format_buffers(struct spa_pod_builder *b, const struct pw_format *f, bool cursor, bool sync,
			   const struct spa_pod *pods[PW_FORMAT_PODS_MAX])
{
	const uint32_t region = sizeof(struct spa_meta_region), header = sizeof(struct spa_meta_header);
	const uint32_t transform = sizeof(struct spa_meta_videotransform);
	unsigned n = 0;

	/* The first that suits both sides is taken: the number of planes is the source's to say, for it adds the
	 * timelines. */
	if (sync && f->import && pw_sync_known()) {
		pods[n++] = buffers(b, f, true);
		pods[n++] = pw_sync_meta(b);
	}
	pods[n++] = buffers(b, f, false);
	pods[n++] = meta(b, SPA_META_Header, header, header, header);
	pods[n++] = meta(b, SPA_META_VideoCrop, region, region, region);
	pods[n++] = meta(b, SPA_META_VideoTransform, transform, transform, transform);
	pods[n++] = meta(b, SPA_META_VideoDamage, region * DAMAGE_REGIONS, region, region * DAMAGE_REGIONS);
	if (cursor) /* the source knows what room it needs: KWin has one size, Mutter a range */
		pods[n++] = meta(b, SPA_META_Cursor, PW_CURSOR_BYTES(CURSOR_DIM_MAX, CURSOR_DIM_MAX),
				 PW_CURSOR_BYTES(1, 1), PW_CURSOR_BYTES(PW_CURSOR_ASKED_MAX, PW_CURSOR_ASKED_MAX));
	return n;
}

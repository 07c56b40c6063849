// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/vaapi_probe.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "encode/pic_refs.h"

int vaapi_find_for(enum codec codec, enum picture_format format, struct vaapi_caps *c, struct enc_caps *caps)
{
	struct vaapi_caps other;
	int rc = vaapi_find(codec, format, c);
	bool ours, shared;

	if (rc < 0)
		return rc;
	ours = vaapi_writes_references(c);
	/* 4:4:4, which a GPU makes in planes, is not imported: encode/vaapi_shared.c. */
	shared = format == PICTURE_NV12 || format == PICTURE_P010;
	*caps = (struct enc_caps){
		.flags = ENC_RATE | (shared ? ENC_SHARED : 0u) | (ours ? ENC_RFI | ENC_KEEPS_OLD : 0u),
		.max_width = least(c->max_width, VIDEO_DIM_MAX),
		.max_height = least(c->max_height, VIDEO_DIM_MAX),
		.max_refs = ours ? PIC_REFS_DPB_MAX : 1,
		.max_slices = (uint8_t)least(c->max_slices, VIDEO_SLICES_MAX),
		.max_depth = vaapi_find(codec, PICTURE_P010, &other) == 0 ? 10 : 8,
		.yuv444 = vaapi_find(codec, PICTURE_YUV444, &other) == 0,
		.max_depth_444 = vaapi_find(codec, PICTURE_YUV444P10, &other) == 0 ? 10 : 8,
	};
	return 0;
}

int vaapi_probe(enum codec codec, struct enc_caps *caps)
{
	struct vaapi_caps c;

	return vaapi_find_for(codec, PICTURE_NV12, &c, caps);
}

static void add_word(char *list, size_t cap, const char *between, const char *word)
{
	size_t at = strlen(list);

	snprintf(list + at, cap - at, "%s%s", at ? between : "", word);
}

void vaapi_describe(enum codec codec, struct encoder_details *d)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} packed[] = {
		{VA_ENC_PACKED_HEADER_SEQUENCE, "sequence"},
		{VA_ENC_PACKED_HEADER_PICTURE, "picture"},
		{VA_ENC_PACKED_HEADER_SLICE, "slice"},
	};
	const char *last = "";
	struct vaapi_caps c;

	for (unsigned f = 0; f < PICTURE_FORMATS; f++)
		if (vaapi_find(codec, (enum picture_format)f, &c) == 0 && strcmp(last, c.profile_name) != 0) {
			add_word(d->profile, sizeof(d->profile), ", ", c.profile_name);
			last = c.profile_name;
		}
	if (vaapi_find(codec, PICTURE_NV12, &c) < 0)
		return;
	snprintf(d->entry, sizeof(d->entry), "%s", c.entry == VAEntrypointEncSliceLP ? "EncSliceLP" : "EncSlice");
	snprintf(d->device, sizeof(d->device), "%s", c.path);
	snprintf(d->driver, sizeof(d->driver), "%s", c.vendor);
	snprintf(d->quirks, sizeof(d->quirks), "%s: %s", c.quirks->driver, c.quirks->note);
	d->low_power = c.entry == VAEntrypointEncSliceLP;
	for (size_t i = 0; i < ARRAY_LEN(packed); i++)
		if (c.packed & packed[i].flag)
			add_word(d->packed, sizeof(d->packed), " ", packed[i].word);
}

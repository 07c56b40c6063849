// SPDX-License-Identifier: GPL-3.0-or-later
/* Profiles, entry points and attributes: what is offered, and that no more is asked for. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

static const struct profile {
	VAProfile profile;
	const struct codec_ops *codec;
	uint32_t rt_format;
} profiles[] = {
	{VAProfileH264ConstrainedBaseline, &codec_h264, VA_RT_FORMAT_YUV420},
	{VAProfileH264Main, &codec_h264, VA_RT_FORMAT_YUV420},
	{VAProfileH264High, &codec_h264, VA_RT_FORMAT_YUV420},
	{VAProfileHEVCMain, &codec_hevc, VA_RT_FORMAT_YUV420},
	{VAProfileHEVCMain10, &codec_hevc, VA_RT_FORMAT_YUV420_10},
	{VAProfileHEVCMain444, &codec_hevc, VA_RT_FORMAT_YUV444},
	{VAProfileHEVCMain444_10, &codec_hevc, VA_RT_FORMAT_YUV444_10},
	{VAProfileAV1Profile0, &codec_av1, VA_RT_FORMAT_YUV420 | VA_RT_FORMAT_YUV420_10},
};

static bool offered(const struct driver *d, const struct profile *p)
{
	return p->codec->set & d->q.sets && p->rt_format & d->q.formats;
}

static const struct profile *profile_find(const struct driver *d, VAProfile profile)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++)
		if (profiles[i].profile == profile && offered(d, &profiles[i]))
			return &profiles[i];
	return NULL;
}

static VAStatus query_profiles(VADriverContextP va, VAProfile *list, int *n)
{
	struct driver *d = driver_enter(va, "vaQueryConfigProfiles");

	*n = 0;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++)
		if (offered(d, &profiles[i]))
			list[(*n)++] = profiles[i].profile;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static bool entrypoint_offered(const struct driver *d, VAEntrypoint e)
{
	return (e == VAEntrypointEncSlice && d->q.slice) || (e == VAEntrypointEncSliceLP && d->q.low_power);
}

static VAStatus query_entrypoints(VADriverContextP va, VAProfile profile, VAEntrypoint *list, int *n)
{
	struct driver *d = driver_enter(va, "vaQueryConfigEntrypoints");

	*n = 0;
	if (!profile_find(d, profile))
		return driver_leave(d, VA_STATUS_ERROR_UNSUPPORTED_PROFILE);
	if (d->q.slice)
		list[(*n)++] = VAEntrypointEncSlice;
	if (d->q.low_power)
		list[(*n)++] = VAEntrypointEncSliceLP;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

/* Tile groups have no headers of their own, and nothing else is needed. */
static uint32_t packed_offered(const struct driver *d, const struct profile *p)
{
	const uint32_t of_av1 = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE;

	return p->codec == &codec_av1 ? d->q.packed & of_av1 : d->q.packed;
}

uint32_t config_attribute(struct driver *d, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttribType type)
{
	const struct profile *p = profile_find(d, profile);

	(void)entrypoint;
	switch (type) {
	case VAConfigAttribRTFormat:
		return d->q.rt_420 ? VA_RT_FORMAT_YUV420 : p->rt_format & d->q.formats;
	case VAConfigAttribRateControl:
		if (d->q.attr_missing_rc)
			return VA_ATTRIB_NOT_SUPPORTED;
		return d->q.cqp_only ? VA_RC_CQP : VA_RC_CQP | VA_RC_CBR | VA_RC_VBR;
	case VAConfigAttribEncPackedHeaders:
		return packed_offered(d, p) ? packed_offered(d, p) : VA_ATTRIB_NOT_SUPPORTED;
	case VAConfigAttribEncMaxRefFrames:
		if (d->q.attr_missing_refs)
			return VA_ATTRIB_NOT_SUPPORTED;
		return d->q.refs | (p->codec == &codec_hevc && d->q.both_lists ? 1u << 16 : 0);
	case VAConfigAttribEncMaxSlices:
		return d->q.attr_missing_slices ? VA_ATTRIB_NOT_SUPPORTED : d->q.slices;
	case VAConfigAttribEncSliceStructure:
		return VA_ENC_SLICE_STRUCTURE_ARBITRARY_MACROBLOCKS | VA_ENC_SLICE_STRUCTURE_ARBITRARY_ROWS |
		       VA_ENC_SLICE_STRUCTURE_EQUAL_ROWS | VA_ENC_SLICE_STRUCTURE_EQUAL_MULTI_ROWS;
	case VAConfigAttribMaxPictureWidth:
	case VAConfigAttribMaxPictureHeight:
		return PICTURE_SIZE_MAX;
	case VAConfigAttribEncQualityRange:
		return d->q.attr_missing_quality ? VA_ATTRIB_NOT_SUPPORTED : 7;
	case VAConfigAttribMaxFrameSize:
		if (d->q.attr_missing_frame_size)
			return VA_ATTRIB_NOT_SUPPORTED;
		return (VAConfigAttribValMaxFrameSize){.bits.max_frame_size = 1}.value;
	case VAConfigAttribPredictionDirection:
		return VA_PREDICTION_DIRECTION_PREVIOUS |
		       (p->codec == &codec_hevc && d->q.both_lists ? VA_PREDICTION_DIRECTION_BI_NOT_EMPTY : 0u);
	case VAConfigAttribEncHEVCFeatures:
		if (p->codec != &codec_hevc || d->q.attr_missing_hevc)
			return VA_ATTRIB_NOT_SUPPORTED;
		return (VAConfigAttribValEncHEVCFeatures){.bits = {.amp = 1,
								   .strong_intra_smoothing = 1,
								   .cu_qp_delta = 1,
								   .deblocking_filter_disable = 1}}
			.value;
	case VAConfigAttribEncHEVCBlockSizes:
		if (p->codec != &codec_hevc || d->q.attr_missing_hevc)
			return VA_ATTRIB_NOT_SUPPORTED;
		/* Trees of 16 to 32 (or 16), coding blocks from 16, transforms of 4 to 32. */
		return (VAConfigAttribValEncHEVCBlockSizes){
			.bits = {.log2_max_coding_tree_block_size_minus3 = d->q.small_blocks ? 1 : 2,
				 .log2_min_coding_tree_block_size_minus3 = 1,
				 .log2_min_luma_coding_block_size_minus3 = 1,
				 .log2_max_luma_transform_block_size_minus2 = d->q.small_blocks ? 2 : 3,
				 .log2_min_luma_transform_block_size_minus2 = 0,
				 .max_max_transform_hierarchy_depth_inter = 2,
				 .max_max_transform_hierarchy_depth_intra = 2}}
			.value;
	case VAConfigAttribEncAV1:
	case VAConfigAttribEncAV1Ext1:
		return p->codec != &codec_av1 || d->q.attr_missing_av1 ? VA_ATTRIB_NOT_SUPPORTED : 0;
	case VAConfigAttribEncAV1Ext2:
		if (p->codec != &codec_av1)
			return VA_ATTRIB_NOT_SUPPORTED;
		/* One bit for each value of tx_mode. */
		return (VAConfigAttribValEncAV1Ext2){.bits = {.tile_size_bytes_minus1 = d->q.size_bytes - 1,
							      .obu_size_bytes_minus1 = d->q.size_bytes - 1,
							      .tx_mode_support = d->q.tx_select ? 4 : 2,
							      .max_tile_num_minus1 = d->q.slices - 1}}
			.value;
	default:
		return VA_ATTRIB_NOT_SUPPORTED;
	}
}

static VAStatus usable(struct driver *d, VAProfile profile, VAEntrypoint entrypoint)
{
	if (!profile_find(d, profile))
		return rule(d, VA_STATUS_ERROR_UNSUPPORTED_PROFILE, "profile %d is not offered", profile);
	if (!entrypoint_offered(d, entrypoint))
		return rule(d, VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT, "entry point %d is not offered", entrypoint);
	return VA_STATUS_SUCCESS;
}

static VAStatus get_attributes(VADriverContextP va, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttrib *list,
			       int n)
{
	struct driver *d = driver_enter(va, "vaGetConfigAttributes");
	VAStatus status = usable(d, profile, entrypoint);

	for (int i = 0; status == VA_STATUS_SUCCESS && i < n; i++)
		list[i].value = config_attribute(d, profile, entrypoint, list[i].type);
	return driver_leave(d, status);
}

static bool one_bit(uint32_t v)
{
	return v && !(v & (v - 1));
}

static VAStatus take_attribute(struct driver *d, struct config *c, const VAConfigAttrib *a)
{
	uint32_t offered = config_attribute(d, c->profile, c->entrypoint, a->type);

	if (offered == VA_ATTRIB_NOT_SUPPORTED)
		return rule(d, VA_STATUS_ERROR_ATTR_NOT_SUPPORTED, "attribute %d is not supported", a->type);
	switch (a->type) {
	case VAConfigAttribRTFormat:
		if (!one_bit(a->value) || a->value & ~offered)
			return rule(d, VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT, "format %#x, %#x offered", a->value,
				    offered);
		c->rt_format = a->value;
		return VA_STATUS_SUCCESS;
	case VAConfigAttribRateControl:
		if (!one_bit(a->value) || a->value & ~offered)
			return rule(d, VA_STATUS_ERROR_ATTR_NOT_SUPPORTED, "rate control %#x, %#x offered", a->value,
				    offered);
		c->rc = a->value;
		return VA_STATUS_SUCCESS;
	case VAConfigAttribEncPackedHeaders:
		if (a->value & ~offered)
			return rule(d, VA_STATUS_ERROR_ATTR_NOT_SUPPORTED, "packed headers %#x, %#x offered", a->value,
				    offered);
		c->packed = a->value;
		return VA_STATUS_SUCCESS;
	default:
		/* Read-only ones may be repeated as they are, or for bit sets a part of them. */
		if (a->value & ~offered && a->value > offered)
			return rule(d, VA_STATUS_ERROR_INVALID_VALUE, "attribute %d: %#x, %#x offered", a->type,
				    a->value, offered);
		return VA_STATUS_SUCCESS;
	}
}

static VAStatus create_config(VADriverContextP va, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttrib *list,
			      int n, VAConfigID *id)
{
	struct driver *d = driver_enter(va, "vaCreateConfig");
	VAStatus status = usable(d, profile, entrypoint);
	const struct profile *p = profile_find(d, profile);
	struct config *c;

	*id = VA_INVALID_ID;
	if (status != VA_STATUS_SUCCESS)
		return driver_leave(d, status);
	c = calloc(1, sizeof(*c));
	if (!c)
		return driver_leave(d, VA_STATUS_ERROR_ALLOCATION_FAILED);
	*c = (struct config){.profile = profile,
			     .entrypoint = entrypoint,
			     .rt_format = p->rt_format & VA_RT_FORMAT_YUV420 ? VA_RT_FORMAT_YUV420 : p->rt_format,
			     .rc = VA_RC_CQP,
			     .codec = p->codec};
	for (int i = 0; status == VA_STATUS_SUCCESS && i < n; i++) {
		for (int k = 0; k < i; k++)
			if (list[k].type == list[i].type)
				status = rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "attribute %d twice", list[i].type);
		if (status == VA_STATUS_SUCCESS)
			status = take_attribute(d, c, &list[i]);
	}
	if (status == VA_STATUS_SUCCESS) {
		c->id = table_add(&d->configs, c);
		if (c->id == VA_INVALID_ID)
			status = VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
	}
	if (status == VA_STATUS_SUCCESS)
		*id = c->id;
	else
		free(c);
	return driver_leave(d, status);
}

static VAStatus destroy_config(VADriverContextP va, VAConfigID id)
{
	struct driver *d = driver_enter(va, "vaDestroyConfig");
	struct config *c = table_find(&d->configs, id);

	if (!c)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONFIG, "no config %#x", id));
	for (unsigned i = 0; i < TABLE_SLOTS; i++) {
		struct context *x = d->contexts.slot[i].object;

		if (x && x->config == c)
			return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONFIG, "a context still uses it"));
	}
	free(table_remove(&d->configs, id));
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus query_config(VADriverContextP va, VAConfigID id, VAProfile *profile, VAEntrypoint *entrypoint,
			     VAConfigAttrib *list, int *n)
{
	struct driver *d = driver_enter(va, "vaQueryConfigAttributes");
	const struct config *c = table_find(&d->configs, id);

	*n = 0;
	if (!c)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONFIG, "no config %#x", id));
	*profile = c->profile;
	*entrypoint = c->entrypoint;
	list[(*n)++] = (VAConfigAttrib){VAConfigAttribRTFormat, c->rt_format};
	list[(*n)++] = (VAConfigAttrib){VAConfigAttribRateControl, c->rc};
	list[(*n)++] = (VAConfigAttrib){VAConfigAttribEncPackedHeaders, c->packed};
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus query_display_attributes(VADriverContextP va, VADisplayAttribute *list, int *n)
{
	(void)va, (void)list;
	*n = 0;
	return VA_STATUS_SUCCESS;
}

static VAStatus display_attributes(VADriverContextP va, VADisplayAttribute *list, int n)
{
	(void)va, (void)list, (void)n;
	return VA_STATUS_ERROR_ATTR_NOT_SUPPORTED;
}

void config_vtable(struct VADriverVTable *v)
{
	v->vaQueryConfigProfiles = query_profiles;
	v->vaQueryConfigEntrypoints = query_entrypoints;
	v->vaGetConfigAttributes = get_attributes;
	v->vaCreateConfig = create_config;
	v->vaDestroyConfig = destroy_config;
	v->vaQueryConfigAttributes = query_config;
	v->vaQueryDisplayAttributes = query_display_attributes;
	v->vaGetDisplayAttributes = display_attributes;
	v->vaSetDisplayAttributes = display_attributes;
}

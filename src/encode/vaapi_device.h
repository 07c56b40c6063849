// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * VA-API devices: opening one, and what its driver can encode. What was found out is kept, because asking a driver
 * loads it. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <va/va.h>

#include "encode/av1_headers.h"
#include "encode/hevc_headers.h"
#include "encode/picture.h"
#include "encode/vaapi_quirks.h"
#include "media/params.h"

#define VAAPI_PATH   256
#define VAAPI_VENDOR 128

struct vaapi_device {
	int fd;
	VADisplay dpy;
};

/* One profile at one entry point of one device, for pictures of one format. */
struct vaapi_caps {
	char path[VAAPI_PATH];
	char vendor[VAAPI_VENDOR];
	const struct vaapi_quirks *quirks;
	VAProfile profile;
	const char *profile_name;
	VAEntrypoint entry;
	uint32_t rt_format, fourcc; /* of configs and surfaces, of surfaces: encode/vaapi_format.h */
	uint32_t rate_control;      /* VA_RC_CBR, else VA_RC_VBR */
	uint32_t packed;            /* VA_ENC_PACKED_HEADER_x that it takes of those we write */
	uint32_t packed_all;        /* what it must take of them for us to say the references */
	uint32_t slice_structure;
	uint32_t max_slices, max_width, max_height;
	uint32_t quality_levels; /* 0: none to choose from */
	bool frame_size;         /* takes a ceiling for frames */
	struct hevc_tools hevc;  /* of HEVC */
	struct av1_tools av1;    /* of AV1 */
};

/* path: a DRM node. -ENODEV: no such node, or no driver for it. */
int vaapi_device_open(struct vaapi_device *d, const char *path);
void vaapi_device_close(struct vaapi_device *d); /* accepts a zeroed one */

/* What encodes pictures of that format as that codec on the device chosen (encode/registry.h), else on the first render
 * node that does. -ENOTSUP: nothing does. */
int vaapi_find(enum codec codec, enum picture_format format, struct vaapi_caps *caps);
/* Its driver was seen not to write the slice headers that it is given: from now on vaapi_find() leaves those of that
 * codec to it, in every format. */
void vaapi_distrust(enum codec codec);
/* Whether all is there to say of references what we want. */
bool vaapi_writes_references(const struct vaapi_caps *c);

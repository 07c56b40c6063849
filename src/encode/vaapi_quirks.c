// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/vaapi_quirks.h"

#include <string.h>

#include "base/str.h"

/* First match; those of one family from the particular to the general. */
static const struct vaapi_quirks known[] = {
	{"iHD", "Intel iHD driver", 0, "takes all packed headers; some chips have the low-power entry point only"},
	{"i965", "Intel i965 driver", VAAPI_POLL, "predates waiting with a limit"},
	{"radeonsi", "for AMD", 0,
	 "takes packed slice headers from Mesa 24 on; older ones answer no loss; AV1 headers are its own, after "
	 "ours, and on RDNA 3 of whole blocks: used for such sizes alone"},
	{"nouveau", "for NV", VAAPI_NO_ENCODER, "decodes only"},
	{"nvidia-vaapi-driver", "NVDEC", VAAPI_NO_ENCODER, "decodes only"},
};

static const struct vaapi_quirks unknown = {"unknown", "", 0, "not among the drivers that are known"};

const struct vaapi_quirks *vaapi_quirks_find(const char *vendor)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(vendor, known[i].vendor))
			return &known[i];
	return &unknown;
}

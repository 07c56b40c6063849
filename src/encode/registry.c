// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/registry.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "build_config.h"

extern const struct encoder_ops encoder_aom, encoder_x264, encoder_x265, encoder_vaapi, encoder_null;

/* In the order in which "auto" prefers them. */
static const struct encoder_ops *const encoders[] = {
#if HAVE_VAAPI
	&encoder_vaapi,
#endif
#if HAVE_X264
	&encoder_x264,
#endif
#if HAVE_X265
	&encoder_x265,
#endif
#if HAVE_AOM
	&encoder_aom,
#endif
	&encoder_null,
};

_Static_assert(ARRAY_LEN(encoders) <= ENCODER_REGISTRY_MAX, "what is noted of each must have room");

static char device[256];

void encoder_use_device(const char *path)
{
	snprintf(device, sizeof(device), "%s", path);
}

const char *encoder_device(void)
{
	return device;
}

const struct encoder_ops *encoder_at(unsigned n)
{
	return n < ARRAY_LEN(encoders) ? encoders[n] : NULL;
}

const struct encoder_ops *encoder_find(const char *name, enum codec codec, struct enc_caps *caps)
{
	for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
		struct enc_caps found = {0};

		if (strcmp(name, encoders[i]->name) != 0 || encoders[i]->probe(codec, &found) < 0)
			continue;
		if (caps)
			*caps = found;
		return encoders[i];
	}
	return NULL;
}

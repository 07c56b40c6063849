// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * GPU buffers of others that a reader can import, in its order of preference: what a source of pictures may offer it.
 */
#pragma once

#include <stdint.h>

#define DMABUF_FORMATS_MAX 512 /* some forty modifiers of twelve formats; more than any driver has */

struct dmabuf_format {
	uint32_t fourcc;
	uint8_t n_planes; /* memory planes of that modifier, compression's included */
	uint64_t modifier;
};

struct dmabuf_formats {
	unsigned n;
	struct dmabuf_format format[DMABUF_FORMATS_MAX];
};

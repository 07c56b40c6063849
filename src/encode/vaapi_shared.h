// SPDX-License-Identifier: GPL-3.0-or-later
/* A picture that a GPU left in a dma-buf becomes a surface, without a copy. Encode thread. */
#pragma once

#include <stdint.h>
#include <va/va.h>

#include "encode/picture.h"

struct vaapi_shared {
	uint64_t id; /* of the buffer imported; 0: none */
	VASurfaceID surface;
};

/* The surface of that size that p->share is; the same one as long as the buffer is the same. -ENOTSUP: the driver does
 * not take it. */
int vaapi_shared_get(struct vaapi_shared *s, VADisplay dpy, const struct picture *p, unsigned width, unsigned height,
		     VASurfaceID *out);
void vaapi_shared_finish(struct vaapi_shared *s, VADisplay dpy); /* accepts a zeroed one */

// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/sharing.h"

#include <errno.h>

#include "encode/conversion.h"
#include "encode/encoder.h"

#define LOG_MODULE "encode"
#include "base/log.h"

void sharing_begin(struct sharing *s, const struct encoder *e, struct conversion *c, struct picture *p)
{
	const bool takes = e->caps.flags & ENC_SHARED && !s->refused;

	conversion_share(c, takes ? encoder_drm(e->ops, e->params.video.codec) : 0, p);
}

static void refuse(struct sharing *s)
{
	if (!s->refused)
		log_warn("the encoder does not read the GPU's pictures: they are handed over in memory");
	s->refused = true;
}

bool sharing_failed(struct sharing *s, int err, struct conversion *c, struct picture *p)
{
	if (!p->share)
		return false;
	if (err == -ENOTSUP) {
		refuse(s);
		conversion_share(c, 0, p);
		return true;
	}
	/* Drivers may find out late that they cannot read them. */
	if (!s->encoded)
		refuse(s);
	return false;
}

void sharing_encoded(struct sharing *s, const struct picture *p)
{
	s->encoded |= p->share != NULL;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <string.h>

#include "base/rd.h"
#include "net/media_port.h"

int ping_parse(struct ping *p, const uint8_t *data, size_t len)
{
	static const uint8_t legacy[4] = {'P', 'I', 'N', 'G'};
	struct rd r = rd_init(data, len);

	memset(p, 0, sizeof(*p));
	if (len == sizeof(legacy) && memcmp(data, legacy, sizeof(legacy)) == 0) {
		p->legacy = true;
		return 0;
	}
	/* What a later client may add behind the counter does not matter here. */
	rd_copy(&r, p->payload, sizeof(p->payload));
	p->counter = rd_be32(&r);
	return rd_ok(&r) ? 0 : -EBADMSG;
}

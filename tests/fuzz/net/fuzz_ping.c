// SPDX-License-Identifier: GPL-3.0-or-later
/* Any datagram on a media port. */
#include <stdlib.h>
#include <string.h>

#include "net/media_port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t none[PING_PAYLOAD_LEN];
	struct ping p;
	int err = ping_parse(&p, data, size);

	if (err) {
		if (size >= 20 || (size == 4 && memcmp(data, "PING", 4) == 0))
			abort();
		return 0;
	}
	if (p.legacy) {
		if (size != 4 || memcmp(p.payload, none, sizeof(none)) || p.counter)
			abort();
	} else if (size < 20 || memcmp(p.payload, data, PING_PAYLOAD_LEN)) {
		abort();
	}
	return 0;
}

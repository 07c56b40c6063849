// SPDX-License-Identifier: GPL-3.0-or-later
/* Launch parameters: what is accepted lies in the ranges that the rest of the daemon relies on. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/launch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct query *q, bool resume)
{
	struct launch_query l;
	uint32_t channels;

	if (launch_parse(q, resume, &l)) {
		if (l.app_id || l.rikeyid || l.rikey[0])
			abort();
		return;
	}
	channels = l.surround_info & 0xffff;
	if (l.app_id > INT32_MAX || (!resume && !l.app_id) || l.width > 16384 || l.height > 16384 ||
	    !l.width != !l.height || l.fps > 1000 || (channels != 2 && channels != 6 && channels != 8) ||
	    l.resume != resume)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *uri = malloc(size + 1);
	struct query q;

	if (!uri)
		return 0;
	memcpy(uri, data, size);
	uri[size] = 0;
	if (query_parse(&q, uri) == 0) {
		check(&q, false);
		check(&q, true);
	}
	free(uri);
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Request targets: parsing never leaves the text, and every value is a C string inside it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *uri = malloc(size + 1);
	struct query q;
	int64_t v;

	if (!uri)
		return 0;
	memcpy(uri, data, size);
	uri[size] = 0;
	if (query_parse(&q, uri) == 0) {
		for (unsigned i = 0; i < q.n; i++) {
			const char *end = q.param[i].value + strlen(q.param[i].value);

			if (q.param[i].key < uri || end > uri + size || !query_get(&q, q.param[i].key))
				abort();
			query_int(&q, q.param[i].key, -5, 5, &v);
		}
		if (q.path != uri)
			abort();
	}
	free(uri);
	return 0;
}

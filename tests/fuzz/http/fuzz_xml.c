// SPDX-License-Identifier: GPL-3.0-or-later
/* Whatever the text, the document stays well-formed: valid UTF-8, no markup of its own, no control characters. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "http/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s;
	struct buf b;

	buf_init(&b, 64 * size + 64);
	xml_escape(&b, (const char *)data, size);
	s = buf_cstr(&b);
	if (b.err || !utf8_valid(s, b.len) || strpbrk(s, "<>\"") || strlen(s) != b.len)
		abort();
	for (size_t i = 0; i < b.len; i++) {
		if ((uint8_t)s[i] < 0x20)
			abort();
		if (s[i] == '&' && strncmp(s + i, "&amp;", 5) != 0 && strncmp(s + i, "&lt;", 4) != 0 &&
		    strncmp(s + i, "&gt;", 4) != 0 && strncmp(s + i, "&quot;", 6) != 0 && strncmp(s + i, "&#", 2) != 0)
			abort();
	}
	buf_finish(&b);
	return 0;
}

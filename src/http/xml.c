// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/xml.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Length of the well-formed UTF-8 sequence at s that XML 1.0 allows, or 0. */
static size_t char_len(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;

	if (!n || n > len || !utf8_valid(s, n))
		return 0;
	if (n == 1 && *p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r')
		return 0;
	if (n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe) /* U+FFFE, U+FFFF */
		return 0;
	return n;
}

void xml_escape(struct buf *b, const char *text, size_t len)
{
	while (len) {
		size_t n = char_len(text, len);

		if (!n) {
			buf_str(b, REPLACEMENT);
			n = 1;
		} else if (*text == '&') {
			buf_str(b, "&amp;");
		} else if (*text == '<') {
			buf_str(b, "&lt;");
		} else if (*text == '>') {
			buf_str(b, "&gt;");
		} else if (*text == '"') {
			buf_str(b, "&quot;");
		} else if (n == 1 && (uint8_t)*text < 0x20) {
			/* A parser would turn these into plain spaces inside an attribute. */
			buf_fmt(b, "&#%u;", (unsigned)(uint8_t)*text);
		} else {
			buf_add(b, text, n);
		}
		text += n;
		len -= n;
	}
}

void xml_begin(struct buf *b, int status, const char *message)
{
	buf_fmt(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<root status_code=\"%d\"", status);
	if (message) {
		buf_str(b, " status_message=\"");
		xml_escape(b, message, strlen(message));
		buf_str(b, "\"");
	}
	buf_str(b, ">");
}

void xml_end(struct buf *b)
{
	xml_close(b, "root");
}

void xml_open(struct buf *b, const char *name)
{
	buf_fmt(b, "<%s>", name);
}

void xml_close(struct buf *b, const char *name)
{
	buf_fmt(b, "</%s>", name);
}

void xml_text(struct buf *b, const char *name, const char *text)
{
	xml_open(b, name);
	xml_escape(b, text, strlen(text));
	xml_close(b, name);
}

void xml_uint(struct buf *b, const char *name, uint64_t value)
{
	buf_fmt(b, "<%s>%llu</%s>", name, (unsigned long long)value, name);
}

void xml_hex(struct buf *b, const char *name, const void *data, size_t len)
{
	uint8_t *p;

	xml_open(b, name);
	p = buf_take(b, 2 * len);
	if (p)
		hex_encode((char *)p, data, len); /* its NUL falls on the one that buf keeps */
	xml_close(b, name);
}

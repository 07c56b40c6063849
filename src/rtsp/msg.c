// SPDX-License-Identifier: GPL-3.0-or-later
#include "rtsp/msg.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define METHOD_MAX       16u
#define HEADER_VALUE_MAX 256

void rtsp_request_init(struct rtsp_request *q, size_t max)
{
	*q = (struct rtsp_request){.max = max < UINT32_MAX ? max : UINT32_MAX};
}

bool rtsp_text_equal(struct rtsp_text t, const char *s)
{
	return t.p && t.len == strlen(s) && memcmp(t.p, s, t.len) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct rtsp_text rtsp_text_trim(struct rtsp_text t)
{
	while (t.len && is_space(t.p[0])) {
		t.p++;
		t.len--;
	}
	while (t.len && is_space(t.p[t.len - 1]))
		t.len--;
	return t;
}

struct rtsp_text rtsp_text_until(struct rtsp_text t, char stop)
{
	const char *end = t.len ? memchr(t.p, stop, t.len) : NULL;

	if (end)
		t.len = (size_t)(end - t.p);
	return t;
}

static struct rtsp_range range_of(const char *base, struct rtsp_text t)
{
	return (struct rtsp_range){.off = (uint32_t)(t.p - base), .len = (uint32_t)t.len};
}

static struct rtsp_text text_at(const char *base, struct rtsp_range r)
{
	return (struct rtsp_text){.p = base + r.off, .len = r.len};
}

/* Cuts t at the first space: returns what is before it, t becomes what is after. */
static struct rtsp_text next_word(struct rtsp_text *t)
{
	struct rtsp_text word = rtsp_text_until(*t, ' ');
	size_t skip = word.len < t->len ? word.len + 1 : word.len;

	t->p += skip;
	t->len -= skip;
	return word;
}

static int parse_request_line(struct rtsp_request *q, const char *base, struct rtsp_text line)
{
	struct rtsp_text method = next_word(&line), target = next_word(&line);

	if (!method.len || method.len > METHOD_MAX || !target.len || !rtsp_text_equal(line, "RTSP/1.0"))
		return -EBADMSG;
	for (size_t i = 0; i < method.len; i++) {
		char c = method.p[i];

		if ((c < 'A' || c > 'Z') && c != '_')
			return -EBADMSG;
	}
	q->method_at = range_of(base, method);
	q->target_at = range_of(base, target);
	return 0;
}

static bool same_name(struct rtsp_text t, const char *name)
{
	return t.len == strlen(name) && strncasecmp(t.p, name, t.len) == 0;
}

static int parse_header(struct rtsp_request *q, const char *base, struct rtsp_text line)
{
	struct rtsp_text name = rtsp_text_until(line, ':'), value;
	int64_t n;

	/* No continuation lines: no client folds headers and they only help to smuggle. */
	if (name.len == line.len || !name.len || is_space(name.p[0]))
		return -EBADMSG;
	value.p = name.p + name.len + 1;
	value.len = line.len - name.len - 1;
	name = rtsp_text_trim(name);
	value = rtsp_text_trim(value);
	if (memchr(name.p, ' ', name.len) || memchr(name.p, '\t', name.len))
		return -EBADMSG;
	if (q->n_headers == RTSP_HEADERS_MAX)
		return -EMSGSIZE;
	q->header[q->n_headers].name = range_of(base, name);
	q->header[q->n_headers].value = range_of(base, value);
	q->n_headers++;

	if (same_name(name, "CSeq")) {
		if (str_to_i64(value.p, value.len, 0, UINT32_MAX, &n) == 0)
			q->cseq = (uint32_t)n;
	} else if (same_name(name, "Content-length")) {
		if (str_to_i64(value.p, value.len, 0, INT64_MAX, &n))
			return -EBADMSG;
		if (q->have_length && q->body_len != (uint64_t)n)
			return -EBADMSG;
		if ((uint64_t)n > q->max)
			return -EMSGSIZE;
		q->have_length = true;
		q->body_len = (size_t)n;
	}
	return 0;
}

/* Printable ASCII, UTF-8 and tabs; no other control character, no CR inside. */
static bool line_is_text(struct rtsp_text line)
{
	for (size_t i = 0; i < line.len; i++) {
		uint8_t c = (uint8_t)line.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static int parse_line(struct rtsp_request *q, const char *base, struct rtsp_text line)
{
	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	if (line.len > RTSP_LINE_MAX)
		return -EMSGSIZE;
	if (!line_is_text(line))
		return -EBADMSG;
	if (!q->method_at.len)
		return parse_request_line(q, base, line);
	if (line.len)
		return parse_header(q, base, line);
	q->body_off = q->scan;
	return 0;
}

static int parse_lines(struct rtsp_request *q, const char *base, size_t len)
{
	while (!q->body_off && q->scan < len) {
		const char *end = memchr(base + q->scan, '\n', len - q->scan);
		size_t at = end ? (size_t)(end - base) : len;
		struct rtsp_text line = {.p = base + q->line, .len = at - q->line};
		int err;

		if (line.len > RTSP_LINE_MAX + 1) /* its CR */
			return -EMSGSIZE;
		q->scan = end ? at + 1 : at;
		if (q->scan > q->max)
			return -EMSGSIZE;
		if (!end)
			break;
		err = parse_line(q, base, line);
		if (err)
			return err;
		q->line = q->scan;
	}
	return 0;
}

int rtsp_request_parse(struct rtsp_request *q, const void *data, size_t len)
{
	const char *base = data;
	int err = parse_lines(q, base, len);

	if (err)
		return err;
	if (!q->body_off)
		return 0;
	if (q->body_len > q->max - q->body_off)
		return -EMSGSIZE;
	if (len - q->body_off < q->body_len)
		return 0;
	q->base = base;
	q->method = text_at(base, q->method_at);
	q->target = text_at(base, q->target_at);
	q->body = (struct rtsp_text){.p = base + q->body_off, .len = q->body_len};
	return 1;
}

struct rtsp_text rtsp_request_header(const struct rtsp_request *q, const char *name)
{
	for (unsigned i = q->n_headers; i-- > 0;)
		if (same_name(text_at(q->base, q->header[i].name), name))
			return text_at(q->base, q->header[i].value);
	return (struct rtsp_text){0};
}

struct rtsp_text rtsp_request_session(const struct rtsp_request *q)
{
	return rtsp_text_trim(rtsp_text_until(rtsp_request_header(q, "Session"), ';'));
}

static const char *reason_of(unsigned status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 413:
		return "Request Entity Too Large";
	case 454:
		return "Session Not Found";
	case 455:
		return "Method Not Valid In This State";
	case 501:
		return "Not Implemented";
	default:
		return "Internal Server Error";
	}
}

void rtsp_reply_begin(struct buf *b, unsigned status, uint32_t cseq)
{
	buf_fmt(b, "RTSP/1.0 %u %s\r\n", status, reason_of(status));
	rtsp_reply_header(b, "CSeq", "%u", cseq);
}

void rtsp_reply_header(struct buf *b, const char *name, const char *fmt, ...)
{
	char value[HEADER_VALUE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	assert(n > 0 && n < HEADER_VALUE_MAX);
	buf_fmt(b, "%s: %s\r\n", name, value);
}

void rtsp_reply_end(struct buf *b, const struct buf *body)
{
	if (body)
		rtsp_reply_header(b, "Content-length", "%zu", body->len);
	buf_str(b, "\r\n");
	if (body)
		buf_add(b, body->data, body->len);
}

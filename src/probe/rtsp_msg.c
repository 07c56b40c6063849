// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/rtsp_msg.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"
#include "probe/crypto.h"
#include "probe/judge.h"

#define RULE "1-session 6.3"

/* One line without its end; *p moves behind it. NULL: no line end left. */
static const char *take_line(const char **p, const char *end, size_t *len, struct judge *j)
{
	const char *line = *p, *nl = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;

	if (!nl)
		return NULL;
	*p = nl + 1;
	*len = (size_t)(nl - line);
	if (*len && line[*len - 1] == '\r')
		--*len;
	else
		judge_fault(j, RULE, "line ends with LF, not CRLF");
	return line;
}

static bool copy_part(char *dst, size_t cap, const char *src, size_t len)
{
	if (len >= cap)
		return false;
	memcpy(dst, src, len);
	dst[len] = 0;
	return true;
}

static int parse_status(struct rtsp_response *r, const char *line, size_t len, struct judge *j)
{
	static const char version[] = "RTSP/1.0 ";
	size_t n = sizeof(version) - 1;
	int64_t status;

	if (len < n + 3 || memcmp(line, version, n) != 0 || str_to_i64(line + n, 3, 100, 999, &status)) {
		judge_fault(j, RULE, "status line is not 'RTSP/1.0 NNN text'");
		return -EPROTO;
	}
	r->status = (int)status;
	n += 3;
	if (len < n + 2 || line[n] != ' ' || !copy_part(r->reason, sizeof(r->reason), line + n + 1, len - n - 1)) {
		judge_fault(j, RULE, "status %d has no (or an endless) text", r->status);
		return -EPROTO;
	}
	return 0;
}

static int parse_header(struct rtsp_response *r, const char *line, size_t len, struct judge *j)
{
	const char *colon = memchr(line, ':', len);
	size_t name = colon ? (size_t)(colon - line) : 0;

	if (!name || r->n == RTSP_HEADERS) {
		judge_fault(j, RULE, name ? "more than 24 headers" : "header line without name and colon");
		return -EPROTO;
	}
	if (memchr(line, ' ', name) || memchr(line, '\t', name))
		judge_fault(j, RULE, "header name with a space");
	/* A client drops exactly one character after the colon; an empty value swallows the next line. */
	if (len < name + 3 || line[name + 1] != ' ') {
		judge_fault(j, RULE, "header without one space after the colon and a value");
		return -EPROTO;
	}
	if (line[name + 2] == ' ')
		judge_fault(j, RULE, "two spaces after the colon");
	if (!copy_part(r->header[r->n].name, sizeof(r->header[0].name), line, name) ||
	    !copy_part(r->header[r->n].value, sizeof(r->header[0].value), line + name + 2, len - name - 2)) {
		judge_fault(j, RULE, "header longer than the probe takes");
		return -EPROTO;
	}
	r->n++;
	return 0;
}

int rtsp_response_parse(struct rtsp_response *r, const char *data, size_t len, struct judge *j)
{
	const char *p = data, *end = data + len, *line;
	size_t n;

	*r = (struct rtsp_response){0};
	line = take_line(&p, end, &n, j);
	if (!line || parse_status(r, line, n, j)) {
		if (!line)
			judge_fault(j, RULE, "no status line");
		return -EPROTO;
	}
	while ((line = take_line(&p, end, &n, j)) && n) {
		if (parse_header(r, line, n, j))
			return -EPROTO;
	}
	if (!r->n) {
		judge_fault(j, RULE, "status %d without any header", r->status);
		return -EPROTO;
	}
	if (!line)
		judge_fault(j, RULE, "no empty line after the headers");
	r->body = p;
	r->body_len = (size_t)(end - p);
	if (r->body_len && memchr(r->body, 0, r->body_len)) {
		judge_fault(j, RULE, "NUL byte in the body");
		return -EPROTO;
	}
	return 0;
}

const char *rtsp_response_header(const struct rtsp_response *r, const char *name)
{
	for (unsigned i = r->n; i-- > 0;) {
		if (strcmp(r->header[i].name, name) == 0)
			return r->header[i].value;
	}
	return NULL;
}

int rtsp_seal(struct sealer *s, uint32_t seq, char who, const void *plain, size_t len, uint8_t *out)
{
	uint8_t iv[SEAL_IV];

	put_be32(out, 0x80000000u | (uint32_t)len);
	put_be32(out + 4, seq);
	iv_of_message(iv, seq, who, 'R');
	return sealer_close(s, iv, plain, len, out + RTSP_SEAL_HEADER, out + 8);
}

int rtsp_unseal(struct sealer *s, char who, uint8_t *frame, size_t len, uint32_t *seq, char **plain, size_t *plain_len)
{
	struct rd r = rd_init(frame, len);
	uint32_t word = rd_be32(&r);
	uint8_t iv[SEAL_IV], tag[SEAL_TAG];

	*seq = rd_be32(&r);
	rd_copy(&r, tag, sizeof(tag));
	if (!rd_ok(&r) || !(word >> 31) || (word & 0x7fffffff) != rd_left(&r))
		return -EPROTO;
	*plain = (char *)frame + RTSP_SEAL_HEADER;
	*plain_len = rd_left(&r);
	iv_of_message(iv, *seq, who, 'R');
	return sealer_open(s, iv, *plain, *plain_len, tag, *plain);
}

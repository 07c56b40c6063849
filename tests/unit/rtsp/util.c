// SPDX-License-Identifier: GPL-3.0-or-later
#include "util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"

void vector_read(const char *name, struct buf *out)
{
	const char *dir = getenv("TEST_VECTORS");
	char path[4096];

	assert_non_null(dir);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	buf_init(out, 1 << 20);
	assert_int_equal(fs_read(path, out), 0);
}

static bool read_header_line(struct reply *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t name, value;

	if (!colon || r->n_headers == 16)
		return false;
	name = (size_t)(colon - line);
	/* exactly one space, then something that is no space */
	if (!name || name + 3 > len || colon[1] != ' ' || colon[2] == ' ' || memchr(line, ' ', name))
		return false;
	value = len - name - 2;
	if (name >= sizeof(r->header[0].name) || value >= sizeof(r->header[0].value))
		return false;
	memcpy(r->header[r->n_headers].name, line, name);
	memcpy(r->header[r->n_headers].value, colon + 2, value);
	r->n_headers++;
	return true;
}

struct reply reply_read(const struct buf *b)
{
	struct reply r = {0};
	const char *p = buf_cstr(b), *end = p + b->len, *line_end;
	int used = 0;

	if (memchr(p, 0, b->len))
		return r;
	if (sscanf(p, "RTSP/1.0 %3u %n", &r.status, &used) != 1 || used != 13 || p[12] != ' ')
		return r;
	line_end = strstr(p, "\r\n");
	if (!line_end || line_end <= p + used) /* no status text */
		return r;
	for (p = line_end + 2;; p = line_end + 2) {
		line_end = strstr(p, "\r\n");
		if (!line_end)
			return r;
		if (line_end == p)
			break;
		if (!read_header_line(&r, p, (size_t)(line_end - p)))
			return r;
	}
	r.body = p + 2;
	r.body_len = (size_t)(end - r.body);
	r.ok = r.n_headers > 0 && *reply_header(&r, "CSeq");
	return r;
}

const char *reply_header(const struct reply *r, const char *name)
{
	for (unsigned i = r->n_headers; i-- > 0;)
		if (strcmp(r->header[i].name, name) == 0)
			return r->header[i].value;
	return "";
}

struct rtsp_offer offer_all(void)
{
	return (struct rtsp_offer){
		.hevc = true,
		.av1 = true,
		.rfi = true,
		.feature_flags = 3,
		.enc_supported = 7,
		.enc_requested = 1,
		.yuv444 = 7,
		.depth10 = 7,
		.yuv444_depth10 = 7,
		.video_port = 47998,
		.control_port = 47999,
		.audio_port = 48000,
		.fec_percent = 20,
	};
}

void sdp_edit(const struct buf *body, const char *name, const char *value, struct buf *out)
{
	const char *line = strstr(buf_cstr(body), name), *end;

	assert_non_null(line);
	line -= 2; /* "a=" */
	end = strchr(line, '\n');
	assert_non_null(end);
	buf_init(out, 1 << 20);
	buf_add(out, body->data, (size_t)(line - buf_cstr(body)));
	if (value)
		buf_fmt(out, "a=%s:%s \r\n", name, value);
	buf_str(out, end + 1);
	assert_false(out->err);
}

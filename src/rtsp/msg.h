// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * RTSP messages: a resumable request parser and a writer of answers. Pure, no allocation in the
 * parser. Requests come in pieces of any size; the parser remembers where it stopped, so a message
 * costs time linear in its length however it is cut. Wire facts: 1-session 6.1 to 6.3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RTSP_LINE_MAX    1024u /* one line without its end */
#define RTSP_HEADERS_MAX 32u

/* Bytes inside the message; not terminated. */
struct rtsp_text {
	const char *p;
	size_t len;
};

struct rtsp_range {
	uint32_t off, len;
};

struct rtsp_request {
	/* Valid once rtsp_request_parse() returned 1, while the bytes given to that call stay where
	 * they are. */
	struct rtsp_text method, target, body;
	uint32_t cseq; /* 0: none that can be read; also set when a later line is malformed */

	/* The parser's own. */
	const char *base;
	size_t max, line, scan, body_off, body_len;
	bool have_length;
	unsigned n_headers;
	struct rtsp_range method_at, target_at;
	struct {
		struct rtsp_range name, value;
	} header[RTSP_HEADERS_MAX];
};

/* max: ceiling of the whole message in bytes. */
void rtsp_request_init(struct rtsp_request *q, size_t max);

/*
 * data: every byte of the message that has come so far, from its first on; may have moved since the
 * last call. 1: complete (bytes after the message are ignored), 0: more is needed, -EBADMSG:
 * malformed, -EMSGSIZE: over a ceiling. After 1 or an error the parser is done.
 */
int rtsp_request_parse(struct rtsp_request *q, const void *data, size_t len);

/* The trimmed value of the last header of that name in any case; p is NULL when there is none. */
struct rtsp_text rtsp_request_header(const struct rtsp_request *q, const char *name);

/* The Session id, without what may follow a ';'; len is 0 when there is none. */
struct rtsp_text rtsp_request_session(const struct rtsp_request *q);

bool rtsp_text_equal(struct rtsp_text t, const char *s);
struct rtsp_text rtsp_text_trim(struct rtsp_text t); /* spaces, tabs, CR at both ends */
struct rtsp_text rtsp_text_until(struct rtsp_text t, char stop);

/*
 * Answers. begin writes the status line and CSeq: the client's parser needs a status text and at
 * least one header in every answer, one space after each colon and no empty value. end closes the
 * headers; body may be NULL.
 */
void rtsp_reply_begin(struct buf *b, unsigned status, uint32_t cseq);
void rtsp_reply_header(struct buf *b, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void rtsp_reply_end(struct buf *b, const struct buf *body);

// SPDX-License-Identifier: GPL-3.0-or-later
/* Shared by the RTSP tests: the fixtures, and answers read by the rules of the stock client's
 * parser (1-session 6.3). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "rtsp/server.h"

/* A file of tests/vectors; the test fails without it. */
void vector_read(const char *name, struct buf *out);

struct reply {
	bool ok; /* the client could read it */
	unsigned status;
	const char *body; /* inside the text that was given */
	size_t body_len;
	unsigned n_headers;
	struct {
		char name[64], value[128];
	} header[16];
};

/* Strict: every rule that the client has, and the ones it would forgive. */
struct reply reply_read(const struct buf *b);
const char *reply_header(const struct reply *r, const char *name); /* "" */

/* Everything on, ports 47998 to 48000, 20 % parity. */
struct rtsp_offer offer_all(void);

/* What follows name in one line of body is replaced; value NULL: the line goes. The line must
 * exist. */
void sdp_edit(const struct buf *body, const char *name, const char *value, struct buf *out);

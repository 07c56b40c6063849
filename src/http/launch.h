// SPDX-License-Identifier: GPL-3.0-or-later
/* The parameters of /launch and /resume, and the answer to them. Pure. Wire facts: 1-session 5.1, 5.2. */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/buf.h"
#include "http/query.h"
#include "http/server.h"

#define SURROUND_STEREO 196610u /* channel mask 3, 2 channels */

/* Fills everything that the query can say; who asked is the caller's part. NULL: fine, else what is wrong with it,
 * in words for the client's user; out is wiped then. */
const char *launch_parse(const struct query *q, bool resume, struct launch_query *out);

/* rtsp://host:port or rtspenc://host:port, no path (1-session 5.2). */
void launch_url(struct buf *b, const union addr *local, uint16_t port, bool sealed);

/* The document for a launch, resume (status 200: with session_url) or its failure. */
void launch_answer(struct buf *b, bool resume, int status, const char *message, const char *session_url);

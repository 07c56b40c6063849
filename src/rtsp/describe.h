// SPDX-License-Identifier: GPL-3.0-or-later
/* The body of the answer to DESCRIBE: exactly what is offered. The client looks for substrings
 * anywhere in it, so nothing else may be in here. Wire facts: 1-session 6.5, 6.6. */
#pragma once

#include "base/buf.h"
#include "rtsp/server.h"

#define DESCRIBE_MAX 2048u /* ceiling for the buffer of describe_write() */

void describe_write(struct buf *b, const struct rtsp_offer *o);

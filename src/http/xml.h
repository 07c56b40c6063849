// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Writer of the small XML answers, straight into a buf. No white space between elements: one client stops on a text
 * node before the first App (1-session 2.2). What XML 1.0 cannot carry (broken UTF-8, control characters) becomes
 * U+FFFD, so that a document is well-formed whatever a title holds. Errors are the buf's sticky error.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Declaration and root element; status_code comes first in it (1-session 2.2). message NULL: none. */
void xml_begin(struct buf *b, int status, const char *message);
void xml_end(struct buf *b);

/* Names are ours and written as they are. */
void xml_open(struct buf *b, const char *name);
void xml_close(struct buf *b, const char *name);
void xml_text(struct buf *b, const char *name, const char *text);
void xml_uint(struct buf *b, const char *name, uint64_t value);
/* Lower-case hex of data. */
void xml_hex(struct buf *b, const char *name, const void *data, size_t len);

/* Text content or attribute value, escaped. */
void xml_escape(struct buf *b, const char *text, size_t len);

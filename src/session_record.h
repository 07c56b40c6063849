// SPDX-License-Identifier: GPL-3.0-or-later
/* Recording of a session's stream (media/record.h), where stream.record names a folder. Main thread. */
#pragma once

struct adapt_params;
struct session;

/* After tuning_init(), before anything of the stream runs. A stream that cannot be recorded is a stream all the same:
 * the log says why. */
void session_record_open(struct session *s, const struct adapt_params *p);
/* After the stream's threads and its control session have ended; again and again. */
void session_record_close(struct session *s);

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A recorded session (written by src/media/record.c) in memory. The file is text, a line an event; its grammar is in
 * doc/network.md. The parser is strict: every field is a decimal number below a named ceiling or a known word, single
 * spaces between, nothing after; what it does not know is an error, with the line's number. Files come from machines of
 * strangers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/record.h"

#define SESSION_FILE_MAX   (RECORD_BYTES_MAX + (1u << 20))
#define SESSION_UNITS_MAX  (1u << 20)
#define SESSION_EVENTS_MAX (1u << 20)
#define SESSION_WHYS_MAX   64u                  /* different reasons */
#define SESSION_AUDIO_MAX  20000u               /* kbit/s */
#define SESSION_ORDER_MAX  (2 * VIDEO_KBPS_MAX) /* of a rate that the closed loop ordered */

struct session_file {
	struct record_stream stream;
	/* In the order in which each thread noted them; times never fall, those of ticks rise. */
	struct record_event *unit, *event;
	size_t n_units, n_events;
	unsigned missed;                                /* events that had no room when they happened */
	bool complete;                                  /* it says that it ends */
	char why[SESSION_WHYS_MAX][RECORD_WHY_MAX + 1]; /* what ticks point at */
	unsigned n_whys;
};

struct session_error {
	unsigned line;    /* 0: not in a line */
	const char *text; /* constant */
};

/* f must stay where it is: its ticks point into it. -EINVAL: malformed, or beyond a ceiling; -ENOMEM. On error f is
 * empty. */
int session_file_parse(struct session_file *f, const char *text, size_t len, struct session_error *e);
/* Also -errno, -EFBIG. */
int session_file_load(struct session_file *f, const char *path, struct session_error *e);
void session_file_free(struct session_file *f);

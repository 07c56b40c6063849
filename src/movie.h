// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Every picture of a screen into a file (src/movie_file.h), off line: none is passed over to keep up. Two threads: one
 * converts, several at once where a GPU does it, and gives the captured buffers back, so that the source does not run
 * short of them; one encodes and writes. Between them pictures wait, as many as memory is given for; when that is full
 * the source has to wait, and what a real one drops then is counted. Main thread, but for the frames that the link
 * carries.
 */
#pragma once

#include "encode/convert.h"
#include "media/link.h"
#include "movie_file.h"

struct movie;

struct movie_params {
	uint16_t width, height; /* even; 0: as the source's first picture is */
	uint64_t length_ns;     /* of capture time since the first picture; UINT64_MAX: until it is stopped */
	enum convert_where convert;
	struct movie_file_params file;
};

struct movie_state {
	uint64_t frames;   /* written */
	uint64_t taken;    /* from the source */
	uint64_t gaps;     /* numbers that the source passed over */
	uint64_t unusable; /* nobody here could read them */
	uint64_t first_ns; /* capture time of the first; 0: none yet */
	bool waits;        /* for the encoder or the disk: the source may be far behind */
	bool over;         /* the length is reached */
	bool unsaved;      /* the disk may not keep all that was written */
	int err;           /* the file or the encoder failed: -errno */
};

/* The file is there and empty. -EEXIST, -ENOMEM, -errno. */
int movie_start(struct movie **out, const char *path, const struct movie_params *p);
/* Where the screen's frames go; all of them. */
struct frame_link *movie_link(struct movie *m);
struct movie_state movie_state(struct movie *m);
/* The source is detached: what it has given is written. *end: the last state, its err also that of closing. Accepts
 * NULL with end as it is. */
void movie_stop(struct movie *m, struct movie_state *end);

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A file of pictures: H.264 as an elementary stream (Annex B), or uncompressed (YUV4MPEG2). Each picture is written
 * whole or not at all: one that does not fit any more is cut off again, so that the file is good as far as it goes. One
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct movie_file;
struct picture;

enum movie_kind { MOVIE_H264, MOVIE_Y4M };

struct movie_file_params {
	enum movie_kind kind;
	uint32_t fps_mhz; /* as players are to show it */
	const char *preset;
	uint8_t slices;
	bool force; /* a file that is there is replaced when the first picture is written */
};

/* By the ending of the name: .h264 and .264, .y4m. -EINVAL. */
int movie_kind_of(const char *path, enum movie_kind *kind);

/* -EEXIST: it is there; -ENXIO: a FIFO that nobody reads; -errno. */
int movie_file_create(struct movie_file **out, const char *path, const struct movie_file_params *p);
/* The first one's size is that of all. -ENOTSUP: no encoder for it; -EIO: it failed; -ENOSPC, -EFBIG, -errno: of the
 * file. */
int movie_file_put(struct movie_file *m, const struct picture *pic);
uint64_t movie_file_frames(const struct movie_file *m); /* written */
/* -errno: not all of it is on the disk. A file that it made and that has no picture is removed. Accepts NULL. */
int movie_file_close(struct movie_file *m);

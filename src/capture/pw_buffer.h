// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One buffer of a PipeWire stream: its mapping, or the files of one that is imported, which are ours and so outlive the
 * stream's own idea of the buffer, and the frame made of it. What the other side writes into a chunk or a metadata
 * block is checked here before anybody reads a pixel. PipeWire's loop thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spa/buffer/buffer.h>

#include "capture/pw_format.h"
#include "media/frame.h"

struct buffer_map {
	void *addr; /* page aligned; NULL: not mapped */
	size_t len;
	size_t skip;       /* from addr to where the buffer's data begins */
	int fd;            /* ours, of what is mapped; -1 */
	bool dmabuf;       /* reads are bracketed */
	unsigned n_planes; /* of a buffer that is imported, of which nothing is mapped; else 0 */
	bool told;         /* its source tells by other means when it is drawn: its own fences are not asked for */
	int plane_fd[FRAME_PLANES_MAX];
};

/* -ENOTSUP: neither memfd nor dma-buf; -errno of mmap; -EINVAL: offsets beyond the file. */
int buffer_map_open(struct buffer_map *m, const struct spa_data *d);
/* For a reader that imports: nothing is mapped. n_planes: of its datas, the first. -ENOTSUP: no dma-buf, or too many
 * planes; -errno of dup. */
int buffer_map_import(struct buffer_map *m, const struct spa_buffer *b, uint32_t n_planes);
void buffer_map_close(struct buffer_map *m); /* accepts a zeroed map */
/* Brackets of CPU reads of a dma-buf; nothing for memory. */
void buffer_map_begin_read(const struct buffer_map *m);
void buffer_map_end_read(const struct buffer_map *m);

/* False: metadata only, as of a cursor that moved, or marked corrupted. */
bool buffer_has_picture(const struct spa_buffer *b);

/* Fills what the buffer says: planes, mapping, crop, transform, damage (same: a list of it, but an empty one), time,
 * and of a buffer that is imported the fence of those who draw into it, where the kernel tells it and nobody else does.
 * 0, or -EAGAIN: no picture in it (metadata only, or marked corrupted), -EINVAL: the picture would lie outside of the
 * mapping, or has no plane that can be imported. Whether an imported one lies inside its file is the importer's to
 * check. */
int buffer_frame(struct frame *f, const struct spa_buffer *b, const struct buffer_map *m,
		 const struct pw_format *format, uint64_t now_ns);

/* An empty list is believed only of a source that has told damage before (*tells): one that never fills it in leaves it
 * empty as well. before: the picture that it differs from; NULL: nobody got that. Shown from another part of the
 * buffer, or turned otherwise, it is not the same. */
void buffer_judge_damage(struct frame *f, bool *tells, const struct frame *before);

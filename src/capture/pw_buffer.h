// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One buffer of a PipeWire stream: its mapping, which is ours and so outlives the stream's own idea of the buffer, and
 * the frame made of it. What the other side writes into a chunk or a metadata block is checked here before anybody
 * reads a pixel. PipeWire's loop thread.
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
	size_t skip; /* from addr to where the buffer's data begins */
	int fd;      /* dup of a dma-buf, for its CPU access brackets; -1: memory */
};

/* -ENOTSUP: neither memfd nor dma-buf; -errno of mmap; -EINVAL: offsets beyond the file. */
int buffer_map_open(struct buffer_map *m, const struct spa_data *d);
void buffer_map_close(struct buffer_map *m); /* accepts a zeroed map */
/* Brackets of CPU reads of a dma-buf; nothing for memory. */
void buffer_map_begin_read(const struct buffer_map *m);
void buffer_map_end_read(const struct buffer_map *m);

/* Fills what the buffer says: plane, mapping, crop, transform, damage, time. 0, or -EAGAIN: no picture in it (metadata
 * only, or marked corrupted), -EINVAL: the picture would lie outside of the mapping. */
int buffer_frame(struct frame *f, const struct spa_buffer *b, const struct buffer_map *m,
		 const struct pw_format *format, uint64_t now_ns);

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Explicit synchronisation as PipeWire passes it on (from 1.2): a metadata block with two points, and behind a buffer's
 * planes the files of two timelines. Built against an older one nothing is asked for, and buffers have planes only.
 * What the other side writes is read once, and not believed. PipeWire's loop thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <spa/buffer/buffer.h>
#include <spa/pod/builder.h>

/* Whether it can be asked for. */
bool pw_sync_known(void);
/* Into a Buffers param: only for buffers with the metadata. */
void pw_sync_only(struct spa_pod_builder *b);
/* The Meta param. */
const struct spa_pod *pw_sync_meta(struct spa_pod_builder *b);

struct pw_sync_files {
	int acquire, release; /* PipeWire's */
};

/* How many of the buffer's datas are planes, which come first. 0: it is not what was negotiated. *f: of the others, -1
 * each without them. */
uint32_t pw_sync_files(const struct spa_buffer *b, struct pw_sync_files *f);
/* The points of the picture in it, 0 each without; the source is promised that the second is reached. */
void pw_sync_points(const struct spa_buffer *b, uint64_t *acquire, uint64_t *release);

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Formats of PipeWire screens: what we offer, what was agreed, which buffers and metadata we ask for. Pure functions
 * over SPA pods. For a reader that imports dma-bufs those come first, and nobody maps them. Else memory does, for the
 * CPU reads and a dma-buf may be slow to read; linear dma-bufs stay on offer for sources that have nothing else. When a
 * source leaves the modifier to us, we fixate it and still offer all the rest after it: its allocation may fail, and
 * without another offer the stream would end there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <spa/pod/builder.h>

#include "media/dmabuf.h"
#include "media/frame.h"

#define PW_FORMAT_PODS_MAX 16
#define PW_OFFER_BYTES     16384 /* of memory that an offer fits in */
#define PW_BUFFERS_WANTED  4
#define PW_BUFFERS_MAX     16

struct pw_format {
	uint32_t width, height;
	uint32_t fourcc;
	uint32_t spa; /* enum spa_video_format */
	uint64_t modifier;
	bool dmabuf; /* a modifier was agreed: buffers are dma-bufs */
	bool import; /* and the reader imports them: nobody maps them */
	bool fixate; /* the source leaves the choice of the modifier to us: nothing is final yet */
	struct colour colour;
};

/* The EnumFormat pods for a new stream (fixed == NULL), or the answer to a format that is to be fixated. importable:
 * what the reader imports, n 0 nothing. fps_mhz: ceiling, 0 none. Pods lie in b's memory; the number of pods. */
unsigned pw_format_offer(struct spa_pod_builder *b, const struct dmabuf_formats *importable,
			 const struct pw_format *fixed, uint32_t fps_mhz,
			 const struct spa_pod *pods[PW_FORMAT_PODS_MAX]);

/* Reads a Format param. -ENOTSUP: none of what we offered; -EINVAL: no sane size. */
int pw_format_parse(const struct spa_pod *param, const struct dmabuf_formats *importable, struct pw_format *f);

/* Takes a format that an import refused off the list, or with all every one. Whether there was any. */
bool pw_format_withdraw(struct dmabuf_formats *importable, const struct pw_format *f, bool all);

/* Buffers and Meta params for an agreed format. cursor: with metadata of it. sync: dma-bufs that are imported are
 * synchronised explicitly, of sources that can. */
unsigned pw_format_buffers(struct spa_pod_builder *b, const struct pw_format *f, bool cursor, bool sync,
			   const struct spa_pod *pods[PW_FORMAT_PODS_MAX]);

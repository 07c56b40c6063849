// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A captured picture. Never copied, only handed on: the capture that owns the buffer creates it with one reference,
 * each holder takes and drops its own. The last unref (any thread, wait-free) gives the buffer back to its owner
 * through release(). Planes are dma-bufs (fd >= 0), memory (map != NULL) or both; "memory" frames are mapped for
 * reading until the last unref.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/cursor.h"
#include "media/params.h"
#include "media/trace.h"

#define FRAME_PLANES_MAX 4
#define FRAME_DAMAGE_MAX 8

/* DRM fourcc codes of the formats that sources give us; the same values as in drm_fourcc.h. Little-endian words, so
 * XRGB8888 is B,G,R,x in memory (PipeWire's BGRx). */
#define FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define FOURCC_XRGB8888    FOURCC('X', 'R', '2', '4') /* bytes B G R x */
#define FOURCC_ARGB8888    FOURCC('A', 'R', '2', '4') /* bytes B G R A */
#define FOURCC_XBGR8888    FOURCC('X', 'B', '2', '4') /* bytes R G B x */
#define FOURCC_ABGR8888    FOURCC('A', 'B', '2', '4') /* bytes R G B A */
#define FOURCC_RGBX8888    FOURCC('R', 'X', '2', '4') /* bytes x B G R */
#define FOURCC_BGRX8888    FOURCC('B', 'X', '2', '4') /* bytes x R G B */

/* Fields from the highest bit down; half floats are read by the GPU's pass only. */
#define FOURCC_XRGB2101010   FOURCC('X', 'R', '3', '0')
#define FOURCC_ARGB2101010   FOURCC('A', 'R', '3', '0')
#define FOURCC_XBGR2101010   FOURCC('X', 'B', '3', '0')
#define FOURCC_ABGR2101010   FOURCC('A', 'B', '3', '0')
#define FOURCC_XBGR16161616F FOURCC('X', 'B', '4', 'H')
#define FOURCC_ABGR16161616F FOURCC('A', 'B', '4', 'H')

#define MODIFIER_LINEAR  0ull
#define MODIFIER_INVALID 0x00ffffffffffffffull

struct rect {
	int32_t x, y;
	uint32_t w, h;
};

enum transform { /* how the picture must be turned to stand upright; values of SPA_META_TRANSFORMATION_* */
		 TRANSFORM_NONE,
		 TRANSFORM_90,
		 TRANSFORM_180,
		 TRANSFORM_270,
		 TRANSFORM_FLIPPED,
		 TRANSFORM_FLIPPED_90,
		 TRANSFORM_FLIPPED_180,
		 TRANSFORM_FLIPPED_270,
};

/* What the source's pixels truly are. */
struct colour {
	enum colour_space space;
	bool full_range;
	bool pq; /* SMPTE ST 2084 transfer, else sRGB-like */
};

struct frame_plane {
	int fd; /* dma-buf or memfd of the owner, dup to keep; -1: memory only */
	uint32_t offset, stride;
};

struct frame {
	/* Called once, by the thread that drops the last reference; wait-free. fence_fd: of the readers' GPU work,
	 * or -1; release takes it. */
	void (*release)(struct frame *f, int fence_fd);
	/* By any thread that holds a reference, wait-free: its import failed, and it cannot read the frame otherwise.
	 * The owner asks its source for another modifier, or for memory if no dma-buf is of use. NULL: there is no
	 * other. */
	void (*refuse)(struct frame *f, bool all_dmabufs);
	void *owner;
	atomic_uint refs;
	uint8_t slot; /* owner's */

	uint32_t width, height, fourcc, n_planes;
	uint64_t modifier;
	uint64_t buffer_id; /* same buffer, same id: import caches key on it */
	struct frame_plane plane[FRAME_PLANES_MAX];
	const void *map[FRAME_PLANES_MAX]; /* CPU mapping of the plane's first byte (offset applied), or NULL */
	struct rect crop;                  /* the valid part; the whole picture when the source says nothing */
	struct rect damage[FRAME_DAMAGE_MAX];
	uint8_t n_damage; /* 0: unknown, take everything */
	bool same;        /* the source knows that it shows what its frame before, seq - 1, showed */
	uint64_t picture; /* those of one number show the same, but for the cursor (frame_picture_no); 0: not known */
	struct cursor cursor; /* not in the pixels; its image stays until the last unref */
	enum transform transform;
	struct colour colour;
	int acquire_fence; /* sync_file to wait for before reading, or -1; closed by the last unref */
	uint64_t seq;      /* counts up at the source; gaps are frames that the source dropped */
	struct trace t;    /* only captured is set by the source */
};

static inline struct frame *frame_ref(struct frame *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

static inline void frame_refuse(struct frame *f, bool all_dmabufs)
{
	if (f->refuse)
		f->refuse(f, all_dmabufs);
}

/* A number that no picture of this process has had. Any thread, wait-free. */
uint64_t frame_picture_no(void);

/* Any thread. fence_fd: sync_file of the reader's GPU work, taken, or -1. Accepts NULL. */
void frame_unref(struct frame *f, int fence_fd);

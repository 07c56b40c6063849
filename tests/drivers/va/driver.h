// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The stand-in libva driver: objects and the rules they share. Everything runs under the driver's one lock, taken by
 * the entry points (vtable functions); what waits for a picture lets go of it. A broken rule fails the call and says
 * why:
 *
 *	return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "frame_num %u, %u expected", a, b);
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <va/va.h>
#include <va/va_backend.h>
#include <va/va_drmcommon.h>

#include "bits.h"
#include "layout.h"

#define TABLE_SLOTS      512u
#define REFS_MAX         16u
#define ITEMS_MAX        512u
#define PICTURE_SIZE_MAX 8192u

/* Identifiers are never used twice, so that the use of a destroyed object is seen. */
struct table {
	uint32_t base, next;
	unsigned used;
	struct {
		uint32_t id;
		void *object;
	} slot[TABLE_SLOTS];
};

uint32_t table_add(struct table *t, void *object); /* VA_INVALID_ID when full */
void *table_find(const struct table *t, uint32_t id);
void *table_remove(struct table *t, uint32_t id);

enum driver_set { SET_H264 = 1, SET_HEVC = 2, SET_AV1 = 4 };

struct quirks {
	unsigned sets;         /* of driver_set */
	bool slice, low_power; /* entry points */
	bool both_lists;       /* inter slices are B, with both lists the same */
	bool small_blocks;     /* tree blocks of HEVC are of 16 */
	bool attr_missing_hevc, attr_missing_av1;
	unsigned size_bytes; /* of obu_size and of the sizes of tiles in AV1's frame headers */
	bool tx_select;      /* transform sizes of AV1 are chosen by block, and never otherwise */
	bool own_slots;      /* AV1 frames refer to the one before, whatever they are told */
	bool attr_missing_rc, attr_missing_frame_size, attr_missing_refs, attr_missing_slices, attr_missing_quality;
	uint32_t packed;     /* VA_ENC_PACKED_HEADER_x offered */
	uint32_t formats;    /* VA_RT_FORMAT_x offered */
	uint32_t fourcc_444; /* the only one of 8-bit surfaces with whole chroma; 0: XYUV and AYUV */
	unsigned slices, refs, segments;
	bool no_derive, no_prime, no_sync_buffer, cqp_only, no_context, lax, rt_420, deep_error, no_own_pps;
	unsigned hang, error, map_error, render_error; /* at this picture of the process, 0: never */
	unsigned hang_ms;
	unsigned destroy_hang; /* context of the process that cannot be destroyed, 0: none */
	const char *vendor, *recon_path, *stream_path;
};

struct driver {
	pthread_mutex_t lock;
	VADriverContextP va;
	FILE *log;
	struct quirks q;
	struct table configs, contexts, surfaces, buffers, images;
	unsigned rules_broken;
	const char *call; /* what is running, for the log */
};

VAStatus rule(struct driver *d, VAStatus status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void note(struct driver *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void quirks_read(struct quirks *q);
unsigned pictures_count(void); /* of the process, counts one more */

static inline struct driver *driver_enter(VADriverContextP va, const char *call)
{
	struct driver *d = va->pDriverData;

	pthread_mutex_lock(&d->lock);
	d->call = call;
	return d;
}

static inline uint64_t driver_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline VAStatus driver_leave(struct driver *d, VAStatus status)
{
	pthread_mutex_unlock(&d->lock);
	return status;
}

struct config {
	VAConfigID id;
	VAProfile profile;
	VAEntrypoint entrypoint;
	uint32_t rt_format, rc, packed;
	const struct codec_ops *codec;
};

/* What the encoder made of a picture: samples padded to whole blocks, and what the decoder knows it by. */
struct recon {
	uint64_t serial;        /* counts pictures; 0: nothing was reconstructed here */
	unsigned width, height; /* of luma, padded */
	uint8_t *luma, *chroma; /* 8 bit, chroma interleaved; NULL when the codec makes planes, or no pictures */
	struct planes planes;   /* in place of these */
	int poc;
	VAContextID context;
};

struct surface {
	VASurfaceID id;
	uint32_t fourcc, rt_format;
	const struct layout *layout;
	unsigned width, height;
	int fd; /* of the memory; an own descriptor also when imported */
	bool imported;
	uint8_t *map;
	size_t size;
	uint32_t offset[LAYOUT_PLANES], pitch[LAYOUT_PLANES];
	unsigned images; /* derived and alive */
	struct recon recon;
	VAContextID busy; /* context whose last picture was of this surface */
	bool hung;
};

struct buffer {
	VABufferID id;
	VAContextID context;
	VABufferType type;
	unsigned size, num_elements;
	uint8_t *data;
	bool foreign; /* data belongs to an image's surface */
	unsigned mapped;
	/* coded */
	size_t coded_len;
	uint32_t coded_status;
	bool coded, hung, failed;
	VACodedBufferSegment *segments;
};

struct image {
	VAImage va;
	VASurfaceID derived; /* VA_INVALID_ID: own memory */
};

enum item_kind { ITEM_SEQ, ITEM_PIC, ITEM_SLICE, ITEM_MISC, ITEM_PACKED };

struct item {
	enum item_kind kind;
	const void *data; /* one element */
	size_t size;
	/* packed */
	uint32_t type, bit_length;
	bool has_emulation;
};

struct rate {
	uint32_t bits_per_second, target_percentage, window_size, initial_qp, min_qp, max_qp;
	uint32_t fps_num, fps_den;
	uint32_t hrd_size, hrd_fullness;
	uint32_t max_frame_bits;
	double qp[2]; /* of the last P, of the last I; 0: none yet */
};

struct context {
	VAContextID id;
	struct driver *d;
	const struct config *config;
	unsigned width, height;
	const struct codec_ops *codec;
	void *priv;
	struct rate rate;
	unsigned pictures;
	bool hung;
	/* the picture between vaBeginPicture and vaEndPicture */
	bool open, broken;
	unsigned number; /* of the process's pictures */
	struct surface *target;
	struct item item[ITEMS_MAX];
	unsigned n_items;
	VABufferID used[ITEMS_MAX];
	unsigned n_used;
	bool packed_open; /* a packed header's parameters wait for their data */
};

/* What a picture is made of, its order already checked. */
struct picture {
	const void *seq, *pic;
	const struct item *packed[32]; /* before the slices, in order */
	unsigned n_packed;
	struct {
		const void *param;
		const struct item *packed; /* its header, or NULL */
	} slice[1024];
	unsigned n_slices;
};

struct codec_ops {
	const char *name;
	unsigned set; /* of driver_set */
	size_t seq_size, pic_size, slice_size;
	unsigned slice_elements_max;
	unsigned sequence_headers; /* packed ones of a picture, at most */
	VAStatus (*create)(struct context *c);
	void (*destroy)(struct context *c);
	/* Checks and encodes; *coded is where to, with coded->data, size; fills coded_len, coded_status. */
	VAStatus (*encode)(struct context *c, const struct picture *p, struct buffer **coded);
	VABufferID (*coded_buf)(const void *pic);
};

extern const struct codec_ops codec_h264, codec_hevc, codec_av1;

/* picture.c */
/* A packed header without start code and emulation prevention; checks both. *to has room for i->size. What is wrong, or
 * NULL. */
const char *packed_open(const struct item *i, uint8_t *to, struct bits *b);
/* Calls one with each unit of a packed header: there is one, as the API says; "lax" takes several, which libavcodec
 * sends. */
VAStatus packed_each(struct context *c, const struct item *i, VAStatus (*one)(void *of, const struct item *i),
		     void *of);

/* surface.c */
/* The layout of that fourcc, if there are such surfaces; with 0: the one of the format. */
const struct layout *layout_offered(const struct driver *d, uint32_t fourcc, uint32_t rt_format);
struct surface *surface_find(struct driver *d, VASurfaceID id);
void surface_free(struct surface *s);
/* Of the context's size at least, in whole macroblocks, as surfaces are allocated. */
bool surface_covers(const struct surface *s, const struct context *c);
/* Room for a reconstruction of this padded size; false without memory. */
bool recon_prepare(struct surface *s, unsigned width, unsigned height);
/* Writes the visible part of the reconstruction into the surface. */
void recon_show(struct surface *s);
/* Appends its visible part to the file that the environment names. */
void recon_keep(const struct driver *d, const struct recon *r, unsigned width, unsigned height);
/* The surface as 8-bit 4:2:0, padded by repetition to whole blocks of the given size. */
void surface_read(const struct surface *s, uint8_t *luma, uint8_t *chroma, unsigned width, unsigned height);

/* misc.c */
VAStatus misc_apply(struct context *c, const struct item *i);
/* The quantiser a picture begins with, and what came of it. */
int rate_begin(const struct context *c, bool intra, int fallback);
bool rate_again(const struct context *c, size_t bits, int qp, int *next, unsigned pass);
void rate_end(struct context *c, bool intra, size_t bits, int qp);

/* The groups of entry points. */
void surface_vtable(struct VADriverVTable *v);
void image_vtable(struct VADriverVTable *v);
void buffer_vtable(struct VADriverVTable *v);
void picture_vtable(struct VADriverVTable *v);
void config_vtable(struct VADriverVTable *v);
uint32_t config_attribute(struct driver *d, VAProfile profile, VAEntrypoint entrypoint, VAConfigAttribType type);
void buffer_free(struct buffer *b);
void context_free(struct context *c);

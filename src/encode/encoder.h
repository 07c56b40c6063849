// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A video encoder. Implementations fill an encoder_ops and stand in encode/registry.c, the only list of them;
 * encode/encoder.c checks arguments and caps for all, encode/recovery.c decides about lost frames for all,
 * tests/conformance/test_encoders.c holds all to the same rules. Everything but probe runs on the encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/au_slab.h"
#include "media/au.h"
#include "media/params.h"

struct encoder;
struct picture; /* converted picture, encode/picture.h */

#define ENCODER_DPB_MAX   16 /* frames an encoder may keep for recovery */
#define ENCODER_UNITS_MAX 4  /* access units of one frame: more parts than FEC blocks are of no use (2-media 2.1) */

enum enc_flags {
	ENC_RFI = 1,           /* invalidate_refs */
	ENC_LTR = 2,           /* can be told to refer to acknowledged frames only */
	ENC_INTRA_REFRESH = 4, /* recovers by a refresh wave */
	ENC_SLICES = 8,        /* gives slices out before the frame is complete */
	ENC_RATE = 16,         /* set_bitrate */
	ENC_RATE_KEY = 256,    /* a rate that is another by more than an eighth costs a key frame */
	ENC_SHARED = 512,      /* takes pictures that are in a dma-buf (picture.share) */
	ENC_KEEPS_OLD = 32,    /* also frames older than the newest dpb: only invalidate_refs knows what is left */
};

struct enc_caps {
	uint32_t flags; /* enum enc_flags */
	uint32_t max_width, max_height;
	uint8_t max_refs, max_slices, max_depth;
	bool yuv444;
	uint8_t max_depth_444; /* of 4:4:4, where it is another; 0: max_depth */
};

/* Whether these caps have samples of so many bits, with chroma whole or not. */
static inline bool enc_caps_have(const struct enc_caps *c, unsigned depth, bool yuv444)
{
	return depth <= (yuv444 && c->max_depth_444 ? c->max_depth_444 : c->max_depth) && (!yuv444 || c->yuv444);
}

struct enc_params {
	struct video_params video;
	uint8_t slices;     /* wanted, 1..VIDEO_SLICES_MAX and at least video.slices */
	uint8_t dpb;        /* frames kept for recovery; 1: none */
	uint32_t kbps;      /* target, corrected for the encoder's undershoot by encode/rate.c */
	const char *preset; /* encoder's own word, from the config */
};

/* What the next picture must be. */
struct enc_request {
	uint32_t frame_no;
	uint64_t pts_ns;
	bool idr;       /* already decided: an IDR */
	bool after_rfi; /* first after an honoured invalidation */
	bool ltr;
	bool repeat;
	/* With ENC_SLICES: a unit is given out whenever so many bytes in a row are final and more is to come, at most
	 * units of them in all; 0: the frame whole. Not more than a wish: an encoder may give out fewer. */
	uint32_t unit_bytes;
	uint8_t units;     /* 1..ENCODER_UNITS_MAX with unit_bytes */
	uint32_t expected; /* bytes of frames like this one, for au.expected */
	struct trace t;
};

struct encoder_events {
	/* In slice order, one call at a time, before submit returns; the callee takes *a. On the encode thread or, for
	 * units that are not the frame's last, on one of the library's own: wait-free there. */
	void (*au)(void *ctx, struct au *a);
	void (*failed)(void *ctx, int err);
};

/* What people may want to know of a back end that depends on hardware; empty where there is nothing to say. */
struct encoder_details {
	char profile[64], entry[16];
	char device[256], driver[128];
	char packed[32]; /* headers that the driver takes from us */
	char quirks[160];
	bool low_power;
};

/* Implementations are called through the front below, which has checked the arguments. */
struct encoder_ops {
	const char *name, *help;
	size_t size;       /* of the struct that begins with struct encoder */
	bool only_by_name; /* never chosen by "auto", nor replaced by it: a stand-in */
	bool hardware;     /* "auto" chooses it only where a trial says that it works, see encode/choice.h */
	/* Cheap and without side effects: 0, -ENOTSUP (codec or library missing). Any thread. */
	int (*probe)(enum codec codec, struct enc_caps *caps);
	/* Fills a zeroed *d for a codec that probe() has found. Any thread. May be NULL. */
	void (*describe)(enum codec codec, struct encoder_details *d);
	/* e is zeroed but for the front's fields; the back end corrects e->params to what it really uses (slices,
	 * dpb). On failure it has cleaned up after itself. -ENOTSUP (size), -EINVAL, -ENOMEM, -EIO. */
	int (*open)(struct encoder *e);
	/* 0: the picture was read (or referenced) and may be reused once its access unit is out; -EAGAIN: depth or pool
	 * reached, nothing taken; -EIO: reopen, or go on with another. It waits for no hardware longer than 800 ms.
	 * -ENOTSUP: of a picture in a dma-buf; it cannot read this one, nothing was taken: hand it over in memory.
	 * If units of this frame were out, the one that came last is broken and the frame number is used up; else none
	 * came. */
	int (*submit)(struct encoder *e, const struct picture *pic, const struct enc_request *r);
	/* Frames first..last, and all that depend on them, are not referenced any more. -ENOENT: nothing valid would
	 * be left, nothing was changed, take the next means. With ENC_RFI. */
	int (*invalidate_refs)(struct encoder *e, uint32_t first, uint32_t last);
	/* The client has that frame, which was marked by enc_request.ltr: worth keeping. May be NULL. */
	void (*acked)(struct encoder *e, uint32_t frame_no);
	int (*set_bitrate)(struct encoder *e, uint32_t kbps); /* with ENC_RATE: 0, -EIO */
	/* Uses neither ev nor ctx, which may be gone; of hardware on a thread of its own (encode/closer.h). */
	void (*close)(struct encoder *e);
};

/* First member of every implementation's struct. The front's fields are read-only for the back end but params, caps,
 * which open may correct to those of the stream's format, and slab, from which it takes the units that it hands to
 * ev->au. */
struct encoder {
	const struct encoder_ops *ops;
	const struct encoder_events *ev;
	void *ctx;
	struct enc_caps caps;
	struct enc_params params; /* as really used */
	struct au_slab slab;
	uint32_t newest; /* frame last submitted */
};

/* For back ends: marks a unit as one of the frame that r asked for and hands it to ev->au. The caller has set len,
 * first, last and, where they apply, expected and broken. Encode thread or the library's own, as ev->au. */
void encoder_give(struct encoder *e, struct au *au, const struct enc_request *r, bool key);

/*
 * The front: one place that checks what callers ask and what back ends may do, so that all of them fail the same way.
 * Encode thread, but for open and close, which may also run on the main thread while no encode thread exists.
 */

/* What an encoder of these caps lacks for such a stream, in words; NULL: nothing. */
const char *encoder_lacks(const struct enc_caps *caps, const struct video_params *v);
/* The DRM node (st_rdev) of the hardware that encodes; 0: none is known. Any thread. */
uint64_t encoder_drm(const struct encoder_ops *ops, enum codec codec);
/* Opens an encoder of that kind; ev and ctx must outlive it. -ENOTSUP (codec, size, depth or chroma it cannot do),
 * -ENOMEM, -EINVAL (preset), -EIO. */
int encoder_open(struct encoder **out, const struct encoder_ops *ops, const struct enc_params *p,
		 const struct encoder_events *ev, void *ctx);
/* Frame numbers rise by one with each accepted submit. As encoder_ops.submit. */
int encoder_submit(struct encoder *e, const struct picture *pic, const struct enc_request *r);
/* -ENOTSUP without ENC_RFI; -ENOENT: nothing valid is left or the range is not one of frames submitted. */
int encoder_invalidate_refs(struct encoder *e, uint32_t first, uint32_t last);
/* Any number; what was never submitted or is not kept any more is ignored. */
void encoder_acked(struct encoder *e, uint32_t frame_no);
int encoder_set_bitrate(struct encoder *e, uint32_t kbps); /* -ENOTSUP without ENC_RATE; -EIO */
/* Access units that are not back yet: close must wait for none. */
unsigned encoder_units_out(struct encoder *e);
void encoder_close(struct encoder *e); /* accepts NULL; every access unit is back: asserted */

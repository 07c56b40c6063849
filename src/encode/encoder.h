// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A video encoder. Implementations fill an encoder_ops and stand in encode/registry.c, the only
 * list of them; encode/encoder.c checks arguments and caps for all, encode/recovery.c decides about
 * lost frames for all, tests/conformance/test_encoders.c holds all to the same rules. Everything
 * but probe runs on the encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/au.h"
#include "media/params.h"

struct encoder;
struct picture; /* converted picture in memory, encode/picture.h */

enum enc_flags {
	ENC_RFI = 1,	       /* invalidate_refs */
	ENC_LTR = 2,	       /* can be told to refer to acknowledged frames only */
	ENC_INTRA_REFRESH = 4, /* recovers by a refresh wave */
	ENC_SLICES = 8,	       /* gives slices out before the frame is complete */
	ENC_RATE = 16,	       /* set_bitrate */
};

struct enc_caps {
	uint32_t flags; /* enum enc_flags */
	uint32_t max_width, max_height;
	uint8_t max_refs, max_slices, max_depth;
	bool yuv444;
};

struct enc_params {
	struct video_params video;
	uint8_t slices;	    /* really used, at least video.slices */
	uint8_t dpb;	    /* frames kept for recovery; 1: none */
	uint32_t kbps;	    /* target, corrected for the encoder's undershoot by encode/rate.c */
	const char *preset; /* encoder's own word, from the config */
};

/* What the next picture must be. */
struct enc_request {
	uint32_t frame_no;
	uint64_t pts_ns;
	bool idr;	/* already decided: an IDR */
	bool after_rfi; /* first after an honoured invalidation */
	bool ltr;
	bool repeat;
	struct trace t;
};

struct encoder_events {
	/* In slice order, one call at a time; the callee takes *a. */
	void (*au)(void *ctx, struct au *a);
	void (*failed)(void *ctx, int err);
};

struct encoder_ops {
	const char *name, *help;
	size_t size; /* of the struct that begins with struct encoder */
	/* Cheap and without side effects: 0, -ENOTSUP (codec or library missing). Any thread. */
	int (*probe)(enum codec codec, struct enc_caps *caps);
	int (*open)(struct encoder *e, const struct enc_params *p);
	/* 0: the picture was read (or referenced) and may be reused once its access unit is out;
	 * -EAGAIN: depth reached, nothing taken; -EIO: reopen. */
	int (*submit)(struct encoder *e, const struct picture *pic, const struct enc_request *r);
	/* Frames first..last, and all that depend on them, are not referenced any more. -ENOENT:
	 * nothing valid is left, take the next means. With ENC_RFI. */
	int (*invalidate_refs)(struct encoder *e, uint32_t first, uint32_t last);
	int (*set_bitrate)(struct encoder *e, uint32_t kbps); /* with ENC_RATE */
	void (*close)(struct encoder *e);		      /* all access units must be back */
};

/* First member of every implementation's struct. */
struct encoder {
	const struct encoder_ops *ops;
	const struct encoder_events *ev;
	void *ctx;
	struct enc_caps caps;
};

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * An encoder's side of H.264 (of HEVC: hevc_rig.h) on VA-API, small: it sends right pictures through the real libva,
 * and lets a test spoil any part of one. No cmocka here; a failed call is its VAStatus.
 */
#pragma once

#include "bits.h"
#include "h264.h"

#define RIG_REFS   4u
#define RIG_SLICES 4u
#define RIG_PACKED 8u

struct rig_ref {
	VAPictureH264 va; /* of ReferenceFrames */
	bool used;
};

struct rig {
	VADisplay dpy;
	int fd;
	VAConfigID config;
	VAContextID context;
	VASurfaceID input, recon[RIG_REFS + 2];
	VABufferID coded;
	VAProfile profile;
	uint32_t bits_per_second;
	unsigned width, height, slices;
	uint32_t packed; /* VA_ENC_PACKED_HEADER_x of the config */
	uint32_t rc;
	bool cabac, deblock, deep;
	struct rig_ref ref[RIG_REFS];
	unsigned frame_num, poc, idr_id, n;
	char log[64];
};

/* One picture as it is sent. Packed headers come from sps, pps, header; bytes replaces a header's when bits is not
 * 0. */
struct shot {
	bool idr, send_seq, send_pic, send_packed[3]; /* SPS, PPS, slice headers */
	VAEncSequenceParameterBufferH264 seq;
	VAEncPictureParameterBufferH264 pic;
	VAEncSliceParameterBufferH264 slice[RIG_SLICES];
	unsigned n_slices;
	struct h264_sps sps;
	struct h264_pps pps;
	struct h264_header header[RIG_SLICES];
	uint32_t packed_type[3]; /* as announced */
	int packed_bits[3];      /* added to bit_length */
	bool pps_first, no_data, twice, mapped, send_sei, slice_first, raw_escaped;
	unsigned seq_size, coded_size; /* 0: as it should be */
	VAEncMiscParameterType misc_type;
	size_t misc_size;
	uint8_t misc[128];
};

/* Buffers of one picture. */
struct batch {
	VABufferID id[64];
	unsigned n;
	VAStatus status;
	bool mapped, twice; /* the first is mapped while it is rendered, or rendered twice */
};

void batch_add(struct rig *r, struct batch *b, VABufferType type, unsigned size, void *data);
/* Renders them and waits; *out (if given): the stream, appended. They are gone then. */
VAStatus batch_run(struct rig *r, struct batch *b, VABufferID coded, struct out *out);

struct rig_options {
	unsigned width, height, slices;
	uint32_t packed, rc;
	bool cabac, deblock;
	bool deep; /* AV1 of ten bits: one profile has both depths */
	VAProfile profile;
	uint32_t bits_per_second; /* of HEVC and AV1; 0: a million */
};

/* 0, or the step that failed (a VAStatus, or -1). Sets MOONRILL_VA_LOG to a new file. */
int rig_open(struct rig *r, const struct rig_options *o);
void rig_close(struct rig *r);
/* The first line of the log that begins with this, or "". Static memory. */
const char *rig_log(const struct rig *r, const char *kind);

/* A right picture: IDR, or P that refers to entry `ref` of rig_newest() order (0: the newest). */
void rig_shot(struct rig *r, struct shot *s, bool idr, unsigned ref);
/* Marks the picture as long-term 0, which takes the place of the one before. */
void shot_long_term(struct rig *r, struct shot *s);
/* Headers anew from the parameters. */
void shot_headers(struct rig *r, struct shot *s);
/* Sends it. On success *out (if given) is the coded picture, appended, and the rig's references are moved on. */
VAStatus rig_send(struct rig *r, struct shot *s, struct out *out);
/* Luma, Cb and Cr, of the profile's size and depth, into the input surface. */
VAStatus rig_put(struct rig *r, const uint16_t *const planes[3]);

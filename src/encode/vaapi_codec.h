// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What differs between codecs on VA-API: parameter buffers, headers, units. encode/vaapi.c drives the hardware for all
 * of them; each fills a vaapi_codec. Pure: structures of va_enc_*.h and bytes; encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <va/va.h>

#include "encode/av1_headers.h"
#include "encode/av1_units.h"
#include "encode/encoder.h"
#include "encode/h264_headers.h"
#include "encode/hevc_headers.h"
#include "encode/vaapi_device.h"

#define VAAPI_HEADER_MAX    160u  /* bytes of any header */
#define VAAPI_PARAMETER_MAX 4096u /* bytes of any parameter buffer */

struct vaapi_av1 {
	struct av1_stream stream;
	struct av1_sequence seen; /* the newest sequence header that was sent */
	struct hdr_metadata light;
};

/* An open stream. */
struct vaapi_stream {
	const struct vaapi_codec *codec;
	bool ours;              /* slice headers, and with them the references */
	unsigned width, height; /* of surfaces: whole blocks */
	unsigned wide, high;    /* blocks that slices are made of: macroblocks or coding tree blocks */
	unsigned slices, rows;  /* rows of blocks in each but the last; 0: spread evenly */
	unsigned tiles;         /* of AV1, whose one "slice" is a group of all of them */
	struct pic_refs refs;
	VASurfaceID surface[PIC_REFS_SURFACES_MAX]; /* reconstructions, by pic_plan.surface and pic_held.surface */
	union {
		struct h264_stream h264;
		struct hevc_stream hevc;
		struct vaapi_av1 av1;
	};
};

enum vaapi_unit { VAAPI_OTHER, VAAPI_SET, VAAPI_SLICE, VAAPI_KEY_SLICE };

struct vaapi_profile {
	VAProfile profile;
	const char *name;
	enum picture_format format; /* of the pictures that it is for; a profile for two stands there twice */
};

struct vaapi_codec {
	enum codec codec;
	const struct vaapi_profile *profiles; /* the best first, up to VAProfileNone */
	uint32_t packed;                      /* VA_ENC_PACKED_HEADER_x without which it cannot say its references */
	size_t sequence_size, picture_size, slice_size;
	unsigned n_sets;
	/* Whether the driver's attributes can be worked with; reads what depends on the codec into *c. NULL: always. */
	bool (*suits)(VADisplay dpy, struct vaapi_caps *c);
	/* Of a zeroed *v whose codec, ours and refs are set: the rest, but surfaces and slices. high stays 0: the
	 * driver cannot do pictures of that size. */
	void (*init)(struct vaapi_stream *v, const struct vaapi_caps *c, const struct enc_params *p);
	/* Parameter buffers of those sizes. */
	void (*sequence)(const struct vaapi_stream *v, uint32_t kbps, void *out);
	void (*picture)(const struct vaapi_stream *v, const struct pic_plan *p, VABufferID coded, void *out);
	void (*slice)(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, void *out);
	/* Parameter set i of n_sets, in their order: its bytes, and as which VA_ENC_PACKED_HEADER_x it is taken. */
	size_t (*set)(const struct vaapi_stream *v, unsigned i, uint8_t *out, uint32_t *packed);
	/* What stands between parameter sets and the first slice of an IDR; its bytes, 0: nothing. NULL: never. */
	size_t (*before_key)(const struct vaapi_stream *v, uint8_t *out);
	/* The header of a picture, where it has one of its own, without emulation prevention; its bytes. May be
	 * NULL. */
	size_t (*picture_header)(const struct vaapi_stream *v, const struct pic_plan *p, uint8_t *out);
	/* The header of slice n; its bits. NULL: they have none. */
	size_t (*slice_header)(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, uint8_t *out);
	/* A unit that the driver wrote; whether it is slice n, as far as its header says something of references. */
	enum vaapi_unit (*unit)(const struct nal *n);
	unsigned (*set_of)(const struct nal *n); /* of a VAAPI_SET: which of n_sets */
	bool (*slice_is)(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, const struct nal *unit);
	/* vaapi_take() of a codec that is not made of NAL units; then unit, set_of and slice_is are not called. */
	int (*take)(struct vaapi_stream *v, const struct pic_plan *p, const uint8_t *in, size_t in_len, uint8_t *out,
		    size_t cap, size_t *len);
};

extern const struct vaapi_codec vaapi_h264, vaapi_hevc, vaapi_av1;

/* What a driver works with, of its answers to VAConfigAttribEncHEVCFeatures and BlockSizes (VA_ATTRIB_NOT_SUPPORTED: it
 * does not tell). False: it insists on what we do not write. */
bool vaapi_hevc_tools(uint32_t features, uint32_t sizes, struct hevc_tools *t);

/* The same of VAConfigAttribEncAV1 and Ext2, and how many tiles it takes. */
bool vaapi_av1_tools(uint32_t features, uint32_t ext2, struct av1_tools *t, uint32_t *tiles);

/* NULL: none. */
const struct vaapi_codec *vaapi_codec_find(enum codec codec);

/* Cuts the picture as slice_structure (VA_ENC_SLICE_STRUCTURE_x, 0: anything) allows: at most want slices. */
void vaapi_cut(struct vaapi_stream *v, unsigned want, uint32_t slice_structure);
/* First block and count of slice n. */
void vaapi_slice_blocks(const struct vaapi_stream *v, unsigned n, uint32_t *first, uint32_t *count);

/*
 * What the wire carries of what the driver wrote: parameter sets, in front of an IDR ours of those that it left out,
 * and slices; no delimiters, no filler, no SEI, which would push the slice out of the first packet (2-media 1.5), but
 * what the codec wants in front of an IDR, whoever wrote the parameter sets. Of AV1 a temporal unit with its delimiter.
 * Writes to out. -ENOSPC: it does not fit. -EPROTO: this is not the picture of the plan. -EBADMSG: the slice headers
 * are ours, and the slices do not begin with them.
 */
int vaapi_take(struct vaapi_stream *v, const struct pic_plan *p, const uint8_t *in, size_t in_len, uint8_t *out,
	       size_t cap, size_t *len);

// SPDX-License-Identifier: GPL-3.0-or-later
/* Annex B as far as a client looks at it: where units begin, what they are, what an H.264 SPS says. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum codec { CODEC_H264, CODEC_HEVC, CODEC_AV1 };

enum nal_kind { NAL_NONE, NAL_SLICE, NAL_IDR, NAL_VPS, NAL_SPS, NAL_PPS, NAL_AUD, NAL_SEI, NAL_FILLER, NAL_OTHER };

/* Length of the start code at p (3 or 4) when a unit's first byte follows it, else 0. */
size_t nal_start(const uint8_t *p, size_t len);
/* The kind of the unit whose start code is at p. NAL_NONE: there is none. */
enum nal_kind nal_kind(enum codec c, const uint8_t *p, size_t len);
/* Offset of the next start code after the one at p, or len. */
size_t nal_next(const uint8_t *p, size_t len);

struct nal_census {
	unsigned count[NAL_OTHER + 1];
	enum nal_kind first[8]; /* in order */
	unsigned n;
};

void nal_count(enum codec c, const uint8_t *p, size_t len, struct nal_census *out);

struct sps_info {
	unsigned profile, level, chroma_format, depth, width, height, max_num_ref_frames;
	bool has_vui, has_restriction, full_range, has_colour, has_timing;
	unsigned primaries, transfer, matrix, num_reorder_frames, max_dec_frame_buffering;
	unsigned num_units_in_tick, time_scale;
};

/* An H.264 SPS, start code included. -EINVAL: not one, or broken. */
int sps_parse(struct sps_info *s, const uint8_t *p, size_t len);

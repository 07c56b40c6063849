// SPDX-License-Identifier: GPL-3.0-or-later
/* Decodes an H.264, HEVC (Annex B) or AV1 (low-overhead OBU) stream with the ffmpeg program, its decoder set as the
 * stock client sets it: low delay, and pictures with missing references are shown. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/params.h"

struct decoded {
	uint8_t *frames; /* NV12 or planes, width x height each */
	size_t frame_size;
	unsigned count;
};

bool decode_available(void);
/* False when nothing could be decoded. Free with decoded_finish(). */
bool decode(struct decoded *d, enum codec codec, const uint8_t *stream, size_t len, unsigned width, unsigned height);
/* The same to the stream's own format: three planes, ten bits as the lower ones of little-endian words of 16. */
bool decode_planes(struct decoded *d, const struct video_params *v, const uint8_t *stream, size_t len);
/* "pixels,range,matrix,transfer,primaries" in ffprobe's words and a line end, followed by all that ffmpeg warns of when
 * it decodes the stream. */
bool decode_describe(const struct video_params *v, const uint8_t *stream, size_t len, char out[160]);
/* What ffprobe finds of HDR metadata with the first picture: "key=value" lines. */
bool decode_light(const struct video_params *v, const uint8_t *stream, size_t len, char out[2048]);
void decoded_finish(struct decoded *d);
/* Of two luma planes, in dB; 100 when equal. */
double luma_psnr(const uint8_t *a, unsigned a_stride, const uint8_t *b, unsigned b_stride, unsigned w, unsigned h);

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * From SDR to PQ and back, for pictures in memory: what the pass on the GPU does (gpu/convert.h), by the same rules.
 * SDR is sRGB with the primaries of BT.709 and its white at 203 cd/m2; PQ is BT.2020 with the curve of SMPTE ST 2084.
 * What the target cannot show is clipped. Pixels of four bytes, of 8 or 10 bits a primary, become FOURCC_XRGB2101010,
 * two code values from the exact result at most. Much slower than the other conversions: for sources that a stream was
 * not opened for. Encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct light;

/* Of sources of that fourcc; to_pq: the target. -ENOTSUP: not one of convert_supports(); -ENOMEM. */
int light_create(struct light **out, uint32_t fourcc, bool to_pq);
void light_destroy(struct light *l); /* accepts NULL */

/* Strides in bytes, of any alignment; dst may be src. */
void light_run(const struct light *l, const uint8_t *src, size_t src_stride, uint8_t *dst, size_t dst_stride,
	       uint32_t w, uint32_t h);

// SPDX-License-Identifier: GPL-3.0-or-later
/* Opus as the client expects it: multistream, restricted low delay, hard CBR (2-media 4.3). One thread at a time. */
#pragma once

#include <stdint.h>

#include "audio/layout.h"

struct opus_enc;

/* -EINVAL: no such stream; -ENOMEM. */
int opus_enc_create(struct opus_enc **out, const struct layout *l, unsigned packet_ms);
void opus_enc_destroy(struct opus_enc *e); /* accepts NULL */

/* One packet: pcm has packet_ms * 48 interleaved frames, out room for layout_packet_bytes(), which
 * is always what is written. No allocation. 0 or -EIO. */
int opus_enc_encode(struct opus_enc *e, const float *pcm, uint8_t *out);

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reed-Solomon parity over GF(2^8), polynomial 0x11d, in the two codes of the protocol: the systematic Cauchy code of
 * video, whose matrix depends on the block's shape, and the constant 4+2 code of audio (2-media 2.4, 2.5).
 *
 * The sums are made by the best kernel for this processor (net/fec_kernel.h); all give the same bytes. Kernels want
 * each coefficient expanded into a table; tables of the last shapes are kept in memory of fixed size, so that encoding
 * never allocates.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "net/fec_plan.h"

#define FEC_AUDIO_DATA   4u
#define FEC_AUDIO_PARITY 2u

struct fec;

/* One per thread that encodes. NULL: no memory. */
struct fec *fec_create(void);
void fec_destroy(struct fec *f); /* accepts NULL */

/* Parity of n_data shards of len bytes each into n_parity shards. n_data + n_parity <= FEC_SHARDS_MAX, both > 0, else
 * -EINVAL. No allocation. */
int fec_encode(struct fec *f, unsigned n_data, unsigned n_parity, size_t len, const uint8_t *const *data,
	       uint8_t *const *parity);

/* Parity number index (0, 1) of an audio group. Any thread. */
void fec_encode_audio(unsigned index, size_t len, const uint8_t *const data[FEC_AUDIO_DATA], uint8_t *parity);

/* Row j of the video matrix of a shape: n_data coefficients. Any thread. */
void fec_matrix_row(unsigned n_data, unsigned n_parity, unsigned j, uint8_t *row);

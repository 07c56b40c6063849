// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/fec.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "net/fec_kernel.h"
#include "net/fec_portable.h"

/* 1/x in GF(2^8), 0x11d; there is no inverse of 0 and no shape asks for it. */
static const uint8_t inverse[256] = {
	0x00, 0x01, 0x8e, 0xf4, 0x47, 0xa7, 0x7a, 0xba, 0xad, 0x9d, 0xdd, 0x98, 0x3d, 0xaa, 0x5d, 0x96, 0xd8, 0x72,
	0xc0, 0x58, 0xe0, 0x3e, 0x4c, 0x66, 0x90, 0xde, 0x55, 0x80, 0xa0, 0x83, 0x4b, 0x2a, 0x6c, 0xed, 0x39, 0x51,
	0x60, 0x56, 0x2c, 0x8a, 0x70, 0xd0, 0x1f, 0x4a, 0x26, 0x8b, 0x33, 0x6e, 0x48, 0x89, 0x6f, 0x2e, 0xa4, 0xc3,
	0x40, 0x5e, 0x50, 0x22, 0xcf, 0xa9, 0xab, 0x0c, 0x15, 0xe1, 0x36, 0x5f, 0xf8, 0xd5, 0x92, 0x4e, 0xa6, 0x04,
	0x30, 0x88, 0x2b, 0x1e, 0x16, 0x67, 0x45, 0x93, 0x38, 0x23, 0x68, 0x8c, 0x81, 0x1a, 0x25, 0x61, 0x13, 0xc1,
	0xcb, 0x63, 0x97, 0x0e, 0x37, 0x41, 0x24, 0x57, 0xca, 0x5b, 0xb9, 0xc4, 0x17, 0x4d, 0x52, 0x8d, 0xef, 0xb3,
	0x20, 0xec, 0x2f, 0x32, 0x28, 0xd1, 0x11, 0xd9, 0xe9, 0xfb, 0xda, 0x79, 0xdb, 0x77, 0x06, 0xbb, 0x84, 0xcd,
	0xfe, 0xfc, 0x1b, 0x54, 0xa1, 0x1d, 0x7c, 0xcc, 0xe4, 0xb0, 0x49, 0x31, 0x27, 0x2d, 0x53, 0x69, 0x02, 0xf5,
	0x18, 0xdf, 0x44, 0x4f, 0x9b, 0xbc, 0x0f, 0x5c, 0x0b, 0xdc, 0xbd, 0x94, 0xac, 0x09, 0xc7, 0xa2, 0x1c, 0x82,
	0x9f, 0xc6, 0x34, 0xc2, 0x46, 0x05, 0xce, 0x3b, 0x0d, 0x3c, 0x9c, 0x08, 0xbe, 0xb7, 0x87, 0xe5, 0xee, 0x6b,
	0xeb, 0xf2, 0xbf, 0xaf, 0xc5, 0x64, 0x07, 0x7b, 0x95, 0x9a, 0xae, 0xb6, 0x12, 0x59, 0xa5, 0x35, 0x65, 0xb8,
	0xa3, 0x9e, 0xd2, 0xf7, 0x62, 0x5a, 0x85, 0x7d, 0xa8, 0x3a, 0x29, 0x71, 0xc8, 0xf6, 0xf9, 0x43, 0xd7, 0xd6,
	0x10, 0x73, 0x76, 0x78, 0x99, 0x0a, 0x19, 0x91, 0x14, 0x3f, 0xe6, 0xf0, 0x86, 0xb1, 0xe2, 0xf1, 0xfa, 0x74,
	0xf3, 0xb4, 0x6d, 0x21, 0xb2, 0x6a, 0xe3, 0xe7, 0xb5, 0xea, 0x03, 0x8f, 0xd3, 0xc9, 0x42, 0xd4, 0xe8, 0x75,
	0x7f, 0xff, 0x7e, 0xfd,
};

static const uint8_t audio_matrix[FEC_AUDIO_PARITY][FEC_AUDIO_DATA] = {
	{0x77, 0x40, 0x38, 0x0e},
	{0xc7, 0xa7, 0x0d, 0x6c},
};

static bool shape_valid(unsigned n_data, unsigned n_parity)
{
	return n_data && n_parity && n_data < FEC_SHARDS_MAX && n_parity < FEC_SHARDS_MAX &&
	       n_data + n_parity <= FEC_SHARDS_MAX;
}

void fec_matrix_row(unsigned n_data, unsigned n_parity, unsigned j, uint8_t *row)
{
	/* n_parity + i is never j, so the argument is never 0. */
	for (unsigned i = 0; i < n_data; i++)
		row[i] = inverse[(n_parity + i) ^ j];
}

void fec_encode_audio(unsigned index, size_t len, const uint8_t *const data[FEC_AUDIO_DATA], uint8_t *parity)
{
	fec_row_portable(audio_matrix[index], FEC_AUDIO_DATA, len, data, parity);
}

/* Small shapes, those of ordinary frames, share a few entries, the least recently used goes. One entry more holds the
 * last shape that is too large for them: 200 Mbit/s and up, where the table is small change beside the encoding. Pages
 * that are never written cost no memory. */
#define SMALL_ENTRIES 8u
#define SMALL_COEFFS  1024u
#define LARGE_COEFFS  (128u * 127u) /* largest product of two counts that sum to 255 */

struct entry {
	uint8_t n_data, n_parity; /* 0: empty */
	uint32_t used;
	uint8_t *tables;
};

struct fec {
	const struct fec_kernel *kernel;
	uint32_t clock;
	struct entry small[SMALL_ENTRIES], large, *last;
	uint8_t coeffs[LARGE_COEFFS];
	_Alignas(64) uint8_t tables[(SMALL_ENTRIES * SMALL_COEFFS + LARGE_COEFFS) * FEC_TABLE_BYTES];
};

struct fec *fec_create_on(const struct fec_kernel *kernel)
{
	struct fec *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);
	uint8_t *t;

	if (!f)
		return NULL;
	f->kernel = kernel;
	f->clock = 0;
	t = f->tables;
	for (unsigned i = 0; i < SMALL_ENTRIES; i++, t += SMALL_COEFFS * FEC_TABLE_BYTES)
		f->small[i] = (struct entry){.tables = t};
	f->large = (struct entry){.tables = t};
	f->last = f->small;
	return f;
}

struct fec *fec_create(void)
{
	return fec_create_on(fec_kernel_at(0));
}

static bool entry_is(const struct entry *e, unsigned n_data, unsigned n_parity)
{
	return e->n_data == n_data && e->n_parity == n_parity;
}

static struct entry *entry_find(struct fec *f, unsigned n_data, unsigned n_parity)
{
	struct entry *oldest = f->small;

	if (n_data * n_parity > SMALL_COEFFS)
		return &f->large;
	for (struct entry *e = f->small; e < f->small + SMALL_ENTRIES; e++) {
		if (entry_is(e, n_data, n_parity))
			return e;
		if (f->clock - e->used > f->clock - oldest->used)
			oldest = e;
	}
	return oldest;
}

static uint8_t *tables_for(struct fec *f, unsigned n_data, unsigned n_parity)
{
	struct entry *e = f->last;

	/* The blocks of a frame are alike. */
	if (entry_is(e, n_data, n_parity))
		return e->tables;
	e = f->last = entry_find(f, n_data, n_parity);
	e->used = ++f->clock;
	if (entry_is(e, n_data, n_parity))
		return e->tables;
	e->n_data = (uint8_t)n_data;
	e->n_parity = (uint8_t)n_parity;
	for (unsigned j = 0; j < n_parity; j++)
		fec_matrix_row(n_data, n_parity, j, f->coeffs + j * n_data);
	f->kernel->expand(n_data, n_parity, f->coeffs, e->tables);
	return e->tables;
}

int fec_encode(struct fec *f, unsigned n_data, unsigned n_parity, size_t len, const uint8_t *const *data,
	       uint8_t *const *parity)
{
	if (!shape_valid(n_data, n_parity))
		return -EINVAL;
	f->kernel->run(n_data, n_parity, len, tables_for(f, n_data, n_parity), data, parity);
	return 0;
}

void fec_destroy(struct fec *f)
{
	free(f);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * AV1: syntax structures, the decoder's slots, and the small encoder: blocks of 8x8, intra with DC prediction or from
 * the same place of the first name's picture, transforms of 8x8 and 4x4 (chroma), with the arithmetic coder adapting.
 * Numbers are sections of the AV1 specification.
 */
#pragma once

#include "bits.h"
#include "driver.h"

#include <va/va_enc_av1.h>

#define AV1_SLOTS        8u
#define AV1_NAMES        7u
#define AV1_TILES_MAX    64u
#define AV1_PRIMARY_NONE 7u
#define AV1_CDF_ONE      32768u
#define AV1_COEF_FIGURES 228u
#define AV1_BLOCK        8u
#define AV1_SB           64u
#define AV1_LEVEL_ANY    31u /* no limits */

enum { AV1_OBU_SEQUENCE = 1, AV1_OBU_DELIMITER, AV1_OBU_FRAME_HEADER, AV1_OBU_TILE_GROUP, AV1_OBU_METADATA };
enum { AV1_OBU_FRAME = 6 };
enum { AV1_KEY, AV1_INTER, AV1_INTRA_ONLY, AV1_SWITCH }; /* frame_type */

struct av1_sequence {
	uint32_t profile, level, width_bits, height_bits, width, height, order_hint_bits;
	uint32_t primaries, transfer, matrix, chroma_position;
	bool tier, still, reduced, timing, display_delay, frame_ids, sb128, filter_intra, intra_edge, interintra,
		masked;
	bool warped, dual_filter, order_hint, jnt_comp, ref_frame_mvs, screen, superres, cdef, restoration;
	bool high_depth, mono, colour, full_range, separate_uv, film_grain;
};

/* What stands where, in bits from the start of the header's unit. */
struct av1_places {
	uint32_t qindex, segmentation, loop_filter, cdef, cdef_bits, end;
	uint32_t size_bytes; /* of obu_size */
};

struct av1_header {
	uint32_t type, order_hint, primary, refresh, ref_idx[AV1_NAMES], filter, qindex;
	bool show, error_resilient, no_cdf_update, size_override, other_size, hp_mv, switchable, motion_switchable;
	bool no_end_update, uniform, qmatrix, segmentation, delta_q_present, delta_lf, tx_select, compound, reduced_tx;
	bool deltas, global;
	uint32_t log2_cols, log2_rows, cols, rows, each_wide, each_high, context_tile, tile_bytes;
	uint32_t level[4], sharpness, damping, cdef_bits, cdef_y[8], cdef_uv[8];
	struct av1_places at;
};

/* av1_syntax.c, av1_write.c: they return what is wrong, or NULL. A unit is read whole, its header and size included. */
const char *av1_unit_open(struct bits *b, unsigned *type, uint32_t *size_bytes);
const char *av1_sequence_parse(struct av1_sequence *s, struct bits *b);
const char *av1_header_parse(struct av1_header *h, struct bits *b, const struct av1_sequence *s);
/* Whole units; size_bytes: of obu_size. Places are filled. */
void av1_sequence_write(struct out *o, const struct av1_sequence *s, unsigned size_bytes);
void av1_header_write(struct out *o, struct av1_header *h, const struct av1_sequence *s, unsigned size_bytes);
void av1_unit_write(struct out *o, unsigned type, unsigned size_bytes, const uint8_t *payload, size_t len);
/* Fills what follows from the size and log2_cols, log2_rows. What is wrong with them, or NULL. */
const char *av1_tiles_fill(struct av1_header *h, const struct av1_sequence *s);
void av1_tile_limits(const struct av1_sequence *s, unsigned log2_cols, unsigned *min_cols, unsigned *max_cols,
		     unsigned *min_rows, unsigned *max_rows);

static inline unsigned av1_sbs(unsigned samples)
{
	return (samples + AV1_SB - 1) / AV1_SB;
}

/* av1_level.c: seq_level_idx */
struct av1_load {
	uint32_t width, height, fps_num, fps_den, columns, rows;
};
bool av1_level_known(unsigned idx);
/* What the level has no room for, NULL: it has. Bit rates are left out: they may rise within a sequence. */
const char *av1_level_lacks(unsigned idx, const struct av1_load *w);

/* av1_params.c: parameter buffers by themselves, and against headers; rule() is called for what is wrong. */
VAStatus av1_check_seq(struct context *c, const VAEncSequenceParameterBufferAV1 *q);
VAStatus av1_check_pic(struct context *c, const VAEncPictureParameterBufferAV1 *p, const struct av1_sequence *s);
/* Whether the level has room for the pictures of the sequence, of which that is the first. */
VAStatus av1_check_room(struct context *c, const VAEncSequenceParameterBufferAV1 *q,
			const VAEncPictureParameterBufferAV1 *p);
VAStatus av1_same_sequence(struct context *c, const VAEncSequenceParameterBufferAV1 *q, const struct av1_sequence *s);
VAStatus av1_same_header(struct context *c, const VAEncPictureParameterBufferAV1 *p, const struct av1_header *h);
/* lead: bytes of packed headers in front of the frame's. */
VAStatus av1_same_places(struct context *c, const VAEncPictureParameterBufferAV1 *p, const struct av1_header *h,
			 size_t lead);
/* Bits of a sample, as the config's format has them. */
unsigned av1_depth(const struct context *c);
/* The headers of a driver that writes them itself. */
void av1_sequence_of(struct av1_sequence *s, const VAEncSequenceParameterBufferAV1 *q,
		     const VAEncPictureParameterBufferAV1 *p);
void av1_header_of(struct av1_header *h, const VAEncPictureParameterBufferAV1 *p, const struct av1_sequence *s);

/* --- the arithmetic coder and its states --- */

/* Cumulated probabilities up to AV1_CDF_ONE, then how often it was used. */
struct av1_coef_cdfs {
	uint16_t none[13][3], end[8], end_extra[9][3], last[4][4], base[42][5], more[21][5], sign[3][3];
};

struct av1_cdfs {
	uint16_t partition[4][4][11], skip[3][3], y_mode[14], uv_mode[15], intra_tx[8], inter_tx[17], is_inter[3];
	uint16_t ref[3][3][3], new_mv[6][3], zero_mv[3];
	uint16_t tx_depth[3][3], tx_split[3]; /* of blocks of 8x8: intra; inter, where everything around is of 8x8 */
	struct av1_coef_cdfs coef[2];         /* luma, chroma */
};

void av1_cdfs_default(struct av1_cdfs *c, unsigned qindex);
/* As a state is kept in a slot: the counts of uses begin anew. */
void av1_cdfs_rest(struct av1_cdfs *c);
/* Steps of quantisers for samples of 8 or 10 bits. */
unsigned av1_dc_step(unsigned qindex, unsigned depth);
unsigned av1_ac_step(unsigned qindex, unsigned depth);

struct av1_range {
	struct out *o;
	size_t first; /* byte of o where it began */
	uint64_t low;
	uint32_t range;
	unsigned pending; /* bits of low above its window */
	bool adapt;
};

/* Begins where o, which is byte aligned, ends. */
void av1_range_begin(struct av1_range *r, struct out *o, bool adapt);
void av1_range_symbol(struct av1_range *r, uint16_t *cdf, unsigned n, unsigned symbol);
/* A choice whose odds are not kept: one out of AV1_CDF_ONE. */
void av1_range_bool(struct av1_range *r, unsigned zero_odds, unsigned bit);
void av1_range_bits(struct av1_range *r, unsigned n, unsigned value);
void av1_range_end(struct av1_range *r);

/* --- pictures --- */

/* What is coded of one transform block. */
struct av1_levels {
	int16_t v[64]; /* raster order */
	unsigned end;  /* in scan order: one past the last that is not nought */
};

/* av1_tx.c: residual of n x n (8 or 4), row by row, to levels, and levels to the residual a decoder has. */
void av1_transform(const int16_t *residual, unsigned n, unsigned qindex, unsigned depth, struct av1_levels *l);
void av1_restore(const struct av1_levels *l, unsigned n, unsigned qindex, unsigned depth, int16_t *residual);
const uint8_t *av1_scan(unsigned n);

/* Of one plane's contexts along an edge, by 4 samples. */
struct av1_edge {
	uint8_t level[PICTURE_SIZE_MAX / 4], dc[PICTURE_SIZE_MAX / 4]; /* dc: 0 none, 1 negative, 2 positive */
};

/* av1_coef.c: codes a block whose contexts lie at above[], left[] (n / 4 of each), and sets those. */
void av1_coefficients(struct av1_range *r, struct av1_cdfs *c, const struct av1_levels *l, bool chroma, bool inter,
		      uint8_t *const level[2], uint8_t *const dc[2]);

struct av1_frame {
	const struct av1_header *h;
	unsigned width, height;   /* in blocks of 8: source and reconstructions are of those */
	const struct planes *src; /* padded */
	const struct planes *ref; /* NULL: a key frame */
	struct planes *to;
	unsigned qindex;
	uint8_t *skipped; /* by block */
	struct av1_edge above[3], left[3];
};

/* av1_tile.c: tile n, appended to o; cdfs are those it begins with and those it ends with. */
void av1_tile(struct av1_frame *f, unsigned n, struct av1_cdfs *cdfs, struct out *o);

// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/obu.h"

#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bits, most significant first. */
struct out {
	uint8_t p[64];
	unsigned n;
};

static void put(struct out *o, unsigned n, uint32_t v)
{
	while (n--) {
		if (v >> n & 1)
			o->p[o->n / 8] |= (uint8_t)(0x80 >> o->n % 8);
		o->n++;
	}
}

/* Appends a unit. */
static size_t unit(uint8_t *to, unsigned type, const struct out *o)
{
	size_t len = (o->n + 7) / 8;

	to[0] = (uint8_t)(type << 3 | 2);
	to[1] = (uint8_t)len;
	memcpy(to + 2, o->p, len);
	return len + 2;
}

static struct out sequence(unsigned w, unsigned h, bool full)
{
	struct out o = {.n = 0};

	put(&o, 5, 0);  /* profile, still, reduced */
	put(&o, 2, 0);  /* timing, display delay */
	put(&o, 5, 0);  /* one operating point */
	put(&o, 12, 0); /* all layers */
	put(&o, 5, 8);  /* level 4.0 and tier */
	put(&o, 1, 0);
	put(&o, 8, 0xbb); /* 12 bits each */
	put(&o, 12, w - 1);
	put(&o, 12, h - 1);
	put(&o, 1, 0); /* frame ids */
	put(&o, 3, 0); /* superblocks, intra tools */
	put(&o, 4, 0); /* inter tools */
	put(&o, 1, 0); /* order hint */
	put(&o, 1, 0); /* screen content: not chosen per frame */
	put(&o, 1, 0); /* none */
	put(&o, 3, 0); /* superres, cdef, restoration */
	put(&o, 2, 0); /* 8 bit, colour */
	put(&o, 1, 1); /* described */
	put(&o, 24, 0x010101);
	put(&o, 1, full);
	put(&o, 8, 0); /* chroma position, separate delta, film grain */
	return o;
}

/* columns, rows: log2 of the tiles. */
static void tiles(struct out *o, unsigned columns, unsigned rows)
{
	put(o, 1, 1);
	for (unsigned i = 0; i < columns; i++)
		put(o, 1, 1);
	put(o, 1, 0);
	for (unsigned i = 0; i < rows; i++)
		put(o, 1, 1);
	put(o, 1, 0);
}

static struct out key_frame(void)
{
	struct out o = {.n = 0};

	put(&o, 1, 0);
	put(&o, 2, OBU_KEY);
	put(&o, 1, 1); /* shown */
	put(&o, 1, 0); /* cdf update */
	put(&o, 1, 0); /* size */
	put(&o, 1, 0); /* render size */
	put(&o, 1, 0); /* frame end update */
	tiles(&o, 1, 1);
	return o;
}

static struct out inter_frame(uint8_t refresh, unsigned primary)
{
	struct out o = {.n = 0};

	put(&o, 1, 0);
	put(&o, 2, OBU_INTER);
	put(&o, 1, 1);
	put(&o, 1, 0); /* error resilient */
	put(&o, 1, 0);
	put(&o, 1, 0);
	put(&o, 3, primary);
	put(&o, 8, refresh);
	for (unsigned i = 0; i < 7; i++)
		put(&o, 3, 7 - i);
	put(&o, 1, 0); /* render size */
	put(&o, 1, 1); /* precision */
	put(&o, 1, 1); /* filter switchable */
	put(&o, 1, 0);
	put(&o, 1, 0);
	tiles(&o, 2, 0);
	return o;
}

static const struct out nothing;

static void a_temporal_unit_is_read_to_the_tiles(void **state)
{
	struct out s = sequence(1280, 720, true), k = key_frame(), p = inter_frame(0x42, 3);
	struct obu_unit u = {0};
	uint8_t b[128];
	size_t n;

	(void)state;
	n = unit(b, OBU_DELIMITER, &nothing);
	n += unit(b + n, OBU_SEQUENCE, &s);
	n += unit(b + n, OBU_FRAME, &k);
	obu_unit_parse(&u, b, n);
	assert_int_equal(u.error, 0);
	assert_true(u.delimiter_first && u.sequence_known);
	assert_int_equal(u.count, 3);
	assert_int_equal(u.frames, 1);
	assert_int_equal(u.shown, 1);
	assert_int_equal(u.frame.type, OBU_KEY);
	assert_int_equal(u.frame.refresh, 0xff);
	assert_int_equal(u.frame.tiles, 4);
	assert_int_equal(u.sequence.width, 1280);
	assert_int_equal(u.sequence.height, 720);
	assert_int_equal(u.sequence.level, 8);
	assert_int_equal(u.sequence.matrix, 1);
	assert_true(u.sequence.full_range);

	n = unit(b, OBU_DELIMITER, &nothing);
	n += unit(b + n, OBU_FRAME, &p);
	obu_unit_parse(&u, b, n);
	assert_int_equal(u.error, 0);
	assert_int_equal(u.sequences, 0);
	assert_int_equal(u.sequence.width, 1280); /* of the unit before */
	assert_int_equal(u.frame.type, OBU_INTER);
	assert_int_equal(u.frame.refresh, 0x42);
	assert_int_equal(u.frame.primary, 3);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(u.frame.ref_idx[i], 7 - i);
	assert_int_equal(u.frame.tiles, 4);
}

static void an_older_frame_shown_again_is_no_frame_of_its_own_type(void **state)
{
	struct out s = sequence(640, 360, false), o = {.n = 0};
	struct obu_unit u = {0};
	uint8_t b[64];
	size_t n = unit(b, OBU_SEQUENCE, &s);

	(void)state;
	put(&o, 4, 0xd);
	n += unit(b + n, OBU_FRAME_HEADER, &o);
	obu_unit_parse(&u, b, n);
	assert_int_equal(u.error, 0);
	assert_true(u.frame.existing);
	assert_false(u.delimiter_first);
	assert_int_equal(u.shown, 1);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t len;
	} rows[] = {
		{{0x12}, 1},                                                     /* no size */
		{{0x12, 1}, 2},                                                  /* beyond the end */
		{{0x12, 0x80}, 2},                                               /* size cut off */
		{{0x10, 0}, 2},                                                  /* without a size field */
		{{0x92, 0}, 2},                                                  /* forbidden bit */
		{{0x16, 0}, 2},                                                  /* extension, then no size */
		{{0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, 10}, /* size of nine bytes */
		{{0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 9},     /* size of 2^56 */
		{{0x32, 1, 0}, 3},                                               /* frame without a sequence */
		{{0x0a, 2, 0, 0}, 4},                                            /* sequence cut off */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct obu_unit u = {0};

		obu_unit_parse(&u, rows[i].bytes, rows[i].len);
		assert_int_equal(u.error, -EINVAL);
	}
}

static void every_cut_of_a_valid_unit_is_refused_or_shorter(void **state)
{
	struct out s = sequence(1920, 1080, false), k = key_frame();
	uint8_t b[128];
	size_t n = unit(b, OBU_SEQUENCE, &s), first = n;

	(void)state;
	n += unit(b + n, OBU_FRAME, &k);
	for (size_t len = 0; len < n; len++) {
		struct obu_unit u = {0};
		uint8_t *exact = malloc(len + !len); /* the sanitizer sees what is read beyond */

		assert_non_null(exact);
		memcpy(exact, b, len);
		obu_unit_parse(&u, exact, len);
		assert_true(u.error || len == 0 || len == first);
		assert_int_equal(u.frames, 0);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_temporal_unit_is_read_to_the_tiles),
		cmocka_unit_test(an_older_frame_shown_again_is_no_frame_of_its_own_type),
		cmocka_unit_test(sizes_that_do_not_fit_are_refused),
		cmocka_unit_test(every_cut_of_a_valid_unit_is_refused_or_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

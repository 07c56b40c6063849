// SPDX-License-Identifier: GPL-3.0-or-later
/* What the arithmetic encoder of AV1 writes is read back by the decoder of 8.2, symbol by symbol. */
#include "av1.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOLS 2000u

struct reader {
	const uint8_t *p;
	size_t n, at; /* in bits */
	uint32_t value, range;
};

static uint32_t take(struct reader *r, unsigned n)
{
	uint32_t v = 0;

	for (; n; n--, r->at++)
		v = v << 1 | (r->at < r->n ? r->p[r->at / 8] >> (7 - r->at % 8) & 1u : 0);
	return v;
}

static unsigned read_symbol(struct reader *r, const uint16_t *cdf, unsigned n)
{
	uint32_t now = r->range, before;
	unsigned symbol = 0, bits;

	for (;; symbol++) {
		before = now;
		now = ((r->range >> 8) * ((AV1_CDF_ONE - cdf[symbol]) >> 6) >> 1) + 4 * (n - symbol - 1);
		if (r->value >= now)
			break;
	}
	r->range = before - now;
	r->value -= now;
	bits = (unsigned)__builtin_clz(r->range) - 16;
	r->range <<= bits;
	r->value = take(r, bits) ^ (((r->value + 1) << bits) - 1);
	return symbol;
}

struct row {
	uint16_t cdf[18];
	unsigned n, symbol;
};

static int by_size(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Any odds, also such as make carries run through bytes that are out. */
static void make_row(struct row *w)
{
	w->n = 2 + (unsigned)rand() % 15;
	for (unsigned k = 0; k + 1 < w->n; k++)
		w->cdf[k] = (uint16_t)(rand() % 4 ? 1 + rand() % 32767 : 32767 - rand() % 40);
	qsort(w->cdf, w->n - 1, sizeof(*w->cdf), by_size);
	w->cdf[w->n - 1] = AV1_CDF_ONE;
	w->cdf[w->n] = 0;
	w->symbol = (unsigned)rand() % w->n;
}

static void symbols_are_read_back(void **state)
{
	static struct row row[SYMBOLS];

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		const unsigned n = 1 + round * 7 % SYMBOLS;
		struct out o = {0};
		struct av1_range w;
		struct reader r;

		srand(round);
		out_put(&o, 16, 0xffff); /* what stands before is not touched */
		av1_range_begin(&w, &o, false);
		for (unsigned i = 0; i < n; i++) {
			make_row(&row[i]);
			av1_range_symbol(&w, row[i].cdf, row[i].n, row[i].symbol);
		}
		av1_range_end(&w);
		assert_false(o.err);
		assert_memory_equal(o.p, "\xff\xff", 2);
		r = (struct reader){.p = o.p + 2, .n = o.n - 16, .range = 1u << 15};
		r.value = ((1u << 15) - 1) ^ take(&r, 15);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(read_symbol(&r, row[i].cdf, row[i].n), row[i].symbol);
		out_free(&o);
	}
}

/* 8.2.4: one, then noughts to the end of the last byte that is read. */
static void the_last_bit_is_a_one(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		struct out o = {0};
		struct av1_range w;

		srand(n);
		av1_range_begin(&w, &o, false);
		for (unsigned i = 0; i < n; i++)
			av1_range_bits(&w, 1, (unsigned)rand() & 1);
		av1_range_end(&w);
		assert_int_equal(o.n % 8, 0);
		assert_int_not_equal(o.p[o.n / 8 - 1], 0);
		out_free(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_are_read_back),
		cmocka_unit_test(the_last_bit_is_a_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

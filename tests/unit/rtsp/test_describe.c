// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "rtsp/describe.h"
#include "util.h"

static void write_body(struct buf *b, const struct rtsp_offer *o)
{
	buf_init(b, DESCRIBE_MAX);
	describe_write(b, o);
	assert_false(b->err);
	assert_null(memchr(b->data, 0, b->len));
}

/* The client's way: the number after the ':' that follows the name, 0 without it. */
static unsigned long number_of(const struct buf *b, const char *name)
{
	const char *p = strstr(buf_cstr(b), name);

	return p ? strtoul(strchr(p, ':') + 1, NULL, 0) : 0;
}

static void s44_lines_stand_for_what_is_offered_and_nothing_else(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 8; bits++) {
		struct rtsp_offer o = offer_all();
		struct buf b;

		o.hevc = bits & 1;
		o.av1 = bits & 2;
		o.rfi = bits & 4;
		write_body(&b, &o);
		assert_int_equal(!!strstr(buf_cstr(&b), "sprop-parameter-sets=AAAAAU"), o.hevc);
		assert_int_equal(!!strstr(buf_cstr(&b), "AV1/90000"), o.av1);
		assert_int_equal(!!strstr(buf_cstr(&b), "x-nv-video[0].refPicInvalidation"), o.rfi);
		assert_int_equal(number_of(&b, "x-ss-general.featureFlags"), 3);
		assert_int_equal(number_of(&b, "x-ss-general.encryptionSupported"), 7);
		assert_int_equal(number_of(&b, "x-ss-general.encryptionRequested"), 1);
		buf_finish(&b);
	}
}

static void s56_nothing_is_requested_that_is_not_supported(void **state)
{
	(void)state;
	for (uint32_t supported = 0; supported < 8; supported++) {
		for (uint32_t requested = 0; requested < 8; requested++) {
			struct rtsp_offer o = offer_all();
			struct buf b;

			o.enc_supported = supported;
			o.enc_requested = requested;
			write_body(&b, &o);
			assert_int_equal(number_of(&b, "encryptionSupported"), supported);
			assert_int_equal(number_of(&b, "encryptionRequested"), supported & requested);
			buf_finish(&b);
		}
	}
}

/* The n-th entry for that channel count, as the client finds it. */
static const char *surround_entry(const struct buf *b, char channels, unsigned n)
{
	static const char key[] = "surround-params=";
	const char *p = buf_cstr(b);

	while ((p = strstr(p, key))) {
		p += strlen(key);
		if (*p == channels && !n--)
			return p;
	}
	return NULL;
}

static void s57_normal_surround_decodes_to_identity_by_the_clients_rule(void **state)
{
	static const struct {
		char channels;
		unsigned streams, coupled;
	} t[] = {{'6', 4, 2}, {'8', 5, 3}};
	struct rtsp_offer o = offer_all();
	struct buf b;

	(void)state;
	write_body(&b, &o);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		unsigned n = (unsigned)(t[i].channels - '0'), map[8];
		const char *p = surround_entry(&b, t[i].channels, 0);

		assert_non_null(p);
		assert_int_equal(p[1] - '0', t[i].streams);
		assert_int_equal(p[2] - '0', t[i].coupled);
		assert_int_equal(p[3 + n], '\n');
		/* The last digit goes to index 3, the rest moves up. */
		for (unsigned c = 0; c < n; c++)
			map[c < 3 ? c : c == n - 1 ? 3 : c + 1] = (unsigned)(p[3 + c] - '0');
		for (unsigned c = 0; c < n; c++)
			assert_int_equal(map[c], c);
	}
	buf_finish(&b);
}

static void s44_two_entries_for_each_surround_layout(void **state)
{
	struct rtsp_offer o = offer_all();
	struct buf b;

	(void)state;
	write_body(&b, &o);
	for (const char *c = "68"; *c; c++) {
		const char *hq = surround_entry(&b, *c, 1);

		assert_non_null(hq);
		assert_int_equal(hq[1], *c); /* as many streams as channels, none coupled, taken as it is */
		assert_int_equal(hq[2], '0');
		for (int i = 0; i < *c - '0'; i++)
			assert_int_equal(hq[3 + i], '0' + i);
		assert_null(surround_entry(&b, *c, 2));
	}
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s44_lines_stand_for_what_is_offered_and_nothing_else),
		cmocka_unit_test(s44_two_entries_for_each_surround_layout),
		cmocka_unit_test(s56_nothing_is_requested_that_is_not_supported),
		cmocka_unit_test(s57_normal_surround_decodes_to_identity_by_the_clients_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

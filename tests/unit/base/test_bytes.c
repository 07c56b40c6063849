// SPDX-License-Identifier: GPL-3.0-or-later
#include "../cmocka_all.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"

static void reader_reads_both_endians(void **state)
{
	const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0x80, 0x3f};
	struct rd r = rd_init(in, sizeof(in));

	(void)state;
	assert_int_equal(rd_be16(&r), 0x0102);
	assert_int_equal(rd_le16(&r), 0x0403);
	assert_int_equal(rd_be32(&r), 0x05060708);
	assert_int_equal(rd_u8(&r), 9);
	rd_skip(&r, 1);
	assert_true(rd_lef32(&r) == 1.0f);
	assert_true(rd_done(&r));
}

static void reader_error_is_sticky(void **state)
{
	const uint8_t in[] = {1, 2, 3};
	struct rd r = rd_init(in, sizeof(in));

	(void)state;
	assert_int_equal(rd_le32(&r), 0);
	assert_false(rd_ok(&r));
	assert_int_equal(rd_u8(&r), 0); /* there would be bytes, but the message is bad */
	assert_null(rd_bytes(&r, 1));
	assert_false(rd_done(&r));
}

static void reader_window_shrinks(void **state)
{
	const uint8_t in[] = {1, 2, 3, 4};
	struct rd r = rd_init(in, sizeof(in)), sub = rd_sub(&r, 2), none;

	(void)state;
	assert_int_equal(rd_le16(&sub), 0x0201);
	assert_int_equal(rd_u8(&sub), 0);
	assert_false(rd_ok(&sub));
	assert_true(rd_ok(&r));
	none = rd_sub(&r, 3);
	assert_false(rd_ok(&none));
	assert_false(rd_ok(&r));
}

static void reader_of_nothing(void **state)
{
	struct rd r = rd_init(NULL, 0);

	(void)state;
	assert_true(rd_done(&r));
	assert_int_equal(rd_be32(&r), 0);
	assert_false(rd_ok(&r));
}

static void writer_mirrors_reader(void **state)
{
	uint8_t out[15];
	struct wr w = wr_init(out, sizeof(out));
	struct rd r;

	(void)state;
	wr_be16(&w, 0x1122);
	wr_le32(&w, 0x33445566);
	wr_be32(&w, 0x778899aa);
	wr_u8(&w, 7);
	wr_zero(&w, 4);
	assert_true(wr_ok(&w));
	assert_int_equal(wr_len(&w), 15);
	wr_u8(&w, 1);
	assert_false(wr_ok(&w));
	assert_int_equal(wr_len(&w), 15);
	r = rd_init(out, sizeof(out));
	assert_int_equal(rd_be16(&r), 0x1122);
	assert_int_equal(rd_le32(&r), 0x33445566);
	assert_int_equal(rd_be32(&r), 0x778899aa);
	assert_int_equal(rd_u8(&r), 7);
}

static void writer_never_writes_a_part(void **state)
{
	uint8_t out[3] = {9, 9, 9};
	struct wr w = wr_init(out, sizeof(out));

	(void)state;
	wr_be32(&w, 0);
	assert_false(wr_ok(&w));
	assert_int_equal(out[0], 9);
}

static void buffer_stops_at_its_ceiling(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_str(&b, "hello");
	buf_fmt(&b, "%s", "world");
	assert_false(b.err);
	assert_string_equal(buf_cstr(&b), "helloworld");
	buf_str(&b, "!");
	assert_true(b.err);
	assert_int_equal(b.len, 10);
	buf_reset(&b);
	buf_str(&b, "again");
	buf_consume(&b, 2);
	assert_string_equal(buf_cstr(&b), "ain");
	buf_finish(&b);
	assert_string_equal(buf_cstr(&b), "");
}

static void hex_both_ways(void **state)
{
	uint8_t out[4];
	char text[9];

	(void)state;
	assert_int_equal(hex_decode(out, sizeof(out), "00fFAb", 6), 3);
	hex_encode(text, out, 3);
	assert_string_equal(text, "00ffab");
	assert_int_equal(hex_decode(out, sizeof(out), "0", 1), -EINVAL);
	assert_int_equal(hex_decode(out, sizeof(out), "0g", 2), -EINVAL);
	assert_int_equal(hex_decode(out, sizeof(out), "0011223344", 10), -ENOSPC);
	assert_int_equal(hex_decode(out, sizeof(out), "", 0), 0);
}

static void numbers_have_a_range(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		int rc;
		int64_t value;
	} row[] = {
		{"0", 0, 9, 0, 0},
		{"-5", -9, 9, 0, -5},
		{"+5", -9, 9, 0, 5},
		{"10", 0, 9, -ERANGE, 0},
		{"", 0, 9, -EINVAL, 0},
		{"-", 0, 9, -EINVAL, 0},
		{"1x", 0, 9, -EINVAL, 0},
		{" 1", 0, 9, -EINVAL, 0},
		{"9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN},
		{"9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, 0},
		{"99999999999999999999999", INT64_MIN, INT64_MAX, -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		int64_t v = 0;

		assert_int_equal(str_to_i64(row[i].text, strlen(row[i].text), row[i].min, row[i].max, &v), row[i].rc);
		if (!row[i].rc)
			assert_true(v == row[i].value);
	}
}

static void utf8_is_checked(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} row[] = {
		{"", true},
		{"plain", true},
		{"\xc3\xa9", true},
		{"\xe2\x82\xac", true},
		{"\xf0\x9f\x8e\xae", true},
		{"\xc3", false},
		{"\x80", false},
		{"\xc0\xaf", false},
		{"\xed\xa0\x80", false},
		{"\xf4\x90\x80\x80", false},
		{"\xff", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		assert_int_equal(utf8_valid(row[i].text, strlen(row[i].text)), row[i].ok);
}

static void bounded_copy_terminates(void **state)
{
	char out[4];

	(void)state;
	assert_true(str_copy(out, sizeof(out), "abc"));
	assert_false(str_copy(out, sizeof(out), "abcd"));
	assert_string_equal(out, "abc");
	assert_false(str_copy(out, 0, ""));
	assert_true(mem_equal_ct("abc", "abc", 3));
	assert_false(mem_equal_ct("abc", "abd", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_reads_both_endians),   cmocka_unit_test(reader_error_is_sticky),
		cmocka_unit_test(reader_window_shrinks),       cmocka_unit_test(reader_of_nothing),
		cmocka_unit_test(writer_mirrors_reader),       cmocka_unit_test(writer_never_writes_a_part),
		cmocka_unit_test(buffer_stops_at_its_ceiling), cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(numbers_have_a_range),        cmocka_unit_test(utf8_is_checked),
		cmocka_unit_test(bounded_copy_terminates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

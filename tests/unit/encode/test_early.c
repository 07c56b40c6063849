// SPDX-License-Identifier: GPL-3.0-or-later
/* Which frames are sent in parts. */
#include "../cmocka_all.h"

#include "encode/early.h"
#include "encode/encoder.h"

#define PAYLOAD 1376u

static void feed(struct early *e, bool key, size_t bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		early_frame(e, key, bytes);
}

static void off_is_never(void **state)
{
	struct early e;

	(void)state;
	early_init(&e, EARLY_OFF, PAYLOAD, 100000, 30000);
	feed(&e, false, 500 * PAYLOAD, 50);
	assert_int_equal(early_choose(&e, false, false).unit_bytes, 0);
	assert_int_equal(early_choose(&e, true, false).unit_bytes, 0);
}

static void before_any_frame_the_rate_decides(void **state)
{
	struct early e;

	(void)state;
	early_init(&e, EARLY_AUTO, PAYLOAD, 48000, 30000); /* 200000 bytes a frame */
	assert_true(early_choose(&e, true, false).unit_bytes);
	/* A path that loses packets gets long blocks. */
	assert_int_equal(early_choose(&e, true, true).unit_bytes, 0);
	assert_int_equal(early_choose(&e, true, false).expected, 200000);
	early_init(&e, EARLY_AUTO, PAYLOAD, 8000, 60000); /* 16667 */
	assert_int_equal(early_choose(&e, true, false).unit_bytes, 0);
	early_init(&e, EARLY_AUTO, PAYLOAD, UINT32_MAX, 1);
	assert_true(early_choose(&e, false, false).unit_bytes);
}

static void recent_frames_of_the_kind_decide(void **state)
{
	struct early e;

	(void)state;
	early_init(&e, EARLY_AUTO, PAYLOAD, 8000, 60000);
	feed(&e, false, 40 * PAYLOAD, 60);
	assert_true(early_choose(&e, false, false).unit_bytes);
	assert_int_equal(early_choose(&e, true, false).unit_bytes, 0);
	/* A still picture. */
	feed(&e, false, 200, 60);
	assert_int_equal(early_choose(&e, false, false).unit_bytes, 0);
	/* One large frame among small ones changes nothing. */
	feed(&e, false, 100 * PAYLOAD, 1);
	assert_int_equal(early_choose(&e, false, false).unit_bytes, 0);
}

static void a_size_about_the_limit_does_not_make_it_flutter(void **state)
{
	struct early e;
	unsigned changes = 0;
	bool was = false;

	(void)state;
	early_init(&e, EARLY_AUTO, PAYLOAD, 8000, 60000);
	for (unsigned i = 0; i < 400; i++) {
		bool is = early_choose(&e, false, false).unit_bytes;

		changes += is != was;
		was = is;
		early_frame(&e, false, (i * 7919 % 8 + 16) * (size_t)PAYLOAD + PAYLOAD / 2); /* 16.5 to 23.5 */
	}
	assert_in_range(changes, 0, 1);
}

static void parts_are_shares_of_the_frame_and_not_too_small(void **state)
{
	struct early_choice c;
	struct early e;

	(void)state;
	early_init(&e, EARLY_AUTO, PAYLOAD, 1000, 60000);
	feed(&e, false, 20 * PAYLOAD + 100, 100);
	c = early_choose(&e, false, false);
	assert_int_equal(c.unit_bytes, 5 * PAYLOAD);
	assert_int_equal(c.units, 2);
	feed(&e, false, 150 * PAYLOAD + 100, 200);
	c = early_choose(&e, false, false);
	assert_int_equal(c.unit_bytes / PAYLOAD, 15);
	assert_int_equal(c.units, ENCODER_UNITS_MAX);

	early_init(&e, EARLY_FIXED, PAYLOAD, 1000, 60000);
	feed(&e, false, 150 * PAYLOAD + 100, 200);
	c = early_choose(&e, false, false);
	assert_int_equal(c.unit_bytes / PAYLOAD, 37);
	assert_int_equal(c.units, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_is_never),
		cmocka_unit_test(before_any_frame_the_rate_decides),
		cmocka_unit_test(recent_frames_of_the_kind_decide),
		cmocka_unit_test(a_size_about_the_limit_does_not_make_it_flutter),
		cmocka_unit_test(parts_are_shares_of_the_frame_and_not_too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "input/place.h"

static const struct place_output desk[] = {
	{{0, 0, 1280, 720}, 1280, 720},
	{{1280, 0, 800, 600}, 800, 600},
	{{-1920, -100, 1920, 1080}, 3840, 2160},
	{{2080, 0, 1280, 720}, 1280, 720},
};

static unsigned find(int x, int y, int width, int height)
{
	return place_find(&(struct input_place){x, y, width, height}, desk, ARRAY_LEN(desk));
}

static void an_output_that_lies_just_there_wins(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(desk); i++)
		assert_int_equal(place_find(&desk[i].at, desk, ARRAY_LEN(desk)), i);
}

static void a_place_that_is_not_known_is_the_first_output(void **state)
{
	(void)state;
	assert_int_equal(find(1280, 0, 0, 0), 0);
	assert_int_equal(find(1280, 0, -5, 600), 0);
	assert_int_equal(find(90000, 90000, 5, 5), 0);
	assert_int_equal(find(INT_MAX, INT_MIN, INT_MAX, INT_MAX), 0);
}

static void the_only_one_of_that_size_wins_over_a_position_of_0_0(void **state)
{
	(void)state;
	assert_int_equal(find(0, 0, 800, 600), 1);
	assert_int_equal(find(0, 0, 3840, 2160), 2); /* in pixels of the picture */
	assert_int_equal(find(0, 0, 1920, 1080), 2);
	assert_int_equal(find(2000, 0, 1280, 720), 3); /* two have it: the place decides */
}

static void the_most_of_the_picture_decides(void **state)
{
	(void)state;
	assert_int_equal(find(1000, 100, 400, 300), 0);
	assert_int_equal(find(1200, 100, 400, 300), 1);
	assert_int_equal(find(-500, 0, 600, 50), 2);
	assert_int_equal(find(-50, 0, 600, 50), 0);
}

static void outputs_that_tell_nothing_are_not_taken(void **state)
{
	const struct place_output silent[] = {{{0}, 0, 0}, {{0, 0, 100, 100}, 0, 0}};

	(void)state;
	assert_int_equal(place_find(&(struct input_place){10, 10, 20, 20}, silent, 2), 1);
	assert_int_equal(place_find(&(struct input_place){0}, silent, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_output_that_lies_just_there_wins),
		cmocka_unit_test(a_place_that_is_not_known_is_the_first_output),
		cmocka_unit_test(the_only_one_of_that_size_wins_over_a_position_of_0_0),
		cmocka_unit_test(the_most_of_the_picture_decides),
		cmocka_unit_test(outputs_that_tell_nothing_are_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

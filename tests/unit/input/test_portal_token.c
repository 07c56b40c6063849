// SPDX-License-Identifier: GPL-3.0-or-later
/* The token of the back end portal: when it is used, kept and given up, and what "auto" does with one or without. */
#include "portal_rig.h"

#include <string.h>

#include "base/str.h"

#define KEYBOARD INPUT_CLASS(INPUT_CLASS_KEYBOARD)
#define MOUSE    INPUT_CLASS(INPUT_CLASS_MOUSE)
#define TOUCH    INPUT_CLASS(INPUT_CLASS_TOUCH)

static void a_token_is_used_and_replaced(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	rig_put_token("7 first\n");
	plan.knows = "first";
	plan.new_token = "second";
	plan.answer.start = DESK_NEVER; /* without it somebody would be asked */
	rig_begin(&r, &plan);
	assert_true(rig_heard(&r, "SelectDevices(7,2,first);Start;ConnectToEIS;"));
	assert_string_equal(rig_token(), "7 second\n");
	rig_end(&r);
}

static void a_token_is_gone_once_the_portal_has_it(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	rig_put_token("7 old\n"); /* it does not know this one, so it asks */
	plan.answer.start = DESK_NO;
	assert_int_not_equal(rig_outcome(&r, &plan), 0);
	assert_true(rig_heard(&r, "SelectDevices(7,2,old);Start;"));
	assert_string_equal(rig_token(), "");
	rig_end(&r);
}

static void without_a_new_token_none_is_kept(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	rig_put_token("7 first\n");
	plan.knows = "first";
	plan.new_token = NULL;
	rig_begin(&r, &plan);
	assert_string_equal(rig_token(), "");
	rig_end(&r);
}

static void a_token_that_is_an_error_is_dropped_and_a_person_asked(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	rig_put_token("7 stale\n");
	plan.checks_tokens = true;
	rig_begin(&r, &plan);
	assert_true(rig_heard(&r, "SelectDevices(7,2,stale);SelectDevices(7,2,);Start;ConnectToEIS;"));
	assert_string_equal(rig_token(), "7 first\n");
	rig_end(&r);
}

static void a_file_that_holds_no_token_is_none(void **state)
{
	static char many[600];
	static const char *const lines[] = {
		"", "\n", "7", "7 ", "first", "-1 first", "0 first", many, "3 other-devices"};

	(void)state;
	memset(many, 'x', sizeof(many) - 1);
	memcpy(many, "7 ", 2);
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
		struct rig r;

		rig_put_token(lines[i]);
		rig_open(&r, &rig_willing);
		assert_true(rig_hears(&r, "SelectDevices(7,2,)"));
		assert_true(rig_works(&r));
		rig_end(&r);
	}
}

static void tokens_that_cannot_be_kept_are_not(void **state)
{
	static char many[400];
	static const char *const tokens[] = {"", "two words", "a\nline", many};

	(void)state;
	memset(many, 'x', sizeof(many) - 1);
	for (unsigned i = 0; i < ARRAY_LEN(tokens); i++) {
		struct desk_plan plan = rig_willing;
		struct rig r;

		plan.new_token = tokens[i];
		rig_begin(&r, &plan);
		assert_string_equal(rig_token(), "");
		rig_end(&r);
	}
}

static void automatic_without_a_token_does_not_even_talk_to_it(void **state)
{
	struct rig r;

	(void)state;
	rig_desk(&r, &rig_willing);
	assert_int_equal(rig_automatic(&r, &input_portal, INPUT_ALL_CLASSES, NULL), 0);
	assert_string_equal(rig_token(), "");
	rig_end(&r);
}

static void automatic_with_a_token_starts_without_a_question(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	rig_put_token("3 first\n");
	plan.knows = "first";
	plan.new_token = "second";
	plan.answer.start = DESK_NEVER;   /* without it somebody would be asked */
	plan.answer.connect = DESK_NEVER; /* this far it goes while nobody turns the loop */
	rig_desk(&r, &plan);
	assert_int_equal(rig_automatic(&r, &input_portal, KEYBOARD | MOUSE, "SelectDevices(3,2,first);Start;"),
			 KEYBOARD | MOUSE);
	rig_end(&r);
}

/* A desktop restores only what was asked for then. */
static void automatic_does_not_ask_for_other_devices(void **state)
{
	struct rig r;

	(void)state;
	rig_desk(&r, &rig_willing);
	rig_put_token("7 first\n");
	assert_int_equal(rig_automatic(&r, &input_portal, TOUCH, "GetAll;"), 0);
	assert_false(rig_heard(&r, "CreateSession"));
	assert_string_equal(rig_token(), "7 first\n"); /* it may be good another time */
	rig_end(&r);
}

static void automatic_gives_up_a_token_that_is_an_error(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	rig_put_token("7 stale\n");
	plan.checks_tokens = true;
	rig_desk(&r, &plan);
	assert_int_equal(rig_automatic(&r, &input_portal, KEYBOARD | MOUSE | TOUCH, "SelectDevices(7,2,stale);"), 0);
	assert_false(rig_heard(&r, "Start"));
	assert_string_equal(rig_token(), "");
	rig_end(&r);
}

static void the_last_resort_asks_but_not_for_touch_alone(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	plan.answer.start = DESK_LATER;
	rig_desk(&r, &plan);
	assert_int_equal(rig_automatic(&r, &input_portal_ask, TOUCH, NULL), 0);
	assert_int_equal(rig_automatic(&r, &input_portal_ask, MOUSE | TOUCH, "SelectDevices(6,2,);Start;"),
			 MOUSE | TOUCH);
	rig_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_CASE(a_token_is_used_and_replaced),
		RIG_CASE(a_token_is_gone_once_the_portal_has_it),
		RIG_CASE(without_a_new_token_none_is_kept),
		RIG_CASE(a_token_that_is_an_error_is_dropped_and_a_person_asked),
		RIG_CASE(a_file_that_holds_no_token_is_none),
		RIG_CASE(tokens_that_cannot_be_kept_are_not),
		RIG_CASE(automatic_without_a_token_does_not_even_talk_to_it),
		RIG_CASE(automatic_with_a_token_starts_without_a_question),
		RIG_CASE(automatic_does_not_ask_for_other_devices),
		RIG_CASE(automatic_gives_up_a_token_that_is_an_error),
		RIG_CASE(the_last_resort_asks_but_not_for_touch_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

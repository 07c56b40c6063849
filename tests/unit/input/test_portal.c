// SPDX-License-Identifier: GPL-3.0-or-later
/* The back end portal, against a desktop of a page (portal_desk.h): every way to its consent, and every end of it. */
#include "portal_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/str.h"

static void consent_opens_keyboard_pointer_and_touch(void **state)
{
	struct input_event touch = {.type = INPUT_TOUCH,
				    .pointer = {.event = POINTER_DOWN, .id = 3, .x = .5f, .y = .5f}};
	struct stat st;
	struct rig r;

	(void)state;
	rig_begin(&r, &rig_willing);
	assert_true(rig_heard(&r, "GetAll;CreateSession;SelectDevices(7,2,);Start;ConnectToEIS;eis;"));
	assert_true(rig_shows(&r, INPUT_CLASS_TOUCH, "portal"));
	rig_key(&r, 0x41, true);
	assert_true(rig_hears(&r, "key 30 1;"));
	input_event(r.in, &(struct input_event){.type = INPUT_MOUSE_REL, .rel = {3, -4}});
	assert_true(rig_hears(&r, "rel 3 -4;"));
	input_event(r.in, &touch);
	assert_true(rig_hears(&r, "down 6"));
	rig_close(&r);
	assert_true(rig_hears(&r, "eis gone;"));
	assert_true(rig_heard(&r, "key 30 0;"));
	assert_true(rig_heard(&r, "up;"));
	assert_true(rig_hears(&r, "Session.Close;"));
	assert_false(rig_heard(&r, "Request.Close;"));
	rig_end(&r);
	assert_string_equal(rig_token(), "7 first\n");
	assert_int_equal(stat(rig_token_file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void while_the_dialog_is_open_events_are_dropped_and_status_says_so(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	plan.answer.start = DESK_LATER;
	rig_open(&r, &plan);
	assert_true(rig_hears(&r, "Start waits;"));
	assert_true(rig_shows(&r, INPUT_CLASS_KEYBOARD, RIG_WAITS));
	rig_key(&r, 0x42, true);
	rig_key(&r, 0x42, false);
	desk_go_on(r.desk);
	assert_true(rig_works(&r));
	assert_true(rig_shows(&r, INPUT_CLASS_KEYBOARD, "portal"));
	rig_key(&r, 0x41, true);
	assert_true(rig_hears(&r, "key 30 1;"));
	assert_false(rig_heard(&r, "key 48"));
	rig_end(&r);
}

static void a_response_that_overtakes_its_call_is_one(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	plan.early = true;
	rig_begin(&r, &plan);
	rig_end(&r);
}

/* Its responses come too early to be seen but for those that wait. */
static void an_old_portal_that_names_its_requests_itself(void **state)
{
	static const char *const steps[] = {"CreateSession waits;", "SelectDevices waits;", "Start waits;"};
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	plan.old_paths = true;
	plan.answer.create = plan.answer.select = plan.answer.start = DESK_LATER;
	rig_open(&r, &plan);
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		assert_true(rig_hears(&r, steps[i]));
		for (unsigned k = 0; k < 20; k++) /* until it listens to that name */
			rig_turn(&r);
		desk_go_on(r.desk);
	}
	assert_true(rig_works(&r));
	rig_end(&r);
}

static void only_devices_that_there_are_are_asked_for(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	plan.types = 3;
	rig_open(&r, &plan);
	assert_true(rig_hears(&r, "start keyboard;") && rig_hears(&r, "start pointer;"));
	assert_true(rig_heard(&r, "SelectDevices(3,2,)"));
	assert_string_equal(input_shown(r.in, INPUT_CLASS_TOUCH), "no back end for it");
	assert_false(rig_heard(&r, "bind touch"));
	rig_end(&r);
}

static void only_devices_that_were_allowed_are_used(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	plan.granted = 1;
	rig_open(&r, &plan);
	assert_true(rig_hears(&r, "start keyboard;"));
	assert_false(rig_heard(&r, "bind pointer"));
	assert_false(rig_heard(&r, "bind touch"));
	rig_end(&r);
	assert_string_equal(rig_token(), "7 first\n"); /* what the next one will ask for */
}

static void no_is_no_at_every_step(void **state)
{
	static const struct {
		struct desk_answers answer;
		int err;
	} cases[] = {
		{.answer.create = DESK_NO, .err = -EACCES},
		{.answer.create = DESK_ENDED, .err = -EACCES},
		{.answer.create = DESK_ERROR, .err = -EIO},
		{.answer.create = DESK_HANGS_UP},
		{.answer.select = DESK_NO, .err = -EACCES},
		{.answer.select = DESK_ENDED, .err = -EACCES},
		{.answer.select = DESK_ERROR, .err = -EIO},
		{.answer.select = DESK_CLOSES, .err = -EACCES},
		{.answer.select = DESK_HANGS_UP},
		{.answer.start = DESK_NO, .err = -EACCES},
		{.answer.start = DESK_ENDED, .err = -EACCES},
		{.answer.start = DESK_ERROR, .err = -EIO},
		{.answer.start = DESK_CLOSES, .err = -EACCES},
		{.answer.start = DESK_HANGS_UP},
		{.answer.connect = DESK_ERROR, .err = -EIO},
		{.answer.connect = DESK_CLOSES, .err = -EACCES},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct desk_plan plan = rig_willing;
		struct rig r;
		int err;

		plan.answer = cases[i].answer;
		err = rig_outcome(&r, &plan);
		if (err != 1 && (err >= 0 || (cases[i].err && err != cases[i].err)))
			fail_msg("case %u: %d, %s", i, err, desk_heard(r.desk));
		rig_end(&r);
		if (!plan.answer.connect)
			assert_string_equal(rig_token(), "");
	}
}

static void what_is_never_answered_ends(void **state)
{
	static const struct desk_answers cases[] = {
		{.create = DESK_NEVER}, {.create = DESK_LATER}, {.select = DESK_NEVER},  {.select = DESK_LATER},
		{.start = DESK_NEVER},  {.start = DESK_LATER},  {.connect = DESK_NEVER},
	};

	(void)state;
	rig_hurry = true;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct desk_plan plan = rig_willing;
		struct rig r;
		int err;

		plan.answer = cases[i];
		rig_forget_token();
		err = rig_outcome(&r, &plan);
		if (err != 1 && err != -ETIMEDOUT)
			fail_msg("case %u: %d, %s", i, err, desk_heard(r.desk));
		if (plan.answer.start) /* the dialog goes */
			assert_true(rig_hears(&r, plan.answer.start == DESK_NEVER ? "Start;Request.Close;"
										  : "Start waits;Request.Close;"));
		if (!plan.answer.create)
			assert_true(rig_hears(&r, "Session.Close;"));
		rig_end(&r);
	}
}

static void odd_answers_end_it(void **state)
{
	static const enum desk_oddity odd[] = {
		DESK_NO_VALUES,   DESK_WRONG_TYPES, DESK_NO_SESSION,  DESK_BAD_PATH,      DESK_LONG_VALUES,
		DESK_MANY_VALUES, DESK_NO_SOCKET,   DESK_DEAD_SOCKET, DESK_REPLY_IS_TEXT, DESK_RESPONSE_IS_TEXT,
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(odd); i++) {
		struct desk_plan plan = rig_willing;
		struct rig r;

		plan.oddity = odd[i];
		if (odd[i] == DESK_NO_SOCKET || odd[i] == DESK_DEAD_SOCKET)
			plan.odd_call = "ConnectToEIS";
		assert_int_not_equal(rig_outcome(&r, &plan), 0);
		rig_end(&r);
	}
}

static void odd_answers_to_start_are_answers(void **state)
{
	static const enum desk_oddity odd[] = {DESK_NO_VALUES, DESK_WRONG_TYPES, DESK_LONG_VALUES, DESK_MANY_VALUES};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(odd); i++) {
		struct desk_plan plan = rig_willing;
		struct rig r;

		plan.oddity = odd[i];
		plan.odd_call = "Start";
		rig_begin(&r, &plan);
		assert_string_equal(rig_token(), odd[i] == DESK_MANY_VALUES ? "7 x\n" : "");
		rig_end(&r);
	}
}

static void what_is_no_portal_says_so(void **state)
{
	static const struct {
		struct desk_plan plan;
		int err;
	} cases[] = {
		{{.version = 0}, -ENODEV},
		{{.version = 1, .types = 7}, -ENOTSUP}, /* has no EIS */
		{{.version = 2, .types = 0}, -ENODEV},
		{{.version = 2, .types = 8}, -ENODEV}, /* of a kind that we do not know */
	};
	struct rig r;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		rig_desk(&r, &cases[i].plan);
		assert_int_equal(rig_open_by_name(&r), cases[i].err);
		assert_null(r.in);
		assert_false(rig_heard(&r, "CreateSession"));
		rig_end(&r);
	}
	setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	assert_true(rig_open_by_name(&r) < 0);
}

/* It may still be starting. */
static void a_portal_that_answers_late_is_waited_for(void **state)
{
	struct desk_plan plan = rig_willing;
	struct rig r;

	(void)state;
	plan.mute = true;
	rig_desk(&r, &plan);
	assert_int_equal(rig_automatic(&r, &input_portal_ask, INPUT_CLASS(INPUT_CLASS_KEYBOARD), "GetAll;"), 0);
	assert_int_equal(rig_open_by_name(&r), 0);
	assert_string_equal(input_shown(r.in, INPUT_CLASS_MOUSE), "portal, which has yet to answer");
	desk_go_on(r.desk);
	assert_true(rig_works(&r));
	assert_string_equal(rig_token(), "7 first\n");
	rig_end(&r);

	rig_hurry = true;
	rig_desk(&r, &plan);
	assert_int_equal(rig_open_by_name(&r), -ETIMEDOUT);
	rig_end(&r);
}

static void the_desktop_ends_it_in_the_middle(void **state)
{
	static void (*const ends[])(struct desk *) = {desk_close_session, desk_drop_eis};
	static const char *const shown[] = {"portal, ended by the desktop", "portal, whose connection has ended"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
		struct rig r;

		rig_forget_token();
		rig_begin(&r, &rig_willing);
		rig_key(&r, 0x41, true);
		assert_true(rig_hears(&r, "key 30 1;"));
		ends[i](r.desk);
		assert_true(rig_shows(&r, INPUT_CLASS_KEYBOARD, shown[i]));
		rig_key(&r, 0x41, false);
		rig_key(&r, 0x42, true);
		rig_close(&r);
		assert_false(rig_heard(&r, "key 48"));
		rig_end(&r);
	}
}

/* Whose connections to the compositor are not the bus's business. */
static void a_bus_that_goes_leaves_the_input(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r, &rig_willing);
	desk_leave_bus(r.desk);
	for (unsigned i = 0; i < 20; i++)
		rig_turn(&r);
	rig_key(&r, 0x41, true);
	assert_true(rig_hears(&r, "key 30 1;"));
	rig_end(&r);
}

static void close_at_every_step_leaves_nothing(void **state)
{
	static const struct {
		struct desk_answers answer;
		const char *until, *then;
	} cases[] = {
		{.answer.create = DESK_NEVER, .until = "CreateSession;", .then = "Request.Close;"},
		{.answer.create = DESK_LATER, .until = "CreateSession waits;", .then = "Request.Close;"},
		{.answer.select = DESK_NEVER, .until = "SelectDevices(7,2,);", .then = "Session.Close;"},
		{.answer.select = DESK_LATER, .until = "SelectDevices waits;", .then = "Session.Close;"},
		{.answer.start = DESK_NEVER, .until = "Start;", .then = "Request.Close;Session.Close;"},
		{.answer.start = DESK_LATER, .until = "Start waits;", .then = "Request.Close;Session.Close;"},
		{.answer.connect = DESK_NEVER, .until = "ConnectToEIS;", .then = "Session.Close;"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct desk_plan plan = rig_willing;
		struct rig r;

		plan.answer = cases[i].answer;
		rig_forget_token();
		rig_open(&r, &plan);
		assert_true(rig_hears(&r, cases[i].until));
		rig_close(&r);
		assert_true(rig_hears(&r, cases[i].then));
		rig_end(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_CASE(consent_opens_keyboard_pointer_and_touch),
		RIG_CASE(while_the_dialog_is_open_events_are_dropped_and_status_says_so),
		RIG_CASE(a_response_that_overtakes_its_call_is_one),
		RIG_CASE(an_old_portal_that_names_its_requests_itself),
		RIG_CASE(only_devices_that_there_are_are_asked_for),
		RIG_CASE(only_devices_that_were_allowed_are_used),
		RIG_CASE(no_is_no_at_every_step),
		RIG_CASE(what_is_never_answered_ends),
		RIG_CASE(odd_answers_end_it),
		RIG_CASE(odd_answers_to_start_are_answers),
		RIG_CASE(what_is_no_portal_says_so),
		RIG_CASE(a_portal_that_answers_late_is_waited_for),
		RIG_CASE(the_desktop_ends_it_in_the_middle),
		RIG_CASE(a_bus_that_goes_leaves_the_input),
		RIG_CASE(close_at_every_step_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

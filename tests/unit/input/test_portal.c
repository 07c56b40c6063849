// SPDX-License-Identifier: GPL-3.0-or-later
/* The back end portal, against a desktop of a page (portal_desk.h). */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/str.h"
#include "input/backend.h"
#include "portal_desk.h"

#define KEYBOARD INPUT_CLASS(INPUT_CLASS_KEYBOARD)
#define MOUSE    INPUT_CLASS(INPUT_CLASS_MOUSE)
#define TOUCH    INPUT_CLASS(INPUT_CLASS_TOUCH)

#define TURNS 2000 /* of 10 ms at most: for a machine with much else to do */

static char dir[64], token[80];

static bool hurry; /* a second is a millisecond */

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	struct itimerspec v = *value;

	if (hurry && v.it_value.tv_sec > 0) {
		v.it_value.tv_nsec = v.it_value.tv_sec * 1000000 % 1000000000;
		v.it_value.tv_sec /= 1000;
	}
	return (int)syscall(SYS_timerfd_settime, fd, flags, &v, old);
}

static int make_dir(void **state)
{
	hurry = false;
	(void)state;
	strcpy(dir, "/tmp/moonrill-token-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(token, sizeof(token), "%s/token", dir);
	log_set_level((enum log_level) - 1);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(token);
	return rmdir(dir); /* with nothing else in it */
}

static void put_token(const char *line)
{
	FILE *f = fopen(token, "w");

	assert_non_null(f);
	fputs(line, f);
	fclose(f);
}

/* "": there is no such file */
static const char *stored(void)
{
	static char line[512];
	FILE *f = fopen(token, "r");

	*line = '\0';
	if (f) {
		if (!fgets(line, sizeof(line), f))
			*line = '\0';
		fclose(f);
	}
	return line;
}

static int open_by_name(struct input **in)
{
	const struct input_params p = {.backend = "portal", .seat = "test", .portal_token = token};

	return input_open(in, &p);
}

static void turn(struct input *in)
{
	if (poll(&(struct pollfd){.fd = input_fd(in), .events = POLLIN}, 1, 10) > 0)
		input_dispatch(in);
}

static bool hears(struct input *in, struct desk *d, const char *words)
{
	for (unsigned i = 0; i < TURNS; i++) {
		if (strstr(desk_heard(d), words))
			return true;
		if (in)
			turn(in);
		else
			usleep(10000);
	}
	return false;
}

/* Its devices are all there. */
static bool works(struct input *in, struct desk *d)
{
	return hears(in, d, "start keyboard;") && hears(in, d, "start pointer;") && hears(in, d, "start touch;");
}

static bool shows(struct input *in, enum input_class c, const char *text)
{
	for (unsigned i = 0; i < TURNS; i++) {
		if (strcmp(input_shown(in, c), text) == 0)
			return true;
		turn(in);
	}
	return false;
}

static void key(struct input *in, uint8_t vk, bool down)
{
	const struct input_event e = {.type = INPUT_KEY, .key = {.vk = vk, .down = down}};

	input_event(in, &e);
}

#define WAITS "portal, which waits for a person at the host to allow it"

static const struct desk_plan willing = {.version = 2, .types = 7, .new_token = "first"};

static void consent_opens_keyboard_pointer_and_touch(void **state)
{
	struct desk *d = desk_start(&willing);
	struct input_event touch = {.type = INPUT_TOUCH,
				    .pointer = {.event = POINTER_DOWN, .id = 3, .x = .5f, .y = .5f}};
	struct input *in;
	struct stat st;

	(void)state;
	assert_int_equal(open_by_name(&in), 0);
	assert_true(works(in, d));
	assert_non_null(strstr(desk_heard(d), "GetAll;CreateSession;SelectDevices(7,2,);Start;ConnectToEIS;eis;"));
	assert_true(shows(in, INPUT_CLASS_TOUCH, "portal"));
	key(in, 0x41, true);
	assert_true(hears(in, d, "key 30 1;"));
	input_event(in, &(struct input_event){.type = INPUT_MOUSE_REL, .rel = {3, -4}});
	assert_true(hears(in, d, "rel 3 -4;"));
	input_event(in, &touch);
	assert_true(hears(in, d, "down 6"));
	input_close(in);
	assert_true(hears(NULL, d, "eis gone;"));
	assert_non_null(strstr(desk_heard(d), "key 30 0;"));
	assert_non_null(strstr(desk_heard(d), "up;"));
	assert_true(hears(NULL, d, "Session.Close;"));
	assert_null(strstr(desk_heard(d), "Request.Close;"));
	desk_stop(d);
	assert_string_equal(stored(), "7 first\n");
	assert_int_equal(stat(token, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void while_the_dialog_is_open_events_are_dropped_and_status_says_so(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	plan.start = DESK_LATER;
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), 0);
	assert_true(hears(in, d, "Start waits;"));
	assert_true(shows(in, INPUT_CLASS_KEYBOARD, WAITS));
	key(in, 0x42, true);
	key(in, 0x42, false);
	desk_go_on(d);
	assert_true(works(in, d));
	assert_true(shows(in, INPUT_CLASS_KEYBOARD, "portal"));
	key(in, 0x41, true);
	assert_true(hears(in, d, "key 30 1;"));
	assert_null(strstr(desk_heard(d), "key 48"));
	input_close(in);
	desk_stop(d);
}

static void a_response_that_overtakes_its_call_is_one(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	plan.early = true;
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), 0);
	assert_true(works(in, d));
	input_close(in);
	desk_stop(d);
}

/* Its responses come too early to be seen but for those that wait. */
static void an_old_portal_that_names_its_requests_itself(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	plan.old_paths = true;
	plan.create = plan.select = plan.start = DESK_LATER;
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), 0);
	static const char *const steps[] = {"CreateSession waits;", "SelectDevices waits;", "Start waits;"};
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		assert_true(hears(in, d, steps[i]));
		for (unsigned k = 0; k < 20; k++) /* until it listens to that name */
			turn(in);
		desk_go_on(d);
	}
	assert_true(works(in, d));
	input_close(in);
	desk_stop(d);
}

static void only_devices_that_there_are_are_asked_for(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	plan.types = 3;
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), 0);
	assert_true(hears(in, d, "start keyboard;") && hears(in, d, "start pointer;"));
	assert_non_null(strstr(desk_heard(d), "SelectDevices(3,2,)"));
	assert_string_equal(input_shown(in, INPUT_CLASS_TOUCH), "no back end for it");
	assert_null(strstr(desk_heard(d), "bind touch"));
	input_close(in);
	desk_stop(d);
}

static void only_devices_that_were_allowed_are_used(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	plan.granted = 1;
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), 0);
	assert_true(hears(in, d, "start keyboard;"));
	assert_null(strstr(desk_heard(d), "bind pointer"));
	assert_null(strstr(desk_heard(d), "bind touch"));
	input_close(in);
	desk_stop(d);
	assert_string_equal(stored(), "7 first\n"); /* what the next one will ask for */
}

/* Opens, and waits for the end that must come: at once, or while it is already in use. */
static int outcome(struct desk *d)
{
	struct input *in;
	int err = open_by_name(&in);

	(void)d;
	if (err)
		return err;
	for (unsigned i = 0; i < TURNS; i++) {
		const char *shown = input_shown(in, INPUT_CLASS_KEYBOARD);

		if (strcmp(shown, "portal") != 0 && strcmp(shown, WAITS) != 0) {
			key(in, 0x41, true);
			input_close(in);
			return 1;
		}
		turn(in);
	}
	fail_msg("it goes on: %s", desk_heard(d));
	return 0;
}

static void no_is_no_at_every_step(void **state)
{
	static const struct {
		enum desk_answer create, select, start, connect;
		int err;
	} cases[] = {
		{.create = DESK_NO, .err = -EACCES},
		{.create = DESK_ENDED, .err = -EACCES},
		{.create = DESK_ERROR, .err = -EIO},
		{.create = DESK_HANGS_UP},
		{.select = DESK_NO, .err = -EACCES},
		{.select = DESK_ENDED, .err = -EACCES},
		{.select = DESK_ERROR, .err = -EIO},
		{.select = DESK_CLOSES, .err = -EACCES},
		{.select = DESK_HANGS_UP},
		{.start = DESK_NO, .err = -EACCES},
		{.start = DESK_ENDED, .err = -EACCES},
		{.start = DESK_ERROR, .err = -EIO},
		{.start = DESK_CLOSES, .err = -EACCES},
		{.start = DESK_HANGS_UP},
		{.connect = DESK_ERROR, .err = -EIO},
		{.connect = DESK_CLOSES, .err = -EACCES},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct desk_plan plan = willing;
		struct desk *d;
		int err;

		plan.create = cases[i].create;
		plan.select = cases[i].select;
		plan.start = cases[i].start;
		plan.connect = cases[i].connect;
		d = desk_start(&plan);
		err = outcome(d);
		if (err != 1 && (err >= 0 || (cases[i].err && err != cases[i].err)))
			fail_msg("case %u: %d, %s", i, err, desk_heard(d));
		desk_stop(d);
		if (!plan.connect)
			assert_string_equal(stored(), "");
	}
}

static void what_is_never_answered_ends(void **state)
{
	static const struct {
		enum desk_answer create, select, start, connect;
	} cases[] = {
		{.create = DESK_NEVER}, {.create = DESK_LATER}, {.select = DESK_NEVER},  {.select = DESK_LATER},
		{.start = DESK_NEVER},  {.start = DESK_LATER},  {.connect = DESK_NEVER},
	};

	(void)state;
	hurry = true;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct desk_plan plan = willing;
		struct desk *d;
		int err;

		plan.create = cases[i].create;
		plan.select = cases[i].select;
		plan.start = cases[i].start;
		plan.connect = cases[i].connect;
		d = desk_start(&plan);
		unlink(token);
		err = outcome(d);
		if (err != 1 && err != -ETIMEDOUT)
			fail_msg("case %u: %d, %s", i, err, desk_heard(d));
		if (plan.start) /* the dialog goes */
			assert_true(hears(NULL, d,
					  plan.start == DESK_NEVER ? "Start;Request.Close;"
								   : "Start waits;Request.Close;"));
		if (!plan.create)
			assert_true(hears(NULL, d, "Session.Close;"));
		desk_stop(d);
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
		struct desk_plan plan = willing;
		struct desk *d;

		plan.oddity = odd[i];
		if (odd[i] == DESK_NO_SOCKET || odd[i] == DESK_DEAD_SOCKET)
			plan.odd_call = "ConnectToEIS";
		d = desk_start(&plan);
		assert_int_not_equal(outcome(d), 0);
		desk_stop(d);
	}
}

static void odd_answers_to_start_are_answers(void **state)
{
	static const enum desk_oddity odd[] = {DESK_NO_VALUES, DESK_WRONG_TYPES, DESK_LONG_VALUES, DESK_MANY_VALUES};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(odd); i++) {
		struct desk_plan plan = willing;
		struct desk *d;
		struct input *in;

		plan.oddity = odd[i];
		plan.odd_call = "Start";
		d = desk_start(&plan);
		assert_int_equal(open_by_name(&in), 0);
		assert_true(works(in, d));
		assert_string_equal(stored(), odd[i] == DESK_MANY_VALUES ? "7 x\n" : "");
		input_close(in);
		desk_stop(d);
	}
}

static void nobody_hears(void *ctx, uint8_t pad, uint16_t a, uint16_t b)
{
	(void)ctx, (void)pad, (void)a, (void)b;
}

static const struct input_back deaf = {.rumble = nobody_hears};

/* What "auto" would make of it: the classes that are served, 0: none. The desk must have heard words. */
static uint32_t automatic(const struct input_ops *ops, uint32_t classes, struct desk *d, const char *words)
{
	struct input_env env = {.back = &deaf, .seat = "test", .portal_token = token, .epoll = epoll_create1(0)};
	struct input_backend *b = calloc(1, ops->size);
	char why[INPUT_WHY_MAX] = "";

	b->ops = ops;
	b->env = &env;
	if (ops->open(b, &classes, why))
		classes = 0;
	else
		ops->close(b);
	free(b);
	close(env.epoll);
	if (words)
		assert_non_null(strstr(desk_heard(d), words));
	else
		assert_string_equal(desk_heard(d), "");
	return classes;
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
	struct input *in;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct desk *d = desk_start(&cases[i].plan);

		assert_int_equal(open_by_name(&in), cases[i].err);
		assert_null(in);
		assert_null(strstr(desk_heard(d), "CreateSession"));
		desk_stop(d);
	}
	setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	assert_true(open_by_name(&in) < 0);
}

/* It may still be starting. */
static void a_portal_that_answers_late_is_waited_for(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	plan.mute = true;
	d = desk_start(&plan);
	assert_int_equal(automatic(&input_portal_ask, KEYBOARD, d, "GetAll;"), 0);
	assert_int_equal(open_by_name(&in), 0);
	assert_string_equal(input_shown(in, INPUT_CLASS_MOUSE), "portal, which has yet to answer");
	desk_go_on(d);
	assert_true(works(in, d));
	assert_string_equal(stored(), "7 first\n");
	input_close(in);
	desk_stop(d);

	hurry = true;
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), -ETIMEDOUT);
	desk_stop(d);
}

static void a_token_is_used_and_replaced(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	put_token("7 first\n");
	plan.knows = "first";
	plan.new_token = "second";
	plan.start = DESK_NEVER; /* without it somebody would be asked */
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), 0);
	assert_true(works(in, d));
	assert_non_null(strstr(desk_heard(d), "SelectDevices(7,2,first);Start;ConnectToEIS;"));
	assert_string_equal(stored(), "7 second\n");
	input_close(in);
	desk_stop(d);
}

static void a_token_is_gone_once_the_portal_has_it(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;

	(void)state;
	put_token("7 old\n"); /* it does not know this one, so it asks */
	plan.start = DESK_NO;
	d = desk_start(&plan);
	assert_int_not_equal(outcome(d), 0);
	assert_non_null(strstr(desk_heard(d), "SelectDevices(7,2,old);Start;"));
	assert_string_equal(stored(), "");
	desk_stop(d);
}

static void without_a_new_token_none_is_kept(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	put_token("7 first\n");
	plan.knows = "first";
	plan.new_token = NULL;
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), 0);
	assert_true(works(in, d));
	assert_string_equal(stored(), "");
	input_close(in);
	desk_stop(d);
}

static void a_token_that_is_an_error_is_dropped_and_a_person_asked(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;
	struct input *in;

	(void)state;
	put_token("7 stale\n");
	plan.checks_tokens = true;
	d = desk_start(&plan);
	assert_int_equal(open_by_name(&in), 0);
	assert_true(works(in, d));
	assert_non_null(strstr(desk_heard(d), "SelectDevices(7,2,stale);SelectDevices(7,2,);Start;ConnectToEIS;"));
	assert_string_equal(stored(), "7 first\n");
	input_close(in);
	desk_stop(d);
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
		struct desk *d = desk_start(&willing);
		struct input *in;

		put_token(lines[i]);
		assert_int_equal(open_by_name(&in), 0);
		assert_true(hears(in, d, "SelectDevices(7,2,)"));
		assert_true(works(in, d));
		input_close(in);
		desk_stop(d);
	}
}

static void tokens_that_cannot_be_kept_are_not(void **state)
{
	static char many[400];
	static const char *const tokens[] = {"", "two words", "a\nline", many};

	(void)state;
	memset(many, 'x', sizeof(many) - 1);
	for (unsigned i = 0; i < ARRAY_LEN(tokens); i++) {
		struct desk_plan plan = willing;
		struct desk *d;
		struct input *in;

		plan.new_token = tokens[i];
		d = desk_start(&plan);
		assert_int_equal(open_by_name(&in), 0);
		assert_true(works(in, d));
		assert_string_equal(stored(), "");
		input_close(in);
		desk_stop(d);
	}
}

static void the_desktop_ends_it_in_the_middle(void **state)
{
	static void (*const ends[])(struct desk *) = {desk_close_session, desk_drop_eis};
	static const char *const shown[] = {"portal, ended by the desktop", "portal, whose connection has ended"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
		struct desk *d = desk_start(&willing);
		struct input *in;

		unlink(token);
		assert_int_equal(open_by_name(&in), 0);
		assert_true(works(in, d));
		key(in, 0x41, true);
		assert_true(hears(in, d, "key 30 1;"));
		ends[i](d);
		assert_true(shows(in, INPUT_CLASS_KEYBOARD, shown[i]));
		key(in, 0x41, false);
		key(in, 0x42, true);
		input_close(in);
		assert_null(strstr(desk_heard(d), "key 48"));
		desk_stop(d);
	}
}

/* Whose connections to the compositor are not the bus's business. */
static void a_bus_that_goes_leaves_the_input(void **state)
{
	struct desk *d = desk_start(&willing);
	struct input *in;

	(void)state;
	assert_int_equal(open_by_name(&in), 0);
	assert_true(works(in, d));
	desk_leave_bus(d);
	for (unsigned i = 0; i < 20; i++)
		turn(in);
	key(in, 0x41, true);
	assert_true(hears(in, d, "key 30 1;"));
	input_close(in);
	desk_stop(d);
}

static void close_at_every_step_leaves_nothing(void **state)
{
	static const struct {
		enum desk_answer create, select, start, connect;
		const char *until, *then;
	} cases[] = {
		{.create = DESK_NEVER, .until = "CreateSession;", .then = "Request.Close;"},
		{.create = DESK_LATER, .until = "CreateSession waits;", .then = "Request.Close;"},
		{.select = DESK_NEVER, .until = "SelectDevices(7,2,);", .then = "Session.Close;"},
		{.select = DESK_LATER, .until = "SelectDevices waits;", .then = "Session.Close;"},
		{.start = DESK_NEVER, .until = "Start;", .then = "Request.Close;Session.Close;"},
		{.start = DESK_LATER, .until = "Start waits;", .then = "Request.Close;Session.Close;"},
		{.connect = DESK_NEVER, .until = "ConnectToEIS;", .then = "Session.Close;"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct desk_plan plan = willing;
		struct desk *d;
		struct input *in;

		plan.create = cases[i].create;
		plan.select = cases[i].select;
		plan.start = cases[i].start;
		plan.connect = cases[i].connect;
		d = desk_start(&plan);
		unlink(token);
		assert_int_equal(open_by_name(&in), 0);
		assert_true(hears(in, d, cases[i].until));
		input_close(in);
		assert_true(hears(NULL, d, cases[i].then));
		desk_stop(d);
	}
}

/* --- as "auto" takes them --- */

static void automatic_without_a_token_does_not_even_talk_to_it(void **state)
{
	struct desk *d = desk_start(&willing);

	(void)state;
	assert_int_equal(automatic(&input_portal, INPUT_ALL_CLASSES, d, NULL), 0);
	assert_string_equal(stored(), "");
	desk_stop(d);
}

static void automatic_with_a_token_starts_without_a_question(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;

	(void)state;
	put_token("3 first\n");
	plan.knows = "first";
	plan.new_token = "second";
	plan.start = DESK_NEVER;   /* without it somebody would be asked */
	plan.connect = DESK_NEVER; /* this far it goes while nobody turns the loop */
	d = desk_start(&plan);
	assert_int_equal(automatic(&input_portal, KEYBOARD | MOUSE, d, "SelectDevices(3,2,first);Start;"),
			 KEYBOARD | MOUSE);
	desk_stop(d);
}

/* A desktop restores only what was asked for then. */
static void automatic_does_not_ask_for_other_devices(void **state)
{
	struct desk *d = desk_start(&willing);

	(void)state;
	put_token("7 first\n");
	assert_int_equal(automatic(&input_portal, TOUCH, d, "GetAll;"), 0);
	assert_null(strstr(desk_heard(d), "CreateSession"));
	assert_string_equal(stored(), "7 first\n"); /* it may be good another time */
	desk_stop(d);
}

static void automatic_gives_up_a_token_that_is_an_error(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;

	(void)state;
	put_token("7 stale\n");
	plan.checks_tokens = true;
	d = desk_start(&plan);
	assert_int_equal(automatic(&input_portal, KEYBOARD | MOUSE | TOUCH, d, "SelectDevices(7,2,stale);"), 0);
	assert_null(strstr(desk_heard(d), "Start"));
	assert_string_equal(stored(), "");
	desk_stop(d);
}

static void the_last_resort_asks_but_not_for_touch_alone(void **state)
{
	struct desk_plan plan = willing;
	struct desk *d;

	(void)state;
	plan.start = DESK_LATER;
	d = desk_start(&plan);
	assert_int_equal(automatic(&input_portal_ask, TOUCH, d, NULL), 0);
	assert_int_equal(automatic(&input_portal_ask, MOUSE | TOUCH, d, "SelectDevices(6,2,);Start;"), MOUSE | TOUCH);
	desk_stop(d);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		CASE(consent_opens_keyboard_pointer_and_touch),
		CASE(while_the_dialog_is_open_events_are_dropped_and_status_says_so),
		CASE(a_response_that_overtakes_its_call_is_one),
		CASE(an_old_portal_that_names_its_requests_itself),
		CASE(only_devices_that_there_are_are_asked_for),
		CASE(only_devices_that_were_allowed_are_used),
		CASE(no_is_no_at_every_step),
		CASE(what_is_never_answered_ends),
		CASE(odd_answers_end_it),
		CASE(odd_answers_to_start_are_answers),
		CASE(what_is_no_portal_says_so),
		CASE(a_portal_that_answers_late_is_waited_for),
		CASE(a_token_is_used_and_replaced),
		CASE(a_token_is_gone_once_the_portal_has_it),
		CASE(without_a_new_token_none_is_kept),
		CASE(a_token_that_is_an_error_is_dropped_and_a_person_asked),
		CASE(a_file_that_holds_no_token_is_none),
		CASE(tokens_that_cannot_be_kept_are_not),
		CASE(the_desktop_ends_it_in_the_middle),
		CASE(a_bus_that_goes_leaves_the_input),
		CASE(close_at_every_step_leaves_nothing),
		CASE(automatic_without_a_token_does_not_even_talk_to_it),
		CASE(automatic_with_a_token_starts_without_a_question),
		CASE(automatic_does_not_ask_for_other_devices),
		CASE(automatic_gives_up_a_token_that_is_an_error),
		CASE(the_last_resort_asks_but_not_for_touch_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

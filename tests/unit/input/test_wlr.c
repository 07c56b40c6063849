// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The connection of the back end wlroots, against a compositor of a page: it announces what a case wants, answers sync,
 * and writes down who was asked for what.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/str.h"
#include "input/backend.h"

#include "wl_fake.h"

static const struct input_back nobody;
static struct input_env env = {.back = &nobody, .seat = "t", .pad_kind = "auto", .log_file = ""};

static struct input_backend *open_it(uint32_t *classes, char *why, int *err)
{
	struct input_backend *b = calloc(1, input_wlroots.size);

	assert_non_null(b);
	env.epoll = epoll_create1(EPOLL_CLOEXEC);
	b->ops = &input_wlroots;
	b->env = &env;
	*why = '\0';
	*err = input_wlroots.open(b, classes, why);
	return b;
}

static void close_it(struct input_backend *b, int err)
{
	if (!err)
		input_wlroots.close(b);
	free(b);
	close(env.epoll);
}

static void expect_refused(int want, const char *text)
{
	uint32_t classes = input_wlroots.classes;
	char why[INPUT_WHY_MAX];
	int err;
	struct input_backend *b = open_it(&classes, why, &err);

	assert_int_equal(err, want);
	assert_string_equal(why, text);
	close_it(b, err);
}

static void dispatch(void)
{
	struct epoll_event e;

	assert_int_equal(epoll_wait(env.epoll, &e, 1, -1), 1);
	((struct input_watch *)e.data.ptr)->ready(e.data.ptr);
}

static void without_a_compositor_it_says_so(void **state)
{
	(void)state;
	unsetenv("WAYLAND_DISPLAY");
	expect_refused(-ENODEV, "no WAYLAND_DISPLAY");
	setenv("WAYLAND_DISPLAY", "", 1);
	expect_refused(-ENODEV, "no WAYLAND_DISPLAY");
	setenv("WAYLAND_DISPLAY", "/nonexistent/display", 1);
	expect_refused(-ENODEV, "the compositor of WAYLAND_DISPLAY is not there");
}

static void a_compositor_without_these_protocols_is_left_alone(void **state)
{
	struct fake none = {.globals = {"wl_shm"}}, seat = {.globals = {"wl_seat", "wl_output"}};

	(void)state;
	fake_start(&none);
	expect_refused(-ENODEV, "the compositor has no seat");
	fake_stop(&none);
	fake_start(&seat);
	expect_refused(-ENODEV, "the compositor has no virtual pointer");
	fake_stop(&seat);
}

static void a_silent_compositor_is_given_up(void **state)
{
	struct fake f = {.mute = true};

	(void)state;
	fake_start(&f);
	expect_refused(-ENODEV, "the compositor does not answer");
	fake_stop(&f);
}

static void only_what_is_there_is_served(void **state)
{
	struct fake f = {.globals = {"wl_seat", "zwp_virtual_keyboard_manager_v1"}};
	uint32_t classes = input_wlroots.classes;
	char why[INPUT_WHY_MAX];
	int err;
	struct input_backend *b;

	(void)state;
	fake_start(&f);
	b = open_it(&classes, why, &err);
	assert_int_equal(err, 0);
	assert_int_equal(classes, INPUT_CLASS(INPUT_CLASS_KEYBOARD));
	fake_wait(&f, "keyboard.0 keyboard.2 "); /* keymap, modifiers */
	close_it(b, err);
	fake_stop(&f);
}

static void the_pointer_moves_to_another_output_when_its_own_goes(void **state)
{
	struct fake f = {.globals = {"wl_output", "wl_seat", "wl_output", "zwlr_virtual_pointer_manager_v1"}};
	struct input_event press = {.type = INPUT_MOUSE_BUTTON, .button = {.button = 1, .down = true}};
	uint32_t classes = INPUT_CLASS(INPUT_CLASS_MOUSE);
	char why[INPUT_WHY_MAX], want[64];
	int err;
	struct input_backend *b;

	(void)state;
	fake_start(&f);
	b = open_it(&classes, why, &err);
	assert_int_equal(err, 0);
	snprintf(want, sizeof(want), "create(%u) ", f.bound[0]);
	fake_wait(&f, want);
	input_wlroots.event(b, &press);
	fake_wait(&f, "pointer.2 pointer.4 ");
	send_words(&f, f.registry, 1, &(uint32_t){1}, 1);
	dispatch();
	/* button up, frame, gone; and the next */
	snprintf(want, sizeof(want), "pointer.2 pointer.4 pointer.8 create(%u) ", f.bound[2]);
	fake_wait(&f, want);
	close_it(b, err);
	fake_stop(&f);
}

static void the_pointer_is_on_the_output_that_is_captured_wherever_that_goes(void **state)
{
	struct fake f = {.globals = {"wl_output", "wl_seat", "wl_output", "zxdg_output_manager_v1", "wl_output",
				     "zwlr_virtual_pointer_manager_v1"}};
	uint32_t classes = INPUT_CLASS(INPUT_CLASS_MOUSE);
	char why[INPUT_WHY_MAX], want[64];
	int err;
	struct input_backend *b;

	(void)state;
	env.place = (struct input_place){200, 0, 100, 100};
	fake_start(&f);
	b = open_it(&classes, why, &err);
	assert_int_equal(err, 0);
	snprintf(want, sizeof(want), "create(%u) ", f.bound[2]);
	fake_wait(&f, want);
	assert_non_null(strstr(f.heard, want));
	assert_null(strstr(strstr(f.heard, "create(") + 1, "create(")); /* at once on the right one */
	tell_place(&f, 2, 1000);
	tell_place(&f, 4, 200);
	do
		dispatch();
	while (epoll_wait(env.epoll, &(struct epoll_event){0}, 1, 0) > 0);
	snprintf(want, sizeof(want), "pointer.8 create(%u) ", f.bound[4]);
	fake_wait(&f, want);
	close_it(b, err);
	fake_stop(&f);
	env.place = (struct input_place){0};
}

static void a_compositor_that_goes_is_forgotten(void **state)
{
	struct fake f = {.globals = {"wl_seat", "zwlr_virtual_pointer_manager_v1", "zwp_virtual_keyboard_manager_v1"}};
	struct input_event events[] = {
		{.type = INPUT_KEY, .key = {.vk = 0x41, .down = true}},
		{.type = INPUT_TEXT, .text = {.code_point = 0x4e00}},
		{.type = INPUT_MOUSE_REL, .rel = {1, 1}},
		{.type = INPUT_MOUSE_BUTTON, .button = {.button = 1, .down = true}},
		{.type = INPUT_SCROLL, .scroll = {120, 1}},
	};
	uint32_t classes = input_wlroots.classes;
	char why[INPUT_WHY_MAX];
	struct epoll_event e;
	int err;
	struct input_backend *b;

	(void)state;
	fake_start(&f);
	b = open_it(&classes, why, &err);
	assert_int_equal(err, 0);
	assert_int_equal(classes, input_wlroots.classes);
	fake_stop(&f);
	/* What it said last may come before its end. */
	for (unsigned i = 0; i < 8 && epoll_wait(env.epoll, &e, 1, 0); i++)
		dispatch();
	assert_int_equal(epoll_wait(env.epoll, &e, 1, 0), 0); /* nothing is watched any more */
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		input_wlroots.event(b, &events[i]);
	close_it(b, err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_compositor_it_says_so),
		cmocka_unit_test(a_compositor_without_these_protocols_is_left_alone),
		cmocka_unit_test(a_silent_compositor_is_given_up),
		cmocka_unit_test(only_what_is_there_is_served),
		cmocka_unit_test(the_pointer_moves_to_another_output_when_its_own_goes),
		cmocka_unit_test(the_pointer_is_on_the_output_that_is_captured_wherever_that_goes),
		cmocka_unit_test(a_compositor_that_goes_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The connection of the back end wlroots, against a compositor of a page: it announces what a case wants, answers sync,
 * and writes down who was asked for what.
 */
#include "wl_rig.h"

static void without_a_compositor_it_says_so(void **state)
{
	(void)state;
	unsetenv("WAYLAND_DISPLAY");
	expect_refused(&input_wlroots, "no WAYLAND_DISPLAY");
	setenv("WAYLAND_DISPLAY", "", 1);
	expect_refused(&input_wlroots, "no WAYLAND_DISPLAY");
	setenv("WAYLAND_DISPLAY", "/nonexistent/display", 1);
	expect_refused(&input_wlroots, "the compositor of WAYLAND_DISPLAY is not there");
}

static void a_compositor_without_these_protocols_is_left_alone(void **state)
{
	struct fake none = {.globals = {"wl_shm"}}, seat = {.globals = {"wl_seat", "wl_output"}};

	(void)state;
	expect_refused_on(&none, &input_wlroots, "the compositor has no seat");
	expect_refused_on(&seat, &input_wlroots, "the compositor has no virtual pointer");
}

static void a_silent_compositor_is_given_up(void **state)
{
	struct fake f = {.mute = true};

	(void)state;
	expect_refused_on(&f, &input_wlroots, "the compositor does not answer");
}

static void only_what_is_there_is_served(void **state)
{
	struct fake f = {.globals = {"wl_seat", "zwp_virtual_keyboard_manager_v1"}};
	struct opened o;

	(void)state;
	open_on(&o, &f, &input_wlroots, input_wlroots.classes);
	assert_int_equal(o.classes, INPUT_CLASS(INPUT_CLASS_KEYBOARD));
	fake_wait(&f, "keyboard.0 keyboard.2 "); /* keymap, modifiers */
	close_it(&o);
	fake_stop(&f);
}

static void the_pointer_moves_to_another_output_when_its_own_goes(void **state)
{
	struct fake f = {.globals = {"wl_output", "wl_seat", "wl_output", "zwlr_virtual_pointer_manager_v1"}};
	struct input_event press = {.type = INPUT_MOUSE_BUTTON, .button = {.button = 1, .down = true}};
	struct opened o;
	char want[64];

	(void)state;
	open_on(&o, &f, &input_wlroots, INPUT_CLASS(INPUT_CLASS_MOUSE));
	snprintf(want, sizeof(want), "create(%u) ", f.bound[0]);
	fake_wait(&f, want);
	input_wlroots.event(o.b, &press);
	fake_wait(&f, "pointer.2 pointer.4 ");
	send_words(&f, f.registry, 1, &(uint32_t){1}, 1);
	dispatch();
	/* button up, frame, gone; and the next */
	snprintf(want, sizeof(want), "pointer.2 pointer.4 pointer.8 create(%u) ", f.bound[2]);
	fake_wait(&f, want);
	close_it(&o);
	fake_stop(&f);
}

static void the_pointer_is_on_the_output_that_is_captured_wherever_that_goes(void **state)
{
	struct fake f = {.globals = {"wl_output", "wl_seat", "wl_output", "zxdg_output_manager_v1", "wl_output",
				     "zwlr_virtual_pointer_manager_v1"}};
	struct opened o;
	char want[64];

	(void)state;
	wl_env.place = (struct input_place){200, 0, 100, 100};
	open_on(&o, &f, &input_wlroots, INPUT_CLASS(INPUT_CLASS_MOUSE));
	snprintf(want, sizeof(want), "create(%u) ", f.bound[2]);
	fake_wait(&f, want);
	assert_non_null(strstr(f.heard, want));
	assert_null(strstr(strstr(f.heard, "create(") + 1, "create(")); /* at once on the right one */
	tell_place(&f, 2, 1000);
	tell_place(&f, 4, 200);
	do
		dispatch();
	while (epoll_wait(wl_env.epoll, &(struct epoll_event){0}, 1, 0) > 0);
	snprintf(want, sizeof(want), "pointer.8 create(%u) ", f.bound[4]);
	fake_wait(&f, want);
	close_it(&o);
	fake_stop(&f);
	wl_env.place = (struct input_place){0};
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
	struct opened o;
	struct epoll_event e;

	(void)state;
	open_on(&o, &f, &input_wlroots, input_wlroots.classes);
	assert_int_equal(o.classes, input_wlroots.classes);
	fake_stop(&f);
	/* What it said last may come before its end. */
	for (unsigned i = 0; i < 8 && epoll_wait(wl_env.epoll, &e, 1, 0); i++)
		dispatch();
	assert_int_equal(epoll_wait(wl_env.epoll, &e, 1, 0), 0); /* nothing is watched any more */
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		input_wlroots.event(o.b, &events[i]);
	close_it(&o);
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

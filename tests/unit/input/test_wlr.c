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

#define OBJECTS 64

struct fake {
	char dir[64], path[96];
	int listening;
	atomic_int peer;
	bool mute; /* answers nothing */
	const char *globals[8];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	char heard[8192]; /* "interface.opcode(first argument) " of each request but display's and registry's */
	const char *interface[OBJECTS];
	uint32_t registry, bound[8]; /* the client's object of each global */
	uint32_t place_of[8];        /* the client's object for the place of the output of that global */
};

static void send_words(struct fake *f, uint32_t object, uint32_t opcode, const uint32_t *args, unsigned n)
{
	uint32_t words[32] = {object, (8 + 4 * n) << 16 | opcode};

	memcpy(words + 2, args, 4 * n);
	send(f->peer, words, 8 + 4 * n, MSG_NOSIGNAL); /* the client may have left by now */
}

static void announce(struct fake *f, uint32_t name)
{
	const char *interface = f->globals[name - 1];
	uint32_t len = (uint32_t)strlen(interface) + 1, padded = (len + 3) / 4, args[32] = {name, len};

	memcpy(args + 2, interface, len);
	args[2 + padded] = 2; /* version of everything, but a seat's */
	if (!strcmp(interface, "wl_seat"))
		args[2 + padded] = 5;
	send_words(f, f->registry, 0, args, 3 + padded);
}

static void learn(struct fake *f, uint32_t id, const char *interface)
{
	assert_true(id < OBJECTS);
	f->interface[id] = interface;
}

/* An output of 100x100 whose global is n lies at 100*n,0. */
static void tell_place(struct fake *f, uint32_t n, uint32_t x)
{
	send_words(f, f->place_of[n], 0, (uint32_t[]){x, 0}, 2);
	send_words(f, f->place_of[n], 1, (uint32_t[]){100, 100}, 2);
}

static void place_asked(struct fake *f, const uint32_t *args)
{
	learn(f, args[0], "place");
	for (uint32_t i = 0; i < ARRAY_LEN(f->bound); i++) {
		if (f->bound[i] != args[1])
			continue;
		f->place_of[i] = args[0];
		tell_place(f, i, 100 * i);
	}
}

static void hear(struct fake *f, uint32_t object, uint32_t opcode, const uint32_t *args)
{
	const char *interface = object < OBJECTS && f->interface[object] ? f->interface[object] : "?";
	size_t at = strlen(f->heard);

	if (object == 1 && opcode == 0) { /* sync */
		send_words(f, args[0], 0, &(uint32_t){1}, 1);
		send_words(f, 1, 1, args, 1);
	} else if (object == 1) {
		f->registry = args[0];
		for (uint32_t i = 0; i < ARRAY_LEN(f->globals) && f->globals[i]; i++)
			announce(f, i + 1);
	} else if (object == f->registry) {
		uint32_t padded = (args[1] + 3) / 4;

		f->bound[args[0] - 1] = args[2 + padded + 1];
		learn(f, args[2 + padded + 1], f->globals[args[0] - 1]);
	} else {
		if (!strcmp(interface, "zwlr_virtual_pointer_manager_v1") && opcode == 2) {
			learn(f, args[2], "pointer");
			snprintf(f->heard + at, sizeof(f->heard) - at, "create(%u) ", args[1]);
			return;
		}
		if (!strcmp(interface, "zxdg_output_manager_v1") && opcode == 1)
			place_asked(f, args);
		if (!strcmp(interface, "zwp_virtual_keyboard_manager_v1"))
			learn(f, args[1], "keyboard");
		snprintf(f->heard + at, sizeof(f->heard) - at, "%s.%u ", interface, opcode);
	}
}

static void *serve(void *arg)
{
	struct fake *f = arg;
	static uint32_t words[16384];
	size_t got = 0;

	f->peer = accept(f->listening, NULL, NULL);
	while (f->peer >= 0) {
		ssize_t n = recv(f->peer, (char *)words + got, sizeof(words) - got, 0);
		size_t at = 0;

		if (n <= 0)
			break;
		if (f->mute)
			continue;
		got += (size_t)n;
		pthread_mutex_lock(&f->lock);
		while (got - at >= 8 && got - at >= words[at / 4 + 1] >> 16) {
			hear(f, words[at / 4], words[at / 4 + 1] & 0xffff, words + at / 4 + 2);
			at += words[at / 4 + 1] >> 16;
		}
		pthread_cond_broadcast(&f->more);
		pthread_mutex_unlock(&f->lock);
		memmove(words, (char *)words + at, got - at);
		got -= at;
	}
	return NULL;
}

static void fake_start(struct fake *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	f->peer = -1;
	strcpy(f->dir, "/tmp/wlr.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/display", f->dir);
	strcpy(address.sun_path, f->path);
	f->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listening, 1), 0);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->more, NULL);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	setenv("WAYLAND_DISPLAY", f->path, 1);
}

static void fake_stop(struct fake *f)
{
	shutdown(f->listening, SHUT_RDWR);
	if (f->peer >= 0)
		shutdown(f->peer, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->listening);
	if (f->peer >= 0)
		close(f->peer);
	unlink(f->path);
	rmdir(f->dir);
	pthread_cond_destroy(&f->more);
	pthread_mutex_destroy(&f->lock);
}

static void fake_wait(struct fake *f, const char *request)
{
	pthread_mutex_lock(&f->lock);
	while (!strstr(f->heard, request))
		pthread_cond_wait(&f->more, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

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

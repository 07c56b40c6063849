// SPDX-License-Identifier: GPL-3.0-or-later
/* What a KWin of each version is asked, and one that offers nothing; the rest is in tests/live. */
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
	struct input_backend *b = calloc(1, input_kwin.size);

	assert_non_null(b);
	env.epoll = epoll_create1(EPOLL_CLOEXEC);
	b->ops = &input_kwin;
	b->env = &env;
	*why = '\0';
	*err = input_kwin.open(b, classes, why);
	return b;
}

static void close_it(struct input_backend *b, int err)
{
	if (!err)
		input_kwin.close(b);
	free(b);
	close(env.epoll);
}

static void without_permission_it_says_what_to_do(void **state)
{
	struct fake f = {.globals = {"wl_seat", "wl_output"}};
	uint32_t classes = input_kwin.classes;
	char why[INPUT_WHY_MAX];
	int err;
	struct input_backend *b;

	(void)state;
	fake_start(&f);
	b = open_it(&classes, why, &err);
	assert_int_equal(err, -ENODEV);
	assert_string_equal(why, "not KWin, or its fake input is not for us: install moonrill.desktop");
	close_it(b, err);
	fake_stop(&f);
}

static void each_version_serves_what_it_has(void **state)
{
	static const struct {
		uint32_t version, classes;
	} cases[] = {
		{1, 0},
		{2, INPUT_CLASS(INPUT_CLASS_TOUCH)},
		{3, INPUT_CLASS(INPUT_CLASS_TOUCH) | INPUT_CLASS(INPUT_CLASS_MOUSE)},
		{4,
		 INPUT_CLASS(INPUT_CLASS_TOUCH) | INPUT_CLASS(INPUT_CLASS_MOUSE) | INPUT_CLASS(INPUT_CLASS_KEYBOARD)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fake f = {.globals = {"wl_seat", "org_kde_kwin_fake_input"}, .version = cases[i].version};
		uint32_t classes = input_kwin.classes;
		char why[INPUT_WHY_MAX];
		int err;
		struct input_backend *b;

		fake_start(&f);
		b = open_it(&classes, why, &err);
		assert_int_equal(err, cases[i].classes ? 0 : -ENODEV);
		if (!err)
			assert_int_equal(classes, cases[i].classes);
		close_it(b, err);
		fake_stop(&f);
	}
}

static void a_new_one_is_given_symbols_for_what_the_layout_lacks(void **state)
{
	struct fake f = {.globals = {"wl_seat", "org_kde_kwin_fake_input"}, .version = 6};
	struct input_event text = {.type = INPUT_TEXT, .text = {.code_point = 0x4e00}};
	uint32_t classes = INPUT_CLASS(INPUT_CLASS_KEYBOARD);
	char why[INPUT_WHY_MAX];
	int err;
	struct input_backend *b;

	(void)state;
	fake_start(&f);
	b = open_it(&classes, why, &err);
	assert_int_equal(err, 0);
	input_kwin.event(b, &text);
	fake_wait(&f, "org_kde_kwin_fake_input.12 org_kde_kwin_fake_input.12 ");
	close_it(b, err);
	/* it says that both of its devices go */
	fake_wait(&f, "org_kde_kwin_fake_input.11 org_kde_kwin_fake_input.11 ");
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_permission_it_says_what_to_do),
		cmocka_unit_test(each_version_serves_what_it_has),
		cmocka_unit_test(a_new_one_is_given_symbols_for_what_the_layout_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

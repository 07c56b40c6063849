// SPDX-License-Identifier: GPL-3.0-or-later
/* What a KWin of each version is asked, and one that offers nothing; the rest is in tests/live. */
#include "wl_rig.h"

static void without_permission_it_says_what_to_do(void **state)
{
	struct fake f = {.globals = {"wl_seat", "wl_output"}};

	(void)state;
	expect_refused_on(&f, &input_kwin, "not KWin, or its fake input is not for us: install moonrill.desktop");
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
		struct opened o;

		fake_start(&f);
		open_it(&o, &input_kwin, input_kwin.classes);
		assert_int_equal(o.err, cases[i].classes ? 0 : -ENODEV);
		if (!o.err)
			assert_int_equal(o.classes, cases[i].classes);
		close_it(&o);
		fake_stop(&f);
	}
}

static void a_new_one_is_given_symbols_for_what_the_layout_lacks(void **state)
{
	struct fake f = {.globals = {"wl_seat", "org_kde_kwin_fake_input"}, .version = 6};
	struct input_event text = {.type = INPUT_TEXT, .text = {.code_point = 0x4e00}};
	struct opened o;

	(void)state;
	open_on(&o, &f, &input_kwin, INPUT_CLASS(INPUT_CLASS_KEYBOARD));
	input_kwin.event(o.b, &text);
	fake_wait(&f, "org_kde_kwin_fake_input.12 org_kde_kwin_fake_input.12 ");
	close_it(&o);
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

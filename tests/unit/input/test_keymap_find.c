// SPDX-License-Identifier: GPL-3.0-or-later
#include <linux/input-event-codes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <xkbcommon/xkbcommon.h>
#include <cmocka.h>

#include "base/str.h"
#include "input/keymap_find.h"

#define SHIFT  (1u << 0)
#define LEVEL3 (1u << 7) /* Mod5 */

static struct xkb_context *context;

static struct xkb_keymap *layout(const char *names)
{
	const struct xkb_rule_names rules = {.layout = names};
	struct xkb_keymap *keymap = xkb_keymap_new_from_names(context, &rules, XKB_KEYMAP_COMPILE_NO_FLAGS);

	assert_non_null(keymap);
	return keymap;
}

static int setup(void **state)
{
	(void)state;
	context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	return context ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	xkb_context_unref(context);
	return 0;
}

static void a_character_is_a_key_a_level_and_what_it_needs(void **state)
{
	static const struct {
		const char *layout;
		uint32_t group, code_point, mods;
		uint16_t evdev;
		uint8_t level;
	} cases[] = {
		{"us", 0, 'a', 0, KEY_A, 0},           {"us", 0, 'A', SHIFT, KEY_A, 1},
		{"us", 0, '@', SHIFT, KEY_2, 1},       {"us", 0, '\n', 0, KEY_ENTER, 0},
		{"us", 0, '\t', 0, KEY_TAB, 0},        {"us", 0, '\b', 0, KEY_BACKSPACE, 0},
		{"de", 0, 'z', 0, KEY_Y, 0},           {"de", 0, '@', LEVEL3, KEY_Q, 2},
		{"de", 0, 0x20ac, LEVEL3, KEY_E, 2},   {"fr", 0, '1', SHIFT, KEY_1, 1},
		{"fr", 0, 0xe9, 0, KEY_2, 0},          {"us,de", 0, 'z', 0, KEY_Z, 0},
		{"us,de", 1, 'z', 0, KEY_Y, 0},        {"us,de", 1, 0xdf, 0, KEY_MINUS, 0},
		{"ru", 0, 0x436, 0, KEY_SEMICOLON, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct xkb_keymap *keymap = layout(cases[i].layout);
		struct keymap_spot at;

		assert_true(keymap_find(keymap, cases[i].group, cases[i].code_point, NULL, NULL, &at));
		assert_int_equal(at.evdev, cases[i].evdev);
		assert_int_equal(at.level, cases[i].level);
		assert_int_equal(at.mods, cases[i].mods);
		xkb_keymap_unref(keymap);
	}
}

static void what_the_group_lacks_is_not_found(void **state)
{
	static const uint32_t lacking[] = {0xdf, 0x4e00, 0x1f600, 0xd800, 0x110000, 1};
	struct xkb_keymap *keymap = layout("us,de");
	struct keymap_spot at;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lacking); i++)
		assert_false(keymap_find(keymap, 0, lacking[i], NULL, NULL, &at));
	xkb_keymap_unref(keymap);
}

static void accents_alone_are_dead_keys_where_the_layout_has_only_those(void **state)
{
	struct xkb_keymap *de = layout("de"), *us = layout("us");
	struct keymap_spot at;

	(void)state;
	assert_false(keymap_find(de, 0, '^', NULL, NULL, &at));
	assert_true(keymap_find_dead(de, 0, '^', NULL, NULL, &at));
	assert_int_equal(at.evdev, KEY_APOSTROPHE); /* with AltGr; it comes before the one without */
	assert_int_equal(at.mods, LEVEL3);
	assert_true(keymap_find_dead(de, 0, '`', NULL, NULL, &at));
	assert_int_equal(at.evdev, KEY_EQUAL);
	assert_int_equal(at.mods, SHIFT);
	assert_false(keymap_find_dead(us, 0, '^', NULL, NULL, &at));
	assert_false(keymap_find_dead(de, 0, 'e', NULL, NULL, &at));
	xkb_keymap_unref(de);
	xkb_keymap_unref(us);
}

static void locks_and_modifiers_are_told_apart(void **state)
{
	struct xkb_keymap *us = layout("us"), *de = layout("de"), *jp = layout("jp");
	struct keymap_spot at;

	(void)state;
	assert_true(keymap_find_lock(us, 0, &at));
	assert_int_equal(at.evdev, KEY_CAPSLOCK);
	assert_int_equal(at.mods, 0);
	assert_true(keymap_find_lock(jp, 0, &at));
	assert_int_equal(at.evdev, KEY_CAPSLOCK);
	assert_int_equal(at.mods, SHIFT);
	xkb_keymap_unref(jp);
	assert_true(keymap_is_modifier(us, KEY_LEFTSHIFT));
	assert_true(keymap_is_modifier(us, KEY_LEFTMETA));
	assert_true(keymap_is_modifier(de, KEY_RIGHTALT));
	assert_false(keymap_is_modifier(us, KEY_CAPSLOCK));
	assert_false(keymap_is_modifier(us, KEY_NUMLOCK));
	assert_false(keymap_is_modifier(us, KEY_A));
	assert_false(keymap_is_modifier(us, 700));
	xkb_keymap_unref(us);
	xkb_keymap_unref(de);
}

static void text_is_what_is_no_control_and_no_half_of_anything(void **state)
{
	static const uint32_t text[] = {' ', '~', 0xa0, 0xfdcf, 0xe000, 0x1f600, 0x10fffd};
	static const uint32_t none[] = {0, '\n', 0x7f, 0x9f, 0xd800, 0xdfff, 0xfdd0, 0xfffe, 0x1ffff, 0x110000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		assert_true(keymap_is_text(text[i]));
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(keymap_is_text(none[i]));
}

static bool but(const void *ctx, uint16_t evdev)
{
	return evdev != *(const uint16_t *)ctx;
}

static void a_key_that_may_not_be_pressed_is_passed_over(void **state)
{
	struct xkb_keymap *keymap = layout("us");
	struct keymap_spot at;
	uint16_t held = KEY_A;

	(void)state;
	assert_false(keymap_find(keymap, 0, 'a', but, &held, &at));
	assert_true(keymap_find(keymap, 0, 'b', but, &held, &at));
	/* There is a second key for it. */
	held = KEY_COMMA;
	assert_true(keymap_find(keymap, 0, '<', but, &held, &at));
	assert_int_equal(at.evdev, KEY_102ND);
	xkb_keymap_unref(keymap);
}

static void modifiers_have_the_keys_that_people_have(void **state)
{
	struct xkb_keymap *us = layout("us"), *de = layout("de");
	uint16_t keys[KEYMAP_MODS];

	(void)state;
	assert_int_equal(keymap_mod_keys(de, keys), 0);
	assert_int_equal(keys[0], KEY_LEFTSHIFT);
	assert_int_equal(keys[1], 0); /* a lock stays: it is no key to hold */
	assert_int_equal(keys[2], KEY_LEFTCTRL);
	assert_int_equal(keys[3], KEY_LEFTALT);
	assert_int_equal(keys[4], 0);
	assert_int_equal(keys[6], KEY_LEFTMETA);
	assert_int_equal(keys[7], KEY_RIGHTALT);
	assert_int_equal(keymap_mod_keys(us, keys), 0);
	assert_int_equal(keys[3], KEY_LEFTALT); /* and not the right one, which is Alt there */
	xkb_keymap_unref(us);
	xkb_keymap_unref(de);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_character_is_a_key_a_level_and_what_it_needs),
		cmocka_unit_test(what_the_group_lacks_is_not_found),
		cmocka_unit_test(accents_alone_are_dead_keys_where_the_layout_has_only_those),
		cmocka_unit_test(locks_and_modifiers_are_told_apart),
		cmocka_unit_test(text_is_what_is_no_control_and_no_half_of_anything),
		cmocka_unit_test(a_key_that_may_not_be_pressed_is_passed_over),
		cmocka_unit_test(modifiers_have_the_keys_that_people_have),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

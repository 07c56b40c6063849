// SPDX-License-Identifier: GPL-3.0-or-later
/* How a layout types a character, read back by a reader of libxkbcommon that gets the keys. */
#include <errno.h>
#include <linux/input-event-codes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>
#include <cmocka.h>

#include "base/str.h"
#include "input/key_layout.h"

#define SHIFT  (1u << 0)
#define LEVEL3 (1u << 7) /* Mod5 */

static struct key_layout *layout(const char *name)
{
	struct key_layout *l;

	setenv("XKB_DEFAULT_LAYOUT", name, 1);
	assert_int_equal(key_layout_new(&l, NULL, 0), 0);
	unsetenv("XKB_DEFAULT_LAYOUT");
	return l;
}

static void tap(struct key_layout *l, uint16_t key)
{
	key_layout_key(l, key, true);
	key_layout_key(l, key, false);
}

/* --- a program that reads keys, and composes them --- */

static struct xkb_context *context;
static struct xkb_compose_table *table;

static int setup(void **state)
{
	(void)state;
	context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	table = context ? xkb_compose_table_new_from_locale(context, "en_US.UTF-8", XKB_COMPOSE_COMPILE_NO_FLAGS)
			: NULL;
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	xkb_compose_table_unref(table);
	xkb_context_unref(context);
	return 0;
}

struct reader {
	struct xkb_state *state;
	struct xkb_compose_state *compose;
	uint32_t text[32];
	unsigned n;
};

static void reader_begin(struct reader *r, struct key_layout *l)
{
	struct key_mods m;

	key_layout_mods(l, &m);
	*r = (struct reader){.state = xkb_state_new(key_layout_keymap(l)),
			     .compose = xkb_compose_state_new(table, XKB_COMPOSE_STATE_NO_FLAGS)};
	xkb_state_update_mask(r->state, 0, 0, m.locked, 0, 0, m.group);
}

static void reader_end(struct reader *r)
{
	xkb_compose_state_unref(r->compose);
	xkb_state_unref(r->state);
}

static void reader_key(struct reader *r, uint16_t evdev, bool down)
{
	xkb_keysym_t sym = xkb_state_key_get_one_sym(r->state, (xkb_keycode_t)evdev + 8);
	uint32_t got = xkb_state_key_get_utf32(r->state, (xkb_keycode_t)evdev + 8);

	xkb_state_update_key(r->state, (xkb_keycode_t)evdev + 8, down ? XKB_KEY_DOWN : XKB_KEY_UP);
	if (!down)
		return;
	xkb_compose_state_feed(r->compose, sym);
	switch (xkb_compose_state_get_status(r->compose)) {
	case XKB_COMPOSE_COMPOSED:
		got = xkb_keysym_to_utf32(xkb_compose_state_get_one_sym(r->compose));
		break;
	case XKB_COMPOSE_COMPOSING:
	case XKB_COMPOSE_CANCELLED:
		return;
	case XKB_COMPOSE_NOTHING:
		break;
	}
	if (got && r->n < ARRAY_LEN(r->text))
		r->text[r->n++] = got;
}

static void play(struct reader *r, const struct stroke *s, unsigned n)
{
	r->n = 0;
	for (unsigned i = 0; i < n; i++) {
		for (unsigned m = 0; m < STROKE_MODS_MAX && s[i].mods[m]; m++)
			reader_key(r, s[i].mods[m], true);
		reader_key(r, s[i].key, true);
		reader_key(r, s[i].key, false);
		for (unsigned m = STROKE_MODS_MAX; m--;)
			if (s[i].mods[m])
				reader_key(r, s[i].mods[m], false);
	}
}

static void expect_types(struct key_layout *l, enum key_means means, uint32_t code_point)
{
	struct stroke s[KEY_LAYOUT_STROKES_MAX];
	struct reader r;
	struct key_mods m;
	unsigned n = key_layout_type(l, code_point, means, s);

	if (!n)
		fail_msg("U+%04X has no strokes", (unsigned)code_point);
	reader_begin(&r, l);
	play(&r, s, n);
	if (r.n != 1 || r.text[0] != code_point)
		fail_msg("U+%04X: %u characters, U+%04X", (unsigned)code_point, r.n, (unsigned)r.text[0]);
	/* And it leaves the locks as they were. */
	key_layout_mods(l, &m);
	assert_int_equal(xkb_state_serialize_mods(r.state, XKB_STATE_MODS_EFFECTIVE), m.locked);
	reader_end(&r);
}

static unsigned types(struct key_layout *l, enum key_means means, uint32_t code_point)
{
	struct stroke s[KEY_LAYOUT_STROKES_MAX];

	return key_layout_type(l, code_point, means, s);
}

/* --- keys of their own --- */

static void a_character_is_a_key_and_what_it_needs(void **state)
{
	static const struct {
		const char *layout;
		uint32_t group, code_point, mods;
		uint16_t evdev;
	} cases[] = {
		{"us", 0, 'a', 0, KEY_A},          {"us", 0, 'A', SHIFT, KEY_A},     {"us", 0, '@', SHIFT, KEY_2},
		{"us", 0, '\n', 0, KEY_ENTER},     {"us", 0, '\r', 0, KEY_ENTER},    {"us", 0, '\t', 0, KEY_TAB},
		{"us", 0, '\b', 0, KEY_BACKSPACE}, {"us", 0, 0x1b, 0, KEY_ESC},      {"us", 0, 0x7f, 0, KEY_DELETE},
		{"de", 0, 'z', 0, KEY_Y},          {"de", 0, '@', LEVEL3, KEY_Q},    {"de", 0, 0x20ac, LEVEL3, KEY_E},
		{"fr", 0, '1', SHIFT, KEY_1},      {"fr", 0, 0xe9, 0, KEY_2},        {"us,de", 0, 'z', 0, KEY_Z},
		{"us,de", 1, 'z', 0, KEY_Y},       {"us,de", 1, 0xdf, 0, KEY_MINUS}, {"ru", 0, 0x436, 0, KEY_SEMICOLON},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct key_layout *l = layout(cases[i].layout);
		struct stroke s[KEY_LAYOUT_STROKES_MAX];
		uint16_t key;
		uint32_t mods;

		key_layout_told(l, 0, cases[i].group);
		assert_true(key_layout_find(l, cases[i].code_point, &key, &mods));
		assert_int_equal(key, cases[i].evdev);
		assert_int_equal(mods, cases[i].mods);
		assert_int_equal(key_layout_type(l, cases[i].code_point, KEY_MEANS_OWN, s), 1);
		assert_int_equal(s[0].key, cases[i].evdev);
		assert_int_equal(s[0].mods[0], cases[i].mods == SHIFT    ? KEY_LEFTSHIFT
					       : cases[i].mods == LEVEL3 ? KEY_RIGHTALT
									 : 0);
		key_layout_free(l);
	}
}

static void what_the_layout_in_force_lacks_has_no_key_of_its_own(void **state)
{
	static const uint32_t lacking[] = {0xdf, 0x4e00, 0x1f600, 0xd800, 0x110000, 1, 0};
	struct key_layout *l = layout("us,de");
	uint16_t key;
	uint32_t mods;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lacking); i++) {
		assert_false(key_layout_find(l, lacking[i], &key, &mods));
		assert_int_equal(types(l, KEY_MEANS_OWN, lacking[i]), 0);
	}
	key_layout_free(l);
}

static const char *const ascii_layouts[] = {"us", "de", "fr", "jp", "us(intl)", "de(nodeadkeys)", "ru,us"};

static void ascii_is_typed_on_every_layout_of_it_whatever_is_locked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ascii_layouts); i++)
		for (unsigned locks = 0; locks < 4; locks++) {
			struct key_layout *l = layout(ascii_layouts[i]);
			uint32_t num = locks & 2 ? 1u << 4 : 0;

			key_layout_told(l, (locks & 1 ? KEY_LAYOUT_CAPS : 0) | num,
					strcmp(ascii_layouts[i], "ru,us") == 0);
			for (uint32_t cp = ' '; cp < 0x7f; cp++)
				expect_types(l, KEY_MEANS_DEAD, cp);
			key_layout_free(l);
		}
}

/* --- dead keys --- */

static void accents_come_of_dead_keys(void **state)
{
	static const uint32_t composed[] = {'^', '`', 0xe9, 0xe8, 0xea, 0xc2, 0xfb};
	struct key_layout *de = layout("de"), *us = layout("us");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(composed); i++) {
		assert_int_equal(types(de, KEY_MEANS_OWN, composed[i]), 0);
		assert_int_equal(types(de, KEY_MEANS_DEAD, composed[i]), 2);
		expect_types(de, KEY_MEANS_DEAD, composed[i]);
	}
	/* Once they are known, they are no keys of their own. */
	assert_int_equal(types(de, KEY_MEANS_OWN, 0xe9), 0);
	assert_int_equal(types(us, KEY_MEANS_DEAD, '^'), 1);
	assert_int_equal(types(us, KEY_MEANS_DEAD, 0xe9), 0);
	key_layout_free(de);
	key_layout_free(us);
}

static void without_a_table_accents_alone_are_typed_all_the_same(void **state)
{
	struct key_layout *de = layout("de");

	(void)state;
	setenv("XLOCALEDIR", "/nowhere", 1);
	assert_int_equal(types(de, KEY_MEANS_DEAD, 0xe9), 0);
	unsetenv("XLOCALEDIR");
	expect_types(de, KEY_MEANS_DEAD, '^');
	expect_types(de, KEY_MEANS_DEAD, '`');
	key_layout_free(de);
}

/* --- Caps Lock --- */

static void caps_lock_is_taken_off_where_its_layout_needs_that(void **state)
{
	struct stroke s[KEY_LAYOUT_STROKES_MAX], caps;
	struct key_layout *fr = layout("fr"), *jp = layout("jp"), *us;

	(void)state;
	assert_false(key_layout_caps(fr, &caps));
	tap(fr, KEY_CAPSLOCK);
	assert_true(key_layout_caps(fr, &caps));
	assert_int_equal(caps.key, KEY_CAPSLOCK);
	assert_int_equal(key_layout_type(fr, 0xe9, KEY_MEANS_OWN, s), 3);
	assert_int_equal(s[0].key, KEY_CAPSLOCK);
	assert_int_equal(s[1].key, KEY_2);
	assert_int_equal(s[2].key, KEY_CAPSLOCK);
	expect_types(fr, KEY_MEANS_OWN, 0xe9);
	/* A sender that says what is in force needs no such thing. */
	assert_true(key_layout_find(fr, 'a', &s[0].key, &(uint32_t){0}));
	tap(fr, KEY_CAPSLOCK);
	assert_int_equal(types(fr, KEY_MEANS_OWN, 0xe9), 1);
	/* Where it is another key's second level. */
	key_layout_told(jp, KEY_LAYOUT_CAPS, 0);
	assert_true(key_layout_caps(jp, &caps));
	assert_int_equal(caps.key, KEY_CAPSLOCK);
	assert_int_equal(caps.mods[0], KEY_LEFTSHIFT);
	/* Or both Shift keys together: a key is not struck while it is held for itself. */
	setenv("XKB_DEFAULT_OPTIONS", "ctrl:nocaps,shift:both_capslock", 1);
	us = layout("us");
	unsetenv("XKB_DEFAULT_OPTIONS");
	key_layout_told(us, KEY_LAYOUT_CAPS, 0);
	assert_true(key_layout_caps(us, &caps));
	assert_int_equal(caps.key, KEY_RIGHTSHIFT);
	assert_int_equal(caps.mods[0], KEY_LEFTSHIFT);
	key_layout_free(us);
	key_layout_free(fr);
	key_layout_free(jp);
}

/* --- the input method's way --- */

static void a_number_is_spelled_with_the_keys_of_the_layout(void **state)
{
	static const uint32_t digits[] = {'1', 'f', '6', '0', '0', ' '};
	struct key_layout *fr = layout("fr"), *gr = layout("gr");
	struct stroke s[KEY_LAYOUT_STROKES_MAX];
	struct reader r;

	(void)state;
	for (unsigned caps = 0; caps < 2; caps++) {
		assert_int_equal(key_layout_type(fr, 0x1f600, KEY_MEANS_SPELL, s), 7 + 2 * caps);
		assert_int_equal(s[caps].key, KEY_U);
		assert_int_equal(s[caps].mods[0], KEY_LEFTCTRL);
		assert_int_equal(s[caps].mods[1], KEY_LEFTSHIFT);
		reader_begin(&r, fr);
		play(&r, s, caps);
		play(&r, s + caps + 1, ARRAY_LEN(digits));
		assert_int_equal(r.n, ARRAY_LEN(digits));
		assert_memory_equal(r.text, digits, sizeof(digits));
		reader_end(&r);
		tap(fr, KEY_CAPSLOCK);
	}
	assert_int_equal(types(fr, KEY_MEANS_DEAD, 0x1f600), 0);
	assert_int_equal(types(fr, KEY_MEANS_SPELL, 1), 0);
	assert_int_equal(types(fr, KEY_MEANS_SPELL, 0xd800), 0);
	assert_int_equal(types(fr, KEY_MEANS_SPELL, 0x110000), 0);
	assert_int_equal(types(gr, KEY_MEANS_SPELL, 0x1f600), 0); /* it has no such digits */
	key_layout_free(fr);
	key_layout_free(gr);
}

static void control_is_where_the_layout_has_it(void **state)
{
	struct stroke s[KEY_LAYOUT_STROKES_MAX];
	struct key_layout *l;

	(void)state;
	setenv("XKB_DEFAULT_OPTIONS", "ctrl:swapcaps", 1);
	l = layout("us");
	unsetenv("XKB_DEFAULT_OPTIONS");
	assert_int_equal(key_layout_type(l, 0x4e00, KEY_MEANS_SPELL, s), 6);
	assert_int_not_equal(s[0].mods[0], KEY_LEFTCTRL);
	tap(l, KEY_LEFTCTRL); /* is Caps Lock */
	assert_true(key_layout_caps(l, s));
	assert_int_equal(s[0].key, KEY_LEFTCTRL);
	key_layout_free(l);
}

/* --- what is held --- */

static bool is_among(const uint16_t *keys, unsigned n, uint16_t key)
{
	for (unsigned i = 0; i < n; i++)
		if (keys[i] == key)
			return true;
	return false;
}

static void locks_and_modifiers_are_told_apart(void **state)
{
	static const uint16_t not [] = {KEY_CAPSLOCK, KEY_NUMLOCK, KEY_A, KEY_ENTER};
	struct key_layout *l = layout("de");
	const uint16_t *keys;
	unsigned n = key_layout_modifiers(l, &keys);

	(void)state;
	for (unsigned i = 0; i < COMMON_MODS; i++)
		assert_true(is_among(keys, n, common_mods[i]));
	for (size_t i = 0; i < ARRAY_LEN(not ); i++)
		assert_false(is_among(keys, n, not [i]));
	key_layout_free(l);
}

static void modifiers_follow_the_keys(void **state)
{
	struct key_layout *l = layout("us");
	struct key_mods m;

	(void)state;
	assert_true(key_layout_key(l, KEY_LEFTSHIFT, true));
	assert_false(key_layout_key(l, KEY_A, true));
	assert_true(key_layout_held(l, KEY_A));
	tap(l, KEY_CAPSLOCK);
	key_layout_mods(l, &m);
	assert_int_equal(m.depressed, SHIFT);
	assert_int_equal(m.locked, KEY_LAYOUT_CAPS);
	/* The desktop knows better, and nothing of our fingers. */
	key_layout_told(l, 0, 0);
	key_layout_mods(l, &m);
	assert_int_equal(m.depressed, SHIFT);
	assert_int_equal(m.locked, 0);
	assert_false(key_layout_key(l, 0xffff, true));
	assert_false(key_layout_held(l, 0xffff));
	key_layout_free(l);
}

static void a_new_layout_takes_over_what_is_held(void **state)
{
	struct key_layout *old = layout("us"), *l = layout("fr");
	struct key_mods m;

	(void)state;
	key_layout_key(old, KEY_LEFTSHIFT, true);
	key_layout_key(old, KEY_A, true);
	key_layout_key(old, KEY_CAPSLOCK, true);
	key_layout_inherit(l, old);
	key_layout_mods(l, &m);
	assert_int_equal(m.depressed & SHIFT, SHIFT);
	assert_int_equal(m.locked, KEY_LAYOUT_CAPS);
	assert_true(key_layout_held(l, KEY_A));
	key_layout_key(l, KEY_LEFTSHIFT, false);
	key_layout_key(l, KEY_CAPSLOCK, false);
	key_layout_mods(l, &m);
	assert_int_equal(m.depressed, 0);
	key_layout_free(old);
	key_layout_free(l);
}

static void what_is_no_keymap_is_refused(void **state)
{
	static const char *const bad[] = {"", "xkb_keymap {", "nonsense"};
	struct key_layout *l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(key_layout_new(&l, bad[i], strlen(bad[i])), -EINVAL);
		assert_null(l);
	}
	key_layout_free(NULL);
}

static void text_is_what_is_no_control_and_no_half_of_anything(void **state)
{
	static const uint32_t text[] = {' ', '~', 0xa0, 0xfdcf, 0xe000, 0x1f600, 0x10fffd};
	static const uint32_t none[] = {0, '\n', 0x7f, 0x9f, 0xd800, 0xdfff, 0xfdd0, 0xfffe, 0x1ffff, 0x110000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		assert_true(key_layout_is_text(text[i]));
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(key_layout_is_text(none[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_character_is_a_key_and_what_it_needs),
		cmocka_unit_test(what_the_layout_in_force_lacks_has_no_key_of_its_own),
		cmocka_unit_test(ascii_is_typed_on_every_layout_of_it_whatever_is_locked),
		cmocka_unit_test(accents_come_of_dead_keys),
		cmocka_unit_test(without_a_table_accents_alone_are_typed_all_the_same),
		cmocka_unit_test(caps_lock_is_taken_off_where_its_layout_needs_that),
		cmocka_unit_test(a_number_is_spelled_with_the_keys_of_the_layout),
		cmocka_unit_test(control_is_where_the_layout_has_it),
		cmocka_unit_test(locks_and_modifiers_are_told_apart),
		cmocka_unit_test(modifiers_follow_the_keys),
		cmocka_unit_test(a_new_layout_takes_over_what_is_held),
		cmocka_unit_test(what_is_no_keymap_is_refused),
		cmocka_unit_test(text_is_what_is_no_control_and_no_half_of_anything),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Keymaps of the virtual keyboard, read back with libxkbcommon as a compositor's client reads them. */
#include <errno.h>
#include <linux/input-event-codes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon.h>
#include <cmocka.h>

#include "base/str.h"
#include "input/keymap.h"
#include "input/wlr_keymap.h"

static const char *const layouts[] = {"us", "de", "fr", "jp", "us,ru", "gr"};

/* What a reader of the uploaded text sees. */
struct reader {
	struct xkb_context *context;
	struct xkb_keymap *keymap;
	struct xkb_state *state;
};

static void read_text(struct reader *r, const char *text)
{
	r->context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	assert_non_null(r->context);
	r->keymap =
		xkb_keymap_new_from_string(r->context, text, XKB_KEYMAP_FORMAT_TEXT_V1, XKB_KEYMAP_COMPILE_NO_FLAGS);
	assert_non_null(r->keymap);
	r->state = xkb_state_new(r->keymap);
	assert_non_null(r->state);
}

static void reader_end(struct reader *r)
{
	xkb_state_unref(r->state);
	xkb_keymap_unref(r->keymap);
	xkb_context_unref(r->context);
}

static void read_keymap(struct reader *r, struct wlr_keymap *k)
{
	size_t len;
	const char *text = wlr_keymap_text(k, &len);

	assert_int_equal(strlen(text), len);
	read_text(r, text);
}

static uint32_t stroke_gives(struct reader *r, const struct wlr_stroke *s)
{
	xkb_state_update_mask(r->state, s->mods.depressed, s->mods.latched, s->mods.locked, 0, 0, s->mods.group);
	return xkb_state_key_get_utf32(r->state, (xkb_keycode_t)s->evdev + 8);
}

static struct wlr_keymap *layout(const char *name)
{
	struct wlr_keymap *k;

	setenv("XKB_DEFAULT_LAYOUT", name, 1);
	assert_int_equal(wlr_keymap_new(&k, NULL), 0);
	unsetenv("XKB_DEFAULT_LAYOUT");
	return k;
}

static void all_of_ascii_and_latin_is_typed_on_every_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		struct wlr_keymap *k = layout(layouts[i]);

		for (uint32_t cp = 0x20; cp < 0x180; cp++) {
			struct wlr_stroke s;
			struct reader r;

			if (cp >= 0x7f && cp < 0xa0)
				continue;
			assert_int_equal(wlr_keymap_type(k, cp, &s), 0);
			if (cp % 8 && !s.changed) /* reading is slow: those of the layout are looked at now and then */
				continue;
			read_keymap(&r, k);
			assert_int_equal(stroke_gives(&r, &s), cp);
			reader_end(&r);
		}
		wlr_keymap_free(k);
	}
}

static void characters_of_the_layout_use_its_keys(void **state)
{
	static const struct {
		const char *layout;
		uint32_t cp;
		uint16_t evdev;
		uint32_t mods; /* 1 shift, 0x80 Mod5: AltGr */
	} cases[] = {
		{"us", 'a', KEY_A, 0},       {"us", 'A', KEY_A, 1},          {"us", '*', KEY_8, 1},
		{"us", '1', KEY_1, 0},       {"us", '\n', KEY_ENTER, 0},     {"us", '\t', KEY_TAB, 0},
		{"de", 'y', KEY_Z, 0},       {"de", 0xfc, KEY_LEFTBRACE, 0}, {"de", '@', KEY_Q, 0x80},
		{"de", 0x20ac, KEY_E, 0x80}, {"fr", 'a', KEY_Q, 0},          {"fr", '1', KEY_1, 1},
		{"fr", 0xe9, KEY_2, 0},      {"fr", '#', KEY_3, 0x80},       {"jp", '@', KEY_LEFTBRACE, 0},
		{"jp", '"', KEY_2, 1},       {"ru", 0x444, KEY_A, 0},        {"ru", 0x424, KEY_A, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wlr_keymap *k = layout(cases[i].layout);
		struct wlr_stroke s;

		assert_int_equal(wlr_keymap_type(k, cases[i].cp, &s), 0);
		assert_int_equal(s.evdev, cases[i].evdev);
		assert_int_equal(s.mods.depressed, cases[i].mods);
		assert_false(s.changed);
		wlr_keymap_free(k);
	}
}

static void others_get_a_spare_key_and_keep_it_for_a_while(void **state)
{
	static const uint32_t cps[] = {0x4e00, 0x1f600, 0x416, 0xe000, 0x10fffd, 0x100, 0x8ff16};
	struct wlr_keymap *k = layout("us");
	struct wlr_stroke s[ARRAY_LEN(cps)], again;
	struct reader r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cps); i++) {
		assert_int_equal(wlr_keymap_type(k, cps[i], &s[i]), 0);
		assert_true(s[i].changed);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(s[i].evdev, s[j].evdev);
		for (unsigned vk = 0; vk < 256; vk++) {
			assert_int_not_equal(s[i].evdev, evdev_key((uint8_t)vk, false));
			assert_int_not_equal(s[i].evdev, evdev_key((uint8_t)vk, true));
		}
	}
	read_keymap(&r, k);
	for (size_t i = 0; i < ARRAY_LEN(cps); i++) {
		assert_int_equal(stroke_gives(&r, &s[i]), cps[i]);
		assert_int_equal(wlr_keymap_type(k, cps[i], &again), 0);
		assert_false(again.changed);
		assert_int_equal(again.evdev, s[i].evdev);
	}
	reader_end(&r);
	wlr_keymap_free(k);
}

static void a_thousand_others_each_are_the_newest_meaning_of_a_key(void **state)
{
	struct wlr_keymap *k = layout("de");
	size_t longest = 0, len;

	(void)state;
	for (uint32_t cp = 0x4e00; cp < 0x4e00 + 1000; cp++) {
		struct wlr_stroke s;
		struct reader r;

		assert_int_equal(wlr_keymap_type(k, cp, &s), 0);
		assert_true(s.changed);
		wlr_keymap_text(k, &len);
		longest = len > longest ? len : longest;
		if (cp % 50)
			continue;
		read_keymap(&r, k);
		assert_int_equal(stroke_gives(&r, &s), cp);
		reader_end(&r);
	}
	wlr_keymap_text(k, &len);
	assert_int_equal(len, longest); /* it does not grow */
	wlr_keymap_free(k);
}

static void what_has_no_symbol_is_not_typed(void **state)
{
	static const uint32_t cps[] = {1,      0x0b + 1, 0x80,    0x9f,     0xd800,    0xdfff,
				       0xfdd0, 0xfffe,   0x1ffff, 0x110000, UINT32_MAX};
	struct wlr_keymap *k = layout("us");
	struct wlr_stroke s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cps); i++)
		assert_int_equal(wlr_keymap_type(k, cps[i], &s), -ENOENT);
	wlr_keymap_free(k);
}

static void a_held_key_is_not_used_for_text(void **state)
{
	struct wlr_keymap *k = layout("us");
	struct wlr_stroke s;

	(void)state;
	key_layout_key(wlr_keymap_layout(k), KEY_W, true);
	assert_int_equal(wlr_keymap_type(k, 'w', &s), 0);
	assert_int_not_equal(s.evdev, KEY_W);
	key_layout_key(wlr_keymap_layout(k), KEY_W, false);
	assert_int_equal(wlr_keymap_type(k, 'w', &s), 0);
	assert_int_equal(s.evdev, KEY_W);
	wlr_keymap_free(k);
}

static void modifiers_follow_the_keys(void **state)
{
	struct wlr_keymap *k = layout("us");
	struct key_mods m;

	(void)state;
	assert_true(key_layout_key(wlr_keymap_layout(k), KEY_LEFTSHIFT, true));
	assert_false(key_layout_key(wlr_keymap_layout(k), KEY_A, true));
	assert_true(key_layout_key(wlr_keymap_layout(k), KEY_LEFTCTRL, true));
	key_layout_mods(wlr_keymap_layout(k), &m);
	assert_int_equal(m.depressed, 1 | 4);
	assert_true(key_layout_key(wlr_keymap_layout(k), KEY_LEFTSHIFT, false));
	key_layout_key(wlr_keymap_layout(k), KEY_CAPSLOCK, true);
	key_layout_key(wlr_keymap_layout(k), KEY_CAPSLOCK, false);
	key_layout_mods(wlr_keymap_layout(k), &m);
	assert_int_equal(m.depressed, 4);
	assert_int_equal(m.locked, 2);
	key_layout_key(wlr_keymap_layout(k), KEY_LEFTCTRL, false);
	key_layout_mods(wlr_keymap_layout(k), &m);
	assert_int_equal(m.depressed, 0);
	assert_false(key_layout_key(wlr_keymap_layout(k), 0xffff, true));
	assert_false(key_layout_held(wlr_keymap_layout(k), 0xffff));
	wlr_keymap_free(k);
}

static void a_new_keymap_takes_over_what_is_held(void **state)
{
	struct wlr_keymap *old = layout("us"), *k = layout("fr");
	struct key_mods m;

	(void)state;
	key_layout_key(wlr_keymap_layout(old), KEY_LEFTSHIFT, true);
	key_layout_key(wlr_keymap_layout(old), KEY_A, true);
	key_layout_key(wlr_keymap_layout(old), KEY_CAPSLOCK, true);
	key_layout_inherit(wlr_keymap_layout(k), wlr_keymap_layout(old));
	key_layout_mods(wlr_keymap_layout(k), &m);
	assert_int_equal(m.depressed & 1, 1);
	assert_int_equal(m.locked, 2);
	assert_true(key_layout_held(wlr_keymap_layout(k), KEY_A));
	key_layout_key(wlr_keymap_layout(k), KEY_LEFTSHIFT, false);
	key_layout_key(wlr_keymap_layout(k), KEY_CAPSLOCK, false);
	key_layout_mods(wlr_keymap_layout(k), &m);
	assert_int_equal(m.depressed, 0);
	wlr_keymap_free(old);
	wlr_keymap_free(k);
}

static void our_own_keymap_is_known_again(void **state)
{
	struct wlr_keymap *k = layout("de");
	struct reader r;
	char *told;
	size_t len;

	(void)state;
	read_text(&r, wlr_keymap_text(k, &len));
	told = xkb_keymap_get_as_string(r.keymap, XKB_KEYMAP_FORMAT_TEXT_V1); /* as a compositor tells it */
	assert_true(wlr_keymap_is_ours(told));
	free(told);
	reader_end(&r);
	wlr_keymap_free(k);
	assert_false(wlr_keymap_is_ours("xkb_keymap { xkb_keycodes \"evdev\" { }; };"));
	assert_false(wlr_keymap_is_ours(""));
}

static void another_sessions_keymap_has_as_many_spare_keys(void **state)
{
	struct wlr_keymap *first = layout("de"), *second;
	struct wlr_stroke s;
	uint16_t keys[64];
	struct reader r;
	size_t len;

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(wlr_keymap_type(first, 0x4e00 + i, &s), 0);
	assert_int_equal(wlr_keymap_new(&second, wlr_keymap_text(first, &len)), 0);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(wlr_keymap_type(second, 0x5e00 + i, &s), 0);
		keys[i] = s.evdev;
		read_keymap(&r, second);
		assert_int_equal(stroke_gives(&r, &s), 0x5e00 + i);
		reader_end(&r);
	}
	for (unsigned i = 0; i < 16; i++) /* not the same key again and again */
		for (unsigned j = i + 1; j < 16 && j < i + 8; j++)
			assert_int_not_equal(keys[i], keys[j]);
	assert_int_equal(wlr_keymap_type(second, 'y', &s), 0);
	assert_int_equal(s.evdev, KEY_Z);
	wlr_keymap_free(first);
	wlr_keymap_free(second);
}

static void a_compositors_keymap_is_taken_and_anything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"xkb_keymap {",
		"nonsense",
		/* of a program that types: two keys */
		"xkb_keymap { xkb_keycodes \"t\" { minimum = 8; maximum = 255; <A> = 9; <B> = 10; };"
		"xkb_types \"t\" { include \"complete\" }; xkb_compatibility \"t\" { include \"complete\" };"
		"xkb_symbols \"t\" { key <A> {[a]}; key <B> {[b]}; }; };",
	};
	struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	struct xkb_rule_names names = {.layout = "de"};
	struct xkb_keymap *keymap = xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
	char *text = xkb_keymap_get_as_string(keymap, XKB_KEYMAP_FORMAT_TEXT_V1);
	struct wlr_keymap *k;
	struct wlr_stroke s;

	(void)state;
	assert_int_equal(wlr_keymap_new(&k, text), 0);
	assert_true(wlr_keymap_same(k, text));
	assert_false(wlr_keymap_same(k, "other"));
	assert_int_equal(wlr_keymap_type(k, 'y', &s), 0);
	assert_int_equal(s.evdev, KEY_Z);
	wlr_keymap_free(k);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(wlr_keymap_new(&k, bad[i]), -EINVAL);
		assert_null(k);
	}
	free(text);
	xkb_keymap_unref(keymap);
	xkb_context_unref(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_ascii_and_latin_is_typed_on_every_layout),
		cmocka_unit_test(characters_of_the_layout_use_its_keys),
		cmocka_unit_test(others_get_a_spare_key_and_keep_it_for_a_while),
		cmocka_unit_test(a_thousand_others_each_are_the_newest_meaning_of_a_key),
		cmocka_unit_test(what_has_no_symbol_is_not_typed),
		cmocka_unit_test(a_held_key_is_not_used_for_text),
		cmocka_unit_test(modifiers_follow_the_keys),
		cmocka_unit_test(a_new_keymap_takes_over_what_is_held),
		cmocka_unit_test(our_own_keymap_is_known_again),
		cmocka_unit_test(another_sessions_keymap_has_as_many_spare_keys),
		cmocka_unit_test(a_compositors_keymap_is_taken_and_anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/wlr_keymap.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon.h>

#include "base/str.h"
#include "input/keymap.h"
#include "input/key_layout.h"

#define SPARES_MAX   32
#define LINE_MAX_LEN 64 /* of one spare key in the text */

/* A keymap that bears this name is one of ours. */
#define OUR_KEYCODES "xkb_keycodes \"moonrill\" {"

struct spare {
	uint16_t evdev;
	uint32_t code_point; /* 0: none yet */
	uint64_t used;       /* turn in which it was typed last */
};

struct wlr_keymap {
	struct key_layout *layout; /* of base */
	char *source;              /* what it was made from; NULL: names */
	char *base;                /* the layout, written by libxkbcommon, with our name */
	size_t insert;             /* offset in base where further symbols go */
	char *text;                /* base with spares */
	struct spare spares[SPARES_MAX];
	unsigned spare_count;
	uint64_t turn;
};

static xkb_keycode_t keycode(uint16_t evdev)
{
	return (xkb_keycode_t)evdev + KEYCODE_EVDEV;
}

static bool has_symbols(struct xkb_keymap *keymap, xkb_keycode_t code)
{
	return xkb_keymap_num_layouts_for_key(keymap, code) > 0;
}

static bool whole_keyboard(struct xkb_keymap *keymap)
{
	static const uint16_t keys[] = {KEY_ESC,       KEY_1,   KEY_0,  KEY_Q,        KEY_P,     KEY_A,
					KEY_L,         KEY_Z,   KEY_M,  KEY_SPACE,    KEY_ENTER, KEY_UP,
					KEY_BACKSPACE, KEY_TAB, KEY_F1, KEY_LEFTSHIFT};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!has_symbols(keymap, keycode(keys[i])))
			return false;
	return true;
}

/* A client must not be able to press a key that stands for a character. */
static bool client_has_key(uint16_t evdev)
{
	for (unsigned vk = 0; vk < 256; vk++)
		if (evdev_key((uint8_t)vk, false) == evdev || evdev_key((uint8_t)vk, true) == evdev)
			return true;
	return false;
}

/* In a keymap of ours that we were told, another session's: a character that it has given to a spare key. */
static bool gives_one_character(struct xkb_keymap *keymap, xkb_keycode_t code)
{
	const xkb_keysym_t *syms;

	return xkb_keymap_num_layouts_for_key(keymap, code) == 1 &&
	       xkb_keymap_num_levels_for_key(keymap, code, 0) == 1 &&
	       xkb_keymap_key_get_syms_by_level(keymap, code, 0, 0, &syms) == 1 && xkb_keysym_to_utf32(*syms) > ' ';
}

static void find_spares(struct wlr_keymap *k)
{
	bool inherited = k->source && wlr_keymap_is_ours(k->source);
	struct xkb_keymap *keymap = key_layout_keymap(k->layout);

	for (xkb_keycode_t code = KEYCODE_MAX; code > KEYCODE_EVDEV && k->spare_count < SPARES_MAX; code--) {
		uint16_t evdev = (uint16_t)(code - KEYCODE_EVDEV);

		if (!xkb_keymap_key_get_name(keymap, code) || client_has_key(evdev))
			continue;
		if (!has_symbols(keymap, code) || (inherited && gives_one_character(keymap, code)))
			k->spares[k->spare_count++] = (struct spare){.evdev = evdev};
	}
}

/*
 * Names the keymap, and finds the end of its symbols. The text is libxkbcommon's own: four sections, each closed by a
 * line "};", symbols last, then the line that closes the whole.
 */
static int name_and_measure(struct wlr_keymap *k, const char *text)
{
	const char *name = strstr(text, "xkb_keycodes"), *body = name ? strchr(name, '{') : NULL, *end = NULL;
	const char *last = NULL;
	size_t head;

	if (!body)
		return -EINVAL;
	for (const char *at = strstr(body, "\n};"); at; at = strstr(at + 1, "\n};")) {
		end = last;
		last = at;
	}
	if (!end)
		return -EINVAL;
	head = (size_t)(name - text);
	k->base = malloc(strlen(text) + sizeof(OUR_KEYCODES));
	if (!k->base)
		return -ENOMEM;
	memcpy(k->base, text, head);
	strcpy(stpcpy(k->base + head, OUR_KEYCODES), body + 1);
	k->insert = head + strlen(OUR_KEYCODES) + (size_t)(end - body); /* behind the newline */
	return 0;
}

/* What we count modifiers with is compiled from just what the compositor gets, so that the masks agree. */
static int compile(struct wlr_keymap *k, struct key_layout *from)
{
	char *text = xkb_keymap_get_as_string(key_layout_keymap(from), XKB_KEYMAP_FORMAT_TEXT_V1);
	int err = text ? name_and_measure(k, text) : -ENOMEM;

	free(text);
	if (err)
		return err;
	k->text = malloc(strlen(k->base) + SPARES_MAX * LINE_MAX_LEN + 1);
	if (!k->text)
		return -ENOMEM;
	err = key_layout_new(&k->layout, k->base, strlen(k->base));
	if (err)
		return err;
	if (!whole_keyboard(key_layout_keymap(k->layout)))
		return -EINVAL;
	find_spares(k);
	return 0;
}

int wlr_keymap_new(struct wlr_keymap **out, const char *text)
{
	struct wlr_keymap *k = calloc(1, sizeof(*k));
	struct key_layout *from = NULL;
	int err = -ENOMEM;

	*out = NULL;
	if (!k)
		return -ENOMEM;
	k->source = text ? strdup(text) : NULL;
	if (text && !k->source)
		goto fail;
	err = key_layout_new(&from, text, text ? strlen(text) : 0);
	if (!err)
		err = compile(k, from);
	key_layout_free(from);
	if (err)
		goto fail;
	*out = k;
	return 0;
fail:
	wlr_keymap_free(k);
	return err;
}

void wlr_keymap_free(struct wlr_keymap *k)
{
	if (!k)
		return;
	key_layout_free(k->layout);
	free(k->source);
	free(k->base);
	free(k->text);
	free(k);
}

bool wlr_keymap_is_ours(const char *text)
{
	const char *name = strstr(text, "xkb_keycodes");

	return name && strncmp(name, OUR_KEYCODES, strlen(OUR_KEYCODES)) == 0;
}

bool wlr_keymap_same(const struct wlr_keymap *k, const char *text)
{
	return k->source && strcmp(k->source, text) == 0;
}

const char *wlr_keymap_text(struct wlr_keymap *k, size_t *len)
{
	struct xkb_keymap *keymap = key_layout_keymap(k->layout);
	char *at = k->text;

	memcpy(at, k->base, k->insert);
	at += k->insert;
	for (unsigned i = 0; i < k->spare_count; i++) {
		const struct spare *s = &k->spares[i];

		if (s->code_point)
			at += snprintf(at, LINE_MAX_LEN, "\tkey <%.8s> { [ U%04X ] };\n",
				       xkb_keymap_key_get_name(keymap, keycode(s->evdev)), (unsigned)s->code_point);
	}
	at = stpcpy(at, k->base + k->insert);
	*len = (size_t)(at - k->text);
	return k->text;
}

struct key_layout *wlr_keymap_layout(const struct wlr_keymap *k)
{
	return k->layout;
}

/* The spare key that has the character already, else the one that was not used for the longest time. */
static int take_spare(struct wlr_keymap *k, uint32_t code_point, struct wlr_stroke *s)
{
	struct spare *best = NULL;

	for (unsigned i = 0; i < k->spare_count; i++) {
		struct spare *at = &k->spares[i];

		if (at->code_point == code_point) {
			best = at;
			break;
		}
		if (!best || at->used < best->used)
			best = at;
	}
	if (!best)
		return -ENOSPC;
	s->changed = best->code_point != code_point;
	s->evdev = best->evdev;
	best->code_point = code_point;
	best->used = ++k->turn;
	return 0;
}

int wlr_keymap_type(struct wlr_keymap *k, uint32_t code_point, struct wlr_stroke *s)
{
	struct key_mods now;

	key_layout_mods(k->layout, &now);
	*s = (struct wlr_stroke){.mods.group = now.group};
	if (key_layout_find(k->layout, code_point, &s->evdev, &s->mods.depressed) &&
	    !key_layout_held(k->layout, s->evdev))
		return 0;
	s->mods.depressed = 0;
	/* libxkbcommon's releases differ about the odd ones, and a compositor refuses a whole keymap for one name. */
	if (!key_layout_is_text(code_point) || xkb_utf32_to_keysym(code_point) == XKB_KEY_NoSymbol)
		return -ENOENT;
	return take_spare(k, code_point, s);
}

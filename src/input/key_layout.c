// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/key_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>

#include "base/str.h"
#include "input/key_ways.h"

#define REAL_MODS 0xffu /* which have the same bits in every keymap */

struct key_layout {
	struct xkb_context *context;
	struct xkb_keymap *keymap;
	struct xkb_state *state; /* what the desktop's would be */
	struct xkb_compose_state *compose;
	bool compose_sought; /* compose NULL: there is no table on this machine */
	uint64_t held[KEY_LAYOUT_KEYS / 64];
	struct key_ways now;   /* as things stand */
	struct key_ways plain; /* without Caps Lock */
};

int key_layout_new(struct key_layout **out, const char *text, size_t len)
{
	struct key_layout *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	l->context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	if (!l->context)
		goto fail;
	xkb_context_set_log_level(l->context, XKB_LOG_LEVEL_CRITICAL); /* a bad keymap is told by us */
	if (text)
		l->keymap = xkb_keymap_new_from_buffer(l->context, text, strnlen(text, len), XKB_KEYMAP_FORMAT_TEXT_V1,
						       XKB_KEYMAP_COMPILE_NO_FLAGS);
	else
		l->keymap = xkb_keymap_new_from_names(l->context, NULL, XKB_KEYMAP_COMPILE_NO_FLAGS);
	err = -EINVAL;
	if (!l->keymap)
		goto fail;
	err = -ENOMEM;
	l->state = xkb_state_new(l->keymap);
	if (!l->state)
		goto fail;
	*out = l;
	return 0;
fail:
	key_layout_free(l);
	return err;
}

void key_layout_free(struct key_layout *l)
{
	if (!l)
		return;
	xkb_compose_state_unref(l->compose);
	xkb_state_unref(l->state);
	xkb_keymap_unref(l->keymap);
	xkb_context_unref(l->context);
	free(l);
}

struct xkb_keymap *key_layout_keymap(struct key_layout *l)
{
	return l->keymap;
}

/* --- what is held and locked --- */

static uint32_t mods(const struct key_layout *l, enum xkb_state_component which)
{
	return xkb_state_serialize_mods(l->state, which);
}

static uint32_t group(const struct key_layout *l)
{
	return xkb_state_serialize_layout(l->state, XKB_STATE_LAYOUT_EFFECTIVE);
}

bool key_layout_key(struct key_layout *l, uint16_t evdev, bool down)
{
	uint64_t bit = 1ull << (evdev % 64);

	if (evdev >= KEY_LAYOUT_KEYS)
		return false;
	l->held[evdev / 64] = down ? l->held[evdev / 64] | bit : l->held[evdev / 64] & ~bit;
	return xkb_state_update_key(l->state, (xkb_keycode_t)evdev + KEYCODE_EVDEV, down ? XKB_KEY_DOWN : XKB_KEY_UP) !=
	       0;
}

bool key_layout_held(const struct key_layout *l, uint16_t evdev)
{
	return evdev < KEY_LAYOUT_KEYS && l->held[evdev / 64] >> (evdev % 64) & 1;
}

void key_layout_mods(const struct key_layout *l, struct key_mods *m)
{
	*m = (struct key_mods){
		.depressed = mods(l, XKB_STATE_MODS_DEPRESSED),
		.latched = mods(l, XKB_STATE_MODS_LATCHED),
		.locked = mods(l, XKB_STATE_MODS_LOCKED),
		.group = group(l),
	};
}

void key_layout_told(struct key_layout *l, uint32_t locked, uint32_t in_group)
{
	if (mods(l, XKB_STATE_MODS_LOCKED) == locked && group(l) == in_group)
		return;
	/* Keys that we hold stay as they are. */
	xkb_state_update_mask(l->state, mods(l, XKB_STATE_MODS_DEPRESSED), 0, locked, 0, 0, in_group);
}

void key_layout_inherit(struct key_layout *l, const struct key_layout *old)
{
	uint32_t locked = mods(old, XKB_STATE_MODS_LOCKED) & REAL_MODS;

	for (uint16_t key = 0; key < KEY_LAYOUT_KEYS; key++)
		if (key_layout_held(old, key))
			key_layout_key(l, key, true);
	/* A held lock has just locked once more. */
	xkb_state_update_mask(l->state, mods(l, XKB_STATE_MODS_DEPRESSED), 0, locked, 0, 0, 0);
}

/* --- text --- */

/* What applications compose with, near enough: that of a UTF-8 locale. */
static const char *compose_locale(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (!value || !*value)
			continue;
		return strchr(value, '_') && (strcasestr(value, "utf-8") || strcasestr(value, "utf8")) ? value
												       : "en_US.UTF-8";
	}
	return "en_US.UTF-8";
}

static void seek_compose(struct key_layout *l)
{
	struct xkb_compose_table *table;

	if (l->compose_sought)
		return;
	l->compose_sought = true;
	table = xkb_compose_table_new_from_locale(l->context, compose_locale(), XKB_COMPOSE_COMPILE_NO_FLAGS);
	if (table)
		l->compose = xkb_compose_state_new(table, XKB_COMPOSE_STATE_NO_FLAGS);
	xkb_compose_table_unref(table);
}

static struct key_ways *learned(const struct key_layout *l, struct key_ways *w, uint32_t locked)
{
	if (!w->keymap || w->locked != locked || w->group != group(l))
		key_ways_learn(w, l->keymap, locked, group(l));
	return w;
}

static struct key_ways *as_things_stand(struct key_layout *l)
{
	return learned(l, &l->now, mods(l, XKB_STATE_MODS_LOCKED));
}

/* NULL: it is not on, or no key takes it off. */
static struct key_ways *without_caps(struct key_layout *l)
{
	const struct key_ways *now = as_things_stand(l);
	uint32_t after = now->locked ? key_ways_locked_after_caps(now) : 0;

	return after & ~now->locked || after == now->locked ? NULL : learned(l, &l->plain, after);
}

static unsigned by_keys(struct key_layout *l, struct key_ways *w, uint32_t code_point, enum key_means means,
			struct stroke s[2])
{
	const struct key_way *way = key_ways_find(w, code_point);

	if (!way && means >= KEY_MEANS_DEAD) {
		seek_compose(l);
		key_ways_compose(w, l->compose);
		way = key_ways_find(w, code_point);
	}
	if (!way || (way->n > 1 && means < KEY_MEANS_DEAD))
		return 0;
	memcpy(s, way->s, sizeof(way->s));
	return way->n;
}

static bool find_own(void *ctx, char c, struct stroke *s)
{
	const struct key_way *way = key_ways_find(ctx, (uint8_t)c);

	if (!way || way->n != 1)
		return false;
	*s = way->s[0];
	return true;
}

static bool has_number(uint32_t code_point)
{
	bool control = code_point <= ' ' || (code_point >= 0x7f && code_point < 0xa0);

	return !control && code_point <= 0x10ffff && !(code_point >= 0xd800 && code_point < 0xe000);
}

static unsigned spelled(struct key_ways *w, uint32_t code_point, struct stroke s[HEX_STROKES_MAX])
{
	const uint16_t ctrl_shift[2] = {key_ways_modifier(w, XKB_MOD_NAME_CTRL),
					key_ways_modifier(w, XKB_MOD_NAME_SHIFT)};

	if (!has_number(code_point) || !ctrl_shift[0] || !ctrl_shift[1])
		return 0;
	return hex_strokes(s, code_point, ctrl_shift, find_own, w);
}

/* s[0] is free for it. */
static unsigned between_caps(const struct key_layout *l, struct stroke s[KEY_LAYOUT_STROKES_MAX], unsigned n)
{
	if (!n)
		return 0;
	s[0] = s[n + 1] = l->now.caps_lock;
	return n + 2;
}

/* To an input method as well Ctrl+Shift+U is another key with Caps Lock on. */
unsigned key_layout_type(struct key_layout *l, uint32_t code_point, enum key_means means,
			 struct stroke s[KEY_LAYOUT_STROKES_MAX])
{
	struct key_ways *now = as_things_stand(l), *plain;
	unsigned n;

	code_point = code_point == '\n' ? '\r' : code_point;
	n = by_keys(l, now, code_point, means, s);
	if (n)
		return n;
	plain = without_caps(l);
	n = plain ? by_keys(l, plain, code_point, means, s + 1) : 0;
	if (!n && means == KEY_MEANS_SPELL)
		n = plain ? spelled(plain, code_point, s + 1) : spelled(now, code_point, s);
	return plain ? between_caps(l, s, n) : n;
}

bool key_layout_caps(struct key_layout *l, struct stroke *s)
{
	bool on = without_caps(l);

	if (on)
		*s = l->now.caps_lock;
	return on;
}

bool key_layout_find(struct key_layout *l, uint32_t code_point, uint16_t *evdev, uint32_t *mods_in_force)
{
	const struct key_way *way = key_ways_find(learned(l, &l->plain, 0), code_point == '\n' ? '\r' : code_point);

	if (!way || way->n != 1)
		return false;
	*evdev = way->s[0].key;
	*mods_in_force = way->mods;
	return true;
}

unsigned key_layout_modifiers(struct key_layout *l, const uint16_t **keys)
{
	const struct key_ways *w = as_things_stand(l);

	*keys = w->mods;
	return w->n_mods;
}

bool key_layout_is_text(uint32_t cp)
{
	bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0), surrogate = cp >= 0xd800 && cp < 0xe000;
	bool noncharacter = (cp >= 0xfdd0 && cp < 0xfdf0) || (cp & 0xfffe) == 0xfffe;

	return cp <= 0x10ffff && !control && !surrogate && !noncharacter;
}

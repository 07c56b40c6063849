// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/ei_layout.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>

#include "base/str.h"

#define EVDEV_OFFSET 8   /* XKB counts from there */
#define KEYCODE_MAX  255 /* Xwayland passes no more */
#define LEVEL_MODS   4   /* Shift, AltGr, the fifth level's; more kinds there are not */
#define DEAD_MAX     48
#define WAYS_MAX     4096

/* One character and the strokes that give it. */
struct way {
	uint32_t code_point;
	struct stroke s[2];
	uint8_t n;
	bool unlock; /* only without Caps Lock */
};

struct dead {
	xkb_keysym_t sym;
	struct stroke s;
};

struct ei_layout {
	struct xkb_context *context;
	struct xkb_keymap *keymap;
	struct xkb_state *state;         /* what the server's would be */
	struct xkb_compose_table *table; /* NULL: there is none on this machine */
	struct xkb_compose_state *compose;
	uint16_t mods[STROKE_HELD_MAX];
	unsigned n_mods;
	bool current; /* ways are those of the state */
	struct way *ways;
	unsigned n_ways;
	uint32_t locked; /* in force while it learns */
	struct dead dead[DEAD_MAX];
	unsigned n_dead;
};

static xkb_keycode_t keycode(uint16_t evdev)
{
	return (xkb_keycode_t)evdev + EVDEV_OFFSET;
}

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

/* Only while it is held, and nothing else by it: a lock or a latch is no such key. */
static bool only_modifies(const struct ei_layout *l, xkb_keycode_t code, xkb_mod_mask_t *mask)
{
	struct xkb_state *s = xkb_state_new(l->keymap);
	bool only;

	if (!s)
		return false;
	xkb_state_update_mask(s, 0, 0, 0, 0, 0, xkb_state_serialize_layout(l->state, XKB_STATE_LAYOUT_EFFECTIVE));
	xkb_state_update_key(s, code, XKB_KEY_DOWN);
	*mask = xkb_state_serialize_mods(s, XKB_STATE_MODS_DEPRESSED);
	only = *mask && !xkb_state_serialize_mods(s, XKB_STATE_MODS_LATCHED | XKB_STATE_MODS_LOCKED);
	xkb_state_update_key(s, code, XKB_KEY_UP);
	only = only && !xkb_state_serialize_mods(s, XKB_STATE_MODS_EFFECTIVE);
	xkb_state_unref(s);
	return only;
}

static bool is_listed(const struct ei_layout *l, uint16_t evdev)
{
	for (unsigned i = 0; i < l->n_mods; i++)
		if (l->mods[i] == evdev)
			return true;
	return false;
}

/* Those of every keyboard first: where two keys do the same, the one that people know is pressed. */
static void find_mods(struct ei_layout *l)
{
	xkb_mod_mask_t mask;

	memcpy(l->mods, common_mods, sizeof(common_mods));
	l->n_mods = COMMON_MODS;
	for (xkb_keycode_t code = EVDEV_OFFSET + 1; code <= KEYCODE_MAX && l->n_mods < STROKE_HELD_MAX; code++) {
		uint16_t evdev = (uint16_t)(code - EVDEV_OFFSET);

		if (!is_listed(l, evdev) && xkb_keymap_num_layouts_for_key(l->keymap, code) &&
		    only_modifies(l, code, &mask))
			l->mods[l->n_mods++] = evdev;
	}
}

int ei_layout_new(struct ei_layout **out, const char *text, size_t len)
{
	struct ei_layout *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	l->ways = malloc(WAYS_MAX * sizeof(*l->ways));
	l->context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	if (!l->ways || !l->context)
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
	l->table = xkb_compose_table_new_from_locale(l->context, compose_locale(), XKB_COMPOSE_COMPILE_NO_FLAGS);
	if (l->table)
		l->compose = xkb_compose_state_new(l->table, XKB_COMPOSE_STATE_NO_FLAGS);
	*out = l;
	return 0;
fail:
	ei_layout_free(l);
	return err;
}

void ei_layout_free(struct ei_layout *l)
{
	if (!l)
		return;
	xkb_compose_state_unref(l->compose);
	xkb_compose_table_unref(l->table);
	xkb_state_unref(l->state);
	xkb_keymap_unref(l->keymap);
	xkb_context_unref(l->context);
	free(l->ways);
	free(l);
}

static bool same(const struct ei_layout *l, uint32_t locked, uint32_t group)
{
	return xkb_state_serialize_mods(l->state, XKB_STATE_MODS_LOCKED) == locked &&
	       xkb_state_serialize_layout(l->state, XKB_STATE_LAYOUT_EFFECTIVE) == group;
}

void ei_layout_key(struct ei_layout *l, uint16_t evdev, bool down)
{
	uint32_t locked = xkb_state_serialize_mods(l->state, XKB_STATE_MODS_LOCKED);
	uint32_t group = xkb_state_serialize_layout(l->state, XKB_STATE_LAYOUT_EFFECTIVE);

	xkb_state_update_key(l->state, keycode(evdev), down ? XKB_KEY_DOWN : XKB_KEY_UP);
	l->current = l->current && same(l, locked, group);
}

void ei_layout_told(struct ei_layout *l, uint32_t locked, uint32_t group)
{
	if (same(l, locked, group))
		return;
	/* Keys that we hold stay as they are. */
	xkb_state_update_mask(l->state, xkb_state_serialize_mods(l->state, XKB_STATE_MODS_DEPRESSED), 0, locked, 0, 0,
			      group);
	l->current = false;
}

/* --- what the keys give, as things stand --- */

static int compare(const void *a, const void *b)
{
	const struct way *x = a, *y = b;

	if (x->code_point != y->code_point)
		return x->code_point < y->code_point ? -1 : 1;
	return 0;
}

static const struct way *known(const struct ei_layout *l, uint32_t code_point)
{
	const struct way key = {.code_point = code_point};

	return bsearch(&key, l->ways, l->n_ways, sizeof(key), compare);
}

/* The first way is the best. */
static void note(struct ei_layout *l, const struct way *w)
{
	for (unsigned i = 0; i < l->n_ways; i++)
		if (l->ways[i].code_point == w->code_point)
			return;
	if (w->code_point && l->n_ways < WAYS_MAX)
		l->ways[l->n_ways++] = *w;
}

static bool is_unlocked(const struct ei_layout *l)
{
	return l->locked != xkb_state_serialize_mods(l->state, XKB_STATE_MODS_LOCKED);
}

static bool is_keypad(xkb_keysym_t sym)
{
	return sym >= XKB_KEY_KP_Space && sym <= XKB_KEY_KP_Equal;
}

static bool is_dead(xkb_keysym_t sym)
{
	return sym >= XKB_KEY_dead_grave && sym < XKB_KEY_dead_grave + 0x50;
}

static void note_dead(struct ei_layout *l, xkb_keysym_t sym, const struct stroke *s)
{
	for (unsigned i = 0; i < l->n_dead; i++)
		if (l->dead[i].sym == sym)
			return;
	if (l->n_dead < DEAD_MAX)
		l->dead[l->n_dead++] = (struct dead){sym, *s};
}

/* All keys, with these modifiers held. */
static void note_keys(struct ei_layout *l, struct xkb_state *state, const struct stroke *with)
{
	for (xkb_keycode_t code = EVDEV_OFFSET + 1; code <= KEYCODE_MAX; code++) {
		xkb_keysym_t sym = xkb_state_key_get_one_sym(state, code);
		uint32_t code_point = xkb_keysym_to_utf32(sym);
		struct stroke s = *with;

		s.key = (uint16_t)(code - EVDEV_OFFSET);
		if (is_dead(sym))
			note_dead(l, sym, &s);
		else if (!is_keypad(sym) && sym != XKB_KEY_Linefeed)
			note(l, &(struct way){code_point, {s}, 1, is_unlocked(l)});
	}
}

/* The kinds of modifiers that lead to levels: the first key of each. Not those that make a command of the key. */
static unsigned level_mods(struct ei_layout *l, uint16_t keys[LEVEL_MODS])
{
	static const char *const commands[] = {XKB_MOD_NAME_CTRL, XKB_MOD_NAME_ALT, XKB_MOD_NAME_LOGO};
	xkb_mod_mask_t seen[LEVEL_MODS], mask, not = 0;
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		xkb_mod_index_t index = xkb_keymap_mod_get_index(l->keymap, commands[i]);

		not |= index != XKB_MOD_INVALID ? 1u << index : 0;
	}
	for (unsigned i = 0; i < l->n_mods && n < LEVEL_MODS; i++) {
		bool fresh = only_modifies(l, keycode(l->mods[i]), &mask) && !(mask & not );

		for (unsigned k = 0; k < n; k++)
			fresh = fresh && seen[k] != mask;
		if (!fresh)
			continue;
		seen[n] = mask;
		keys[n++] = l->mods[i];
	}
	return n;
}

static struct xkb_state *state_with(const struct ei_layout *l, const struct stroke *with)
{
	struct xkb_state *s = xkb_state_new(l->keymap);

	if (!s)
		return NULL;
	xkb_state_update_mask(s, 0, 0, l->locked, 0, 0,
			      xkb_state_serialize_layout(l->state, XKB_STATE_LAYOUT_EFFECTIVE));
	for (unsigned i = 0; i < STROKE_MODS_MAX && with->mods[i]; i++)
		xkb_state_update_key(s, keycode(with->mods[i]), XKB_KEY_DOWN);
	return s;
}

/* Single keys, those with fewer modifiers first. */
static void learn_keys(struct ei_layout *l)
{
	uint16_t keys[LEVEL_MODS];
	unsigned n = level_mods(l, keys);

	for (int count = 0; count <= STROKE_MODS_MAX; count++) {
		for (unsigned set = 0; set < 1u << n; set++) {
			struct stroke with = {0};
			struct xkb_state *state;
			unsigned at = 0;

			if (__builtin_popcount(set) != count)
				continue;
			for (unsigned i = 0; i < n; i++)
				if (set >> i & 1)
					with.mods[at++] = keys[i];
			state = state_with(l, &with);
			if (state)
				note_keys(l, state, &with);
			xkb_state_unref(state);
		}
	}
}

static uint32_t composed(struct ei_layout *l, xkb_keysym_t dead, xkb_keysym_t next)
{
	char utf8[16];

	xkb_compose_state_reset(l->compose);
	xkb_compose_state_feed(l->compose, dead);
	xkb_compose_state_feed(l->compose, next);
	if (xkb_compose_state_get_status(l->compose) != XKB_COMPOSE_COMPOSED)
		return 0;
	/* One character, not a string of them. */
	if (xkb_compose_state_get_utf8(l->compose, utf8, sizeof(utf8)) > 4)
		return 0;
	return xkb_keysym_to_utf32(xkb_compose_state_get_one_sym(l->compose));
}

static void learn_dead_keys(struct ei_layout *l)
{
	unsigned n = l->n_ways;

	for (unsigned i = 0; i < l->n_dead; i++) {
		const struct dead *d = &l->dead[i];

		for (unsigned k = 0; k < n; k++) {
			const struct way *w = &l->ways[k];

			if (w->n == 1 && w->unlock == is_unlocked(l))
				note(l, &(struct way){composed(l, d->sym, xkb_utf32_to_keysym(w->code_point)),
						      {d->s, w->s[0]},
						      2,
						      w->unlock});
		}
		for (unsigned k = 0; k < l->n_dead; k++)
			note(l, &(struct way){
					composed(l, d->sym, l->dead[k].sym), {d->s, l->dead[k].s}, 2, is_unlocked(l)});
	}
}

/* That Caps Lock which the key of that name takes off. */
static bool can_unlock(const struct ei_layout *l, uint32_t locked, uint32_t *unlocked)
{
	struct xkb_state *s = xkb_state_new(l->keymap);

	if (!s)
		return false;
	xkb_state_update_mask(s, 0, 0, locked, 0, 0, xkb_state_serialize_layout(l->state, XKB_STATE_LAYOUT_EFFECTIVE));
	xkb_state_update_key(s, keycode(KEY_CAPSLOCK), XKB_KEY_DOWN);
	xkb_state_update_key(s, keycode(KEY_CAPSLOCK), XKB_KEY_UP);
	*unlocked = xkb_state_serialize_mods(s, XKB_STATE_MODS_EFFECTIVE);
	xkb_state_unref(s);
	return (*unlocked & ~locked) == 0 && *unlocked != locked;
}

static void learn(struct ei_layout *l)
{
	uint32_t locked = xkb_state_serialize_mods(l->state, XKB_STATE_MODS_LOCKED), unlocked = 0;
	bool again = true;

	l->n_ways = 0;
	find_mods(l);
	for (l->locked = locked; again; l->locked = unlocked) {
		l->n_dead = 0;
		learn_keys(l);
		if (l->compose)
			learn_dead_keys(l);
		again = l->locked == locked && can_unlock(l, locked, &unlocked);
	}
	qsort(l->ways, l->n_ways, sizeof(*l->ways), compare);
	l->current = true;
}

static bool find(void *ctx, char c, struct stroke *s)
{
	const struct ei_layout *l = ctx;
	const struct way *w = known(l, (uint8_t)c);

	if (!w || w->n != 1 || w->unlock)
		return false;
	*s = w->s[0];
	return true;
}

static bool has_number(uint32_t code_point)
{
	bool control = code_point <= ' ' || (code_point >= 0x7f && code_point < 0xa0);

	return !control && code_point <= 0x10ffff && !(code_point >= 0xd800 && code_point < 0xe000);
}

unsigned ei_layout_type(struct ei_layout *l, uint32_t code_point, struct stroke s[EI_STROKES_MAX])
{
	const struct stroke caps = {.key = KEY_CAPSLOCK};
	const struct way *w;
	unsigned n = 0;

	if (!l->current)
		learn(l);
	w = known(l, code_point == '\n' ? '\r' : code_point);
	if (!w)
		return has_number(code_point) ? hex_strokes(s, code_point, find, l) : 0;
	if (w->unlock)
		s[n++] = caps;
	for (unsigned i = 0; i < w->n; i++)
		s[n++] = w->s[i];
	if (w->unlock)
		s[n++] = caps;
	return n;
}

unsigned ei_layout_mods(struct ei_layout *l, const uint16_t **mods)
{
	if (!l->current)
		learn(l);
	*mods = l->mods;
	return l->n_mods;
}

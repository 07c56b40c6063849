// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/key_ways.h"

#include <stddef.h>
#include <string.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>

#include "base/str.h"

#define LEVEL_MODS 4 /* Shift, AltGr, the fifth level's; more kinds there are not */

static xkb_keycode_t keycode(uint16_t evdev)
{
	return (xkb_keycode_t)evdev + KEYCODE_EVDEV;
}

static struct xkb_state *new_state(const struct key_ways *w, uint32_t locked)
{
	struct xkb_state *s = xkb_state_new(w->keymap);

	if (s)
		xkb_state_update_mask(s, 0, 0, locked, 0, 0, w->group);
	return s;
}

/* --- the modifiers --- */

/* Only while it is held, and nothing else by it: a lock or a latch is no such key. */
static bool only_modifies(const struct key_ways *w, uint16_t key, uint32_t *mask)
{
	struct xkb_state *s = new_state(w, 0);
	bool only;

	if (!s)
		return false;
	xkb_state_update_key(s, keycode(key), XKB_KEY_DOWN);
	*mask = xkb_state_serialize_mods(s, XKB_STATE_MODS_DEPRESSED);
	only = *mask && !xkb_state_serialize_mods(s, XKB_STATE_MODS_LATCHED | XKB_STATE_MODS_LOCKED);
	xkb_state_update_key(s, keycode(key), XKB_KEY_UP);
	only = only && !xkb_state_serialize_mods(s, XKB_STATE_MODS_EFFECTIVE);
	xkb_state_unref(s);
	return only;
}

static bool is_listed(const uint16_t *keys, unsigned n, uint16_t key)
{
	for (unsigned i = 0; i < n; i++)
		if (keys[i] == key)
			return true;
	return false;
}

/* Those of every keyboard first: where two keys do the same, the one that people know is pressed. */
static void find_mods(struct key_ways *w)
{
	uint32_t mask;

	w->n_mods = 0;
	for (unsigned i = 0; i < COMMON_MODS; i++) {
		w->mods[w->n_mods] = common_mods[i];
		w->masks[w->n_mods++] = only_modifies(w, common_mods[i], &mask) ? mask : 0;
	}
	for (xkb_keycode_t code = KEYCODE_EVDEV + 1; code <= KEYCODE_MAX && w->n_mods < STROKE_HELD_MAX; code++) {
		uint16_t key = (uint16_t)(code - KEYCODE_EVDEV);

		if (is_listed(w->mods, w->n_mods, key) || !xkb_keymap_num_layouts_for_key(w->keymap, code) ||
		    !only_modifies(w, key, &mask))
			continue;
		w->mods[w->n_mods] = key;
		w->masks[w->n_mods++] = mask;
	}
}

static uint32_t mask_of(const struct key_ways *w, const char *name)
{
	xkb_mod_index_t index = xkb_keymap_mod_get_index(w->keymap, name);

	return index != XKB_MOD_INVALID ? 1u << index : 0;
}

uint16_t key_ways_modifier(const struct key_ways *w, const char *name)
{
	uint32_t mask = mask_of(w, name);

	for (unsigned i = 0; i < w->n_mods; i++)
		if (mask && w->masks[i] == mask)
			return w->mods[i];
	return 0;
}

/* The kinds of modifiers that lead to levels: the first key of each. Not those that make a command of the key. */
static unsigned level_mods(const struct key_ways *w, uint16_t keys[LEVEL_MODS])
{
	uint32_t commands =
		mask_of(w, XKB_MOD_NAME_CTRL) | mask_of(w, XKB_MOD_NAME_ALT) | mask_of(w, XKB_MOD_NAME_LOGO);
	uint32_t seen[LEVEL_MODS];
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_mods && n < LEVEL_MODS; i++) {
		bool fresh = w->masks[i] && !(w->masks[i] & commands);

		for (unsigned k = 0; k < n; k++)
			fresh = fresh && seen[k] != w->masks[i];
		if (!fresh)
			continue;
		seen[n] = w->masks[i];
		keys[n++] = w->mods[i];
	}
	return n;
}

/* --- single keys --- */

const struct key_way *key_ways_find(const struct key_ways *w, uint32_t code_point)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->way[i].code_point == code_point)
			return &w->way[i];
	return NULL;
}

/* The first way is the best. */
static void note(struct key_ways *w, const struct key_way *way)
{
	if (way->code_point && w->n < KEY_WAYS_MAX && !key_ways_find(w, way->code_point))
		w->way[w->n++] = *way;
}

static const struct stroke *find_dead(const struct key_ways *w, xkb_keysym_t sym)
{
	for (unsigned i = 0; i < w->n_dead; i++)
		if (w->dead[i].sym == sym)
			return &w->dead[i].s;
	return NULL;
}

static void note_dead(struct key_ways *w, xkb_keysym_t sym, const struct stroke *s)
{
	if (w->n_dead == DEAD_KEYS_MAX || find_dead(w, sym))
		return;
	w->dead[w->n_dead].sym = sym;
	w->dead[w->n_dead++].s = *s;
}

static bool is_keypad(xkb_keysym_t sym)
{
	return sym >= XKB_KEY_KP_Space && sym <= XKB_KEY_KP_Equal;
}

static bool is_dead(xkb_keysym_t sym)
{
	return sym >= XKB_KEY_dead_grave && sym < XKB_KEY_dead_grave + 0x50;
}

/* All keys, with these modifiers held. */
static void note_keys(struct key_ways *w, const struct stroke *with)
{
	struct xkb_state *state = new_state(w, w->locked);
	uint32_t mods;

	if (!state)
		return;
	for (unsigned i = 0; i < STROKE_MODS_MAX && with->mods[i]; i++)
		xkb_state_update_key(state, keycode(with->mods[i]), XKB_KEY_DOWN);
	mods = xkb_state_serialize_mods(state, XKB_STATE_MODS_DEPRESSED);
	for (xkb_keycode_t code = KEYCODE_EVDEV + 1; code <= KEYCODE_MAX; code++) {
		xkb_keysym_t sym = xkb_state_key_get_one_sym(state, code);
		struct stroke s = *with;

		s.key = (uint16_t)(code - KEYCODE_EVDEV);
		if (is_listed(with->mods, STROKE_MODS_MAX, s.key))
			continue;
		if (is_dead(sym))
			note_dead(w, sym, &s);
		else if ((sym == XKB_KEY_Caps_Lock || sym == XKB_KEY_Shift_Lock) && !w->caps_lock.key)
			w->caps_lock = s;
		else if (!is_keypad(sym) && sym != XKB_KEY_Linefeed)
			note(w, &(struct key_way){xkb_keysym_to_utf32(sym), mods, {s}, 1});
	}
	xkb_state_unref(state);
}

void key_ways_learn(struct key_ways *w, struct xkb_keymap *keymap, uint32_t locked, uint32_t group)
{
	uint16_t keys[LEVEL_MODS];
	unsigned n;

	w->keymap = keymap;
	w->locked = locked;
	w->group = group;
	w->composed = false;
	w->caps_lock.key = 0;
	w->n = w->n_dead = 0;
	find_mods(w);
	n = level_mods(w, keys);
	for (int count = 0; count <= STROKE_MODS_MAX; count++) {
		for (unsigned set = 0; set < 1u << n; set++) {
			struct stroke with = {0};
			unsigned at = 0;

			if (__builtin_popcount(set) != count)
				continue;
			for (unsigned i = 0; i < n; i++)
				if (set >> i & 1)
					with.mods[at++] = keys[i];
			note_keys(w, &with);
		}
	}
}

/* --- dead keys --- */

static uint32_t composed(struct xkb_compose_state *compose, xkb_keysym_t dead, xkb_keysym_t next)
{
	char utf8[16];

	xkb_compose_state_reset(compose);
	xkb_compose_state_feed(compose, dead);
	xkb_compose_state_feed(compose, next);
	if (xkb_compose_state_get_status(compose) != XKB_COMPOSE_COMPOSED)
		return 0;
	/* One character, not a string of them. */
	if (xkb_compose_state_get_utf8(compose, utf8, sizeof(utf8)) > 4)
		return 0;
	return xkb_keysym_to_utf32(xkb_compose_state_get_one_sym(compose));
}

static void note_pair(struct key_ways *w, uint32_t code_point, const struct stroke *dead, const struct stroke *next)
{
	note(w, &(struct key_way){.code_point = code_point, .s = {*dead, *next}, .n = 2});
}

static void compose_by_table(struct key_ways *w, struct xkb_compose_state *compose)
{
	unsigned singles = w->n;

	for (unsigned i = 0; i < w->n_dead; i++) {
		xkb_keysym_t sym = w->dead[i].sym;
		const struct stroke *dead = &w->dead[i].s;

		for (unsigned k = 0; k < singles; k++)
			note_pair(w, composed(compose, sym, xkb_utf32_to_keysym(w->way[k].code_point)), dead,
				  &w->way[k].s[0]);
		for (unsigned k = 0; k < w->n_dead; k++)
			note_pair(w, composed(compose, sym, w->dead[k].sym), dead, &w->dead[k].s);
	}
}

/* An accent alone is its dead key and a space. */
static void compose_accents(struct key_ways *w)
{
	static const struct {
		uint32_t code_point;
		xkb_keysym_t sym;
	} accents[] = {
		{'^', XKB_KEY_dead_circumflex},
		{'`', XKB_KEY_dead_grave},
		{'~', XKB_KEY_dead_tilde},
	};
	const struct key_way *space = key_ways_find(w, ' ');

	for (size_t i = 0; space && i < ARRAY_LEN(accents); i++) {
		const struct stroke *dead = find_dead(w, accents[i].sym);

		if (dead)
			note_pair(w, accents[i].code_point, dead, &space->s[0]);
	}
}

void key_ways_compose(struct key_ways *w, struct xkb_compose_state *compose)
{
	if (w->composed)
		return;
	w->composed = true;
	if (compose)
		compose_by_table(w, compose);
	else
		compose_accents(w);
}

/* --- Caps Lock --- */

uint32_t key_ways_locked_after_caps(const struct key_ways *w)
{
	const struct stroke *s = &w->caps_lock;
	uint32_t locked = w->locked;
	struct xkb_state *state = s->key ? new_state(w, locked) : NULL;

	if (!state)
		return locked;
	for (unsigned i = 0; i < STROKE_MODS_MAX && s->mods[i]; i++)
		xkb_state_update_key(state, keycode(s->mods[i]), XKB_KEY_DOWN);
	xkb_state_update_key(state, keycode(s->key), XKB_KEY_DOWN);
	xkb_state_update_key(state, keycode(s->key), XKB_KEY_UP);
	for (unsigned i = STROKE_MODS_MAX; i--;)
		if (s->mods[i])
			xkb_state_update_key(state, keycode(s->mods[i]), XKB_KEY_UP);
	locked = xkb_state_serialize_mods(state, XKB_STATE_MODS_EFFECTIVE);
	xkb_state_unref(state);
	return locked;
}

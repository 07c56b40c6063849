// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the keys of a keymap (libxkbcommon) give under one state of its locks and one of its layouts: for each character
 * the strokes that make it. Part of key_layout.c. Pure but for memory of libxkbcommon's; what that has no memory for is
 * not among the ways.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "input/key_layout.h"

struct xkb_compose_state;
struct xkb_keymap;

#define KEY_WAYS_MAX  4096
#define DEAD_KEYS_MAX 48

/* One character and the strokes that give it. */
struct key_way {
	uint32_t code_point;
	uint32_t mods; /* XKB's modifiers that the first stroke's keys put in force */
	struct stroke s[2];
	uint8_t n; /* 2: a dead key and another */
};

struct key_ways {
	struct xkb_keymap *keymap; /* borrowed; NULL: nothing was learned */
	uint32_t locked, group;    /* under which it was */
	bool composed;
	/* Keys that change the meaning of others while they are down, and how; 0: not alone. */
	uint16_t mods[STROKE_HELD_MAX];
	uint32_t masks[STROKE_HELD_MAX];
	unsigned n_mods;
	struct stroke caps_lock; /* turns it on and off; key 0: there is none */
	struct key_way way[KEY_WAYS_MAX];
	unsigned n;
	struct {
		uint32_t sym;
		struct stroke s;
	} dead[DEAD_KEYS_MAX];
	unsigned n_dead;
};

/* Anew: single keys. Of several ways the one with the fewest modifiers, of those the lowest key. */
void key_ways_learn(struct key_ways *w, struct xkb_keymap *keymap, uint32_t locked, uint32_t group);

/* Also what programs make of a dead key and another. compose NULL: of that, what all of them agree on. */
void key_ways_compose(struct key_ways *w, struct xkb_compose_state *compose);

/* Valid until the next call that learns. NULL: there is none. */
const struct key_way *key_ways_find(const struct key_ways *w, uint32_t code_point);

/* The first key that puts just this modifier of XKB's in force while it is held, 0: none. */
uint16_t key_ways_modifier(const struct key_ways *w, const char *name);

/* What is locked when Caps Lock has been struck. */
uint32_t key_ways_locked_after_caps(const struct key_ways *w);

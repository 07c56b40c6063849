// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Where a keymap (libxkbcommon) has a character: the key, its level, and what has to be held for that level. For senders
 * of keys whose receiver has a layout of its own, which they know. HAVE_WAYLAND or HAVE_EI.
 *
 * Pure, nothing is allocated but where said; one thread at a time for one keymap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct xkb_keymap;

#define KEYMAP_MODS 8 /* XKB's real modifiers: Shift, Lock, Control, Mod1 to Mod5 */

struct keymap_spot {
	uint16_t evdev;
	uint8_t level; /* from 0 */
	uint32_t mods; /* real modifiers, the least that must be in force; Lock is never among them */
};

/* Whether a key may be pressed for a character now; one that a client holds, say, may not. */
typedef bool (*keymap_usable)(const void *ctx, uint16_t evdev);

/*
 * The first key and level of the group that give this code point and nothing else. The new line of a text is the Enter
 * key; characters that are no text of their own (tab, backspace, escape, delete) are their keys. group: as a keyboard
 * state has it; a key with fewer wraps. usable NULL: every key is.
 */
bool keymap_find(struct xkb_keymap *keymap, uint32_t group, uint32_t code_point, keymap_usable usable, const void *ctx,
		 struct keymap_spot *at);

/* The dead key whose accent alone is this code point: with a space behind it, programs make it of the two. */
bool keymap_find_dead(struct xkb_keymap *keymap, uint32_t group, uint32_t code_point, keymap_usable usable,
		      const void *ctx, struct keymap_spot *at);

/* Whether a code point is text: assigned or not, but no control character, surrogate or noncharacter. */
bool keymap_is_text(uint32_t code_point);

/* For each real modifier a key that puts just it in force while it is held, 0: there is none. -ENOMEM. */
int keymap_mod_keys(struct xkb_keymap *keymap, uint16_t keys[KEYMAP_MODS]);

/* What turns Caps Lock on and off. */
bool keymap_find_lock(struct xkb_keymap *keymap, uint32_t group, struct keymap_spot *at);

/* Whether the key is one that is held for the sake of others; a lock is not. */
bool keymap_is_modifier(struct xkb_keymap *keymap, uint16_t evdev);

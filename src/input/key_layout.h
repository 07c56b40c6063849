// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The layout of a keyboard in use (a keymap, libxkbcommon), what the keys that we hold make of it, and how its keys
 * type a character. For every back end whose desktop has a layout that it tells: those of Wayland and of libei. Each
 * sends keys in its own way, and knows its own way for what the layout lacks.
 *
 * One owner, one thread at a time. Nothing here blocks, but the first character of a layout takes some milliseconds,
 * and allocates; the first that is not on a key of its own reads the composition table of the machine. HAVE_WAYLAND or
 * HAVE_EI.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input/strokes.h"

#define KEY_LAYOUT_KEYS        768                   /* KEY_MAX + 1 of the kernel */
#define KEY_LAYOUT_STROKES_MAX (HEX_STROKES_MAX + 2) /* Caps Lock, before and after */

/* Of XKB, which numbers keys as evdev does and this more. */
#define KEYCODE_EVDEV 8
#define KEYCODE_MAX   255 /* Xwayland passes no more */

#define KEY_LAYOUT_CAPS (1u << 1) /* Lock, a real modifier: it has this bit in every keymap */

struct key_layout;
struct xkb_keymap;

/* As Wayland has them: masks of the keymap, and the layout's index. */
struct key_mods {
	uint32_t depressed, latched, locked, group;
};

/*
 * text: a desktop's keymap, need not be terminated; NULL: the default layout (XKB_DEFAULT_LAYOUT and its kin). -EINVAL:
 * not a keymap. Nothing is held, nothing is locked.
 */
int key_layout_new(struct key_layout **out, const char *text, size_t len);
void key_layout_free(struct key_layout *l); /* accepts NULL */
/* l, which is new, replaces old under a client's fingers: held keys stay held, locks stay on. */
void key_layout_inherit(struct key_layout *l, const struct key_layout *old);
struct xkb_keymap *key_layout_keymap(struct key_layout *l); /* borrowed */

/* A key of ours went down or up. Returns whether the modifiers (or the group) changed. */
bool key_layout_key(struct key_layout *l, uint16_t evdev, bool down);
bool key_layout_held(const struct key_layout *l, uint16_t evdev);
void key_layout_mods(const struct key_layout *l, struct key_mods *m);
/* The desktop's word on it, which counts more than what our keys did: others press keys as well. */
void key_layout_told(struct key_layout *l, uint32_t locked, uint32_t group);

/* Keys that change the meaning of others while they are down; their number, at most STROKE_HELD_MAX. */
unsigned key_layout_modifiers(struct key_layout *l, const uint16_t **keys);

/* How far a sender goes for a character. */
enum key_means {
	KEY_MEANS_OWN,   /* a key of its own: understood by every program */
	KEY_MEANS_DEAD,  /* or a dead key and another, which programs compose */
	KEY_MEANS_SPELL, /* or the input method's way in (strokes.h): IBus and GTK understand it */
};

/*
 * Strokes that type it with the locks and the group in force; where that needs Caps Lock off, it is struck before and
 * after. To be played with the modifiers that are held aside. The new line of a text is the Enter key. 0: it cannot be
 * typed so.
 */
unsigned key_layout_type(struct key_layout *l, uint32_t code_point, enum key_means means,
			 struct stroke s[KEY_LAYOUT_STROKES_MAX]);

/* The stroke that takes Caps Lock off, and on again. False: it is not on, or no key does. */
bool key_layout_caps(struct key_layout *l, struct stroke *s);

/* For a sender that says itself what is in force: a key of the character's own, and the modifiers for it, with no lock
 * on. */
bool key_layout_find(struct key_layout *l, uint32_t code_point, uint16_t *evdev, uint32_t *mods);

/* Whether a code point is text: assigned or not, but no control character, surrogate or noncharacter. */
bool key_layout_is_text(uint32_t code_point);

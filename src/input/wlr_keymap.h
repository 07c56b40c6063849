// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The keymap of a virtual keyboard (libxkbcommon): a layout, its text for the compositor, and how a character is typed
 * that the layout may lack.
 *
 * A character that the layout has is a key and a level of it. Any other gets one of the layout's spare keys (a key code
 * with a name and no meaning) as its own; the keymap to upload is the layout plus these. Nothing has to be put back
 * afterwards, held keys keep their meaning, and a reader that looks late (Xwayland) still finds the character, until
 * some dozen other characters later the spare key gets a new one.
 *
 * Pure but for memory; one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input/key_layout.h"

struct wlr_keymap;

struct wlr_stroke {
	uint16_t evdev;
	struct key_mods mods; /* in force while the key is down */
	bool changed;         /* wlr_keymap_text() has to be uploaded first */
};

/*
 * text: a compositor's keymap, NULL: the default layout (XKB_DEFAULT_LAYOUT and its kin). -EINVAL: not a keymap, or not
 * one of a whole keyboard; other programs type with keymaps of a few odd keys.
 */
int wlr_keymap_new(struct wlr_keymap **out, const char *text);
void wlr_keymap_free(struct wlr_keymap *k); /* accepts NULL */

/* Whether text is what wlr_keymap_text() gave to somebody and a compositor tells again. */
bool wlr_keymap_is_ours(const char *text);
bool wlr_keymap_same(const struct wlr_keymap *k, const char *text); /* k was made from just this text */

/* To be uploaded, without the terminator in len; until the next call with k. NULL: no memory. */
const char *wlr_keymap_text(struct wlr_keymap *k, size_t *len);

/* The layout with what is held on it; borrowed. Its masks are those of the text. */
struct key_layout *wlr_keymap_layout(const struct wlr_keymap *k);

/* How to type a code point now. -ENOENT: no key can mean it (control characters, say); -ENOSPC: no spare key. */
int wlr_keymap_type(struct wlr_keymap *k, uint32_t code_point, struct wlr_stroke *s);

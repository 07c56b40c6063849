// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The layout behind a keyboard of an EIS server (libxkbcommon), and how its keys type a character: one key with the
 * modifiers that it needs, as things stand (layout in force, Caps Lock), or a dead key and another. Pure but for
 * memory; one thread at a time. HAVE_EI.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input/strokes.h"

#define EI_STROKES_MAX HEX_STROKES_MAX

struct ei_layout;

/* text: the server's keymap, need not be terminated; NULL: the default layout (XKB_DEFAULT_LAYOUT and its kin).
 * -EINVAL: not a keymap. */
int ei_layout_new(struct ei_layout **out, const char *text, size_t len);
void ei_layout_free(struct ei_layout *l); /* accepts NULL */

/* A key of ours; the server's word below comes later, if at all, and counts more. */
void ei_layout_key(struct ei_layout *l, uint16_t evdev, bool down);
void ei_layout_told(struct ei_layout *l, uint32_t locked, uint32_t group);

/* Keys that change the meaning of others while they are down, in the layout in force; their number. */
unsigned ei_layout_mods(struct ei_layout *l, const uint16_t **mods);

/* How to type it now; 0: it cannot be typed. */
unsigned ei_layout_type(struct ei_layout *l, uint32_t code_point, struct stroke s[EI_STROKES_MAX]);

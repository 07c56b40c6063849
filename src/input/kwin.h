// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Parts of the back end kwin: keyboard, and pointer with contacts, on a Wayland connection that kwin.c owns. They write
 * requests into the connection's buffer; kwin.c sends them. Each has one owner, and the thread is that of the back
 * end's calls (input/backend.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "input/input.h"
#include "input/state.h"

struct org_kde_kwin_fake_input;
struct key_layout;

/*
 * KWin has the layout; we know it from what its seat tells, and press what a character needs there. What the layout
 * lacks is a symbol for a KWin that takes those, else composed, else spelled for the input method (key_layout.h).
 */
struct kwin_keyboard {
	struct org_kde_kwin_fake_input *wl; /* borrowed; NULL: no keyboard */
	struct org_kde_kwin_fake_input
		*text; /* borrowed, takes symbols: it lets go of all that was pressed through it; NULL: none does */
	struct key_layout *layout; /* NULL: there is none yet, nothing can be pressed */
	bool tapped;               /* Caps Lock was pressed by us; the owner resets it */
	bool warned;               /* that a character cannot be typed */
};

/* The keyboard may be used once it has a keymap. */
void kwin_keyboard_create(struct kwin_keyboard *k, struct org_kde_kwin_fake_input *wl,
			  struct org_kde_kwin_fake_input *text);
void kwin_keyboard_destroy(struct kwin_keyboard *k); /* lets go of what is held */
/* text: what KWin tells of its keyboard, NULL: the default layout. -errno: not a keymap; the old one stays. */
int kwin_keyboard_set_keymap(struct kwin_keyboard *k, const char *text);
void kwin_keyboard_key(struct kwin_keyboard *k, uint16_t evdev, bool down);
/* Caps Lock, as KWin says: others press it as well. */
void kwin_keyboard_told_caps(struct kwin_keyboard *k, bool on);
void kwin_keyboard_type(struct kwin_keyboard *k, uint32_t code_point);

struct kwin_pointer {
	struct org_kde_kwin_fake_input *wl; /* borrowed; NULL: no pointer */
	struct input_place at;              /* where 0..1 of the picture lies; width 0: not known, nothing absolute */
	uint32_t touch_base;                /* ids of contacts begin there: KWin has one set of ids for all */
	uint8_t held;                       /* bit n: button n */
	struct {
		uint32_t id;
		bool down;
	} contact[TOUCH_CONTACTS_MAX];
};

void kwin_pointer_create(struct kwin_pointer *p, struct org_kde_kwin_fake_input *wl, uint32_t touch_base);
void kwin_pointer_destroy(struct kwin_pointer *p); /* lets go of what is held */
/* Mouse and touch; only what the version of wl has. */
void kwin_pointer_event(struct kwin_pointer *p, const struct input_event *e);

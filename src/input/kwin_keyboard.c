// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/kwin.h"

#include <kwin-fake-input-client-protocol.h>
#include <stddef.h>
#include <string.h>
#include <wayland-client.h>
#include <xkbcommon/xkbcommon.h>

#include "input/key_layout.h"
#include "input/kwin_ledger.h"

#define LOG_MODULE "input"
#include "base/log.h"

void kwin_keyboard_create(struct kwin_keyboard *k, struct org_kde_kwin_fake_input *wl,
			  struct org_kde_kwin_fake_input *text)
{
	*k = (struct kwin_keyboard){.wl = wl, .text = text};
}

void kwin_keyboard_destroy(struct kwin_keyboard *k)
{
	for (uint16_t key = 0; k->layout && key < KEY_LAYOUT_KEYS; key++)
		if (key_layout_held(k->layout, key))
			kwin_keyboard_key(k, key, false);
	key_layout_free(k->layout);
	*k = (struct kwin_keyboard){0};
}

int kwin_keyboard_set_keymap(struct kwin_keyboard *k, const char *text)
{
	struct key_layout *layout;
	int err = key_layout_new(&layout, text, text ? strlen(text) : 0);

	if (err)
		return err;
	if (k->layout)
		key_layout_inherit(layout, k->layout);
	key_layout_free(k->layout);
	k->layout = layout;
	return 0;
}

static bool is_caps_on(const struct kwin_keyboard *k)
{
	struct key_mods m;

	key_layout_mods(k->layout, &m);
	return m.locked & KEY_LAYOUT_CAPS;
}

void kwin_keyboard_key(struct kwin_keyboard *k, uint16_t evdev, bool down)
{
	bool caps;

	if (!k->layout || evdev >= KEY_LAYOUT_KEYS || key_layout_held(k->layout, evdev) == down)
		return; /* its press was left out */
	caps = is_caps_on(k);
	key_layout_key(k->layout, evdev, down);
	k->tapped |= is_caps_on(k) != caps;
	org_kde_kwin_fake_input_keyboard_key(k->wl, evdev,
					     down ? WL_KEYBOARD_KEY_STATE_PRESSED : WL_KEYBOARD_KEY_STATE_RELEASED);
	kwin_ledger_note(evdev, down);
}

void kwin_keyboard_told_caps(struct kwin_keyboard *k, bool on)
{
	struct key_mods m;

	if (!k->layout)
		return;
	key_layout_mods(k->layout, &m);
	key_layout_told(k->layout, on ? m.locked | KEY_LAYOUT_CAPS : m.locked & ~KEY_LAYOUT_CAPS, m.group);
}

/* --- text --- */

static void set_key(void *ctx, uint16_t evdev, bool down)
{
	kwin_keyboard_key(ctx, evdev, down);
}

static bool is_held(void *ctx, uint16_t evdev)
{
	const struct kwin_keyboard *k = ctx;

	return key_layout_held(k->layout, evdev);
}

/* Each key is a moment of its own. */
static void end_moment(void *ctx)
{
	(void)ctx;
}

/* KWin gives the symbol a key of its own for the moment of its press. */
static bool type_symbol(struct kwin_keyboard *k, const struct stroke_keyboard *keys, uint32_t code_point)
{
	xkb_keysym_t sym = xkb_utf32_to_keysym(code_point);
	struct stroke caps = {0};
	unsigned n = key_layout_caps(k->layout, &caps);
	uint32_t aside;

	if (!key_layout_is_text(code_point) || sym == XKB_KEY_NoSymbol)
		return false;
	aside = strokes_aside(keys, &caps, n);
	strokes_strike(keys, &caps, n);
	org_kde_kwin_fake_input_keyboard_keysym(k->text, sym, WL_KEYBOARD_KEY_STATE_PRESSED);
	org_kde_kwin_fake_input_keyboard_keysym(k->text, sym, WL_KEYBOARD_KEY_STATE_RELEASED);
	strokes_strike(keys, &caps, n);
	strokes_back(keys, aside);
	return true;
}

/* What is struck goes up where a client holds it, and stays so: a symbol spares it that. */
static bool holds_any(const struct kwin_keyboard *k, const struct stroke *s, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++)
		any |= key_layout_held(k->layout, s[i].key);
	return any;
}

static bool type(struct kwin_keyboard *k, uint32_t code_point)
{
	struct stroke_keyboard keys = {.key = set_key, .held = is_held, .sync = end_moment, .ctx = k};
	struct stroke s[KEY_LAYOUT_STROKES_MAX];
	unsigned n = key_layout_type(k->layout, code_point, k->text ? KEY_MEANS_OWN : KEY_MEANS_SPELL, s);

	keys.n_mods = key_layout_modifiers(k->layout, &keys.mods);
	if (k->text && (!n || holds_any(k, s, n)) && type_symbol(k, &keys, code_point))
		return true;
	if (n)
		strokes_play(&keys, s, n);
	return n;
}

void kwin_keyboard_type(struct kwin_keyboard *k, uint32_t code_point)
{
	if (!k->layout || type(k, code_point) || k->warned)
		return;
	log_warn("a character cannot be typed (U+%04X)", (unsigned)code_point);
	k->warned = true;
}

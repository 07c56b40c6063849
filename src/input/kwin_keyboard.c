// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/kwin.h"

#include <errno.h>
#include <kwin-fake-input-client-protocol.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <wayland-client.h>
#include <xkbcommon/xkbcommon.h>

#include "base/str.h"
#include "input/kwin_ledger.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define EVDEV_OFFSET 8 /* XKB counts from there */
#define DIGITS_MAX   8 /* of a code point */

#define CONTROL (1u << 2)
#define LOCK    (1u << 1)
#define SHIFT   (1u << 0)

static bool is_held(const struct kwin_keyboard *k, uint16_t evdev)
{
	return k->held[evdev / 64] >> (evdev % 64) & 1;
}

static bool usable(const void *ctx, uint16_t evdev)
{
	return !is_held(ctx, evdev);
}

static void send_key(struct kwin_keyboard *k, uint16_t evdev, bool down)
{
	org_kde_kwin_fake_input_keyboard_key(k->wl, evdev,
					     down ? WL_KEYBOARD_KEY_STATE_PRESSED : WL_KEYBOARD_KEY_STATE_RELEASED);
}

static void tap(struct kwin_keyboard *k, uint16_t evdev)
{
	send_key(k, evdev, true);
	send_key(k, evdev, false);
}

int kwin_keyboard_create(struct kwin_keyboard *k, struct org_kde_kwin_fake_input *wl,
			 struct org_kde_kwin_fake_input *text)
{
	*k = (struct kwin_keyboard){.wl = wl, .text = text, .context = xkb_context_new(XKB_CONTEXT_NO_FLAGS)};
	if (!k->context)
		return -ENOMEM;
	xkb_context_set_log_level(k->context, XKB_LOG_LEVEL_CRITICAL); /* a bad keymap is told by us */
	return 0;
}

/* A new keymap under a client's fingers: held keys stay held. */
static void inherit(struct kwin_keyboard *k)
{
	for (uint16_t key = 0; key < KWIN_KEYS; key++)
		if (is_held(k, key) && keymap_is_modifier(k->keymap, key))
			xkb_state_update_key(k->state, (xkb_keycode_t)key + EVDEV_OFFSET, XKB_KEY_DOWN);
}

int kwin_keyboard_set_keymap(struct kwin_keyboard *k, const char *text)
{
	const struct xkb_rule_names names = {0};
	struct xkb_keymap *keymap = text ? xkb_keymap_new_from_string(k->context, text, XKB_KEYMAP_FORMAT_TEXT_V1,
								      XKB_KEYMAP_COMPILE_NO_FLAGS)
					 : xkb_keymap_new_from_names(k->context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
	struct xkb_state *state = keymap ? xkb_state_new(keymap) : NULL;
	uint16_t mod_keys[KEYMAP_MODS];
	int err = -EINVAL;

	if (!state)
		goto fail;
	err = keymap_mod_keys(keymap, mod_keys);
	if (err)
		goto fail;
	memcpy(k->mod_keys, mod_keys, sizeof(mod_keys));
	xkb_state_unref(k->state);
	xkb_keymap_unref(k->keymap);
	k->keymap = keymap;
	k->state = state;
	inherit(k);
	return 0;
fail:
	xkb_state_unref(state);
	xkb_keymap_unref(keymap);
	return err;
}

static uint32_t locks(const struct kwin_keyboard *k)
{
	return xkb_state_serialize_mods(k->state, XKB_STATE_MODS_LOCKED);
}

void kwin_keyboard_key(struct kwin_keyboard *k, uint16_t evdev, bool down)
{
	uint32_t before;

	if (evdev >= KWIN_KEYS || is_held(k, evdev) == down) /* its press was left out */
		return;
	before = locks(k);
	k->held[evdev / 64] ^= 1ull << (evdev % 64);
	xkb_state_update_key(k->state, (xkb_keycode_t)evdev + EVDEV_OFFSET, down ? XKB_KEY_DOWN : XKB_KEY_UP);
	if ((locks(k) ^ before) & LOCK) {
		k->caps = !k->caps;
		k->tapped = true;
	}
	send_key(k, evdev, down);
	kwin_ledger_note(evdev, down);
}

void kwin_keyboard_destroy(struct kwin_keyboard *k)
{
	for (uint16_t key = 0; k->wl && key < KWIN_KEYS; key++)
		if (is_held(k, key))
			kwin_keyboard_key(k, key, false);
	xkb_state_unref(k->state);
	xkb_keymap_unref(k->keymap);
	xkb_context_unref(k->context);
	*k = (struct kwin_keyboard){0};
}

/* --- text --- */

static uint32_t group(const struct kwin_keyboard *k)
{
	return xkb_state_serialize_layout(k->state, XKB_STATE_LAYOUT_EFFECTIVE);
}

static bool within_reach(const struct kwin_keyboard *k, const struct keymap_spot *at)
{
	for (unsigned m = 0; m < 32; m++)
		if (at->mods >> m & 1 && (m >= KEYMAP_MODS || !k->mod_keys[m]))
			return false;
	return true;
}

static bool find(const struct kwin_keyboard *k, uint32_t code_point, struct keymap_spot *at)
{
	return keymap_find(k->keymap, group(k), code_point, usable, k, at) && within_reach(k, at);
}

static void hold_mods(struct kwin_keyboard *k, uint32_t mods, bool down)
{
	for (unsigned m = 0; m < KEYMAP_MODS; m++)
		if (mods >> m & 1)
			send_key(k, k->mod_keys[m], down);
}

static void type_spot(struct kwin_keyboard *k, const struct keymap_spot *at, uint32_t with)
{
	hold_mods(k, at->mods | with, true);
	tap(k, at->evdev);
	hold_mods(k, at->mods | with, false);
}

/* Held modifiers and Caps Lock do not reach a character: they step aside, and come back. */
static void step_aside(struct kwin_keyboard *k, bool back)
{
	struct keymap_spot lock;
	bool caps = k->caps && keymap_find_lock(k->keymap, group(k), &lock) && within_reach(k, &lock);

	if (caps && back)
		type_spot(k, &lock, 0);
	for (uint16_t key = 0; key < KWIN_KEYS; key++)
		if (is_held(k, key) && keymap_is_modifier(k->keymap, key))
			send_key(k, key, back);
	if (caps && !back)
		type_spot(k, &lock, 0);
	k->tapped |= caps;
}

/* The input method's way in: Ctrl+Shift+U, digits, space. All of it has to be on the layout. */
static bool type_hex(struct kwin_keyboard *k, uint32_t code_point)
{
	struct keymap_spot u, space, digit[DIGITS_MAX];
	char digits[DIGITS_MAX + 1];
	int n = snprintf(digits, sizeof(digits), "%x", (unsigned)code_point);

	if (!k->mod_keys[0] || !k->mod_keys[2] || !find(k, 'u', &u) || !find(k, ' ', &space))
		return false;
	for (int i = 0; i < n; i++)
		if (!find(k, (uint8_t)digits[i], &digit[i]))
			return false;
	type_spot(k, &u, CONTROL | SHIFT);
	for (int i = 0; i < n; i++)
		type_spot(k, &digit[i], 0);
	type_spot(k, &space, 0);
	return true;
}

static bool type_dead(struct kwin_keyboard *k, uint32_t code_point)
{
	struct keymap_spot accent, space;

	if (!keymap_find_dead(k->keymap, group(k), code_point, usable, k, &accent) || !within_reach(k, &accent) ||
	    !find(k, ' ', &space))
		return false;
	type_spot(k, &accent, 0);
	type_spot(k, &space, 0);
	return true;
}

/* KWin gives the symbol a key of its own for the moment of its press. */
static void type_symbol(struct kwin_keyboard *k, xkb_keysym_t sym)
{
	org_kde_kwin_fake_input_keyboard_keysym(k->text, sym, WL_KEYBOARD_KEY_STATE_PRESSED);
	org_kde_kwin_fake_input_keyboard_keysym(k->text, sym, WL_KEYBOARD_KEY_STATE_RELEASED);
}

static bool type_foreign(struct kwin_keyboard *k, uint32_t code_point)
{
	xkb_keysym_t sym = xkb_utf32_to_keysym(code_point);

	if (!keymap_is_text(code_point) || sym == XKB_KEY_NoSymbol)
		return false;
	if (!k->text)
		return type_dead(k, code_point) || type_hex(k, code_point);
	type_symbol(k, sym);
	return true;
}

void kwin_keyboard_type(struct kwin_keyboard *k, uint32_t code_point)
{
	struct keymap_spot at;
	bool typed = find(k, code_point, &at);

	step_aside(k, false);
	if (typed)
		type_spot(k, &at, 0);
	else
		typed = type_foreign(k, code_point);
	step_aside(k, true);
	if (!typed && !k->warned) {
		log_warn("a character cannot be typed (U+%04X)", (unsigned)code_point);
		k->warned = true;
	}
}

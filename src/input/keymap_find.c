// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/keymap_find.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <stddef.h>
#include <xkbcommon/xkbcommon.h>

#include "base/str.h"

#define EVDEV_OFFSET 8   /* XKB counts from there */
#define KEYCODE_MAX  255 /* Xwayland passes no more */
#define LEVELS_MAX   16
#define MASKS_MAX    16
#define REAL_MODS    ((1u << KEYMAP_MODS) - 1)

/* The least that must be held for a level; a lock is never among it. Returns whether there is such a mask. */
static bool mask_of_level(struct xkb_keymap *keymap, xkb_keycode_t code, xkb_layout_index_t layout,
			  xkb_level_index_t level, xkb_mod_mask_t *mask)
{
	xkb_mod_index_t lock = xkb_keymap_mod_get_index(keymap, XKB_MOD_NAME_CAPS);
	xkb_mod_mask_t masks[MASKS_MAX];
	size_t n = xkb_keymap_key_get_mods_for_level(keymap, code, layout, level, masks, MASKS_MAX);

	for (size_t i = 0; i < n; i++) {
		if (lock != XKB_MOD_INVALID && masks[i] >> lock & 1)
			continue;
		*mask = masks[i];
		return true;
	}
	return false;
}

/* A layout writes a character by its old name or by its code point; vendors' keys begin far above those. */
static bool same_symbol(xkb_keysym_t a, xkb_keysym_t b)
{
	return a == b || (a >= 0x01000100 && a <= 0x0110ffff && xkb_utf32_to_keysym(a & 0xffffff) == b);
}

/* The level of a key that gives just this symbol in the group. */
static bool find_level(struct xkb_keymap *keymap, xkb_keycode_t code, xkb_keysym_t sym, xkb_layout_index_t group,
		       struct keymap_spot *at)
{
	xkb_layout_index_t layouts = xkb_keymap_num_layouts_for_key(keymap, code), layout;
	xkb_level_index_t levels;
	const xkb_keysym_t *syms;

	if (!layouts)
		return false;
	layout = group < layouts ? group : group % layouts;
	levels = xkb_keymap_num_levels_for_key(keymap, code, layout);
	for (xkb_level_index_t level = 0; level < levels && level < LEVELS_MAX; level++) {
		if (xkb_keymap_key_get_syms_by_level(keymap, code, layout, level, &syms) != 1 ||
		    !same_symbol(*syms, sym) || !mask_of_level(keymap, code, layout, level, &at->mods))
			continue;
		at->level = (uint8_t)level;
		return true;
	}
	return false;
}

static bool find_symbol(struct xkb_keymap *keymap, uint32_t group, xkb_keysym_t sym, keymap_usable usable,
			const void *ctx, struct keymap_spot *at)
{
	for (xkb_keycode_t code = EVDEV_OFFSET + 1; code <= KEYCODE_MAX; code++) {
		uint16_t evdev = (uint16_t)(code - EVDEV_OFFSET);

		if ((usable && !usable(ctx, evdev)) || !find_level(keymap, code, sym, group, at))
			continue;
		at->evdev = evdev;
		return true;
	}
	return false;
}

bool keymap_find(struct xkb_keymap *keymap, uint32_t group, uint32_t code_point, keymap_usable usable, const void *ctx,
		 struct keymap_spot *at)
{
	xkb_keysym_t sym = code_point == '\n' ? XKB_KEY_Return : xkb_utf32_to_keysym(code_point);

	return sym != XKB_KEY_NoSymbol && find_symbol(keymap, group, sym, usable, ctx, at);
}

bool keymap_find_dead(struct xkb_keymap *keymap, uint32_t group, uint32_t code_point, keymap_usable usable,
		      const void *ctx, struct keymap_spot *at)
{
	/* Those that all tables of compositions agree on. */
	static const struct {
		uint32_t code_point;
		xkb_keysym_t sym;
	} dead[] = {
		{'^', XKB_KEY_dead_circumflex},
		{'`', XKB_KEY_dead_grave},
		{'~', XKB_KEY_dead_tilde},
	};

	for (size_t i = 0; i < ARRAY_LEN(dead); i++)
		if (dead[i].code_point == code_point)
			return find_symbol(keymap, group, dead[i].sym, usable, ctx, at);
	return false;
}

bool keymap_is_text(uint32_t cp)
{
	bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0), surrogate = cp >= 0xd800 && cp < 0xe000;
	bool noncharacter = (cp >= 0xfdd0 && cp < 0xfdf0) || (cp & 0xfffe) == 0xfffe;

	return cp <= 0x10ffff && !control && !surrogate && !noncharacter;
}

/* What is in force while the key is held; 0 as well for one that leaves something behind. */
static xkb_mod_mask_t mods_of(struct xkb_state *state, xkb_keycode_t code)
{
	xkb_mod_mask_t held, left;

	xkb_state_update_key(state, code, XKB_KEY_DOWN);
	held = xkb_state_serialize_mods(state, XKB_STATE_MODS_DEPRESSED);
	if (xkb_state_serialize_layout(state, XKB_STATE_LAYOUT_EFFECTIVE) != 0)
		held = 0;
	xkb_state_update_key(state, code, XKB_KEY_UP);
	left = xkb_state_serialize_mods(state, XKB_STATE_MODS_EFFECTIVE);
	if (left || xkb_state_serialize_layout(state, XKB_STATE_LAYOUT_EFFECTIVE) != 0)
		held = 0;
	xkb_state_update_mask(state, 0, 0, 0, 0, 0, 0);
	return held & REAL_MODS;
}

int keymap_mod_keys(struct xkb_keymap *keymap, uint16_t keys[KEYMAP_MODS])
{
	/* Where people have them: a keymap has the same on keys that no keyboard has. */
	static const uint16_t first[] = {KEY_LEFTSHIFT, KEY_LEFTCTRL, KEY_LEFTALT, KEY_LEFTMETA, KEY_RIGHTALT};
	struct xkb_state *state = xkb_state_new(keymap);

	if (!state)
		return -ENOMEM;
	for (unsigned m = 0; m < KEYMAP_MODS; m++)
		keys[m] = 0;
	for (unsigned i = 0; i < ARRAY_LEN(first) + KEYCODE_MAX - EVDEV_OFFSET; i++) {
		uint16_t evdev = i < ARRAY_LEN(first) ? first[i] : (uint16_t)(i - ARRAY_LEN(first) + 1);
		xkb_mod_mask_t mods = mods_of(state, (xkb_keycode_t)evdev + EVDEV_OFFSET);

		for (unsigned m = 0; m < KEYMAP_MODS; m++)
			if (mods == 1u << m && !keys[m])
				keys[m] = evdev;
	}
	xkb_state_unref(state);
	return 0;
}

bool keymap_find_lock(struct xkb_keymap *keymap, uint32_t group, struct keymap_spot *at)
{
	return find_symbol(keymap, group, XKB_KEY_Caps_Lock, NULL, NULL, at);
}

bool keymap_is_modifier(struct xkb_keymap *keymap, uint16_t evdev)
{
	const xkb_keysym_t *syms;

	if (xkb_keymap_key_get_syms_by_level(keymap, (xkb_keycode_t)evdev + EVDEV_OFFSET, 0, 0, &syms) != 1)
		return false;
	return (*syms >= XKB_KEY_Shift_L && *syms <= XKB_KEY_Hyper_R && *syms != XKB_KEY_Caps_Lock &&
		*syms != XKB_KEY_Shift_Lock) ||
	       *syms == XKB_KEY_ISO_Level3_Shift || *syms == XKB_KEY_ISO_Level5_Shift || *syms == XKB_KEY_Mode_switch;
}

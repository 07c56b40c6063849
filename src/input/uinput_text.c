// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Text through keys alone, whose layout we do not know: Ctrl+Shift+U, the code point in hexadecimal, Space. Toolkits
 * with an input method of their own (GTK, IBus, Fcitx) understand it, others do not: the last resort (2-media 6.2).
 * The digits are those of a US layout; the common Latin layouts agree on them but for the A of a French one.
 */
#include "base/str.h"
#include "input/uinput_events.h"

#define DIGITS_MAX 6u /* 10ffff */

static const uint16_t modifiers[] = {
	KEY_LEFTSHIFT, KEY_RIGHTSHIFT, KEY_LEFTCTRL, KEY_RIGHTCTRL,
	KEY_LEFTALT,   KEY_RIGHTALT,   KEY_LEFTMETA, KEY_RIGHTMETA,
};

static const uint16_t digits[16] = {
	KEY_0, KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9, KEY_A, KEY_B, KEY_C, KEY_D, KEY_E, KEY_F,
};

static void tap(struct uinput_events *u, struct evdev_batch *b, uint16_t code)
{
	uinput_key(u, b, code, true);
	evdev_sync(b);
	uinput_key(u, b, code, false);
	evdev_sync(b);
}

/* The same keys on every layout, and not to be had by their number. */
static uint16_t plain_key(uint32_t code_point)
{
	switch (code_point) {
	case '\b':
		return KEY_BACKSPACE;
	case '\t':
		return KEY_TAB;
	case '\n':
	case '\r':
		return KEY_ENTER;
	case ' ':
		return KEY_SPACE;
	}
	return 0;
}

static bool is_control(uint32_t code_point)
{
	return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
}

/* The keys in the order in which they are struck; their number. */
static unsigned spell(uint16_t keys[DIGITS_MAX], uint32_t code_point)
{
	unsigned n = 1;

	while (n < DIGITS_MAX && code_point >> (4 * n))
		n++;
	for (unsigned i = 0; i < n; i++)
		keys[i] = digits[code_point >> (4 * (n - 1 - i)) & 0xf];
	return n;
}

/* All at one moment, so that none of them acts with the others gone: a lone Alt opens menus. */
static uint32_t let_go(struct uinput_events *u, struct evdev_batch *b, const uint16_t *keys, unsigned n)
{
	uint32_t held = 0;

	for (unsigned i = 0; i < n; i++) {
		held |= (uint32_t)uinput_key_held(u, keys[i]) << i;
		uinput_key(u, b, keys[i], false);
	}
	return held;
}

void uinput_text(struct uinput_events *u, struct evdev_batch *b, uint32_t code_point)
{
	uint16_t plain = plain_key(code_point), keys[DIGITS_MAX + 2] = {plain};
	unsigned n = 1;
	uint32_t held;

	if (!plain) {
		if (is_control(code_point))
			return;
		n = spell(keys, code_point);
		keys[n++] = KEY_SPACE;
		keys[n++] = KEY_U;
	}
	/* What is struck must be up before. It is not pressed again: that would type it. */
	held = let_go(u, b, modifiers, ARRAY_LEN(modifiers));
	let_go(u, b, keys, n);
	if (b->n)
		evdev_sync(b);
	if (!plain) {
		uinput_key(u, b, KEY_LEFTCTRL, true);
		uinput_key(u, b, KEY_LEFTSHIFT, true);
		evdev_sync(b);
		tap(u, b, keys[--n]);
		let_go(u, b, modifiers, ARRAY_LEN(modifiers));
		evdev_sync(b);
	}
	for (unsigned i = 0; i < n; i++)
		tap(u, b, keys[i]);
	for (unsigned i = 0; i < ARRAY_LEN(modifiers); i++)
		uinput_key(u, b, modifiers[i], held >> i & 1);
	if (held)
		evdev_sync(b);
}

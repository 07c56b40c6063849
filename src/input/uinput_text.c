// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Text through keys alone, whose layout we do not know: Ctrl+Shift+U, the code point in hexadecimal, Space. Toolkits
 * with an input method of their own (GTK, IBus, Fcitx) understand it, others do not: the last resort (2-media 6.2).
 * The digits are those of a US layout; the common Latin layouts agree on them but for the A of a French one.
 */
#include "input/strokes.h"
#include "input/uinput_events.h"

static const uint16_t digits[16] = {
	KEY_0, KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9, KEY_A, KEY_B, KEY_C, KEY_D, KEY_E, KEY_F,
};

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

static bool find(void *ctx, char c, struct stroke *s)
{
	(void)ctx;
	if (c == ' ')
		*s = (struct stroke){KEY_SPACE, {0}};
	else if (c == 'u')
		*s = (struct stroke){KEY_U, {0}};
	else
		*s = (struct stroke){digits[c <= '9' ? c - '0' : c - 'a' + 10], {0}};
	return true;
}

struct target {
	struct uinput_events *u;
	struct evdev_batch *b;
};

static void key(void *ctx, uint16_t code, bool down)
{
	struct target *t = ctx;

	uinput_key(t->u, t->b, code, down);
}

static bool held(void *ctx, uint16_t code)
{
	struct target *t = ctx;

	return uinput_key_held(t->u, code);
}

static void sync(void *ctx)
{
	struct target *t = ctx;

	evdev_sync(t->b);
}

void uinput_text(struct uinput_events *u, struct evdev_batch *b, uint32_t code_point)
{
	struct target t = {u, b};
	const struct stroke_keyboard k = {
		.key = key, .held = held, .sync = sync, .mods = common_mods, .n_mods = COMMON_MODS, .ctx = &t};
	static const uint16_t ctrl_shift[2] = {KEY_LEFTCTRL, KEY_LEFTSHIFT};
	struct stroke s[HEX_STROKES_MAX] = {{.key = plain_key(code_point)}};
	unsigned n = 1;

	if (!s[0].key)
		n = is_control(code_point) ? 0 : hex_strokes(s, code_point, ctrl_shift, find, NULL);
	if (n)
		strokes_play(&k, s, n);
}

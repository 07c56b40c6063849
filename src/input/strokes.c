// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/strokes.h"

#include <assert.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <string.h>

const uint16_t common_mods[COMMON_MODS] = {
	KEY_LEFTSHIFT, KEY_RIGHTSHIFT, KEY_LEFTCTRL, KEY_RIGHTCTRL,
	KEY_LEFTALT,   KEY_RIGHTALT,   KEY_LEFTMETA, KEY_RIGHTMETA,
};

static bool let_go(const struct stroke_keyboard *k, uint16_t key)
{
	if (!k->held(k->ctx, key))
		return false;
	k->key(k->ctx, key, false);
	return true;
}

static void strike(const struct stroke_keyboard *k, const struct stroke *s)
{
	unsigned n = 0;

	for (; n < STROKE_MODS_MAX && s->mods[n]; n++)
		k->key(k->ctx, s->mods[n], true);
	if (n)
		k->sync(k->ctx);
	k->key(k->ctx, s->key, true);
	k->sync(k->ctx);
	k->key(k->ctx, s->key, false);
	k->sync(k->ctx);
	for (unsigned i = n; i--;)
		k->key(k->ctx, s->mods[i], false);
	if (n)
		k->sync(k->ctx);
}

uint32_t strokes_aside(const struct stroke_keyboard *k, const struct stroke *s, unsigned n)
{
	uint32_t held = 0;
	bool any = false;

	assert(k->n_mods <= STROKE_HELD_MAX);
	/* All at one moment, so that none of them acts with the others gone: a lone Alt opens menus. */
	for (unsigned i = 0; i < k->n_mods; i++)
		held |= (uint32_t)let_go(k, k->mods[i]) << i;
	/* What is struck must be up before. It is not pressed again: that would type it. */
	for (unsigned i = 0; i < n; i++)
		any |= let_go(k, s[i].key);
	if (held || any)
		k->sync(k->ctx);
	return held;
}

void strokes_strike(const struct stroke_keyboard *k, const struct stroke *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		strike(k, &s[i]);
}

void strokes_back(const struct stroke_keyboard *k, uint32_t held)
{
	for (unsigned i = 0; i < k->n_mods; i++)
		if (held >> i & 1)
			k->key(k->ctx, k->mods[i], true);
	if (held)
		k->sync(k->ctx);
}

void strokes_play(const struct stroke_keyboard *k, const struct stroke *s, unsigned n)
{
	uint32_t held = strokes_aside(k, s, n);

	strokes_strike(k, s, n);
	strokes_back(k, held);
}

unsigned hex_strokes(struct stroke s[HEX_STROKES_MAX], uint32_t code_point, const uint16_t ctrl_shift[2],
		     bool (*find)(void *ctx, char c, struct stroke *s), void *ctx)
{
	char text[HEX_STROKES_MAX + 8];
	unsigned n = (unsigned)snprintf(text, sizeof(text), "u%x ", (unsigned)code_point);

	if (n > HEX_STROKES_MAX)
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (!find(ctx, text[i], &s[i]))
			return 0;
	memcpy(s[0].mods, (uint16_t[STROKE_MODS_MAX]){ctrl_shift[0], ctrl_shift[1]}, sizeof(s[0].mods));
	return n;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Text as strokes on a keyboard that a client may be holding keys of: a stroke is a key with its own modifiers. What is
 * held steps aside for the text. Pure; one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STROKE_MODS_MAX 3
#define HEX_STROKES_MAX 8 /* U, six digits, space */

struct stroke {
	uint16_t key;                   /* evdev */
	uint16_t mods[STROKE_MODS_MAX]; /* down while it is, in that order; ends early with 0 */
};

struct stroke_keyboard {
	void (*key)(void *ctx, uint16_t evdev, bool down); /* one that is so already is left alone */
	bool (*held)(void *ctx, uint16_t evdev);
	void (*sync)(void *ctx); /* what was done since the last is one moment */
	const uint16_t *mods;    /* keys that would change the text's meaning, at most STROKE_HELD_MAX */
	unsigned n_mods;
	void *ctx;
};

#define STROKE_HELD_MAX 32

/* Held modifiers are up meanwhile and come back; a key that is struck was let go before, and stays so. */
void strokes_play(const struct stroke_keyboard *k, const struct stroke *s, unsigned n);

/* Its parts, for a sender that does more in between: what is held, but what is to be struck, steps aside; the strokes;
 * held, the answer of the first, comes back. */
uint32_t strokes_aside(const struct stroke_keyboard *k, const struct stroke *s, unsigned n);
void strokes_strike(const struct stroke_keyboard *k, const struct stroke *s, unsigned n);
void strokes_back(const struct stroke_keyboard *k, uint32_t held);

/* The eight of every keyboard, left before right. */
#define COMMON_MODS 8
extern const uint16_t common_mods[COMMON_MODS];

/*
 * The input method's way in: Ctrl+Shift+U, the code point in hexadecimal, Space. find gives the stroke of a character
 * of "0123456789abcdefu ", false if there is none; ctrl_shift are the keys of the two modifiers. Returns how many
 * strokes, 0 if they cannot be had.
 */
unsigned hex_strokes(struct stroke s[HEX_STROKES_MAX], uint32_t code_point, const uint16_t ctrl_shift[2],
		     bool (*find)(void *ctx, char c, struct stroke *s), void *ctx);

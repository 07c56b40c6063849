// SPDX-License-Identifier: GPL-3.0-or-later
/* What the tests of reports to the kernel's pad drivers share: what a client was told, and reading of what is
 * written. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "input/backend.h"

static const uint8_t mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

static struct {
	unsigned rumbles, leds, effects;
	uint16_t low, high;
	uint8_t pad, rgb[3];
	struct input_trigger_effect effect;
} told;

static inline void told_rumble(void *ctx, uint8_t pad, uint16_t low, uint16_t high)
{
	(void)ctx;
	told.rumbles++;
	told.pad = pad;
	told.low = low;
	told.high = high;
}

static inline void told_led(void *ctx, uint8_t pad, uint8_t r, uint8_t g, uint8_t b)
{
	(void)ctx;
	told.leds++;
	told.pad = pad;
	memcpy(told.rgb, (uint8_t[]){r, g, b}, 3);
}

static inline void told_trigger_effect(void *ctx, uint8_t pad, const struct input_trigger_effect *e)
{
	(void)ctx;
	told.effects++;
	told.pad = pad;
	told.effect = *e;
}

static const struct input_back back = {.rumble = told_rumble, .led = told_led, .trigger_effect = told_trigger_effect};

/* The last one. */
static inline void assert_rumble(unsigned low, unsigned high)
{
	assert_int_equal(told.low, low);
	assert_int_equal(told.high, high);
}

/* n bytes, least significant first. */
static inline unsigned le(const uint8_t *p, unsigned n)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (unsigned)p[i] << (8 * i);
	return v;
}

static inline int16_t le16(const uint8_t *p)
{
	return (int16_t)le(p, 2);
}

/* A client's button, or several, and where they are in a report; a table ends with zeros. */
struct button_bits {
	uint32_t button, bits;
};

static inline uint32_t bits_of(const struct button_bits *t, uint32_t button)
{
	for (; t->button; t++)
		if (t->button == button)
			return t->bits;
	return 0;
}

enum { HID_INPUT, HID_OUTPUT, HID_FEATURE, HID_KINDS };

/* How many bits a descriptor gives to each report; its collections must all end. */
static inline void hid_sizes(unsigned bits[HID_KINDS][256], const uint8_t *descriptor, size_t len)
{
	unsigned size = 0, count = 0, id = 0, depth = 0;

	memset(bits, 0, sizeof(*bits) * HID_KINDS);
	for (size_t i = 0; i < len;) {
		unsigned head = descriptor[i++], n = (head & 3) == 3 ? 4 : head & 3, v;

		assert_true(i + n <= len);
		v = le(descriptor + i, n);
		i += n;
		switch (head & 0xfc) {
		case 0x74:
			size = v;
			break;
		case 0x94:
			count = v;
			break;
		case 0x84:
			id = v;
			break;
		case 0x80:
			bits[HID_INPUT][id] += size * count;
			break;
		case 0x90:
			bits[HID_OUTPUT][id] += size * count;
			break;
		case 0xb0:
			bits[HID_FEATURE][id] += size * count;
			break;
		case 0xa0:
			depth++;
			break;
		case 0xc0:
			depth--;
			break;
		}
	}
	assert_int_equal(depth, 0);
}

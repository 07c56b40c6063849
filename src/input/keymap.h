// SPDX-License-Identifier: GPL-3.0-or-later
/* The client's codes in the kernel's (linux/input-event-codes.h) terms, 2-media 6.2 to 6.4. Pure, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* KEY_* of a Windows virtual key on a US layout; raw: the code is not such a position (ISO and JIS extras).
 * 0: no such key. */
uint16_t evdev_key(uint8_t vk, bool raw);

/* BTN_* of a mouse button 1..5; 0: no such button. */
uint16_t evdev_mouse_button(uint8_t button);

/* A client's stick is positive upwards, the kernel's ABS_Y downwards; the middle stays 0. */
static inline int16_t evdev_stick_y(int16_t up)
{
	return up == INT16_MIN ? INT16_MAX : (int16_t)-up;
}

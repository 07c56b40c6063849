// SPDX-License-Identifier: GPL-3.0-or-later
/* The kernel's input headers beside ours: both have a struct input_event, the kernel's is kernel_input_event here.
 * Whoever needs them includes this one instead. */
#pragma once

#define input_event kernel_input_event
#include <linux/input.h>
#include <linux/uinput.h>
#undef input_event

// SPDX-License-Identifier: GPL-3.0-or-later
/* Events for a kernel device, gathered to be written at once. */
#pragma once

#include <assert.h>
#include <stdint.h>

#include "input/kernel_input.h"

/* The longest is text: 6 hexadecimal digits around which modifiers and keys are let go and pressed again. */
#define EVDEV_BATCH_MAX 80

/* With n 0 it is empty. */
struct evdev_batch {
	unsigned n;
	struct kernel_input_event ev[EVDEV_BATCH_MAX];
};

/* The time stays 0: then the kernel stamps the event itself. */
static inline void evdev_add(struct evdev_batch *b, uint16_t type, uint16_t code, int32_t value)
{
	assert(b->n < EVDEV_BATCH_MAX);
	b->ev[b->n++] = (struct kernel_input_event){.type = type, .code = code, .value = value};
}

/* Ends a frame: what came since the last one happened at one moment. */
static inline void evdev_sync(struct evdev_batch *b)
{
	evdev_add(b, EV_SYN, SYN_REPORT, 0);
}

/* All of it in one system call, so that its frames reach readers together. -errno; -EIO: a part was written. */
int evdev_batch_write(int fd, const struct evdev_batch *b);

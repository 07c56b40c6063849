// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "input/evdev_batch.h"

/* The batch in one system call, so that its frames reach readers together. -errno; -EIO: a part was written. */
int evdev_batch_write(int fd, const struct evdev_batch *b);

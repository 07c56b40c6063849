// SPDX-License-Identifier: GPL-3.0-or-later
/* A device of /dev/uinput: made and destroyed on the main thread, written by the control thread. */
#pragma once

#include "input/evdev_batch.h"
#include "input/uinput_layout.h"

#define UINPUT_NODE "/dev/uinput"

struct libevdev_uinput;

/* Zeroed fd would be standard input: an unused device has fd -1. */
struct uinput_node {
	int fd;
	struct libevdev_uinput *uinput;
};

/* seat goes into the device's phys. -errno; what the kernel says of the node (-EACCES, -ENOENT) is not logged. */
int uinput_node_open(struct uinput_node *n, const struct uinput_layout *layout, const char *seat);
void uinput_node_close(struct uinput_node *n); /* the kernel lets go of what is held; accepts an unused one */

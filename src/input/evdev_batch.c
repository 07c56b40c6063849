// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/evdev_batch.h"

#include <errno.h>
#include <unistd.h>

int evdev_batch_write(int fd, const struct evdev_batch *b)
{
	size_t len = b->n * sizeof(b->ev[0]);
	ssize_t n;

	do
		n = write(fd, b->ev, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define LOG_MODULE "rand"
#include "base/log.h"

void rand_bytes(void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_errno(-errno, "getrandom");
			abort();
		}
		p += n;
		len -= (size_t)n;
	}
}

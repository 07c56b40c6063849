// SPDX-License-Identifier: GPL-3.0-or-later
/* Random bytes from the kernel. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fills buf. Ends the process when the kernel has no randomness to give: there is no safe way on. */
void rand_bytes(void *buf, size_t len);

static inline uint32_t rand_u32(void)
{
	uint32_t v;

	rand_bytes(&v, sizeof(v));
	return v;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the control thread tells the sender of a stream, newest value only: how fast and with how much parity. Relaxed
 * atomics: each is good by itself.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* Frames differ in what their loss costs. */
enum frame_class {
	FRAME_ORDINARY,
	FRAME_MARKED, /* to be acknowledged: a reference that recovery will want */
	FRAME_VITAL,  /* IDR, or the first after an invalidation: its loss costs another round trip */
	FRAME_CLASSES,
};

struct tune {
	_Atomic uint32_t ceiling_kbps;
	_Atomic uint8_t fec_percent[FRAME_CLASSES];
};

#define TUNE_GET(field)    atomic_load_explicit(&(field), memory_order_relaxed)
#define TUNE_SET(field, v) atomic_store_explicit(&(field), (v), memory_order_relaxed)

/* All classes alike. */
static inline void tune_set_all(struct tune *t, uint32_t ceiling_kbps, uint8_t fec_percent)
{
	TUNE_SET(t->ceiling_kbps, ceiling_kbps);
	for (unsigned c = 0; c < FRAME_CLASSES; c++)
		TUNE_SET(t->fec_percent[c], fec_percent);
}

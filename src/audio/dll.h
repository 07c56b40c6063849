// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Delay-locked loop: turns noisy observations of "the grid is this late" into a smooth grid that
 * follows another clock in frequency and phase (second order, critically damped by 1/sqrt 2). Pure
 * arithmetic, no allocation.
 */
#pragma once

#include <stdint.h>

/* How far the followed clock may be from ours: ten times what a bad crystal does. Beyond, the observation is wrong. */
#define DLL_MAX_PPM 1000.0

struct dll {
	double nominal_ns, period_ns; /* of one step: as specified, as learnt */
	double b, c;                  /* gain on phase, on frequency */
	double carry_ns;              /* fraction that the last step could not express */
};

/* bandwidth_hz: below it the clock's wander is followed, above it jitter is averaged out. */
void dll_init(struct dll *d, double nominal_ns, double bandwidth_hz);

/* Ends one step. late_ns: by how much the grid is behind the followed clock (negative: ahead; 0:
 * nothing was observed). Returns the length of the next step, within 1 % of the period. */
uint64_t dll_step(struct dll *d, double late_ns);

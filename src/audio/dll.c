// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/dll.h"

#include <math.h>

#define STEP_SHARE 0.01 /* of the period that one step may be bent to win back phase */

static double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

void dll_init(struct dll *d, double nominal_ns, double bandwidth_hz)
{
	double w = 2.0 * M_PI * bandwidth_hz * nominal_ns * 1e-9;

	*d = (struct dll){.nominal_ns = nominal_ns, .period_ns = nominal_ns, .b = M_SQRT2 * w, .c = w * w};
}

uint64_t dll_step(struct dll *d, double late_ns)
{
	const double bend = d->nominal_ns * STEP_SHARE, range = d->nominal_ns * DLL_MAX_PPM * 1e-6;
	double step;
	uint64_t whole;

	/* One wild observation moves the loop by no more than a period's worth. */
	late_ns = clamp(late_ns, -d->nominal_ns, d->nominal_ns);
	d->period_ns = clamp(d->period_ns - d->c * late_ns, d->nominal_ns - range, d->nominal_ns + range);
	step = d->period_ns - clamp(d->b * late_ns, -bend, bend) + d->carry_ns;
	whole = (uint64_t)step;
	d->carry_ns = step - (double)whole;
	return whole;
}

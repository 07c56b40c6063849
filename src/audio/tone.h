// SPDX-License-Identifier: GPL-3.0-or-later
/* What the tone source plays; for those who check it at the other end. */
#pragma once

#define TONE_PEAK 0.25 /* of full scale */

/* Pitch of a channel, in the order of layout.h. */
static inline double tone_hz(unsigned channel)
{
	return 220.0 * (channel + 1);
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/rate.h"

#define USE_START 0.88 /* measured over presets and sizes: mostly 0.83 to 0.91 */
#define USE_MIN   0.65 /* small pictures in many slices come down to 0.7 */
#define USE_MAX   1.05
#define HELD_BACK 0.50 /* a frame below this share of its budget was not limited by the rate */
#define WINDOW    20   /* frames */
#define GAIN      0.5  /* of one window's error */
#define WORTH     0.01 /* relative change that is told to the encoder */

static uint32_t ask(const struct rate *r)
{
	return (uint32_t)(r->target_kbps / r->use + 0.5);
}

void rate_init(struct rate *r, uint32_t target_kbps, uint32_t fps_mhz)
{
	*r = (struct rate){.fps_mhz = fps_mhz, .use = USE_START};
	rate_set_target(r, target_kbps);
}

void rate_set_target(struct rate *r, uint32_t target_kbps)
{
	r->target_kbps = target_kbps;
	r->asked_kbps = ask(r);
	r->bytes = 0;
	r->frames = 0;
}

uint32_t rate_ask(const struct rate *r)
{
	return r->asked_kbps;
}

/* Bytes of a frame. kbit/s x 125 = bytes a second; fps_mhz / 1000 frames a second. */
static double budget(const struct rate *r)
{
	return r->asked_kbps * 125.0 * 1000.0 / r->fps_mhz;
}

bool rate_held(const struct rate *r, size_t bytes)
{
	return (double)bytes >= budget(r) * HELD_BACK;
}

bool rate_frame(struct rate *r, size_t bytes)
{
	double use, change;

	if (!rate_held(r, bytes))
		return false;
	r->bytes += bytes;
	if (++r->frames < WINDOW)
		return false;

	use = (double)r->bytes / r->frames / budget(r);
	r->bytes = 0;
	r->frames = 0;
	r->use += GAIN * (use - r->use);
	r->use = r->use < USE_MIN ? USE_MIN : r->use > USE_MAX ? USE_MAX : r->use;

	change = (double)ask(r) / r->asked_kbps - 1;
	if (change > -WORTH && change < WORTH)
		return false;
	r->asked_kbps = ask(r);
	return true;
}

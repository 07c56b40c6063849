// SPDX-License-Identifier: GPL-3.0-or-later
/* What is known of VA-API drivers beyond what they say of themselves. Data; any thread. */
#pragma once

#include <stdint.h>

enum vaapi_quirk {
	VAAPI_NO_ENCODER = 1, /* decodes only: is not asked */
	VAAPI_POLL = 2,       /* older than waiting with a limit: its state is looked at instead */
};

struct vaapi_quirks {
	const char *driver; /* its usual name */
	const char *vendor; /* part of what it answers for its vendor */
	uint32_t quirks;    /* enum vaapi_quirk */
	const char *note;   /* for people */
};

/* By the vendor string; of a driver that is not known, a row without quirks. */
const struct vaapi_quirks *vaapi_quirks_find(const char *vendor);

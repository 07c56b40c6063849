// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/stats.h"

const char *const stage_name[STAGE_COUNT] = {
	[STAGE_CAPTURE] = "capture_wait", [STAGE_CONVERT] = "convert", [STAGE_ENCODE] = "encode",
	[STAGE_PACK] = "packetize",       [STAGE_PACE] = "pace",       [STAGE_TOTAL] = "capture_to_wire",
};

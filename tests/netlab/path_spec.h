// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A path as scenario files write it. An object with any of:
 *
 *	"loss"         a list of {"model": "random", "rate": 0.01}
 *	                         {"model": "gilbert", "rate": 0.05, "length": 4}, or in place of the last two
 *	                             {"enter", "leave", "bad" (1), "good" (0)}
 *	                         {"model": "nth", "n": 50}
 *	                         {"model": "burst", "rate": 0.05, "length": 8}
 *	               each with "ports" (names; default all), "from_s", "until_s"
 *	"outage"       a list of [from_s, until_s]: nothing passes
 *	"rate_mbps"    number, or a list of [at_s, mbps] with 0 for no limit
 *	"queue_bytes", "burst_bytes"
 *	"delay_ms", "jitter_ms", "keep_order" (true)
 *	"reorder", "reorder_ms" (5), "duplicate"
 */
#pragma once

#include <jansson.h>

#include "path.h"

#define PATH_PORTS 3

extern const char *const path_ports[PATH_PORTS]; /* video, control, audio */

/* o NULL: a path that does nothing. -EINVAL: *why says what is wrong; an unknown key is wrong too. */
int path_spec_read(struct path_params *p, json_t *o, const char **why);

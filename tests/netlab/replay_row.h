// SPDX-License-Identifier: GPL-3.0-or-later
/* What a replay came to as a JSON object, and what another version made of the same. */
#pragma once

#include <jansson.h>

#include "replay.h"

/* NULL: no memory. */
json_t *replay_row(const struct replay_result *r, const struct replay_params *p);

/* {figure: [there, here]} of what differs between the row of another version and this one; decisions by how many of
 * them are the same from the beginning. NULL: no memory. */
json_t *replay_row_differences(json_t *there, json_t *here);

// SPDX-License-Identifier: GPL-3.0-or-later
/* The encoders of this machine and what each can do, for people and for programs. Main thread. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* An array with an object for each encoder and codec that works here; NULL without memory. */
json_t *encoders_json(void);
/* The same array as text. */
void encoders_text(const json_t *list, struct buf *out);

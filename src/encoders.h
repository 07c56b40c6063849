// SPDX-License-Identifier: GPL-3.0-or-later
/* The encoders of this machine and what each can do, for people and for programs. Main thread. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* An array with an object for each encoder and codec that is here; NULL without memory. Hardware is tried, as a stream
 * would, unless encoder_choice_measure() has: "auto" and "why" say what came of it. noted: what a daemon has noted, or
 * NULL. */
json_t *encoders_json(const json_t *noted);
/* What this process has noted: an array of backend, codec and why, for those that went wrong. NULL without memory. */
json_t *encoders_noted(void);
/* The same array as text. */
void encoders_text(const json_t *list, struct buf *out);

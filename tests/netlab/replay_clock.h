// SPDX-License-Identifier: GPL-3.0-or-later
/* Included ahead of the sender's own sources (see meson.build), so that they ask the replay what time it is. */
#pragma once

#include "base/clock.h"

extern uint64_t replay_now_ns; /* replay_tx.c; never 0 */

#define clock_ns() (replay_now_ns)

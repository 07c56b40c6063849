// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Counts what hot threads must not do. The program is linked with --wrap for each of these functions, so that calls
 * from our own objects come here, and calls that libraries make among themselves do not: "of our own" is decided by the
 * linker.
 */
#pragma once

#include <stdbool.h>

enum hook { HOOK_MALLOC, HOOK_FREE, HOOK_LOCK, HOOK_PRINT, HOOKS };

extern const char *const hook_name[HOOKS];

/* Counting is for threads with the names of the hot stages only; the calling thread can join them. */
void hooks_count(bool on);
void hooks_join(const char *name);
unsigned hooks_seen(enum hook h);

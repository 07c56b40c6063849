// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What this daemon holds down in a KWin that does not let go of it when a client leaves: written where it outlives a
 * daemon that is killed, for the next one to let go. A mapped file in XDG_RUNTIME_DIR: noting is a store to memory. One
 * for all sessions of the daemon, which note on the control thread and open on the main thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KWIN_LEDGER_CODES   768 /* KEY_MAX + 1 of the kernel; buttons are among them */
#define KWIN_LEDGER_CONTACT 0   /* no key has it */

/*
 * Once for a process, at its first session: calls left for each code that an earlier one has left down. Where there is
 * no such file to be had, nothing is known and nothing noted.
 */
void kwin_ledger_begin(void (*left)(void *ctx, uint16_t code), void *ctx);
void kwin_ledger_note(uint16_t code, bool down);

// SPDX-License-Identifier: GPL-3.0-or-later
/* What the service manager is told (sd_notify's protocol): a plain datagram, so no library is
 * needed. Main thread. */
#pragma once

#include "base/loop.h"

/* Does nothing when $NOTIFY_SOCKET is not set. state: "READY=1", "STATUS=...", "STOPPING=1". */
void notify_send(const char *state);

/* Sends WATCHDOG=1 at half the interval that $WATCHDOG_USEC asks for, from the loop: when the loop
 * hangs, the service is restarted. Without that variable no timer runs. */
struct notify_watchdog;
struct notify_watchdog *notify_watchdog_start(struct loop *loop);
void notify_watchdog_stop(struct notify_watchdog *w); /* accepts NULL */

// SPDX-License-Identifier: GPL-3.0-or-later
/* The two sockets through which a session's media leave. Main thread. */
#pragma once

#include "net/media_port.h"

struct session;

/* Opens (or, when the peer moved, replaces) the connected socket of one medium, for the newest ping, and lets its stage
 * use it. -errno: the old one may be gone. */
int session_media_connect(struct session *s, enum media_class cls);
/* Closes both and forgets the pings; the stages that used them have ended. */
void session_media_close(struct session *s);

// SPDX-License-Identifier: GPL-3.0-or-later
/* What `moonrill status` shows, as JSON and as text made from that JSON. Main thread. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "daemon.h"

json_t *status_json(struct daemon_ctx *d); /* new reference, NULL: no memory */
void status_text(const json_t *status, struct buf *out);

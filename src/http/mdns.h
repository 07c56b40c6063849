// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Announces the host as _nvstream._tcp through Avahi over D-Bus (1-session 1.1), so that clients find it by themselves.
 * Never in the way: without bus or Avahi one warning says so and the announcement starts when Avahi does; no polling.
 * Main thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct mdns;

#define MDNS_LABEL 64

/* -ENOTSUP: built without D-Bus; or there is no system bus (said in the log). */
int mdns_create(struct mdns **out, struct loop *loop, const char *host_name, uint16_t port);
void mdns_destroy(struct mdns *m); /* withdraws the announcement; accepts NULL */

/* The service's name: the host name cut to 63 bytes, spaces as '-', up to the first other character that is not a
 * letter, digit or '-'. */
void mdns_label(char out[MDNS_LABEL], const char *host_name);

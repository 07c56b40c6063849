// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Carries ENet to an IPv6 host: Debian's libenet knows only IPv4, so it talks to a socket on 127.0.0.1, and what comes
 * there goes on over an IPv6 socket, and back. No thread of its own: its two descriptors belong to the poll set of
 * the thread that runs ENet.
 */
#pragma once

#include <stdint.h>

#include "base/addr.h"

struct relay {
	int inner, outer; /* inner: IPv4 loopback, to ENet; outer: connected to the host */
	uint16_t port;    /* of inner */
	union addr enet;  /* learned from its first datagram */
};

int relay_open(struct relay *r, const union addr *host); /* -errno */
void relay_close(struct relay *r);                       /* accepts a relay whose descriptors are -1 */
/* Moves what is there, both ways; never blocks. */
void relay_pump(struct relay *r);

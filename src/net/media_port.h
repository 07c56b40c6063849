// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The two media ports (video, audio) of the daemon. The unconnected socket reads the clients'
 * pings; once a ping is recognised, the session opens a second socket on the same port, connected
 * to that peer, through which its media leave: TOS, GSO, buffers and ICMP errors are then per
 * session, and the source address is the one that was pinged. Main thread. Source: 2-media 1.1.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/loop.h"

#define PING_PAYLOAD_LEN 16

struct ping {
	bool legacy; /* 4 bytes "PING"; else payload and counter are set */
	uint8_t payload[PING_PAYLOAD_LEN];
	uint32_t counter;
};

/* Pure parser: 0 or -EBADMSG (to be ignored silently). */
int ping_parse(struct ping *p, const uint8_t *data, size_t len);

enum media_class { MEDIA_VIDEO, MEDIA_AUDIO };

struct media_port;

/* from: who pinged; to: our address it was sent to (port included). Several pings a second for the whole session. May
 * call media_port_connect(), must not close the port. */
typedef void (*media_ping_fn)(void *ctx, enum media_class cls, const struct ping *p, const union addr *from,
			      const union addr *to);

/* bind: numeric address or "" for all. -errno. */
int media_port_open(struct media_port **out, struct loop *loop, const char *bind, uint16_t port, enum media_class cls,
		    media_ping_fn fn, void *ctx);
void media_port_close(struct media_port *mp); /* accepts NULL */

/* A socket bound to (to), connected to (from); DSCP marked when qos. The fd is the caller's. -errno. */
int media_port_connect(struct media_port *mp, const union addr *from, const union addr *to, bool qos, int *fd);
/* Reads and drops what the peer keeps sending to the connected socket; pings go to the callback, with local (the to of
 * the connect) as their destination. Among the first may be other peers': the socket swallowed them before it was
 * connected. Call when fd is readable. */
void media_port_drain(struct media_port *mp, int fd, const union addr *local);

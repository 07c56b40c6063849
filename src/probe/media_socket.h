// SPDX-License-Identifier: GPL-3.0-or-later
/* The UDP side that video and audio share: one socket a stream, a ping every 500 ms for the whole session (2-media
 * 1.1), many datagrams a system call. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define MEDIA_BATCH    32u
#define MEDIA_DATAGRAM 4096u

struct media_socket {
	int fd;
	union addr host; /* with the stream's port */
	char ping[17];   /* "": the 4-byte form */
	uint32_t pings;
	uint64_t next_ping, foreign; /* foreign: datagrams of another source */
	uint8_t *bytes;              /* MEDIA_BATCH datagrams */
};

typedef void (*media_datagram_fn)(void *ctx, const uint8_t *data, size_t len, uint64_t now_ns);

int media_socket_open(struct media_socket *m, const union addr *host, uint16_t port, const char *ping,
		      int rcvbuf);               /* -errno */
void media_socket_close(struct media_socket *m); /* accepts a zeroed one that was never opened: fd 0 is not closed */

/* Pings when due, waits up to 20 ms for datagrams, hands each to fn. */
void media_socket_round(struct media_socket *m, media_datagram_fn fn, void *ctx);

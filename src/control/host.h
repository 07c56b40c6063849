// SPDX-License-Identifier: GPL-3.0-or-later
/* Our use of libenet: the host with its limits and socket options, and the times at which it needs service. Control
 * thread, but opening and closing. */
#pragma once

#include <enet/enet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define HOST_PACKET_MAX  1024u         /* of one message; clients send at most 279 */
#define HOST_WAITING_MAX (64u * 1024u) /* reliable data of one peer that waits for earlier data */

/* bind: an IPv4 address, port 0 lets the system choose. -errno. */
int host_open(ENetHost **out, const union addr *bind, size_t peers);
void host_close(ENetHost *h); /* accepts NULL */
uint16_t host_port(const ENetHost *h);

/* Whether a datagram asks for a new connection, and with which connect data. Pure. */
bool host_is_connect(const uint8_t *data, size_t len, uint32_t *connect_data);
/* Whether a datagram belongs to no existing peer: connects and strays. Pure. */
bool host_is_stray(const uint8_t *data, size_t len);

/* Milliseconds until enet_host_service() has a resend or ping to do; -1: none, only a datagram changes anything.
 * Also shortens the patience with half-open connections. */
int host_wait_ms(ENetHost *h);

/* Sends and flushes a reliable message on channel 0. -ENOMEM, -EIO. */
int host_send(ENetPeer *p, const void *data, size_t len);

/* Whether the peer should get no more for now: what was sent is not acknowledged yet. */
bool host_busy(const ENetPeer *p);

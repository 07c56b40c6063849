// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A small stock-like control client for tests: libenet, 48 channels, sealed messages. Its IPv6 form speaks to the host
 * through a bridge of its own (libenet cannot): ENet <-> loopback socket <-> v6 socket.
 */
#pragma once

#include <enet/enet.h>
#include <stdbool.h>

#include "base/addr.h"
#include "control/envelope.h"

#define CLIENT_MESSAGES 64

struct client {
	ENetHost *host;
	ENetPeer *peer;
	struct envelope envelope;
	bool connected, disconnected;
	unsigned n; /* messages that opened */
	struct {
		uint8_t data[128];
		int len;
	} got[CLIENT_MESSAGES];
	/* bridge; -1 without */
	int inner, outer;
	union addr enet; /* where the inner socket's datagrams go */
};

/* v6: 127.0.0.1 or ::1. key: 16 bytes. */
void client_open(struct client *c, bool v6, uint16_t port, uint32_t connect_data, const uint8_t *key, bool v2);
void client_close(struct client *c); /* vanishes without a word */
void client_pump(struct client *c);
void client_send(struct client *c, uint8_t channel, const char *plain_hex);
void client_send_raw(struct client *c, uint8_t channel, const void *data, size_t len);
/* The newest message of this type; NULL: none yet. */
const uint8_t *client_message(const struct client *c, uint16_t type, int *len);

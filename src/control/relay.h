// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * IPv6 for a libenet that knows IPv4 only: a v6 socket on the control port hands each client's datagrams to ENet
 * through a loopback socket of its own, and ENet's answers back, inside the control thread's poll set. The client's
 * true address stays known by the port of its loopback socket.
 *
 * Nothing is kept for a datagram that is not an admitted connection request; the number of clients is bounded, also
 * by /64 network; who has not proven a key is the first to go.
 */
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define RELAY_MAX     32
#define RELAY_NET_MAX 8 /* unproven clients of one /64 */

struct relay_link {
	int fd; /* connected to ENet */
	bool proven;
	uint16_t port; /* of fd, how ENet sees this client */
	uint16_t poll; /* its place in the poll set of this round, 0: none */
	union addr client;
	struct in6_pktinfo local; /* the address that the client knows us by */
	uint64_t since_ns, heard_ns;
};

/* Whether a new client may have a link. */
typedef bool (*relay_admit_fn)(void *ctx, const union addr *client, uint32_t connect_data);

struct relay {
	int fd; /* -1: no relay */
	union addr enet;
	struct relay_link link[RELAY_MAX];
	unsigned count;
	relay_admit_fn admit;
	void *ctx;
};

#define RELAY_POLL_MAX (1 + RELAY_MAX)

/* at: an IPv6 address with the control port; enet: where ENet listens on loopback. -errno. */
int relay_open(struct relay *r, const union addr *at, const union addr *enet, relay_admit_fn admit, void *ctx);
/* A relay that relays nothing. */
void relay_none(struct relay *r);
void relay_close(struct relay *r);

/* Adds its sockets to the set; the number added. */
unsigned relay_poll(struct relay *r, struct pollfd *set);
/* Moves datagrams both ways, a bounded number, for the sockets that poll found ready in set. */
void relay_run(struct relay *r, const struct pollfd *set, uint64_t now_ns);
/* Drops idle links; returns when to come again, NS_NEVER. */
uint64_t relay_expire(struct relay *r, uint64_t now_ns);

/* The client behind a loopback port of ENet's peer; NULL: none. */
struct relay_link *relay_find(struct relay *r, uint16_t port);

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The PIN exchange of 1-session 4 as a state machine: no sockets, no clock, no storage. Phase 1 is parked until the PIN
 * is typed on the host; each later phase is answered at once. A client is its address and its uniqueid, and one address
 * has one pairing at a time; any phase out of order ends it. Main thread.
 *
 * What is left when a client pairs, leaves or fails is nothing: keys, PIN and hashes are wiped with the session.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "http/cert.h"

struct identity;
struct pairing;

#define PAIRING_REPLY_MAX   8192
#define PAIRING_NAME        64
#define PAIRING_PHASE_NS    (30ull * 1000000000ull) /* for phases 2 to 4, counted from the PIN */
#define PAIRING_FREE_TRIES  2                       /* failures of an address before it has to wait */
#define PAIRING_DELAY_MAX_S 256
#define PAIRING_FORGET_NS   (600ull * 1000000000ull) /* failures older than this do not count */

struct pairing_params {
	uint64_t pin_timeout_ns;
	unsigned max_waiting;
	const struct identity *identity;       /* outlives the pairing */
	void (*random)(void *buf, size_t len); /* rand_bytes(); tests give known bytes */
};

/* One answer document. field is absent when NULL; its content is sent as hex. */
struct pairing_reply {
	int status;
	const char *message; /* NULL with status 200 */
	bool paired;
	const char *field;
	uint8_t data[PAIRING_REPLY_MAX];
	size_t len;
};

/* A client that has proven itself. */
struct pairing_done {
	struct cert cert;
	char name[PAIRING_NAME];
};

/* Who speaks; every phase carries it. */
struct pairing_client {
	union addr peer;
	const char *uniqueid; /* NULL counts as "" */
};

/* The parked phase 1 with this id has its answer; the session may be gone already. */
typedef void (*pairing_answer_fn)(void *ctx, uint32_t id, const struct pairing_reply *reply);

struct pairing *pairing_create(const struct pairing_params *p, pairing_answer_fn fn, void *ctx); /* NULL: no memory */
void pairing_destroy(struct pairing *p); /* parked phases get no answer; accepts NULL */

/* Phase 1. The id (never 0) under which it is parked, or 0: *reply is the answer. name: from the client, may be NULL.
 * A parked phase 1 that this one replaces is answered first. */
uint32_t pairing_start(struct pairing *p, uint64_t now, const struct pairing_client *c, const char *name,
		       const char *salt, const char *cert, struct pairing_reply *reply);
/* The client of a parked phase 1 has left: its session is gone, no answer comes. */
void pairing_drop(struct pairing *p, uint32_t id);

/* The person typed it. name "" keeps the client's own. Answers the one parked phase 1. -EINVAL: not 4 to 8 digits;
 * -ENOENT: nobody waits; -EBUSY: several wait, so it may not be given to either: whoever learns the answer to a wrong
 * one can search the PIN. */
int pairing_pin(struct pairing *p, uint64_t now, const char *pin, const char *name);

/* Phases 2, 3, 4; the argument is the hex of the query. */
void pairing_challenge(struct pairing *p, uint64_t now, const struct pairing_client *c, const char *hex,
		       struct pairing_reply *reply);
void pairing_response(struct pairing *p, uint64_t now, const struct pairing_client *c, const char *hex,
		      struct pairing_reply *reply);
/* True: the client is paired once the caller has stored *done; then reply says paired. */
bool pairing_secret(struct pairing *p, uint64_t now, const struct pairing_client *c, const char *hex,
		    struct pairing_reply *reply, struct pairing_done *done);

/* Drops the pairing of this client, never a stored one (1-session 2.9). */
void pairing_unpair(struct pairing *p, uint64_t now, const struct pairing_client *c);

/* Ends what is overdue. */
void pairing_tick(struct pairing *p, uint64_t now);
uint64_t pairing_next_ns(const struct pairing *p); /* when to call it; NS_NEVER */
unsigned pairing_waiting(const struct pairing *p);

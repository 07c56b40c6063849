// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A control stream under test: its loop, sessions as their owners see them, clients over loopback. Waits end with their
 * condition; the ceiling on them is far beyond what a loaded machine needs.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "client.h"
#include "control/control.h"

#define WAIT_NS (30 * NS_PER_S)

#define IDR   "020302000000"
#define START "0703010000"
#define PING  "0002080004000000000011ee" /* its last bytes are whatever the client had in memory */

extern const uint8_t key_a[16], key_b[16];
extern struct loop *loop;
extern struct control *control;

/* A session as its owner sees it. */
struct owner {
	struct control_session *session;
	struct control_out *out;
	struct input *input;
	struct feedback feedback;
	struct stream_stats stats;
	unsigned connected, started, disconnected;
	int err;
	union addr peer;
	char log[32];
};

extern const struct control_events owner_events;
/* The owner_events' last, for tables of one's own. */
void owner_connected(void *ctx, const union addr *peer);
void owner_started(void *ctx);
void owner_disconnected(void *ctx, int err);

int setup(void **state);       /* silence of a minute */
int setup_short(void **state); /* of 300 ms */
int teardown(void **state);

#define CASE(f)       cmocka_unit_test_setup_teardown(f, setup, teardown)
#define CASE_SHORT(f) cmocka_unit_test_setup_teardown(f, setup_short, teardown)

/* With a log back end for input; keys, feedback, stats, input and out of p are filled in. */
void owner_open(struct owner *o, const uint8_t *key, struct control_session_params p);
void owner_default(struct owner *o, const uint8_t *key, uint32_t connect_data);
/* The session only; its input and out stay. */
void owner_remove(struct owner *o, uint32_t code);
void owner_close(struct owner *o, uint32_t code);

/* Whether the session's input back end has written this. */
bool input_saw(const struct owner *o, const char *text);

void step(struct client *clients, unsigned n);

/* Pumps clients until the condition holds. */
#define until(clients, n, cond)                                                                                        \
	do {                                                                                                           \
		uint64_t end_ = clock_ns() + WAIT_NS;                                                                  \
		while (!(cond) && clock_ns() < end_)                                                                   \
			step(clients, n);                                                                              \
		assert_true(cond);                                                                                     \
	} while (0)

/* Time in which what must not happen has its chance. */
void settle(struct client *clients, unsigned n);

/* Connects, says the first two messages, waits for started. */
void start(struct client *c, struct owner *o, bool v6, uint32_t connect_data, const uint8_t *key);
/* Removes the session and lets its client hear of it, so that nothing lingers. */
void finish(struct client *c, struct owner *o);

// SPDX-License-Identifier: GPL-3.0-or-later
/* Which ENet peer is whose client: admission, proof of the key, replacement, silence, farewell. Control thread. */
#pragma once

#include "control/session.h"

/* Whether a connection request may take a slot; from is the client's true address. */
bool peers_admit(struct control *c, const union addr *from, uint32_t connect_data);

/* The true address of what ENet sees. */
union addr peers_address(struct control *c, const ENetAddress *a);

void peers_event(struct control *c, const ENetEvent *e, uint64_t now_ns);

/* Time-outs, statistics and what is due to be sent; returns when to come again, NS_NEVER. */
uint64_t peers_tick(struct control *c, uint64_t now_ns);

void peers_session_add(struct control *c, struct control_session *s);
/* After it nothing of the session is used by this thread any more. */
void peers_session_remove(struct control *c, struct control_session *s, uint64_t now_ns);

/* Farewells whose last acknowledgement is outstanding. */
unsigned peers_leaving(const struct control *c);

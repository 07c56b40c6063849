// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The control thread, one for the daemon. Everything it waits for is in one poll set: ENet's socket, the IPv6 relay,
 * its wake, the devices of its sessions. Without peers it sleeps until a datagram or a command comes; with peers also
 * until ENet's next resend or ping, which the public fields of its peers tell. It takes no lock, waits for no other
 * thread and allocates nothing but what ENet does.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "control/host.h"
#include "control/peers.h"
#include "control/session.h"

#define LOG_MODULE "control"
#include "base/log.h"

#define EVENTS_A_PASS 256 /* then commands, time-outs and sending get their turn */
#define ERRORS_A_PASS 8
#define ERROR_WAIT_MS 10

/* libenet gives its callback no context; there is one control thread. */
static _Thread_local struct control *self;

/* Sees each datagram before ENet does: 1 swallows it. Connection requests beyond the ceilings must not take a slot. */
static int ENET_CALLBACK intercept(ENetHost *h, ENetEvent *e)
{
	uint32_t connect_data;
	union addr from;

	(void)e;
	if (!host_is_stray(h->receivedData, h->receivedDataLength))
		return 0;
	if (!host_is_connect(h->receivedData, h->receivedDataLength, &connect_data))
		return 1;
	from = peers_address(self, &h->receivedAddress);
	return !peers_admit(self, &from, connect_data);
}

static void run_commands(struct control *c, uint64_t now_ns)
{
	struct control_session *s;

	while ((s = ring_pop(&c->commands))) {
		if (!s->registered) {
			peers_session_add(c, s);
			continue;
		}
		peers_session_remove(c, s, now_ns);
		atomic_store_explicit(&s->removed, true, memory_order_release); /* s is main's from here */
		wake_poke(&c->ack);
	}
}

enum pass { PASS_IDLE, PASS_MORE, PASS_ERROR };

static enum pass run_events(struct control *c, uint64_t now_ns)
{
	unsigned errors = 0;

	for (unsigned n = 0; n < EVENTS_A_PASS; n++) {
		ENetEvent e;
		int got = enet_host_service(c->host, &e, 0);

		if (!got)
			return errors ? PASS_ERROR : PASS_IDLE;
		if (got > 0) {
			peers_event(c, &e, now_ns);
			continue;
		}
		/* One oversized datagram or one peer that has no route: the others must not notice. */
		log_every(NS_PER_S, LOG_LEVEL_DBG, "control socket: %s", strerror(errno));
		if (++errors == ERRORS_A_PASS)
			return PASS_ERROR;
	}
	return PASS_MORE;
}

static int wait_ms(int enet_ms, uint64_t due_ns, uint64_t now_ns)
{
	uint64_t ms;

	if (due_ns == NS_NEVER)
		return enet_ms;
	ms = due_ns > now_ns ? (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
	return enet_ms >= 0 && (uint64_t)enet_ms < ms ? enet_ms : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* What devices have to say to their client: one entry a session that has input, in order. */
static unsigned poll_inputs(const struct control *c, struct pollfd *set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_sessions; i++)
		if (c->sessions[i]->dispatch.input)
			set[n++] = (struct pollfd){.fd = input_fd(c->sessions[i]->dispatch.input), .events = POLLIN};
	return n;
}

static void run_inputs(const struct control *c, const struct pollfd *set)
{
	for (unsigned i = 0; i < c->n_sessions; i++)
		if (c->sessions[i]->dispatch.input && set++->revents)
			input_dispatch(c->sessions[i]->dispatch.input);
}

void control_run(void *arg)
{
	struct control *c = arg;
	struct pollfd set[2 + RELAY_POLL_MAX + CONTROL_SESSIONS_MAX] = {0};
	uint64_t stop_ns = NS_NEVER;
	bool polled = false;

	self = c;
	c->host->intercept = intercept;
	log_hot_bind(c->log);
	for (;;) {
		uint64_t now_ns = clock_ns(), due_ns, relay_ns;
		enum pass pass;
		unsigned n_set;
		int ms;

		if (stop_ns == NS_NEVER && thread_should_stop(&c->thread))
			stop_ns = now_ns + DESTROY_LINGER_NS;
		run_commands(c, now_ns);
		if (polled)
			relay_run(&c->relay, set + 2, now_ns);
		pass = run_events(c, now_ns);
		due_ns = peers_tick(c, now_ns);
		if (stop_ns != NS_NEVER && (now_ns >= stop_ns || !peers_leaving(c)))
			break;
		relay_ns = relay_expire(&c->relay, now_ns);
		due_ns = due_ns < relay_ns ? due_ns : relay_ns;
		due_ns = due_ns < stop_ns ? due_ns : stop_ns;
		ms = pass == PASS_MORE ? 0 : wait_ms(host_wait_ms(c->host), due_ns, clock_ns());
		if (pass == PASS_ERROR && (ms < 0 || ms > ERROR_WAIT_MS))
			ms = ERROR_WAIT_MS;

		set[0] = (struct pollfd){.fd = c->wake.fd, .events = POLLIN};
		set[1] = (struct pollfd){.fd = c->host->socket, .events = POLLIN};
		if (!wake_arm(&c->wake))
			ms = 0;
		n_set = 2 + relay_poll(&c->relay, set + 2);
		poll(set, n_set + poll_inputs(c, set + n_set), ms);
		polled = true;
		wake_disarm(&c->wake);
		run_inputs(c, set + n_set);
	}
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (c->host->peers[i].state != ENET_PEER_STATE_DISCONNECTED)
			enet_peer_disconnect_now(&c->host->peers[i], 0);
	log_hot_bind(NULL);
}

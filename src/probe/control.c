// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <enet/enet.h>

#include "base/clock.h"
#include "base/wake.h"
#include "base/wr.h"
#include "probe/control_msg.h"
#include "probe/judge.h"
#include "probe/relay.h"
#include "probe/replay.h"

#define LOG_MODULE "control"
#include "base/log.h"

#define CHANNELS     48u
#define CLIENT_MTU   900u
#define CONNECT_NS   (10 * NS_PER_S)
#define PEER_TIMEOUT 10000u /* ms without an acknowledgement */
#define PING_NS      (100 * NS_PER_MS)
#define LINGER_NS    (2 * NS_PER_S)
#define SERVICE_NS   (5 * NS_PER_MS) /* libenet tells no next timeout */
#define REFERENCES   20u
#define FEC_REPORTS  8u
#define DRAIN_NS     (100 * NS_PER_MS) /* after a disconnect: for messages still under way */
#define GIVE_UP_NS   (1100 * NS_PER_MS)

struct reference {
	uint32_t first, last;
	bool invalidate;
};

struct control {
	struct control_params p;
	ENetHost *enet;
	ENetPeer *peer;
	struct relay relay;
	struct sealer *sealer;
	struct replay host_seqs;
	uint32_t seq;
	uint64_t next_ping, disconnect_seen;
	bool over;
	struct control_stats stats;
	struct control_log_entry log[CONTROL_LOG];
	unsigned n_log;

	/* handed over by the video thread */
	struct wake wake;
	pthread_mutex_t lock;
	bool idr;
	struct reference refs[REFERENCES];
	unsigned n_refs, n_fec;
	uint8_t fec[FEC_REPORTS][FEC_STATUS_LEN];
};

/*
 * ENet drops received messages that were not fetched yet when a disconnect comes in the same batch. So the first
 * disconnect is swallowed; the host repeats it, unless it left without caring (then GIVE_UP_NS ends it).
 */
static int hold_disconnect(ENetHost *host, ENetEvent *event)
{
	struct control *c = host->peers[0].data;
	const ENetProtocolHeader *h = (const void *)host->receivedData;
	size_t head =
		host->receivedDataLength >= 2 && (ENET_NET_TO_HOST_16(h->peerID) & ENET_PROTOCOL_HEADER_FLAG_SENT_TIME)
			? sizeof(*h)
			: 2;
	const ENetProtocolDisconnect *d = (const void *)(host->receivedData + head);

	if (!c || host->receivedDataLength != head + sizeof(*d) ||
	    (d->header.command & ENET_PROTOCOL_COMMAND_MASK) != ENET_PROTOCOL_COMMAND_DISCONNECT)
		return 0;
	if (!c->disconnect_seen)
		c->disconnect_seen = clock_ns();
	if (clock_ns() - c->disconnect_seen > DRAIN_NS)
		return 0;
	if (event)
		event->type = ENET_EVENT_TYPE_NONE;
	return 1;
}

static void note_message(struct control *c, const struct control_message *m)
{
	struct control_log_entry *e;

	if (c->n_log == CONTROL_LOG)
		return;
	e = &c->log[c->n_log++];
	*e = (struct control_log_entry){
		.ms = (uint32_t)((clock_ns() - c->p.start_ns) / NS_PER_MS), .type = m->type, .len = m->len};
	memcpy(e->head, m->payload, m->len < sizeof(e->head) ? m->len : sizeof(e->head));
}

static void take_message(struct control *c, const uint8_t *data, size_t len)
{
	struct control_message m;
	int rc = control_open_message(c->sealer, c->p.v2, data, len, &m);

	c->stats.received++;
	if (rc) {
		judge_fault(c->p.judge, "2-media 3.3",
			    rc == -EBADMSG ? "a control message of %zu bytes does not decrypt"
					   : "a control message of %zu bytes is malformed",
			    len);
		return;
	}
	if (replay_seen(&c->host_seqs, m.seq))
		judge_fault(c->p.judge, "2-media 3.3", "sequence %u used twice by the host", m.seq);
	control_judge_message(&m, c->p.judge);
	note_message(c, &m);
	log_dbg("message %04x, %u bytes", m.type, m.len);
	if (m.type == CONTROL_HDR && m.len >= 1 + sizeof(c->stats.hdr_metadata)) {
		c->stats.hdr_messages++;
		c->stats.hdr = m.payload[0];
		memcpy(c->stats.hdr_metadata, m.payload + 1, sizeof(c->stats.hdr_metadata));
	}
	if (m.type == CONTROL_TERMINATION && m.len >= 4) {
		c->stats.terminated = true;
		c->stats.termination_code = (uint32_t)m.payload[0] << 24 | (uint32_t)m.payload[1] << 16 |
					    (uint32_t)m.payload[2] << 8 | m.payload[3];
		log_info("the host ends the stream, code %08x", c->stats.termination_code);
		/* A stock client leaves at once, without waiting for the host's disconnect (5.4). */
		enet_peer_disconnect_now(c->peer, 0);
		c->over = true;
	}
}

static void serve(struct control *c)
{
	ENetEvent e;

	relay_pump(&c->relay);
	while (!c->over) {
		int n = enet_host_service(c->enet, &e, 0);

		if (n < 0) {
			log_err("control stream failed");
			c->over = c->stats.disconnected = true;
		}
		if (n <= 0)
			break;
		if (e.type == ENET_EVENT_TYPE_RECEIVE) {
			take_message(c, e.packet->data, e.packet->dataLength);
			enet_packet_destroy(e.packet);
		} else if (e.type == ENET_EVENT_TYPE_DISCONNECT) {
			log_info("the host disconnected");
			c->over = c->stats.disconnected = true;
		}
	}
	if (!c->over && c->disconnect_seen && clock_ns() - c->disconnect_seen > GIVE_UP_NS) {
		log_info("the host disconnected and is gone");
		c->over = c->stats.disconnected = true;
	}
	if (!c->over && c->peer->state == ENET_PEER_STATE_CONNECTED) {
		c->stats.rtt_ms = c->peer->roundTripTime;
		c->stats.rtt_var_ms = c->peer->roundTripTimeVariance;
	}
	relay_pump(&c->relay);
}

int control_send(struct control *c, unsigned channel, bool reliable, uint16_t type, const void *payload, size_t len)
{
	uint8_t wire[CONTROL_ENVELOPE + CONTROL_MESSAGE + CONTROL_PAYLOAD_MAX];
	ENetPacket *packet;
	int n;

	if (c->over)
		return -ENOTCONN;
	n = control_close_message(c->sealer, c->p.v2, c->seq, type, payload, len, wire);
	if (n < 0)
		return n;
	packet = enet_packet_create(wire, (size_t)n, reliable ? ENET_PACKET_FLAG_RELIABLE : 0);
	if (!packet)
		return -ENOMEM;
	/* Reports of FEC are outside any order; the other unreliable messages keep theirs (5.1). */
	if (!reliable && channel == CHANNEL_GENERIC)
		packet->flags = ENET_PACKET_FLAG_UNSEQUENCED;
	if (channel >= c->peer->channelCount)
		channel = 0;
	c->seq++;
	if (enet_peer_send(c->peer, (enet_uint8)channel, packet)) {
		enet_packet_destroy(packet);
		return -EIO;
	}
	enet_host_flush(c->enet);
	relay_pump(&c->relay);
	return 0;
}

static void send_invalidate(struct control *c, uint32_t first, uint32_t last)
{
	uint8_t body[24] = {0};

	put_le32(body, first);
	put_le32(body + 8, last);
	control_send(c, CHANNEL_URGENT, true, CONTROL_INVALIDATE, body, sizeof(body));
	c->stats.rfi_sent++;
	log_dbg("invalidation of frames %u to %u asked for", first, last);
}

static void send_requests(struct control *c)
{
	struct reference refs[REFERENCES], merged = {0};
	unsigned n;
	bool idr;

	pthread_mutex_lock(&c->lock);
	idr = c->idr;
	n = idr ? 0 : c->n_refs;
	memcpy(refs, c->refs, n * sizeof(*refs));
	c->idr = false;
	c->n_refs = 0;
	pthread_mutex_unlock(&c->lock);

	if (idr) {
		control_send(c, CHANNEL_URGENT, true, CONTROL_IDR, (uint8_t[2]){0}, 2);
		c->stats.idr_sent++;
		log_dbg("IDR asked for");
	}
	for (unsigned i = 0; i < n; i++) {
		if (refs[i].invalidate) {
			merged.first = merged.invalidate ? merged.first : refs[i].first;
			merged.last = refs[i].last;
			merged.invalidate = true;
		} else {
			uint8_t body[8] = {0};

			put_le32(body, refs[i].first);
			control_send(c, CHANNEL_URGENT, true, CONTROL_LTR_ACK, body, sizeof(body));
			c->stats.ltr_sent++;
		}
	}
	if (merged.invalidate)
		send_invalidate(c, merged.first, merged.last);
}

static void send_ping(struct control *c)
{
	uint8_t fec[FEC_REPORTS][FEC_STATUS_LEN], ping[8] = {4};
	unsigned n;

	pthread_mutex_lock(&c->lock);
	n = c->n_fec;
	memcpy(fec, c->fec, n * sizeof(*fec));
	c->n_fec = 0;
	pthread_mutex_unlock(&c->lock);

	for (unsigned i = 0; i < n; i++) {
		control_send(c, CHANNEL_GENERIC, false, CONTROL_FEC_STATUS, fec[i], FEC_STATUS_LEN);
		c->stats.fec_sent++;
	}
	/* The last two bytes are left over memory in stock clients: a host must not read them. */
	ping[6] = 0xa5;
	ping[7] = (uint8_t)c->stats.pings;
	control_send(c, CHANNEL_GENERIC, true, CONTROL_PING, ping, sizeof(ping));
	c->stats.pings++;
}

bool control_round(struct control *c, uint64_t until_ns)
{
	struct pollfd fds[4];
	uint64_t now;
	nfds_t n = 2;

	serve(c);
	send_requests(c);
	now = clock_ns();
	if (now >= c->next_ping) {
		send_ping(c);
		c->next_ping = now + PING_NS;
	}
	if (c->over)
		return false;
	if (until_ns > now + SERVICE_NS)
		until_ns = now + SERVICE_NS;
	fds[0] = (struct pollfd){.fd = c->enet->socket, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = c->wake.fd, .events = POLLIN};
	if (c->relay.inner >= 0) {
		fds[n++] = (struct pollfd){.fd = c->relay.inner, .events = POLLIN};
		fds[n++] = (struct pollfd){.fd = c->relay.outer, .events = POLLIN};
	}
	if (wake_arm(&c->wake) && until_ns > now) {
		struct timespec ts = {.tv_nsec = (long)(until_ns - now)};

		(void)ppoll(fds, n, &ts, NULL);
	}
	wake_disarm(&c->wake);
	return true;
}

static int connect_peer(struct control *c)
{
	uint64_t end = clock_ns() + CONNECT_NS;
	ENetAddress to = {0};
	ENetEvent e;
	int rc;

	if (c->p.host.sa.sa_family == AF_INET6) {
		rc = relay_open(&c->relay, &c->p.host);
		if (rc)
			return rc;
		to.host = htonl(INADDR_LOOPBACK);
		to.port = c->relay.port;
	} else {
		to.host = c->p.host.in.sin_addr.s_addr;
		to.port = addr_port(&c->p.host);
	}
	c->enet = enet_host_create(NULL, 1, CHANNELS, 0, 0);
	if (!c->enet)
		return -ENOMEM;
	c->enet->mtu = c->enet->peers[0].mtu = CLIENT_MTU; /* the peer took its own when the host was made */
	c->enet->intercept = hold_disconnect;
	c->peer = enet_host_connect(c->enet, &to, CHANNELS, c->p.connect_data);
	if (!c->peer)
		return -ENOMEM;
	while (clock_ns() < end) {
		struct pollfd fds[3] = {{.fd = c->enet->socket, .events = POLLIN},
					{.fd = c->relay.inner, .events = POLLIN},
					{.fd = c->relay.outer, .events = POLLIN}};
		int n = enet_host_service(c->enet, &e, 0);

		relay_pump(&c->relay);
		if (n > 0 && e.type == ENET_EVENT_TYPE_CONNECT) {
			enet_peer_timeout(c->peer, 2, PEER_TIMEOUT, PEER_TIMEOUT);
			enet_host_flush(c->enet);
			relay_pump(&c->relay);
			c->peer->data = c;
			return 0;
		}
		if (n > 0)
			return -ECONNREFUSED;
		(void)poll(fds, 3, 5);
		relay_pump(&c->relay);
	}
	return -ETIMEDOUT;
}

int control_open(struct control **out, const struct control_params *p)
{
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	c->p = *p;
	c->relay.inner = c->relay.outer = -1;
	pthread_mutex_init(&c->lock, NULL);
	rc = wake_init(&c->wake);
	c->sealer = rc ? NULL : sealer_create(p->key, p->v2 ? SEAL_IV : 16);
	if (!rc)
		rc = c->sealer ? 0 : -ENOMEM;
	if (!rc && enet_initialize())
		rc = -EIO;
	if (!rc)
		rc = connect_peer(c);
	if (!rc && c->peer->channelCount != CHANNELS)
		judge_fault(p->judge, "2-media 5.1", "the host granted %zu channels, not 48", c->peer->channelCount);
	if (!rc)
		rc = control_send(c, CHANNEL_GENERIC, true, CONTROL_IDR, (uint8_t[2]){0}, 2);
	if (!rc)
		rc = control_send(c, CHANNEL_GENERIC, true, CONTROL_START_B, (uint8_t[1]){0}, 1);
	if (rc) {
		log_errno(rc, "no control stream");
		c->over = true;
		control_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void control_close(struct control *c)
{
	uint64_t end = clock_ns() + LINGER_NS;
	ENetEvent e;

	if (!c)
		return;
	if (!c->over && c->peer) {
		/* What the host has not acknowledged (key releases!) goes first, then the disconnect. */
		c->enet->intercept = NULL;
		enet_peer_disconnect_later(c->peer, 0);
		while (!c->over && clock_ns() < end) {
			int n = enet_host_service(c->enet, &e, 2);

			relay_pump(&c->relay);
			if (n > 0 && e.type == ENET_EVENT_TYPE_RECEIVE)
				enet_packet_destroy(e.packet);
			else if (n > 0 && e.type == ENET_EVENT_TYPE_DISCONNECT)
				c->over = true;
		}
		if (!c->over)
			judge_fault(c->p.judge, "2-media 7.2",
				    "the host did not acknowledge the disconnect within 2 s");
	}
	if (c->enet)
		enet_host_destroy(c->enet);
	relay_close(&c->relay);
	sealer_destroy(c->sealer);
	wake_finish(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct control_stats *control_stats(struct control *c)
{
	return &c->stats;
}

const struct control_log_entry *control_log(const struct control *c, unsigned *n)
{
	*n = c->n_log;
	return c->log;
}

void control_want_idr(struct control *c)
{
	pthread_mutex_lock(&c->lock);
	c->idr = true;
	c->n_refs = 0; /* an IDR makes them needless */
	pthread_mutex_unlock(&c->lock);
	wake_poke(&c->wake);
}

static void want_reference(struct control *c, struct reference ref)
{
	pthread_mutex_lock(&c->lock);
	if (c->n_refs < REFERENCES) {
		c->refs[c->n_refs++] = ref;
	} else {
		c->idr = true;
		c->n_refs = 0;
	}
	pthread_mutex_unlock(&c->lock);
	wake_poke(&c->wake);
}

void control_want_invalidate(struct control *c, uint32_t first, uint32_t last)
{
	want_reference(c, (struct reference){.first = first, .last = last, .invalidate = true});
}

void control_want_ltr_ack(struct control *c, uint32_t frame)
{
	want_reference(c, (struct reference){.first = frame});
}

void control_want_fec_status(struct control *c, const uint8_t status[FEC_STATUS_LEN])
{
	/* Best effort, as in stock clients: what does not fit is dropped. Sent with the next ping. */
	pthread_mutex_lock(&c->lock);
	if (c->n_fec < FEC_REPORTS)
		memcpy(c->fec[c->n_fec++], status, FEC_STATUS_LEN);
	pthread_mutex_unlock(&c->lock);
}

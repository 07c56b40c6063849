// SPDX-License-Identifier: GPL-3.0-or-later
#include "client.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

static uint16_t bound_port(int fd)
{
	union addr a = {0};
	socklen_t len = sizeof(a);

	assert(getsockname(fd, &a.sa, &len) == 0);
	return addr_port(&a);
}

void client_open(struct client *c, bool v6, uint16_t port, uint32_t connect_data, const uint8_t *key, bool v2)
{
	ENetAddress to = {.port = port};
	union addr host;
	int err;

	memset(c, 0, sizeof(*c));
	c->inner = c->outer = -1;
	enet_address_set_host_ip(&to, "127.0.0.1");
	c->host = enet_host_create(NULL, 1, 48, 0, 0);
	assert(c->host);
	if (v6) {
		err = addr_bind("127.0.0.1", 0, SOCK_DGRAM, &c->inner);
		assert(!err);
		err = addr_bind("::1", 0, SOCK_DGRAM, &c->outer);
		assert(!err);
		err = addr_parse(&host, "::1", port);
		assert(!err);
		err = connect(c->outer, &host.sa, addr_len(&host));
		assert(!err);
		to.port = bound_port(c->inner);
	}
	c->peer = enet_host_connect(c->host, &to, 48, connect_data);
	assert(c->peer);
	err = envelope_init(&c->envelope, key, v2, false);
	assert(!err);
}

void client_close(struct client *c)
{
	if (c->host)
		enet_host_destroy(c->host);
	envelope_finish(&c->envelope);
	if (c->inner >= 0)
		close(c->inner);
	if (c->outer >= 0)
		close(c->outer);
	c->host = NULL;
	c->inner = c->outer = -1;
}

static void bridge(struct client *c)
{
	uint8_t data[4096];
	socklen_t len = sizeof(c->enet);
	ssize_t n;

	if (c->inner < 0)
		return;
	while ((n = recvfrom(c->inner, data, sizeof(data), MSG_DONTWAIT, &c->enet.sa, &len)) >= 0)
		assert(send(c->outer, data, (size_t)n, 0) == n);
	while (c->enet.sa.sa_family && (n = recv(c->outer, data, sizeof(data), MSG_DONTWAIT)) >= 0)
		assert(sendto(c->inner, data, (size_t)n, 0, &c->enet.sa, addr_len(&c->enet)) == n);
}

static void message(struct client *c, const uint8_t *data, size_t len)
{
	uint8_t plain[ENVELOPE_MAX];
	int n = envelope_open(&c->envelope, data, len, plain);

	assert(n > 0); /* the host never says anything that its client cannot open */
	if (n > (int)sizeof(c->got[0].data))
		return;
	memcpy(c->got[c->n % CLIENT_MESSAGES].data, plain, (size_t)n);
	c->got[c->n++ % CLIENT_MESSAGES].len = n;
}

void client_pump(struct client *c)
{
	ENetEvent e;

	bridge(c);
	while (c->host && enet_host_service(c->host, &e, 0) > 0) {
		if (e.type == ENET_EVENT_TYPE_CONNECT) {
			c->connected = true;
		} else if (e.type == ENET_EVENT_TYPE_DISCONNECT) {
			c->disconnected = true;
		} else if (e.type == ENET_EVENT_TYPE_RECEIVE) {
			message(c, e.packet->data, e.packet->dataLength);
			enet_packet_destroy(e.packet);
		}
	}
	bridge(c);
}

void client_send_raw(struct client *c, uint8_t channel, const void *data, size_t len)
{
	ENetPacket *p = enet_packet_create(data, len, ENET_PACKET_FLAG_RELIABLE);

	assert(p);
	if (enet_peer_send(c->peer, channel, p))
		enet_packet_destroy(p);
	enet_host_flush(c->host);
	bridge(c);
}

void client_send(struct client *c, uint8_t channel, const char *plain_hex)
{
	uint8_t plain[ENVELOPE_PLAIN_MAX], wire[ENVELOPE_MAX];
	int n = hex_decode(plain, sizeof(plain), plain_hex, strlen(plain_hex));

	assert(n > 0);
	n = envelope_seal(&c->envelope, plain, (size_t)n, wire);
	assert(n > 0);
	client_send_raw(c, channel, wire, (size_t)n);
}

const uint8_t *client_message(const struct client *c, uint16_t type, int *len)
{
	for (unsigned i = c->n; i-- > 0 && c->n - i <= CLIENT_MESSAGES;) {
		const uint8_t *d = c->got[i % CLIENT_MESSAGES].data;

		if ((d[0] | d[1] << 8) == type) {
			*len = c->got[i % CLIENT_MESSAGES].len;
			return d;
		}
	}
	return NULL;
}

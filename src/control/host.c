// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/host.h"

#include <errno.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>

#include "base/rd.h"

#define LOG_MODULE "control"
#include "base/log.h"

#define TOS_EF           0xb8 /* DSCP 46, as clients mark theirs (2-media 5.1); no ECN: we would not react to it */
#define PRIORITY_CONTROL 6
#define IN_FLIGHT_MAX    1024 /* bytes of reliable messages: dozens of rumbles */
#define RETRY_MS         10
/* Tries go out after 0, 0.5 and 1.5 s; instead of the fourth, at 3.5 s, the slot is free again. (ENet's limit by number
 * of tries was fixed when the first went out, before we can know of the peer.) */
#define HALF_OPEN_MAX_MS 3000

#define PEER_NONE       0xfffu
#define PEER_MASK       0x0fffu
#define FLAG_SENT_TIME  0x8000u
#define FLAG_COMPRESSED 0x4000u
#define COMMAND_MASK    0x0fu
#define COMMAND_CONNECT 2u
#define CONNECT_TO_DATA 40u /* between the command's header and its connect data */

int host_open(ENetHost **out, const union addr *bind, size_t peers)
{
	ENetAddress a = {.host = bind->in.sin_addr.s_addr, .port = addr_port(bind)};
	int tos = TOS_EF, priority = PRIORITY_CONTROL;
	ENetHost *h;

	*out = NULL;
	if (enet_initialize())
		return -EIO;
	errno = 0;
	h = enet_host_create(&a, peers, 0, 0, 0); /* 0 channels: as many as the client asks for, up to 255 */
	if (!h) {
		int err = errno ? -errno : -ENOMEM;

		enet_deinitialize();
		return err;
	}
	h->maximumPacketSize = HOST_PACKET_MAX;
	h->maximumWaitingData = HOST_WAITING_MAX;
	/* A refusal costs priority in queues only. SO_PRIORITY second: IP_TOS would overwrite it. */
	if (setsockopt(h->socket, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) ||
	    setsockopt(h->socket, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)))
		log_dbg("the control socket is not marked: %s", strerror(errno));
	*out = h;
	return 0;
}

void host_close(ENetHost *h)
{
	if (!h)
		return;
	enet_host_destroy(h);
	enet_deinitialize();
}

uint16_t host_port(const ENetHost *h)
{
	union addr a = {0};
	socklen_t len = sizeof(a);

	return getsockname(h->socket, &a.sa, &len) ? 0 : addr_port(&a);
}

bool host_is_stray(const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	uint16_t peer = rd_be16(&r);

	return !rd_ok(&r) || (peer & PEER_MASK) == PEER_NONE;
}

bool host_is_connect(const uint8_t *data, size_t len, uint32_t *connect_data)
{
	struct rd r = rd_init(data, len);
	uint16_t peer = rd_be16(&r);
	uint8_t command;

	if (peer & FLAG_SENT_TIME)
		rd_skip(&r, 2);
	command = rd_u8(&r);
	rd_skip(&r, 3 + CONNECT_TO_DATA);
	*connect_data = rd_be32(&r);
	return rd_ok(&r) && (peer & PEER_MASK) == PEER_NONE && !(peer & FLAG_COMPRESSED) &&
	       (command & COMMAND_MASK) == COMMAND_CONNECT;
}

static int left_ms(uint32_t now, uint32_t due)
{
	int32_t left = (int32_t)(due - now);

	/* What is due was just served in vain: do not spin on it. */
	return left > 0 ? left : RETRY_MS;
}

int host_wait_ms(ENetHost *h)
{
	uint32_t now = enet_time_get();
	int wait = -1;

	for (size_t i = 0; i < h->peerCount; i++) {
		ENetPeer *p = &h->peers[i];
		int left;

		if (p->state == ENET_PEER_STATE_DISCONNECTED)
			continue;
		if (p->state == ENET_PEER_STATE_ACKNOWLEDGING_CONNECT && p->timeoutMaximum != HALF_OPEN_MAX_MS)
			enet_peer_timeout(p, 0, 0, HALF_OPEN_MAX_MS);
		if (!enet_list_empty(&p->sentReliableCommands))
			left = left_ms(now, p->nextTimeout);
		else
			left = left_ms(now, p->lastReceiveTime + p->pingInterval);
		if ((!enet_list_empty(&p->outgoingCommands) || !enet_list_empty(&p->acknowledgements)) &&
		    left > RETRY_MS)
			left = RETRY_MS;
		if (wait < 0 || left < wait)
			wait = left;
	}
	return wait;
}

int host_send(ENetPeer *p, const void *data, size_t len)
{
	ENetPacket *packet = enet_packet_create(data, len, ENET_PACKET_FLAG_RELIABLE);

	if (!packet)
		return -ENOMEM;
	if (enet_peer_send(p, 0, packet)) {
		enet_packet_destroy(packet);
		return -EIO;
	}
	enet_host_flush(p->host);
	return 0;
}

bool host_busy(const ENetPeer *p)
{
	return p->reliableDataInTransit >= IN_FLIGHT_MAX || !enet_list_empty((ENetList *)&p->outgoingCommands);
}

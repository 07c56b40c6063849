// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/media_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wr.h"

#define PING_NS (500 * NS_PER_MS)
#define WAIT_MS 20

int media_socket_open(struct media_socket *m, const union addr *host, uint16_t port, const char *ping, int rcvbuf)
{
	*m = (struct media_socket){.host = *host};
	addr_set_port(&m->host, port);
	memcpy(m->ping, ping, strlen(ping) < sizeof(m->ping) ? strlen(ping) + 1 : 0);
	m->bytes = malloc(MEDIA_BATCH * MEDIA_DATAGRAM);
	m->fd = socket(host->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!m->bytes || m->fd < 0) {
		int rc = m->bytes ? -errno : -ENOMEM;

		media_socket_close(m);
		return rc;
	}
	/* Not connected, like a stock client's: a source that is not the host must show up, not be filtered. */
	if (setsockopt(m->fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)))
		(void)setsockopt(m->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	return 0;
}

void media_socket_close(struct media_socket *m)
{
	if (m->fd > 0)
		close(m->fd);
	free(m->bytes);
	*m = (struct media_socket){.fd = -1};
}

static void send_ping(struct media_socket *m)
{
	uint8_t ping[20];
	size_t len = 4;

	memcpy(ping, "PING", 4);
	if (m->ping[0]) {
		memcpy(ping, m->ping, 16);
		put_be32(ping + 16, m->pings + 1);
		len = sizeof(ping);
	}
	m->pings++;
	(void)sendto(m->fd, ping, len, 0, &m->host.sa, addr_len(&m->host));
}

void media_socket_round(struct media_socket *m, media_datagram_fn fn, void *ctx)
{
	struct mmsghdr msgs[MEDIA_BATCH];
	struct iovec iov[MEDIA_BATCH];
	union addr from[MEDIA_BATCH];
	struct pollfd p = {.fd = m->fd, .events = POLLIN};
	uint64_t now = clock_ns();
	int n;

	if (now >= m->next_ping) {
		send_ping(m);
		m->next_ping = now + PING_NS;
	}
	if (poll(&p, 1, WAIT_MS) <= 0)
		return;
	for (unsigned i = 0; i < MEDIA_BATCH; i++) {
		iov[i] = (struct iovec){m->bytes + i * MEDIA_DATAGRAM, MEDIA_DATAGRAM};
		msgs[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[i],
						       .msg_namelen = sizeof(from[i]),
						       .msg_iov = &iov[i],
						       .msg_iovlen = 1}};
	}
	n = recvmmsg(m->fd, msgs, MEDIA_BATCH, MSG_DONTWAIT, NULL);
	now = clock_ns();
	for (int i = 0; i < n; i++) {
		if (!addr_equal(&from[i], &m->host))
			m->foreign++;
		fn(ctx, iov[i].iov_base, msgs[i].msg_len, now);
	}
}

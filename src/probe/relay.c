// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/relay.h"

#include <errno.h>
#include <unistd.h>

#define DATAGRAM_MAX 4096u

int relay_open(struct relay *r, const union addr *host)
{
	union addr self;
	socklen_t len = sizeof(self);
	int rc = addr_bind("127.0.0.1", 0, SOCK_DGRAM, &r->inner);

	r->outer = -1;
	r->enet = (union addr){0};
	if (rc) {
		r->inner = -1;
		return rc;
	}
	r->outer = socket(host->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->outer < 0 || connect(r->outer, &host->sa, addr_len(host)) || getsockname(r->inner, &self.sa, &len)) {
		rc = -errno;
		relay_close(r);
		return rc;
	}
	r->port = addr_port(&self);
	return 0;
}

void relay_close(struct relay *r)
{
	if (r->inner >= 0)
		close(r->inner);
	if (r->outer >= 0)
		close(r->outer);
	r->inner = r->outer = -1;
}

void relay_pump(struct relay *r)
{
	uint8_t data[DATAGRAM_MAX];
	ssize_t n;

	if (r->inner < 0)
		return;
	for (;;) {
		union addr from;
		socklen_t len = sizeof(from);

		n = recvfrom(r->inner, data, sizeof(data), MSG_DONTWAIT, &from.sa, &len);
		if (n < 0)
			break;
		r->enet = from;
		(void)send(r->outer, data, (size_t)n, MSG_DONTWAIT);
	}
	while ((n = recv(r->outer, data, sizeof(data), MSG_DONTWAIT)) >= 0) {
		if (addr_port(&r->enet))
			(void)sendto(r->inner, data, (size_t)n, MSG_DONTWAIT, &r->enet.sa, addr_len(&r->enet));
	}
}

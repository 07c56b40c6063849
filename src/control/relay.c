// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/relay.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/host.h"

#define LOG_MODULE "control"
#include "base/log.h"

#define DATAGRAM_MAX     4096            /* ENet's largest MTU */
#define DATAGRAMS_A_PASS 64              /* of one socket, before others get their turn */
#define UNPROVEN_NS      (10 * NS_PER_S) /* as long as a client tries to connect (2-media 5.1) */
#define IDLE_NS          (30 * NS_PER_S) /* ENet's own longest patience */
#define TCLASS_EF        0xb8
#define PRIORITY_CONTROL 6

void relay_none(struct relay *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = -1;
}

int relay_open(struct relay *r, const union addr *at, const union addr *enet, relay_admit_fn admit, void *ctx)
{
	int one = 1, tclass = TCLASS_EF, priority = PRIORITY_CONTROL, err;

	relay_none(r);
	/* Not addr_bind(): with its SO_REUSEADDR two daemons would share the port and each lose half. */
	r->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0 || setsockopt(r->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) ||
	    setsockopt(r->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) ||
	    bind(r->fd, &at->sa, addr_len(at))) {
		err = -errno;
		relay_close(r);
		return err;
	}
	if (setsockopt(r->fd, IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass)) ||
	    setsockopt(r->fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)))
		log_dbg("the IPv6 control socket is not marked: %s", strerror(errno));
	r->enet = *enet;
	r->admit = admit;
	r->ctx = ctx;
	return 0;
}

static void link_drop(struct relay *r, struct relay_link *l)
{
	close(l->fd);
	*l = r->link[--r->count];
	memset(&r->link[r->count], 0, sizeof(*l));
}

void relay_close(struct relay *r)
{
	while (r->count)
		link_drop(r, &r->link[0]);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

struct relay_link *relay_find(struct relay *r, uint16_t port)
{
	for (unsigned i = 0; i < r->count; i++)
		if (r->link[i].port == port)
			return &r->link[i];
	return NULL;
}

static struct relay_link *find_client(struct relay *r, const union addr *client)
{
	for (unsigned i = 0; i < r->count; i++)
		if (addr_equal(&r->link[i].client, client))
			return &r->link[i];
	return NULL;
}

static bool same_net(const union addr *a, const union addr *b)
{
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 8) == 0;
}

/* Room for a link of this client: a free place or that of the oldest unproven one of a crowded network. */
static bool make_room(struct relay *r, const union addr *client)
{
	struct relay_link *oldest = NULL, *oldest_here = NULL;
	unsigned here = 0;

	for (unsigned i = 0; i < r->count; i++) {
		struct relay_link *l = &r->link[i];

		if (l->proven)
			continue;
		if (!oldest || l->since_ns < oldest->since_ns)
			oldest = l;
		if (!same_net(&l->client, client))
			continue;
		here++;
		if (!oldest_here || l->since_ns < oldest_here->since_ns)
			oldest_here = l;
	}
	if (here >= RELAY_NET_MAX)
		oldest = oldest_here;
	else if (r->count < RELAY_MAX)
		return true;
	if (!oldest)
		return false;
	link_drop(r, oldest);
	return true;
}

static struct relay_link *link_make(struct relay *r, const union addr *client, uint64_t now_ns)
{
	union addr own = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	struct relay_link *l;
	socklen_t len = sizeof(own);
	int fd;

	if (!make_room(r, client))
		return NULL;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, &own.sa, addr_len(&own)) || getsockname(fd, &own.sa, &len) ||
	    connect(fd, &r->enet.sa, addr_len(&r->enet))) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "no loopback socket for an IPv6 client: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	l = &r->link[r->count++];
	*l = (struct relay_link){
		.fd = fd, .port = addr_port(&own), .client = *client, .since_ns = now_ns, .heard_ns = now_ns};
	return l;
}

static void from_client(struct relay *r, const union addr *client, const struct in6_pktinfo *local, const uint8_t *data,
			size_t len, uint64_t now_ns)
{
	struct relay_link *l = find_client(r, client);
	uint32_t connect_data;

	if (!l) {
		if (!host_is_connect(data, len, &connect_data) || !r->admit(r->ctx, client, connect_data))
			return;
		l = link_make(r, client, now_ns);
		if (!l)
			return;
	}
	l->heard_ns = now_ns;
	l->local = *local;
	/* A full buffer loses it, as the network may: ENet repeats what matters. */
	if (send(l->fd, data, len, 0) < 0)
		log_every(NS_PER_S, LOG_LEVEL_DBG, "a datagram of an IPv6 client is lost: %s", strerror(errno));
}

static void read_clients(struct relay *r, uint64_t now_ns)
{
	for (unsigned n = 0; n < DATAGRAMS_A_PASS; n++) {
		_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		uint8_t data[DATAGRAM_MAX];
		union addr client = {0};
		struct in6_pktinfo local = {0};
		struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr msg = {.msg_name = &client,
				     .msg_namelen = sizeof(client),
				     .msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};
		ssize_t len = recvmsg(r->fd, &msg, 0);

		if (len < 0 && errno == EAGAIN)
			return;
		if (len < 0 || msg.msg_flags & MSG_TRUNC || client.sa.sa_family != AF_INET6)
			continue; /* an error that an earlier answer provoked, or no ENet datagram */
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
			if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
				memcpy(&local, CMSG_DATA(c), sizeof(local));
		client.in6.sin6_flowinfo = 0;
		from_client(r, &client, &local, data, (size_t)len, now_ns);
	}
}

static void answer(struct relay *r, const struct relay_link *l, void *data, size_t len)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	struct iovec iov = {.iov_base = data, .iov_len = len};
	struct msghdr msg = {.msg_name = (void *)&l->client,
			     .msg_namelen = addr_len(&l->client),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct in6_pktinfo local = l->local;

	/* The interface binds only where the address means nothing without it. */
	if (!IN6_IS_ADDR_LINKLOCAL(&local.ipi6_addr))
		local.ipi6_ifindex = 0;
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(local));
	memcpy(CMSG_DATA(c), &local, sizeof(local));
	if (sendmsg(r->fd, &msg, 0) < 0)
		log_every(NS_PER_S, LOG_LEVEL_DBG, "an answer to an IPv6 client is lost: %s", strerror(errno));
}

static void read_enet(struct relay *r, const struct relay_link *l)
{
	for (unsigned n = 0; n < DATAGRAMS_A_PASS; n++) {
		uint8_t data[DATAGRAM_MAX];
		ssize_t len = recv(l->fd, data, sizeof(data), 0);

		if (len < 0)
			return;
		answer(r, l, data, (size_t)len);
	}
}

unsigned relay_poll(struct relay *r, struct pollfd *set)
{
	if (r->fd < 0)
		return 0;
	set[0] = (struct pollfd){.fd = r->fd, .events = POLLIN};
	for (unsigned i = 0; i < r->count; i++) {
		set[1 + i] = (struct pollfd){.fd = r->link[i].fd, .events = POLLIN};
		r->link[i].poll = (uint16_t)(1 + i);
	}
	return 1 + r->count;
}

void relay_run(struct relay *r, const struct pollfd *set, uint64_t now_ns)
{
	if (r->fd < 0)
		return;
	/* Answers first: reading clients may move links, and a link carries its own place in the set. */
	for (unsigned i = 0; i < r->count; i++) {
		struct relay_link *l = &r->link[i];

		if (l->poll && set[l->poll].revents)
			read_enet(r, l);
		l->poll = 0;
	}
	if (set[0].revents)
		read_clients(r, now_ns);
}

uint64_t relay_expire(struct relay *r, uint64_t now_ns)
{
	uint64_t next = NS_NEVER;

	for (unsigned i = 0; i < r->count;) {
		struct relay_link *l = &r->link[i];
		uint64_t due = l->proven ? l->heard_ns + IDLE_NS : l->since_ns + UNPROVEN_NS;

		if (due <= now_ns) {
			link_drop(r, l); /* another took its place */
			continue;
		}
		if (due < next)
			next = due;
		i++;
	}
	return next;
}

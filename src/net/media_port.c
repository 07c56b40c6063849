// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/media_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "port"
#include "base/log.h"

#define DATAGRAM_MAX 128u /* a ping is 20 bytes; the rest of a longer datagram does not matter */
#define BURST_MAX    64u  /* datagrams read in one go, so that a flood does not starve the loop */
#define SEND_BUFFER  (1 << 20)

/* 2-media 7.3 */
static const struct {
	int dscp, priority;
} marks[] = {
	[MEDIA_VIDEO] = {40, 5},
	[MEDIA_AUDIO] = {48, 6},
};

struct media_port {
	struct loop_fd *watch;
	int fd;
	uint16_t port;
	enum media_class cls;
	media_ping_fn fn;
	void *ctx;
};

struct datagram {
	uint8_t data[DATAGRAM_MAX];
	size_t len;
	union addr from, to; /* to: without port, family AF_UNSPEC when the kernel did not say */
};

static void local_address(struct msghdr *msg, union addr *to)
{
	memset(to, 0, sizeof(*to));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			to->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = info.ipi_addr};
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			to->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = info.ipi6_addr};
			/* A link-local address means something on one interface only. */
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				to->in6.sin6_scope_id = info.ipi6_ifindex;
		}
	}
	addr_unmap(to);
}

/* The next datagram, or -errno. An ICMP error that a connected socket reports is not an end: the next call goes on. */
static int receive(int fd, struct datagram *d)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = d->data, .iov_len = sizeof(d->data)};
	struct msghdr msg = {
		.msg_name = &d->from,
		.msg_namelen = sizeof(d->from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;

	memset(&d->from, 0, sizeof(d->from));
	n = recvmsg(fd, &msg, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	d->len = (size_t)n;
	addr_unmap(&d->from);
	local_address(&msg, &d->to);
	return 0;
}

static void deliver(struct media_port *mp, struct datagram *d)
{
	struct ping ping;

	if (ping_parse(&ping, d->data, d->len) < 0)
		return;
	addr_set_port(&d->to, mp->port);
	mp->fn(mp->ctx, mp->cls, &ping, &d->from, &d->to);
}

static void readable(void *ctx, uint32_t events)
{
	struct media_port *mp = ctx;
	struct datagram d;

	(void)events;
	/* The socket lives until media_port_close(), which the callback must not call: see the header. */
	for (unsigned i = 0; i < BURST_MAX; i++) {
		int err = receive(mp->fd, &d);

		if (err == -EAGAIN)
			return;
		if (err == 0 && d.to.sa.sa_family != AF_UNSPEC)
			deliver(mp, &d);
	}
}

static int learn_destinations(int fd)
{
	int one = 1, domain = AF_UNSPEC;
	socklen_t len = sizeof(domain);
	int rc;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return -errno;
	rc = domain == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one))
				: setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	return rc < 0 ? -errno : 0;
}

int media_port_open(struct media_port **out, struct loop *loop, const char *bind, uint16_t port, enum media_class cls,
		    media_ping_fn fn, void *ctx)
{
	struct media_port *mp = calloc(1, sizeof(*mp));
	int err;

	if (!mp)
		return -ENOMEM;
	*mp = (struct media_port){.fd = -1, .port = port, .cls = cls, .fn = fn, .ctx = ctx};
	err = addr_bind(bind, port, SOCK_DGRAM, &mp->fd);
	if (!err)
		err = learn_destinations(mp->fd);
	if (err)
		goto fail;
	mp->watch = loop_fd_add(loop, mp->fd, EPOLLIN, readable, mp);
	if (!mp->watch) {
		err = -errno;
		goto fail;
	}
	*out = mp;
	return 0;
fail:
	log_errno(err, "cannot open UDP port %u", port);
	media_port_close(mp);
	return err;
}

void media_port_close(struct media_port *mp)
{
	if (!mp)
		return;
	loop_fd_remove(mp->watch);
	if (mp->fd >= 0)
		close(mp->fd);
	free(mp);
}

static void set_option(int fd, int level, int name, int value)
{
	/* All of these make a stream better, none makes it possible. */
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		log_dbg("socket option %d/%d refused: errno %d", level, name, errno);
}

static void set_options(int fd, int family, enum media_class cls, bool qos)
{
	int tos = marks[cls].dscp << 2;

	if (family == AF_INET6) {
		if (qos)
			set_option(fd, IPPROTO_IPV6, IPV6_TCLASS, tos);
		set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
		set_option(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
	} else {
		if (qos)
			set_option(fd, IPPROTO_IP, IP_TOS, tos);
		set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	}
	/* After TOS, which sets a priority of its own. */
	set_option(fd, SOL_SOCKET, SO_PRIORITY, marks[cls].priority);
	set_option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
}

int media_port_connect(struct media_port *mp, const union addr *from, const union addr *to, bool qos, int *fd)
{
	union addr local = *to;
	int one = 1, err = 0;
	int s = socket(from->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (s < 0) {
		err = -errno;
		goto fail;
	}
	addr_set_port(&local, mp->port);
	set_options(s, from->sa.sa_family, mp->cls, qos);
	if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(s, &local.sa, addr_len(&local)) < 0 || connect(s, &from->sa, addr_len(from)) < 0) {
		err = -errno;
		goto fail;
	}
	*fd = s;
	return 0;
fail:
	log_errno(err, "cannot open a media socket to the client");
	if (s >= 0)
		close(s);
	return err;
}

void media_port_drain(struct media_port *mp, int fd, const union addr *local)
{
	struct datagram d;

	for (unsigned i = 0; i < BURST_MAX; i++) {
		int err = receive(fd, &d);

		if (err == -EAGAIN)
			return;
		if (err)
			continue;
		/* Nearly always from the peer. But between bind() and connect() the socket was the better match for
		 * everybody who sends to this address: such strays come out here first. */
		d.to = *local;
		deliver(mp, &d);
	}
}

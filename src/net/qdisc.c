// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/qdisc.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"

#define ANSWER_MAX 32768u
#define WAIT_S     1 /* the kernel answers at once */

struct request {
	struct nlmsghdr head;
	union {
		struct rtmsg route;
		struct tcmsg queue;
	};
	uint8_t room[64];
};

static void add_attr(struct nlmsghdr *h, unsigned short type, const void *data, unsigned short len)
{
	struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)h + NLMSG_ALIGN(h->nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* Sends the request and reads one answer; its length, or -1. */
static ssize_t ask(int nl, const struct request *r, void *answer)
{
	return send(nl, r, r->head.nlmsg_len, 0) < 0 ? -1 : recv(nl, answer, ANSWER_MAX, 0);
}

/* The interface through which the peer is reached; 0: unknown. */
static int interface_of(int nl, const union addr *to, void *answer)
{
	struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(r.route)),
				     .nlmsg_type = RTM_GETROUTE,
				     .nlmsg_flags = NLM_F_REQUEST}};
	const struct nlmsghdr *h = answer;
	const struct rtattr *a;
	ssize_t n;
	int left, oif = 0;

	r.route.rtm_family = (uint8_t)to->sa.sa_family;
	if (to->sa.sa_family == AF_INET6) {
		r.route.rtm_dst_len = 128;
		add_attr(&r.head, RTA_DST, &to->in6.sin6_addr, sizeof(to->in6.sin6_addr));
	} else {
		r.route.rtm_dst_len = 32;
		add_attr(&r.head, RTA_DST, &to->in.sin_addr, sizeof(to->in.sin_addr));
	}
	n = ask(nl, &r, answer);
	if (n < 0 || !NLMSG_OK(h, (unsigned)n) || h->nlmsg_type != RTM_NEWROUTE)
		return 0;
	left = (int)RTM_PAYLOAD(h);
	for (a = RTM_RTA(NLMSG_DATA(h)); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) == sizeof(oif))
			memcpy(&oif, RTA_DATA(a), sizeof(oif));
	return oif;
}

/* Counts one queue of the interface. */
static void count_queue(const struct nlmsghdr *h, int oif, unsigned *keeping, unsigned *others)
{
	const struct tcmsg *q = NLMSG_DATA(h);
	int left = (int)TCA_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWQDISC || q->tcm_ifindex != oif || q->tcm_parent == TC_H_INGRESS)
		return;
	for (const struct rtattr *a = TCA_RTA(q); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const char *kind = RTA_DATA(a);
		size_t len = RTA_PAYLOAD(a);

		if (a->rta_type != TCA_KIND || !len || kind[len - 1])
			continue;
		/* mq is only the root of an interface with several queues, which are listed as well. */
		if (!strcmp(kind, "fq"))
			++*keeping;
		else if (strcmp(kind, "mq") != 0)
			++*others;
	}
}

static bool all_keep_times(int nl, int oif, void *answer)
{
	struct request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(r.queue)),
				     .nlmsg_type = RTM_GETQDISC,
				     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	unsigned keeping = 0, others = 0;
	ssize_t n;

	r.queue.tcm_family = AF_UNSPEC;
	r.queue.tcm_ifindex = oif;
	for (n = ask(nl, &r, answer); n > 0; n = recv(nl, answer, ANSWER_MAX, 0)) {
		const struct nlmsghdr *h = answer;
		unsigned left = (unsigned)n;

		for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return keeping && !others;
			if (h->nlmsg_type == NLMSG_ERROR)
				return false;
			count_queue(h, oif, &keeping, &others);
		}
	}
	return false;
}

bool qdisc_keeps_times(int fd)
{
	static _Alignas(struct nlmsghdr) uint8_t answer[ANSWER_MAX]; /* main thread only */
	const struct timeval wait = {.tv_sec = WAIT_S};
	union addr to;
	socklen_t len = sizeof(to);
	bool keeps = false;
	int nl, oif;

	if (getpeername(fd, &to.sa, &len) < 0 || (to.sa.sa_family != AF_INET && to.sa.sa_family != AF_INET6))
		return false;
	nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (nl < 0)
		return false;
	setsockopt(nl, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	oif = interface_of(nl, &to, answer);
	if (oif)
		keeps = all_keep_times(nl, oif, answer);
	close(nl);
	return keeps;
}

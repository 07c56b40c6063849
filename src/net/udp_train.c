// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/udp_train.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "net/qdisc.h"

#define LOG_MODULE "send"
#include "base/log.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

union control {
	char buf[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(uint64_t))];
	struct cmsghdr align;
};

static void add_control(struct msghdr *msg, union control *control, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)(control->buf + msg->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	msg->msg_control = control->buf;
	msg->msg_controllen += CMSG_SPACE(len);
}

static int send_gso(int fd, const uint8_t *bytes, unsigned packet_len, unsigned count, uint64_t at_ns)
{
	union control control = {{0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = (size_t)packet_len * count};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	uint16_t segment = (uint16_t)packet_len;

	if (count > 1)
		add_control(&msg, &control, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	if (at_ns)
		add_control(&msg, &control, SOL_SOCKET, SCM_TXTIME, &at_ns, sizeof(at_ns));
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : (int)count;
}

static int send_each(int fd, const uint8_t *bytes, unsigned packet_len, unsigned count, uint64_t at_ns)
{
	union control control[UDP_TRAIN_MAX] = {0};
	struct mmsghdr msg[UDP_TRAIN_MAX];
	struct iovec iov[UDP_TRAIN_MAX];
	int n;

	memset(msg, 0, count * sizeof(*msg));
	for (unsigned i = 0; i < count; i++) {
		iov[i].iov_base = (void *)(uintptr_t)(bytes + (size_t)i * packet_len);
		iov[i].iov_len = packet_len;
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
		if (at_ns)
			add_control(&msg[i].msg_hdr, &control[i], SOL_SOCKET, SCM_TXTIME, &at_ns, sizeof(at_ns));
	}
	n = sendmmsg(fd, msg, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

bool udp_train_keep_times(int fd)
{
	const struct sock_txtime txtime = {.clockid = CLOCK_MONOTONIC};

	return qdisc_keeps_times(fd) && setsockopt(fd, SOL_SOCKET, SO_TXTIME, &txtime, sizeof(txtime)) == 0;
}

void udp_train_init(struct udp_train *t, int fd)
{
	struct sock_txtime txtime;
	socklen_t len = sizeof(txtime);

	*t = (struct udp_train){0};
	t->timed = getsockopt(fd, SOL_SOCKET, SO_TXTIME, &txtime, &len) == 0 && txtime.clockid == CLOCK_MONOTONIC;
}

/* What kernels answer to segmentation they cannot do: no such option, a device without checksum offload, a packet
 * that exceeds the device's MTU only by the segmentation's own count. Tried again without, the last either works or
 * tells the truth. */
static bool gso_refused(int err)
{
	return err == -EINVAL || err == -EIO || err == -EOPNOTSUPP || err == -ENOPROTOOPT || err == -EMSGSIZE;
}

int udp_train_send(struct udp_train *t, int fd, const uint8_t *bytes, unsigned packet_len, unsigned count,
		   uint64_t at_ns)
{
	/* An ICMP error of an earlier packet is reported once by whatever call comes next, and that call sends
	 * nothing. Each try clears one. */
	for (unsigned tries = 0;; tries++) {
		int n = t->no_gso ? send_each(fd, bytes, packet_len, count, at_ns)
				  : send_gso(fd, bytes, packet_len, count, at_ns);

		if (n == -EINTR || (n == -ECONNREFUSED && tries < 2))
			continue;
		if (n < 0 && count > 1 && !t->no_gso && gso_refused(n)) {
			int alone = send_each(fd, bytes, packet_len, count, at_ns);

			if (alone > 0) {
				t->no_gso = true;
				log_info("UDP segmentation refused, packets are sent one by one");
			}
			return alone;
		}
		return n;
	}
}

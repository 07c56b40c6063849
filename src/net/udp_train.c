// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/udp_train.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define LOG_MODULE "send"
#include "base/log.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static int send_gso(int fd, const uint8_t *bytes, unsigned packet_len, unsigned count)
{
	union {
		char buf[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = (size_t)packet_len * count};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	uint16_t segment = (uint16_t)packet_len;

	if (count > 1) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(c), &segment, sizeof(segment));
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : (int)count;
}

static int send_each(int fd, const uint8_t *bytes, unsigned packet_len, unsigned count)
{
	struct mmsghdr msg[UDP_TRAIN_MAX];
	struct iovec iov[UDP_TRAIN_MAX];
	int n;

	memset(msg, 0, count * sizeof(*msg));
	for (unsigned i = 0; i < count; i++) {
		iov[i].iov_base = (void *)(uintptr_t)(bytes + (size_t)i * packet_len);
		iov[i].iov_len = packet_len;
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(fd, msg, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

/* What kernels answer to segmentation they cannot do: no such option, a device without checksum offload, a packet
 * that exceeds the device's MTU only by the segmentation's own count. Tried again without, the last either works or
 * tells the truth. */
static bool gso_refused(int err)
{
	return err == -EINVAL || err == -EIO || err == -EOPNOTSUPP || err == -ENOPROTOOPT || err == -EMSGSIZE;
}

int udp_train_send(struct udp_train *t, int fd, const uint8_t *bytes, unsigned packet_len, unsigned count)
{
	/* An ICMP error of an earlier packet is reported once by whatever call comes next, and that call sends
	 * nothing. Each try clears one. */
	for (unsigned tries = 0;; tries++) {
		int n = t->no_gso ? send_each(fd, bytes, packet_len, count) : send_gso(fd, bytes, packet_len, count);

		if (n == -EINTR || (n == -ECONNREFUSED && tries < 2))
			continue;
		if (n < 0 && count > 1 && !t->no_gso && gso_refused(n)) {
			int alone = send_each(fd, bytes, packet_len, count);

			if (alone > 0) {
				t->no_gso = true;
				log_info("UDP segmentation refused, packets are sent one by one");
			}
			return alone;
		}
		return n;
	}
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Equal datagrams laid end to end leave as one train: one sendmsg with UDP_SEGMENT, a fifth of the cost of single sends
 * (probes 5). Where kernel or device refuse segmentation, sendmmsg from then on. One owner, the tx thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/pacer.h"

#define UDP_TRAIN_MAX PACER_TRAIN

struct udp_train {
	bool no_gso; /* refused once on this socket */
	bool timed;  /* the kernel lets packets out when they are due */
};

/* Main thread, before the socket is handed to the sender: times are kept from now on where its interface can
 * (net/qdisc.h). Says whether. */
bool udp_train_keep_times(int fd);
/* The sender: what this socket can. */
void udp_train_init(struct udp_train *t, int fd);

/*
 * Sends, or with at_ns (clock_ns(); only if timed) hands over to be sent then, up to UDP_TRAIN_MAX packets of
 * packet_len bytes through a connected, non-blocking socket. Returns how many left (at least 1), or -errno when none
 * did: -EAGAIN,
 * -ENOBUFS try again later; anything else is the network's or the socket's answer. A leftover ICMP error of an earlier
 * packet is swallowed, not returned.
 */
int udp_train_send(struct udp_train *t, int fd, const uint8_t *bytes, unsigned packet_len, unsigned count,
		   uint64_t at_ns);

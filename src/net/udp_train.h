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
};

/*
 * Sends up to UDP_TRAIN_MAX packets of packet_len bytes through a connected, non-blocking socket. Returns how many
 * left (at least 1), or -errno when none did: -EAGAIN, -ENOBUFS try again later; anything else is the network's or
 * the socket's answer. A leftover ICMP error of an earlier packet is swallowed, not returned.
 */
int udp_train_send(struct udp_train *t, int fd, const uint8_t *bytes, unsigned packet_len, unsigned count);

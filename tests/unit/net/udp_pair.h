// SPDX-License-Identifier: GPL-3.0-or-later
/* Two sockets of UDP on this machine, for the tests of what sends. Include after cmocka. */
#pragma once

#include <sys/socket.h>

#include "base/addr.h"

/* The one that sends; *rx is bound to a port of host. */
static inline int udp_pair(const char *host, int *rx)
{
	union addr a;
	socklen_t len = sizeof(a);
	int tx;

	assert_int_equal(addr_bind(host, 0, SOCK_DGRAM, rx), 0);
	assert_int_equal(getsockname(*rx, &a.sa, &len), 0);
	tx = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(tx >= 0);
	assert_int_equal(connect(tx, &a.sa, addr_len(&a)), 0);
	return tx;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Socket addresses, IPv4 and IPv6 alike: a v4-mapped IPv6 address is turned into plain IPv4 at the door, so that
 * comparing and printing never see two forms of one peer. Pure functions, any thread. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

#define ADDR_TEXT 64 /* longest text of addr_host() and addr_text() with its NUL */

socklen_t addr_len(const union addr *a);
uint16_t addr_port(const union addr *a);
void addr_set_port(union addr *a, uint16_t port);
void addr_unmap(union addr *a);                                /* ::ffff:1.2.3.4 -> 1.2.3.4 */
bool addr_same_host(const union addr *a, const union addr *b); /* scope included, port not */
bool addr_equal(const union addr *a, const union addr *b);
bool addr_is_local(const union addr *a); /* loopback, private and link-local ranges, 100.64/10: no WAN */

/* "192.0.2.1", "2001:db8::1"; brackets: "[2001:db8::1]" as in a URL. */
const char *addr_host(const union addr *a, bool brackets, char out[ADDR_TEXT]);
const char *addr_text(const union addr *a, char out[ADDR_TEXT]); /* host:port */

/* A numeric address of either family; -EINVAL. */
int addr_parse(union addr *a, const char *host, uint16_t port);

/* A bound, non-blocking, close-on-exec socket. type: SOCK_STREAM or SOCK_DGRAM. host "" binds every address of both
 * families on one socket (IPv4 only where the kernel has no IPv6). -errno. */
int addr_bind(const char *host, uint16_t port, int type, int *fd);

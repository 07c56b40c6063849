// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

socklen_t addr_len(const union addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

uint16_t addr_port(const union addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

void addr_set_port(union addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
	else
		a->in.sin_port = htons(port);
}

void addr_unmap(union addr *a)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	v4.sin_port = a->in6.sin6_port;
	memcpy(&v4.sin_addr, a->in6.sin6_addr.s6_addr + 12, 4);
	memset(a, 0, sizeof(*a));
	a->in = v4;
}

bool addr_same_host(const union addr *a, const union addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET6)
		return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0 &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
	return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

bool addr_equal(const union addr *a, const union addr *b)
{
	return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

bool addr_is_local(const union addr *a)
{
	const uint8_t *b6 = a->in6.sin6_addr.s6_addr;
	uint32_t v4;

	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr) || (b6[0] & 0xfe) == 0xfc ||
		       IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr);
	v4 = ntohl(a->in.sin_addr.s_addr);
	return v4 >> 24 == 10 || v4 >> 24 == 127 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8 || v4 >> 16 == 0xa9fe ||
	       v4 >> 22 == (0x64400000u >> 22);
}

const char *addr_host(const union addr *a, bool brackets, char out[ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (a->sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
	else
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
	snprintf(out, ADDR_TEXT, brackets && a->sa.sa_family == AF_INET6 ? "[%s]" : "%s", host);
	return out;
}

const char *addr_text(const union addr *a, char out[ADDR_TEXT])
{
	char host[ADDR_TEXT];

	addr_host(a, true, host);
	snprintf(out, ADDR_TEXT, "%.56s:%u", host, addr_port(a));
	return out;
}

int addr_parse(union addr *a, const char *host, uint16_t port)
{
	char plain[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	char *scope;
	size_t n = strlen(host);

	memset(a, 0, sizeof(*a));
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n >= sizeof(plain))
		return -EINVAL;
	memcpy(plain, host, n);
	plain[n] = 0;
	scope = strchr(plain, '%');
	if (scope)
		*scope++ = 0;
	if (!scope && inet_pton(AF_INET, plain, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
	} else if (inet_pton(AF_INET6, plain, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		if (scope)
			a->in6.sin6_scope_id = if_nametoindex(scope);
		if (scope && !a->in6.sin6_scope_id)
			return -EINVAL;
	} else {
		return -EINVAL;
	}
	addr_set_port(a, port);
	return 0;
}

static int bind_one(const union addr *a, int type, bool both, int *fd)
{
	int one = 1, zero = 0, err;
	int s = socket(a->sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (s < 0)
		return -errno;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->sa.sa_family == AF_INET6)
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, both ? &zero : &one, sizeof(one));
	if (bind(s, &a->sa, addr_len(a)) < 0) {
		err = -errno;
		close(s);
		return err;
	}
	*fd = s;
	return 0;
}

int addr_bind(const char *host, uint16_t port, int type, int *fd)
{
	union addr a = {0};
	int err;

	if (*host) {
		err = addr_parse(&a, host, port);
		return err ? err : bind_one(&a, type, false, fd);
	}
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_addr = in6addr_any;
	addr_set_port(&a, port);
	err = bind_one(&a, type, true, fd);
	if (err != -EAFNOSUPPORT && err != -EADDRNOTAVAIL)
		return err;
	memset(&a, 0, sizeof(a));
	a.in.sin_family = AF_INET;
	addr_set_port(&a, port);
	return bind_one(&a, type, false, fd);
}

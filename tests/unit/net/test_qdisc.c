// SPDX-License-Identifier: GPL-3.0-or-later
/* The kernel is asked on real sockets. That fq is found, too, is shown where one can be had: tests/vm/paced.py. */
#include "net/qdisc.h"

#include "../cmocka_all.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"

/* Loopback has no queue at all unless somebody gives it one. */
static void loopback_keeps_no_times(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		union addr a;
		int fd;

		assert_int_equal(addr_parse(&a, hosts[i], 9), 0);
		fd = socket(a.sa.sa_family, SOCK_DGRAM, 0);
		assert_true(fd >= 0);
		if (connect(fd, &a.sa, addr_len(&a)) == 0) /* else this machine has no IPv6 */
			assert_false(qdisc_keeps_times(fd));
		else
			assert_int_equal(i, 1);
		close(fd);
	}
}

static void without_a_peer_there_is_no_queue(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), pair[2];

	(void)state;
	assert_true(fd >= 0);
	assert_false(qdisc_keeps_times(fd));
	close(fd);
	assert_false(qdisc_keeps_times(fd));
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_false(qdisc_keeps_times(pair[0]));
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_keeps_no_times),
		cmocka_unit_test(without_a_peer_there_is_no_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

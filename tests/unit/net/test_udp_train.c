// SPDX-License-Identifier: GPL-3.0-or-later
/* Trains over real UDP: with segmentation, and where it is refused. */
#include "net/udp_train.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "udp_pair.h"

#define LEN 1408u

static uint8_t packets[UDP_TRAIN_MAX * LEN];

static int pair(const char *host, int *rx)
{
	for (size_t i = 0; i < sizeof(packets); i++)
		packets[i] = (uint8_t)(i / LEN * 16 + i % 7);
	return udp_pair(host, rx);
}

static void expect(int rx, unsigned n)
{
	uint8_t buf[2 * LEN];

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(recv(rx, buf, sizeof(buf), 0), LEN);
		assert_memory_equal(buf, packets + i * LEN, LEN);
	}
	assert_int_equal(recv(rx, buf, sizeof(buf), MSG_DONTWAIT), -1);
}

static void trains_arrive_as_packets(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};

	(void)state;
	for (unsigned h = 0; h < 2; h++) {
		struct udp_train t = {0};
		int rx, tx = pair(hosts[h], &rx);

		for (unsigned n = 1; n <= UDP_TRAIN_MAX; n++) {
			assert_int_equal(udp_train_send(&t, tx, packets, LEN, n, 0), n);
			expect(rx, n);
		}
		close(tx);
		close(rx);
	}
}

/* The kernel refuses segmentation on a socket that sends without checksums. */
static void refused_segmentation_falls_back_for_good(void **state)
{
	struct udp_train t = {0};
	int rx, tx = pair("127.0.0.1", &rx), one = 1;

	(void)state;
	assert_int_equal(setsockopt(tx, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)), 0);
	assert_int_equal(udp_train_send(&t, tx, packets, LEN, 8, 0), 8);
	expect(rx, 8);
	assert_true(t.no_gso);
	assert_int_equal(udp_train_send(&t, tx, packets, LEN, 5, 0), 5);
	expect(rx, 5);
	close(tx);
	close(rx);
}

static void one_refused_send_does_not_end_segmentation_when_the_truth_is_another(void **state)
{
	struct udp_train t = {0};

	(void)state;
	assert_int_equal(udp_train_send(&t, -1, packets, LEN, 8, 0), -EBADF);
	assert_false(t.no_gso);
}

static void leftover_icmp_error_is_swallowed(void **state)
{
	struct udp_train t = {0};
	int rx, tx = pair("127.0.0.1", &rx);

	(void)state;
	close(rx);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(udp_train_send(&t, tx, packets, LEN, 8, 0), 8);
	assert_false(t.no_gso);
	close(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trains_arrive_as_packets),
		cmocka_unit_test(refused_segmentation_falls_back_for_good),
		cmocka_unit_test(one_refused_send_does_not_end_segmentation_when_the_truth_is_another),
		cmocka_unit_test(leftover_icmp_error_is_swallowed),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

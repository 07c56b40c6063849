// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a packet costs the sending thread, user and system time: trains of eight as the sender hands them over, against
 * one send() a packet, in turns, median of the rounds. To a socket of this machine that is full, so that what is
 * counted is the way down and not somebody's reading. One JSON object on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/clock.h"
#include "net/udp_train.h"

#define LEN    1408u
#define TRAINS 400u /* a round */
#define ROUNDS 31u

static double round_us(struct udp_train *train, int fd, const uint8_t *bytes)
{
	uint64_t start = clock_thread_cpu_ns();

	for (unsigned i = 0; i < TRAINS; i++) {
		if (train) {
			if (udp_train_send(train, fd, bytes, LEN, UDP_TRAIN_MAX, 0) != (int)UDP_TRAIN_MAX)
				exit(1);
			continue;
		}
		for (unsigned k = 0; k < UDP_TRAIN_MAX; k++)
			if (send(fd, bytes + (size_t)k * LEN, LEN, 0) != (ssize_t)LEN)
				exit(1);
	}
	return (double)(clock_thread_cpu_ns() - start) / 1e3 / (TRAINS * UDP_TRAIN_MAX);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	static uint8_t bytes[UDP_TRAIN_MAX * LEN];
	double single[ROUNDS], trains[ROUNDS];
	struct udp_train train = {0};
	int sink, fd, small = 1;
	union addr to;
	socklen_t len = sizeof(to);

	if (addr_bind("127.0.0.1", 0, SOCK_DGRAM, &sink) || getsockname(sink, &to.sa, &len) ||
	    setsockopt(sink, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)))
		return 1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, &to.sa, addr_len(&to)))
		return 1;
	udp_train_init(&train, fd);
	for (unsigned i = 0; i < ROUNDS; i++) {
		single[i] = round_us(NULL, fd, bytes);
		trains[i] = round_us(&train, fd, bytes);
	}
	qsort(single, ROUNDS, sizeof(*single), compare);
	qsort(trains, ROUNDS, sizeof(*trains), compare);
	printf("{\"bench\":\"udp_train\",\"packets\":%u,\"gso\":%s,\"send_us\":%.2f,\"train_us\":%.2f,\"ratio\":%.2f}"
	       "\n",
	       UDP_TRAIN_MAX, train.no_gso ? "false" : "true", single[ROUNDS / 2], trains[ROUNDS / 2],
	       trains[ROUNDS / 2] / single[ROUNDS / 2]);
	return 0;
}

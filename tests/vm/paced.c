// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * paced CEILING_KBPS FRAMES BYTES: the real sender of a stream over UDP on the loopback interface, its thread held up
 * by one of higher priority, twice: as the daemon has it (the kernel keeps the times, where its queue can) and with a
 * plain socket. One line of JSON each:
 *
 *	{"timed": true, "packet_ns": 187733, "frames": [[[NS, PACKETS], ...], ...]}
 *
 * a list for each frame, with when a train of it was received, by the kernel's clock, and how many packets it had.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/thread.h"
#include "media/au.h"
#include "net/pacer.h"
#include "net/udp_train.h"
#include "net/video_tx.h"

#define PACKET_SIZE    1392u
#define PACKET_LEN     (PACKET_SIZE + 16u)
#define HOG_BUSY_NS    (800 * NS_PER_US) /* below what the sender is ahead of its times */
#define HOG_IDLE_NS    (700 * NS_PER_US)
#define SAME_TRAIN_NS  (100 * NS_PER_US)
#define RECEIVE_BUFFER (16 << 20)

struct rig {
	struct video_tx *tx;
	struct wake tx_wake, encode_wake;
	struct au_link link;
	struct credit credit;
	struct feedback feedback;
	struct stream_stats stats;
	struct tune tune;
	int tx_fd, rx_fd;
	bool timed;
};

static void fail(const char *what)
{
	fprintf(stderr, "paced: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void hog(void *arg)
{
	const struct sched_param sp = {.sched_priority = 90};

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &sp))
		fail("no real-time priority");
	while (!thread_should_stop(arg)) {
		uint64_t end = clock_ns() + HOG_BUSY_NS;

		while (clock_ns() < end)
			;
		clock_sleep_until(end + HOG_IDLE_NS);
	}
}

static void open_sockets(struct rig *r, bool timed)
{
	const int on = 1, room = RECEIVE_BUFFER;
	union addr a;
	socklen_t len = sizeof(a);

	if (addr_bind("127.0.0.1", 0, SOCK_DGRAM, &r->rx_fd) < 0 || getsockname(r->rx_fd, &a.sa, &len) < 0 ||
	    setsockopt(r->rx_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(r->rx_fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		fail("the receiver's socket");
	r->tx_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (r->tx_fd < 0 || connect(r->tx_fd, &a.sa, addr_len(&a)) < 0)
		fail("the sender's socket");
	r->timed = timed && udp_train_keep_times(r->tx_fd);
}

static void on_failed(void *ctx, int err)
{
	(void)ctx;
	errno = -err;
	fail("the sender");
}

static const struct video_tx_events events = {.failed = on_failed};

static void rig_start(struct rig *r, bool timed, uint32_t ceiling_kbps)
{
	memset(r, 0, sizeof(*r));
	if (wake_init(&r->tx_wake) || wake_init(&r->encode_wake) || ring_init(&r->link.ring, AU_RING_CAPACITY))
		fail("carriers");
	r->link.wake = &r->tx_wake;
	r->credit.wake = &r->encode_wake;
	feedback_init(&r->feedback);
	tune_set_all(&r->tune, ceiling_kbps, 20);
	open_sockets(r, timed);

	const struct video_tx_params params = {
		.video = {.codec = CODEC_H264,
			  .fps_mhz = 100, /* nothing is ever too late */
			  .packet_size = PACKET_SIZE,
			  .encoder_kbps = 1000,
			  .fec_percent = 20,
			  .fec_min = 2},
		.tune = &r->tune,
		.tx_wake = &r->tx_wake,
		.in = &r->link,
		.credit = &r->credit,
		.feedback = &r->feedback,
		.stats = &r->stats,
	};
	if (video_tx_start(&r->tx, &params, r->tx_fd, &events, r) < 0)
		fail("the sender does not start");
}

static void rig_finish(struct rig *r)
{
	video_tx_stop(r->tx);
	close(r->tx_fd);
	close(r->rx_fd);
	ring_finish(&r->link.ring);
	wake_finish(&r->tx_wake);
	wake_finish(&r->encode_wake);
}

static void release(struct au *a)
{
	(void)a;
}

/* Sends one frame and waits for its end. */
static void play(struct rig *r, uint32_t frame_no, size_t len)
{
	static uint8_t *data;
	static struct au au;

	if (!data && !(data = calloc(1, len)))
		fail("a frame");
	au = (struct au){.release = release,
			 .first = true,
			 .last = true,
			 .key = frame_no == 1,
			 .data = data,
			 .len = len,
			 .frame_no = frame_no,
			 .pts_ns = frame_no * NS_PER_S,
			 .t = {.captured = clock_ns(), .encoded = clock_ns()}};
	credit_take(&r->credit);
	if (!ring_push(&r->link.ring, &au))
		fail("no room for a frame");
	wake_poke(&r->tx_wake);
	while (credit_used(&r->credit))
		wake_wait(&r->encode_wake, NS_NEVER);
	clock_sleep_until(clock_ns() + 20 * NS_PER_MS); /* what the kernel still holds */
}

/* When the next packet came; 0: there is none. */
static uint64_t received_ns(int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
	uint8_t packet[PACKET_LEN];
	struct iovec iov = {packet, sizeof(packet)};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct timespec t;

	if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
	}
	errno = ENODATA;
	fail("a packet has no time");
	return 0;
}

/* What has been received since the last call. */
static json_t *trains(int fd)
{
	json_t *list = json_array();
	uint64_t first = 0, last = 0, t;
	unsigned n = 0;

	do {
		t = received_ns(fd);
		if (n && (!t || t > last + SAME_TRAIN_NS)) {
			json_array_append_new(list, json_pack("[I,i]", (json_int_t)first, (int)n));
			n = 0;
		}
		if (!n)
			first = t;
		n++;
		last = t;
	} while (t);
	return list;
}

static void run(bool timed, uint32_t ceiling_kbps, unsigned frames, size_t len)
{
	static struct rig r;
	struct thread busy = {0};
	json_t *list = json_array(), *line;

	rig_start(&r, timed, ceiling_kbps);
	if (thread_start(&busy, "hog", hog, &busy) < 0)
		fail("a thread");
	for (unsigned i = 0; i < frames; i++) {
		play(&r, i + 1, len);
		json_array_append_new(list, trains(r.rx_fd));
	}
	thread_stop(&busy);
	thread_join(&busy);
	line = json_pack("{s:b,s:I,s:o}", "timed", r.timed, "packet_ns",
			 (json_int_t)pacer_time_ns(PACKET_LEN, ceiling_kbps), "frames", list);
	json_dumpf(line, stdout, JSON_COMPACT);
	puts("");
	fflush(stdout);
	json_decref(line);
	rig_finish(&r);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: paced CEILING_KBPS FRAMES BYTES\n");
		return 2;
	}
	for (unsigned i = 0; i < 2; i++)
		run(i == 0, (uint32_t)atoi(argv[1]), (unsigned)atoi(argv[2]), (size_t)atoi(argv[3]));
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The pack and send threads at the pace of a real stream, over loopback to another process: CPU time of both threads a
 * frame, from access unit to first packet, and what the trains look like on arrival. A train is what arrives with less
 * than 100 us between; the burst is the most packets by which arrivals were ever ahead of the ceiling: at most one
 * train. Usage: net_send [seconds [kbps]]. One JSON object on stdout.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/hist.h"
#include "media/au.h"
#include "net/pacer.h"
#include "net/video_tx.h"

#define FPS     60u
#define GAP_NS  100000u
#define LEN_MAX 2100u

struct arrivals {
	unsigned packets, trains, longest, frames;
	double burst;      /* packets ahead of the ceiling */
	struct hist first; /* capture to arrival of the first packet of a frame */
};

static uint64_t timespec_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_nsec;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Receiver process: reads until nothing came for a second. Kernel arrival times, so that its own sleep does not
 * count. */
static void receive(int fd, int report, uint32_t ceiling_kbps)
{
	static struct arrivals a;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	uint64_t last = 0, frame_no = 0;
	double ahead = 0; /* bytes that arrived sooner than the ceiling carries them */
	unsigned run = 0;

	while (poll(&pfd, 1, 1000) > 0) {
		uint8_t buf[LEN_MAX];
		char control[CMSG_SPACE(sizeof(struct timespec))];
		struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &msg, 0);
		struct timespec stamp;
		uint64_t at, captured;

		if (n < 40 || !CMSG_FIRSTHDR(&msg))
			continue;
		memcpy(&stamp, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(stamp));
		at = timespec_ns(&stamp);
		a.packets++;
		if (le32(buf + 20) != frame_no) {
			frame_no = le32(buf + 20);
			a.frames++;
			/* The bench writes the capture time (realtime clock) where the bitstream begins. */
			memcpy(&captured, buf + 40, sizeof(captured));
			hist_add(&a.first, at - captured);
		}
		if (at - last > GAP_NS) {
			a.trains++;
			run = 0;
		}
		ahead -= last ? (double)(at - last) * ceiling_kbps / 8e6 : 0;
		ahead = (ahead > 0 ? ahead : 0) + (double)n;
		if (ahead / (double)n > a.burst)
			a.burst = ahead / (double)n;
		last = at;
		if (++run > a.longest)
			a.longest = run;
	}
	if (write(report, &a, sizeof(a)) != sizeof(a))
		_exit(1);
	_exit(0);
}

struct unit {
	struct au au;
	uint8_t data[1u << 20];
	atomic_bool busy;
};

static void release(struct au *a)
{
	atomic_store(&((struct unit *)a)->busy, false);
}

static void on_failed(void *ctx, int err)
{
	(void)ctx;
	fprintf(stderr, "sender failed: %d\n", err);
}

int main(int argc, char **argv)
{
	static const struct video_tx_events events = {.failed = on_failed};
	static struct unit unit[4];
	static struct stream_stats stats;
	static struct arrivals a;
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 3;
	uint32_t kbps = argc > 2 ? (uint32_t)atoi(argv[2]) : 10000;
	struct wake tx_wake, encode_wake;
	struct au_link link = {.wake = &tx_wake};
	struct credit credit = {.wake = &encode_wake};
	struct feedback feedback;
	struct tune tune;
	struct video_tx_params params = {
		.video = {.fps_mhz = FPS * 1000,
			  .packet_size = 1392,
			  .encoder_kbps = kbps * 4 / 5,
			  .fec_percent = 20,
			  .fec_min = 2},
		.tune = &tune,
		.tx_wake = &tx_wake,
		.in = &link,
		.credit = &credit,
		.feedback = &feedback,
		.stats = &stats,
	};
	struct timespec cpu;
	struct video_tx *tx;
	union addr to;
	socklen_t len = sizeof(to);
	uint64_t cpu_ns, own_ns, next;
	size_t frame_len = (size_t)kbps * 1000 * 4 / 5 / 8 / FPS;
	int rx, fd, report[2], one = 1;
	pid_t pid;

	feedback_init(&feedback);
	tune_set_all(&tune, kbps * 3 / 2, 20);
	if (!seconds || !kbps || frame_len > sizeof(unit->data) || wake_init(&tx_wake) || wake_init(&encode_wake) ||
	    ring_init(&link.ring, AU_RING_CAPACITY) || addr_bind("127.0.0.1", 0, SOCK_DGRAM, &rx) || pipe(report) ||
	    getsockname(rx, &to.sa, &len) || setsockopt(rx, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)))
		return 1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, &to.sa, addr_len(&to)))
		return 1;
	pid = fork();
	if (pid == 0)
		receive(rx, report[1], kbps * 3 / 2);
	if (pid < 0 || video_tx_start(&tx, &params, fd, &events, NULL))
		return 1;

	for (unsigned i = 0; i < 4; i++)
		for (size_t b = 0; b < sizeof(unit->data); b++)
			unit[i].data[b] = (uint8_t)(b * 40503u >> 5);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	cpu_ns = timespec_ns(&cpu);
	own_ns = clock_thread_cpu_ns();
	next = clock_ns();
	for (uint32_t no = 1; no <= seconds * FPS; no++) {
		struct unit *u = &unit[no % 4];
		struct timespec now;
		uint64_t captured;

		next += NS_PER_S / FPS;
		clock_sleep_until(next);
		while (credit_used(&credit) >= CREDIT_FRAMES)
			wake_wait(&encode_wake, NS_NEVER);
		if (atomic_exchange(&u->busy, true))
			return 1;
		clock_gettime(CLOCK_REALTIME, &now);
		captured = timespec_ns(&now);
		memcpy(u->data, &captured, sizeof(captured));
		u->au = (struct au){.release = release,
				    .first = true,
				    .last = true,
				    .data = u->data,
				    .len = frame_len - frame_len / 16 * (no % 4),
				    .frame_no = no,
				    .pts_ns = no * (NS_PER_S / FPS),
				    .t = {.captured = clock_ns(), .encoded = clock_ns()}};
		credit_take(&credit);
		if (!ring_push(&link.ring, &u->au))
			return 1;
		wake_poke(&tx_wake);
	}
	clock_sleep_until(next + NS_PER_S / 10);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	cpu_ns = timespec_ns(&cpu) - cpu_ns;
	own_ns = clock_thread_cpu_ns() - own_ns;
	video_tx_stop(tx);
	if (read(report[0], &a, sizeof(a)) != sizeof(a))
		return 1;
	waitpid(pid, NULL, 0);
	printf("{\"bench\":\"net_send\",\"kbps\":%u,\"frames\":%u,\"frames_arrived\":%u,\"frames_dropped\":%llu,"
	       "\"packets\":%u,\"packets_per_frame\":%.1f,\"pack_send_cpu_us_per_frame\":%.1f,"
	       "\"trains_per_frame\":%.2f,\"longest_train\":%u,\"burst\":%.2f,"
	       "\"first_packet_us\":{\"p50\":%.1f,\"p99\":%.1f},\"pace_us\":{\"p50\":%.1f,\"p99\":%.1f}}\n",
	       kbps, seconds * FPS, a.frames, (unsigned long long)STAT_GET(stats.frames_dropped), a.packets,
	       (double)a.packets / a.frames, (double)(cpu_ns - own_ns) / 1000 / (seconds * FPS),
	       (double)a.trains / a.frames, a.longest, a.burst, (double)hist_percentile(&a.first, 500) / 1000,
	       (double)hist_percentile(&a.first, 990) / 1000, (double)hist_percentile(&stats.pace, 500) / 1000,
	       (double)hist_percentile(&stats.pace, 990) / 1000);
	return a.longest > PACER_TRAIN;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Runs the audio worker on what this session plays and is its own client: one JSON line a second about what arrived.
 *
 *	audio_listen SECONDS [CHANNELS [NODE]]
 *
 * left, right: amplitude of 440 Hz in the first and of 880 Hz in the second channel; other: the larger one of the
 * two swapped. turns: how far the phase of 440 Hz wandered within the second, in periods: a doubled or skipped
 * piece of sound shows as a jump. late_us: the largest distance of a packet from an even grid through the second.
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../unit/audio/client.h"
#include "audio/worker.h"
#include "base/clock.h"
#include "base/log.h"

#define RATE       48000
#define PACKET_MS  5u
#define PER_SECOND (1000 / PACKET_MS)

static double phase_of(const struct client *c, double hz, size_t from, size_t n, double *amplitude)
{
	double re = 0, im = 0;

	for (size_t i = 0; i < n; i++) {
		double a = 2 * M_PI * hz * (double)(from + i) / RATE;

		re += c->pcm[(from + i) * c->channels] * cos(a);
		im += c->pcm[(from + i) * c->channels] * sin(a);
	}
	*amplitude = 2 * hypot(re, im) / (double)n;
	return atan2(im, re) / (2 * M_PI);
}

static void report(struct client *c, unsigned second, const double *at_us, unsigned packets, uint64_t underruns)
{
	const size_t n = RATE / 20; /* 22 periods */
	double turns = 0, last = 0, late = 0, first = INFINITY;
	bool sounding = true;

	for (size_t from = 0; from + n <= c->frames; from += n) {
		double amplitude, phase = phase_of(c, 440, from, n, &amplitude), step = phase - last;

		sounding &= amplitude > 0.05;
		step -= round(step);
		if (from)
			turns = fmax(turns, fabs(step));
		last = phase;
	}
	for (unsigned i = 0; i < packets; i++)
		first = fmin(first, at_us[i] - i * PACKET_MS * 1e3);
	for (unsigned i = 0; i < packets; i++)
		late = fmax(late, at_us[i] - i * PACKET_MS * 1e3 - first);
	printf("{\"second\": %u, \"packets\": %u, \"left\": %.4f, \"right\": %.4f, \"other\": %.4f, "
	       "\"sounding\": %s, \"turns\": %.4f, \"late_us\": %.0f, \"underruns\": %llu}\n",
	       second, packets, client_amplitude(c, 0, 440, 0, c->frames), client_amplitude(c, 1, 880, 0, c->frames),
	       fmax(client_amplitude(c, 0, 880, 0, c->frames), client_amplitude(c, 1, 440, 0, c->frames)),
	       sounding ? "true" : "false", turns, late, (unsigned long long)underruns);
	fflush(stdout);
	log_hot_drain();
	c->frames = 0;
}

static int sockets(int *host, int *client)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int on = 1;

	*client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	*host = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(*client, (struct sockaddr *)&a, len) || getsockname(*client, (struct sockaddr *)&a, &len) ||
	       connect(*host, (struct sockaddr *)&a, len) ||
	       setsockopt(*client, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}

/* When the kernel took the datagram; on loopback that is within send(). */
static double receive(int fd, uint8_t *buf, size_t cap, ssize_t *len)
{
	char control[128];
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct timespec ts = {0};

	*len = recvmsg(fd, &m, 0);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&ts, CMSG_DATA(h), sizeof(ts));
	}
	return (double)(ts.tv_sec % 100000) * 1e6 + (double)ts.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	static struct stream_stats stats;
	const unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 5;
	const unsigned channels = argc > 2 ? (unsigned)atoi(argv[2]) : 2;
	const struct audio_worker_params p = {
		.audio = {.channels = (uint8_t)channels, .packet_ms = PACKET_MS, .encrypt = true},
		.keys = {.key = "0123456789abcdef", .rikeyid = 1},
		.source = AUDIO_AUTO,
		.node = argc > 3 ? argv[3] : "",
		.stats = &stats,
	};
	const char *surround = channels == 6 ? "642012453" : channels == 8 ? "85301245673" : NULL;
	struct audio_worker *w;
	struct client c;
	double at_us[PER_SECOND];
	int host, fd;
	uint8_t buf[2048];

	client_init(&c, &p.audio, &p.keys, surround, true);
	if (sockets(&host, &fd) || audio_worker_start(&w, &p) < 0)
		return 1;
	audio_worker_begin(w, host);
	for (unsigned second = 0; second < seconds; second++) {
		for (unsigned n = 0; n < PER_SECOND;) {
			ssize_t len;
			double us = receive(fd, buf, sizeof(buf), &len);

			if (len < 12)
				return 1;
			if (buf[1] == 97)
				at_us[n++] = us;
			client_receive(&c, buf, (size_t)len);
		}
		client_flush(&c);
		report(&c, second, at_us, PER_SECOND, STAT_GET(stats.audio_underruns));
	}
	audio_worker_stop(w);
	if (c.broken)
		fprintf(stderr, "the sender broke a rule: %s\n", c.broken);
	client_finish(&c);
	return c.broken != NULL;
}

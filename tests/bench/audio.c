// SPDX-License-Identifier: GPL-3.0-or-later
/* The audio thread on loopback: CPU of the thread and of the bare encoder on the same sound, when packets leave against
 * an even grid (as the kernel stamps them), and how soon the first one does. One JSON object on stdout. */
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audio/layout.h"
#include "audio/opus.h"
#include "audio/source.h"
#include "audio/worker.h"
#include "base/clock.h"
#include "base/str.h"

#define ROUNDS  5u
#define PACKETS 400u

static const struct {
	const char *name;
	struct audio_params p;
} cases[] = {
	{"stereo", {.channels = 2, .packet_ms = 5, .encrypt = true}},
	{"stereo_hq", {.channels = 2, .packet_ms = 5, .encrypt = true, .high_quality = true}},
	{"51", {.channels = 6, .packet_ms = 5, .encrypt = true}},
	{"71_hq", {.channels = 8, .packet_ms = 5, .encrypt = true, .high_quality = true}},
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(double *v, unsigned n, double share)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[(unsigned)((n - 1) * share)];
}

static double process_cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Microseconds of CPU per packet of source and encoder alone. */
static double bare_us(const struct audio_params *p)
{
	const struct layout *l = layout_find(p->channels, p->high_quality);
	const struct source_params sp = {.channels = p->channels, .node = ""};
	static float pcm[AUDIO_FRAMES_MAX * AUDIO_CHANNELS_MAX];
	uint8_t out[AUDIO_OPUS_MAX];
	struct opus_enc *e;
	struct source *s;
	uint64_t start;

	if (source_create(&s, &source_tone, &sp) < 0 || opus_enc_create(&e, l, p->packet_ms) < 0)
		exit(1);
	start = clock_thread_cpu_ns();
	for (unsigned i = 0; i < PACKETS; i++) {
		s->ops->render(s, pcm, p->packet_ms * AUDIO_RATE / 1000);
		opus_enc_encode(e, pcm, out);
	}
	start = clock_thread_cpu_ns() - start;
	opus_enc_destroy(e);
	source_destroy(s);
	return (double)start / 1e3 / PACKETS;
}

struct figures {
	double cpu_us, first_ms, late_p50_us, late_p99_us, late_max_us;
};

static double stamp_us(struct msghdr *m)
{
	struct timespec ts = {0};

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&ts, CMSG_DATA(h), sizeof(ts));
	}
	return (double)(ts.tv_sec % 100000) * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void stream(const struct audio_params *p, struct figures *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	static struct stream_stats stats;
	const struct audio_worker_params wp = {.audio = *p, .source = AUDIO_TONE, .node = "", .stats = &stats};
	int client = socket(AF_INET, SOCK_DGRAM, 0), host = socket(AF_INET, SOCK_DGRAM, 0), on = 1, big = 4 << 20;
	static double at[PACKETS];
	double cpu, first = INFINITY;
	struct audio_worker *w;
	uint64_t begin;
	uint8_t buf[2048];

	setsockopt(client, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	if (bind(client, (struct sockaddr *)&a, len) || getsockname(client, (struct sockaddr *)&a, &len) ||
	    connect(host, (struct sockaddr *)&a, len) || audio_worker_start(&w, &wp) < 0)
		exit(1);
	/* As in a session: the thread waits for the peer. */
	clock_sleep_until(clock_ns() + 20 * NS_PER_MS);
	begin = clock_ns();
	audio_worker_begin(w, host);
	if (recv(client, buf, sizeof(buf), MSG_PEEK) < 0)
		exit(1);
	f->first_ms = (double)(clock_ns() - begin) / 1e6;
	/* This thread sleeps meanwhile: the process's CPU is the audio thread's. */
	cpu = process_cpu_us();
	clock_sleep_until(begin + (PACKETS + 4) * p->packet_ms * NS_PER_MS);
	f->cpu_us = (process_cpu_us() - cpu) / (PACKETS + 4);
	audio_worker_stop(w);
	for (unsigned n = 0; n < PACKETS;) {
		char control[128];
		struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

		if (recvmsg(client, &m, MSG_DONTWAIT) < 0)
			exit(1);
		if (buf[1] == 97)
			at[n++] = stamp_us(&m);
	}
	for (unsigned n = 0; n < PACKETS; n++) {
		at[n] -= n * p->packet_ms * 1e3;
		first = fmin(first, at[n]);
	}
	for (unsigned n = 0; n < PACKETS; n++)
		at[n] -= first;
	f->late_p50_us = percentile(at, PACKETS, 0.50);
	f->late_p99_us = percentile(at, PACKETS, 0.99);
	f->late_max_us = at[PACKETS - 1];
	close(client);
	close(host);
}

int main(void)
{
	struct rusage ru;

	printf("{");
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		double v[6][ROUNDS];

		for (unsigned r = 0; r < ROUNDS; r++) {
			struct figures f;

			v[0][r] = bare_us(&cases[c].p);
			stream(&cases[c].p, &f);
			v[1][r] = f.cpu_us;
			v[2][r] = f.first_ms;
			v[3][r] = f.late_p50_us;
			v[4][r] = f.late_p99_us;
			v[5][r] = f.late_max_us;
		}
		printf("\"%s\": {\"bare_us\": %.1f, \"thread_us\": %.1f, \"first_packet_ms\": %.2f, "
		       "\"late_p50_us\": %.0f, \"late_p99_us\": %.0f, \"late_max_us\": %.0f}, ",
		       cases[c].name, percentile(v[0], ROUNDS, 0.5), percentile(v[1], ROUNDS, 0.5),
		       percentile(v[2], ROUNDS, 0.5), percentile(v[3], ROUNDS, 0.5), percentile(v[4], ROUNDS, 0.5),
		       percentile(v[5], ROUNDS, 0.5));
	}
	getrusage(RUSAGE_SELF, &ru);
	printf("\"rss_max_kib\": %ld}\n", ru.ru_maxrss);
	return 0;
}

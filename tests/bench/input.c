// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * From a decrypted input packet to write() on a device, for which a pipe stands: parsed, held against what the client
 * holds, put in the kernel's words, written. Per kind of packet p50 and p99 in microseconds, once with one write for a
 * batch (as the daemon does) and once with one for each event, in turns. One JSON object on stdout.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/wr.h"
#include "input/state.h"
#include "input/uinput_events.h"

#define ROUNDS 20000u
#define WARM   1000u
#define LEN    64u

static const struct {
	const char *name;
	uint32_t magic[2]; /* sent in turns, so that each does something */
	const char *body[2];
} kinds[] = {
	{"key", {3, 4}, {"004180000000", "004180000000"}},
	{"mouse_rel", {7, 7}, {"00010001", "ffffffff"}},
	{"mouse_abs", {5, 5}, {"010001000000077f0437", "020002000000077f0437"}},
	{"button", {8, 9}, {"01", "01"}},
	{"scroll", {10, 10}, {"003c003c0000", "003c003c0000"}},
	{"touch",
	 {0x55000002, 0x55000002},
	 {"01005a00010000000000003f0000003f0000003f0000003c0000003c",
	  "03005a00010000000000803e0000803e0000003f0000003c0000003c"}},
	{"pen",
	 {0x55000003, 0x55000003},
	 {"010100000000003f0000003f0000003f5a001e000000003f0000003f",
	  "030100000000803e0000803e0000803e5a001e000000003f0000003f"}},
	{"text", {0x17, 0x17}, {"e282ac", "f09f9880"}},
};

struct host {
	struct input_state state;
	struct uinput_events events;
	int pipe[2];
	bool singly;
	size_t written;
};

static void write_batch(void *ctx, const struct input_event *e)
{
	struct host *h = ctx;
	struct evdev_batch b;
	int err = 0;

	uinput_events_fill(&h->events, &b, e);
	h->written += b.n;
	if (!b.n)
		return;
	if (!h->singly) {
		err = evdev_batch_write(h->pipe[1], &b);
	} else {
		for (unsigned i = 0; i < b.n && !err; i++)
			if (write(h->pipe[1], &b.ev[i], sizeof(b.ev[i])) != sizeof(b.ev[i]))
				err = -1;
	}
	if (err)
		abort();
}

static size_t packet(uint8_t out[LEN], uint32_t magic, const char *body)
{
	size_t n = strlen(body) / 2;

	hex_decode(out + 8, LEN - 8, body, 2 * n);
	put_be32(out, (uint32_t)n + 4);
	put_le32(out + 4, magic);
	return n + 8;
}

static void drain(struct host *h)
{
	char sink[sizeof(struct evdev_batch)];

	while (read(h->pipe[0], sink, sizeof(sink)) > 0)
		;
}

static uint64_t once(struct host *h, const uint8_t *data, size_t len)
{
	uint64_t start = clock_ns();
	struct input_event e;

	if (input_packet_parse(&e, data, len))
		abort();
	input_state_apply(&h->state, &e, write_batch, h);
	return clock_ns() - start;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double percentile(const uint64_t *sorted, size_t n, unsigned percent)
{
	return (double)sorted[(n - 1) * percent / 100] / NS_PER_US;
}

int main(void)
{
	size_t n_all = 0;
	uint64_t *all = calloc(ARRAY_LEN(kinds) * ROUNDS, sizeof(*all)), *t[2] = {0};
	struct host h = {0};

	t[0] = calloc(ROUNDS, sizeof(**t));
	t[1] = calloc(ROUNDS, sizeof(**t));
	if (!all || !t[0] || !t[1] || pipe2(h.pipe, O_NONBLOCK | O_CLOEXEC))
		return 1;
	printf("{\"bench\":\"input\",\"unit\":\"us\",\"kinds\":[");
	for (unsigned k = 0; k < ARRAY_LEN(kinds); k++) {
		uint8_t data[2][LEN];
		size_t len[2];

		for (unsigned i = 0; i < 2; i++)
			len[i] = packet(data[i], kinds[k].magic[i], kinds[k].body[i]);
		for (unsigned i = 0; i < 2 * (WARM + ROUNDS); i++) {
			unsigned round = i / 2, which = i & 1;
			uint64_t ns;

			/* Each way sees both packets: the pair of packets within the pair of ways. */
			h.singly = round & 1;
			ns = once(&h, data[which], len[which]);
			drain(&h);
			if (round >= WARM)
				t[h.singly][(round - WARM) / 2 * 2 + which] = ns;
			if (i == 2 * WARM)
				h.written = 0;
		}
		memcpy(all + n_all, t[0], ROUNDS * sizeof(**t));
		n_all += ROUNDS;
		qsort(t[0], ROUNDS, sizeof(**t), compare);
		qsort(t[1], ROUNDS, sizeof(**t), compare);
		printf("%s{\"kind\":\"%s\",\"events\":%.1f,\"p50\":%.2f,\"p99\":%.2f,\"one_by_one\":{\"p50\":%.2f,"
		       "\"p99\":%.2f}}",
		       k ? "," : "", kinds[k].name, (double)h.written / (2 * ROUNDS - 1), percentile(t[0], ROUNDS, 50),
		       percentile(t[0], ROUNDS, 99), percentile(t[1], ROUNDS, 50), percentile(t[1], ROUNDS, 99));
	}
	qsort(all, n_all, sizeof(*all), compare);
	printf("],\"p50\":%.2f,\"p99\":%.2f}\n", percentile(all, n_all, 50), percentile(all, n_all, 99));
	close(h.pipe[0]);
	close(h.pipe[1]);
	free(all);
	free(t[0]);
	free(t[1]);
	return 0;
}

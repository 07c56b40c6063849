// SPDX-License-Identifier: GPL-3.0-or-later
/* CPU time to turn one frame into finished datagrams, plain and encrypted interleaved, median of the rounds; sizes vary
 * from frame to frame as a real stream's do. One JSON object on stdout. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "net/packetizer.h"

#define ROUNDS 15u
#define FRAMES 200u

static const struct {
	const char *name;
	size_t frame_len;
} streams[] = {{"720p60 10 Mbit/s", 16600}, {"1080p60 20 Mbit/s", 33300}, {"100 Mbit/s", 166000}};

static uint8_t bits[200000];

static double run(struct packetizer *p, struct batch_pool *pool, size_t frame_len, uint32_t *frame_no)
{
	uint64_t start = clock_thread_cpu_ns();

	for (unsigned i = 0; i < FRAMES; i++) {
		struct packet_piece piece = {.data = bits, .len = frame_len - frame_len / 16 * (i % 4)};
		struct packet_frame f = {.frame_no = ++*frame_no,
					 .pts_ns = *frame_no * 16666667ull,
					 .type = RTP_FRAME_P,
					 .fec_percent = 20,
					 .fec_min = 2,
					 .piece = &piece,
					 .n_pieces = 1};
		int more = packetizer_begin(p, &f) ? 0 : 1;

		while (more == 1) {
			struct pkt_batch *b = batch_take(pool);

			more = packetizer_next(p, b);
			batch_queue(pool, b);
			batch_pop(pool);
		}
	}
	return (double)(clock_thread_cpu_ns() - start) / 1000 / FRAMES;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	struct packetizer *p[2];
	struct batch_pool pool[2];
	uint32_t frame_no[2] = {0};

	for (size_t i = 0; i < sizeof(bits); i++)
		bits[i] = (uint8_t)(i * 2654435761u >> 13);
	for (unsigned e = 0; e < 2; e++) {
		struct packetizer_params pp = {.packet_size = e ? 1360 : 1392, .encrypt = e};

		p[e] = packetizer_create(&pp);
		if (!p[e] || batch_pool_init(&pool[e], packetizer_packet_len(&pp)))
			return 1;
	}
	printf("{\"bench\":\"net_pack\",\"unit\":\"us CPU per frame\",\"streams\":[");
	for (unsigned s = 0; s < ARRAY_LEN(streams); s++) {
		double r[2][ROUNDS];

		for (unsigned i = 0; i < ROUNDS; i++)
			for (unsigned e = 0; e < 2; e++)
				r[e][i] = run(p[e], &pool[e], streams[s].frame_len, &frame_no[e]);
		for (unsigned e = 0; e < 2; e++)
			qsort(r[e], ROUNDS, sizeof(**r), compare);
		printf("%s{\"stream\":\"%s\",\"plain\":%.2f,\"encrypted\":%.2f}", s ? "," : "", streams[s].name,
		       r[0][ROUNDS / 2], r[1][ROUNDS / 2]);
	}
	printf("]}\n");
	return 0;
}

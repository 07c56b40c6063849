// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/pacer.h"

#include <string.h>

#include "base/clock.h"

/* A sleep ends some 30 to 80 us late (probes 5). Where a train takes less than this at the ceiling, trains are kept
 * shorter than the bucket, so that the bucket can make up for it; above it, lateness is small change. */
#define TIGHT_NS    NS_PER_MS
#define TIGHT_TRAIN (PACER_TRAIN * 3 / 4)
/* Nearest that two trains come. */
#define GAP_NS (250 * NS_PER_US)
/* The millisecond of which the header speaks, and as much again as a packet's way to the wire varies. */
#define WINDOW_NS (NS_PER_MS + 150 * NS_PER_US)

uint64_t pacer_time_ns(uint64_t bytes, uint32_t ceiling_kbps)
{
	return bytes * (8 * NS_PER_S / 1000) / ceiling_kbps;
}

static uint64_t gap_ns(uint64_t train_ns)
{
	return train_ns / 2 < GAP_NS ? train_ns / 2 : GAP_NS;
}

/* From when on so many more leave no window with more than a train, but not before at. */
static uint64_t window_has_room(const struct pacer *p, unsigned count, uint64_t at)
{
	for (unsigned i = 0; i < PACER_TRAIN && p->recent[i].at_ns; i++) {
		count += p->recent[i].count;
		if (count > PACER_TRAIN)
			return p->recent[i].at_ns + WINDOW_NS > at ? p->recent[i].at_ns + WINDOW_NS : at;
	}
	return at;
}

struct pacer_step pacer_next(const struct pacer *p, uint64_t now_ns, unsigned queued, unsigned packet_len,
			     uint32_t ceiling_kbps)
{
	uint64_t packet_ns = pacer_time_ns(packet_len, ceiling_kbps), train_ns = PACER_TRAIN * packet_ns;
	unsigned want = queued < PACER_TRAIN ? queued : PACER_TRAIN;
	uint64_t at = now_ns;

	if (p->clear_ns > now_ns) {
		/* Packets wait anyway: as few trains as possible and all about equal. */
		unsigned most = train_ns < TIGHT_NS ? TIGHT_TRAIN : PACER_TRAIN;
		unsigned trains = (queued + most - 1) / most;
		uint64_t room_ns;

		want = (queued + trains - 1) / trains;
		room_ns = (PACER_TRAIN - want) * packet_ns;
		if (p->clear_ns - now_ns > room_ns)
			at = p->clear_ns - room_ns;
	}
	if (p->recent[0].at_ns && p->recent[0].at_ns + gap_ns(train_ns) > at)
		at = p->recent[0].at_ns + gap_ns(train_ns);
	if (train_ns >= WINDOW_NS)
		at = window_has_room(p, want, at);
	return (struct pacer_step){.count = at > now_ns ? 0 : want, .at_ns = at};
}

void pacer_sent(struct pacer *p, uint64_t now_ns, unsigned count, unsigned packet_len, uint32_t ceiling_kbps)
{
	if (p->clear_ns < now_ns)
		p->clear_ns = now_ns;
	p->clear_ns += count * pacer_time_ns(packet_len, ceiling_kbps);
	memmove(&p->recent[1], &p->recent[0], (PACER_TRAIN - 1) * sizeof(p->recent[0]));
	p->recent[0] = (struct pacer_train){.at_ns = now_ns, .count = count};
}

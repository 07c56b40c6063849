// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/loss.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"

void loss_init(struct loss *l, double percent, unsigned burst, uint64_t seed)
{
	double share = percent / 100.0;

	*l = (struct loss){.burst = burst ? burst : 1, .state = seed * 0x9e3779b97f4a7c15ull + 1};
	/* With runs of N the share is N / (N + kept between runs); solved for the chance of a run to start. */
	if (share > 0)
		l->start = share >= 1 ? 1 : share / (share + l->burst * (1 - share));
}

int loss_parse_frames(struct loss *l, const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ","), dash;
		int64_t first, last;

		dash = strcspn(list, "-,");
		if (str_to_i64(list, dash, 1, UINT32_MAX, &first))
			return -EINVAL;
		last = first;
		if (dash < len && str_to_i64(list + dash + 1, len - dash - 1, first, UINT32_MAX, &last))
			return -EINVAL;
		if (l->n_ranges == LOSS_RANGES)
			return -EINVAL;
		l->range[l->n_ranges++] = (struct loss_range){(uint32_t)first, (uint32_t)last};
		list += len;
		if (*list == ',' && !*++list)
			return -EINVAL;
	}
	return 0;
}

/* xorshift64*: the same seed gives the same losses on every machine. */
static double next_random(struct loss *l)
{
	l->state ^= l->state >> 12;
	l->state ^= l->state << 25;
	l->state ^= l->state >> 27;
	return (double)((l->state * 0x2545f4914f6cdd1dull) >> 11) / 9007199254740992.0;
}

static bool decide(struct loss *l, uint32_t frame)
{
	for (unsigned i = 0; i < l->n_ranges; i++) {
		if (frame >= l->range[i].first && frame <= l->range[i].last)
			return true;
	}
	if (l->left) {
		l->left--;
		return true;
	}
	if (l->start > 0 && next_random(l) < l->start) {
		l->left = l->burst - 1;
		return true;
	}
	return false;
}

bool loss_drop(struct loss *l, uint32_t frame)
{
	bool drop = decide(l, frame);

	l->dropped += drop;
	return drop;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/numbering.h"

#include <string.h>

void numbering_give_back(struct numbering *n, uint32_t wire)
{
	uint32_t next = numbering_next(n);

	if (!wire || wire >= next)
		return;
	n->back += next - wire;
	/* What was said of numbers that no client has seen is forgotten with them. */
	while (n->n_past && n->past[n->n_past - 1].wire >= wire)
		n->n_past--;
	if (n->n_past == NUMBERING_PAST) {
		memmove(&n->past[0], &n->past[1], (NUMBERING_PAST - 1) * sizeof(n->past[0]));
		n->n_past--;
	}
	n->past[n->n_past].wire = wire;
	n->past[n->n_past++].back = n->back;
}

uint32_t numbering_picture(const struct numbering *n, uint32_t wire)
{
	unsigned i = n->n_past;

	if (!wire || wire >= numbering_next(n))
		return UINT32_MAX;
	while (i && n->past[i - 1].wire > wire)
		i--;
	return wire + (i ? n->past[i - 1].back : 0);
}

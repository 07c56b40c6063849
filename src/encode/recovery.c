// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/recovery.h"

#include <assert.h>

void recovery_init(struct recovery *r, const struct recovery_params *p)
{
	assert(p->dpb >= 1 && p->dpb <= 32);
	*r = (struct recovery){.p = *p, .want_idr = true};
}

void recovery_request_idr(struct recovery *r, uint64_t now_ns)
{
	if (r->idr_frame && now_ns - r->idr_ns < r->p.echo_ns)
		return;
	r->want_idr = true;
}

void recovery_report_lost(struct recovery *r, uint32_t first, uint32_t last)
{
	/* Nothing a client could know of: it has lost its way altogether (2-media 5.5, rule 4). */
	if (first > last || first == 0 || last > r->newest) {
		r->want_idr = true;
		return;
	}
	/* The key frame has repaired it, or the recovery frame is under way: several reports come per loss. */
	if (last < r->idr_frame)
		return;
	if (r->done_last && first >= r->done_first && last <= r->done_last)
		return;
	if (!r->p.rfi) {
		r->want_idr = true;
		return;
	}
	r->first = r->want_rfi && r->first < first ? r->first : first;
	r->last = r->want_rfi && r->last > last ? r->last : last;
	r->want_rfi = true;
}

/* Bits of the frames that the encoder still keeps: the last dpb ones, none older than the IDR. */
static uint32_t kept(const struct recovery *r)
{
	uint32_t n = r->newest - r->idr_frame + 1;

	n = n < r->p.dpb ? n : r->p.dpb;
	return n == 32 ? UINT32_MAX : (1u << n) - 1;
}

/* Bits of the frames first..newest. */
static uint32_t from(const struct recovery *r, uint32_t first)
{
	uint32_t n = r->newest - first + 1;

	return n >= 32 ? UINT32_MAX : (1u << n) - 1;
}

enum recovery_action recovery_next(struct recovery *r, uint32_t *first, uint32_t *last)
{
	bool idr = r->want_idr, rfi = r->want_rfi;

	r->want_idr = r->want_rfi = false;
	if (idr)
		return RECOVERY_IDR;
	if (!rfi)
		return RECOVERY_NONE;
	/* Everything after the first lost frame may depend on it. */
	r->broken |= from(r, r->first);
	if (!(kept(r) & ~r->broken))
		return RECOVERY_IDR;
	*first = r->done_first = r->first;
	*last = r->done_last = r->newest;
	return RECOVERY_RFI;
}

void recovery_encoded(struct recovery *r, uint32_t frame_no, bool key, uint64_t now_ns)
{
	assert(frame_no == r->newest + 1);
	r->newest = frame_no;
	r->broken <<= 1;
	if (!key)
		return;
	r->idr_frame = frame_no;
	r->idr_ns = now_ns;
	r->broken = 0;
	r->done_first = r->done_last = 0;
}

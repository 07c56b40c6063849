// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/recovery.h"

#include <assert.h>

/* A client that asks again and again gets one IDR in this time, after a few at once: each is large or poor, and none
 * helps while the one before it is on its way. */
#define IDR_EACH_NS 150000000ull
#define IDR_AT_ONCE 4u

#define MARKS_A_SECOND 15u /* at least */
#define MARKS_APART    4u  /* frames, at most */

void recovery_init(struct recovery *r, const struct recovery_params *p)
{
	assert(p->dpb >= 1 && p->dpb <= RECOVERY_DPB_MAX);
	*r = (struct recovery){.p = *p, .want_idr = true};
}

void recovery_request_idr(struct recovery *r, uint64_t now_ns)
{
	if (r->idr_frame && now_ns - r->idr_ns < r->p.echo_ns)
		return;
	r->want_idr = true;
}

static void want(struct recovery *r, uint32_t first, bool unsure)
{
	if (!r->p.rfi) {
		r->want_idr = true;
		return;
	}
	r->first = r->want_rfi && r->first < first ? r->first : first;
	r->unsure = r->unsure || unsure;
	r->want_rfi = true;
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
	want(r, first, false);
}

void recovery_report_unsent(struct recovery *r, uint32_t first)
{
	if (first && first <= r->newest)
		want(r, first, true);
}

/* Bits of the frames that the encoder still keeps: the last dpb ones, none older than the IDR. */
static uint64_t kept(const struct recovery *r)
{
	uint32_t n = r->newest - r->idr_frame + 1;

	n = n < r->p.dpb ? n : r->p.dpb;
	return n == 64 ? UINT64_MAX : (1ull << n) - 1;
}

/* Bits of the frames first..newest. */
static uint64_t from(const struct recovery *r, uint32_t first)
{
	uint32_t n = r->newest - first + 1;

	return n >= 64 ? UINT64_MAX : (1ull << n) - 1;
}

/* Whether the acknowledged frame can still be referred to. */
static bool has_acked(const struct recovery *r)
{
	uint32_t age = r->newest - r->acked;

	return r->acked && age < 64 && kept(r) & ~r->broken & 1ull << age;
}

uint32_t recovery_room(const struct recovery *r)
{
	return has_acked(r) ? r->p.dpb - 1 - (r->newest - r->acked) : UINT32_MAX;
}

void recovery_report_silence(struct recovery *r)
{
	if (!has_acked(r))
		r->want_idr = true;
	else if (r->acked < r->newest)
		want(r, r->acked + 1, true);
}

void recovery_acked(struct recovery *r, uint32_t frame)
{
	if (frame > r->newest || frame <= r->acked)
		return;
	r->acked = frame;
	r->owed_ns = 0;
}

/* The bucket holds IDR_AT_ONCE of them. */
static bool idr_is_due(const struct recovery *r, uint64_t now_ns)
{
	return !r->idr_frame || r->idr_paid_ns <= now_ns + (IDR_AT_ONCE - 1) * IDR_EACH_NS;
}

enum recovery_action recovery_next(struct recovery *r, uint64_t now_ns, uint32_t *first, uint32_t *last)
{
	bool unsure = r->unsure;

	if (r->want_rfi && !r->want_idr) {
		r->want_rfi = r->unsure = false;
		/* A frame that was acknowledged is certain; one that was only sent may be lost as well. */
		if (unsure && has_acked(r) && r->acked + 1 < r->first)
			r->first = r->acked + 1;
		/* Everything after the first lost frame may depend on it. */
		r->broken |= from(r, r->first);
		if (kept(r) & ~r->broken) {
			*first = r->done_first = r->first;
			*last = r->done_last = r->newest;
			return RECOVERY_RFI;
		}
		r->want_idr = true;
	}
	if (!r->want_idr || !idr_is_due(r, now_ns))
		return RECOVERY_NONE;
	r->want_idr = r->want_rfi = r->unsure = false;
	return RECOVERY_IDR;
}

uint32_t recovery_mark_each(uint32_t fps_mhz)
{
	uint32_t each = fps_mhz / 1000 / MARKS_A_SECOND;

	return each < 1 ? 1 : each < MARKS_APART ? each : MARKS_APART;
}

bool recovery_marks_next(const struct recovery *r, bool answers)
{
	return r->p.mark_each && (answers || r->newest + 1 - r->marked >= r->p.mark_each);
}

void recovery_answered(struct recovery *r)
{
	r->want_idr = r->want_rfi = r->unsure = false;
}

void recovery_restart(struct recovery *r, bool rfi, uint8_t dpb)
{
	assert(dpb >= 1 && dpb <= RECOVERY_DPB_MAX);
	r->p.rfi = rfi;
	r->p.dpb = dpb;
	recovery_answered(r);
}

void recovery_encoded(struct recovery *r, uint32_t frame_no, bool key, bool marked, uint64_t now_ns)
{
	assert(frame_no == r->newest + 1);
	r->newest = frame_no;
	if (marked) {
		if (r->acked >= r->marked)
			r->owed_ns = now_ns;
		r->marked = frame_no;
	}
	r->broken <<= 1;
	if (!key)
		return;
	r->idr_frame = frame_no;
	r->idr_ns = now_ns;
	r->idr_paid_ns = (r->idr_paid_ns > now_ns ? r->idr_paid_ns : now_ns) + IDR_EACH_NS;
	r->broken = 0;
	r->done_first = r->done_last = 0;
}

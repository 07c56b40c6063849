// SPDX-License-Identifier: GPL-3.0-or-later
/* The decoder's picture buffer as slice headers say it: order counts and reference picture sets (8.3). Nothing is lost
 * between this encoder and its decoder, so every picture of a set must be there. */
#include "hevc.h"

static struct hevc_ref *find(struct hevc_dpb *d, int poc, uint32_t mask)
{
	for (unsigned i = 0; i < REFS_MAX; i++)
		if (d->ref[i].used && ((uint32_t)d->ref[i].poc & mask) == ((uint32_t)poc & mask))
			return &d->ref[i];
	return NULL;
}

static unsigned count(struct hevc_dpb *d, int poc, uint32_t mask)
{
	unsigned n = 0;

	for (unsigned i = 0; i < REFS_MAX; i++)
		n += d->ref[i].used && ((uint32_t)d->ref[i].poc & mask) == ((uint32_t)poc & mask);
	return n;
}

static VAStatus entry_apply(struct context *c, struct hevc_dpb *d, const struct hevc_sps *s,
			    const struct hevc_rps_entry *e, int poc, bool *kept)
{
	const int max_lsb = 1 << s->log2_poc_lsb;
	uint32_t mask = UINT32_MAX;
	struct hevc_ref *r;
	int want = poc + e->delta;

	if (e->is_long) {
		want = (int)e->lsb;
		if (e->msb)
			want += poc - (int)e->msb_cycle * max_lsb - (poc & (max_lsb - 1));
		else
			mask = (uint32_t)max_lsb - 1;
	}
	r = find(d, want, mask);
	if (!r)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "reference picture set: the decoder has no picture of POC %d%s", want,
			    e->is_long ? " (long-term)" : "");
	if (count(d, want, mask) > 1)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "reference picture set: POC %d may be several pictures", want);
	if (!e->is_long && r->is_long)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "reference picture set: POC %d is long-term and cannot be short-term again", want);
	if (kept[r - d->ref])
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "reference picture set: POC %d twice", want);
	kept[r - d->ref] = true;
	r->is_long = e->is_long;
	r->flag = !e->used       ? 0
		  : e->is_long   ? VA_PICTURE_HEVC_RPS_LT_CURR
		  : e->delta < 0 ? VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE
				 : VA_PICTURE_HEVC_RPS_ST_CURR_AFTER;
	return VA_STATUS_SUCCESS;
}

VAStatus hevc_dpb_begin(struct context *c, struct hevc_dpb *d, const struct hevc_sps *s, const struct hevc_header *h,
			int *poc)
{
	const int max_lsb = 1 << s->log2_poc_lsb, prev_lsb = d->prev_poc & (max_lsb - 1);
	int msb = d->prev_poc - prev_lsb;
	bool kept[REFS_MAX] = {false};
	VAStatus status = VA_STATUS_SUCCESS;
	unsigned used = 0;

	if (hevc_idr(h)) {
		*d = (struct hevc_dpb){0};
		*poc = 0;
		return VA_STATUS_SUCCESS;
	}
	if ((int)h->poc_lsb < prev_lsb && prev_lsb - (int)h->poc_lsb >= max_lsb / 2)
		msb += max_lsb;
	else if ((int)h->poc_lsb > prev_lsb && (int)h->poc_lsb - prev_lsb > max_lsb / 2)
		msb -= max_lsb;
	*poc = msb + (int)h->poc_lsb;
	if (find(d, *poc, UINT32_MAX) || *poc == d->prev_poc)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice_pic_order_cnt_lsb: POC %d again", *poc);
	for (unsigned i = 0; i < h->n_rps && status == VA_STATUS_SUCCESS; i++)
		status = entry_apply(c, d, s, &h->rps[i], *poc, kept);
	for (unsigned i = 0; i < REFS_MAX; i++) {
		d->ref[i].used = d->ref[i].used && kept[i];
		used += d->ref[i].used;
	}
	if (status == VA_STATUS_SUCCESS && used + 1 > s->dec_pic_buffering)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "reference picture set: %u pictures and this one in a buffer of %u", used,
			    s->dec_pic_buffering);
	return status;
}

VAStatus hevc_dpb_list(struct context *c, const struct hevc_dpb *d, unsigned which, unsigned n,
		       const struct hevc_ref *list[16])
{
	static const uint32_t order[2][3] = {
		{VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE, VA_PICTURE_HEVC_RPS_ST_CURR_AFTER, VA_PICTURE_HEVC_RPS_LT_CURR},
		{VA_PICTURE_HEVC_RPS_ST_CURR_AFTER, VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE, VA_PICTURE_HEVC_RPS_LT_CURR}};
	unsigned total = 0;

	/* Sets are in the order of their headers: short-term ones by distance. */
	for (unsigned k = 0; k < 3; k++) {
		unsigned from = total;

		for (unsigned i = 0; i < REFS_MAX; i++) {
			unsigned at = total;

			if (!d->ref[i].used || d->ref[i].flag != order[which][k])
				continue;
			for (; at > from && (order[which][k] == VA_PICTURE_HEVC_RPS_ST_CURR_AFTER
						     ? list[at - 1]->poc > d->ref[i].poc
						     : list[at - 1]->poc < d->ref[i].poc);
			     at--)
				list[at] = list[at - 1];
			list[at] = &d->ref[i];
			total++;
		}
	}
	if (!total)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "reference picture set: nothing for this picture to refer to");
	for (unsigned i = total; i < n; i++)
		list[i] = list[i % total];
	return VA_STATUS_SUCCESS;
}

void hevc_dpb_end(struct hevc_dpb *d, const struct hevc_ref *now)
{
	for (unsigned i = 0; i < REFS_MAX; i++)
		if (!d->ref[i].used) {
			d->ref[i] = *now;
			d->ref[i].used = true;
			break;
		}
	d->prev_poc = now->poc;
}

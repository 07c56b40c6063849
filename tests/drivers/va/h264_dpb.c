// SPDX-License-Identifier: GPL-3.0-or-later
/* The pictures a decoder has: numbering (8.2.1, 7.4.3), list 0 of P slices (8.2.4), marking (8.2.5). Frames only. */
#include "h264.h"

#include <stdlib.h>
#include <string.h>

static VAStatus wrong(struct context *c, const char *what, long v)
{
	return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s: %ld", what, v);
}

static unsigned used(const struct h264_dpb *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < REFS_MAX; i++)
		n += d->ref[i].used;
	return n;
}

static void number(struct h264_dpb *d, uint32_t frame_num, uint32_t max_frame_num)
{
	for (unsigned i = 0; i < REFS_MAX; i++) {
		struct h264_ref *r = &d->ref[i];

		r->pic_num = (int32_t)r->frame_num - (r->frame_num > frame_num ? (int32_t)max_frame_num : 0);
	}
}

/* 8.2.5.3 */
static void slide(struct h264_dpb *d, uint32_t frame_num, const struct h264_sps *s)
{
	struct h264_ref *oldest = NULL;
	uint32_t most = s->max_refs ? s->max_refs : 1;

	number(d, frame_num, 1u << s->log2_frame_num);
	if (used(d) < most)
		return;
	for (unsigned i = 0; i < REFS_MAX; i++) {
		struct h264_ref *r = &d->ref[i];

		if (r->used && !r->is_long && (!oldest || r->pic_num < oldest->pic_num))
			oldest = r;
	}
	if (oldest)
		oldest->used = false;
}

static struct h264_ref *free_entry(struct h264_dpb *d)
{
	for (unsigned i = 0; i < REFS_MAX; i++)
		if (!d->ref[i].used)
			return &d->ref[i];
	return NULL;
}

static VAStatus poc_of(struct context *c, struct h264_dpb *d, const struct h264_sps *s, const struct h264_header *h,
		       int *poc)
{
	const int max_lsb = 1 << s->log2_poc_lsb, lsb = (int)h->poc_lsb;
	int msb = d->prev_poc_msb;

	if (s->poc_type == 2) { /* 8.2.1.3 */
		if (h->nal_type == 5)
			d->frame_num_offset = 0;
		else if (d->prev_frame_num > h->frame_num)
			d->frame_num_offset += 1u << s->log2_frame_num;
		if (!h->ref_idc && !d->prev_was_ref)
			return wrong(c, "pic_order_cnt_type 2 with two pictures in a row that are not referred to", 0);
		*poc = 2 * (int)(d->frame_num_offset + h->frame_num) - (h->ref_idc == 0);
		return VA_STATUS_SUCCESS;
	}
	if (h->nal_type == 5)
		msb = d->prev_poc_lsb = 0;
	if (lsb < d->prev_poc_lsb && d->prev_poc_lsb - lsb >= max_lsb / 2)
		msb += max_lsb;
	else if (lsb > d->prev_poc_lsb && lsb - d->prev_poc_lsb > max_lsb / 2)
		msb -= max_lsb;
	*poc = msb + lsb;
	if (h->ref_idc) {
		d->prev_poc_msb = msb;
		d->prev_poc_lsb = lsb;
	}
	return VA_STATUS_SUCCESS;
}

VAStatus h264_dpb_begin(struct context *c, struct h264_dpb *d, const struct h264_sps *s, const struct h264_header *h,
			int *poc)
{
	const uint32_t max = 1u << s->log2_frame_num;
	VAStatus status;

	if (h->nal_type == 5) {
		if (h->frame_num)
			return wrong(c, "frame_num of an IDR picture", h->frame_num);
		memset(d->ref, 0, sizeof(d->ref));
		d->prev_frame_num = d->prev_ref_frame_num = 0;
		d->prev_poc_msb = 0;
		d->started = true;
		d->prev_was_ref = true;
		return poc_of(c, d, s, h, poc);
	}
	if (!d->started)
		return wrong(c, "the first picture is no IDR picture; frame_num", h->frame_num);
	status = poc_of(c, d, s, h, poc);
	if (status != VA_STATUS_SUCCESS)
		return status;
	if (h->frame_num == d->prev_ref_frame_num) {
		if (d->prev_was_ref && h->ref_idc)
			return wrong(c, "frame_num repeated behind a reference picture", h->frame_num);
	} else if (h->frame_num != (d->prev_ref_frame_num + 1) % max) {
		if (!s->gaps)
			return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "frame_num %u after %u, and gaps are not allowed", h->frame_num,
				    d->prev_ref_frame_num);
		for (uint32_t n = (d->prev_ref_frame_num + 1) % max; n != h->frame_num;
		     n = (n + 1) % max) { /* 8.2.5.2 */
			struct h264_ref *r;

			slide(d, n, s);
			r = free_entry(d);
			if (!r)
				return wrong(c, "a gap in frame_num finds no room; frame_num", n);
			*r = (struct h264_ref){.used = true, .missing = true, .surface = VA_INVALID_ID, .frame_num = n};
		}
	}
	number(d, h->frame_num, max);
	return VA_STATUS_SUCCESS;
}

static int by_number(const void *a, const void *b)
{
	const struct h264_ref *x = *(const struct h264_ref *const *)a, *y = *(const struct h264_ref *const *)b;

	if (x->is_long != y->is_long)
		return x->is_long - y->is_long;
	return x->is_long ? (int)x->long_idx - (int)y->long_idx : y->pic_num - x->pic_num;
}

static unsigned initial(const struct h264_dpb *d, const struct h264_ref *list[33])
{
	unsigned n = 0;

	for (unsigned i = 0; i < REFS_MAX; i++)
		if (d->ref[i].used)
			list[n++] = &d->ref[i];
	qsort(list, n, sizeof(*list), by_number);
	for (unsigned i = n; i < 33; i++)
		list[i] = NULL;
	return n;
}

/* 8.2.4.3: puts r at place, what follows moves on, its second occurrence goes. */
static void move_to(const struct h264_ref *list[33], unsigned place, const struct h264_ref *r, unsigned len)
{
	unsigned to = place + 1;

	memmove(&list[place + 1], &list[place], (len - place) * sizeof(*list));
	list[place] = r;
	for (unsigned from = place + 1; from <= len; from++)
		if (list[from] != r)
			list[to++] = list[from];
}

VAStatus h264_dpb_list(struct context *c, struct h264_dpb *d, const struct h264_sps *s, const struct h264_header *h,
		       const struct h264_ref *out[32])
{
	const int32_t max = 1 << s->log2_frame_num;
	const struct h264_ref *list[34] = {NULL};
	int32_t pred = (int32_t)h->frame_num;

	initial(d, list);
	for (unsigned n = 0; n < h->n_change; n++) {
		const struct h264_ref *r = NULL;
		int32_t v = (int32_t)h->change[n].value;

		if (n >= h->n_refs)
			return wrong(c, "more list modifications than entries", h->n_change);
		if (h->change[n].op < 2) {
			if (v >= max)
				return wrong(c, "abs_diff_pic_num_minus1", v);
			pred += h->change[n].op ? v + 1 : -(v + 1);
			pred += pred < 0 ? max : pred >= max ? -max : 0;
		}
		for (unsigned i = 0; i < REFS_MAX; i++) {
			const struct h264_ref *k = &d->ref[i];

			if (!k->used)
				continue;
			if (h->change[n].op == 2
				    ? k->is_long && (int32_t)k->long_idx == v
				    : !k->is_long && k->pic_num == (pred > (int32_t)h->frame_num ? pred - max : pred))
				r = k;
		}
		if (!r)
			return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "list modification %u (%u, %d) names no reference the decoder has", n,
				    h->change[n].op, v);
		move_to(list, n, r, h->n_refs);
	}
	memcpy(out, list, 32 * sizeof(*out));
	for (unsigned i = h->n_refs; i < 32; i++)
		out[i] = NULL;
	return VA_STATUS_SUCCESS;
}

VAStatus h264_dpb_order(struct context *c, struct h264_dpb *d, const struct h264_sps *s, struct h264_header *h,
			const VAPictureH264 *want)
{
	const struct h264_ref *list[33];
	int32_t pred = (int32_t)h->frame_num;
	const int32_t max = 1 << s->log2_frame_num;
	bool same = true;

	initial(d, list);
	for (unsigned i = 0; i < h->n_refs; i++)
		same = same && list[i] && list[i]->surface == want[i].picture_id;
	h->n_change = 0;
	h->list_changed = !same;
	for (unsigned i = 0; !same && i < h->n_refs; i++) {
		const struct h264_ref *r = NULL;
		int32_t diff, frame;

		for (unsigned k = 0; k < REFS_MAX; k++)
			if (d->ref[k].used && d->ref[k].surface == want[i].picture_id)
				r = &d->ref[k];
		if (!r)
			return wrong(c, "RefPicList0 names a picture the decoder does not have, entry", i);
		if (r->is_long) {
			h->change[h->n_change].op = 2;
			h->change[h->n_change++].value = r->long_idx;
			continue;
		}
		frame = (int32_t)r->frame_num;
		diff = frame - pred;
		h->change[h->n_change].op = diff > 0;
		h->change[h->n_change++].value = diff ? (uint32_t)abs(diff) - 1 : (uint32_t)max - 1;
		pred = frame;
	}
	return VA_STATUS_SUCCESS;
}

static struct h264_ref *find_short(struct h264_dpb *d, int32_t pic_num)
{
	for (unsigned i = 0; i < REFS_MAX; i++)
		if (d->ref[i].used && !d->ref[i].is_long && d->ref[i].pic_num == pic_num)
			return &d->ref[i];
	return NULL;
}

static struct h264_ref *find_long(struct h264_dpb *d, uint32_t idx)
{
	for (unsigned i = 0; i < REFS_MAX; i++)
		if (d->ref[i].used && d->ref[i].is_long && d->ref[i].long_idx == idx)
			return &d->ref[i];
	return NULL;
}

/* One memory_management_control_operation (8.2.5.4). */
static VAStatus operate(struct context *c, struct h264_dpb *d, const struct h264_header *h, unsigned n,
			struct h264_ref *now)
{
	const uint32_t op = h->mmco[n].op, a = h->mmco[n].a, b = h->mmco[n].b;
	const int32_t pic_num = (int32_t)h->frame_num - (int32_t)(a + 1);
	struct h264_ref *r = op == 1 || op == 3 ? find_short(d, pic_num) : op == 2 ? find_long(d, a) : NULL, *old;

	if (op <= 3 && !r)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "mmco %u (%u) names no reference the decoder has",
			    op, a);
	switch (op) {
	case 1:
	case 2:
		r->used = false;
		return VA_STATUS_SUCCESS;
	case 3:
		old = find_long(d, b);
		if (old)
			old->used = false;
		r->is_long = true;
		r->long_idx = b;
		return VA_STATUS_SUCCESS;
	case 4:
		for (unsigned i = 0; i < REFS_MAX; i++)
			if (d->ref[i].is_long && d->ref[i].long_idx >= a)
				d->ref[i].used = false;
		return VA_STATUS_SUCCESS;
	case 6:
		old = find_long(d, a);
		if (old)
			old->used = false;
		now->is_long = true;
		now->long_idx = a;
		return VA_STATUS_SUCCESS;
	default:
		return wrong(c, "mmco not known to this driver", op);
	}
}

VAStatus h264_dpb_end(struct context *c, struct h264_dpb *d, const struct h264_sps *s, const struct h264_header *h,
		      const struct h264_ref *from)
{
	struct h264_ref now = *from, *room;
	VAStatus status = VA_STATUS_SUCCESS;

	d->prev_frame_num = h->frame_num;
	d->prev_was_ref = h->ref_idc;
	if (!h->ref_idc)
		return VA_STATUS_SUCCESS;
	d->prev_ref_frame_num = h->frame_num;
	now.used = true;
	now.frame_num = h->frame_num;
	if (h->nal_type == 5) {
		now.is_long = h->long_term;
	} else if (h->adaptive) {
		for (unsigned n = 0; n < h->n_mmco && status == VA_STATUS_SUCCESS; n++)
			status = operate(c, d, h, n, &now);
	} else {
		slide(d, h->frame_num, s);
	}
	if (status != VA_STATUS_SUCCESS)
		return status;
	room = free_entry(d);
	if (!room || used(d) >= (s->max_refs ? s->max_refs : 1u))
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "after marking there are %u references, max_num_ref_frames is %u", used(d) + 1,
			    s->max_refs);
	*room = now;
	return VA_STATUS_SUCCESS;
}

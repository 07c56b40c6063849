// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/dispatch.h"

#include "base/clock.h"
#include "media/record.h"

#define COUNT(d, field, n)                                                                                             \
	do {                                                                                                           \
		if ((d)->stats)                                                                                        \
			STAT_ADD((d)->stats->field, n);                                                                \
	} while (0)

/* NULL: not recorded. */
static struct record *record_of(const struct dispatch *d)
{
	return d->tuning ? d->tuning->record : NULL;
}

static void request_idr(const struct dispatch *d)
{
	record_idr(record_of(d), clock_ns());
	feedback_post_idr(d->feedback);
	COUNT(d, idr_requests, 1);
}

static void invalidate(const struct dispatch *d, uint64_t first, uint64_t last)
{
	if (first > last || last > UINT32_MAX || last - first >= RFI_SPAN_MAX) {
		request_idr(d);
		return;
	}
	record_lost(record_of(d), (uint32_t)first, (uint32_t)last, clock_ns());
	feedback_post_rfi(d->feedback, (uint32_t)first, (uint32_t)last);
}

static void fec_status(const struct dispatch *d, const struct fec_status *s)
{
	uint32_t total = (uint32_t)s->total_data + s->total_parity;

	COUNT(d, fec_reports, 1);
	if (d->tuning)
		tuning_block(d->tuning, s);
	/* A block has at most 255 shards (2-media 2.1): what claims more counts as a report only. */
	if (total <= 255 && s->missing_before_highest <= total)
		COUNT(d, shards_missing, s->missing_before_highest);
}

static int input(const struct dispatch *d, const uint8_t *data, size_t len)
{
	struct input_event e;
	int err = input_packet_parse(&e, data, len);

	if (err)
		return err;
	COUNT(d, input_packets, 1);
	if (d->input)
		input_event(d->input, &e);
	return 0;
}

int dispatch_msg(const struct dispatch *d, const struct msg *m)
{
	switch (m->kind) {
	case MSG_REQUEST_IDR:
		request_idr(d);
		break;
	case MSG_RFI:
		invalidate(d, m->rfi.first, m->rfi.last);
		break;
	case MSG_LTR_ACK:
		record_ack(record_of(d), m->ltr_frame, clock_ns());
		feedback_post_ltr(d->feedback, m->ltr_frame);
		COUNT(d, ltr_acks, 1);
		break;
	case MSG_FEC_STATUS:
		fec_status(d, &m->fec);
		break;
	case MSG_INPUT:
		return input(d, m->input.data, m->input.len);
	case MSG_START:
	case MSG_PING:
	case MSG_LOSS_STATS:
		break;
	}
	return 0;
}

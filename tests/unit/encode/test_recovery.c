// SPDX-License-Identifier: GPL-3.0-or-later
/* Rules of 2-media 5.5, one by one and then against a plain model over random sequences. */
#include "../cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "encode/recovery.h"

#define FRAME_NS 16666667ull

static struct recovery start(bool rfi, uint8_t dpb)
{
	struct recovery r;

	recovery_init(&r, &(struct recovery_params){.rfi = rfi, .dpb = dpb, .echo_ns = FRAME_NS / 2});
	return r;
}

/* When the next frame is encoded. */
static uint64_t now(const struct recovery *r)
{
	return (r->newest + 1) * FRAME_NS;
}

/* Encodes up to frame n; IDRs when the state machine says so. */
static void encode_to(struct recovery *r, uint32_t n)
{
	uint32_t first, last;

	while (r->newest < n) {
		enum recovery_action a = recovery_next(r, now(r), &first, &last);
		uint32_t frame = r->newest + 1;

		recovery_encoded(r, frame, a == RECOVERY_IDR, false, frame * FRAME_NS);
	}
}

static void m46_first_frame_is_an_idr_and_one_request_gives_one(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first, last;

	(void)state;
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
	recovery_encoded(&r, 1, true, false, FRAME_NS);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
	recovery_encoded(&r, 2, false, false, 2 * FRAME_NS);
	recovery_request_idr(&r, 2 * FRAME_NS + 1);
	assert_true(recovery_pending(&r));
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
}

static void m46_requests_within_one_frame_give_one_idr(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first, last;

	(void)state;
	encode_to(&r, 10);
	for (int i = 0; i < 20; i++)
		recovery_request_idr(&r, 10 * FRAME_NS + FRAME_NS / 2 + (unsigned)i);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
	recovery_encoded(&r, 11, true, false, 11 * FRAME_NS);
	/* Sent before the client could see frame 11. */
	recovery_request_idr(&r, 11 * FRAME_NS + FRAME_NS / 4);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
	recovery_encoded(&r, 12, false, false, 12 * FRAME_NS);
	/* A new one is a new one. */
	recovery_request_idr(&r, 12 * FRAME_NS);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
}

static void m47_range_is_extended_to_the_newest_and_repeats_are_ignored(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first = 0, last = 0;

	(void)state;
	encode_to(&r, 14);
	recovery_report_lost(&r, 10, 12);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 10);
	assert_int_equal(last, 14);
	recovery_encoded(&r, 15, false, false, 15 * FRAME_NS);
	for (uint32_t end = 12; end <= 14; end++) {
		recovery_report_lost(&r, 10, end);
		assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
	}
	/* The recovery frame itself was lost. */
	recovery_report_lost(&r, 10, 15);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 10);
	assert_int_equal(last, 15);
}

static void m47_reports_before_the_answer_are_merged(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first, last;

	(void)state;
	encode_to(&r, 14);
	recovery_report_lost(&r, 13, 13);
	recovery_report_lost(&r, 11, 12);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 11);
	assert_int_equal(last, 14);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
}

static void m48_nonsense_ranges_give_an_idr(void **state)
{
	static const uint32_t rows[][2] = {
		{12, 10}, {0, 5}, {14, 15}, {10, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}, {0, 0},
	};
	uint32_t first, last;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct recovery r = start(true, 8);

		encode_to(&r, 14);
		recovery_report_lost(&r, rows[i][0], rows[i][1]);
		assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
	}
}

static void m48_range_beyond_the_dpb_gives_an_idr(void **state)
{
	uint32_t first, last;

	(void)state;
	/* Of 14 frames the DPB keeps 7..14. */
	for (uint32_t lost = 5; lost <= 9; lost++) {
		struct recovery r = start(true, 8);

		encode_to(&r, 14);
		recovery_report_lost(&r, lost, 14);
		assert_int_equal(recovery_next(&r, now(&r), &first, &last), lost <= 7 ? RECOVERY_IDR : RECOVERY_RFI);
	}
}

static void m49_without_rfi_a_lost_frame_gives_an_idr(void **state)
{
	struct recovery r = start(false, 1);
	uint32_t first, last;

	(void)state;
	encode_to(&r, 14);
	recovery_report_lost(&r, 13, 13);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
	recovery_encoded(&r, 15, true, false, 15 * FRAME_NS);
	/* Each complete frame on the way to the IDR brings one more report. */
	recovery_report_lost(&r, 13, 14);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
}

static void idr_supersedes_rfi_and_forgets_it(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first, last;

	(void)state;
	encode_to(&r, 14);
	recovery_report_lost(&r, 13, 13);
	recovery_request_idr(&r, 14 * FRAME_NS + FRAME_NS - 1);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
	recovery_encoded(&r, 15, true, false, 15 * FRAME_NS);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
	recovery_report_lost(&r, 13, 14);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
	/* A range that takes the IDR along leaves nothing to refer to. */
	encode_to(&r, 17);
	recovery_report_lost(&r, 13, 16);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
}

static void unasked_idr_of_the_encoder_counts(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first, last;

	(void)state;
	encode_to(&r, 20);
	recovery_encoded(&r, 21, true, false, 21 * FRAME_NS);
	recovery_encoded(&r, 22, false, false, 22 * FRAME_NS);
	recovery_report_lost(&r, 20, 20);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
	recovery_report_lost(&r, 22, 22);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 22);
}

static struct recovery start_marking(uint8_t dpb)
{
	struct recovery r;

	recovery_init(&r, &(struct recovery_params){.rfi = true, .dpb = dpb, .echo_ns = FRAME_NS / 2, .mark_each = 4});
	return r;
}

static void what_was_not_sent_is_answered_from_the_frame_before(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first = 0, last = 0;

	(void)state;
	encode_to(&r, 14);
	recovery_report_unsent(&r, 13);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 13);
	assert_int_equal(last, 14);
	recovery_encoded(&r, 15, false, true, 15 * FRAME_NS);
	/* The client sees the gap and asks for what it has already. */
	recovery_report_lost(&r, 13, 13);
	recovery_report_lost(&r, 13, 14);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
}

static void what_was_not_sent_is_answered_from_an_acknowledged_frame_if_there_is_one(void **state)
{
	struct recovery r = start_marking(8);
	uint32_t first = 0, last = 0;

	(void)state;
	encode_to(&r, 14);
	recovery_acked(&r, 9);
	recovery_report_unsent(&r, 14); /* 10 to 13 are on their way, nobody knows */
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 10);
	assert_int_equal(last, 14);
	/* The client's own word is as good as an acknowledgement. */
	encode_to(&r, 18);
	recovery_report_lost(&r, 17, 17);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 17);
}

static void acknowledgements_of_what_is_no_reference_count_for_nothing(void **state)
{
	struct recovery r = start_marking(8);
	uint32_t first = 0, last = 0;

	(void)state;
	encode_to(&r, 14);
	recovery_acked(&r, 15); /* of the future */
	recovery_acked(&r, UINT32_MAX);
	recovery_acked(&r, 6); /* left the DPB of 7..14 */
	recovery_report_unsent(&r, 14);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 14);
	encode_to(&r, 15);
	recovery_acked(&r, 14); /* invalidated meanwhile */
	recovery_report_unsent(&r, 15);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 15);
}

static void unsent_key_frame_is_made_again(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first, last;

	(void)state;
	encode_to(&r, 1);
	recovery_report_unsent(&r, 1);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
	recovery_report_unsent(&r, 0);
	recovery_report_unsent(&r, 2);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
}

static void after_silence_the_acknowledged_frame_is_the_base(void **state)
{
	struct recovery r = start_marking(8);
	uint32_t first = 0, last = 0;

	(void)state;
	encode_to(&r, 14);
	recovery_acked(&r, 12);
	recovery_report_silence(&r);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 13);
	assert_int_equal(last, 14);
	encode_to(&r, 30);
	recovery_report_silence(&r); /* 12 has left the DPB */
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
	encode_to(&r, 33);
	recovery_acked(&r, 33);
	recovery_report_silence(&r); /* the client has all */
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_NONE);
}

static void room_is_what_keeps_the_acknowledged_frame_in_the_dpb(void **state)
{
	static const uint8_t dpbs[] = {2, 8, 16, 63, 64};
	uint32_t first, last;

	(void)state;
	for (size_t i = 0; i < sizeof(dpbs); i++) {
		struct recovery r = start_marking(dpbs[i]);
		uint32_t room;

		encode_to(&r, 100);
		assert_int_equal(recovery_room(&r), UINT32_MAX);
		recovery_acked(&r, 100);
		room = recovery_room(&r);
		assert_int_equal(room, dpbs[i] - 1);
		encode_to(&r, 100 + room);
		assert_int_equal(recovery_room(&r), 0);
		recovery_report_silence(&r);
		assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_RFI);
		assert_int_equal(first, 101);
		assert_int_equal(last, 100 + room);
		/* One more would have been too many. */
		encode_to(&r, 101 + room);
		assert_int_equal(recovery_room(&r), UINT32_MAX);
		recovery_report_silence(&r);
		assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
	}
}

static void a_client_owes_an_answer_from_the_first_unanswered_mark_on(void **state)
{
	struct recovery r = start_marking(16);

	(void)state;
	encode_to(&r, 10);
	recovery_encoded(&r, 11, false, true, 11 * FRAME_NS);
	assert_int_equal(recovery_owed_since(&r), 11 * FRAME_NS);
	recovery_encoded(&r, 12, false, true, 12 * FRAME_NS);
	assert_int_equal(recovery_owed_since(&r), 11 * FRAME_NS);
	recovery_acked(&r, 11); /* another is on its way: as if heard of now */
	assert_int_equal(recovery_owed_since(&r), 0);
	recovery_encoded(&r, 13, false, true, 13 * FRAME_NS);
	assert_int_equal(recovery_owed_since(&r), 0);
	recovery_acked(&r, 13);
	/* We were slow, not the client. */
	recovery_encoded(&r, 14, false, false, 500 * FRAME_NS);
	assert_int_equal(recovery_owed_since(&r), 0);
	recovery_encoded(&r, 15, false, true, 501 * FRAME_NS);
	assert_int_equal(recovery_owed_since(&r), 501 * FRAME_NS);
	recovery_acked(&r, 13); /* said again */
	assert_int_equal(recovery_owed_since(&r), 501 * FRAME_NS);
}

static void marks_are_one_in_four_and_fifteen_a_second(void **state)
{
	static const uint32_t rows[][2] = {{10000, 1}, {24000, 1},  {30000, 2}, {59940, 3},
					   {60000, 4}, {120000, 4}, {240000, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(recovery_mark_each(rows[i][0]), rows[i][1]);
}

static void after_silence_a_client_that_acknowledges_nothing_gets_an_idr(void **state)
{
	struct recovery r = start(true, 8);
	uint32_t first, last;

	(void)state;
	encode_to(&r, 14);
	recovery_report_silence(&r);
	assert_int_equal(recovery_next(&r, now(&r), &first, &last), RECOVERY_IDR);
}

static void frames_are_marked_now_and_then_and_when_they_answer(void **state)
{
	struct recovery r = start_marking(8);
	unsigned marked = 0;

	(void)state;
	for (uint32_t f = 1; f <= 40; f++) {
		bool mark = recovery_marks_next(&r, f == 1 || f == 22);

		marked += mark;
		if (f == 1 || f == 22)
			assert_true(mark);
		recovery_encoded(&r, f, f == 1, mark, f * FRAME_NS);
	}
	assert_int_equal(marked, 11);
	r.p.mark_each = 0;
	assert_false(recovery_marks_next(&r, true));
}

static void idrs_are_limited_in_rate_and_none_is_forgotten(void **state)
{
	struct recovery r = start(false, 1);
	uint32_t first, last;
	unsigned idrs = 0;

	(void)state;
	/* Ten seconds of a client that asks with every frame. */
	for (uint32_t f = 1; f <= 600; f++) {
		enum recovery_action a;

		recovery_request_idr(&r, f * FRAME_NS);
		a = recovery_next(&r, f * FRAME_NS, &first, &last);
		if (a == RECOVERY_NONE)
			assert_true(recovery_pending(&r));
		idrs += a == RECOVERY_IDR;
		recovery_encoded(&r, f, a == RECOVERY_IDR, false, f * FRAME_NS);
	}
	assert_in_range(idrs, 60, 70);
}

/*
 * The model keeps, for every frame, whether the client can decode it given what was lost, and what the encoder may
 * refer to. Random losses, reports delayed and repeated as a client sends them (2-media 5.5): after each recovery the
 * frame chosen as reference must be one that the client has.
 */
#define N 4000

struct model {
	bool lost[N + 1]; /* never arrived */
	bool good[N + 1]; /* decodable for the client */
	bool bad[N + 1];  /* the encoder was told not to refer to it */
	uint32_t idr;
};

static uint32_t reference_of(const struct model *m, uint32_t frame, uint8_t dpb)
{
	for (uint32_t f = frame - 1; f >= m->idr && f + dpb >= frame && f; f--)
		if (!m->bad[f])
			return f;
	return 0;
}

static void random_losses_never_leave_a_broken_reference(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++) {
		static struct model m;
		struct recovery r = start(true, (uint8_t)(2 + seed % 7));
		uint32_t delivered = 0, waiting_from = 0, idrs = 0, rfis = 0;
		uint8_t dpb = r.p.dpb;
		struct {
			uint32_t first, last, at;
		} report[64] = {0};
		unsigned n_reports = 0;

		memset(&m, 0, sizeof(m));
		srand(seed);
		for (uint32_t f = 1; f <= N; f++) {
			uint32_t first = 0, last = 0, ref = 0;
			bool idr, recovered = false;
			enum recovery_action a;

			for (unsigned i = 0; i < n_reports;) {
				if (report[i].at > f) {
					i++;
					continue;
				}
				recovery_report_lost(&r, report[i].first, report[i].last);
				report[i] = report[--n_reports];
			}
			a = recovery_next(&r, now(&r), &first, &last);
			if (a == RECOVERY_RFI) {
				assert_int_equal(last, f - 1);
				for (uint32_t k = first; k <= last; k++)
					m.bad[k] = true;
				assert_true(reference_of(&m, f, dpb)); /* else an IDR was due */
				recovered = true;
				rfis++;
			}
			idr = a == RECOVERY_IDR;
			if (!idr)
				ref = reference_of(&m, f, dpb);
			if (idr)
				m.idr = f, idrs++;
			recovery_encoded(&r, f, idr, false, f * FRAME_NS);

			m.lost[f] = rand() % 12 == 0;
			m.good[f] = !m.lost[f] && (idr || m.good[ref]);
			/* A client that waits takes only recovery frames. */
			if (m.lost[f] || (waiting_from && !idr && !recovered)) {
				if (!waiting_from)
					waiting_from = delivered + 1;
				if (!m.lost[f] && n_reports < 60) {
					report[n_reports].first = waiting_from;
					report[n_reports].last = f;
					report[n_reports++].at = f + 1 + (uint32_t)rand() % 3;
				}
				continue;
			}
			if (delivered + 1 < f && !waiting_from && !idr && !recovered) {
				waiting_from = delivered + 1;
				report[n_reports].first = waiting_from;
				report[n_reports].last = f;
				report[n_reports++].at = f + 1;
				continue;
			}
			/* This is what it is all about. */
			assert_true(m.good[f]);
			delivered = f;
			waiting_from = 0;
		}
		assert_true(idrs >= 1 && (dpb < 6 || rfis > 20));
		assert_true(delivered > N - 100); /* never stuck */
	}
}

/* No IDR is due yet, and then there is one for another reason: it is not followed by the one that was owed. */
static void an_idr_of_its_own_answers_whatever_was_asked(void **state)
{
	struct recovery r;
	uint32_t first, last, n = 0;

	(void)state;
	recovery_init(&r, &(struct recovery_params){.rfi = false, .dpb = 1});
	do {
		n++;
		recovery_encoded(&r, n, true, false, n);
		recovery_request_idr(&r, n);
	} while (recovery_next(&r, n, &first, &last) == RECOVERY_IDR);
	assert_true(recovery_pending(&r));
	recovery_answered(&r);
	assert_false(recovery_pending(&r));
	recovery_encoded(&r, n + 1, true, false, n + 1);
	assert_int_equal(recovery_next(&r, 1000000000000ull, &first, &last), RECOVERY_NONE);
}

static void an_encoder_opened_anew_owes_nothing_and_keeps_what_it_can(void **state)
{
	struct recovery r;
	uint32_t first, last;

	(void)state;
	recovery_init(&r, &(struct recovery_params){.rfi = true, .dpb = 16});
	recovery_next(&r, 0, &first, &last);
	for (uint32_t n = 1; n <= 20; n++)
		recovery_encoded(&r, n, n == 1, false, n);
	recovery_request_idr(&r, 1000);
	recovery_report_lost(&r, 18, 18);
	recovery_restart(&r, false, 1);
	assert_false(recovery_pending(&r));
	assert_int_equal(recovery_next(&r, 1000, &first, &last), RECOVERY_NONE);
	recovery_encoded(&r, 21, true, false, 1000);
	recovery_encoded(&r, 22, false, false, 1001);
	recovery_report_lost(&r, 22, 22);
	assert_int_equal(recovery_next(&r, 1000000000, &first, &last), RECOVERY_IDR);
	/* And the other way round. */
	recovery_restart(&r, true, 4);
	recovery_encoded(&r, 23, true, false, 1002);
	for (uint32_t n = 24; n <= 26; n++)
		recovery_encoded(&r, n, false, false, n);
	recovery_report_lost(&r, 25, 25);
	assert_int_equal(recovery_next(&r, 2000000000, &first, &last), RECOVERY_RFI);
	assert_int_equal(first, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m46_first_frame_is_an_idr_and_one_request_gives_one),
		cmocka_unit_test(m46_requests_within_one_frame_give_one_idr),
		cmocka_unit_test(m47_range_is_extended_to_the_newest_and_repeats_are_ignored),
		cmocka_unit_test(m47_reports_before_the_answer_are_merged),
		cmocka_unit_test(m48_nonsense_ranges_give_an_idr),
		cmocka_unit_test(m48_range_beyond_the_dpb_gives_an_idr),
		cmocka_unit_test(m49_without_rfi_a_lost_frame_gives_an_idr),
		cmocka_unit_test(idr_supersedes_rfi_and_forgets_it),
		cmocka_unit_test(unasked_idr_of_the_encoder_counts),
		cmocka_unit_test(what_was_not_sent_is_answered_from_the_frame_before),
		cmocka_unit_test(what_was_not_sent_is_answered_from_an_acknowledged_frame_if_there_is_one),
		cmocka_unit_test(acknowledgements_of_what_is_no_reference_count_for_nothing),
		cmocka_unit_test(unsent_key_frame_is_made_again),
		cmocka_unit_test(after_silence_the_acknowledged_frame_is_the_base),
		cmocka_unit_test(after_silence_a_client_that_acknowledges_nothing_gets_an_idr),
		cmocka_unit_test(frames_are_marked_now_and_then_and_when_they_answer),
		cmocka_unit_test(idrs_are_limited_in_rate_and_none_is_forgotten),
		cmocka_unit_test(random_losses_never_leave_a_broken_reference),
		cmocka_unit_test(room_is_what_keeps_the_acknowledged_frame_in_the_dpb),
		cmocka_unit_test(a_client_owes_an_answer_from_the_first_unanswered_mark_on),
		cmocka_unit_test(marks_are_one_in_four_and_fifteen_a_second),
		cmocka_unit_test(an_idr_of_its_own_answers_whatever_was_asked),
		cmocka_unit_test(an_encoder_opened_anew_owes_nothing_and_keeps_what_it_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

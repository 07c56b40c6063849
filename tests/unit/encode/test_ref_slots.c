// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/ref_slots.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One frame as an encoder makes it, the rules of a plan checked. Returns the frame referred to, 0 for a key frame. */
static uint32_t encode(struct ref_slots *s, uint32_t frame, bool key, bool ltr, bool only_acked)
{
	struct ref_plan p;
	unsigned named = 0;
	uint32_t ref = 0;

	ref_slots_plan(s, key, only_acked, &p);
	assert_int_equal(p.key, key);
	for (unsigned i = 0; i < REF_SLOTS; i++) {
		assert_true(p.named[i] < REF_SLOTS);
		assert_false(named >> p.named[i] & 1);
		named |= 1u << p.named[i];
	}
	if (!key) {
		assert_int_equal(p.named[0], p.ref);
		assert_true(p.ref < s->n && s->slot[p.ref].valid);
		assert_true(p.refresh);
		assert_int_equal(p.refresh >> s->n, 0);
		ref = s->slot[p.ref].frame;
		assert_true(ref && ref < frame);
	}
	ref_slots_encoded(s, &p, frame, ltr);
	assert_true(s->slot[ref_slots_newest(s, false)].frame == frame);
	return ref;
}

static void run_to(struct ref_slots *s, uint32_t *frame, uint32_t last)
{
	while (*frame < last) {
		bool key = *frame == 0;

		++*frame;
		encode(s, *frame, key, false, false);
	}
}

static bool holds(const struct ref_slots *s, uint32_t frame)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->slot[i].valid && s->slot[i].frame == frame)
			return true;
	return false;
}

static void each_frame_refers_to_the_one_before(void **state)
{
	struct ref_slots s;

	(void)state;
	for (unsigned n = 1; n <= REF_SLOTS; n++) {
		ref_slots_init(&s, n);
		encode(&s, 1, true, false, false);
		for (uint32_t f = 2; f < 300; f++)
			assert_int_equal(encode(&s, f, false, false, false), f - 1);
	}
}

static void the_newest_frames_are_all_kept_and_older_ones_at_growing_distance(void **state)
{
	struct ref_slots s;
	uint32_t frame = 0;

	(void)state;
	ref_slots_init(&s, REF_SLOTS);
	run_to(&s, &frame, 100);
	for (unsigned round = 0; round < 200; round++) {
		uint32_t oldest = frame;

		for (uint32_t back = 0; back < 3; back++)
			assert_true(holds(&s, frame - back));
		for (unsigned i = 0; i < s.n; i++)
			oldest = s.slot[i].frame < oldest ? s.slot[i].frame : oldest;
		/* Never so old that referring to it would be pointless, always old enough for a slow path. */
		assert_in_range(frame - oldest, 15, 61);
		run_to(&s, &frame, frame + 1);
	}
}

static void a_key_frame_fills_every_slot(void **state)
{
	struct ref_slots s;
	uint32_t frame = 0;

	(void)state;
	ref_slots_init(&s, REF_SLOTS);
	run_to(&s, &frame, 20);
	encode(&s, 21, true, false, false);
	for (unsigned i = 0; i < REF_SLOTS; i++)
		assert_int_equal(s.slot[i].frame, 21);
	/* Nothing from before it is left. */
	assert_int_equal(ref_slots_invalidate(&s, 21), -ENOENT);
	assert_int_equal(ref_slots_invalidate(&s, 3), -ENOENT);
	assert_int_equal(ref_slots_invalidate(&s, 22), 0);
}

static void after_a_loss_no_spoiled_frame_is_referred_to_and_its_slots_are_replaced(void **state)
{
	(void)state;
	for (uint32_t lost = 1; lost <= 40; lost++)
		for (uint32_t delay = 0; delay < 12; delay++) {
			struct ref_slots s;
			uint32_t frame = 0, newest = lost + delay, ref;

			ref_slots_init(&s, REF_SLOTS);
			run_to(&s, &frame, newest);
			if (ref_slots_invalidate(&s, lost)) {
				/* Refused without a change. */
				assert_int_equal(encode(&s, newest + 1, false, false, false), newest);
				assert_true(lost == 1 || delay >= 3);
				continue;
			}
			ref = encode(&s, newest + 1, false, false, false);
			assert_true(ref < lost);
			for (uint32_t f = lost; f <= newest; f++)
				assert_false(holds(&s, f));
			assert_int_equal(encode(&s, newest + 2, false, false, false), newest + 1);
			for (unsigned i = 0; i < s.n; i++)
				assert_true(s.slot[i].valid);
			assert_true(holds(&s, ref));
		}
}

static void a_lost_recovery_frame_is_answered_from_before_the_first_loss(void **state)
{
	struct ref_slots s;
	uint32_t frame = 0, ref;

	(void)state;
	ref_slots_init(&s, REF_SLOTS);
	run_to(&s, &frame, 24);
	assert_int_equal(ref_slots_invalidate(&s, 21), 0);
	ref = encode(&s, 25, false, false, false);
	assert_in_range(ref, 18, 20); /* whichever is left of the older ones */
	frame = 25;
	run_to(&s, &frame, 28);
	assert_int_equal(ref_slots_invalidate(&s, 25), 0);
	assert_true(encode(&s, 29, false, false, false) <= ref);
}

static void an_acknowledged_frame_stays_until_a_newer_one_is_acknowledged(void **state)
{
	struct ref_slots s;
	uint32_t frame = 0;

	(void)state;
	for (unsigned n = 2; n <= REF_SLOTS; n++) {
		ref_slots_init(&s, n);
		frame = 0;
		run_to(&s, &frame, 10);
		encode(&s, 11, false, true, false);
		frame = 11;
		assert_int_equal(ref_slots_newest(&s, true), -1);
		assert_true(ref_slots_ack(&s, 11));
		run_to(&s, &frame, 500);
		assert_true(holds(&s, 11));
		encode(&s, 501, false, true, false);
		assert_true(ref_slots_ack(&s, 501));
		assert_int_equal(s.slot[ref_slots_newest(&s, true)].frame, 501);
		frame = 501;
		run_to(&s, &frame, 700);
		assert_true(holds(&s, 501));
		assert_false(holds(&s, 11));
	}
}

static void what_is_not_marked_or_was_lost_cannot_be_acknowledged(void **state)
{
	struct ref_slots s;
	uint32_t frame = 0;

	(void)state;
	ref_slots_init(&s, REF_SLOTS);
	run_to(&s, &frame, 10);
	assert_false(ref_slots_ack(&s, 10)); /* not marked */
	encode(&s, 11, false, true, false);
	assert_false(ref_slots_ack(&s, 12));
	assert_int_equal(ref_slots_invalidate(&s, 11), 0);
	assert_false(ref_slots_ack(&s, 11));
	assert_int_equal(ref_slots_newest(&s, true), -1);
}

static void a_request_for_what_is_certain_refers_to_it(void **state)
{
	struct ref_slots s;
	uint32_t frame = 0;

	(void)state;
	ref_slots_init(&s, REF_SLOTS);
	run_to(&s, &frame, 10);
	/* Nothing is certain: the newest. */
	assert_int_equal(encode(&s, 11, false, true, true), 10);
	assert_true(ref_slots_ack(&s, 11));
	frame = 11;
	run_to(&s, &frame, 40);
	assert_int_equal(encode(&s, 41, false, false, true), 11);
	/* What was certain is lost with the rest if the client says so after all. */
	assert_int_equal(ref_slots_invalidate(&s, 11), 0);
	assert_int_equal(ref_slots_newest(&s, true), -1);
	assert_true(encode(&s, 42, false, false, true) < 11);
}

static void random_histories_keep_the_rules(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 300; seed++) {
		struct ref_slots s;
		uint32_t frame = 1, good = 1; /* the client holds all but first_bad.. */

		srandom(seed);
		ref_slots_init(&s, 1 + (unsigned)random() % REF_SLOTS);
		encode(&s, 1, true, false, false);
		for (unsigned step = 0; step < 400; step++) {
			unsigned what = (unsigned)random() % 20;

			if (what == 0) {
				encode(&s, ++frame, true, false, false);
				good = frame;
			} else if (what == 1) {
				uint32_t first = frame - (uint32_t)random() % 12;

				if (first <= good || ref_slots_invalidate(&s, first))
					continue;
				assert_true(encode(&s, frame + 1, false, false, random() & 1) < first);
				frame++;
			} else if (what == 2) {
				ref_slots_ack(&s, frame - (uint32_t)random() % 6);
			} else {
				frame++;
				assert_int_equal(encode(&s, frame, false, random() % 5 == 0, false), frame - 1);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_refers_to_the_one_before),
		cmocka_unit_test(the_newest_frames_are_all_kept_and_older_ones_at_growing_distance),
		cmocka_unit_test(a_key_frame_fills_every_slot),
		cmocka_unit_test(after_a_loss_no_spoiled_frame_is_referred_to_and_its_slots_are_replaced),
		cmocka_unit_test(a_lost_recovery_frame_is_answered_from_before_the_first_loss),
		cmocka_unit_test(an_acknowledged_frame_stays_until_a_newer_one_is_acknowledged),
		cmocka_unit_test(what_is_not_marked_or_was_lost_cannot_be_acknowledged),
		cmocka_unit_test(a_request_for_what_is_certain_refers_to_it),
		cmocka_unit_test(random_histories_keep_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* The carriers between threads: alone for their rules, and with two threads for ThreadSanitizer. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/latest.h"
#include "base/ring.h"
#include "base/slots.h"
#include "base/thread.h"
#include "base/wake.h"
#include "media/feedback.h"

#define ITEMS 20000u

static void ring_keeps_order_and_capacity(void **state)
{
	struct ring r;
	int item[5];

	(void)state;
	assert_int_equal(ring_init(&r, 3), -EINVAL);
	assert_int_equal(ring_init(&r, 4), 0);
	for (int i = 0; i < 4; i++)
		assert_true(ring_push(&r, &item[i]));
	assert_false(ring_push(&r, &item[4]));
	assert_int_equal(ring_free(&r), 0);
	for (int i = 0; i < 4; i++)
		assert_ptr_equal(ring_pop(&r), &item[i]);
	assert_null(ring_pop(&r));
	assert_true(ring_empty(&r));
	assert_int_equal(ring_free(&r), 4);
	ring_finish(&r);
}

struct pair {
	struct ring ring;
	struct wake wake;
	struct thread thread;
	uint64_t sum;
};

static void consume(void *arg)
{
	struct pair *p = arg;
	unsigned n = 0;

	while (n < ITEMS) {
		uintptr_t v = (uintptr_t)ring_pop(&p->ring);

		if (!v) {
			wake_wait(&p->wake, NS_NEVER);
			continue;
		}
		p->sum += v;
		n++;
	}
}

static void ring_and_wake_lose_nothing(void **state)
{
	struct pair p = {0};

	(void)state;
	assert_int_equal(ring_init(&p.ring, 16), 0);
	assert_int_equal(wake_init(&p.wake), 0);
	assert_int_equal(thread_start(&p.thread, "consumer", consume, &p), 0);
	for (uintptr_t i = 1; i <= ITEMS;) {
		if (ring_push(&p.ring, (void *)i))
			i++;
		wake_poke(&p.wake);
	}
	thread_join(&p.thread);
	assert_true(p.sum == (uint64_t)ITEMS * (ITEMS + 1) / 2);
	ring_finish(&p.ring);
	wake_finish(&p.wake);
}

static void poke_before_wait_is_kept(void **state)
{
	struct wake w;

	(void)state;
	assert_int_equal(wake_init(&w), 0);
	wake_poke(&w);
	wake_poke(&w);
	wake_wait(&w, NS_NEVER); /* would hang if the poke were lost */
	assert_true(wake_arm(&w));
	wake_poke(&w);
	wake_disarm(&w);
	wake_wait(&w, clock_ns()); /* a passed deadline returns at once */
	wake_finish(&w);
}

static void newest_wins(void **state)
{
	struct latest l = {NULL};
	int a, b;

	(void)state;
	assert_null(latest_take(&l));
	assert_null(latest_put(&l, &a));
	assert_ptr_equal(latest_put(&l, &b), &a);
	assert_ptr_equal(latest_take(&l), &b);
	assert_true(latest_put_back(&l, &b));
	assert_false(latest_put_back(&l, &a));
	assert_ptr_equal(latest_take(&l), &b);
	assert_null(latest_take(&l));
}

static void slots_come_back(void **state)
{
	struct slots s;

	(void)state;
	slots_init(&s, 2);
	assert_int_equal(slots_take(&s), 0);
	assert_int_equal(slots_take(&s), 1);
	assert_int_equal(slots_take(&s), -1);
	assert_int_equal(slots_out(&s), 2);
	slots_put(&s, 1);
	assert_int_equal(slots_out(&s), 1);
	assert_int_equal(slots_take(&s), 1);
	slots_init(&s, SLOTS_MAX);
	for (int i = 0; i < SLOTS_MAX; i++)
		assert_int_equal(slots_take(&s), i);
	assert_int_equal(slots_take(&s), -1);
}

static void feedback_merges(void **state)
{
	struct feedback f;
	uint32_t a, b;

	(void)state;
	feedback_init(&f);
	assert_false(feedback_take_rfi(&f, &a, &b));
	feedback_post_rfi(&f, 10, 12);
	feedback_post_rfi(&f, 8, 9);
	feedback_post_rfi(&f, 11, 15);
	assert_true(feedback_take_rfi(&f, &a, &b));
	assert_int_equal(a, 8);
	assert_int_equal(b, 15);
	assert_false(feedback_take_rfi(&f, &a, &b));
	assert_false(feedback_take_idr(&f));
	feedback_post_idr(&f);
	feedback_post_idr(&f);
	assert_true(feedback_take_idr(&f));
	assert_false(feedback_take_idr(&f));
	feedback_post_ltr(&f, 9);
	feedback_post_ltr(&f, 7);
	assert_int_equal(atomic_load(&f.ltr_acked), 9);
}

static void *post_ranges(void *arg)
{
	for (uint32_t i = 1; i <= ITEMS; i++)
		feedback_post_rfi(arg, i, i);
	return NULL;
}

static void feedback_loses_no_range_between_threads(void **state)
{
	struct feedback f;
	pthread_t id;
	uint32_t a, b, first = UINT32_MAX, last = 0;

	(void)state;
	feedback_init(&f);
	assert_int_equal(pthread_create(&id, NULL, post_ranges, &f), 0);
	while (last < ITEMS) {
		if (!feedback_take_rfi(&f, &a, &b))
			continue;
		assert_true(a <= b);
		first = a < first ? a : first;
		last = b > last ? b : last;
	}
	pthread_join(id, NULL);
	assert_int_equal(first, 1);
	assert_int_equal(last, ITEMS);
}

static void histogram_is_near_the_truth(void **state)
{
	struct hist *h = calloc(1, sizeof(*h));
	uint64_t p50, p99;

	(void)state;
	assert_non_null(h);
	for (uint64_t i = 0; i < 64; i++) {
		unsigned b = hist_index(1ull << i);

		assert_true(b < HIST_BUCKETS);
		if (i < 42)
			assert_true(hist_floor(b) == 1ull << i);
	}
	for (uint64_t i = 1; i <= 1000; i++)
		hist_add(h, i * 1000);
	p50 = hist_percentile(h, 500);
	p99 = hist_percentile(h, 990);
	assert_in_range(p50, 440000, 560000);
	assert_in_range(p99, 880000, 1110000);
	assert_int_equal(atomic_load(&h->max_ns), 1000000);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_keeps_order_and_capacity),
		cmocka_unit_test(ring_and_wake_lose_nothing),
		cmocka_unit_test(poke_before_wait_is_kept),
		cmocka_unit_test(newest_wins),
		cmocka_unit_test(slots_come_back),
		cmocka_unit_test(feedback_merges),
		cmocka_unit_test(feedback_loses_no_range_between_threads),
		cmocka_unit_test(histogram_is_near_the_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

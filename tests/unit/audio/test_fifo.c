// SPDX-License-Identifier: GPL-3.0-or-later
/* The fifo alone for its rules, and between two threads for ThreadSanitizer. */
#include "../cmocka_all.h"

#include <sched.h>

#include "audio/fifo.h"
#include "base/thread.h"

static void bounds_are_kept(void **state)
{
	struct fifo f;
	float in[20], out[20];

	(void)state;
	assert_int_equal(fifo_init(&f, 2, 6), -EINVAL);
	assert_int_equal(fifo_init(&f, 0, 8), -EINVAL);
	assert_int_equal(fifo_init(&f, 2, 8), 0);
	for (unsigned i = 0; i < 20; i++)
		in[i] = (float)i;
	assert_int_equal(fifo_read(&f, out, 4), 0);
	assert_int_equal(fifo_write(&f, in, 5, 0), 5);
	assert_int_equal(fifo_discard(&f, 3), 3);
	assert_int_equal(fifo_write(&f, in, 10, 0), 6); /* wraps, and is full */
	assert_int_equal(atomic_load(&f.refused), 4);
	assert_int_equal(fifo_write(&f, in, 1, 0), 0);
	assert_int_equal(fifo_fill(&f), 8);
	assert_int_equal(fifo_read(&f, out, 10), 8);
	assert_true(out[0] == 6 && out[3] == 9); /* the rest of the first write */
	for (unsigned i = 0; i < 12; i++)
		assert_true(out[4 + i] == (float)i);
	assert_int_equal(fifo_fill(&f), 0);
	assert_int_equal(fifo_discard(&f, UINT32_MAX), 0);
	fifo_finish(&f);
	fifo_finish(&f);
}

static void stamp_is_the_newest_write(void **state)
{
	struct fifo f;
	float in[8] = {0};

	(void)state;
	assert_int_equal(fifo_init(&f, 1, 8), 0);
	fifo_write(&f, in, 3, 5000999);
	assert_int_equal(fifo_stamp(&f).frames, 3);
	assert_int_equal(fifo_stamp(&f).us, 5000);
	fifo_discard(&f, 3);
	/* Microseconds wrap after 71 minutes; differences still hold. */
	fifo_write(&f, in, 4, (uint64_t)UINT32_MAX * 1000 + 7000);
	assert_int_equal(fifo_stamp(&f).frames, 7);
	assert_int_equal(fifo_stamp(&f).us, 6);
	fifo_finish(&f);
}

#define FRAMES 200000u

static void produce(void *arg)
{
	struct fifo *f = arg;
	float chunk[97 * 2];
	unsigned n = 0;

	while (n < FRAMES) {
		unsigned want = FRAMES - n < 97 ? FRAMES - n : 97, took;

		for (unsigned i = 0; i < want; i++) {
			chunk[i * 2] = (float)(n + i);
			chunk[i * 2 + 1] = -(float)(n + i);
		}
		took = fifo_write(f, chunk, want, (uint64_t)(n + want) * NS_PER_US);
		n += took;
		if (took < want)
			sched_yield();
	}
}

static void two_threads_lose_nothing(void **state)
{
	struct fifo f;
	struct thread t = {0};
	float out[240 * 2];
	unsigned n = 0;

	(void)state;
	assert_int_equal(fifo_init(&f, 2, 1024), 0);
	assert_int_equal(thread_start(&t, "source", produce, &f), 0);
	while (n < FRAMES) {
		struct fifo_stamp s = fifo_stamp(&f);
		unsigned got;

		/* What is stamped can be read. */
		assert_true((int32_t)(s.frames - fifo_position(&f)) <= (int32_t)fifo_fill(&f));
		got = fifo_read(&f, out, 240);
		for (unsigned i = 0; i < got; i++, n++) {
			assert_true(out[i * 2] == (float)n);
			assert_true(out[i * 2 + 1] == -(float)n);
		}
		if (!got)
			sched_yield();
	}
	thread_join(&t);
	fifo_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(stamp_is_the_newest_write),
		cmocka_unit_test(two_threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

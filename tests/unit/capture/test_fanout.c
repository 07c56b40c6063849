// SPDX-License-Identifier: GPL-3.0-or-later
/* The lock-free hand-over: nobody gets a frame after fanout_remove(), and every reference comes
 * back. */
#include "../cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/slots.h"
#include "base/thread.h"
#include "capture/fanout.h"

#define POOL 8

static struct frame pool[POOL];
static struct slots slots;

static void give_back(struct frame *f, int fence_fd)
{
	(void)fence_fd;
	slots_put(&slots, f->slot);
}

static struct frame *fresh(uint64_t seq)
{
	int n = slots_take(&slots);

	if (n < 0)
		return NULL;
	pool[n] = (struct frame){.release = give_back, .refs = 1, .slot = (uint8_t)n, .seq = seq, .acquire_fence = -1};
	return &pool[n];
}

static int setup(void **state)
{
	(void)state;
	slots_init(&slots, POOL);
	return 0;
}

struct user {
	struct frame_link link;
	struct wake wake;
};

static void user_init(struct user *u)
{
	memset(u, 0, sizeof(*u));
	assert_int_equal(wake_init(&u->wake), 0);
	u->link.wake = &u->wake;
}

static void user_finish(struct user *u)
{
	frame_unref(latest_take(&u->link.slot), -1);
	wake_finish(&u->wake);
}

static void the_newest_frame_wins_at_each_user(void **state)
{
	struct fanout f;
	struct user a, b;
	struct frame *got;

	(void)state;
	fanout_init(&f);
	user_init(&a);
	user_init(&b);
	assert_int_equal(fanout_add(&f, &a.link), 0);
	fanout_deliver(&f, fresh(1));
	assert_int_equal(fanout_add(&f, &b.link), 1);
	fanout_deliver(&f, fresh(2));
	got = latest_take(&a.link.slot);
	assert_int_equal(got->seq, 2);
	frame_unref(got, -1);
	fanout_deliver(&f, fresh(3));
	assert_int_equal(((struct frame *)atomic_load(&a.link.slot.item))->seq, 3);
	assert_int_equal(((struct frame *)atomic_load(&b.link.slot.item))->seq, 3);
	assert_int_equal(a.link.superseded, 1);
	assert_int_equal(b.link.superseded, 1);
	assert_int_equal(slots_out(&slots), 1);
	fanout_retract(&f);
	assert_int_equal(slots_out(&slots), 0);
	assert_null(latest_take(&a.link.slot));
	fanout_remove(&f, 0);
	fanout_deliver(&f, fresh(4));
	assert_null(latest_take(&a.link.slot));
	fanout_remove(&f, 1);
	fanout_deliver(&f, fresh(5));
	user_finish(&a);
	user_finish(&b);
	assert_int_equal(slots_out(&slots), 0);
}

static void the_table_is_bounded_and_entries_are_used_again(void **state)
{
	struct frame_link links[FANOUT_MAX + 1];
	struct fanout f;

	(void)state;
	fanout_init(&f);
	for (int i = 0; i < FANOUT_MAX; i++)
		assert_int_equal(fanout_add(&f, &links[i]), i);
	assert_int_equal(fanout_add(&f, &links[FANOUT_MAX]), -ENOSPC);
	fanout_remove(&f, 5);
	assert_int_equal(fanout_add(&f, &links[FANOUT_MAX]), 5);
}

struct producer {
	struct thread thread;
	struct fanout *fanout;
	uint64_t made;
};

static void produce(void *arg)
{
	struct producer *p = arg;

	while (!thread_should_stop(&p->thread)) {
		struct frame *f = fresh(p->made);

		if (!f)
			continue;
		p->made++;
		fanout_deliver(p->fanout, f);
		if (p->made % 64 == 0)
			clock_sleep_until(clock_ns() + 1000);
	}
}

/* The memory of a link is given up right after its removal: ThreadSanitizer and ASan see any later
 * touch. */
static void nothing_arrives_after_removal_while_frames_flow(void **state)
{
	struct producer p = {0};
	struct fanout f;
	unsigned taken = 0;

	(void)state;
	fanout_init(&f);
	p.fanout = &f;
	assert_int_equal(thread_start(&p.thread, "producer", produce, &p), 0);
	for (int round = 0; round < 2000; round++) {
		struct user *u = test_malloc(sizeof(*u));
		struct frame *got;
		int index;

		user_init(u);
		index = fanout_add(&f, &u->link);
		assert_int_equal(index, 0);
		if (round % 4 == 0)
			wake_wait(&u->wake, NS_NEVER);
		got = latest_take(&u->link.slot);
		if (got) {
			taken++;
			frame_unref(got, -1);
		}
		fanout_remove(&f, index);
		user_finish(u);
		test_free(u);
	}
	thread_stop(&p.thread);
	thread_join(&p.thread);
	assert_true(taken > 0);
	assert_int_equal(slots_out(&slots), 0);
}

static atomic_bool inside, go_on, removed;

/* The hand-over stands still in the middle, as if the scheduler had put its thread aside. */
static void give_back_late(struct frame *f, int fence_fd)
{
	atomic_store(&inside, true);
	while (!atomic_load(&go_on))
		clock_sleep_until(clock_ns() + NS_PER_MS);
	give_back(f, fence_fd);
}

static void deliver_second(void *arg)
{
	fanout_deliver(arg, fresh(2));
}

static void remove_first(void *arg)
{
	fanout_remove(arg, 0);
	atomic_store(&removed, true);
}

static void removal_waits_for_the_hand_over_that_may_have_seen_the_link(void **state)
{
	struct thread producer = {0}, remover = {0};
	struct frame *first = fresh(1);
	struct fanout f;
	struct user u;

	(void)state;
	fanout_init(&f);
	user_init(&u);
	fanout_add(&f, &u.link);
	first->release = give_back_late;
	fanout_deliver(&f, first);
	assert_int_equal(thread_start(&producer, "producer", deliver_second, &f), 0);
	while (!atomic_load(&inside))
		clock_sleep_until(clock_ns() + NS_PER_MS);
	assert_int_equal(thread_start(&remover, "remover", remove_first, &f), 0);
	clock_sleep_until(clock_ns() + 100 * NS_PER_MS);
	assert_false(atomic_load(&removed));
	atomic_store(&go_on, true);
	thread_join(&remover);
	thread_join(&producer);
	assert_true(atomic_load(&removed));
	user_finish(&u);
	assert_int_equal(slots_out(&slots), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_newest_frame_wins_at_each_user, setup),
		cmocka_unit_test_setup(the_table_is_bounded_and_entries_are_used_again, setup),
		cmocka_unit_test_setup(removal_waits_for_the_hand_over_that_may_have_seen_the_link, setup),
		cmocka_unit_test_setup(nothing_arrives_after_removal_while_frames_flow, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* --- a stream of buffers: who reads one never sees it drawn into, and nobody holds up the others --- */

static uint64_t pixels[POOL]; /* what is in the buffer of that slot; not atomic, so that the thread sanitizer watches */

struct painter {
	struct thread thread;
	struct fanout *fanout;
	atomic_ulong made;
};

static void paint(void *arg)
{
	struct painter *p = arg;
	unsigned long n = 0;

	while (!thread_should_stop(&p->thread)) {
		struct frame *f = fresh(n + 1);

		if (!f) { /* every buffer is out */
			clock_sleep_until(clock_ns() + NS_PER_MS / 10);
			continue;
		}
		pixels[f->slot] = ++n;
		fanout_deliver(p->fanout, f);
		atomic_store(&p->made, n);
	}
}

static void assert_whole(const struct frame *f)
{
	assert_int_equal(pixels[f->slot], f->seq);
}

/* Holds two frames at a time, for long. */
struct slow {
	struct user u;
	struct thread thread;
	unsigned taken;
};

static void read_slowly(void *arg)
{
	struct slow *s = arg;
	struct frame *held[2] = {NULL, NULL};

	while (!thread_should_stop(&s->thread)) {
		struct frame *f;

		wake_wait(&s->u.wake, clock_ns() + NS_PER_MS);
		f = latest_take(&s->u.link.slot);
		if (!f)
			continue;
		assert_whole(f);
		clock_sleep_until(clock_ns() + 2 * NS_PER_MS);
		if (held[s->taken % 2]) {
			assert_whole(held[s->taken % 2]);
			frame_unref(held[s->taken % 2], -1);
		}
		held[s->taken++ % 2] = f;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (held[i])
			assert_whole(held[i]);
		frame_unref(held[i], -1);
	}
}

/* One that vanishes in the middle of reading, and gives back what it had afterwards. */
static void come_and_go(struct fanout *f)
{
	struct user *u = test_malloc(sizeof(*u));
	struct frame *got = NULL;
	int index;

	user_init(u);
	index = fanout_add(f, &u->link);
	while (!got) {
		wake_wait(&u->wake, clock_ns() + 10 * NS_PER_MS);
		got = latest_take(&u->link.slot);
	}
	fanout_remove(f, index);
	assert_whole(got);
	user_finish(u);
	test_free(u);
	assert_whole(got);
	frame_unref(got, -1);
}

static void a_buffer_is_drawn_into_when_all_have_released_it(void **state)
{
	struct painter p = {0};
	struct slow slow;
	struct user dead; /* never takes anything: what it was given last is kept for it, no more */
	struct fanout f;
	unsigned long before;

	(void)state;
	fanout_init(&f);
	p.fanout = &f;
	memset(&slow, 0, sizeof(slow));
	user_init(&slow.u);
	user_init(&dead);
	assert_true(fanout_add(&f, &slow.u.link) >= 0);
	assert_true(fanout_add(&f, &dead.link) >= 0);
	assert_int_equal(thread_start(&p.thread, "painter", paint, &p), 0);
	assert_int_equal(thread_start(&slow.thread, "slow", read_slowly, &slow), 0);
	for (int i = 0; i < 300; i++)
		come_and_go(&f);
	/* It goes on however slow and dead they are: a dead one holds one, a slow one three. */
	before = atomic_load(&p.made);
	while (atomic_load(&p.made) < before + 1000)
		clock_sleep_until(clock_ns() + NS_PER_MS);
	thread_stop(&slow.thread);
	thread_join(&slow.thread);
	thread_stop(&p.thread);
	thread_join(&p.thread);
	assert_true(slow.taken > 2);
	assert_true(dead.link.superseded >= 1000);
	assert_true(slots_out(&slots) <= 2); /* in the slots of the two */
	fanout_retract(&f);
	assert_int_equal(slots_out(&slots), 0);
	user_finish(&slow.u);
	user_finish(&dead);
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
		cmocka_unit_test_setup(a_buffer_is_drawn_into_when_all_have_released_it, setup),
		cmocka_unit_test_setup(nothing_arrives_after_removal_while_frames_flow, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

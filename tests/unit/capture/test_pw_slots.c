// SPDX-License-Identifier: GPL-3.0-or-later
/* Frames of a PipeWire stream on their way back: from when on their owner may be closed. The loop is the test's own. */
#include "../cmocka_all.h"

#include "capture/pw_slots.h"

static struct pw_slots slots;
static unsigned signals, held_then;
static const struct frame *kept;

/* In the thread that gives back: what it still uses is not to be closed yet. */
static int on_signal(void *object, struct spa_source *source)
{
	(void)object, (void)source;
	signals++;
	held_then = pw_slots_held(&slots, kept);
	return 0;
}

static struct spa_loop_utils_methods methods = {SPA_VERSION_LOOP_UTILS_METHODS, .signal_event = on_signal};
static struct spa_loop_utils utils = {.iface = {.cb = {.funcs = &methods}}};
static struct pw_loop loop = {.utils = &utils};

static int setup(void **state)
{
	(void)state;
	signals = held_then = 0;
	kept = NULL;
	slots = (struct pw_slots){.loop = &loop};
	for (uint8_t i = 0; i < 3; i++) {
		slots.slot[i].map.fd = -1;
		slots.slot[i].frame.slot = i;
		slots.slot[i].frame.acquire_fence = -1;
	}
	return 0;
}

static void a_frame_is_held_until_its_reader_has_nothing_more_to_say(void **state)
{
	struct frame *f = pw_slots_send(&slots, &slots.slot[0], false);

	(void)state;
	assert_int_equal(pw_slots_held(&slots, NULL), 1);
	frame_unref(f, -1);
	assert_int_equal(signals, 1);
	assert_int_equal(held_then, 1);
	assert_int_equal(pw_slots_held(&slots, NULL), 0);
}

static void the_newest_is_kept_and_not_held(void **state)
{
	struct frame *f = pw_slots_send(&slots, &slots.slot[0], false);
	struct frame *newest = pw_slots_send(&slots, &slots.slot[1], false), *read = frame_ref(newest);

	(void)state;
	kept = newest;
	assert_int_equal(pw_slots_held(&slots, NULL), 2);
	assert_int_equal(pw_slots_held(&slots, kept), 2);
	frame_unref(read, -1);
	assert_int_equal(pw_slots_held(&slots, kept), 1);
	frame_unref(f, -1);
	assert_int_equal(held_then, 1);
	assert_int_equal(pw_slots_held(&slots, kept), 0);
	frame_unref(newest, -1);
	assert_int_equal(signals, 2);
	assert_int_equal(pw_slots_held(&slots, NULL), 0);
}

/* The source must not lose a buffer to a frame that counts twice on its way back. */
static void one_on_its_way_back_counts_once(void **state)
{
	struct frame *a = pw_slots_send(&slots, &slots.slot[0], false),
		     *b = pw_slots_send(&slots, &slots.slot[2], false);

	(void)state;
	frame_unref(a, -1);
	assert_int_equal(held_then, 1);
	frame_unref(b, -1);
	assert_int_equal(held_then, 1);
	assert_int_equal(pw_slots_held(&slots, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_frame_is_held_until_its_reader_has_nothing_more_to_say, setup),
		cmocka_unit_test_setup(the_newest_is_kept_and_not_held, setup),
		cmocka_unit_test_setup(one_on_its_way_back_counts_once, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

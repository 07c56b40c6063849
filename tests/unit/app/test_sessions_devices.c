// SPDX-License-Identifier: GPL-3.0-or-later
/* Input devices outlive a stream, for a client that comes back. */
#include "sessions_rig.h"

static struct input *resumed_input(struct session *s)
{
	static struct http_call call;

	launch(&call, 1, true, 0);
	assert_int_equal(announce(s), 0);
	return s->in.input;
}

static void devices_wait_for_the_client_to_come_back(void **state)
{
	struct session *s = stream(1);
	struct input *devices = s->in.input;
	uint64_t end = clock_ns() + 20 * NS_PER_S;

	(void)state;
	assert_non_null(devices);
	disconnect_control(s, -ETIMEDOUT);
	assert_ptr_equal(s->in.input, devices);
	assert_non_null(s->in.watch); /* programs that use them still get answers */
	assert_ptr_equal(resumed_input(s), devices);
	assert_null(s->in.watch);
	assert_null(s->in.grace);

	config.input.grace_ms = 1;
	session_input_rest(s);
	while (s->in.input && clock_ns() < end)
		loop_step(host.loop, 10);
	assert_null(s->in.input);
	assert_null(s->in.out);
}

static void devices_of_another_screen_are_made_anew(void **state)
{
	struct session *s = stream(1);
	struct input *devices = s->in.input;

	(void)state;
	disconnect_control(s, -ETIMEDOUT);
	assert_ptr_equal(s->in.input, devices);
	place = (struct screen_place){1280, 0, 800, 600};
	assert_non_null(resumed_input(s));
	assert_int_equal(s->in.place.x, 1280);
	assert_int_equal(s->in.place.width, 800);
	place = (struct screen_place){0};
}

static void without_grace_devices_go_with_the_stream(void **state)
{
	struct session *s;

	(void)state;
	config.input.grace_ms = 0;
	s = parked(1);
	assert_null(s->in.input);
	assert_non_null(resumed_input(s));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(devices_wait_for_the_client_to_come_back),
		CASE(devices_of_another_screen_are_made_anew),
		CASE(without_grace_devices_go_with_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

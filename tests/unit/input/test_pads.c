// SPDX-License-Identifier: GPL-3.0-or-later
/* The pads of a session over kinds of pads that only take notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "input/pads.h"

static struct {
	int probe[PAD_KINDS]; /* what they answer */
	int open;             /* the next open's answer */
	unsigned opened[PAD_KINDS], closed, told, states, touches, motions, batteries;
	struct pad last;
	unsigned asked[2]; /* motion: acceleration, turning */
	uint16_t hz;
} seen;

static int probe_xbox(void)
{
	return seen.probe[PAD_KIND_XBOX];
}

static int probe_dualsense(void)
{
	return seen.probe[PAD_KIND_DUALSENSE];
}

static int open_fake(struct pad *p);

static void state_fake(struct pad *p, const struct input_event *e)
{
	assert_int_equal(p->number, e->state.pad);
	seen.states++;
}

static void touch_fake(struct pad *p, const struct input_event *e)
{
	assert_int_equal(p->number, e->pad_touch.pad);
	seen.touches++;
}

static void motion_fake(struct pad *p, const struct input_event *e)
{
	assert_int_equal(p->number, e->motion.pad);
	seen.motions++;
}

static void battery_fake(struct pad *p, const struct input_event *e)
{
	assert_int_equal(p->number, e->battery.pad);
	seen.batteries++;
}

static void tell_fake(struct pad *p)
{
	(void)p;
	seen.told++;
}

static void close_fake(struct pad *p)
{
	(void)p;
	seen.closed++;
}

static const struct pad_ops fake_xbox = {
	.name = "xbox",
	.size = sizeof(struct pad),
	.probe = probe_xbox,
	.open = open_fake,
	.state = state_fake,
	.tell = tell_fake,
	.close = close_fake,
};
static const struct pad_ops fake_dualsense = {
	.name = "dualsense",
	.size = sizeof(struct pad),
	.probe = probe_dualsense,
	.open = open_fake,
	.state = state_fake,
	.tell = tell_fake,
	.touch = touch_fake,
	.motion = motion_fake,
	.battery = battery_fake,
	.close = close_fake,
};
static const struct pad_ops fake_switch = {
	.name = "switch",
	.size = sizeof(struct pad),
	.probe = probe_dualsense, /* the same device node */
	.open = open_fake,
	.state = state_fake,
	.tell = tell_fake,
	.motion = motion_fake,
	.battery = battery_fake,
	.close = close_fake,
};
static const struct pad_ops *const kinds[PAD_KINDS] = {&fake_xbox, &fake_dualsense, &fake_switch};

static int open_fake(struct pad *p)
{
	seen.last = *p;
	for (unsigned k = 0; k < PAD_KINDS; k++)
		seen.opened[k] += p->ops == kinds[k];
	return seen.open;
}

static void motion_wanted(void *ctx, uint8_t pad, bool gyro, uint16_t hz)
{
	(void)ctx, (void)pad;
	seen.asked[gyro]++;
	seen.hz = hz;
}

static const struct input_back back = {.motion_wanted = motion_wanted};
static struct input_env env;
static struct pads pads;
static char why[INPUT_WHY_MAX];

static int fresh(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	memset(&pads, 0, sizeof(pads));
	env = (struct input_env){.back = &back, .seat = "seat", .pad_kind = "auto", .log_file = "", .epoll = -1};
	pads.base.env = &env;
	why[0] = 0;
	return 0;
}

static int done(void **state)
{
	(void)state;
	input_pads.close(&pads.base);
	return 0;
}

static void arrive(uint8_t pad, uint8_t kind, uint16_t caps)
{
	struct input_event e = {.type = INPUT_PAD_ARRIVAL, .arrival = {.pad = pad, .kind = kind, .caps = caps}};

	input_pads.event(&pads.base, &e);
}

static void gone(uint8_t pad)
{
	struct input_event e = {.type = INPUT_PAD_GONE, .gone = {.pad = pad}};

	input_pads.event(&pads.base, &e);
}

static void say(enum input_type type, uint8_t pad)
{
	struct input_event e = {.type = type};

	/* the pad's number is the first field of each */
	e.state.pad = pad;
	input_pads.event(&pads.base, &e);
}

static void the_kind_follows_client_config_and_machine(void **state)
{
	const enum pad_kind X = PAD_KIND_XBOX, D = PAD_KIND_DUALSENSE, S = PAD_KIND_SWITCH;
	enum { ALL = (1 << PAD_KINDS) - 1 };
	const struct {
		const char *config;
		uint8_t kind;
		uint16_t caps;
		unsigned allowed;
		enum pad_kind want;
	} t[] = {
		{"auto", 0, 0, ALL, X},         {"auto", 1, 0x3f, ALL, X},       {"auto", 2, 0, ALL, D},
		{"auto", 2, 0x1ff, 1u << X, X}, {"auto", 4, 0x20, ALL, D},       {"auto", 4, 0x10, ALL, D},
		{"auto", 4, 0x08, ALL, D},      {"auto", 4, 0x07, ALL, X},       {"auto", 4, 0x20, 1u << X, X},
		{"auto", 255, 0, ALL, X},       {"auto", 0, 0, 1u << D, D},      {"xbox", 2, 0x1ff, ALL, X},
		{"dualsense", 1, 0, ALL, D},    {"dualsense", 1, 0, 1u << X, X}, {"auto", 3, 0, ALL, S},
		{"auto", 3, 0, 1u << X, X},     {"switch", 1, 0, ALL, S},        {"nonsense", 2, 0, ALL, D},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = {.type = INPUT_PAD_ARRIVAL, .arrival = {.kind = t[i].kind, .caps = t[i].caps}};

		assert_int_equal(pad_kind_choose(t[i].config, &e, t[i].allowed, kinds), t[i].want);
	}
}

static void m64_an_arrival_makes_one_pad_and_its_16_bit_caps_reach_it(void **state)
{
	(void)state;
	assert_int_equal(pads_open(&pads, kinds, why), 0);
	arrive(5, 2, 0x1ff);
	arrive(5, 2, 0x1ff);
	arrive(5, 1, 0);
	say(INPUT_PAD_STATE, 5);
	assert_int_equal(seen.opened[PAD_KIND_DUALSENSE], 1);
	assert_int_equal(seen.opened[PAD_KIND_XBOX], 0);
	assert_int_equal(seen.last.caps, 0x1ff);
	assert_int_equal(seen.last.number, 5);
	assert_int_equal(seen.states, 1);
}

static void m65_a_pad_that_is_gone_is_removed_and_may_come_back(void **state)
{
	(void)state;
	assert_int_equal(pads_open(&pads, kinds, why), 0);
	arrive(0, 1, 0);
	gone(0);
	assert_int_equal(seen.closed, 1);
	say(INPUT_PAD_STATE, 0);
	assert_int_equal(seen.states, 0);
	gone(0);
	assert_int_equal(seen.closed, 1);
	arrive(0, 1, 0);
	assert_int_equal(seen.opened[PAD_KIND_XBOX], 2);
}

static void a_pad_that_comes_back_keeps_its_device_and_is_asked_again(void **state)
{
	(void)state;
	assert_int_equal(pads_open(&pads, kinds, why), 0);
	arrive(3, 2, PAD_CAP_GYRO);
	assert_int_equal(seen.told, 0);
	arrive(3, 1, PAD_CAP_GYRO | PAD_CAP_ACCEL);
	assert_int_equal(seen.told, 1);
	assert_int_equal(seen.opened[PAD_KIND_DUALSENSE] + seen.opened[PAD_KIND_XBOX], 1);
	assert_int_equal(seen.asked[0], 1);
	assert_int_equal(seen.asked[1], 2);
}

static void sixteen_pads_at_once_and_all_close(void **state)
{
	(void)state;
	assert_int_equal(pads_open(&pads, kinds, why), 0);
	for (uint8_t n = 0; n < INPUT_PADS_MAX; n++)
		arrive(n, n & 1 ? 2 : 1, 0);
	for (uint8_t n = 0; n < INPUT_PADS_MAX; n++)
		say(INPUT_PAD_STATE, n);
	assert_int_equal(seen.states, 16);
	input_pads.close(&pads.base);
	assert_int_equal(seen.closed, 16);
}

static void motion_is_asked_for_only_where_client_and_kind_have_it(void **state)
{
	(void)state;
	assert_int_equal(pads_open(&pads, kinds, why), 0);
	arrive(0, 1, PAD_CAP_GYRO | PAD_CAP_ACCEL);
	arrive(1, 2, 0);
	assert_int_equal(seen.asked[0] + seen.asked[1], 0);
	arrive(2, 2, PAD_CAP_GYRO);
	assert_int_equal(seen.asked[0], 0);
	assert_int_equal(seen.asked[1], 1);
	assert_int_equal(seen.hz, 100);
	arrive(3, 2, PAD_CAP_ACCEL);
	assert_int_equal(seen.asked[0], 1);
}

static void parts_that_a_kind_lacks_are_dropped(void **state)
{
	(void)state;
	assert_int_equal(pads_open(&pads, kinds, why), 0);
	arrive(0, 1, 0);
	arrive(1, 2, 0);
	for (uint8_t n = 0; n < 2; n++) {
		say(INPUT_PAD_TOUCH, n);
		say(INPUT_PAD_MOTION, n);
		say(INPUT_PAD_BATTERY, n);
	}
	say(INPUT_HAPTICS, 0);
	assert_int_equal(seen.touches, 1);
	assert_int_equal(seen.motions, 1);
	assert_int_equal(seen.batteries, 1);
}

static void events_of_a_pad_that_could_not_be_made_are_dropped(void **state)
{
	(void)state;
	assert_int_equal(pads_open(&pads, kinds, why), 0);
	seen.open = -ENOSPC;
	arrive(0, 2, PAD_CAP_GYRO);
	say(INPUT_PAD_STATE, 0);
	say(INPUT_PAD_MOTION, 0);
	gone(0);
	assert_int_equal(seen.states + seen.motions + seen.closed + seen.asked[1], 0);
}

static void no_device_node_says_what_a_person_can_do(void **state)
{
	(void)state;
	seen.probe[PAD_KIND_XBOX] = seen.probe[PAD_KIND_DUALSENSE] = -EACCES;
	assert_int_equal(pads_open(&pads, kinds, why), -EACCES);
	assert_non_null(strstr(why, "/dev/uinput"));
	assert_non_null(strstr(why, "udev rule"));
	seen.probe[PAD_KIND_XBOX] = -ENOENT;
	assert_int_equal(pads_open(&pads, kinds, why), -ENOENT);
	assert_non_null(strstr(why, "module uinput"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kind_follows_client_config_and_machine),
		cmocka_unit_test_setup_teardown(m64_an_arrival_makes_one_pad_and_its_16_bit_caps_reach_it, fresh, done),
		cmocka_unit_test_setup_teardown(m65_a_pad_that_is_gone_is_removed_and_may_come_back, fresh, done),
		cmocka_unit_test_setup_teardown(a_pad_that_comes_back_keeps_its_device_and_is_asked_again, fresh, done),
		cmocka_unit_test_setup_teardown(sixteen_pads_at_once_and_all_close, fresh, done),
		cmocka_unit_test_setup_teardown(motion_is_asked_for_only_where_client_and_kind_have_it, fresh, done),
		cmocka_unit_test_setup_teardown(parts_that_a_kind_lacks_are_dropped, fresh, done),
		cmocka_unit_test_setup_teardown(events_of_a_pad_that_could_not_be_made_are_dropped, fresh, done),
		cmocka_unit_test_setup_teardown(no_device_node_says_what_a_person_can_do, fresh, done),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

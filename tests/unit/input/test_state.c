// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "input/keymap.h"
#include "input/state.h"
#include "packets.h"

/* What the back end saw since the last look. */
static struct input_event seen[64];
static unsigned n_seen;

static void record(void *ctx, const struct input_event *e)
{
	(void)ctx;
	assert_true(n_seen < ARRAY_LEN(seen));
	seen[n_seen++] = *e;
}

/* Applies one packet; the number of events that came out. */
static unsigned feed(struct input_state *s, uint32_t magic, const char *body)
{
	struct input_event e;

	n_seen = 0;
	assert_int_equal(packet_parse(&e, magic, body), 0);
	input_state_apply(s, &e, record, NULL);
	return n_seen;
}

static unsigned release(struct input_state *s)
{
	n_seen = 0;
	input_state_release(s, record, NULL);
	return n_seen;
}

static void assert_key(unsigned i, uint8_t vk, bool down)
{
	assert_true(i < n_seen);
	assert_int_equal(seen[i].type, INPUT_KEY);
	assert_int_equal(seen[i].key.vk, vk);
	assert_int_equal(seen[i].key.down, down);
}

static void m58_second_down_of_a_held_key_is_no_event(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 3, "004180000000"), 1);
	assert_key(0, 0x41, true);
	assert_int_equal(feed(&s, 3, "004180000000"), 0);
	assert_int_equal(feed(&s, 4, "004180000000"), 1);
	assert_key(0, 0x41, false);
	assert_int_equal(feed(&s, 4, "004180000000"), 0);
	assert_int_equal(feed(&s, 3, "004180000000"), 1);
}

static void m59_raw_and_plain_codes_are_two_keys(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 3, "00e280000000"), 1);
	assert_int_equal(feed(&s, 3, "01e280000000"), 1);
	assert_true(seen[0].key.raw);
	assert_int_equal(feed(&s, 4, "00e280000000"), 1);
	/* an up that lost its flag finds the one that is held */
	assert_int_equal(feed(&s, 4, "00e280000000"), 1);
	assert_true(seen[0].key.raw);
	assert_int_equal(release(&s), 0);
}

static void codes_without_a_side_are_the_left_key(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 3, "001080010000"), 1);
	assert_key(0, 0xa0, true);
	assert_int_equal(feed(&s, 3, "00a080010000"), 0);
	assert_int_equal(feed(&s, 4, "001080000000"), 1);
	assert_key(0, 0xa0, false);
	assert_int_equal(feed(&s, 3, "001180020000"), 1);
	assert_key(0, 0xa2, true);
	assert_int_equal(feed(&s, 3, "001280040000"), 1);
	assert_key(0, 0xa4, true);
}

static void claimed_modifiers_are_pressed_only_when_no_such_key_is_down(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 3, "004180050000"), 5); /* shift and alt around A */
	assert_key(0, 0xa0, true);
	assert_key(1, 0xa4, true);
	assert_key(2, 0x41, true);
	assert_key(3, 0xa0, false);
	assert_key(4, 0xa4, false);
	assert_int_equal(feed(&s, 4, "004180050000"), 1);
	/* held right shift: nothing to add, and nothing of it is let go */
	assert_int_equal(feed(&s, 3, "00a180010000"), 1);
	assert_int_equal(feed(&s, 3, "004180010000"), 1);
	assert_int_equal(release(&s), 2);
	assert_key(0, 0x41, false);
	assert_key(1, 0xa1, false);
}

static void m60_everything_held_is_let_go(void **state)
{
	struct input_state s = {0};

	(void)state;
	feed(&s, 3, "00a080010000");
	feed(&s, 3, "004180010000");
	feed(&s, 3, "01dc80010000");
	feed(&s, 8, "01");
	feed(&s, 8, "05");
	feed(&s, 0x55000002, "0100ffff070000000000003f0000003f000000000000000000000000");
	feed(&s, 0x55000003, "000100000000003f0000003f00000000ffffff000000000000000000");
	feed(&s, 0x55000004, "0201ff01ffffffff");
	feed(&s, 0x55000005,
	     "0201000101000000"
	     "0000003f0000003f00000000");
	feed(&s, 0x0c, "1a000200040014000010000000000000000000009c0000005500");
	assert_int_equal(release(&s), 9);
	assert_key(0, 0x41, false);
	assert_key(1, 0xdc, false);
	assert_key(2, 0xa0, false); /* modifiers last */
	assert_int_equal(seen[3].type, INPUT_MOUSE_BUTTON);
	assert_int_equal(seen[3].button.button, 1);
	assert_false(seen[3].button.down);
	assert_int_equal(seen[4].button.button, 5);
	assert_int_equal(seen[5].type, INPUT_TOUCH);
	assert_int_equal(seen[5].pointer.event, POINTER_CANCEL);
	assert_int_equal(seen[5].pointer.id, 7);
	assert_int_equal(seen[6].type, INPUT_PEN);
	assert_int_equal(seen[6].pointer.event, POINTER_CANCEL);
	assert_int_equal(seen[7].type, INPUT_PAD_TOUCH);
	assert_int_equal(seen[7].pad_touch.event, POINTER_CANCEL);
	assert_int_equal(seen[8].type, INPUT_PAD_STATE);
	assert_int_equal(seen[8].state.buttons, 0);
	assert_int_equal(seen[8].state.active, 4);
	assert_int_equal(release(&s), 0);
	/* the pad stays */
	assert_int_equal(feed(&s, 0x55000007, "02025500"), 1);
}

static void buttons_are_pressed_once(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 9, "03"), 0);
	assert_int_equal(feed(&s, 8, "03"), 1);
	assert_int_equal(feed(&s, 8, "03"), 0);
	assert_int_equal(feed(&s, 9, "03"), 1);
}

static void m63_two_halves_are_one_notch(void **state)
{
	struct input_state s = {0};

	(void)state;
	feed(&s, 0x0a, "003c003c0000");
	assert_int_equal(seen[0].scroll.amount, 60);
	assert_int_equal(seen[0].scroll.notches, 0);
	feed(&s, 0x55000001, "003c"); /* the other axis counts for itself */
	assert_int_equal(seen[0].scroll.notches, 0);
	feed(&s, 0x0a, "003c003c0000");
	assert_int_equal(seen[0].scroll.amount, 60);
	assert_int_equal(seen[0].scroll.notches, 1);
	feed(&s, 0x0a, "fe98fe980000"); /* -360 */
	assert_int_equal(seen[0].scroll.notches, -3);
	feed(&s, 0x0a,
	     "80008000"
	     "0000");
	assert_int_equal(seen[0].scroll.notches, -273);
	/* turning back begins anew */
	feed(&s, 0x0a, "003c003c0000");
	assert_int_equal(seen[0].scroll.notches, 0);
	feed(&s, 0x0a, "003c003c0000");
	assert_int_equal(seen[0].scroll.notches, 1);
}

static void m64_arrival_then_state_is_one_pad(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 0x55000004, "0002ff01ffffffff"), 1);
	assert_int_equal(seen[0].type, INPUT_PAD_ARRIVAL);
	assert_int_equal(seen[0].arrival.caps, 0x1ff);
	assert_int_equal(feed(&s, 0x0c, "1a000000010014000000000000000000000000009c0000005500"), 1);
	assert_int_equal(seen[0].type, INPUT_PAD_STATE);
	assert_int_equal(feed(&s, 0x55000004, "0002ff01ffffffff"), 0);
}

static void an_old_clients_pad_arrives_with_its_first_state(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 0x0c, "1a000300080014000000000000000000000000009c0000005500"), 2);
	assert_int_equal(seen[0].type, INPUT_PAD_ARRIVAL);
	assert_int_equal(seen[0].arrival.pad, 3);
	assert_int_equal(seen[0].arrival.kind, 0);
	assert_int_equal(seen[1].type, INPUT_PAD_STATE);
}

static void m65_own_mask_bit_clear_removes_the_pad(void **state)
{
	struct input_state s = {0};

	(void)state;
	/* not there: nothing to remove */
	assert_int_equal(feed(&s, 0x0c, "1a000100010014000000000000000000000000009c0000005500"), 0);
	feed(&s, 0x55000004, "0102ff01ffffffff");
	feed(&s, 0x55000005,
	     "0101000001000000"
	     "0000003f0000003f00000000");
	assert_int_equal(feed(&s, 0x0c, "1a000100010014000000000000000000000000009c0000005500"), 2);
	assert_int_equal(seen[0].type, INPUT_PAD_TOUCH);
	assert_int_equal(seen[0].pad_touch.event, POINTER_CANCEL);
	assert_int_equal(seen[1].type, INPUT_PAD_GONE);
	assert_int_equal(seen[1].gone.pad, 1);
	/* what it says afterwards is nobody's */
	assert_int_equal(feed(&s, 0x55000006, "010200000000003f0000003f0000003f"), 0);
	assert_int_equal(feed(&s, 0x55000007, "01025500"), 0);
	assert_int_equal(feed(&s, 0x55000005,
			      "0101000001000000"
			      "0000003f0000003f00000000"),
			 0);
	/* and it may come again */
	assert_int_equal(feed(&s, 0x55000004, "0102ff01ffffffff"), 1);
}

static void pads_of_a_client_that_comes_back_arrive_again_and_the_rest_go(void **state)
{
	struct input_state s = {0};

	(void)state;
	feed(&s, 0x55000004, "0002ff01ffffffff");
	feed(&s, 0x55000004, "0202ff01ffffffff");
	assert_int_equal(release(&s), 0);
	assert_int_equal(feed(&s, 0x55000004, "0002ff01ffffffff"), 1);
	assert_int_equal(seen[0].type, INPUT_PAD_ARRIVAL);
	assert_int_equal(seen[0].arrival.pad, 0);
	assert_int_equal(feed(&s, 0x55000004, "0002ff01ffffffff"), 0);
	assert_int_equal(feed(&s, 0x0c, "1a000000010014000000000000000000000000009c0000005500"), 2);
	assert_int_equal(seen[0].type, INPUT_PAD_GONE);
	assert_int_equal(seen[0].gone.pad, 2);
	assert_int_equal(seen[1].type, INPUT_PAD_STATE);
	assert_int_equal(feed(&s, 0x0c, "1a000000010014000000000000000000000000009c0000005500"), 1);
}

static unsigned forget(struct input_state *s)
{
	n_seen = 0;
	input_state_forget(s, record, NULL);
	return n_seen;
}

static void pads_that_a_client_that_comes_back_never_names_go_when_its_time_is_over(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(forget(&s), 0);
	for (unsigned i = 0; i < 4; i++) {
		char body[] = "0002ff01ffffffff";

		body[1] = (char)('0' + i);
		assert_int_equal(feed(&s, 0x55000004, body), 1);
	}
	assert_int_equal(forget(&s), 0); /* they are in use */
	release(&s);
	assert_int_equal(feed(&s, 0x55000004, "0102ff01ffffffff"), 1); /* announced again */
	/* a state of pad 2 with a mask of 1, 2 and 3: an old client announces nothing; pad 0 goes at once */
	assert_int_equal(feed(&s, 0x0c, "1a0002000e0014000000000000000000000000009c0000005500"), 2);
	assert_int_equal(seen[0].type, INPUT_PAD_GONE);
	assert_int_equal(seen[0].gone.pad, 0);
	assert_int_equal(forget(&s), 0);
	release(&s);
	assert_int_equal(feed(&s, 0x55000004, "0102ff01ffffffff"), 1);
	assert_int_equal(forget(&s), 2);
	assert_int_equal(seen[0].type, INPUT_PAD_GONE);
	assert_int_equal(seen[0].gone.pad, 2);
	assert_int_equal(seen[1].gone.pad, 3);
	assert_int_equal(forget(&s), 0);
	/* a client without any */
	release(&s);
	assert_int_equal(forget(&s), 1);
	assert_int_equal(s.pads, 0);
	/* and they may come again */
	assert_int_equal(feed(&s, 0x55000004, "0102ff01ffffffff"), 1);
}

static void m67_pen_contact_passes_and_ends(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 0x55000003, "030100000000003f0000003f00000000ffffff000000000000000000"), 0);
	assert_int_equal(feed(&s, 0x55000003, "010100000000003f0000003f00000000ffffff000000000000000000"), 1);
	assert_int_equal(seen[0].pointer.event, POINTER_DOWN);
	assert_int_equal(seen[0].pointer.tilt, 0xff);
	assert_int_equal(feed(&s, 0x55000003, "030100000000003f0000003f00000000ffffff000000000000000000"), 1);
	assert_int_equal(feed(&s, 0x55000003, "020100000000003f0000003f00000000ffffff000000000000000000"), 1);
	assert_int_equal(feed(&s, 0x55000003, "020100000000003f0000003f00000000ffffff000000000000000000"), 0);
	/* the button event's own position means nothing */
	assert_int_equal(feed(&s, 0x55000003, "05010100000000000000000000000000ffffff000000000000000000"), 1);
	assert_true(seen[0].pointer.x == 0.5f);
	assert_int_equal(release(&s), 1);
	assert_int_equal(seen[0].pointer.event, POINTER_CANCEL);
	assert_int_equal(release(&s), 0);
}

static void m68_cancel_all_lifts_ten_contacts(void **state)
{
	struct input_state s = {0};
	unsigned ids = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		char body[PACKET_MAX * 2];

		snprintf(body, sizeof(body), "0100ffff%02x0000000000003f0000003f000000000000000000000000", i);
		assert_int_equal(feed(&s, 0x55000002, body), 1);
	}
	assert_int_equal(feed(&s, 0x55000002, "0700ffff000000000000000000000000000000000000000000000000"), 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(seen[i].pointer.event, POINTER_CANCEL);
		ids |= 1u << seen[i].pointer.id;
	}
	assert_int_equal(ids, 0x3ff);
	assert_int_equal(release(&s), 0);
}

static void contacts_beyond_the_table_do_not_exist(void **state)
{
	struct input_state s = {0};
	unsigned out = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		char body[PACKET_MAX * 2];

		snprintf(body, sizeof(body), "0100ffff%02x0000000000003f0000003f000000000000000000000000", i);
		out += feed(&s, 0x55000002, body);
	}
	assert_int_equal(out, TOUCH_CONTACTS_MAX);
	assert_int_equal(feed(&s, 0x55000002, "0200ffff630000000000003f0000003f000000000000000000000000"), 0);
	assert_int_equal(feed(&s, 0x55000002, "0200ffff000000000000003f0000003f000000000000000000000000"), 1);
	assert_int_equal(feed(&s, 0x55000002, "0100ffff630000000000003f0000003f000000000000000000000000"), 1);
	assert_int_equal(release(&s), TOUCH_CONTACTS_MAX);
}

static void stray_moves_and_second_downs(void **state)
{
	struct input_state s = {0};

	(void)state;
	assert_int_equal(feed(&s, 0x55000002, "0300ffff010000000000003f0000003f000000000000000000000000"), 0);
	assert_int_equal(feed(&s, 0x55000002, "0000ffff010000000000003f0000003f000000000000000000000000"), 1);
	assert_int_equal(feed(&s, 0x55000002, "0100ffff010000000000003f0000003f000000000000000000000000"), 1);
	assert_int_equal(feed(&s, 0x55000002, "0100ffff010000000000003f0000003f000000000000000000000000"), 1);
	assert_int_equal(seen[0].pointer.event, POINTER_MOVE);
	assert_int_equal(feed(&s, 0x55000002, "0400ffff010000000000003f0000003f000000000000000000000000"), 1);
	assert_int_equal(feed(&s, 0x55000002, "0200ffff010000000000003f0000003f000000000000000000000000"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m58_second_down_of_a_held_key_is_no_event),
		cmocka_unit_test(m59_raw_and_plain_codes_are_two_keys),
		cmocka_unit_test(codes_without_a_side_are_the_left_key),
		cmocka_unit_test(claimed_modifiers_are_pressed_only_when_no_such_key_is_down),
		cmocka_unit_test(m60_everything_held_is_let_go),
		cmocka_unit_test(buttons_are_pressed_once),
		cmocka_unit_test(m63_two_halves_are_one_notch),
		cmocka_unit_test(m64_arrival_then_state_is_one_pad),
		cmocka_unit_test(an_old_clients_pad_arrives_with_its_first_state),
		cmocka_unit_test(m65_own_mask_bit_clear_removes_the_pad),
		cmocka_unit_test(pads_that_a_client_that_comes_back_never_names_go_when_its_time_is_over),
		cmocka_unit_test(pads_of_a_client_that_comes_back_arrive_again_and_the_rest_go),
		cmocka_unit_test(m67_pen_contact_passes_and_ends),
		cmocka_unit_test(m68_cancel_all_lifts_ten_contacts),
		cmocka_unit_test(contacts_beyond_the_table_do_not_exist),
		cmocka_unit_test(stray_moves_and_second_downs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* The sender of libei against a desktop of a page: what becomes of each event. */
#include "ei_host.h"

#include "input/state.h"

static void keys_go_down_and_up_in_frames(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	key(&h, 0x41, true);
	key(&h, 0x41, true); /* is so already */
	key(&h, 0x41, false);
	key(&h, 0x41, false);
	key(&h, 0x07, true); /* no such key */
	expect(&h, "k30+;k30-;");
	host_close(&h);
}

static void the_pointer_moves_presses_and_scrolls_the_right_way(void **state)
{
	struct host h;
	static const int16_t amounts[] = {120, -240, 60, -15, 0};

	(void)state;
	host_open(&h, desktop());
	send_event(&h, &(struct input_event){.type = INPUT_MOUSE_REL, .rel = {-250, 7}});
	expect(&h, "r-250,7;");
	for (uint8_t n = 1; n <= 5; n++) {
		button(&h, n, true);
		button(&h, n, false);
	}
	expect(&h, "b272+;b272-;b274+;b274-;b273+;b273-;b275+;b275-;b276+;b276-;");
	for (unsigned i = 0; i < ARRAY_LEN(amounts); i++)
		send_event(&h, &(struct input_event){.type = INPUT_SCROLL, .scroll.amount = amounts[i]});
	expect(&h, "d0,-120;d0,240;s0,-5;s0,1.25;");
	for (unsigned i = 0; i < ARRAY_LEN(amounts); i++)
		send_event(&h, &(struct input_event){.type = INPUT_HSCROLL, .scroll.amount = amounts[i]});
	expect(&h, "d120,0;d-240,0;s5,0;s-1.25,0;");
	ei_sender_count_notches(h.ei);
	send_event(&h, &(struct input_event){.type = INPUT_SCROLL, .scroll.amount = 15});
	expect(&h, "d0,-15;");
	host_close(&h);
}

static void positions_reach_the_first_and_the_last_pixel(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	at(&h, 0, 0);
	at(&h, 1, 1);
	at(&h, 0.5f, 0);
	expect(&h, "a0,0;a1919,1079;a959.5,0;");
	host_close(&h);
}

struct region_case {
	const char *name, *mapping_id;
	struct input_place place;
	struct page_region regions[3];
	const char *last_pixel; /* "": no positions */
};

static void the_region_is_the_mapped_the_placed_or_the_first(void **state)
{
	static const struct region_case t[] = {
		{"first", NULL, {0}, {{0, 0, 800, 600, "a"}, {800, 0, 640, 480, "b"}}, "a799,599;"},
		{"place", NULL, {800, 0, 640, 480}, {{0, 0, 800, 600, "a"}, {800, 0, 640, 480, "b"}}, "a1439,479;"},
		{"mapping", "b", {0, 0, 800, 600}, {{0, 0, 800, 600, "a"}, {800, 0, 640, 480, "b"}}, "a1439,479;"},
		{"no such mapping", "c", {0}, {{0, 0, 800, 600, "a"}, {800, 0, 640, 480, "b"}}, "a799,599;"},
		{"part of a whole", NULL, {800, 100, 640, 480}, {{0, 0, 1440, 600}}, "a1439,579;"},
		{"place is no more", NULL, {5000, 0, 640, 480}, {{0, 0, 800, 600}}, "a799,599;"},
		{"zero", NULL, {0}, {{0, 0, 0, 0}, {10, 20, 0, 5}, {10, 20, 30, 40}}, "a39,59;"},
		{"only zero", NULL, {0}, {{0, 0, 0, 600}}, ""},
		{"one pixel", NULL, {0}, {{7, 8, 1, 1}}, "a7,8;"},
		{"no screen", NULL, {0}, {{0, 0, INT32_MAX, INT32_MAX}}, ""},
		{"no screen, place", NULL, {0, 0, 1280, 800}, {{0, 0, INT32_MAX, INT32_MAX}}, "a1279,799;"},
		{"far", NULL, {0}, {{1000000, 0, 100, 100}}, "a1000099,99;"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		struct page *p = desktop();
		struct host h;

		print_message("%s\n", t[i].name);
		memcpy(p->devices[2].regions, t[i].regions, sizeof(t[i].regions));
		for (p->devices[2].n_regions = 0; p->devices[2].n_regions < 3; p->devices[2].n_regions++) {
			const struct page_region *r = &t[i].regions[p->devices[2].n_regions];

			if (p->devices[2].n_regions && !r->x && !r->width)
				break;
		}
		page_env.place = t[i].place;
		open_with(&h, p, CLASSES, t[i].mapping_id);
		at(&h, 1, 1);
		expect(&h, t[i].last_pixel);
		host_close(&h);
	}
}

static void of_two_devices_the_one_with_the_region_is_taken(void **state)
{
	struct page *p = desktop();
	struct host h;

	(void)state;
	p->devices[3] = (struct page_device){.caps = ABSOLUTE, .regions = {{0, 0, 64, 64, "two"}}, .n_regions = 1};
	open_with(&h, p, CLASSES, "two");
	at(&h, 1, 1);
	expect(&h, "a63,63;");
	host_close(&h);
}

static void contacts_are_many_and_end_or_are_cancelled(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	contact(&h, POINTER_DOWN, 0xdeadbeef, 0, 0);
	contact(&h, POINTER_DOWN, 7, 1, 1);
	contact(&h, POINTER_MOVE, 0xdeadbeef, 1, 0);
	contact(&h, POINTER_MOVE, 8, 0, 0); /* is not down */
	contact(&h, POINTER_UP, 0xdeadbeef, 1, 0);
	contact(&h, POINTER_HOVER, 9, 0, 0);
	contact(&h, POINTER_CANCEL, 7, 0, 0);
	contact(&h, POINTER_DOWN, 7, 0, 1);
	contact(&h, POINTER_UP, 7, 0, 0);
	expect(&h, "t0+0,0;t1+1919,1079;t0~1919,0;t0-;t1x;t2+0,1079;t2-;");
	for (uint32_t id = 0; id < TOUCH_CONTACTS_MAX + 3; id++)
		contact(&h, POINTER_DOWN, id, 0, 0);
	assert_int_equal(h.page->contacts, TOUCH_CONTACTS_MAX);
	for (uint32_t id = 0; id < TOUCH_CONTACTS_MAX + 3; id++)
		contact(&h, POINTER_UP, id, 0, 0);
	assert_int_equal(h.page->contacts, 0);
	host_close(&h);
}

static void only_what_is_asked_for_is_bound(void **state)
{
	static const struct {
		uint32_t classes, caps;
	} t[] = {
		{INPUT_CLASS(INPUT_CLASS_KEYBOARD), KEYBOARD},
		{INPUT_CLASS(INPUT_CLASS_MOUSE), POINTER | ABSOLUTE},
		{INPUT_CLASS(INPUT_CLASS_TOUCH), TOUCH},
		{CLASSES, ALL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		struct host h;

		open_with(&h, desktop(), t[i].classes, NULL);
		assert_int_equal(h.page->bound, t[i].caps);
		host_close(&h);
	}
}

static void everything_is_let_go_at_the_end(void **state)
{
	static const char *const parts[] = {"k29-k30-;", "b272-b276-;", "t0x", "t1x", ";stopstopstopbye"};
	struct host h;

	(void)state;
	host_open(&h, desktop());
	key(&h, 0xa2, true);
	key(&h, 0x41, true);
	button(&h, 1, true);
	button(&h, 5, true);
	contact(&h, POINTER_DOWN, 1, 0, 0);
	contact(&h, POINTER_DOWN, 2, 0, 0);
	page_forget(h.page);
	ei_sender_close(h.ei);
	page_settle(h.page);
	for (unsigned i = 0; i < ARRAY_LEN(parts); i++)
		assert_non_null(strstr(h.page->heard, parts[i]));
	page_end(h.page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_go_down_and_up_in_frames),
		cmocka_unit_test(the_pointer_moves_presses_and_scrolls_the_right_way),
		cmocka_unit_test(positions_reach_the_first_and_the_last_pixel),
		cmocka_unit_test(the_region_is_the_mapped_the_placed_or_the_first),
		cmocka_unit_test(of_two_devices_the_one_with_the_region_is_taken),
		cmocka_unit_test(contacts_are_many_and_end_or_are_cancelled),
		cmocka_unit_test(only_what_is_asked_for_is_bound),
		cmocka_unit_test(everything_is_let_go_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

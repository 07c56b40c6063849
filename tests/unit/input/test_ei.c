// SPDX-License-Identifier: GPL-3.0-or-later
/* The sender of libei against a desktop of a page. */
#include "input/ei.h"

#include "eis_page.h"

#include <sys/socket.h>

#include "input/state.h"

#define KEYBOARD EIS_DEVICE_CAP_KEYBOARD
#define POINTER  (EIS_DEVICE_CAP_POINTER | EIS_DEVICE_CAP_BUTTON | EIS_DEVICE_CAP_SCROLL)
#define ABSOLUTE EIS_DEVICE_CAP_POINTER_ABSOLUTE
#define TOUCH    EIS_DEVICE_CAP_TOUCH
#define ALL      (KEYBOARD | POINTER | ABSOLUTE | TOUCH)

#define CLASSES (INPUT_CLASS(INPUT_CLASS_KEYBOARD) | INPUT_CLASS(INPUT_CLASS_MOUSE) | INPUT_CLASS(INPUT_CLASS_TOUCH))

struct host {
	struct page *page;
	struct ei_sender *ei;
	unsigned gone;
	char why[128];
};

static void on_gone(void *ctx, const char *why)
{
	struct host *h = ctx;

	h->gone++;
	snprintf(h->why, sizeof(h->why), "%s", why);
}

static struct page *desktop(void)
{
	struct page *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->seat_caps = ALL;
	p->devices[0] = (struct page_device){.caps = KEYBOARD};
	p->devices[1] = (struct page_device){.caps = POINTER};
	p->devices[2] =
		(struct page_device){.caps = ABSOLUTE | TOUCH, .regions = {{0, 0, 1920, 1080, "one"}}, .n_regions = 1};
	page_begin(p);
	return p;
}

static void open_with(struct host *h, struct page *p, uint32_t classes, const char *mapping_id)
{
	const struct ei_sender_events ev = {on_gone, h};
	int fd;

	*h = (struct host){.page = p};
	assert_int_equal(eis_setup_backend_fd(p->eis), 0);
	fd = eis_backend_fd_add_client(p->eis);
	assert_true(fd >= 0);
	assert_int_equal(ei_sender_open(&h->ei, &page_env, fd, classes, mapping_id, &ev), 0);
	page_settle(p);
	page_forget(p);
}

static void host_open(struct host *h, struct page *p)
{
	open_with(h, p, CLASSES, NULL);
}

static void host_close(struct host *h)
{
	ei_sender_close(h->ei);
	page_settle(h->page);
	page_end(h->page);
}

static void send_event(struct host *h, const struct input_event *e)
{
	ei_sender_event(h->ei, e);
	page_settle(h->page);
}

static void key(struct host *h, uint8_t vk, bool down)
{
	send_event(h, &(struct input_event){.type = INPUT_KEY, .key = {.vk = vk, .down = down}});
}

static void button(struct host *h, uint8_t n, bool down)
{
	send_event(h, &(struct input_event){.type = INPUT_MOUSE_BUTTON, .button = {n, down}});
}

static void at(struct host *h, float x, float y)
{
	send_event(h, &(struct input_event){.type = INPUT_MOUSE_ABS, .abs = {x, y}});
}

static void contact(struct host *h, enum pointer_event what, uint32_t id, float x, float y)
{
	send_event(h, &(struct input_event){.type = INPUT_TOUCH, .pointer = {.event = what, .id = id, .x = x, .y = y}});
}

static void expect(struct host *h, const char *want)
{
	assert_string_equal(h->page->heard, want);
	page_forget(h->page);
}

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

static void devices_may_come_late(void **state)
{
	struct page *p = desktop();
	struct host h;

	(void)state;
	p->devices[0].late = p->devices[2].late = true;
	host_open(&h, p);
	key(&h, 0x41, true);
	at(&h, 0, 0);
	contact(&h, POINTER_DOWN, 1, 0, 0);
	expect(&h, "");
	page_make(p, 0);
	page_make(p, 2);
	page_settle(p);
	expect(&h, "startstart");
	key(&h, 0x41, false); /* it never went down here */
	contact(&h, POINTER_UP, 1, 0, 0);
	key(&h, 0x41, true);
	at(&h, 0, 0);
	expect(&h, "k30+;a0,0;");
	host_close(&h);
}

static void what_a_paused_device_held_is_up(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	key(&h, 0x41, true);
	contact(&h, POINTER_DOWN, 1, 0, 0);
	button(&h, 1, true);
	for (unsigned i = 0; i < 3; i++)
		eis_device_pause(h.page->made[i]);
	page_settle(h.page);
	page_forget(h.page);
	key(&h, 0x42, true);
	if (*h.page->heard) {
		host_close(&h);
		skip(); /* a libeis that does not pause what is emulated */
	}
	button(&h, 2, true);
	contact(&h, POINTER_MOVE, 1, 1, 1);
	expect(&h, "");
	memset(h.page->keys, 0xff, sizeof(h.page->keys));
	for (unsigned i = 0; i < 3; i++)
		eis_device_resume(h.page->made[i]);
	page_settle(h.page);
	assert_non_null(strstr(h.page->heard, "k30-"));
	assert_non_null(strstr(h.page->heard, "b272-"));
	memset(h.page->keys, 0, sizeof(h.page->keys));
	page_forget(h.page);
	key(&h, 0x41, false);
	button(&h, 1, false);
	contact(&h, POINTER_MOVE, 1, 1, 1);
	contact(&h, POINTER_UP, 1, 1, 1);
	expect(&h, "");
	key(&h, 0x41, true);
	button(&h, 1, true);
	contact(&h, POINTER_DOWN, 1, 0, 0);
	assert_non_null(strstr(h.page->heard, "k30+;b272+;t"));
	host_close(&h);
}

static void a_device_that_goes_is_replaced_by_the_next(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	for (unsigned round = 0; round < 40; round++) { /* more than there is room for at once */
		key(&h, 0x41, true);
		button(&h, 1, true);
		contact(&h, POINTER_DOWN, 1, 0, 0);
		for (unsigned i = 0; i < 3; i++) {
			eis_device_remove(h.page->made[i]);
			eis_device_unref(h.page->made[i]);
			h.page->made[i] = NULL;
		}
		memset(h.page->keys, 0, sizeof(h.page->keys));
		page_settle(h.page);
		page_forget(h.page);
		key(&h, 0x41, false);
		button(&h, 1, false);
		contact(&h, POINTER_UP, 1, 0, 0);
		expect(&h, "");
		for (unsigned i = 0; i < 3; i++)
			page_make(h.page, i);
		page_settle(h.page);
		page_forget(h.page);
	}
	key(&h, 0x41, true);
	expect(&h, "k30+;");
	host_close(&h);
}

static void a_device_that_is_paused_at_once_is_used_when_it_is_back(void **state)
{
	struct page *p = desktop();
	struct host h;

	(void)state;
	p->devices[0].late = true;
	host_open(&h, p);
	page_make(p, 0);
	eis_device_pause(p->made[0]);
	page_settle(p);
	page_forget(p);
	key(&h, 0x41, true);
	expect(&h, "");
	eis_device_resume(p->made[0]);
	page_settle(p);
	page_forget(p);
	key(&h, 0x41, true);
	expect(&h, "k30+;");
	host_close(&h);
}

static void too_many_devices_are_sent_back(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	for (unsigned i = 0; i < 40; i++) {
		struct eis_device *d = eis_seat_new_device(h.page->seat);

		eis_device_configure_capability(d, EIS_DEVICE_CAP_POINTER);
		eis_device_add(d);
		eis_device_resume(d);
		eis_device_unref(d);
	}
	page_settle(h.page);
	page_forget(h.page);
	key(&h, 0x41, true);
	expect(&h, "k30+;");
	host_close(&h);
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

static void a_server_that_ends_is_told_once(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	key(&h, 0x41, true);
	eis_client_disconnect(h.page->client);
	page_settle(h.page);
	assert_int_equal(h.gone, 1);
	key(&h, 0x41, false);
	contact(&h, POINTER_DOWN, 1, 0, 0);
	assert_int_equal(h.gone, 1);
	host_close(&h);
}

static void servers_without_seat_keyboard_or_keymap_do_no_harm(void **state)
{
	struct page *p;
	struct host h;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		p = desktop();
		if (i == 0)
			p->seat_caps = 0;
		else if (i == 1)
			p->devices[0].caps = 0;
		else
			p->bad_keymap = i == 2 ? "xkb_keymap { nonsense" : "\xff";
		host_open(&h, p);
		send_event(&h, &(struct input_event){.type = INPUT_TEXT, .text = {"a", 'a'}});
		key(&h, 0x41, true);
		expect(&h, i < 2 ? "" : "k30+;");
		host_close(&h);
	}
}

static void a_socket_that_nobody_serves_or_that_is_none(void **state)
{
	const struct ei_sender_events ev = {on_gone, NULL};
	struct host h = {.page = desktop()};
	struct ei_sender *s;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[1]);
	assert_true(ei_sender_open(&s, &page_env, fds[0], CLASSES, NULL, &ev) < 0);
	assert_null(s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	close(fds[1]);
	if (ei_sender_open(&s, &page_env, fds[0], CLASSES, NULL, &(struct ei_sender_events){on_gone, &h}) == 0) {
		page_settle(h.page);
		assert_int_equal(h.gone, 1);
		ei_sender_close(s);
	}
	open_with(&h, h.page, CLASSES, NULL);
	host_close(&h);
}

/* Nobody waits for it: moves are left out, the rest comes in order when it reads again. */
static void a_server_that_stops_reading_is_not_waited_for(void **state)
{
	struct host h;
	unsigned n;

	(void)state;
	host_open(&h, desktop());
	key(&h, 0x41, true);
	page_forget(h.page);
	for (n = 0; n < 20000; n++)
		ei_sender_event(h.ei, &(struct input_event){.type = INPUT_MOUSE_REL, .rel = {1, 0}});
	ei_sender_event(h.ei, &(struct input_event){.type = INPUT_KEY, .key = {.vk = 0x42, .down = true}});
	ei_sender_event(h.ei, &(struct input_event){.type = INPUT_MOUSE_REL, .rel = {2, 0}});
	ei_sender_event(h.ei, &(struct input_event){.type = INPUT_KEY, .key = {.vk = 0x41}});
	ei_sender_event(h.ei, &(struct input_event){.type = INPUT_KEY, .key = {.vk = 0x42}});
	page_settle(h.page);
	assert_non_null(strstr(h.page->heard, "r1,0;k48+;k30-;k48-;"));
	page_forget(h.page);
	key(&h, 0x42, true);
	expect(&h, "k48+;");
	host_close(&h);
}

static void a_server_that_never_reads_again_is_given_up(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	for (unsigned n = 0; n < 5000; n++)
		ei_sender_event(h.ei,
				&(struct input_event){.type = INPUT_KEY, .key = {.vk = 0x42, .down = n % 2 == 0}});
	assert_int_equal(h.gone, 1);
	assert_string_equal(h.why, "the desktop does not read what it is sent");
	host_close(&h);
}

static void emit(void *ctx, const struct input_event *e)
{
	send_event(ctx, e);
}

static struct input_event random_event(void)
{
	static const uint8_t vks[] = {0x41, 0x42, 0xa0, 0xa2, 0x14, 0x10, 0x0d, 0x25};
	struct input_event e = {0};

	switch (rand() % 5) {
	case 0:
		e.type = INPUT_KEY;
		e.key.vk = vks[(unsigned)rand() % ARRAY_LEN(vks)];
		e.key.down = rand() % 2;
		break;
	case 1:
		e.type = INPUT_MOUSE_BUTTON;
		e.button.button = (uint8_t)(1 + rand() % 5);
		e.button.down = rand() % 2;
		break;
	case 2:
		e.type = INPUT_TEXT;
		e.text.code_point = (uint32_t)rand() % 0x500;
		break;
	default:
		e.type = INPUT_TOUCH;
		e.pointer.event = (enum pointer_event)(rand() % (POINTER_CANCEL_ALL + 1));
		e.pointer.id = (uint32_t)rand() % 20;
		e.pointer.x = (float)(rand() % 100) / 99;
		break;
	}
	return e;
}

/* Whatever a client does, while devices come and go: the page asserts that keys alternate. */
static void nothing_stays_down_whatever_happens(void **state)
{
	struct page *p = desktop();
	struct input_state held = {0};
	struct host h;

	(void)state;
	srand(7);
	p->layout = "de";
	host_open(&h, p);
	for (unsigned i = 0; i < 3000; i++) {
		struct input_event e = random_event();

		input_state_apply(&held, &e, emit, &h);
		page_forget(p);
		if (i % 50 == 49) {
			unsigned d = (i / 50) % 3;

			eis_device_remove(p->made[d]);
			eis_device_unref(p->made[d]);
			p->made[d] = NULL;
			if (d == 0) {
				memset(p->keys, 0, sizeof(p->keys));
			} else if (d == 1) {
				p->buttons = 0;
			} else {
				p->contacts = 0;
			}
			page_make(p, d);
			page_settle(p);
		}
		p->n_tids = 0;
	}
	input_state_release(&held, emit, &h);
	for (unsigned i = 0; i < ARRAY_LEN(p->keys); i++)
		assert_int_equal(p->keys[i], 0);
	assert_int_equal(p->buttons, 0);
	assert_int_equal(p->contacts, 0);
	host_close(&h);
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
		cmocka_unit_test(devices_may_come_late),
		cmocka_unit_test(what_a_paused_device_held_is_up),
		cmocka_unit_test(a_device_that_goes_is_replaced_by_the_next),
		cmocka_unit_test(a_device_that_is_paused_at_once_is_used_when_it_is_back),
		cmocka_unit_test(too_many_devices_are_sent_back),
		cmocka_unit_test(everything_is_let_go_at_the_end),
		cmocka_unit_test(a_server_that_ends_is_told_once),
		cmocka_unit_test(servers_without_seat_keyboard_or_keymap_do_no_harm),
		cmocka_unit_test(a_socket_that_nobody_serves_or_that_is_none),
		cmocka_unit_test(a_server_that_stops_reading_is_not_waited_for),
		cmocka_unit_test(a_server_that_never_reads_again_is_given_up),
		cmocka_unit_test(nothing_stays_down_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* The sender of libei against desktops whose devices come and go, and servers that lack things, stop reading or
 * vanish. */
#include "ei_host.h"

#include <sys/socket.h>

#include "input/state.h"

/* A key, a button and a contact go down or up. */
static void hold(struct host *h, bool down)
{
	key(h, 0x41, down);
	button(h, 1, down);
	contact(h, down ? POINTER_DOWN : POINTER_UP, 1, 0, 0);
}

static void unmake(struct page *p, unsigned device)
{
	eis_device_remove(p->made[device]);
	eis_device_unref(p->made[device]);
	p->made[device] = NULL;
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
	hold(&h, true);
	for (unsigned i = 0; i < 3; i++)
		eis_device_pause(h.page->made[i]);
	host_settle(&h);
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
	contact(&h, POINTER_MOVE, 1, 1, 1);
	hold(&h, false);
	expect(&h, "");
	hold(&h, true);
	assert_non_null(strstr(h.page->heard, "k30+;b272+;t"));
	host_close(&h);
}

static void a_device_that_goes_is_replaced_by_the_next(void **state)
{
	struct host h;

	(void)state;
	host_open(&h, desktop());
	for (unsigned round = 0; round < 40; round++) { /* more than there is room for at once */
		hold(&h, true);
		for (unsigned i = 0; i < 3; i++)
			unmake(h.page, i);
		memset(h.page->keys, 0, sizeof(h.page->keys));
		host_settle(&h);
		hold(&h, false);
		expect(&h, "");
		for (unsigned i = 0; i < 3; i++)
			page_make(h.page, i);
		host_settle(&h);
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
	host_settle(&h);
	key(&h, 0x41, true);
	expect(&h, "");
	eis_device_resume(p->made[0]);
	host_settle(&h);
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
	host_settle(&h);
	key(&h, 0x41, true);
	expect(&h, "k30+;");
	host_close(&h);
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
	const struct ei_sender_events ev = {host_gone, NULL};
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
	if (ei_sender_open(&s, &page_env, fds[0], CLASSES, NULL, &(struct ei_sender_events){host_gone, &h}) == 0) {
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

			unmake(p, d);
			if (d == 0)
				memset(p->keys, 0, sizeof(p->keys));
			else if (d == 1)
				p->buttons = 0;
			else
				p->contacts = 0;
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
		cmocka_unit_test(devices_may_come_late),
		cmocka_unit_test(what_a_paused_device_held_is_up),
		cmocka_unit_test(a_device_that_goes_is_replaced_by_the_next),
		cmocka_unit_test(a_device_that_is_paused_at_once_is_used_when_it_is_back),
		cmocka_unit_test(too_many_devices_are_sent_back),
		cmocka_unit_test(a_server_that_ends_is_told_once),
		cmocka_unit_test(servers_without_seat_keyboard_or_keymap_do_no_harm),
		cmocka_unit_test(a_socket_that_nobody_serves_or_that_is_none),
		cmocka_unit_test(a_server_that_stops_reading_is_not_waited_for),
		cmocka_unit_test(a_server_that_never_reads_again_is_given_up),
		cmocka_unit_test(nothing_stays_down_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

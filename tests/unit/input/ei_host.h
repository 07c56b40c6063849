// SPDX-License-Identifier: GPL-3.0-or-later
/* The sender of libei and a desktop of a page (eis_page.h) with a device of each kind, in one thread. */
#pragma once

#include "eis_page.h"

#include "input/ei.h"

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

static inline void host_gone(void *ctx, const char *why)
{
	struct host *h = ctx;

	h->gone++;
	snprintf(h->why, sizeof(h->why), "%s", why);
}

/* The case may change what it offers before it is opened. */
static inline struct page *desktop(void)
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

/* Both have said all; what was heard of it is not the case's. */
static inline void host_settle(struct host *h)
{
	page_settle(h->page);
	page_forget(h->page);
}

static inline void open_with(struct host *h, struct page *p, uint32_t classes, const char *mapping_id)
{
	const struct ei_sender_events ev = {host_gone, h};
	int fd;

	*h = (struct host){.page = p};
	assert_int_equal(eis_setup_backend_fd(p->eis), 0);
	fd = eis_backend_fd_add_client(p->eis);
	assert_true(fd >= 0);
	assert_int_equal(ei_sender_open(&h->ei, &page_env, fd, classes, mapping_id, &ev), 0);
	host_settle(h);
}

static inline void host_open(struct host *h, struct page *p)
{
	open_with(h, p, CLASSES, NULL);
}

static inline void host_close(struct host *h)
{
	ei_sender_close(h->ei);
	page_settle(h->page);
	page_end(h->page);
}

static inline void send_event(struct host *h, const struct input_event *e)
{
	ei_sender_event(h->ei, e);
	page_settle(h->page);
}

static inline void key(struct host *h, uint8_t vk, bool down)
{
	send_event(h, &(struct input_event){.type = INPUT_KEY, .key = {.vk = vk, .down = down}});
}

static inline void button(struct host *h, uint8_t n, bool down)
{
	send_event(h, &(struct input_event){.type = INPUT_MOUSE_BUTTON, .button = {n, down}});
}

static inline void at(struct host *h, float x, float y)
{
	send_event(h, &(struct input_event){.type = INPUT_MOUSE_ABS, .abs = {x, y}});
}

static inline void contact(struct host *h, enum pointer_event what, uint32_t id, float x, float y)
{
	send_event(h, &(struct input_event){.type = INPUT_TOUCH, .pointer = {.event = what, .id = id, .x = x, .y = y}});
}

/* Since the last look. */
static inline void expect(struct host *h, const char *want)
{
	assert_string_equal(h->page->heard, want);
	page_forget(h->page);
}

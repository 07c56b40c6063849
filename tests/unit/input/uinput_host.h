// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A client's packets through parser, state and uinput mapping, as the daemon has them in a row; what would be written
 * to the devices is kept, and held against what they declare. Include after cmocka.
 */
#pragma once

#include "input/uinput_events.h"
#include "packets.h"
#include "uinput_declared.h"

struct host {
	struct input_state state;
	struct uinput_events events;
	enum uinput_device device; /* of the last batch */
	unsigned n;                /* all that was written since the last look */
	struct kernel_input_event ev[1024];
};

/* What every batch must be: declared events, and no frame that is empty or open. */
static inline void write_batch(void *ctx, const struct input_event *e)
{
	struct host *h = ctx;
	struct evdev_batch b;
	enum uinput_device d = uinput_events_fill(&h->events, &b, e);

	if (!b.n)
		return;
	h->device = d;
	assert_int_equal(b.ev[b.n - 1].type, EV_SYN);
	assert_int_not_equal(b.ev[0].type, EV_SYN);
	for (unsigned i = 0; i < b.n; i++) {
		assert_true(uinput_declared(d, &b.ev[i]));
		assert_int_equal(b.ev[i].input_event_sec, 0);
		assert_false(i && b.ev[i].type == EV_SYN && b.ev[i - 1].type == EV_SYN);
		assert_true(h->n < ARRAY_LEN(h->ev));
		h->ev[h->n++] = b.ev[i];
	}
}

static inline void feed(struct host *h, uint32_t magic, const char *body)
{
	struct input_event e;

	h->n = 0;
	assert_int_equal(packet_parse(&e, magic, body), 0);
	input_state_apply(&h->state, &e, write_batch, h);
}

static inline void feed_event(struct host *h, const struct input_event *e)
{
	h->n = 0;
	input_state_apply(&h->state, e, write_batch, h);
}

struct expected {
	uint16_t type, code;
	int32_t value;
};

#define SYN                                                                                                            \
	{                                                                                                              \
		EV_SYN, SYN_REPORT, 0                                                                                  \
	}
#define KEY(c, v)                                                                                                      \
	{                                                                                                              \
		EV_KEY, c, v                                                                                           \
	}
#define REL(c, v)                                                                                                      \
	{                                                                                                              \
		EV_REL, c, v                                                                                           \
	}
#define ABS(c, v)                                                                                                      \
	{                                                                                                              \
		EV_ABS, c, v                                                                                           \
	}

static inline void assert_wrote(const struct host *h, enum uinput_device d, const struct expected *want, unsigned n)
{
	assert_int_equal(h->n, n);
	assert_int_equal(h->device, d);
	for (unsigned i = 0; i < n; i++)
		if (h->ev[i].type != want[i].type || h->ev[i].code != want[i].code || h->ev[i].value != want[i].value)
			fail_msg("event %u is %u %u %d, expected %u %u %d", i, h->ev[i].type, h->ev[i].code,
				 h->ev[i].value, want[i].type, want[i].code, want[i].value);
}

#define assert_events(h, d, ...)                                                                                       \
	do {                                                                                                           \
		static const struct expected want_[] = {__VA_ARGS__};                                                  \
		assert_wrote((h), (d), want_, ARRAY_LEN(want_));                                                       \
	} while (0)

/* The last value of an axis or key in what was written; INT32_MIN: not written. */
static inline int32_t last(const struct host *h, uint16_t type, uint16_t code)
{
	for (unsigned i = h->n; i-- > 0;)
		if (h->ev[i].type == type && h->ev[i].code == code)
			return h->ev[i].value;
	return INT32_MIN;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A sequence of input packets, each after a byte of length, up to what would be written to the devices, which are
 * modelled as the kernel has them: whatever a client sends, only declared events within their ranges are written, no
 * frame stays open, keys change whenever they are written, and after the release all is up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../unit/input/uinput_declared.h"
#include "input/state.h"
#include "input/uinput_events.h"

struct machine {
	struct uinput_events events;
	uint8_t keys[UINPUT_DEVICES][EVDEV_KEYS];
	int slot; /* that axes of contacts mean */
	bool contact[TOUCH_CONTACTS_MAX];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void take(struct machine *m, enum uinput_device d, const struct kernel_input_event *e)
{
	check(uinput_declared(d, e));
	if (e->type == EV_KEY) {
		check(m->keys[d][e->code] != e->value);
		m->keys[d][e->code] = (uint8_t)e->value;
	} else if (e->type == EV_ABS && e->code == ABS_MT_SLOT) {
		m->slot = e->value;
	} else if (e->type == EV_ABS && e->code == ABS_MT_TRACKING_ID) {
		check(m->contact[m->slot] == (e->value < 0));
		m->contact[m->slot] = e->value >= 0;
	} else if (e->type == EV_ABS && e->code > ABS_MT_SLOT) {
		check(m->contact[m->slot]);
	}
}

static void back_end(void *ctx, const struct input_event *e)
{
	struct machine *m = ctx;
	struct evdev_batch b;
	enum uinput_device d = uinput_events_fill(&m->events, &b, e);

	for (unsigned i = 0; i < b.n; i++)
		take(m, d, &b.ev[i]);
	check(!b.n || b.ev[b.n - 1].type == EV_SYN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct machine nothing;
	const uint8_t *end = data + size;
	struct input_state s = {0};
	struct machine m = {0};

	while (data < end) {
		size_t n = *data++;
		struct input_event e;

		if (n > (size_t)(end - data))
			n = (size_t)(end - data);
		if (input_packet_parse(&e, data, n) == 0)
			input_state_apply(&s, &e, back_end, &m);
		data += n;
	}
	input_state_release(&s, back_end, &m);
	check(memcmp(m.keys, nothing.keys, sizeof(m.keys)) == 0);
	check(memcmp(m.contact, nothing.contact, sizeof(m.contact)) == 0);
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* A sequence of input packets, each after a byte of length, through the parser and the held-state model: whatever a
 * client sends, fields stay in their ranges and releasing leaves nothing held. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "input/state.h"

struct held {
	int keys[512];
	int buttons[6];
	int contacts;
	unsigned pads;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void in_unit(float v)
{
	check(v >= 0.0f && v <= 1.0f);
}

/* A back end that believes what it is told must never see a second down or an up of nothing. */
static void back_end(void *ctx, const struct input_event *e)
{
	struct held *h = ctx;
	int *held;

	switch (e->type) {
	case INPUT_KEY:
		held = &h->keys[e->key.vk + 256 * e->key.raw];
		check(*held != e->key.down);
		*held = e->key.down;
		break;
	case INPUT_MOUSE_BUTTON:
		held = &h->buttons[e->button.button];
		check(*held != e->button.down);
		*held = e->button.down;
		break;
	case INPUT_TOUCH:
		in_unit(e->pointer.x);
		in_unit(e->pointer.major);
		h->contacts += e->pointer.event == POINTER_DOWN;
		h->contacts -= e->pointer.event == POINTER_UP || e->pointer.event == POINTER_CANCEL;
		check(h->contacts >= 0 && h->contacts <= TOUCH_CONTACTS_MAX);
		break;
	case INPUT_PEN:
		in_unit(e->pointer.y);
		in_unit(e->pointer.pressure);
		break;
	case INPUT_PAD_ARRIVAL:
		check(!(h->pads >> e->arrival.pad & 1));
		h->pads |= 1u << e->arrival.pad;
		break;
	case INPUT_PAD_GONE:
		check(h->pads >> e->gone.pad & 1);
		h->pads &= ~(1u << e->gone.pad);
		break;
	case INPUT_PAD_STATE:
		check(h->pads >> e->state.pad & 1);
		break;
	case INPUT_PAD_TOUCH:
		check(h->pads >> e->pad_touch.pad & 1);
		in_unit(e->pad_touch.x);
		break;
	case INPUT_PAD_MOTION:
		check(h->pads >> e->motion.pad & 1);
		check(isfinite(e->motion.x));
		break;
	case INPUT_PAD_BATTERY:
		check(e->battery.percent <= 100 || e->battery.percent == 255);
		break;
	case INPUT_MOUSE_ABS:
		in_unit(e->abs.x);
		break;
	case INPUT_TEXT:
		check(strlen(e->text.utf8) >= 1 && e->text.code_point);
		break;
	case INPUT_HAPTICS:
	case INPUT_MOUSE_REL:
	case INPUT_SCROLL:
	case INPUT_HSCROLL:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input_state s = {0};
	struct held h = {0};
	const uint8_t *end = data + size;

	while (data < end) {
		size_t n = *data++;
		struct input_event e;
		uint8_t *exact;

		if (n > (size_t)(end - data))
			n = (size_t)(end - data);
		exact = malloc(n ? n : 1);
		check(exact);
		memcpy(exact, data, n);
		if (input_packet_parse(&e, exact, n) == 0)
			input_state_apply(&s, &e, back_end, &h);
		free(exact);
		data += n;
	}
	input_state_release(&s, back_end, &h);
	for (unsigned i = 0; i < 512; i++)
		check(!h.keys[i]);
	for (unsigned i = 0; i < 6; i++)
		check(!h.buttons[i]);
	check(!h.contacts);
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/out.h"

#include <string.h>

static void rumble(void *ctx, uint8_t pad, uint16_t low, uint16_t high)
{
	out_post(ctx, OUT_RUMBLE, pad, low | (uint32_t)high << 16);
}

static void rumble_triggers(void *ctx, uint8_t pad, uint16_t left, uint16_t right)
{
	out_post(ctx, OUT_TRIGGERS, pad, left | (uint32_t)right << 16);
}

static void motion_wanted(void *ctx, uint8_t pad, bool gyro, uint16_t hz)
{
	out_post(ctx, gyro ? OUT_MOTION_GYRO : OUT_MOTION_ACCEL, pad, hz);
}

static void led(void *ctx, uint8_t pad, uint8_t r, uint8_t g, uint8_t b)
{
	out_post(ctx, OUT_LED, pad, r | (uint32_t)g << 8 | (uint32_t)b << 16);
}

static void trigger_effect(void *ctx, uint8_t pad, const struct input_trigger_effect *e)
{
	struct control_out *o = ctx;
	struct msg_adaptive *a;

	if (pad >= INPUT_PADS_MAX)
		return;
	/* What is not meant keeps its newest value: the message that tells of it may not have left yet. */
	a = &o->effect[pad];
	if (e->right) {
		a->flags |= ADAPTIVE_RIGHT;
		a->type_right = e->right_type;
		memcpy(a->right, e->right_data, sizeof(a->right));
	}
	if (e->left) {
		a->flags |= ADAPTIVE_LEFT;
		a->type_left = e->left_type;
		memcpy(a->left, e->left_data, sizeof(a->left));
	}
	out_post(o, OUT_EFFECT, pad, 0);
}

void out_init(struct control_out *o, struct wake *wake)
{
	memset(o, 0, sizeof(*o));
	o->wake = wake;
	o->back = (struct input_back){
		.rumble = rumble,
		.rumble_triggers = rumble_triggers,
		.motion_wanted = motion_wanted,
		.led = led,
		.trigger_effect = trigger_effect,
		.ctx = o,
	};
}

void out_post(struct control_out *o, enum out_kind kind, uint8_t pad, uint32_t value)
{
	if (pad >= INPUT_PADS_MAX)
		return;
	atomic_store_explicit(&o->kind[kind].value[pad], value, memory_order_relaxed);
	atomic_fetch_or_explicit(&o->kind[kind].known, 1u << pad, memory_order_relaxed);
	/* Releases the value: who sees the bit reads this value or a newer one. */
	atomic_fetch_or_explicit(&o->kind[kind].dirty, 1u << pad, memory_order_release);
	wake_poke(o->wake);
}

void out_hdr(struct control_out *o, const struct hdr_metadata *m)
{
	uint16_t words[HDR_METADATA_WORDS] = {0};

	/* Their order is that of the wire, 2-media 5.4. */
	_Static_assert(sizeof(*m) == sizeof(words), "13 words and nothing between");
	if (m)
		memcpy(words, m, sizeof(words));
	for (unsigned i = 0; i < HDR_METADATA_WORDS; i++)
		atomic_store_explicit(&o->hdr[i], words[i], memory_order_relaxed);
	out_post(o, OUT_HDR, 0, m != NULL);
}

void out_again(struct control_out *o)
{
	for (unsigned k = 0; k < OUT_KINDS; k++)
		atomic_fetch_or_explicit(&o->kind[k].dirty, atomic_load(&o->kind[k].known), memory_order_release);
}

static size_t build_hdr(const struct control_out *o, uint8_t msg[MSG_OUT_MAX], bool on)
{
	uint16_t words[HDR_METADATA_WORDS];

	for (unsigned i = 0; i < HDR_METADATA_WORDS; i++)
		words[i] = atomic_load_explicit(&o->hdr[i], memory_order_relaxed);
	return msg_hdr(msg, on, words);
}

static size_t build(const struct control_out *o, uint8_t msg[MSG_OUT_MAX], enum out_kind kind, uint8_t pad, uint32_t v)
{
	uint16_t low = (uint16_t)v, high = (uint16_t)(v >> 16);

	switch (kind) {
	case OUT_HDR:
		return build_hdr(o, msg, v);
	case OUT_MOTION_ACCEL:
		return msg_motion(msg, pad, low, MOTION_ACCEL);
	case OUT_MOTION_GYRO:
		return msg_motion(msg, pad, low, MOTION_GYRO);
	case OUT_LED:
		return msg_led(msg, pad, (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16));
	case OUT_RUMBLE:
		return msg_rumble(msg, pad, low, high);
	case OUT_TRIGGERS:
		return msg_rumble_triggers(msg, pad, low, high);
	case OUT_EFFECT:
		return msg_adaptive_triggers(msg, pad, &o->effect[pad]);
	case OUT_KINDS:
		break;
	}
	return 0;
}

size_t out_take(struct control_out *o, uint8_t msg[MSG_OUT_MAX])
{
	for (unsigned n = 0; n < OUT_KINDS * INPUT_PADS_MAX; n++) {
		unsigned i = (o->cursor + n) % (OUT_KINDS * INPUT_PADS_MAX);
		enum out_kind kind = (enum out_kind)(i / INPUT_PADS_MAX);
		uint8_t pad = i % INPUT_PADS_MAX;

		if (!(atomic_load_explicit(&o->kind[kind].dirty, memory_order_relaxed) >> pad & 1))
			continue;
		atomic_fetch_and_explicit(&o->kind[kind].dirty, ~(1u << pad), memory_order_acquire);
		o->cursor = i + 1;
		return build(o, msg, kind, pad, atomic_load_explicit(&o->kind[kind].value[pad], memory_order_relaxed));
	}
	return 0;
}

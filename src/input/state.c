// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/state.h"

#include <string.h>

#define SCROLL_NOTCH 120

enum { VK_SHIFT = 0x10, VK_CTRL, VK_ALT, VK_LSHIFT = 0xa0, VK_RSHIFT, VK_LCTRL, VK_RCTRL, VK_LALT, VK_RALT };
enum { VK_LMETA = 0x5b, VK_RMETA };

/* By bit of the modifiers field. */
static const struct {
	uint8_t left, right;
} modifier_keys[] = {
	{VK_LSHIFT, VK_RSHIFT},
	{VK_LCTRL, VK_RCTRL},
	{VK_LALT, VK_RALT},
	{VK_LMETA, VK_RMETA},
};

#define MODIFIER_COUNT (sizeof(modifier_keys) / sizeof(*modifier_keys))

/* One name for one key: the codes without a side are the left ones. */
static uint8_t vk_sided(uint8_t vk)
{
	return vk >= VK_SHIFT && vk <= VK_ALT ? (uint8_t)(VK_LSHIFT + 2 * (vk - VK_SHIFT)) : vk;
}

static bool vk_is_modifier(uint8_t vk)
{
	return (vk >= VK_LSHIFT && vk <= VK_RALT) || vk == VK_LMETA || vk == VK_RMETA;
}

static bool key_held(const struct input_state *s, unsigned vk, bool raw)
{
	unsigned i = vk + 256u * raw;

	return s->keys[i / 64] >> (i % 64) & 1;
}

static void key_set(struct input_state *s, unsigned vk, bool raw, bool held)
{
	unsigned i = vk + 256u * raw;
	uint64_t bit = 1ull << (i % 64);

	s->keys[i / 64] = held ? s->keys[i / 64] | bit : s->keys[i / 64] & ~bit;
}

/* Modifiers that the client claims with no such key down (a click on its on-screen keyboard, say). */
static unsigned modifiers_missing(const struct input_state *s, const struct input_event *e)
{
	unsigned missing = 0;

	if (vk_is_modifier(e->key.vk))
		return 0;
	for (unsigned i = 0; i < MODIFIER_COUNT; i++)
		if (e->key.modifiers >> i & 1 && !key_held(s, modifier_keys[i].left, false) &&
		    !key_held(s, modifier_keys[i].right, false) && !key_held(s, modifier_keys[i].left, true) &&
		    !key_held(s, modifier_keys[i].right, true))
			missing |= 1u << i;
	return missing;
}

static void modifiers_emit(unsigned which, bool down, input_emit_fn emit, void *ctx)
{
	for (unsigned i = 0; i < MODIFIER_COUNT; i++) {
		struct input_event m = {.type = INPUT_KEY, .key = {.vk = modifier_keys[i].left, .down = down}};

		if (which >> i & 1)
			emit(ctx, &m);
	}
}

static void apply_key(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	struct input_event k = *e;
	unsigned missing;

	k.key.vk = vk_sided(k.key.vk);
	if (k.key.down == key_held(s, k.key.vk, k.key.raw)) {
		/* Auto-repeat, or a second up; but an up may have lost its flag on the way through the client. */
		if (k.key.down || !key_held(s, k.key.vk, !k.key.raw))
			return;
		k.key.raw = !k.key.raw;
	}
	key_set(s, k.key.vk, k.key.raw, k.key.down);
	missing = k.key.down ? modifiers_missing(s, &k) : 0;
	modifiers_emit(missing, true, emit, ctx);
	emit(ctx, &k);
	modifiers_emit(missing, false, emit, ctx);
}

static void apply_button(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	uint8_t bit = (uint8_t)(1u << e->button.button);

	if (e->button.down == !!(s->buttons & bit))
		return;
	s->buttons ^= bit;
	emit(ctx, e);
}

static void apply_scroll(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	int16_t *rest = &s->scroll[e->type == INPUT_HSCROLL];
	struct input_event out = *e;
	int sum = *rest + e->scroll.amount;

	/* A turn back starts a new notch: half a notch up must not swallow half a notch down. */
	if ((*rest > 0 && e->scroll.amount < 0) || (*rest < 0 && e->scroll.amount > 0))
		sum = e->scroll.amount;
	out.scroll.notches = (int16_t)(sum / SCROLL_NOTCH);
	*rest = (int16_t)(sum % SCROLL_NOTCH);
	emit(ctx, &out);
}

static struct contact *contact_find(struct contact *c, unsigned n, uint32_t id, uint8_t surface)
{
	for (unsigned i = 0; i < n; i++)
		if (c[i].down && c[i].id == id && c[i].surface == surface)
			return &c[i];
	return NULL;
}

static struct contact *contact_free(struct contact *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!c[i].down)
			return &c[i];
	return NULL;
}

/*
 * Whether the back end must see this event; *event is corrected. Contacts beyond the table do not exist for us, moves
 * and ups of contacts that are not down are strays (moves travel unreliably).
 */
static bool contact_step(struct contact *table, unsigned n, enum pointer_event *event, uint32_t id, uint8_t surface,
			 float x, float y)
{
	struct contact *c = contact_find(table, n, id, surface);

	switch (*event) {
	case POINTER_DOWN:
		if (c)
			*event = POINTER_MOVE;
		else
			c = contact_free(table, n);
		if (!c)
			return false;
		*c = (struct contact){.id = id, .surface = surface, .down = true, .x = x, .y = y};
		return true;
	case POINTER_MOVE:
		if (!c)
			return false;
		c->x = x;
		c->y = y;
		return true;
	case POINTER_UP:
	case POINTER_CANCEL:
		if (!c)
			return false;
		c->down = false;
		return true;
	case POINTER_HOVER:
	case POINTER_HOVER_LEAVE:
	case POINTER_BUTTON:
		return !c;
	case POINTER_CANCEL_ALL: /* by the caller: one event for each contact */
		break;
	}
	return false;
}

static void touch_cancel_all(struct input_state *s, input_emit_fn emit, void *ctx)
{
	for (unsigned i = 0; i < TOUCH_CONTACTS_MAX; i++) {
		struct contact *c = &s->touch[i];
		struct input_event e = {
			.type = INPUT_TOUCH,
			.pointer = {.event = POINTER_CANCEL,
				    .id = c->id,
				    .x = c->x,
				    .y = c->y,
				    .rotation = 0xffff,
				    .tilt = 0xff},
		};

		if (!c->down)
			continue;
		c->down = false;
		emit(ctx, &e);
	}
}

static void apply_touch(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	struct input_event out = *e;

	if (e->pointer.event == POINTER_CANCEL_ALL)
		touch_cancel_all(s, emit, ctx);
	else if (contact_step(s->touch, TOUCH_CONTACTS_MAX, &out.pointer.event, e->pointer.id, 0, e->pointer.x,
			      e->pointer.y))
		emit(ctx, &out);
}

static void pad_cancel_all(struct input_state *s, uint8_t pad, input_emit_fn emit, void *ctx)
{
	for (unsigned i = 0; i < PAD_CONTACTS_MAX; i++) {
		struct contact *c = &s->pad[pad].touch[i];
		struct input_event e = {
			.type = INPUT_PAD_TOUCH,
			.pad_touch = {.pad = pad,
				      .touchpad = c->surface,
				      .event = POINTER_CANCEL,
				      .id = c->id,
				      .x = c->x,
				      .y = c->y},
		};

		if (!c->down)
			continue;
		c->down = false;
		emit(ctx, &e);
	}
}

static void apply_pad_touch(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	struct input_event out = *e;
	uint8_t pad = e->pad_touch.pad;

	if (e->pad_touch.event == POINTER_CANCEL_ALL)
		pad_cancel_all(s, pad, emit, ctx);
	else if (contact_step(s->pad[pad].touch, PAD_CONTACTS_MAX, &out.pad_touch.event, e->pad_touch.id,
			      e->pad_touch.touchpad, e->pad_touch.x, e->pad_touch.y))
		emit(ctx, &out);
}

static void pen_cancel(struct input_state *s, input_emit_fn emit, void *ctx)
{
	struct input_event e = {
		.type = INPUT_PEN,
		.pointer = {.event = POINTER_CANCEL, .x = s->pen.x, .y = s->pen.y, .rotation = 0xffff, .tilt = 0xff},
	};

	if (!s->pen.near)
		return;
	s->pen.near = s->pen.down = false;
	emit(ctx, &e);
}

static void apply_pen(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	struct input_event out = *e;

	switch (e->pointer.event) {
	case POINTER_CANCEL:
	case POINTER_CANCEL_ALL:
		pen_cancel(s, emit, ctx);
		return;
	case POINTER_HOVER_LEAVE:
		if (!s->pen.near)
			return;
		s->pen.near = s->pen.down = false;
		break;
	case POINTER_DOWN:
		if (s->pen.down)
			out.pointer.event = POINTER_MOVE;
		s->pen.near = s->pen.down = true;
		break;
	case POINTER_MOVE:
		if (!s->pen.down)
			return;
		break;
	case POINTER_UP:
		if (!s->pen.down)
			return;
		s->pen.down = false; /* it still hovers */
		break;
	case POINTER_HOVER: /* also ends a contact whose up was cut off */
		s->pen.near = true;
		if (s->pen.down) {
			s->pen.down = false;
			out.pointer.event = POINTER_UP;
		}
		break;
	case POINTER_BUTTON: /* its position means nothing */
		out.pointer.x = s->pen.x;
		out.pointer.y = s->pen.y;
		s->pen.near = true;
		break;
	}
	s->pen.x = out.pointer.x;
	s->pen.y = out.pointer.y;
	emit(ctx, &out);
}

static void pad_add(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	s->unnamed &= (uint16_t) ~(1u << e->arrival.pad);
	if (s->pads >> e->arrival.pad & 1) {
		if (s->pad[e->arrival.pad].away)
			emit(ctx, e);
		s->pad[e->arrival.pad].away = false;
		return;
	}
	s->pads |= (uint16_t)(1u << e->arrival.pad);
	memset(&s->pad[e->arrival.pad], 0, sizeof(s->pad[0]));
	emit(ctx, e);
}

static void pad_remove(struct input_state *s, uint8_t pad, input_emit_fn emit, void *ctx)
{
	struct input_event gone = {.type = INPUT_PAD_GONE, .gone = {.pad = pad}};

	if (!(s->pads >> pad & 1))
		return;
	pad_cancel_all(s, pad, emit, ctx);
	s->pads &= (uint16_t) ~(1u << pad);
	s->unnamed &= s->pads;
	emit(ctx, &gone);
}

static void apply_pad_state(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	uint8_t pad = e->state.pad;
	uint16_t bit = (uint16_t)(1u << pad);

	/* What a client that came back no longer has would stay as a ghost: it never speaks of it again. */
	for (uint8_t n = 0; n < INPUT_PADS_MAX; n++)
		if (s->pad[n].away && !(e->state.active >> n & 1))
			pad_remove(s, n, emit, ctx);
	s->unnamed &= (uint16_t)~e->state.active;
	if (!(e->state.active & bit)) {
		pad_remove(s, pad, emit, ctx);
		return;
	}
	if (!(s->pads & bit)) { /* an old client that announces nothing */
		struct input_event arrival = {.type = INPUT_PAD_ARRIVAL, .arrival = {.pad = pad}};

		pad_add(s, &arrival, emit, ctx);
	}
	s->pad[pad].moved = e->state.buttons || e->state.lt || e->state.rt || e->state.lx || e->state.ly ||
			    e->state.rx || e->state.ry;
	emit(ctx, e);
}

void input_state_apply(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx)
{
	switch (e->type) {
	case INPUT_KEY:
		apply_key(s, e, emit, ctx);
		break;
	case INPUT_MOUSE_BUTTON:
		apply_button(s, e, emit, ctx);
		break;
	case INPUT_SCROLL:
	case INPUT_HSCROLL:
		apply_scroll(s, e, emit, ctx);
		break;
	case INPUT_PAD_ARRIVAL:
		pad_add(s, e, emit, ctx);
		break;
	case INPUT_PAD_STATE:
		apply_pad_state(s, e, emit, ctx);
		break;
	case INPUT_PAD_TOUCH:
		if (s->pads >> e->pad_touch.pad & 1)
			apply_pad_touch(s, e, emit, ctx);
		break;
	case INPUT_PAD_MOTION:
		if (s->pads >> e->motion.pad & 1)
			emit(ctx, e);
		break;
	case INPUT_PAD_BATTERY:
		if (s->pads >> e->battery.pad & 1)
			emit(ctx, e);
		break;
	case INPUT_TOUCH:
		apply_touch(s, e, emit, ctx);
		break;
	case INPUT_PEN:
		apply_pen(s, e, emit, ctx);
		break;
	case INPUT_HAPTICS:
	case INPUT_TEXT:
	case INPUT_MOUSE_REL:
	case INPUT_MOUSE_ABS:
		emit(ctx, e);
		break;
	case INPUT_PAD_GONE: /* only ever made here */
		break;
	}
}

static void release_keys(struct input_state *s, bool modifiers, input_emit_fn emit, void *ctx)
{
	for (unsigned i = 0; i < 512; i++) {
		struct input_event e = {.type = INPUT_KEY, .key = {.vk = (uint8_t)i, .raw = i >= 256}};

		if (!key_held(s, i % 256, i >= 256) || vk_is_modifier((uint8_t)i) != modifiers)
			continue;
		key_set(s, i % 256, i >= 256, false);
		emit(ctx, &e);
	}
}

void input_state_release(struct input_state *s, input_emit_fn emit, void *ctx)
{
	release_keys(s, false, emit, ctx); /* modifiers last, so that no key changes its meaning on the way up */
	release_keys(s, true, emit, ctx);
	for (uint8_t b = 1; b <= 5; b++) {
		struct input_event e = {.type = INPUT_MOUSE_BUTTON, .button = {.button = b}};

		apply_button(s, &e, emit, ctx);
	}
	s->scroll[0] = s->scroll[1] = 0;
	touch_cancel_all(s, emit, ctx);
	pen_cancel(s, emit, ctx);
	for (uint8_t pad = 0; pad < INPUT_PADS_MAX; pad++) {
		struct input_event e = {.type = INPUT_PAD_STATE, .state = {.pad = pad, .active = s->pads}};

		if (!(s->pads >> pad & 1))
			continue;
		pad_cancel_all(s, pad, emit, ctx);
		if (s->pad[pad].moved)
			emit(ctx, &e);
		s->pad[pad].moved = false;
		s->pad[pad].away = true;
	}
	s->unnamed = s->pads;
}

void input_state_forget(struct input_state *s, input_emit_fn emit, void *ctx)
{
	for (uint8_t pad = 0; pad < INPUT_PADS_MAX; pad++)
		if (s->unnamed >> pad & 1)
			pad_remove(s, pad, emit, ctx);
}

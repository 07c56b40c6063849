// SPDX-License-Identifier: GPL-3.0-or-later
/* The wire form of input packets, 2-media 6.1: u32 BE size of what follows it, u32 LE magic, body. */
#include "input/input.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/rd.h"
#include "base/str.h"

#define HEADER_LEN 8u
#define TEXT_MAX   4u

/* Far beyond what a pad can do (deg/s, m/s^2), so that a back end may scale without a second check. */
#define GYRO_MAX  10000.0f
#define ACCEL_MAX 1000.0f

#define PAD_KIND_MAX      4u
#define BATTERY_STATE_MAX 5u
#define PEN_TOOL_MAX      2u
#define PEN_BUTTONS       7u
#define MODIFIERS         0x0fu

typedef int (*body_fn)(struct input_event *e, struct rd *r);

/* NaN becomes min. */
static float clamped(float v, float min, float max)
{
	if (!(v > min))
		return min;
	return v > max ? max : v;
}

static float rd_unit(struct rd *r)
{
	return clamped(rd_lef32(r), 0.0f, 1.0f);
}

static float rd_axis(struct rd *r, float limit)
{
	float v = rd_lef32(r);

	return isnan(v) ? 0.0f : clamped(v, -limit, limit);
}

/* Degrees 0..359, or 0xffff. */
static uint16_t rd_rotation(struct rd *r)
{
	uint16_t v = rd_le16(r);

	return v <= 360 ? v % 360 : 0xffff;
}

static int rd_pad(struct rd *r, uint8_t *pad)
{
	*pad = rd_u8(r);
	return *pad < INPUT_PADS_MAX ? 0 : -EBADMSG;
}

static int rd_event(struct rd *r, enum pointer_event *event)
{
	uint8_t v = rd_u8(r);

	*event = (enum pointer_event)v;
	return v <= POINTER_CANCEL_ALL ? 0 : -EBADMSG;
}

static int body_haptics(struct input_event *e, struct rd *r)
{
	e->type = INPUT_HAPTICS;
	rd_skip(r, 2);
	return 0;
}

static int body_key(struct input_event *e, struct rd *r)
{
	uint8_t flags = rd_u8(r);

	e->type = INPUT_KEY;
	e->key.raw = flags & 1;
	e->key.vk = (uint8_t)rd_le16(r); /* the top byte is 0x80 from all clients */
	e->key.modifiers = rd_u8(r) & MODIFIERS;
	rd_skip(r, 2);
	return e->key.vk ? 0 : -EBADMSG;
}

static int body_key_down(struct input_event *e, struct rd *r)
{
	e->key.down = true;
	return body_key(e, r);
}

static int body_text(struct input_event *e, struct rd *r)
{
	static const uint8_t lead_mask[TEXT_MAX + 1] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t n = rd_left(r);
	char *text = e->text.utf8;
	uint8_t lead;

	e->type = INPUT_TEXT;
	if (n < 1 || n > TEXT_MAX || !rd_copy(r, text, n) || !utf8_valid(text, n))
		return -EBADMSG;
	/* Valid as a whole: one code point when all bytes but the first continue it. */
	for (size_t i = 1; i < n; i++)
		if (((uint8_t)text[i] & 0xc0) != 0x80)
			return -EBADMSG;
	lead = (uint8_t)text[0];
	e->text.code_point = lead & lead_mask[n];
	for (size_t i = 1; i < n; i++)
		e->text.code_point = e->text.code_point << 6 | ((uint8_t)text[i] & 0x3f);
	return e->text.code_point ? 0 : -EBADMSG;
}

static int body_rel(struct input_event *e, struct rd *r)
{
	e->type = INPUT_MOUSE_REL;
	e->rel.dx = (int16_t)rd_be16(r);
	e->rel.dy = (int16_t)rd_be16(r);
	return 0;
}

static int body_abs(struct input_event *e, struct rd *r)
{
	float x = (int16_t)rd_be16(r), y = (int16_t)rd_be16(r), width, height;

	e->type = INPUT_MOUSE_ABS;
	rd_skip(r, 2);
	width = (int16_t)rd_be16(r);
	height = (int16_t)rd_be16(r);
	if (width <= 0 || height <= 0)
		return -EBADMSG;
	e->abs.x = clamped(x / width, 0.0f, 1.0f);
	e->abs.y = clamped(y / height, 0.0f, 1.0f);
	return 0;
}

static int body_button(struct input_event *e, struct rd *r)
{
	e->type = INPUT_MOUSE_BUTTON;
	e->button.button = rd_u8(r);
	return e->button.button >= 1 && e->button.button <= 5 ? 0 : -EBADMSG;
}

static int body_button_down(struct input_event *e, struct rd *r)
{
	e->button.down = true;
	return body_button(e, r);
}

static int body_scroll(struct input_event *e, struct rd *r)
{
	e->type = INPUT_SCROLL;
	e->scroll.amount = (int16_t)rd_be16(r);
	rd_skip(r, 4); /* the amount once more, zero */
	return 0;
}

static int body_hscroll(struct input_event *e, struct rd *r)
{
	e->type = INPUT_HSCROLL;
	e->scroll.amount = (int16_t)rd_be16(r);
	return 0;
}

static int body_state(struct input_event *e, struct rd *r)
{
	uint16_t pad;

	e->type = INPUT_PAD_STATE;
	rd_skip(r, 2);
	pad = rd_le16(r);
	e->state.active = rd_le16(r);
	rd_skip(r, 2);
	e->state.buttons = rd_le16(r);
	e->state.lt = rd_u8(r);
	e->state.rt = rd_u8(r);
	e->state.lx = (int16_t)rd_le16(r);
	e->state.ly = (int16_t)rd_le16(r);
	e->state.rx = (int16_t)rd_le16(r);
	e->state.ry = (int16_t)rd_le16(r);
	rd_skip(r, 2);
	e->state.buttons |= (uint32_t)rd_le16(r) << 16;
	rd_skip(r, 2);
	e->state.pad = (uint8_t)pad;
	return pad < INPUT_PADS_MAX ? 0 : -EBADMSG;
}

static int body_arrival(struct input_event *e, struct rd *r)
{
	int err = rd_pad(r, &e->arrival.pad);

	e->type = INPUT_PAD_ARRIVAL;
	e->arrival.kind = rd_u8(r);
	if (e->arrival.kind > PAD_KIND_MAX)
		e->arrival.kind = 0;
	e->arrival.caps = rd_le16(r);
	e->arrival.buttons = rd_le32(r);
	return err;
}

static int body_pad_touch(struct input_event *e, struct rd *r)
{
	int err = rd_pad(r, &e->pad_touch.pad);

	e->type = INPUT_PAD_TOUCH;
	if (!err)
		err = rd_event(r, &e->pad_touch.event);
	if (err)
		return err;
	rd_skip(r, 1);
	e->pad_touch.touchpad = rd_u8(r);
	e->pad_touch.id = rd_le32(r);
	e->pad_touch.x = rd_unit(r);
	e->pad_touch.y = rd_unit(r);
	e->pad_touch.pressure = rd_unit(r);
	return e->pad_touch.touchpad <= 1 ? 0 : -EBADMSG;
}

static int body_motion(struct input_event *e, struct rd *r)
{
	int err = rd_pad(r, &e->motion.pad);
	uint8_t kind = rd_u8(r);
	float limit = kind == 2 ? GYRO_MAX : ACCEL_MAX;

	e->type = INPUT_PAD_MOTION;
	if (kind != 1 && kind != 2)
		return -EBADMSG;
	rd_skip(r, 2);
	e->motion.gyro = kind == 2;
	e->motion.x = rd_axis(r, limit);
	e->motion.y = rd_axis(r, limit);
	e->motion.z = rd_axis(r, limit);
	return err;
}

static int body_battery(struct input_event *e, struct rd *r)
{
	int err = rd_pad(r, &e->battery.pad);

	e->type = INPUT_PAD_BATTERY;
	e->battery.state = rd_u8(r);
	if (e->battery.state > BATTERY_STATE_MAX)
		e->battery.state = 0;
	e->battery.percent = rd_u8(r);
	if (e->battery.percent > 100)
		e->battery.percent = 0xff;
	rd_skip(r, 1);
	return err;
}

static int body_touch(struct input_event *e, struct rd *r)
{
	int err = rd_event(r, &e->pointer.event);

	e->type = INPUT_TOUCH;
	rd_skip(r, 1);
	e->pointer.rotation = rd_rotation(r);
	e->pointer.id = rd_le32(r);
	e->pointer.x = rd_unit(r);
	e->pointer.y = rd_unit(r);
	e->pointer.pressure = rd_unit(r);
	e->pointer.major = rd_unit(r);
	e->pointer.minor = rd_unit(r);
	e->pointer.tilt = 0xff;
	return err;
}

static int body_pen(struct input_event *e, struct rd *r)
{
	int err = rd_event(r, &e->pointer.event);

	e->type = INPUT_PEN;
	e->pointer.tool = rd_u8(r);
	if (e->pointer.tool > PEN_TOOL_MAX)
		e->pointer.tool = 0;
	e->pointer.buttons = rd_u8(r) & PEN_BUTTONS;
	rd_skip(r, 1);
	e->pointer.x = rd_unit(r);
	e->pointer.y = rd_unit(r);
	e->pointer.pressure = rd_unit(r);
	e->pointer.rotation = rd_rotation(r);
	e->pointer.tilt = rd_u8(r);
	if (e->pointer.tilt > 90)
		e->pointer.tilt = 0xff;
	rd_skip(r, 1);
	e->pointer.major = rd_unit(r);
	e->pointer.minor = rd_unit(r);
	return err;
}

static const struct packet_kind {
	uint32_t magic;
	uint8_t body_len; /* 0: the body's own rule */
	body_fn body;
} kinds[] = {
	{0x00000003, 6, body_key_down}, {0x00000004, 6, body_key},         {0x00000005, 10, body_abs},
	{0x00000007, 4, body_rel},      {0x00000008, 1, body_button_down}, {0x00000009, 1, body_button},
	{0x0000000a, 6, body_scroll},   {0x0000000c, 26, body_state},      {0x0000000d, 2, body_haptics},
	{0x00000017, 0, body_text},     {0x55000001, 2, body_hscroll},     {0x55000002, 28, body_touch},
	{0x55000003, 28, body_pen},     {0x55000004, 8, body_arrival},     {0x55000005, 20, body_pad_touch},
	{0x55000006, 16, body_motion},  {0x55000007, 4, body_battery},
};

int input_packet_parse(struct input_event *e, const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	uint32_t size = rd_be32(&r), magic = rd_le32(&r);
	int err;

	memset(e, 0, sizeof(*e));
	if (!rd_ok(&r) || size != len - 4)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct packet_kind *k = &kinds[i];

		if (k->magic != magic)
			continue;
		if (k->body_len && len != HEADER_LEN + k->body_len)
			return -EBADMSG;
		err = k->body(e, &r);
		return err ? err : rd_done(&r) ? 0 : -EBADMSG;
	}
	return -ENOTSUP;
}

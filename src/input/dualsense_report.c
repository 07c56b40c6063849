// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/dualsense_report.h"

#include <math.h>
#include <string.h>

#include "base/rd.h"
#include "base/str.h"
#include "input/keymap.h"

/* Input report 0x01, offsets with the report's number. */
enum {
	AT_LX = 1,
	AT_LY,
	AT_RX,
	AT_RY,
	AT_LT,
	AT_RT,
	AT_SEQUENCE,
	AT_BUTTONS, /* 4 bytes */
	AT_GYRO = 16,
	AT_ACCEL = 22,
	AT_TIME = 28, /* thirds of a microsecond */
	AT_TOUCH = 33,
	AT_BATTERY = 53,
};

enum { HAT_NONE = 8 };

#define TOUCH_OFF    0x80
#define TOUCH_WIDTH  1920
#define TOUCH_HEIGHT 1080

/* Units of the motion sensors, as the calibration below tells the driver. */
#define GYRO_PER_DEG_S 16
#define ACCEL_PER_G    8192
#define G_M_S2         9.80665f

/* Output report 0x02, offsets after the report's number. */
enum {
	OUT_FLAGS0,
	OUT_FLAGS1,
	OUT_MOTOR_RIGHT,
	OUT_MOTOR_LEFT,
	OUT_TRIGGER_RIGHT = 10,
	OUT_TRIGGER_LEFT = 21,
	OUT_FLAGS2 = 38,
	OUT_RED = 44,
};

#define FLAGS0_RUMBLE        0x03 /* either bit: the motors' fields count */
#define FLAGS0_TRIGGER_RIGHT 0x04
#define FLAGS0_TRIGGER_LEFT  0x08
#define FLAGS1_LIGHT         0x04
#define FLAGS2_RUMBLE        0x04

/* Report items of HID 1.11, section 6.2.2. */
#define USAGE_PAGE(p) 0x05, (p)
#define USAGE(u)      0x09, (u)
#define COLLECTION    0xa1, 0x01
#define END           0xc0
#define REPORT(n)     0x85, (n)
#define LOGICAL_8     0x15, 0x00, 0x26, 0xff, 0x00
#define SIZE(s)       0x75, (s)
#define COUNT(c)      0x95, (c)
#define INPUT         0x81, 0x02
#define OUTPUT        0x91, 0x02
#define FEATURE       0xb1, 0x02
#define VENDOR_PAGE   0x06, 0x00, 0xff
/* A feature report: its number, its bytes. */
#define FEATURE_REPORT(n, bytes) REPORT(n), USAGE(n), COUNT(bytes), FEATURE

const uint8_t dualsense_descriptor[] = {
	USAGE_PAGE(0x01), /* generic desktop */
	USAGE(0x05),      /* game pad */
	COLLECTION,
	REPORT(0x01),
	USAGE(0x30), /* X, Y: left stick */
	USAGE(0x31),
	USAGE(0x32), /* Z, Rz: right stick */
	USAGE(0x35),
	USAGE(0x33), /* Rx, Ry: triggers */
	USAGE(0x34),
	LOGICAL_8,
	SIZE(8),
	COUNT(6),
	INPUT,
	VENDOR_PAGE, /* the sequence number */
	USAGE(0x20),
	COUNT(1),
	INPUT,
	USAGE_PAGE(0x01),
	USAGE(0x39), /* hat switch: eight directions from up, clockwise; out of range: none */
	0x25,
	0x07,
	0x35,
	0x00, /* 0 to 315 degrees */
	0x46,
	0x3b,
	0x01,
	0x65,
	0x14,
	SIZE(4),
	COUNT(1),
	0x81,
	0x42, /* input with a null state */
	0x65,
	0x00,
	0x45,
	0x00,
	USAGE_PAGE(0x09), /* buttons 1 to 15 */
	0x19,
	0x01,
	0x29,
	0x0f,
	0x25,
	0x01,
	SIZE(1),
	COUNT(15),
	INPUT,
	VENDOR_PAGE, /* 13 bits that fill the buttons' bytes, then all that has no usage of its own */
	USAGE(0x21),
	COUNT(13),
	INPUT,
	USAGE(0x22),
	LOGICAL_8,
	SIZE(8),
	COUNT(DUALSENSE_INPUT_SIZE - 12),
	INPUT,
	REPORT(0x02),
	USAGE(0x23),
	COUNT(DUALSENSE_OUTPUT_SIZE - 1),
	OUTPUT,
	FEATURE_REPORT(0x05, DUALSENSE_CALIBRATION_SIZE - 1),
	FEATURE_REPORT(0x09, DUALSENSE_PAIRING_SIZE - 1),
	FEATURE_REPORT(0x20, DUALSENSE_FIRMWARE_SIZE - 1),
	END,
};
const size_t dualsense_descriptor_len = sizeof(dualsense_descriptor);

static const struct {
	uint32_t bit; /* enum pad_button */
	uint8_t byte, mask;
} buttons[] = {
	{PAD_X, 0, 0x10},                           /* square */
	{PAD_A, 0, 0x20},                           /* cross */
	{PAD_B, 0, 0x40},                           /* circle */
	{PAD_Y, 0, 0x80},                           /* triangle */
	{PAD_LB, 1, 0x01},       {PAD_RB, 1, 0x02}, /* 0x04 and 0x08: the triggers */
	{PAD_BACK, 1, 0x10},                        /* create */
	{PAD_START, 1, 0x20},                       /* options */
	{PAD_L3, 1, 0x40},       {PAD_R3, 1, 0x80},   {PAD_GUIDE, 2, 0x01},
	{PAD_TOUCHPAD, 2, 0x02}, {PAD_MISC, 2, 0x04}, /* mute */
};

static void put_le(uint8_t *p, uint32_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void dualsense_init(struct dualsense *d, const uint8_t mac[6])
{
	struct input_event neutral = {.type = INPUT_PAD_STATE};
	struct input_event flat = {.type = INPUT_PAD_MOTION, .motion = {.y = G_M_S2}};

	memset(d, 0, sizeof(*d));
	memcpy(d->mac, mac, sizeof(d->mac));
	d->report[0] = 0x01;
	dualsense_state(d, &neutral);
	dualsense_motion(d, &flat);
	for (unsigned i = 0; i < DUALSENSE_TOUCHES; i++)
		d->report[AT_TOUCH + 4 * i] = TOUCH_OFF;
	d->report[AT_BATTERY] = 0x2a; /* full */
}

/* -32768..32767 with the middle at 0 to 0..255 with the middle at 128. */
static uint8_t stick(int v)
{
	return (uint8_t)((v + 32768) >> 8);
}

static uint8_t hat(uint32_t b)
{
	/* by left, none, right; up, none, down */
	static const uint8_t way[3][3] = {{7, 0, 1}, {6, HAT_NONE, 2}, {5, 4, 3}};

	return way[1 + !!(b & PAD_DOWN) - !!(b & PAD_UP)][1 + !!(b & PAD_RIGHT) - !!(b & PAD_LEFT)];
}

void dualsense_state(struct dualsense *d, const struct input_event *e)
{
	uint8_t *b = d->report + AT_BUTTONS;

	d->report[AT_LX] = stick(e->state.lx);
	d->report[AT_LY] = stick(evdev_stick_y(e->state.ly));
	d->report[AT_RX] = stick(e->state.rx);
	d->report[AT_RY] = stick(evdev_stick_y(e->state.ry));
	d->report[AT_LT] = e->state.lt;
	d->report[AT_RT] = e->state.rt;
	memset(b, 0, 4);
	b[0] = hat(e->state.buttons);
	for (size_t i = 0; i < ARRAY_LEN(buttons); i++)
		if (e->state.buttons & buttons[i].bit)
			b[buttons[i].byte] |= buttons[i].mask;
	if (e->state.lt)
		b[1] |= 0x04;
	if (e->state.rt)
		b[1] |= 0x08;
}

/* The place of a contact that is down, or, for a new one, a free place; DUALSENSE_TOUCHES: none. */
static unsigned touch_find(const struct dualsense *d, uint32_t id, bool new)
{
	unsigned i;

	for (i = 0; i < DUALSENSE_TOUCHES; i++)
		if (new ? !d->touch[i].down : d->touch[i].down && d->touch[i].client_id == id)
			break;
	return i;
}

static unsigned scale(float v, unsigned max)
{
	float at = v * (float)max + 0.5f;

	return !(at > 0.0f) ? 0 : at > (float)max ? max : (unsigned)at;
}

void dualsense_touch(struct dualsense *d, const struct input_event *e)
{
	enum pointer_event what = e->pad_touch.event;
	unsigned i = touch_find(d, e->pad_touch.id, what == POINTER_DOWN), x, y;
	uint8_t *p = d->report + AT_TOUCH + 4 * i;

	if (i == DUALSENSE_TOUCHES) /* a third finger */
		return;
	switch (what) {
	case POINTER_DOWN:
		d->touch[i] = (struct dualsense_touch){e->pad_touch.id, true};
		d->touch_id = (d->touch_id + 1) & 0x7f;
		p[0] = d->touch_id;
		break;
	case POINTER_MOVE:
		break;
	case POINTER_UP:
	case POINTER_CANCEL:
		d->touch[i].down = false;
		p[0] |= TOUCH_OFF; /* the rest stays */
		return;
	default:
		return;
	}
	x = scale(e->pad_touch.x, TOUCH_WIDTH - 1);
	y = scale(e->pad_touch.y, TOUCH_HEIGHT - 1);
	put_le(p + 1, x | y << 12, 3);
}

static int16_t sensor(float v, float per_unit)
{
	float raw = roundf(v * per_unit);

	return (int16_t)(isnan(raw) ? 0.0f : raw >= 32767.0f ? 32767 : raw > -32768.0f ? raw : -32768);
}

/* The client's axes are the pad's: x to the right, y up, z towards the player (2-media 6.1). */
void dualsense_motion(struct dualsense *d, const struct input_event *e)
{
	uint8_t *p = d->report + (e->motion.gyro ? AT_GYRO : AT_ACCEL);
	float per_unit = e->motion.gyro ? (float)GYRO_PER_DEG_S : (float)ACCEL_PER_G / G_M_S2;

	put_le(p, (uint16_t)sensor(e->motion.x, per_unit), 2);
	put_le(p + 2, (uint16_t)sensor(e->motion.y, per_unit), 2);
	put_le(p + 4, (uint16_t)sensor(e->motion.z, per_unit), 2);
}

void dualsense_battery(struct dualsense *d, const struct input_event *e)
{
	enum { UNKNOWN, ABSENT, DISCHARGING, CHARGING, IDLE, FULL };
	uint8_t tenths = e->battery.percent > 100 ? 10 : e->battery.percent / 10;

	switch (e->battery.state) {
	case DISCHARGING:
		d->report[AT_BATTERY] = tenths;
		break;
	case CHARGING:
		d->report[AT_BATTERY] = 0x10 | tenths;
		break;
	case IDLE: /* plugged in: the pad's word for it is an error that shows 0 percent */
		d->report[AT_BATTERY] = tenths >= 10 ? 0x2a : 0x10 | tenths;
		break;
	default: /* full; or unknown, which must not look empty */
		d->report[AT_BATTERY] = 0x2a;
	}
}

void dualsense_stamp(struct dualsense *d, uint64_t now_ns)
{
	d->report[AT_SEQUENCE]++;
	put_le(d->report + AT_TIME, (uint32_t)(now_ns * 3 / 1000), 4);
}

/*
 * Each sensor: what it showed at rest (0), and at a known speed each way. 540 deg/s each way at 8640 makes 16 a degree
 * per second, and 1 g each way at 8192.
 */
static size_t calibration(uint8_t out[DUALSENSE_FIRMWARE_SIZE])
{
	const uint16_t speed = 540;

	for (unsigned axis = 0; axis < 3; axis++) {
		put_le(out + 7 + 4 * axis, (uint16_t)(speed * GYRO_PER_DEG_S), 2);
		put_le(out + 9 + 4 * axis, (uint16_t) - (speed * GYRO_PER_DEG_S), 2);
		put_le(out + 23 + 4 * axis, ACCEL_PER_G, 2);
		put_le(out + 25 + 4 * axis, (uint16_t)-ACCEL_PER_G, 2);
	}
	put_le(out + 19, speed, 2);
	put_le(out + 21, speed, 2);
	return DUALSENSE_CALIBRATION_SIZE;
}

size_t dualsense_feature(const struct dualsense *d, uint8_t report, uint8_t out[DUALSENSE_FIRMWARE_SIZE])
{
	memset(out, 0, DUALSENSE_FIRMWARE_SIZE);
	out[0] = report;
	switch (report) {
	case 0x05:
		return calibration(out);
	case 0x09: /* its MAC address, last byte first; then the host it is paired to */
		for (unsigned i = 0; i < 6; i++)
			out[1 + i] = d->mac[5 - i];
		return DUALSENSE_PAIRING_SIZE;
	case 0x20:
		memcpy(out + 1, "Jun 19 202314:47:34", 19); /* when it was built: any date */
		put_le(out + 24, 0x01000216, 4);            /* hardware */
		put_le(out + 28, 0x01000036, 4);            /* firmware */
		put_le(out + 44, 0x0630, 2);                /* features: of 2.21 and later, plain rumble */
		return DUALSENSE_FIRMWARE_SIZE;
	}
	return 0;
}

static void take_trigger(const uint8_t *p, uint8_t *type, uint8_t data[10])
{
	*type = p[0];
	memcpy(data, p + 1, 10);
}

static void output_triggers(struct dualsense *d, const uint8_t *p, const struct input_back *back, uint8_t pad)
{
	struct input_trigger_effect e = d->trigger;

	e.right = p[OUT_FLAGS0] & FLAGS0_TRIGGER_RIGHT;
	e.left = p[OUT_FLAGS0] & FLAGS0_TRIGGER_LEFT;
	if (e.right)
		take_trigger(p + OUT_TRIGGER_RIGHT, &e.right_type, e.right_data);
	if (e.left)
		take_trigger(p + OUT_TRIGGER_LEFT, &e.left_type, e.left_data);
	/* A game repeats them with every report. */
	e.right = e.right && (e.right_type != d->trigger.right_type ||
			      memcmp(e.right_data, d->trigger.right_data, sizeof(e.right_data)));
	e.left = e.left && (e.left_type != d->trigger.left_type ||
			    memcmp(e.left_data, d->trigger.left_data, sizeof(e.left_data)));
	d->trigger = e;
	if (e.right || e.left)
		back->trigger_effect(back->ctx, pad, &e);
}

void dualsense_output(struct dualsense *d, const uint8_t *data, size_t len, const struct input_back *back, uint8_t pad)
{
	struct rd r = rd_init(data, len);
	uint8_t number = rd_u8(&r);
	const uint8_t *p = rd_bytes(&r, DUALSENSE_OUTPUT_SIZE - 1);

	if (!p || number != 0x02)
		return;
	if ((p[OUT_FLAGS0] & FLAGS0_RUMBLE || p[OUT_FLAGS2] & FLAGS2_RUMBLE) &&
	    (p[OUT_MOTOR_LEFT] != d->left || p[OUT_MOTOR_RIGHT] != d->right)) {
		d->left = p[OUT_MOTOR_LEFT];
		d->right = p[OUT_MOTOR_RIGHT];
		back->rumble(back->ctx, pad, (uint16_t)(d->left * 257), (uint16_t)(d->right * 257));
	}
	if (p[OUT_FLAGS1] & FLAGS1_LIGHT && (!d->lit || memcmp(d->rgb, p + OUT_RED, 3))) {
		memcpy(d->rgb, p + OUT_RED, 3);
		d->lit = true;
		back->led(back->ctx, pad, d->rgb[0], d->rgb[1], d->rgb[2]);
	}
	output_triggers(d, p, back, pad);
}

void dualsense_tell(const struct dualsense *d, const struct input_back *back, uint8_t pad)
{
	struct input_trigger_effect e = d->trigger;

	if (d->left || d->right)
		back->rumble(back->ctx, pad, (uint16_t)(d->left * 257), (uint16_t)(d->right * 257));
	if (d->lit)
		back->led(back->ctx, pad, d->rgb[0], d->rgb[1], d->rgb[2]);
	e.right = e.right_type;
	e.left = e.left_type;
	if (e.right || e.left)
		back->trigger_effect(back->ctx, pad, &e);
}

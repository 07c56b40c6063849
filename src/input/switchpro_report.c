// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/switchpro_report.h"

#include <math.h>
#include <string.h>

#include "base/rd.h"
#include "base/str.h"

/* Input report 0x30, offsets with the report's number; 0x21 is alike up to AT_MOTION. */
enum {
	AT_TIMER = 1,
	AT_BATTERY,
	AT_BUTTONS, /* 3 bytes: right, middle, left */
	AT_LEFT = 6,
	AT_RIGHT = 9,
	AT_VIBRATOR = 12,
	AT_MOTION = 13, /* three samples of 12 bytes */
	AT_ACK = 13,
	AT_SUBCOMMAND,
	AT_REPLY,
};

enum { REPORT_FULL = 0x30, REPORT_REPLY = 0x21, REPORT_USB_REPLY = 0x81 };
enum { OUT_SUBCOMMAND = 0x01, OUT_RUMBLE = 0x10, OUT_USB = 0x80 };
enum { USB_STATUS = 0x01, USB_HANDSHAKE, USB_BAUD };
enum { SUB_INFO = 0x02, SUB_FLASH_READ = 0x10, SUB_FLASH_WRITE = 0x11 };

#define TYPE_PRO       0x03
#define FLASH_READ_MAX 0x1d

/* Sticks are 12 bits; the calibration below says so. */
#define STICK_MIDDLE 0x800
#define STICK_REACH  0x7ff

/* Units of the motion sensors; the calibration agrees. */
#define ACCEL_PER_G    4096
#define GYRO_PER_DEG_S 14.247f
#define G_M_S2         9.80665f

#define TRIGGER_DOWN 32 /* of 255: this pad's triggers are buttons */

/* Report items of HID 1.11, section 6.2.2: all reports are 63 bytes of the vendor's. */
#define REPORT(n, main) 0x85, (n), 0x09, (n), (main), 0x02

const uint8_t switchpro_descriptor[] = {
	0x05,
	0x01, /* generic desktop */
	0x09,
	0x05, /* game pad */
	0xa1,
	0x01, /* application */
	0x06,
	0x00,
	0xff, /* vendor */
	0x15,
	0x00,
	0x26,
	0xff,
	0x00, /* bytes */
	0x75,
	0x08,
	0x95,
	SWITCHPRO_REPORT_SIZE - 1,
	REPORT(REPORT_FULL, 0x81),
	REPORT(REPORT_REPLY, 0x81),
	REPORT(REPORT_USB_REPLY, 0x81),
	REPORT(OUT_SUBCOMMAND, 0x91),
	REPORT(OUT_RUMBLE, 0x91),
	REPORT(OUT_USB, 0x91),
	0xc0,
};
const size_t switchpro_descriptor_len = sizeof(switchpro_descriptor);

/* By place, not by what is printed on it: south is this pad's B. */
static const struct {
	uint32_t bit; /* enum pad_button */
	uint8_t byte, mask;
} buttons[] = {
	{PAD_X, 0, 0x01},                                              /* Y */
	{PAD_Y, 0, 0x02},                                              /* X */
	{PAD_A, 0, 0x04},                                              /* B */
	{PAD_B, 0, 0x08},                                              /* A */
	{PAD_RB, 0, 0x40},                                             /* R; 0x80: ZR */
	{PAD_BACK, 1, 0x01},                                           /* minus */
	{PAD_START, 1, 0x02},                                          /* plus */
	{PAD_R3, 1, 0x04},    {PAD_L3, 1, 0x08}, {PAD_GUIDE, 1, 0x10}, /* home */
	{PAD_MISC, 1, 0x20},                                           /* capture */
	{PAD_DOWN, 2, 0x01},  {PAD_UP, 2, 0x02}, {PAD_RIGHT, 2, 0x04},
	{PAD_LEFT, 2, 0x08},  {PAD_LB, 2, 0x40}, /* L; 0x80: ZL */
};

static void put_le16(uint8_t *p, int v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)((unsigned)v >> 8);
}

static void put_pair(uint8_t p[3], unsigned x, unsigned y)
{
	p[0] = (uint8_t)x;
	p[1] = (uint8_t)(x >> 8 | y << 4);
	p[2] = (uint8_t)(y >> 4);
}

void switchpro_init(struct switchpro *s, const uint8_t mac[6])
{
	struct input_event neutral = {.type = INPUT_PAD_STATE};
	struct input_event flat = {.type = INPUT_PAD_MOTION, .motion = {.y = G_M_S2}};

	memset(s, 0, sizeof(*s));
	memcpy(s->mac, mac, sizeof(s->mac));
	s->report[0] = REPORT_FULL;
	s->report[AT_BATTERY] = 4 << 5 | 1;
	s->report[AT_VIBRATOR] = 0x09; /* it may be told to rumble */
	switchpro_state(s, &neutral);
	switchpro_motion(s, &flat);
}

static unsigned stick(int v)
{
	if (v < -INT16_MAX)
		v = -INT16_MAX;
	return (unsigned)(STICK_MIDDLE + v * STICK_REACH / INT16_MAX);
}

/* Up is more on the pad as well. */
void switchpro_state(struct switchpro *s, const struct input_event *e)
{
	uint8_t *b = s->report + AT_BUTTONS;

	memset(b, 0, 3);
	for (size_t i = 0; i < ARRAY_LEN(buttons); i++)
		if (e->state.buttons & buttons[i].bit)
			b[buttons[i].byte] |= buttons[i].mask;
	if (e->state.rt >= TRIGGER_DOWN)
		b[0] |= 0x80;
	if (e->state.lt >= TRIGGER_DOWN)
		b[2] |= 0x80;
	put_pair(s->report + AT_LEFT, stick(e->state.lx), stick(e->state.ly));
	put_pair(s->report + AT_RIGHT, stick(e->state.rx), stick(e->state.ry));
}

static int sensor(float v, float per_unit)
{
	float raw = roundf(v * per_unit);

	return (int)(isnan(raw) ? 0.0f : raw >= 32767.0f ? 32767.0f : raw > -32768.0f ? raw : -32768.0f);
}

/* The pad's axes: x away from the player, y to the left, z up. The client's are x to the right, y up, z towards the
 * player (2-media 6.1). The three samples of a report are the newest one. */
void switchpro_motion(struct switchpro *s, const struct input_event *e)
{
	float per_unit = e->motion.gyro ? GYRO_PER_DEG_S : (float)ACCEL_PER_G / G_M_S2;
	uint8_t *p = s->report + AT_MOTION + (e->motion.gyro ? 6 : 0);

	for (unsigned i = 0; i < 3; i++, p += 12) {
		put_le16(p, sensor(-e->motion.z, per_unit));
		put_le16(p + 2, sensor(-e->motion.x, per_unit));
		put_le16(p + 4, sensor(e->motion.y, per_unit));
	}
}

/* Level 0 to 4 in the upper three bits, charging, powered. */
void switchpro_battery(struct switchpro *s, const struct input_event *e)
{
	enum { DISCHARGING = 2, CHARGING, IDLE, FULL };
	uint8_t percent = e->battery.percent, level = percent >= 75   ? 4
						      : percent >= 50 ? 3
						      : percent >= 25 ? 2
						      : percent >= 10 ? 1
								      : 0;

	switch (e->battery.state) {
	case DISCHARGING:
		s->report[AT_BATTERY] = (uint8_t)(level << 5);
		break;
	case CHARGING:
		s->report[AT_BATTERY] = (uint8_t)(level << 5 | 0x10 | 1);
		break;
	case IDLE:
		s->report[AT_BATTERY] = (uint8_t)(level << 5 | 1);
		break;
	default: /* full; or unknown, which must not look empty */
		s->report[AT_BATTERY] = 4 << 5 | 1;
	}
}

void switchpro_stamp(struct switchpro *s, uint64_t now_ns)
{
	s->report[AT_TIMER] = (uint8_t)(now_ns / 5000000);
}

/* Its flash as far as anybody asks: what is not written reads as 0xff, so there is no calibration by a user. */
static void flash_fill(uint8_t *out, uint32_t at, size_t n)
{
	static const struct {
		uint32_t at;
		uint8_t len, data[24];
	} parts[] = {
		/* motion: at rest 0; scales of 4 g at 16384 and of 936 degrees a second at 13335 */
		{0x6020, 24, {0, 0, 0, 0, 0, 0, 0x00, 0x40, 0x00, 0x40, 0x00, 0x40,
			      0, 0, 0, 0, 0, 0, 0x17, 0x34, 0x17, 0x34, 0x17, 0x34}},
		/* left stick: reach upwards, middle, reach downwards, as pairs of x and y */
		{0x603d, 9, {0xff, 0xf7, 0x7f, 0x00, 0x08, 0x80, 0xff, 0xf7, 0x7f}},
		/* right stick: middle, downwards, upwards */
		{0x6046, 9, {0x00, 0x08, 0x80, 0xff, 0xf7, 0x7f, 0xff, 0xf7, 0x7f}},
		/* colours of body, buttons and grips */
		{0x6050, 12, {0x32, 0x32, 0x32, 0xe6, 0xe6, 0xe6, 0x32, 0x32, 0x32, 0x32, 0x32, 0x32}},
	};

	memset(out, 0xff, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_LEN(parts); k++)
			if (at + i - parts[k].at < parts[k].len) /* unsigned: also not below it */
				out[i] = parts[k].data[at + i - parts[k].at];
}

static void answer_usb(const struct switchpro *s, uint8_t command, uint8_t *reply)
{
	reply[0] = REPORT_USB_REPLY;
	reply[1] = command;
	if (command != USB_STATUS)
		return;
	reply[3] = TYPE_PRO;
	for (unsigned i = 0; i < 6; i++)
		reply[4 + i] = s->mac[5 - i];
}

static void answer_subcommand(const struct switchpro *s, uint8_t command, struct rd *args, uint8_t *reply)
{
	uint8_t *out = reply + AT_REPLY;
	uint32_t at;
	uint8_t n;

	memcpy(reply, s->report, AT_ACK);
	reply[0] = REPORT_REPLY;
	reply[AT_ACK] = 0x80;
	reply[AT_SUBCOMMAND] = command;
	switch (command) {
	case SUB_INFO:
		reply[AT_ACK] = 0x82;
		memcpy(out, (uint8_t[]){0x04, 0x33, TYPE_PRO, 0x02}, 4); /* firmware, kind */
		memcpy(out + 4, s->mac, 6);
		memcpy(out + 10, (uint8_t[]){0x01, 0x01}, 2); /* the colours are in the flash */
		break;
	case SUB_FLASH_READ:
		at = rd_le32(args);
		n = rd_u8(args);
		if (!rd_ok(args) || n > FLASH_READ_MAX) {
			reply[AT_ACK] = 0;
			break;
		}
		reply[AT_ACK] = 0x90;
		for (unsigned i = 0; i < 4; i++)
			out[i] = (uint8_t)(at >> (8 * i));
		out[4] = n;
		flash_fill(out + 5, at, n);
		break;
	case SUB_FLASH_WRITE:
		out[0] = 0x01; /* protected */
		break;
	default: /* modes, lights, switches: done */
		break;
	}
}

/* Level 0 to 100 of a motor as an amplitude: growing by powers of two, slower the higher. */
static uint16_t amplitude(unsigned level)
{
	float a;

	if (!level)
		return 0;
	if (level < 16)
		a = 0.010f * exp2f((float)(level - 1) / 4.0f);
	else if (level < 32)
		a = exp2f((float)level / 16.0f) / 17.0f;
	else
		a = exp2f((float)level / 32.0f) / 8.7f;
	return a >= 1.0f ? UINT16_MAX : (uint16_t)lrintf(a * UINT16_MAX);
}

/* One motor: four bytes with the frequency and level of a high and a low band. */
static void decode_motor(const uint8_t m[4], uint16_t *low, uint16_t *high)
{
	unsigned high_level = m[1] >> 1, low_level = m[3] < 0x40 ? 0 : (m[3] - 0x40u) * 2 + (m[2] >> 7);

	*high = amplitude(high_level > 100 ? 100 : high_level);
	*low = amplitude(low_level > 100 ? 100 : low_level);
}

/*
 * The kernel's driver puts the strong motor on the left and the weak one on the right, each in both bands; SDL puts
 * them into the bands and both sides alike.
 */
static void take_rumble(struct switchpro *s, const uint8_t m[8], const struct input_back *back, uint8_t pad)
{
	uint16_t low[2], high[2], strong, weak;

	decode_motor(m, &low[0], &high[0]);
	decode_motor(m + 4, &low[1], &high[1]);
	if (low[0] == low[1] && high[0] == high[1]) {
		strong = low[0];
		weak = high[0];
	} else {
		strong = low[0] > high[0] ? low[0] : high[0];
		weak = low[1] > high[1] ? low[1] : high[1];
	}
	if (strong == s->low && weak == s->high)
		return;
	s->low = strong;
	s->high = weak;
	back->rumble(back->ctx, pad, strong, weak);
}

bool switchpro_output(struct switchpro *s, const uint8_t *data, size_t len, const struct input_back *back, uint8_t pad,
		      uint8_t reply[SWITCHPRO_REPORT_SIZE])
{
	struct rd r = rd_init(data, len);
	uint8_t number = rd_u8(&r), command;
	const uint8_t *motors;

	memset(reply, 0, SWITCHPRO_REPORT_SIZE);
	switch (number) {
	case OUT_USB:
		command = rd_u8(&r);
		if (command < USB_STATUS || command > USB_BAUD) /* to stay on USB or not: has no answer */
			return false;
		answer_usb(s, command, reply);
		return true;
	case OUT_SUBCOMMAND:
	case OUT_RUMBLE:
		rd_skip(&r, 1); /* counts packets */
		motors = rd_bytes(&r, 8);
		if (motors)
			take_rumble(s, motors, back, pad);
		if (number == OUT_RUMBLE)
			return false;
		command = rd_u8(&r);
		if (!rd_ok(&r))
			return false;
		answer_subcommand(s, command, &r, reply);
		return true;
	}
	return false;
}

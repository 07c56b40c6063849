// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/input_script.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wr.h"
#include "probe/control.h"
#include "probe/control_msg.h"
#include "probe/sdp.h"

#define WORDS     16u
#define LINE_MAX_ 1024u

const char input_script_help[] =
	"key VK down|up|tap [MODIFIERS] [raw]; text WORDS; mouse DX DY; abs X Y W H; button N down|up|click;\n"
	"      scroll N; hscroll N; pad arrival N TYPE CAPS BUTTONS; pad state N MASK BUTTONS LT RT LX LY RX RY;\n"
	"      pad touch N EVENT POINTER X Y PRESSURE [PAD]; pad motion N TYPE X Y Z; pad battery N STATE PERCENT;\n"
	"      touch EVENT ID X Y PRESSURE MAJOR MINOR ROTATION; pen EVENT TOOL BUTTONS X Y PRESSURE ROTATION TILT\n"
	"      MAJOR MINOR; sleep MS; raw HEX; message TYPE HEX; # comment";

enum magic {
	MAGIC_KEY_DOWN = 0x03,
	MAGIC_KEY_UP = 0x04,
	MAGIC_ABS = 0x05,
	MAGIC_MOUSE = 0x07,
	MAGIC_BUTTON_DOWN = 0x08,
	MAGIC_BUTTON_UP = 0x09,
	MAGIC_SCROLL = 0x0a,
	MAGIC_PAD = 0x0c,
	MAGIC_HAPTICS = 0x0d,
	MAGIC_TEXT = 0x17,
	MAGIC_HSCROLL = 0x55000001,
	MAGIC_TOUCH = 0x55000002,
	MAGIC_PEN = 0x55000003,
	MAGIC_ARRIVAL = 0x55000004,
	MAGIC_PAD_TOUCH = 0x55000005,
	MAGIC_PAD_MOTION = 0x55000006,
	MAGIC_PAD_BATTERY = 0x55000007,
};

struct line {
	struct input_script *s;
	char *word[WORDS];
	const char *rest; /* the line behind its first word */
	unsigned n, at;
	uint32_t sleep_ms; /* not yet given to an event */
	int err;
	char copy[LINE_MAX_];
};

static struct input_event *new_event(struct line *l, unsigned channel, bool reliable)
{
	struct input_script *s = l->s;
	struct input_event *e;

	if (l->err)
		return NULL;
	if (s->n == INPUT_EVENTS_MAX) {
		l->err = -E2BIG;
		return NULL;
	}
	if (s->n == s->cap) {
		unsigned cap = s->cap ? 2 * s->cap : 64;

		e = realloc(s->event, cap * sizeof(*e));
		if (!e) {
			l->err = -ENOMEM;
			return NULL;
		}
		s->event = e;
		s->cap = cap;
	}
	e = &s->event[s->n++];
	*e = (struct input_event){
		.type = CONTROL_INPUT, .channel = (uint8_t)channel, .reliable = reliable, .sleep_ms = l->sleep_ms};
	l->sleep_ms = 0;
	return e;
}

/* An input packet: header here, body by the caller, then packet_end(). */
static struct wr packet_begin(struct line *l, struct input_event **e, unsigned channel, bool reliable, uint32_t magic)
{
	struct wr w;

	*e = new_event(l, channel, reliable);
	if (!*e)
		return (struct wr){.err = true};
	w = wr_init((*e)->body, sizeof((*e)->body));
	wr_be32(&w, 0);
	wr_le32(&w, magic);
	return w;
}

static void packet_end(struct line *l, struct input_event *e, struct wr *w)
{
	if (!e)
		return;
	if (!wr_ok(w)) {
		l->err = -EINVAL;
		return;
	}
	e->len = (uint8_t)wr_len(w);
	put_be32(e->body, e->len - 4u);
}

static const char *word(struct line *l)
{
	if (l->at == l->n) {
		l->err = l->err ? l->err : -EINVAL;
		return "";
	}
	return l->word[l->at++];
}

static long number(struct line *l)
{
	const char *w = word(l);
	char *end;
	long v;

	errno = 0;
	v = strtol(w, &end, 0);
	if (l->err || errno || end == w || *end)
		l->err = l->err ? l->err : -EINVAL;
	return v;
}

static void wr_float(struct wr *w, struct line *l)
{
	const char *text = word(l);
	char *end;
	float f = strtof(text, &end);
	uint32_t bits;

	if (end == text || *end)
		l->err = l->err ? l->err : -EINVAL;
	memcpy(&bits, &f, sizeof(bits));
	wr_le32(w, bits);
}

static void put_key(struct line *l, long vk, bool down, long modifiers, bool raw)
{
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_KEYBOARD, true, down ? MAGIC_KEY_DOWN : MAGIC_KEY_UP);

	wr_u8(&w, raw);
	wr_le16(&w, (uint16_t)(0x8000 | vk));
	wr_u8(&w, (uint8_t)modifiers);
	wr_le16(&w, 0);
	packet_end(l, e, &w);
}

static void parse_key(struct line *l)
{
	long vk = number(l), modifiers = 0;
	const char *how = word(l);
	bool tap = strcmp(how, "tap") == 0, down = tap || strcmp(how, "down") == 0, raw = false;

	if (!down && strcmp(how, "up") != 0)
		l->err = -EINVAL;
	while (!l->err && l->at < l->n) {
		if (strcmp(l->word[l->at], "raw") == 0) {
			raw = true;
			l->at++;
		} else {
			modifiers = number(l);
		}
	}
	put_key(l, vk, down, modifiers, raw);
	if (tap)
		put_key(l, vk, false, modifiers, raw);
}

static void parse_text(struct line *l)
{
	const char *p = l->rest;

	if (!*p || !utf8_valid(p, strlen(p)))
		l->err = -EINVAL;
	while (!l->err && *p) {
		size_t n = 1;
		struct input_event *e;
		struct wr w = packet_begin(l, &e, CHANNEL_TEXT, true, MAGIC_TEXT);

		while ((p[n] & 0xc0) == 0x80)
			n++;
		wr_bytes(&w, p, n);
		packet_end(l, e, &w);
		p += n;
	}
	l->at = l->n;
}

static void put_mouse(struct line *l, long dx, long dy)
{
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_MOUSE, true, MAGIC_MOUSE);

	wr_be16(&w, (uint16_t)dx);
	wr_be16(&w, (uint16_t)dy);
	packet_end(l, e, &w);
}

static void parse_mouse(struct line *l)
{
	long dx = number(l), dy = number(l);

	put_mouse(l, dx, dy);
}

static void parse_abs(struct line *l)
{
	long x = number(l), y = number(l), width = number(l), height = number(l);
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_MOUSE, true, MAGIC_ABS);

	wr_be16(&w, (uint16_t)x);
	wr_be16(&w, (uint16_t)y);
	wr_be16(&w, 0);
	wr_be16(&w, (uint16_t)(width - 1));
	wr_be16(&w, (uint16_t)(height - 1));
	packet_end(l, e, &w);
}

static void put_button(struct line *l, long n, bool down)
{
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_MOUSE, true, down ? MAGIC_BUTTON_DOWN : MAGIC_BUTTON_UP);

	wr_u8(&w, (uint8_t)n);
	packet_end(l, e, &w);
}

static void parse_button(struct line *l)
{
	long n = number(l);
	const char *how = word(l);
	bool click = strcmp(how, "click") == 0, down = click || strcmp(how, "down") == 0;

	if (!down && strcmp(how, "up") != 0)
		l->err = -EINVAL;
	put_button(l, n, down);
	if (click)
		put_button(l, n, false);
}

static void parse_scroll(struct line *l)
{
	uint16_t amount = (uint16_t)number(l);
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_MOUSE, true, MAGIC_SCROLL);

	wr_be16(&w, amount);
	wr_be16(&w, amount);
	wr_be16(&w, 0);
	packet_end(l, e, &w);
}

static void parse_hscroll(struct line *l)
{
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_MOUSE, true, MAGIC_HSCROLL);

	wr_be16(&w, (uint16_t)number(l));
	packet_end(l, e, &w);
}

/* Hover (0), move (3) and the like may be lost; what changes contact may not. */
static bool must_arrive(long event)
{
	return event != 0 && event != 3;
}

static void pad_arrival(struct line *l, long n)
{
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_PAD + ((unsigned)n & 15), true, MAGIC_ARRIVAL);

	wr_u8(&w, (uint8_t)n);
	wr_u8(&w, (uint8_t)number(l));
	wr_le16(&w, (uint16_t)number(l));
	wr_le32(&w, (uint32_t)number(l));
	packet_end(l, e, &w);
}

static void pad_state(struct line *l, long n)
{
	long mask = number(l), buttons = number(l);
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_PAD + ((unsigned)n & 15), true, MAGIC_PAD);

	wr_le16(&w, 0x1a);
	wr_le16(&w, (uint16_t)n);
	wr_le16(&w, (uint16_t)mask);
	wr_le16(&w, 0x14);
	wr_le16(&w, (uint16_t)buttons);
	wr_u8(&w, (uint8_t)number(l));
	wr_u8(&w, (uint8_t)number(l));
	for (unsigned i = 0; i < 4; i++)
		wr_le16(&w, (uint16_t)number(l));
	wr_le16(&w, 0x9c);
	wr_le16(&w, (uint16_t)(buttons >> 16));
	wr_le16(&w, 0x55);
	packet_end(l, e, &w);
}

static void pad_touch(struct line *l, long n)
{
	long event = number(l), pointer = number(l);
	long touchpad = l->n > 8 ? strtol(l->word[8], NULL, 0) : 0;
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_PAD + ((unsigned)n & 15), must_arrive(event), MAGIC_PAD_TOUCH);

	wr_u8(&w, (uint8_t)n);
	wr_u8(&w, (uint8_t)event);
	wr_u8(&w, 0);
	wr_u8(&w, (uint8_t)touchpad);
	wr_le32(&w, (uint32_t)pointer);
	for (unsigned i = 0; i < 3; i++)
		wr_float(&w, l);
	l->at += l->n > l->at;
	if (e)
		e->needs = HOST_PAD_TOUCH;
	packet_end(l, e, &w);
}

static void pad_motion(struct line *l, long n)
{
	long type = number(l);
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_SENSOR + ((unsigned)n & 15), false, MAGIC_PAD_MOTION);

	wr_u8(&w, (uint8_t)n);
	wr_u8(&w, (uint8_t)type);
	wr_le16(&w, 0);
	for (unsigned i = 0; i < 3; i++)
		wr_float(&w, l);
	if (e) {
		static const uint8_t zero[12];

		e->needs = HOST_PAD_TOUCH;
		/* The gyroscope's rest is the one sample that must not be lost. */
		e->reliable = type == 2 && memcmp(e->body + 12, zero, sizeof(zero)) == 0;
	}
	packet_end(l, e, &w);
}

static void pad_battery(struct line *l, long n)
{
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_PAD + ((unsigned)n & 15), true, MAGIC_PAD_BATTERY);

	wr_u8(&w, (uint8_t)n);
	wr_u8(&w, (uint8_t)number(l));
	wr_u8(&w, (uint8_t)number(l));
	wr_u8(&w, 0);
	packet_end(l, e, &w);
}

static void parse_pad(struct line *l)
{
	static const struct {
		const char *name;
		void (*parse)(struct line *l, long n);
	} kinds[] = {{"arrival", pad_arrival},
		     {"state", pad_state},
		     {"touch", pad_touch},
		     {"motion", pad_motion},
		     {"battery", pad_battery}};
	const char *what = word(l);
	long n = number(l);

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(what, kinds[i].name) == 0) {
			kinds[i].parse(l, n);
			return;
		}
	}
	l->err = -EINVAL;
}

static void parse_touch(struct line *l)
{
	long event = number(l), id = number(l);
	char *rotation = l->n > 8 ? l->word[8] : NULL;
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_TOUCH, must_arrive(event), MAGIC_TOUCH);

	wr_u8(&w, (uint8_t)event);
	wr_u8(&w, 0);
	wr_le16(&w, rotation ? (uint16_t)strtol(rotation, NULL, 0) : 0);
	wr_le32(&w, (uint32_t)id);
	for (unsigned i = 0; i < 5; i++)
		wr_float(&w, l);
	(void)number(l); /* the rotation, already placed */
	if (e)
		e->needs = HOST_PEN_TOUCH;
	packet_end(l, e, &w);
}

static void parse_pen(struct line *l)
{
	long event = number(l), tool = number(l), buttons = number(l);
	struct input_event *e;
	struct wr w = packet_begin(l, &e, CHANNEL_PEN, must_arrive(event), MAGIC_PEN);

	wr_u8(&w, (uint8_t)event);
	wr_u8(&w, (uint8_t)tool);
	wr_u8(&w, (uint8_t)buttons);
	wr_u8(&w, 0);
	for (unsigned i = 0; i < 3; i++)
		wr_float(&w, l);
	wr_le16(&w, (uint16_t)number(l));
	wr_u8(&w, (uint8_t)number(l));
	wr_u8(&w, 0);
	for (unsigned i = 0; i < 2; i++)
		wr_float(&w, l);
	if (e)
		e->needs = HOST_PEN_TOUCH;
	packet_end(l, e, &w);
}

static void parse_sleep(struct line *l)
{
	long ms = number(l);

	if (ms < 0 || ms > 3600000)
		l->err = -EINVAL;
	else
		l->sleep_ms += (uint32_t)ms;
}

static void put_hex(struct line *l, uint16_t type)
{
	const char *hex = l->at < l->n ? l->word[l->at++] : "";
	struct input_event *e = new_event(l, CHANNEL_GENERIC, true);
	int n;

	if (!e)
		return;
	n = hex_decode(e->body, sizeof(e->body), hex, strlen(hex));
	if (n < 0)
		l->err = -EINVAL;
	else
		e->len = (uint8_t)n;
	e->type = type;
}

static void parse_raw(struct line *l)
{
	put_hex(l, CONTROL_INPUT);
}

static void parse_message(struct line *l)
{
	put_hex(l, (uint16_t)number(l));
}

static void parse_line(struct line *l, char *text)
{
	static const struct {
		const char *name;
		void (*parse)(struct line *l);
	} verbs[] = {{"key", parse_key},         {"text", parse_text},     {"mouse", parse_mouse},
		     {"abs", parse_abs},         {"button", parse_button}, {"scroll", parse_scroll},
		     {"hscroll", parse_hscroll}, {"pad", parse_pad},       {"touch", parse_touch},
		     {"pen", parse_pen},         {"sleep", parse_sleep},   {"raw", parse_raw},
		     {"message", parse_message}};
	char *save = NULL;

	/* "text" needs its words as they stand, the others the words apart. */
	strcpy(l->copy, text);
	l->rest = l->copy + strcspn(l->copy, " \t");
	l->rest += *l->rest != 0;
	l->n = l->at = 0;
	for (char *w = strtok_r(text, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		if (l->n == WORDS && strncmp(l->copy, "text", 4) != 0)
			l->err = -EINVAL;
		if (l->n < WORDS)
			l->word[l->n++] = w;
	}
	if (!l->n || l->err)
		return;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(l->word[0], verbs[i].name) != 0)
			continue;
		l->at = 1;
		verbs[i].parse(l);
		if (l->at != l->n)
			l->err = l->err ? l->err : -EINVAL;
		return;
	}
	l->err = -EINVAL;
}

int input_script_parse(struct input_script *s, const char *text, size_t len, unsigned *line)
{
	struct line l = {.s = s};
	const char *p = text, *end = text + len;

	*line = 0;
	while (p < end && !l.err) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		char buf[LINE_MAX_];

		++*line;
		if (n >= sizeof(buf) || memchr(p, 0, n))
			return -EINVAL;
		memcpy(buf, p, n);
		buf[n] = 0;
		p += n + 1;
		if (n && buf[n - 1] == '\r')
			buf[n - 1] = 0;
		for (n = 0; isspace((unsigned char)buf[n]);)
			n++;
		if (buf[n] != '#')
			parse_line(&l, buf + n);
	}
	if (!l.err && l.sleep_ms) {
		struct input_event *e = new_event(&l, CHANNEL_GENERIC, true);

		if (e)
			e->type = 0;
	}
	return l.err;
}

int input_script_hello(struct input_script *s)
{
	struct line l = {.s = s};
	struct input_event *e;
	struct wr w = packet_begin(&l, &e, CHANNEL_GENERIC, true, MAGIC_HAPTICS);

	wr_le16(&w, 1);
	packet_end(&l, e, &w);
	put_mouse(&l, 1, 1);
	l.sleep_ms = 10;
	put_mouse(&l, -1, -1);
	return l.err;
}

void input_script_finish(struct input_script *s)
{
	free(s->event);
	*s = (struct input_script){0};
}

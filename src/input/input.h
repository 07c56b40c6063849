// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Input events of a client, parsed, validated and clamped by input/packet.c, handed to the back end of its session on
 * the control thread: from the packet to the device without a queue. Wire facts: 2-media 6.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_PADS_MAX 16

enum input_type {
	INPUT_HAPTICS, /* the client takes rumble */
	INPUT_KEY,
	INPUT_TEXT, /* one code point of UTF-8 */
	INPUT_MOUSE_REL,
	INPUT_MOUSE_ABS,
	INPUT_MOUSE_BUTTON,
	INPUT_SCROLL, /* vertical */
	INPUT_HSCROLL,
	INPUT_PAD_ARRIVAL,
	INPUT_PAD_STATE,
	INPUT_PAD_GONE, /* from the front only: unplugged */
	INPUT_PAD_TOUCH,
	INPUT_PAD_MOTION,
	INPUT_PAD_BATTERY,
	INPUT_TOUCH,
	INPUT_PEN,
};

enum pointer_event {
	POINTER_HOVER,
	POINTER_DOWN,
	POINTER_UP,
	POINTER_MOVE,
	POINTER_CANCEL,
	POINTER_BUTTON,
	POINTER_HOVER_LEAVE,
	POINTER_CANCEL_ALL,
};

struct input_event {
	enum input_type type;
	union {
		struct {
			uint8_t vk;        /* Windows virtual key, US positions unless raw */
			uint8_t modifiers; /* 1 shift, 2 ctrl, 4 alt, 8 meta */
			bool down, raw;    /* raw: not normalised to positions */
		} key;
		struct {
			char utf8[5]; /* terminated */
			uint32_t code_point;
		} text;
		struct {
			int16_t dx, dy;
		} rel;
		struct {
			float x, y; /* 0..1 of the picture */
		} abs;
		struct {
			uint8_t button; /* 1 left, 2 middle, 3 right, 4, 5 */
			bool down;
		} button;
		struct {
			int16_t amount;  /* 120 a notch, up and right positive */
			int16_t notches; /* whole notches that this event completes; set by the front */
		} scroll;
		struct {
			uint8_t pad, kind; /* kind: 0 unknown 1 Xbox 2 PlayStation 3 Nintendo 4 Steam */
			uint16_t caps;
			uint32_t buttons;
		} arrival;
		struct {
			uint8_t pad;
			uint16_t active; /* bit mask of pads that exist */
			uint32_t buttons;
			uint8_t lt, rt;
			int16_t lx, ly, rx, ry; /* +y is up */
		} state;
		struct {
			uint8_t pad;
		} gone;
		struct {
			uint8_t pad, touchpad;
			enum pointer_event event;
			uint32_t id;
			float x, y, pressure;
		} pad_touch;
		struct {
			uint8_t pad;
			bool gyro; /* deg/s, else m/s^2 */
			float x, y, z;
		} motion;
		struct {
			uint8_t pad, state, percent; /* percent: 0..100, 255 unknown */
		} battery;
		struct {
			enum pointer_event event;
			uint32_t id;
			float x, y;            /* 0..1 */
			float pressure;        /* 0..1; distance while hovering; 0: unknown */
			float major, minor;    /* contact, 0..1; 0: unknown */
			uint16_t rotation;     /* degrees, 0xffff unknown */
			uint8_t tilt;          /* pen: degrees, 0xff unknown */
			uint8_t tool, buttons; /* pen */
		} pointer;
	};
};

/* A DualSense trigger effect for the client's own pad, opaque to both of us (2-media 5.4). */
struct input_trigger_effect {
	bool right, left; /* which of the two are meant */
	uint8_t right_type, left_type, right_data[10], left_data[10];
};

/* Back channel to the client, posted by back ends from any thread; wait-free, merged to the newest per pad. */
struct input_back {
	void (*rumble)(void *ctx, uint8_t pad, uint16_t low, uint16_t high);
	void (*rumble_triggers)(void *ctx, uint8_t pad, uint16_t left, uint16_t right);
	void (*motion_wanted)(void *ctx, uint8_t pad, bool gyro, uint16_t hz);
	void (*led)(void *ctx, uint8_t pad, uint8_t r, uint8_t g, uint8_t b);
	/* Control thread only: too wide for an atomic. */
	void (*trigger_effect)(void *ctx, uint8_t pad, const struct input_trigger_effect *e);
	void *ctx;
};

/* Kinds of devices; each is served by one back end of a session. */
enum input_class {
	INPUT_CLASS_KEYBOARD, /* keys and text */
	INPUT_CLASS_MOUSE,    /* both pointers, buttons, scroll */
	INPUT_CLASS_TOUCH,
	INPUT_CLASS_PEN,
	INPUT_CLASS_PADS,
	INPUT_CLASSES,
};

extern const char *const input_class_name[INPUT_CLASSES];

/* Where the captured picture lies among the desktop's outputs, in logical pixels: absolute positions are of it. */
struct input_place {
	int x, y, width, height; /* width 0: not known, a back end takes the output that it thinks best */
};

/* One session's input: which back end serves each class, and what the client holds. */
struct input;

struct input_params {
	const char *backend;      /* a back end's name, or "auto": for each class the first that works here */
	const char *log_file;     /* of the log back end; "": standard error */
	const char *pad_kind;     /* "auto": as the client says; else the name of a pad kind (input/pad.h) */
	const char *portal_token; /* file of the consent to input through the portal; NULL: none is kept */
	const char *seat;         /* short stable id of the client, for the names of its devices; printable ASCII */
	const struct input_back *back; /* outlives the input; NULL: nobody listens */
	struct input_place place;
};

/*
 * Main thread opens and closes while no control session uses the object; in between it is the control thread's. Strings
 * of p are copied. A class that nothing serves is not an error with "auto": its events are dropped, input_shown() says
 * why. With a name: -ENOTSUP: unknown; -errno of its open.
 */
int input_open(struct input **out, const struct input_params *p);
void input_close(struct input *in); /* releases everything first; accepts NULL */

/* Control thread. What is redundant or impossible is dropped here. */
void input_event(struct input *in, const struct input_event *e);
/* Keys, buttons, contacts, pen up; pads back to neutral, but they stay. */
void input_release_all(struct input *in);
/*
 * Main thread, between streams. A client that is back tells of the pads that it has, and of no pads it tells nothing:
 * after ns those from before that it has not named go. 0: nobody is waited for any more. -errno: they stay.
 */
int input_await_pads(struct input *in, uint64_t ns);
/* Readable when a device has something to say (rumble, light, a question of the kernel): then input_dispatch(),
 * control thread, does not block. */
int input_fd(const struct input *in);
void input_dispatch(struct input *in);

/* For status: the back end's name or what keeps it from working yet, or why there is none. Valid until close. */
const char *input_shown(const struct input *in, enum input_class c);

/* Parses one input packet (payload of control message 0x0206), every field clamped to the ranges above; events that
 * only the front makes are never returned. -EBADMSG: malformed, -ENOTSUP: unknown magic. Pure. */
int input_packet_parse(struct input_event *e, const uint8_t *data, size_t len);

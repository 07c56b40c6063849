// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * GNOME: keys, text and pointer through org.gnome.Mutter.RemoteDesktop on the session bus. No permission and no
 * question, but only for programs of the user's own session. Absolute positions are those of a stream, so a ScreenCast
 * session of the place that is captured, or else of the primary monitor, goes with it; nobody reads its pictures.
 *
 * From version 45 on the session has a socket for libei, too: that way text knows the layout, and positions name the
 * stream. Whether it has is asked of the session itself.
 *
 * Touch is left to the kernel's devices: Mutter (43, and 48 through libei) may crash when its last touch device goes,
 * as ours would with each session (doc/input-desktops.md).
 *
 * The bus belongs to whoever owns the input at that moment: open() asks only the bus itself, Mutter answers step by
 * step on the control thread. Interface: data/dbus-interfaces of Mutter 43, unchanged since 3.28 but for additions.
 */
#include "input/backend.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "build_config.h"
#include "bus/bus.h"
#include "input/ei.h"
#include "input/keymap.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define DESKTOP         "org.gnome.Mutter.RemoteDesktop"
#define DESKTOP_PATH    "/org/gnome/Mutter/RemoteDesktop"
#define DESKTOP_SESSION "org.gnome.Mutter.RemoteDesktop.Session"
#define CAST            "org.gnome.Mutter.ScreenCast"
#define CAST_PATH       "/org/gnome/Mutter/ScreenCast"
#define CAST_SESSION    "org.gnome.Mutter.ScreenCast.Session"
#define CAST_STREAM     "org.gnome.Mutter.ScreenCast.Stream"
#define PROPERTIES      "org.freedesktop.DBus.Properties"
#define INTROSPECTABLE  "org.freedesktop.DBus.Introspectable"

#define WAIT_NS        (300 * NS_PER_MS) /* for a bus on this machine */
#define PATH_SIZE      160
#define MAPPING_SIZE   64
#define STEP_PER_NOTCH 10.0 /* of smooth scrolling, as libinput has it */

/* Symbols of X11 that are not their own character. */
#define XKB_BACKSPACE 0xff08
#define XKB_TAB       0xff09
#define XKB_RETURN    0xff0d
#define XKB_SHIFT_L   0xffe1
#define XKB_CONTROL_L 0xffe3

enum axis { AXIS_VERTICAL, AXIS_HORIZONTAL };

enum { OWNER_UNKNOWN, OWNER_NONE, OWNER_THERE };

struct mutter {
	struct input_backend base;
	struct loop *loop;
	struct bus *bus;
	struct bus_match *closed;
	struct input_watch watch;
	int owner;
	bool ready, gone;
	bool area; /* the stream is of the captured place */
	char session[PATH_SIZE], cast[PATH_SIZE], stream[PATH_SIZE];
	double width, height; /* of the stream; 0: there is none */
	/* HAVE_EI */
	bool has_eis;
	uint32_t serves; /* classes, for ei */
	char mapping[MAPPING_SIZE];
	struct ei_sender *ei; /* takes all events, if it is there */
};

#define STR(x)                                                                                                         \
	{                                                                                                              \
		.type = BUS_STRING, .s = (x)                                                                           \
	}
#define I32(x)                                                                                                         \
	{                                                                                                              \
		.type = BUS_INT32, .i = (x)                                                                            \
	}
#define U32(x)                                                                                                         \
	{                                                                                                              \
		.type = BUS_UINT32, .u = (x)                                                                           \
	}
#define BOOL(x)                                                                                                        \
	{                                                                                                              \
		.type = BUS_BOOL, .b = (x)                                                                             \
	}
#define DBL(x)                                                                                                         \
	{                                                                                                              \
		.type = BUS_DOUBLE, .d = (x)                                                                           \
	}

/* --- set-up, one step after the other --- */

static void failed(const char *step, const struct bus_error *err)
{
	log_warn("mutter: %s: %s", step, err->message);
}

static void tell(struct mutter *m, const char *method, const struct bus_value *v, unsigned n)
{
	int err = bus_tell(m->bus, DESKTOP, m->session, DESKTOP_SESSION, method, v, n);

	if (err)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "mutter: %s is lost (errno %d)", method, -err);
}

/* Mutter makes its keyboard and pointer at their first event, and programs learn of a seat's first keyboard together
 * with what is down on it: a first real key would never be seen going down. So they are made now, by a key that no
 * layout has and a motion of nothing. */
static void make_devices(struct mutter *m)
{
	const struct bus_value still[] = {DBL(0), DBL(0)};

	for (int down = 1; down >= 0; down--) {
		const struct bus_value key[] = {U32(KEY_UNKNOWN), BOOL(down)};

		tell(m, "NotifyKeyboardKeycode", key, 2);
	}
	tell(m, "NotifyPointerMotionRelative", still, 2);
}

static int call(struct mutter *m, const char *dest, const char *path, const char *iface, const char *method,
		const struct bus_value *v, unsigned n, bus_reply_fn fn)
{
	return bus_call(m->bus, NULL, dest, path, iface, method, v, n, fn, m);
}

static void use_notify(struct mutter *m)
{
	m->ready = true;
	make_devices(m);
	log_dbg("mutter: ready, %.0fx%.0f", m->width, m->height);
}

#if HAVE_EI
static void on_ei_gone(void *ctx, const char *why)
{
	struct mutter *m = ctx;

	if (!m->gone)
		log_warn("mutter: %s; keys and pointer are dead until the next stream", why);
	m->gone = true;
}

static void on_eis(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mutter *m = ctx;
	const struct ei_sender_events ev = {on_ei_gone, m};
	int fd = !err && n && v[0].type == BUS_FD ? dup(v[0].fd) : -1, e = -EBADF;

	if (fd >= 0)
		e = ei_sender_open(&m->ei, m->base.env, fd, m->serves, *m->mapping ? m->mapping : NULL, &ev);
	if (e) {
		log_warn("mutter: no connection of libei (%s)", err ? err->message : strerror(-e));
		use_notify(m);
		return;
	}
	m->ready = true;
	log_dbg("mutter: ready, through libei");
}
#endif

static bool ask_eis(struct mutter *m)
{
#if HAVE_EI
	const struct bus_value none[] = {{.type = BUS_OPTIONS}};

	return m->has_eis && !call(m, DESKTOP, m->session, DESKTOP_SESSION, "ConnectToEIS", none, 1, on_eis);
#else
	return m->has_eis;
#endif
}

static void on_started(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mutter *m = ctx;

	(void)v, (void)n;
	if (err) {
		failed("the session does not start", err);
		m->gone = true;
	} else if (!ask_eis(m)) {
		use_notify(m);
	}
}

static void start(struct mutter *m)
{
	if (call(m, DESKTOP, m->session, DESKTOP_SESSION, "Start", NULL, 0, on_started))
		m->gone = true;
}

/* Without a stream there are no absolute positions; keys and relative motion still work. */
static void start_without_stream(struct mutter *m, const char *step, const struct bus_error *err)
{
	failed(step, err);
	m->width = m->height = 0;
	start(m);
}

static bool take_path(char to[PATH_SIZE], const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	return !err && n && v[0].type == BUS_OBJECT && strlen(v[0].s) < PATH_SIZE && strcpy(to, v[0].s);
}

static const struct bus_error strange = {.name = "", .message = "an unexpected answer"};

static const struct bus_error *why(const struct bus_error *err)
{
	return err ? err : &strange;
}

/* Which region of libei's the stream is. */
static void take_mapping(struct mutter *m, const struct bus_value *v, unsigned n)
{
	for (unsigned i = 0; i + 1 < n; i++)
		if (v[i].type == BUS_STRING && strcmp(v[i].s, "mapping-id") == 0 && v[i + 1].type == BUS_STRING &&
		    strlen(v[i + 1].s) < MAPPING_SIZE)
			strcpy(m->mapping, v[i + 1].s);
}

/* {"position": (ii), "size": (ii), "mapping-id": s, ...}, flattened */
static void on_parameters(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mutter *m = ctx;

	if (!err)
		take_mapping(m, v, n);
	for (unsigned i = 0; !err && i + 2 < n; i++) {
		if (v[i].type != BUS_STRING || strcmp(v[i].s, "size") != 0 || v[i + 1].type != BUS_INT32 ||
		    v[i + 2].type != BUS_INT32 || v[i + 1].i <= 0 || v[i + 2].i <= 0)
			continue;
		m->width = v[i + 1].i;
		m->height = v[i + 2].i;
		start(m);
		return;
	}
	start_without_stream(m, "the monitor's size", why(err));
}

static int record(struct mutter *m);

static void on_stream(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	const struct bus_value args[] = {STR(CAST_STREAM), STR("Parameters")};
	struct mutter *m = ctx;

	if (err &&
	    m->area) { /* no monitor is there: the desktop and the source of the picture mean different layouts */
		failed("no stream of the captured place, the primary monitor takes the pointer", err);
		m->area = false;
		if (!record(m))
			return;
	}
	if (m->area &&
	    take_path(m->stream, err, v, n)) { /* its parameters are those of nothing: Mutter sets them too early */
		m->width = m->base.env->place.width;
		m->height = m->base.env->place.height;
		start(m);
		return;
	}
	if (!take_path(m->stream, err, v, n) || call(m, CAST, m->stream, PROPERTIES, "Get", args, 2, on_parameters))
		start_without_stream(m, "no stream of the monitor", why(err));
}

/* The rectangle that is captured, whatever the monitors there are called; else the primary monitor. */
static int record(struct mutter *m)
{
	const struct input_place *p = &m->base.env->place;
	const struct bus_value area[] = {I32(p->x), I32(p->y), I32(p->width), I32(p->height), {.type = BUS_OPTIONS}};
	const struct bus_value monitor[] = {STR(""), {.type = BUS_OPTIONS}};

	if (m->area)
		return call(m, CAST, m->cast, CAST_SESSION, "RecordArea", area, 5, on_stream);
	return call(m, CAST, m->cast, CAST_SESSION, "RecordMonitor", monitor, 2, on_stream);
}

static void on_cast(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mutter *m = ctx;

	m->area = m->base.env->place.width > 0;
	if (!take_path(m->cast, err, v, n) || record(m))
		start_without_stream(m, "no ScreenCast session", why(err));
}

static void on_session_id(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mutter *m = ctx;

	if (!err && n && v[0].type == BUS_STRING) {
		const struct bus_option id = {"remote-desktop-session-id", STR(v[0].s)};
		const struct bus_value args[] = {{.type = BUS_OPTIONS, .options = {&id, 1}}};

		if (!call(m, CAST, CAST_PATH, CAST, "CreateSession", args, 1, on_cast))
			return;
	}
	start_without_stream(m, "the session's name", why(err));
}

static void on_closed(void *ctx, const struct bus_value *v, unsigned n)
{
	struct mutter *m = ctx;

	(void)v, (void)n;
	if (!m->gone)
		log_warn("mutter: the desktop has closed the session; keys and pointer are dead until the next stream");
	m->gone = true;
}

/* What the session can: its interface has no number that tells. */
static void on_described(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	const struct bus_value args[] = {STR(DESKTOP_SESSION), STR("SessionId")};
	struct mutter *m = ctx;

	m->has_eis = HAVE_EI && !err && n && v[0].type == BUS_STRING && strstr(v[0].s, "\"ConnectToEIS\"");
	if (call(m, DESKTOP, m->session, PROPERTIES, "Get", args, 2, on_session_id))
		m->gone = true;
}

static void on_session(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mutter *m = ctx;

	if (!take_path(m->session, err, v, n) ||
	    bus_match(m->bus, &m->closed, DESKTOP, m->session, DESKTOP_SESSION, "Closed", on_closed, m) ||
	    call(m, DESKTOP, m->session, INTROSPECTABLE, "Introspect", NULL, 0, on_described)) {
		failed("no RemoteDesktop session", why(err));
		m->gone = true;
	}
}

static void on_owner(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mutter *m = ctx;

	m->owner = !err && n && v[0].type == BUS_BOOL && v[0].b ? OWNER_THERE : OWNER_NONE;
}

static void on_lost(void *ctx, int err)
{
	struct mutter *m = ctx;

	if (m->owner == OWNER_UNKNOWN)
		m->owner = OWNER_NONE;
	else if (!m->gone)
		log_errno(err, "the session bus");
	m->gone = true;
}

static void on_bus(struct input_watch *w)
{
	struct mutter *m = (struct mutter *)((char *)w - offsetof(struct mutter, watch));

	loop_step(m->loop, 0);
}

static void close_mutter(struct input_backend *b)
{
	struct mutter *m = (struct mutter *)b;

#if HAVE_EI
	ei_sender_close(m->ei);
#endif
	if (*m->session && !m->gone)
		bus_tell(m->bus, DESKTOP, m->session, DESKTOP_SESSION, "Stop", NULL, 0);
	if (m->loop) {
		input_watch_remove(m->base.env, &m->watch);
		bus_match_drop(m->closed);
		bus_close(m->bus);
		loop_destroy(m->loop);
	}
}

static int open_mutter(struct input_backend *b, uint32_t *classes, char reason[INPUT_WHY_MAX])
{
	const struct bus_value name[] = {STR(DESKTOP)};
	struct mutter *m = (struct mutter *)b;
	uint64_t deadline = clock_ns() + WAIT_NS;
	int err;

	m->serves = *classes;
	m->watch.fd = -1;
	m->loop = loop_create();
	err = m->loop ? bus_open(&m->bus, m->loop, BUS_SESSION, on_lost, m) : -ENOMEM;
	if (err) {
		snprintf(reason, INPUT_WHY_MAX, "no session bus");
		goto fail;
	}
	err = call(m, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", name, 1,
		   on_owner);
	while (!err && m->owner == OWNER_UNKNOWN && clock_ns() < deadline)
		loop_step(m->loop, 20);
	if (!err && m->owner != OWNER_THERE) {
		snprintf(reason, INPUT_WHY_MAX, "no GNOME desktop on the session bus");
		err = -ENODEV;
	}
	if (err)
		goto fail;
	err = call(m, DESKTOP, DESKTOP_PATH, DESKTOP, "CreateSession", NULL, 0, on_session);
	m->watch = (struct input_watch){.fd = loop_poll_fd(m->loop), .ready = on_bus};
	if (!err)
		err = input_watch_add(b->env, &m->watch);
	if (err)
		goto fail;
	/* Usually it is there before the first event; a desktop that is slow only loses the first ones. */
	while (!m->ready && !m->gone && clock_ns() < deadline)
		loop_step(m->loop, 20);
#if HAVE_EI
	if (m->ei)
		ei_sender_wait(m->ei, clock_ns() + WAIT_NS);
#endif
	return 0;
fail:
	close_mutter(b);
	return err;
}

/* --- events --- */

static void key(struct mutter *m, const struct input_event *e)
{
	uint16_t code = evdev_key(e->key.vk, e->key.raw);
	const struct bus_value v[] = {U32(code), BOOL(e->key.down)};

	if (code)
		tell(m, "NotifyKeyboardKeycode", v, 2);
}

static void keysym(struct mutter *m, uint32_t sym, bool down)
{
	const struct bus_value v[] = {U32(sym), BOOL(down)};

	tell(m, "NotifyKeyboardKeysym", v, 2);
}

static void type(struct mutter *m, uint32_t sym)
{
	keysym(m, sym, true);
	keysym(m, sym, false);
}

/* The input method's way in: Ctrl+Shift+U, digits, space. */
static void type_code_point(struct mutter *m, uint32_t code_point)
{
	char digits[9];

	snprintf(digits, sizeof(digits), "%x", code_point);
	keysym(m, XKB_CONTROL_L, true);
	keysym(m, XKB_SHIFT_L, true);
	type(m, 'u');
	keysym(m, XKB_SHIFT_L, false);
	keysym(m, XKB_CONTROL_L, false);
	for (const char *d = digits; *d; d++)
		type(m, (uint8_t)*d);
	type(m, ' ');
}

/*
 * Mutter finds the key and level of a symbol in the layout in force, but drops one that the layout lacks. Which it has
 * is not told to us, so only what every layout has goes that way.
 */
static void text(struct mutter *m, const struct input_event *e)
{
	uint32_t c = e->text.code_point;

	if (c >= 0x20 && c <= 0x7e) /* Latin-1 characters are their own symbols */
		type(m, c);
	else if (c == '\b')
		type(m, XKB_BACKSPACE);
	else if (c == '\t')
		type(m, XKB_TAB);
	else if (c == '\n' || c == '\r')
		type(m, XKB_RETURN);
	else if (c >= 0xa0)
		type_code_point(m, c);
}

static void scroll(struct mutter *m, const struct input_event *e, enum axis axis)
{
	/* Up is positive for clients, down for desktops. */
	int sign = axis == AXIS_VERTICAL ? -1 : 1;

	if (e->scroll.amount % 120 == 0 && e->scroll.notches == e->scroll.amount / 120) {
		const struct bus_value v[] = {U32(axis), I32(sign * e->scroll.notches)};

		tell(m, "NotifyPointerAxisDiscrete", v, 2);
	} else {
		double by = sign * e->scroll.amount * STEP_PER_NOTCH / 120;
		const struct bus_value v[] = {DBL(axis == AXIS_HORIZONTAL ? by : 0),
					      DBL(axis == AXIS_VERTICAL ? by : 0), U32(0)};

		tell(m, "NotifyPointerAxis", v, 3);
	}
}

/* 0 is the middle of the first pixel, 1 of the last: the client's pixel is the desktop's where both have as many. */
static double pixel(float part, double size)
{
	return (double)part * (size - 1);
}

static void pointer(struct mutter *m, const struct input_event *e)
{
	if (e->type == INPUT_MOUSE_REL) {
		const struct bus_value v[] = {DBL(e->rel.dx), DBL(e->rel.dy)};

		tell(m, "NotifyPointerMotionRelative", v, 2);
	} else if (e->type == INPUT_MOUSE_ABS && m->width > 0) {
		const struct bus_value v[] = {STR(m->stream), DBL(pixel(e->abs.x, m->width)),
					      DBL(pixel(e->abs.y, m->height))};

		tell(m, "NotifyPointerMotionAbsolute", v, 3);
	} else if (e->type == INPUT_MOUSE_BUTTON) {
		const struct bus_value v[] = {I32(evdev_mouse_button(e->button.button)), BOOL(e->button.down)};

		tell(m, "NotifyPointerButton", v, 2);
	}
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct mutter *m = (struct mutter *)b;

	if (m->gone || !m->ready)
		return;
#if HAVE_EI
	if (m->ei) {
		ei_sender_event(m->ei, e);
		return;
	}
#endif
	switch (e->type) {
	case INPUT_KEY:
		key(m, e);
		break;
	case INPUT_TEXT:
		text(m, e);
		break;
	case INPUT_SCROLL:
		scroll(m, e, AXIS_VERTICAL);
		break;
	case INPUT_HSCROLL:
		scroll(m, e, AXIS_HORIZONTAL);
		break;
	default:
		pointer(m, e);
		break;
	}
}

const struct input_ops input_mutter = {
	.name = "mutter",
	.help = "keys and pointer of a GNOME desktop, through its RemoteDesktop interface",
	.classes = INPUT_CLASS(INPUT_CLASS_KEYBOARD) | INPUT_CLASS(INPUT_CLASS_MOUSE),
	.automatic = true,
	.size = sizeof(struct mutter),
	.open = open_mutter,
	.event = event,
	.close = close_mutter,
};

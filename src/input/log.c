// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Writes each event as one line of JSON, for tests and for looking at what a client sends. Keys are stable:
 *
 *	{"event":"key","vk":65,"evdev":30,"down":true,"raw":false,"modifiers":0}
 *	{"event":"scroll","axis":"vertical","amount":60,"notches":0}
 *
 * The file is opened for appending, and a line is one write: standard error is shared with the daemon's own log, which
 * other threads write. Unlike every other back end this one blocks (on the file) and allocates on the control thread.
 */
#include "input/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "input/keymap.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define EVENT_LINE_MAX 512u /* the longest, a pen's, has less than 300 */

struct input_log {
	struct input_backend base;
	int fd; /* standard error is not ours to close */
	bool failed;
};

static const char *const pointer_name[] = {
	[POINTER_HOVER] = "hover",
	[POINTER_DOWN] = "down",
	[POINTER_UP] = "up",
	[POINTER_MOVE] = "move",
	[POINTER_CANCEL] = "cancel",
	[POINTER_BUTTON] = "button",
	[POINTER_HOVER_LEAVE] = "hover_leave",
	[POINTER_CANCEL_ALL] = "cancel_all",
};

static int open_log(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	struct input_log *l = (struct input_log *)b;
	const char *arg = b->env->log_file;
	int err;

	(void)classes, (void)why;
	l->fd = *arg ? open(arg, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : STDERR_FILENO;
	if (l->fd < 0) {
		err = -errno;
		log_errno(err, "input log %s", arg);
		return err;
	}
	return 0;
}

static json_t *pointer_json(const char *name, const struct input_event *e)
{
	return json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:i}", "event", name, "action",
			 pointer_name[e->pointer.event], "id", (json_int_t)e->pointer.id, "x", (double)e->pointer.x,
			 "y", (double)e->pointer.y, "pressure", (double)e->pointer.pressure, "major",
			 (double)e->pointer.major, "minor", (double)e->pointer.minor, "rotation", e->pointer.rotation);
}

static json_t *pad_state_json(const struct input_event *e)
{
	return json_pack("{s:s, s:i, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "event", "pad_state", "pad",
			 e->state.pad, "buttons", (json_int_t)e->state.buttons, "lt", e->state.lt, "rt", e->state.rt,
			 "lx", e->state.lx, "ly", e->state.ly, "rx", e->state.rx, "ry", e->state.ry, "abs_y",
			 evdev_stick_y(e->state.ly), "abs_ry", evdev_stick_y(e->state.ry));
}

static json_t *pen_json(const struct input_event *e)
{
	json_t *j = pointer_json("pen", e);

	if (j && (json_object_set_new(j, "tilt", json_integer(e->pointer.tilt)) ||
		  json_object_set_new(j, "tool", json_integer(e->pointer.tool)) ||
		  json_object_set_new(j, "buttons", json_integer(e->pointer.buttons)))) {
		json_decref(j);
		j = NULL;
	}
	return j;
}

static json_t *event_json(const struct input_event *e)
{
	switch (e->type) {
	case INPUT_HAPTICS:
		return json_pack("{s:s}", "event", "haptics");
	case INPUT_KEY:
		return json_pack("{s:s, s:i, s:i, s:b, s:b, s:i}", "event", "key", "vk", e->key.vk, "evdev",
				 evdev_key(e->key.vk, e->key.raw), "down", e->key.down, "raw", e->key.raw, "modifiers",
				 e->key.modifiers);
	case INPUT_TEXT:
		return json_pack("{s:s, s:s, s:I}", "event", "text", "text", e->text.utf8, "code_point",
				 (json_int_t)e->text.code_point);
	case INPUT_MOUSE_REL:
		return json_pack("{s:s, s:i, s:i}", "event", "mouse_rel", "dx", e->rel.dx, "dy", e->rel.dy);
	case INPUT_MOUSE_ABS:
		return json_pack("{s:s, s:f, s:f}", "event", "mouse_abs", "x", (double)e->abs.x, "y", (double)e->abs.y);
	case INPUT_MOUSE_BUTTON:
		return json_pack("{s:s, s:i, s:i, s:b}", "event", "mouse_button", "button", e->button.button, "evdev",
				 evdev_mouse_button(e->button.button), "down", e->button.down);
	case INPUT_SCROLL:
	case INPUT_HSCROLL:
		return json_pack("{s:s, s:s, s:i, s:i}", "event", "scroll", "axis",
				 e->type == INPUT_SCROLL ? "vertical" : "horizontal", "amount", e->scroll.amount,
				 "notches", e->scroll.notches);
	case INPUT_PAD_ARRIVAL:
		return json_pack("{s:s, s:i, s:i, s:i, s:I}", "event", "pad_arrival", "pad", e->arrival.pad, "kind",
				 e->arrival.kind, "caps", e->arrival.caps, "buttons", (json_int_t)e->arrival.buttons);
	case INPUT_PAD_STATE:
		return pad_state_json(e);
	case INPUT_PAD_GONE:
		return json_pack("{s:s, s:i}", "event", "pad_gone", "pad", e->gone.pad);
	case INPUT_PAD_TOUCH:
		return json_pack("{s:s, s:i, s:i, s:s, s:I, s:f, s:f, s:f}", "event", "pad_touch", "pad",
				 e->pad_touch.pad, "touchpad", e->pad_touch.touchpad, "action",
				 pointer_name[e->pad_touch.event], "id", (json_int_t)e->pad_touch.id, "x",
				 (double)e->pad_touch.x, "y", (double)e->pad_touch.y, "pressure",
				 (double)e->pad_touch.pressure);
	case INPUT_PAD_MOTION:
		return json_pack("{s:s, s:i, s:s, s:f, s:f, s:f}", "event", "pad_motion", "pad", e->motion.pad,
				 "sensor", e->motion.gyro ? "gyro" : "accel", "x", (double)e->motion.x, "y",
				 (double)e->motion.y, "z", (double)e->motion.z);
	case INPUT_PAD_BATTERY:
		return json_pack("{s:s, s:i, s:i, s:i}", "event", "pad_battery", "pad", e->battery.pad, "state",
				 e->battery.state, "percent", e->battery.percent);
	case INPUT_TOUCH:
		return pointer_json("touch", e);
	case INPUT_PEN:
		return pen_json(e);
	}
	return NULL;
}

static bool write_line(int fd, const json_t *j)
{
	char line[EVENT_LINE_MAX];
	size_t n = json_dumpb(j, line, sizeof(line) - 1, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(7));

	if (!n || n >= sizeof(line))
		return false;
	line[n++] = '\n';
	return write(fd, line, n) == (ssize_t)n;
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct input_log *l = (struct input_log *)b;
	json_t *j = event_json(e);

	if (!j || !write_line(l->fd, j)) {
		if (!l->failed)
			log_err("the input log cannot be written; events are missing from it");
		l->failed = true;
	}
	json_decref(j);
}

static void close_log(struct input_backend *b)
{
	struct input_log *l = (struct input_log *)b;

	if (l->fd != STDERR_FILENO && close(l->fd))
		log_errno(errno, "input log");
}

const struct input_ops input_log = {
	.name = "log",
	.help = "write events as JSON lines to a file (stderr when none is given)",
	.classes = INPUT_ALL_CLASSES,
	.size = sizeof(struct input_log),
	.open = open_log,
	.event = event,
	.close = close_log,
};

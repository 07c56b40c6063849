// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The connection to an EIS server and its devices. What is held is held by one device. When the server removes that, it
 * is up, and the client has to press it anew. So it is when the server pauses the device: libei's protocol says that
 * this lets go of everything, but said earlier that it changes nothing, so it is let go once more when the device is
 * back.
 */
#include "input/ei.h"

#include <errno.h>
#include <fcntl.h>
#include <libei.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "build_config.h"
#include "input/ei_private.h"
#include "input/key_layout.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define SEND_BUFFER (1 << 20) /* the kernel gives less */

/* --- the server's devices --- */

static struct ei_dev *find_device(struct ei_sender *s, struct ei_device *ei)
{
	for (unsigned i = 0; i < EI_DEVICES_MAX; i++)
		if (s->devices[i].ei == ei)
			return &s->devices[i];
	return NULL;
}

struct ei_dev *ei_with(struct ei_sender *s, unsigned cap)
{
	for (unsigned i = 0; i < EI_DEVICES_MAX; i++)
		if (s->devices[i].live && ei_device_has_capability(s->devices[i].ei, cap))
			return &s->devices[i];
	return NULL;
}

/* Its contacts end with it; libei would lift each of them, and complains that it cannot. */
static void drop(struct ei_sender *s, struct ei_dev *d)
{
	s->quiet = true;
	for (unsigned i = 0; i < TOUCH_CONTACTS_MAX; i++)
		if (s->contacts[i].on == d) {
			ei_touch_unref(s->contacts[i].ei);
			s->contacts[i] = (struct ei_contact){0};
		}
	s->quiet = false;
	key_layout_free(d->layout);
	ei_device_unref(d->ei);
	*d = (struct ei_dev){0};
}

static void add(struct ei_sender *s, struct ei_device *ei)
{
	struct ei_dev *d = find_device(s, NULL);
	int err;

	if (!d) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "the desktop has too many devices: '%s' is not used",
			  ei_device_get_name(ei));
		ei_device_close(ei);
		return;
	}
	d->ei = ei_device_ref(ei);
	d->area = ei_choose_area(ei, &s->env->place, s->mapping_id);
	log_dbg("libei: '%s', area %d: %gx%g at %g,%g", ei_device_get_name(ei), d->area.fit, d->area.width,
		d->area.height, d->area.x, d->area.y);
	if (!ei_device_has_capability(ei, EI_DEVICE_CAP_KEYBOARD))
		return;
	err = ei_dev_layout(&d->layout, ei);
	if (err)
		log_errno(err, "no text: the desktop's keymap cannot be used");
}

void ei_end_contact(struct ei_contact *t, bool cancel)
{
#if HAVE_EI_TOUCH_CANCEL
	if (cancel)
		ei_touch_cancel(t->ei);
	else
		ei_touch_up(t->ei);
#else
	(void)cancel;
	ei_touch_up(t->ei);
#endif
	t->on->dirty = true;
	ei_touch_unref(t->ei);
	*t = (struct ei_contact){0};
}

/* Of a live device; what the client says afterwards about what it held finds nothing down. */
static void let_go(struct ei_sender *s, struct ei_dev *d)
{
	for (uint16_t key = 0; key < EI_KEYS; key++)
		if (ei_dev_holds_key(d, key))
			ei_dev_key(d, key, false);
	for (uint8_t b = 1; b <= 5; b++)
		if (d->buttons >> b & 1)
			ei_dev_button(d, b, false);
	for (unsigned i = 0; i < TOUCH_CONTACTS_MAX; i++)
		if (s->contacts[i].on == d)
			ei_end_contact(&s->contacts[i], true);
}

/* What was done is one moment of each device that it moved. */
void ei_frame(struct ei_sender *s)
{
	uint64_t now = ei_now(s->ei);

	for (unsigned i = 0; i < EI_DEVICES_MAX; i++) {
		if (!s->devices[i].dirty)
			continue;
		s->devices[i].dirty = false;
		ei_device_frame(s->devices[i].ei, now);
	}
}

static void resume(struct ei_sender *s, struct ei_dev *d)
{
	if (d->live)
		return;
	d->live = true;
	ei_device_start_emulating(d->ei, ++s->sequence);
	let_go(s, d);
	ei_frame(s);
}

static void bind_seat(struct ei_sender *s, struct ei_seat *seat)
{
	enum ei_device_capability caps[8] = {0};
	unsigned n = 0;

	if (s->classes & INPUT_CLASS(INPUT_CLASS_KEYBOARD)) {
		caps[n++] = EI_DEVICE_CAP_KEYBOARD;
#if HAVE_EI_TEXT
		caps[n++] = EI_DEVICE_CAP_TEXT;
#endif
	}
	if (s->classes & INPUT_CLASS(INPUT_CLASS_MOUSE)) {
		caps[n++] = EI_DEVICE_CAP_POINTER;
		caps[n++] = EI_DEVICE_CAP_POINTER_ABSOLUTE;
		caps[n++] = EI_DEVICE_CAP_BUTTON;
		caps[n++] = EI_DEVICE_CAP_SCROLL;
	}
	if (s->classes & INPUT_CLASS(INPUT_CLASS_TOUCH))
		caps[n++] = EI_DEVICE_CAP_TOUCH;
	/* The first 0 ends the list. One call: a server may make its devices anew with each. */
	ei_seat_bind_capabilities(seat, caps[0], caps[1], caps[2], caps[3], caps[4], caps[5], caps[6], caps[7], NULL);
}

/* --- the connection --- */

static void end(struct ei_sender *s, const char *why)
{
	if (s->over)
		return;
	s->over = true;
	input_watch_remove(s->env, &s->watch);
	s->ev.gone(s->ev.ctx, why);
}

static const char *take(struct ei_sender *s, struct ei_event *e)
{
	struct ei_device *ei = ei_event_get_device(e);
	struct ei_dev *d = ei ? find_device(s, ei) : NULL;

	switch (ei_event_get_type(e)) {
	case EI_EVENT_DISCONNECT:
		return "the desktop has ended it";
	case EI_EVENT_SEAT_ADDED:
		bind_seat(s, ei_event_get_seat(e));
		break;
	case EI_EVENT_DEVICE_ADDED:
		add(s, ei);
		break;
	case EI_EVENT_DEVICE_RESUMED:
		if (d)
			resume(s, d);
		break;
	case EI_EVENT_DEVICE_PAUSED:
		if (d)
			d->live = d->dirty = false;
		break;
	case EI_EVENT_DEVICE_REMOVED:
		if (d)
			drop(s, d);
		break;
	case EI_EVENT_KEYBOARD_MODIFIERS:
		if (d && d->layout)
			key_layout_told(d->layout, ei_event_keyboard_get_xkb_mods_locked(e),
					ei_event_keyboard_get_xkb_group(e));
		break;
	default:
		break;
	}
	return NULL;
}

/* False: it is over, and perhaps closed. */
static bool dispatch(struct ei_sender *s)
{
	const char *why = NULL;
	struct ei_event *e;

	ei_dispatch(s->ei);
	while (!why && (e = ei_get_event(s->ei))) {
		why = take(s, e);
		ei_event_unref(e);
	}
	if (why)
		end(s, why);
	return !why;
}

/*
 * libei writes each request at once, and one that the socket does not take is lost. So nothing is written unless three
 * quarters of it are free (what poll calls writable): enough for all that one event does. What has to wait is queued,
 * but for moves, which are left out.
 */
static bool has_room(const struct ei_sender *s)
{
	struct pollfd fd = {.fd = s->socket, .events = POLLOUT};

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLOUT;
}

static bool has_ended(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR);
}

static void watch_room(struct ei_sender *s, bool on)
{
	struct epoll_event e = {.events = EPOLLOUT};

	epoll_ctl(s->watch.fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, s->socket, &e);
}

static void perform(struct ei_sender *s, const struct input_event *e)
{
	ei_apply(s, e);
	ei_frame(s);
}

static void drain(struct ei_sender *s)
{
	if (!s->queued)
		return;
	for (; s->queued && has_room(s); s->queued--) {
		perform(s, &s->queue[s->first]);
		s->first = (s->first + 1) % EI_QUEUE_MAX;
	}
	if (!s->queued)
		watch_room(s, false);
}

static bool is_move(const struct input_event *e)
{
	return e->type == INPUT_MOUSE_REL || e->type == INPUT_MOUSE_ABS ||
	       (e->type == INPUT_TOUCH && e->pointer.event == POINTER_MOVE);
}

void ei_sender_event(struct ei_sender *s, const struct input_event *e)
{
	if (s->over)
		return;
	drain(s);
	if (!s->queued && has_room(s)) {
		perform(s, e);
	} else if (s->queued == EI_QUEUE_MAX) {
		end(s, "the desktop does not read what it is sent");
	} else if (!is_move(e)) {
		if (!s->queued)
			watch_room(s, true);
		s->queue[(s->first + s->queued++) % EI_QUEUE_MAX] = *e;
	}
}

static void ready(struct input_watch *w)
{
	struct ei_sender *s = (struct ei_sender *)((char *)w - offsetof(struct ei_sender, watch));

	if (dispatch(s))
		drain(s);
}

static void told_by_libei(struct ei *ei, enum ei_log_priority priority, const char *message,
			  struct ei_log_context *context)
{
	const struct ei_sender *s = ei_get_user_data(ei);

	(void)context;
	if (priority >= EI_LOG_PRIORITY_WARNING && !s->quiet)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "libei: %s", message);
	else
		log_dbg("libei: %s", message);
}

int ei_sender_open(struct ei_sender **out, const struct input_env *env, int fd, uint32_t classes,
		   const char *mapping_id, const struct ei_sender_events *ev)
{
	struct ei_sender *s = calloc(1, sizeof(*s));
	struct epoll_event readable = {.events = EPOLLIN};
	int err = -ENOMEM;

	*out = NULL;
	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	s->env = env;
	s->ev = *ev;
	s->classes = classes;
	s->socket = fd;
	s->watch.fd = -1;
	s->mapping_id = mapping_id ? strdup(mapping_id) : NULL;
	s->ei = ei_new_sender(s);
	if (!s->ei || (mapping_id && !s->mapping_id)) {
		close(fd);
		goto fail;
	}
	ei_log_set_handler(s->ei, told_by_libei);
	ei_log_set_priority(s->ei, EI_LOG_PRIORITY_WARNING);
	ei_configure_name(s->ei, "moonrill");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int)) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
		err = -errno;
		close(fd);
		goto fail;
	}
	if (has_ended(fd)) { /* libei 1.3 does not survive that */
		err = -ECONNRESET;
		close(fd);
		goto fail;
	}
	err = ei_setup_backend_fd(s->ei, fd);
	if (err)
		goto fail;
	s->watch = (struct input_watch){.fd = epoll_create1(EPOLL_CLOEXEC), .ready = ready};
	if (s->watch.fd < 0 || epoll_ctl(s->watch.fd, EPOLL_CTL_ADD, ei_get_fd(s->ei), &readable))
		err = -errno;
	else
		err = input_watch_add(env, &s->watch);
	if (err) {
		s->over = true;
		goto fail;
	}
	*out = s;
	return 0;
fail:
	ei_sender_close(s);
	return err;
}

static bool is_complete(struct ei_sender *s)
{
	return (!(s->classes & INPUT_CLASS(INPUT_CLASS_KEYBOARD)) || ei_with(s, EI_DEVICE_CAP_KEYBOARD)) &&
	       (!(s->classes & INPUT_CLASS(INPUT_CLASS_MOUSE)) ||
		(ei_with(s, EI_DEVICE_CAP_POINTER) && ei_with(s, EI_DEVICE_CAP_POINTER_ABSOLUTE))) &&
	       (!(s->classes & INPUT_CLASS(INPUT_CLASS_TOUCH)) || ei_with(s, EI_DEVICE_CAP_TOUCH));
}

void ei_sender_wait(struct ei_sender *s, uint64_t deadline_ns)
{
	struct pollfd fd = {.fd = s->watch.fd, .events = POLLIN};
	bool lives = !s->over;
	uint64_t now;

	while (lives && !is_complete(s) && (now = clock_ns()) < deadline_ns)
		if (poll(&fd, 1, (int)((deadline_ns - now) / 1000000) + 1) > 0)
			lives = dispatch(s);
}

void ei_sender_count_notches(struct ei_sender *s)
{
	s->fine_notches = true;
}

void ei_sender_close(struct ei_sender *s)
{
	if (!s)
		return;
	if (s->watch.fd >= 0 && !s->over) {
		input_watch_remove(s->env, &s->watch);
		for (unsigned i = 0; i < EI_DEVICES_MAX; i++)
			if (s->devices[i].live)
				let_go(s, &s->devices[i]);
		ei_frame(s);
		for (unsigned i = 0; i < EI_DEVICES_MAX; i++)
			if (s->devices[i].live)
				ei_device_stop_emulating(s->devices[i].ei);
	}
	for (unsigned i = 0; i < EI_DEVICES_MAX; i++)
		if (s->devices[i].ei)
			drop(s, &s->devices[i]);
	if (s->watch.fd >= 0)
		close(s->watch.fd);
	ei_unref(s->ei);
	free(s->mapping_id);
	free(s);
}

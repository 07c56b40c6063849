// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * An Xbox 360 pad over uinput: every game knows it. Its force feedback is ours to play: the kernel hands over the
 * effects and says when to start and stop them, a timer ends them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "input/pad_ff.h"
#include "input/pad_xbox_map.h"

#define LOG_MODULE "pad"
#include "base/log.h"

#define UINPUT_PATH "/dev/uinput"
#define READ_MAX    16 /* events of the device in one go; the rest comes with the next poll */

static const uint16_t ff_kinds[] = {FF_RUMBLE, FF_PERIODIC, FF_SQUARE, FF_TRIANGLE, FF_SINE, FF_GAIN};

struct pad_xbox {
	struct pad base;
	struct pad_xbox_watch {
		struct input_watch watch;
		struct pad_xbox *pad;
	} device, timer;
	struct pad_ff ff;
	uint16_t strong, weak; /* what the client was told last */
};

static int probe(void)
{
	return access(UINPUT_PATH, R_OK | W_OK) ? -errno : 0;
}

static void timer_set(struct pad_xbox *p, uint64_t at_ns)
{
	struct itimerspec t = {0};

	if (at_ns != NS_NEVER) {
		t.it_value.tv_sec = (time_t)(at_ns / NS_PER_S);
		t.it_value.tv_nsec = (long)(at_ns % NS_PER_S);
	}
	timerfd_settime(p->timer.watch.fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void rumble(struct pad_xbox *p)
{
	const struct input_back *back = p->base.env->back;
	struct pad_ff_level l = pad_ff_mix(&p->ff, clock_ns());

	timer_set(p, l.next_ns);
	if (l.strong == p->strong && l.weak == p->weak)
		return;
	p->strong = l.strong;
	p->weak = l.weak;
	back->rumble(back->ctx, p->base.number, l.strong, l.weak);
}

static void timer_ready(struct input_watch *w)
{
	struct pad_xbox *p = ((struct pad_xbox_watch *)w)->pad;
	uint64_t times;

	if (read(w->fd, &times, sizeof(times)) == sizeof(times))
		rumble(p);
}

/* Both answers are due: the program that uploads waits in the kernel for them. */
static void upload(struct pad_xbox *p, uint32_t request)
{
	struct uinput_ff_upload u = {.request_id = request};

	if (ioctl(p->device.watch.fd, UI_BEGIN_FF_UPLOAD, &u)) {
		log_errno(errno, "pad %u: effect upload", p->base.number);
		return;
	}
	u.retval = pad_ff_upload(&p->ff, &u.effect, clock_ns());
	if (ioctl(p->device.watch.fd, UI_END_FF_UPLOAD, &u))
		log_errno(errno, "pad %u: end of effect upload", p->base.number);
}

static void erase(struct pad_xbox *p, uint32_t request)
{
	struct uinput_ff_erase u = {.request_id = request};

	if (ioctl(p->device.watch.fd, UI_BEGIN_FF_ERASE, &u)) {
		log_errno(errno, "pad %u: effect erase", p->base.number);
		return;
	}
	pad_ff_erase(&p->ff, u.effect_id);
	u.retval = 0;
	if (ioctl(p->device.watch.fd, UI_END_FF_ERASE, &u))
		log_errno(errno, "pad %u: end of effect erase", p->base.number);
}

static void device_ready(struct input_watch *w)
{
	struct pad_xbox *p = ((struct pad_xbox_watch *)w)->pad;
	struct kernel_input_event in[READ_MAX];
	ssize_t n = read(w->fd, in, sizeof(in));

	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		log_errno(errno, "pad %u: no more feedback from its games", p->base.number);
		input_watch_remove(p->base.env, w);
		return;
	}
	for (size_t i = 0; i < (size_t)n / sizeof(*in); i++) {
		if (in[i].type == EV_UINPUT && in[i].code == UI_FF_UPLOAD)
			upload(p, (uint32_t)in[i].value);
		else if (in[i].type == EV_UINPUT && in[i].code == UI_FF_ERASE)
			erase(p, (uint32_t)in[i].value);
		else if (in[i].type == EV_FF)
			pad_ff_event(&p->ff, in[i].code, in[i].value, clock_ns());
	}
	rumble(p);
}

static int enable(int fd, const struct pad_xbox *p)
{
	char phys[80];

	snprintf(phys, sizeof(phys), PAD_PHYS, p->base.env->seat, p->base.number);
	if (ioctl(fd, UI_SET_PHYS, phys) || ioctl(fd, UI_SET_EVBIT, EV_KEY) || ioctl(fd, UI_SET_EVBIT, EV_ABS) ||
	    ioctl(fd, UI_SET_EVBIT, EV_FF))
		return -errno;
	for (size_t i = 0; i < pad_xbox_button_count; i++)
		if (pad_xbox_has(&pad_xbox_buttons[i], p->base.buttons) &&
		    ioctl(fd, UI_SET_KEYBIT, pad_xbox_buttons[i].code))
			return -errno;
	for (size_t i = 0; i < pad_xbox_axis_count; i++) {
		struct uinput_abs_setup a = {.code = pad_xbox_axes[i].code, .absinfo = pad_xbox_axes[i].info};

		if (ioctl(fd, UI_ABS_SETUP, &a))
			return -errno;
	}
	for (size_t i = 0; i < ARRAY_LEN(ff_kinds); i++)
		if (ioctl(fd, UI_SET_FFBIT, ff_kinds[i]))
			return -errno;
	return 0;
}

static int create(int fd, const struct pad_xbox *p)
{
	struct uinput_setup s = {
		.id = {.bustype = BUS_USB,
		       .vendor = PAD_XBOX_VENDOR,
		       .product = PAD_XBOX_PRODUCT,
		       .version = PAD_XBOX_VERSION},
		.name = PAD_XBOX_NAME,
		.ff_effects_max = PAD_FF_EFFECTS,
	};
	int err = enable(fd, p);

	if (!err && (ioctl(fd, UI_DEV_SETUP, &s) || ioctl(fd, UI_DEV_CREATE)))
		err = -errno;
	return err;
}

static void close_pad(struct pad *pad)
{
	struct pad_xbox *p = (struct pad_xbox *)pad;

	input_watch_remove(pad->env, &p->timer.watch);
	input_watch_remove(pad->env, &p->device.watch);
	if (p->timer.watch.fd >= 0)
		close(p->timer.watch.fd);
	if (p->device.watch.fd >= 0)
		close(p->device.watch.fd); /* the device goes with it */
}

static int open_pad(struct pad *pad)
{
	struct pad_xbox *p = (struct pad_xbox *)pad;
	int err;

	pad_ff_init(&p->ff);
	p->device = (struct pad_xbox_watch){{.ready = device_ready}, p};
	p->timer = (struct pad_xbox_watch){{.ready = timer_ready}, p};
	p->timer.watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	p->device.watch.fd = open(UINPUT_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	err = p->device.watch.fd < 0 || p->timer.watch.fd < 0 ? -errno : create(p->device.watch.fd, p);
	if (!err)
		err = input_watch_add(pad->env, &p->device.watch);
	if (!err)
		err = input_watch_add(pad->env, &p->timer.watch);
	if (err)
		close_pad(pad);
	return err;
}

static void state(struct pad *pad, const struct input_event *e)
{
	struct pad_xbox *p = (struct pad_xbox *)pad;
	struct kernel_input_event out[PAD_XBOX_EVENTS_MAX];
	size_t len = sizeof(*out) * pad_xbox_events(out, e, pad->buttons);

	if (write(p->device.watch.fd, out, len) != (ssize_t)len)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "pad %u: the kernel takes no events: %s", pad->number,
			  strerror(errno));
}

static void tell(struct pad *pad)
{
	const struct pad_xbox *p = (struct pad_xbox *)pad;
	const struct input_back *back = pad->env->back;

	if (p->strong || p->weak)
		back->rumble(back->ctx, pad->number, p->strong, p->weak);
}

const struct pad_ops pad_xbox = {
	.name = "xbox",
	.size = sizeof(struct pad_xbox),
	.probe = probe,
	.open = open_pad,
	.state = state,
	.tell = tell,
	.close = close_pad,
};

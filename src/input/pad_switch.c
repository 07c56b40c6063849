// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A Switch Pro Controller over uhid. The kernel's driver makes of it a pad, motion sensors, a battery and lights. It
 * asks a lot before it does, and while it rumbles it goes by the beat of the reports: they come all the time, as from a
 * real pad, and at once when a button or stick changes.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "input/switchpro_report.h"
#include "input/uhid.h"

#define REPORT_NS (15 * NS_PER_MS)

struct pad_switch {
	struct pad base;
	struct pad_switch_uhid {
		struct uhid uhid;
		struct pad_switch *pad;
	} device;
	struct pad_switch_timer {
		struct input_watch watch;
		struct pad_switch *pad;
	} timer;
	struct switchpro pro;
};

static void send_report(struct pad_switch *p)
{
	switchpro_stamp(&p->pro, clock_ns());
	uhid_input(&p->device.uhid, p->pro.report, sizeof(p->pro.report));
}

static void timer_ready(struct input_watch *w)
{
	uint64_t times;

	if (read(w->fd, &times, sizeof(times)) == sizeof(times))
		send_report(((struct pad_switch_timer *)w)->pad);
}

static void output(struct uhid *u, const uint8_t *data, size_t len)
{
	struct pad_switch *p = ((struct pad_switch_uhid *)u)->pad;
	uint8_t reply[SWITCHPRO_REPORT_SIZE];

	switchpro_stamp(&p->pro, clock_ns());
	if (switchpro_output(&p->pro, data, len, p->base.env->back, p->base.number, reply))
		uhid_input(u, reply, sizeof(reply));
}

static const struct uhid_ops uhid_ops = {.output = output};

static void close_pad(struct pad *pad)
{
	struct pad_switch *p = (struct pad_switch *)pad;

	input_watch_remove(pad->env, &p->timer.watch);
	if (p->timer.watch.fd >= 0)
		close(p->timer.watch.fd);
	uhid_close(&p->device.uhid);
}

static int open_timer(struct pad_switch *p)
{
	struct timespec every = {.tv_nsec = (long)REPORT_NS};

	p->timer = (struct pad_switch_timer){{.ready = timer_ready}, p};
	p->timer.watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->timer.watch.fd < 0 || timerfd_settime(p->timer.watch.fd, 0, &(struct itimerspec){every, every}, NULL))
		return -errno;
	return input_watch_add(p->base.env, &p->timer.watch);
}

static int open_pad(struct pad *pad)
{
	struct pad_switch *p = (struct pad_switch *)pad;
	uint8_t mac[6];
	struct uhid_identity id = {
		.name = "Nintendo Co., Ltd. Pro Controller",
		.seat = pad->env->seat,
		.pad = pad->number,
		.mac = mac,
		.vendor = SWITCHPRO_VENDOR,
		.product = SWITCHPRO_PRODUCT,
		.version = SWITCHPRO_VERSION,
		.descriptor = switchpro_descriptor,
		.descriptor_len = switchpro_descriptor_len,
	};
	int err;

	uhid_mac(mac, pad->env->seat, pad->number);
	switchpro_init(&p->pro, mac);
	p->device.pad = p;
	p->device.uhid.env = pad->env;
	p->device.uhid.watch.fd = -1;
	err = open_timer(p);
	if (!err)
		err = uhid_open(&p->device.uhid, pad->env, &uhid_ops, &id);
	if (err)
		close_pad(pad);
	return err;
}

static void state(struct pad *pad, const struct input_event *e)
{
	struct pad_switch *p = (struct pad_switch *)pad;

	switchpro_state(&p->pro, e);
	send_report(p);
}

static void motion(struct pad *pad, const struct input_event *e)
{
	switchpro_motion(&((struct pad_switch *)pad)->pro, e); /* goes with the next report */
}

static void battery(struct pad *pad, const struct input_event *e)
{
	switchpro_battery(&((struct pad_switch *)pad)->pro, e);
}

static void tell(struct pad *pad)
{
	const struct switchpro *s = &((struct pad_switch *)pad)->pro;
	const struct input_back *back = pad->env->back;

	if (s->low || s->high)
		back->rumble(back->ctx, pad->number, s->low, s->high);
}

const struct pad_ops pad_switch = {
	.name = "switch",
	.size = sizeof(struct pad_switch),
	.probe = uhid_probe,
	.open = open_pad,
	.state = state,
	.tell = tell,
	.motion = motion,
	.battery = battery,
	.close = close_pad,
};

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A DualSense over uhid. The kernel's driver makes of it what it makes of a real one: a pad, motion sensors, a
 * touchpad, a battery and lights; games that know the pad open its hidraw node.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "input/dualsense_report.h"
#include "input/uhid.h"

/*
 * While the driver is still setting up it drops reports and says nothing, and what was dropped may have been a button
 * going down. So the newest report is repeated for a while after each sign of a driver at work, as a real pad does all
 * the time.
 */
#define REPEAT_NS   (50 * NS_PER_MS)
#define REPEAT_MANY 40

struct pad_dualsense {
	struct pad base;
	struct pad_dualsense_uhid {
		struct uhid uhid;
		struct pad_dualsense *pad;
	} device;
	struct pad_dualsense_timer {
		struct input_watch watch;
		struct pad_dualsense *pad;
	} timer;
	unsigned repeat; /* how often still */
	struct dualsense dualsense;
};

static void send_report(struct pad_dualsense *p)
{
	dualsense_stamp(&p->dualsense, clock_ns());
	uhid_input(&p->device.uhid, p->dualsense.report, sizeof(p->dualsense.report));
}

static void timer_set(struct pad_dualsense *p, bool on)
{
	struct timespec every = {.tv_nsec = on ? (long)REPEAT_NS : 0};

	timerfd_settime(p->timer.watch.fd, 0, &(struct itimerspec){every, every}, NULL);
}

static void awake(struct uhid *u)
{
	struct pad_dualsense *p = ((struct pad_dualsense_uhid *)u)->pad;

	if (!p->repeat)
		timer_set(p, true);
	p->repeat = REPEAT_MANY;
}

static void timer_ready(struct input_watch *w)
{
	struct pad_dualsense *p = ((struct pad_dualsense_timer *)w)->pad;
	uint64_t times;

	if (read(w->fd, &times, sizeof(times)) != sizeof(times) || !p->repeat)
		return;
	send_report(p);
	if (!--p->repeat)
		timer_set(p, false);
}

static void output(struct uhid *u, const uint8_t *data, size_t len)
{
	struct pad_dualsense *p = ((struct pad_dualsense_uhid *)u)->pad;

	dualsense_output(&p->dualsense, data, len, p->base.env->back, p->base.number);
}

static size_t feature(struct uhid *u, uint8_t report, uint8_t out[UHID_FEATURE_MAX])
{
	return dualsense_feature(&((struct pad_dualsense_uhid *)u)->pad->dualsense, report, out);
}

static const struct uhid_ops uhid_ops = {.awake = awake, .output = output, .feature = feature};

static void close_pad(struct pad *pad)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad;

	input_watch_remove(pad->env, &p->timer.watch);
	if (p->timer.watch.fd >= 0)
		close(p->timer.watch.fd);
	uhid_close(&p->device.uhid);
}

static int open_pad(struct pad *pad)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad;
	uint8_t mac[6];
	struct uhid_identity id = {
		.name = "Sony Interactive Entertainment DualSense Wireless Controller",
		.seat = pad->env->seat,
		.pad = pad->number,
		.mac = mac,
		.vendor = DUALSENSE_VENDOR,
		.product = DUALSENSE_PRODUCT,
		.version = DUALSENSE_VERSION,
		.descriptor = dualsense_descriptor,
		.descriptor_len = dualsense_descriptor_len,
	};
	int err;

	uhid_mac(mac, pad->env->seat, pad->number);
	dualsense_init(&p->dualsense, mac);
	p->device.pad = p;
	p->device.uhid.env = pad->env;
	p->device.uhid.watch.fd = -1;
	p->timer = (struct pad_dualsense_timer){{.ready = timer_ready}, p};
	p->timer.watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = p->timer.watch.fd < 0 ? -errno : input_watch_add(pad->env, &p->timer.watch);
	if (!err)
		err = uhid_open(&p->device.uhid, pad->env, &uhid_ops, &id);
	if (err)
		close_pad(pad);
	return err;
}

static void state(struct pad *pad, const struct input_event *e)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad;

	dualsense_state(&p->dualsense, e);
	send_report(p);
}

static void touch(struct pad *pad, const struct input_event *e)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad;

	dualsense_touch(&p->dualsense, e);
	send_report(p);
}

static void motion(struct pad *pad, const struct input_event *e)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad;

	dualsense_motion(&p->dualsense, e);
	send_report(p);
}

static void battery(struct pad *pad, const struct input_event *e)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad;

	dualsense_battery(&p->dualsense, e);
	send_report(p);
}

static void tell(struct pad *pad)
{
	dualsense_tell(&((struct pad_dualsense *)pad)->dualsense, pad->env->back, pad->number);
}

const struct pad_ops pad_dualsense = {
	.name = "dualsense",
	.size = sizeof(struct pad_dualsense),
	.probe = uhid_probe,
	.open = open_pad,
	.state = state,
	.tell = tell,
	.touch = touch,
	.motion = motion,
	.battery = battery,
	.close = close_pad,
};

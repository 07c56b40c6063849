// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A DualSense over uhid. The kernel's driver makes of it what it makes of a real one: a pad, motion sensors, a
 * touchpad, a battery and lights; games that know the pad open its hidraw node.
 */
#include "base/clock.h"
#include "input/dualsense_report.h"
#include "input/pad_uhid.h"

/*
 * While the driver is still setting up it drops reports and says nothing, and what was dropped may have been a button
 * going down. So the newest report is repeated for a while after each sign of a driver at work, as a real pad does all
 * the time.
 */
#define REPEAT_NS   (50 * NS_PER_MS)
#define REPEAT_MANY 40

struct pad_dualsense {
	struct pad_uhid hid;
	unsigned repeat; /* how often still */
	struct dualsense dualsense;
};

static void send_report(struct pad_dualsense *p)
{
	dualsense_stamp(&p->dualsense, clock_ns());
	uhid_input(&p->hid.uhid, p->dualsense.report, sizeof(p->dualsense.report));
}

static void awake(struct uhid *u)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad_of_uhid(u);

	if (!p->repeat)
		pad_uhid_tick_every(&p->hid, REPEAT_NS);
	p->repeat = REPEAT_MANY;
}

static void tick(struct pad_uhid *hid)
{
	struct pad_dualsense *p = (struct pad_dualsense *)hid;

	if (!p->repeat)
		return;
	send_report(p);
	if (!--p->repeat)
		pad_uhid_tick_every(hid, 0);
}

static void output(struct uhid *u, const uint8_t *data, size_t len)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad_of_uhid(u);

	dualsense_output(&p->dualsense, data, len, p->hid.base.env->back, p->hid.base.number);
}

static size_t feature(struct uhid *u, uint8_t report, uint8_t out[UHID_FEATURE_MAX])
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad_of_uhid(u);

	return dualsense_feature(&p->dualsense, report, out);
}

static const struct uhid_ops uhid_ops = {.awake = awake, .output = output, .feature = feature};

static int open_pad(struct pad *pad)
{
	struct pad_dualsense *p = (struct pad_dualsense *)pad;
	const struct uhid_identity model = {
		.name = "Sony Interactive Entertainment DualSense Wireless Controller",
		.vendor = DUALSENSE_VENDOR,
		.product = DUALSENSE_PRODUCT,
		.version = DUALSENSE_VERSION,
		.descriptor = dualsense_descriptor,
		.descriptor_len = dualsense_descriptor_len,
	};
	uint8_t mac[6];

	uhid_mac(mac, pad->env->seat, pad->number);
	dualsense_init(&p->dualsense, mac);
	return pad_uhid_open(&p->hid, &uhid_ops, tick, &model);
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
	.close = pad_uhid_close,
};

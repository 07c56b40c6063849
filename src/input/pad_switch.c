// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A Switch Pro Controller over uhid. The kernel's driver makes of it a pad, motion sensors, a battery and lights. It
 * asks a lot before it does, and while it rumbles it goes by the beat of the reports: they come all the time, as from a
 * real pad, and at once when a button or stick changes.
 */
#include "base/clock.h"
#include "input/pad_uhid.h"
#include "input/switchpro_report.h"

#define REPORT_NS (15 * NS_PER_MS)

struct pad_switch {
	struct pad_uhid hid;
	struct switchpro pro;
};

static void send_report(struct pad_switch *p)
{
	switchpro_stamp(&p->pro, clock_ns());
	uhid_input(&p->hid.uhid, p->pro.report, sizeof(p->pro.report));
}

static void tick(struct pad_uhid *hid)
{
	send_report((struct pad_switch *)hid);
}

static void output(struct uhid *u, const uint8_t *data, size_t len)
{
	struct pad_switch *p = (struct pad_switch *)pad_of_uhid(u);
	uint8_t reply[SWITCHPRO_REPORT_SIZE];

	switchpro_stamp(&p->pro, clock_ns());
	if (switchpro_output(&p->pro, data, len, p->hid.base.env->back, p->hid.base.number, reply))
		uhid_input(u, reply, sizeof(reply));
}

static const struct uhid_ops uhid_ops = {.output = output};

static int open_pad(struct pad *pad)
{
	struct pad_switch *p = (struct pad_switch *)pad;
	const struct uhid_identity model = {
		.name = "Nintendo Co., Ltd. Pro Controller",
		.vendor = SWITCHPRO_VENDOR,
		.product = SWITCHPRO_PRODUCT,
		.version = SWITCHPRO_VERSION,
		.descriptor = switchpro_descriptor,
		.descriptor_len = switchpro_descriptor_len,
	};
	uint8_t mac[6];
	int err;

	uhid_mac(mac, pad->env->seat, pad->number);
	switchpro_init(&p->pro, mac);
	err = pad_uhid_open(&p->hid, &uhid_ops, tick, &model);
	if (!err)
		pad_uhid_tick_every(&p->hid, REPORT_NS);
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
	.close = pad_uhid_close,
};

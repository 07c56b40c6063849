// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/pads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "pads"
#include "base/log.h"

#define MOTION_HZ 100

/* Of the client's pad, 2-media 6.4. */
enum { KIND_PLAYSTATION = 2, KIND_NINTENDO, KIND_STEAM };

static const struct pad_ops *const all_kinds[PAD_KINDS] = {
	[PAD_KIND_XBOX] = &pad_xbox,
	[PAD_KIND_DUALSENSE] = &pad_dualsense,
	[PAD_KIND_SWITCH] = &pad_switch,
};

static enum pad_kind kind_wanted(const char *config, const struct input_event *arrival,
				 const struct pad_ops *const kinds[PAD_KINDS])
{
	for (enum pad_kind k = 0; k < PAD_KINDS; k++)
		if (strcmp(config, kinds[k]->name) == 0)
			return k;
	switch (arrival->arrival.kind) {
	case KIND_PLAYSTATION:
		return PAD_KIND_DUALSENSE;
	case KIND_NINTENDO:
		return PAD_KIND_SWITCH;
	case KIND_STEAM: /* the kind with a place for what it has more than an Xbox pad */
		return arrival->arrival.caps & (PAD_CAP_TOUCHPAD | PAD_CAP_ACCEL | PAD_CAP_GYRO) ? PAD_KIND_DUALSENSE
												 : PAD_KIND_XBOX;
	}
	return PAD_KIND_XBOX;
}

enum pad_kind pad_kind_choose(const char *config, const struct input_event *arrival, unsigned allowed,
			      const struct pad_ops *const kinds[PAD_KINDS])
{
	enum pad_kind k = kind_wanted(config, arrival, kinds);

	if (allowed >> k & 1)
		return k;
	for (k = 0; k < PAD_KINDS - 1; k++) /* the Xbox pad is the first, every game knows it */
		if (allowed >> k & 1)
			break;
	return k;
}

/* What a person can do about it. */
static void explain(char why[INPUT_WHY_MAX], const char *device, const char *module, int err)
{
	if (err == -ENOENT || err == -ENODEV)
		snprintf(why, INPUT_WHY_MAX, "no %s: load the kernel module %s", device, module);
	else if (err == -EACCES || err == -EPERM)
		snprintf(why, INPUT_WHY_MAX, "no access to %s: install the udev rule", device);
	else
		snprintf(why, INPUT_WHY_MAX, "%s: %s", device, strerror(-err));
}

int pads_open(struct pads *p, const struct pad_ops *const kinds[PAD_KINDS], char why[INPUT_WHY_MAX])
{
	int err[PAD_KINDS];
	char text[INPUT_WHY_MAX];
	bool known = strcmp(p->base.env->pad_kind, "auto") == 0;

	p->kinds = kinds;
	for (enum pad_kind k = 0; k < PAD_KINDS; k++) {
		known = known || strcmp(p->base.env->pad_kind, kinds[k]->name) == 0;
		err[k] = kinds[k]->probe();
		if (!err[k])
			p->allowed |= 1u << k;
	}
	if (!known)
		log_warn("no pad is called '%s'; pads appear as the client says", p->base.env->pad_kind);
	if (!p->allowed) {
		explain(why, "/dev/uinput", "uinput", err[PAD_KIND_XBOX]);
		return err[PAD_KIND_XBOX];
	}
	if (err[PAD_KIND_XBOX]) {
		explain(text, "/dev/uinput", "uinput", err[PAD_KIND_XBOX]);
		log_warn("no Xbox pads: %s", text);
	}
	if (err[PAD_KIND_DUALSENSE]) {
		explain(text, "/dev/uhid", "uhid", err[PAD_KIND_DUALSENSE]);
		log_info("all pads appear as Xbox pads: %s", text);
	}
	return 0;
}

static int open_backend(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	(void)classes;
	return pads_open((struct pads *)b, all_kinds, why);
}

static struct pad *pad_create(struct pads *p, const struct pad_ops *ops, const struct input_event *e)
{
	struct pad *pad = calloc(1, ops->size);
	int err;

	if (!pad) {
		log_err("pad %u: no memory", e->arrival.pad);
		return NULL;
	}
	pad->ops = ops;
	pad->env = p->base.env;
	pad->number = e->arrival.pad;
	pad->caps = e->arrival.caps;
	pad->buttons = e->arrival.buttons;
	err = ops->open(pad);
	if (err) {
		log_errno(err, "pad %u cannot be made (%s); its input is dropped", pad->number, ops->name);
		free(pad);
		return NULL;
	}
	log_info("pad %u: %s", pad->number, ops->name);
	return pad;
}

/* A pad that comes back keeps its device, of whatever kind: the game would lose its player. */
static void arrive(struct pads *p, const struct input_event *e)
{
	const struct input_back *back = p->base.env->back;
	enum pad_kind k = pad_kind_choose(p->base.env->pad_kind, e, p->allowed, p->kinds);
	struct pad *pad = p->pad[e->arrival.pad];

	if (pad)
		pad->ops->tell(pad);
	else
		p->pad[e->arrival.pad] = pad = pad_create(p, p->kinds[k], e);
	if (!pad || !pad->ops->motion)
		return;
	pad->caps = e->arrival.caps;
	if (pad->caps & PAD_CAP_ACCEL)
		back->motion_wanted(back->ctx, pad->number, false, MOTION_HZ);
	if (pad->caps & PAD_CAP_GYRO)
		back->motion_wanted(back->ctx, pad->number, true, MOTION_HZ);
}

static void leave(struct pads *p, uint8_t number)
{
	struct pad *pad = p->pad[number];

	if (!pad)
		return;
	p->pad[number] = NULL;
	pad->ops->close(pad);
	free(pad);
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct pads *p = (struct pads *)b;
	struct pad *pad;

	switch (e->type) {
	case INPUT_PAD_ARRIVAL:
		arrive(p, e);
		break;
	case INPUT_PAD_GONE:
		leave(p, e->gone.pad);
		break;
	case INPUT_PAD_STATE:
		pad = p->pad[e->state.pad];
		if (pad)
			pad->ops->state(pad, e);
		break;
	case INPUT_PAD_TOUCH:
		pad = p->pad[e->pad_touch.pad];
		if (pad && pad->ops->touch)
			pad->ops->touch(pad, e);
		break;
	case INPUT_PAD_MOTION:
		pad = p->pad[e->motion.pad];
		if (pad && pad->ops->motion)
			pad->ops->motion(pad, e);
		break;
	case INPUT_PAD_BATTERY:
		pad = p->pad[e->battery.pad];
		if (pad && pad->ops->battery)
			pad->ops->battery(pad, e);
		break;
	default: /* haptics: rumble is sent in any case */
		break;
	}
}

static void close_backend(struct input_backend *b)
{
	for (uint8_t n = 0; n < INPUT_PADS_MAX; n++)
		leave((struct pads *)b, n);
}

const struct input_ops input_pads = {
	.name = "pads",
	.help = "controllers through uinput and uhid",
	.classes = INPUT_CLASS(INPUT_CLASS_PADS),
	.automatic = true,
	.size = sizeof(struct pads),
	.open = open_backend,
	.event = event,
	.close = close_backend,
};

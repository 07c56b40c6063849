// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Keyboard, mouse, touch and pen as devices of the kernel: what works under every desktop, and needs permission. All
 * devices are made with the session, because one that appears with the first touch loses that touch.
 */
#include "input/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "input/evdev_batch.h"
#include "input/uinput_device.h"
#include "input/uinput_events.h"

#define LOG_MODULE "uinput"
#include "base/log.h"

struct input_uinput {
	struct input_backend base;
	struct uinput_node node[UINPUT_DEVICES];
	struct uinput_events events;
};

static void explain(int err, char why[INPUT_WHY_MAX])
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		snprintf(why, INPUT_WHY_MAX, "no access to %s: install the udev rule, or join group moonrill-input",
			 UINPUT_NODE);
		break;
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		snprintf(why, INPUT_WHY_MAX, "no %s: load the kernel module uinput", UINPUT_NODE);
		break;
	default:
		snprintf(why, INPUT_WHY_MAX, "%s: %s", UINPUT_NODE, strerrordesc_np(-err) ?: "unknown error");
		break;
	}
}

static void close_class(struct input_uinput *u, enum input_class c)
{
	for (unsigned d = 0; d < UINPUT_DEVICES; d++)
		if (uinput_layouts[d].class == c)
			uinput_node_close(&u->node[d]);
}

/* A class is served with all its devices or not at all. */
static int open_class(struct input_uinput *u, enum input_class c)
{
	for (unsigned d = 0; d < UINPUT_DEVICES; d++) {
		int err;

		if (uinput_layouts[d].class != c)
			continue;
		err = uinput_node_open(&u->node[d], &uinput_layouts[d], u->base.env->seat);
		if (err) {
			close_class(u, c);
			return err;
		}
	}
	return 0;
}

static int open_uinput(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	struct input_uinput *u = (struct input_uinput *)b;
	uint32_t served = 0;
	int first = 0;

	for (unsigned d = 0; d < UINPUT_DEVICES; d++)
		u->node[d].fd = -1;
	for (unsigned c = 0; c < INPUT_CLASSES; c++) {
		int err;

		if (!(*classes & INPUT_CLASS(c)))
			continue;
		err = open_class(u, (enum input_class)c);
		if (!err)
			served |= INPUT_CLASS(c);
		else if (!first)
			first = err;
	}
	if (first)
		explain(first, why);
	*classes = served;
	if (served)
		return 0;
	return first == -EPERM ? -EACCES : first == -ENOENT || first == -ENXIO ? -ENODEV : first;
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct input_uinput *u = (struct input_uinput *)b;
	struct evdev_batch batch;
	enum uinput_device d = uinput_events_fill(&u->events, &batch, e);
	int err = batch.n ? evdev_batch_write(u->node[d].fd, &batch) : 0;

	if (err)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "%s takes no events: %s", uinput_layouts[d].name,
			  strerrordesc_np(-err) ?: "unknown error");
}

static void close_uinput(struct input_backend *b)
{
	struct input_uinput *u = (struct input_uinput *)b;

	for (unsigned d = 0; d < UINPUT_DEVICES; d++)
		uinput_node_close(&u->node[d]);
}

const struct input_ops input_uinput = {
	.name = "uinput",
	.help = "devices of the kernel through /dev/uinput",
	.classes = INPUT_CLASS(INPUT_CLASS_KEYBOARD) | INPUT_CLASS(INPUT_CLASS_MOUSE) | INPUT_CLASS(INPUT_CLASS_TOUCH) |
		   INPUT_CLASS(INPUT_CLASS_PEN),
	.automatic = true,
	.size = sizeof(struct input_uinput),
	.open = open_uinput,
	.event = event,
	.close = close_uinput,
};

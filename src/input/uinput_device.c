// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/uinput_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "input/kernel_input.h"
#include "input/keymap.h"

/* After ours, for the same reason as there. */
#define input_event kernel_input_event
#include <libevdev/libevdev-uinput.h>
#undef input_event

#define LOG_MODULE "uinput"
#include "base/log.h"

#define PHYS_MAX 128

static int enable_keys(struct libevdev *dev, const struct uinput_layout *layout)
{
	int err = 0;

	if (layout->typewriter) {
		err = libevdev_enable_event_type(dev, EV_REP);
		for (unsigned i = 0; !err && i < 512; i++) {
			uint16_t code = evdev_key((uint8_t)i, i >= 256);

			if (code)
				err = libevdev_enable_event_code(dev, EV_KEY, code, NULL);
		}
	}
	for (unsigned i = 0; !err && i < layout->n_keys; i++)
		err = libevdev_enable_event_code(dev, EV_KEY, layout->keys[i], NULL);
	return err;
}

static int enable_axes(struct libevdev *dev, const struct uinput_layout *layout)
{
	int err = 0;

	for (unsigned i = 0; !err && i < layout->n_rels; i++)
		err = libevdev_enable_event_code(dev, EV_REL, layout->rels[i], NULL);
	for (unsigned i = 0; !err && i < layout->n_axes; i++) {
		const struct uinput_axis *a = &layout->axes[i];
		struct input_absinfo info = {.minimum = a->min, .maximum = a->max, .resolution = a->resolution};

		err = libevdev_enable_event_code(dev, EV_ABS, a->code, &info);
	}
	if (!err && layout->direct)
		err = libevdev_enable_property(dev, INPUT_PROP_DIRECT);
	return err;
}

static struct libevdev *describe(const struct uinput_layout *layout)
{
	struct libevdev *dev = libevdev_new();

	if (!dev)
		return NULL;
	libevdev_set_name(dev, layout->name);
	libevdev_set_id_bustype(dev, BUS_VIRTUAL);
	libevdev_set_id_vendor(dev, UINPUT_VENDOR);
	libevdev_set_id_product(dev, UINPUT_PRODUCT);
	libevdev_set_id_version(dev, UINPUT_LAYOUT);
	if (enable_keys(dev, layout) || enable_axes(dev, layout)) {
		libevdev_free(dev);
		return NULL;
	}
	return dev;
}

int uinput_node_open(struct uinput_node *n, const struct uinput_layout *layout, const char *seat)
{
	struct libevdev *dev = NULL;
	char phys[PHYS_MAX];
	int err;

	n->uinput = NULL;
	n->fd = open(UINPUT_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (n->fd < 0)
		return -errno;
	dev = describe(layout);
	if (!dev) {
		err = -ENOMEM;
		goto fail;
	}
	/* Not through libevdev, which copies no phys; for uniq the kernel has no call. */
	snprintf(phys, sizeof(phys), "moonrill-%s/%s", seat, layout->part);
	if (ioctl(n->fd, UI_SET_PHYS, phys) < 0) {
		err = -errno;
		log_errno(err, "phys of %s", layout->name);
		goto fail;
	}
	err = libevdev_uinput_create_from_device(dev, n->fd, &n->uinput);
	if (err) {
		log_errno(err, "%s cannot be made", layout->name);
		goto fail;
	}
	log_dbg("%s (%s) is %s", layout->name, phys,
		libevdev_uinput_get_devnode(n->uinput) ?: "a device without a node");
	libevdev_free(dev);
	return 0;
fail:
	libevdev_free(dev);
	uinput_node_close(n);
	return err;
}

void uinput_node_close(struct uinput_node *n)
{
	if (n->fd < 0)
		return;
	libevdev_uinput_destroy(n->uinput);
	close(n->fd);
	n->uinput = NULL;
	n->fd = -1;
}

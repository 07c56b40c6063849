// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/ei_device.h"

#include <errno.h>
#include <libei.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input/key_layout.h"
#include "input/keymap.h"

#define KEYMAP_BYTES (1u << 20) /* a large one has 80 KiB */
#define SIDE_MAX     (1u << 17) /* a region that is larger means no screen (gamescope's has 2^31 - 1) */

static bool contains(struct ei_region *r, const struct input_place *p)
{
	int64_t x = ei_region_get_x(r), y = ei_region_get_y(r);

	return p->x >= x && p->y >= y && p->x + (int64_t)p->width <= x + ei_region_get_width(r) &&
	       p->y + (int64_t)p->height <= y + ei_region_get_height(r);
}

static bool has_middle(struct ei_region *r, const struct input_place *p)
{
	return ei_region_contains(r, p->x + p->width / 2.0, p->y + p->height / 2.0);
}

static struct ei_area look_at(struct ei_region *r, const struct input_place *place, const char *mapping_id)
{
	const char *id = ei_region_get_mapping_id(r);
	struct ei_area a = {
		.fit = EI_FIT_FIRST,
		.x = ei_region_get_x(r),
		.y = ei_region_get_y(r),
		.width = ei_region_get_width(r),
		.height = ei_region_get_height(r),
	};
	bool placed = place->width > 0 && place->height > 0;

	if (mapping_id && id && strcmp(id, mapping_id) == 0) {
		a.fit = EI_FIT_MAPPED;
	} else if (placed && has_middle(r, place)) {
		a.fit = EI_FIT_PLACE;
		if (contains(r, place)) { /* a region may be the whole desktop */
			a.x = place->x;
			a.y = place->y;
			a.width = place->width;
			a.height = place->height;
		}
	}
	if (a.width < 1 || a.height < 1 || a.width > SIDE_MAX || a.height > SIDE_MAX)
		a.fit = EI_FIT_NONE;
	return a;
}

struct ei_area ei_choose_area(struct ei_device *ei, const struct input_place *place, const char *mapping_id)
{
	struct ei_area best = {.fit = EI_FIT_NONE};
	struct ei_region *r;

	for (size_t i = 0; (r = ei_device_get_region(ei, i)); i++) {
		struct ei_area a = look_at(r, place, mapping_id);

		if (a.fit > best.fit)
			best = a;
	}
	return best;
}

void ei_area_point(const struct ei_area *a, float part_x, float part_y, double *x, double *y)
{
	*x = a->x + (double)part_x * (a->width - 1);
	*y = a->y + (double)part_y * (a->height - 1);
}

static char *read_keymap(struct ei_keymap *keymap, size_t *len)
{
	size_t size = ei_keymap_get_size(keymap), got = 0;
	int fd = ei_keymap_get_fd(keymap);
	char *text;

	if (ei_keymap_get_type(keymap) != EI_KEYMAP_TYPE_XKB || !size || size > KEYMAP_BYTES)
		return NULL;
	text = malloc(size);
	while (text && got < size) {
		ssize_t n = pread(fd, text + got, size - got, (off_t)got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	*len = got;
	return text;
}

int ei_dev_layout(struct key_layout **out, struct ei_device *ei)
{
	struct ei_keymap *keymap = ei_device_keyboard_get_keymap(ei);
	char *text = NULL;
	size_t len = 0;
	int err;

	if (keymap) {
		text = read_keymap(keymap, &len);
		if (!text)
			return -EINVAL;
	}
	err = key_layout_new(out, text, len);
	free(text);
	return err;
}

bool ei_dev_holds_key(const struct ei_dev *d, uint16_t key)
{
	return key < EI_KEYS && d->keys[key / 64] >> (key % 64) & 1;
}

void ei_dev_key(struct ei_dev *d, uint16_t key, bool down)
{
	if (key >= EI_KEYS)
		return;
	d->keys[key / 64] ^= 1ull << (key % 64);
	d->dirty = true;
	ei_device_keyboard_key(d->ei, key, down);
	if (d->layout)
		key_layout_key(d->layout, key, down);
}

void ei_dev_button(struct ei_dev *d, uint8_t button, bool down)
{
	d->buttons ^= (uint8_t)(1u << button);
	d->dirty = true;
	ei_device_button_button(d->ei, evdev_mouse_button(button), down);
}

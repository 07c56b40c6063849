// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/wlr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>
#include <xdg-output-unstable-v1-client-protocol.h>

#include "input/place.h"

#define OUTPUT_VERSION 2 /* tells its scale */

/* What wl_output says; compositors of wlroots say there that each lies at 0,0. */

static void on_geometry(void *data, struct wl_output *wl, int x, int y, int mm_width, int mm_height, int subpixel,
			const char *make, const char *model, int transform)
{
	struct wlr_output *o = data;

	(void)wl, (void)mm_width, (void)mm_height, (void)subpixel, (void)make, (void)model;
	o->x = x;
	o->y = y;
	o->turned = transform & 1; /* by 90 or 270 degrees */
}

static void on_mode(void *data, struct wl_output *wl, uint32_t flags, int width, int height, int refresh)
{
	struct wlr_output *o = data;

	(void)wl, (void)refresh;
	if (!(flags & WL_OUTPUT_MODE_CURRENT))
		return;
	o->width = width;
	o->height = height;
}

static void on_done(void *data, struct wl_output *wl)
{
	(void)data, (void)wl;
}

static void on_scale(void *data, struct wl_output *wl, int scale)
{
	struct wlr_output *o = data;

	(void)wl;
	o->scale = scale;
}

static const struct wl_output_listener output_listener = {
	.geometry = on_geometry, .mode = on_mode, .done = on_done, .scale = on_scale};

/* What xdg_output says, where there is one: the layout as it is. */

static void on_position(void *data, struct zxdg_output_v1 *xdg, int x, int y)
{
	struct wlr_output *o = data;

	(void)xdg;
	o->logical.x = x;
	o->logical.y = y;
}

static void on_size(void *data, struct zxdg_output_v1 *xdg, int width, int height)
{
	struct wlr_output *o = data;

	(void)xdg;
	o->logical.width = width;
	o->logical.height = height;
}

static void on_logical_done(void *data, struct zxdg_output_v1 *xdg)
{
	(void)data, (void)xdg;
}

static const struct zxdg_output_v1_listener logical_listener = {on_position, on_size, on_logical_done};

static void ask_place(struct wlr_outputs *list, struct wlr_output *o)
{
	if (!list->manager || o->xdg)
		return;
	o->xdg = zxdg_output_manager_v1_get_xdg_output(list->manager, o->wl);
	if (o->xdg)
		zxdg_output_v1_add_listener(o->xdg, &logical_listener, o);
}

static void output_free(struct wlr_output *o)
{
	if (o->xdg)
		zxdg_output_v1_destroy(o->xdg);
	wl_output_destroy(o->wl);
	free(o);
}

bool wlr_outputs_global(struct wlr_outputs *list, struct wl_registry *r, uint32_t name, const char *interface,
			uint32_t version)
{
	struct wlr_output *o;

	if (!strcmp(interface, zxdg_output_manager_v1_interface.name) && !list->manager) {
		list->manager = wl_registry_bind(r, name, &zxdg_output_manager_v1_interface, 1);
		for (unsigned i = 0; i < list->n; i++)
			ask_place(list, list->output[i]);
		return true;
	}
	if (strcmp(interface, wl_output_interface.name) != 0)
		return false;
	o = list->n < WLR_OUTPUTS_MAX ? calloc(1, sizeof(*o)) : NULL;
	if (!o)
		return true;
	o->name = name;
	o->scale = 1;
	o->wl = wl_registry_bind(r, name, &wl_output_interface, version < OUTPUT_VERSION ? version : OUTPUT_VERSION);
	if (!o->wl) {
		free(o);
		return true;
	}
	wl_output_add_listener(o->wl, &output_listener, o);
	ask_place(list, o);
	list->output[list->n++] = o;
	return true;
}

void wlr_outputs_remove(struct wlr_outputs *list, uint32_t name)
{
	for (unsigned i = 0; i < list->n; i++) {
		if (list->output[i]->name != name)
			continue;
		output_free(list->output[i]);
		list->n--;
		memmove(&list->output[i], &list->output[i + 1], (list->n - i) * sizeof(list->output[0]));
		return;
	}
}

void wlr_outputs_finish(struct wlr_outputs *list)
{
	for (unsigned i = 0; i < list->n; i++)
		output_free(list->output[i]);
	if (list->manager)
		zxdg_output_manager_v1_destroy(list->manager);
	*list = (struct wlr_outputs){0};
}

static struct place_output place_of(const struct wlr_output *o)
{
	int width = o->turned ? o->height : o->width, height = o->turned ? o->width : o->height;
	int scale = o->scale > 0 ? o->scale : 1;
	struct place_output p = {.at = o->logical, .width = width, .height = height};

	if (!o->xdg)
		p.at = (struct input_place){o->x, o->y, width / scale, height / scale};
	return p;
}

const struct wlr_output *wlr_outputs_find(const struct wlr_outputs *list, const struct input_place *captured)
{
	struct place_output places[WLR_OUTPUTS_MAX];

	for (unsigned i = 0; i < list->n; i++)
		places[i] = place_of(list->output[i]);
	return list->n ? list->output[place_find(captured, places, list->n)] : NULL;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A Wayland client with known pixels: four quadrants (red, green, blue, white), the code of pattern_code.h on top of
 * them, and a small block that walks along the middle. It fills whatever size the compositor gives it.
 *
 *	wlclient [--still N]     after N frames nothing changes any more (0: never; the default)
 *
 * SIGUSR1 draws one frame more on a still screen.
 *
 * Needs wl_shm and xdg_wm_base only. Built by scripts/live-env.sh, with the headers that it fetches.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <wayland-client.h>

#include "capture/pattern_code.h"
#include "xdg-shell-client-protocol.h"

#define BUFFERS 3
#define BLOCK   32

struct buffer {
	struct wl_buffer *wl;
	uint32_t *pixels;
	bool busy;
};

static struct wl_compositor *compositor;
static struct wl_shm *shm;
static struct xdg_wm_base *wm_base;
static struct wl_surface *surface;
static struct buffer buffers[BUFFERS];
static int width, height, next_width = 1280, next_height = 720;
static size_t pool_size;
static void *pool_memory;
static uint32_t frame;
static unsigned long still_after;
static bool closed, configured;

static void draw(void);

static void on_release(void *data, struct wl_buffer *wl)
{
	(void)wl;
	((struct buffer *)data)->busy = false;
}

static const struct wl_buffer_listener buffer_listener = {.release = on_release};

/* The size has changed: new buffers, the old ones are the compositor's to finish with. */
static int make_buffers(void)
{
	size_t size = (size_t)next_width * (size_t)next_height * 4;
	struct wl_shm_pool *pool;
	int fd;

	for (int i = 0; i < BUFFERS && buffers[i].wl; i++)
		wl_buffer_destroy(buffers[i].wl);
	if (pool_memory)
		munmap(pool_memory, pool_size);
	width = next_width;
	height = next_height;
	pool_size = size * BUFFERS;
	fd = memfd_create("wlclient", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)pool_size) < 0)
		return -errno;
	pool_memory = mmap(NULL, pool_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pool_memory == MAP_FAILED)
		return -errno;
	pool = wl_shm_create_pool(shm, fd, (int32_t)pool_size);
	for (int i = 0; i < BUFFERS; i++) {
		buffers[i].pixels = (uint32_t *)((uint8_t *)pool_memory + size * (size_t)i);
		buffers[i].busy = false;
		buffers[i].wl = wl_shm_pool_create_buffer(pool, (int32_t)(size * (size_t)i), width, height, width * 4,
							  WL_SHM_FORMAT_XRGB8888);
		wl_buffer_add_listener(buffers[i].wl, &buffer_listener, &buffers[i]);
	}
	wl_shm_pool_destroy(pool);
	close(fd);
	return 0;
}

static void on_frame(void *data, struct wl_callback *callback, uint32_t time)
{
	(void)data, (void)time;
	wl_callback_destroy(callback);
	draw();
}

static const struct wl_callback_listener frame_listener = {.done = on_frame};

static void draw(void)
{
	static const uint32_t quadrant[4] = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff};
	struct pattern_mark mark = {.frame = frame};
	struct buffer *b = NULL;
	struct timespec now;
	int block_x;

	if (width != next_width || height != next_height) {
		if (make_buffers() < 0) {
			fprintf(stderr, "wlclient: no memory for buffers\n");
			closed = true;
			return;
		}
	}
	for (int i = 0; i < BUFFERS && !b; i++) {
		if (!buffers[i].busy)
			b = &buffers[i];
	}
	wl_callback_add_listener(wl_surface_frame(surface), &frame_listener, NULL);
	if (!b || (still_after && frame >= still_after)) {
		/* no change: the callback comes with the next repaint, if ever */
		wl_surface_commit(surface);
		return;
	}
	for (int y = 0; y < height; y++) {
		uint32_t left = quadrant[y < height / 2 ? 0 : 2], right = quadrant[y < height / 2 ? 1 : 3];

		for (int x = 0; x < width; x++)
			b->pixels[y * width + x] = x < width / 2 ? left : right;
	}
	block_x = width > BLOCK ? (int)(frame * 4 % (uint32_t)(width - BLOCK)) : 0;
	for (int y = height / 2 - BLOCK / 2; y < height / 2 + BLOCK / 2 && y >= 0 && y < height; y++)
		memset(b->pixels + y * width + block_x, 0, BLOCK * 4);
	clock_gettime(CLOCK_MONOTONIC, &now);
	mark.time_us = ((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000) & PATTERN_TIME_MAX;
	pattern_draw(b->pixels, (size_t)width * 4, (uint32_t)width, (uint32_t)height, &mark);
	frame++;
	b->busy = true;
	wl_surface_attach(surface, b->wl, 0, 0);
	wl_surface_damage_buffer(surface, 0, 0, width, height);
	wl_surface_commit(surface);
}

static void on_surface_configure(void *data, struct xdg_surface *xdg, uint32_t serial)
{
	(void)data;
	xdg_surface_ack_configure(xdg, serial);
	if (!configured) {
		configured = true;
		draw();
	}
}

static const struct xdg_surface_listener surface_listener = {.configure = on_surface_configure};

static void on_configure(void *data, struct xdg_toplevel *top, int32_t w, int32_t h, struct wl_array *states)
{
	(void)data, (void)top, (void)states;
	if (w > 0 && h > 0) {
		next_width = w;
		next_height = h;
	}
}

static void on_close(void *data, struct xdg_toplevel *top)
{
	(void)data, (void)top;
	closed = true;
}

static const struct xdg_toplevel_listener toplevel_listener = {.configure = on_configure, .close = on_close};

static void on_ping(void *data, struct xdg_wm_base *base, uint32_t serial)
{
	(void)data;
	xdg_wm_base_pong(base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = {.ping = on_ping};

static void on_global(void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version)
{
	(void)data, (void)version;
	if (!strcmp(interface, wl_compositor_interface.name))
		compositor = wl_registry_bind(r, name, &wl_compositor_interface, 4);
	else if (!strcmp(interface, wl_shm_interface.name))
		shm = wl_registry_bind(r, name, &wl_shm_interface, 1);
	else if (!strcmp(interface, xdg_wm_base_interface.name))
		wm_base = wl_registry_bind(r, name, &xdg_wm_base_interface, 1);
}

static void on_global_remove(void *data, struct wl_registry *r, uint32_t name)
{
	(void)data, (void)r, (void)name;
}

static const struct wl_registry_listener registry_listener = {on_global, on_global_remove};

static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Waits for the compositor or a signal, and does what they ask. */
static int turn(struct wl_display *display, int signals)
{
	struct pollfd fds[2] = {{.fd = wl_display_get_fd(display), .events = POLLIN},
				{.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (wl_display_prepare_read(display) != 0) {
		if (wl_display_dispatch_pending(display) < 0)
			return -1;
	}
	wl_display_flush(display);
	if (poll(fds, 2, -1) < 0 || !fds[0].revents)
		wl_display_cancel_read(display);
	else if (wl_display_read_events(display) < 0)
		return -1;
	if (read(signals, &info, sizeof(info)) == sizeof(info) && still_after && configured) {
		still_after++;
		draw();
	}
	return wl_display_dispatch_pending(display);
}

int main(int argc, char **argv)
{
	struct wl_display *display = wl_display_connect(NULL);
	int signals = take_signals();
	struct xdg_surface *xdg;
	struct xdg_toplevel *top;

	if (argc == 3 && !strcmp(argv[1], "--still"))
		still_after = strtoul(argv[2], NULL, 10);
	if (!display) {
		fprintf(stderr, "wlclient: no Wayland display\n");
		return 1;
	}
	wl_registry_add_listener(wl_display_get_registry(display), &registry_listener, NULL);
	wl_display_roundtrip(display);
	if (!compositor || !shm || !wm_base) {
		fprintf(stderr, "wlclient: the compositor lacks wl_compositor, wl_shm or xdg_wm_base\n");
		return 1;
	}
	xdg_wm_base_add_listener(wm_base, &wm_base_listener, NULL);
	surface = wl_compositor_create_surface(compositor);
	xdg = xdg_wm_base_get_xdg_surface(wm_base, surface);
	xdg_surface_add_listener(xdg, &surface_listener, NULL);
	top = xdg_surface_get_toplevel(xdg);
	xdg_toplevel_add_listener(top, &toplevel_listener, NULL);
	xdg_toplevel_set_title(top, "wlclient");
	xdg_toplevel_set_app_id(top, "wlclient");
	xdg_toplevel_set_fullscreen(top, NULL);
	wl_surface_commit(surface);
	while (!closed && turn(display, signals) >= 0)
		;
	return closed ? 0 : 1;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Preloaded into xdg-desktop-portal-wlr 0.7, which refuses to start a cast when the compositor offers no dma-buf: it
 * checks the version of its D-Bus interface where it means the one of wlr-screencopy, and so waits for a linux_dmabuf
 * event that a compositor without a GPU never sends. This library adds that event, made up, after each `buffer` event
 * (the one for shared memory). Having no GBM device, the portal then offers shared memory alone, which is what we test.
 *
 * The listener's functions are, in the protocol's order: buffer, flags, ready, failed, damage, linux_dmabuf,
 * buffer_done.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

struct wl_proxy;

typedef void (*event_fn)(void);
typedef void (*buffer_fn)(void *data, void *frame, uint32_t format, uint32_t width, uint32_t height, uint32_t stride);
typedef void (*dmabuf_fn)(void *data, void *frame, uint32_t fourcc, uint32_t width, uint32_t height);
typedef int (*add_listener_fn)(struct wl_proxy *proxy, event_fn *listener, void *data);
typedef const char *(*get_class_fn)(struct wl_proxy *proxy);

enum { EVENT_BUFFER = 0, EVENT_LINUX_DMABUF = 5, EVENTS = 7 };

#define FOURCC_XR24 0x34325258u

static event_fn *original;
static event_fn patched[EVENTS];

int wl_proxy_add_listener(struct wl_proxy *proxy, event_fn *listener, void *data);

static void on_buffer(void *data, void *frame, uint32_t format, uint32_t width, uint32_t height, uint32_t stride)
{
	((buffer_fn)original[EVENT_BUFFER])(data, frame, format, width, height, stride);
	((dmabuf_fn)original[EVENT_LINUX_DMABUF])(data, frame, FOURCC_XR24, width, height);
}

int wl_proxy_add_listener(struct wl_proxy *proxy, event_fn *listener, void *data)
{
	add_listener_fn next = (add_listener_fn)dlsym(RTLD_NEXT, "wl_proxy_add_listener");
	get_class_fn get_class = (get_class_fn)dlsym(RTLD_NEXT, "wl_proxy_get_class");

	if (!strcmp(get_class(proxy), "zwlr_screencopy_frame_v1")) {
		original = listener;
		memcpy(patched, listener, sizeof(patched));
		patched[EVENT_BUFFER] = (event_fn)on_buffer;
		listener = patched;
	}
	return next(proxy, listener, data);
}

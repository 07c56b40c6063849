// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/wlr.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>
#include <virtual-keyboard-unstable-v1-client-protocol.h>
#include <wayland-client.h>

#define LOG_MODULE "input"
#include "base/log.h"

int wlr_keyboard_create(struct wlr_keyboard *k, struct zwp_virtual_keyboard_manager_v1 *manager, struct wl_seat *seat)
{
	k->wl = zwp_virtual_keyboard_manager_v1_create_virtual_keyboard(manager, seat);
	return k->wl ? 0 : -ENOMEM;
}

void wlr_keyboard_destroy(struct wlr_keyboard *k)
{
	if (k->wl)
		zwp_virtual_keyboard_v1_destroy(k->wl);
	k->wl = NULL;
	wlr_keymap_free(k->keymap);
	k->keymap = NULL;
}

static int write_whole(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The compositor reads the keymap from memory that nobody changes any more. */
static int upload(struct wlr_keyboard *k)
{
	size_t len;
	const char *text = wlr_keymap_text(k->keymap, &len);
	int fd = memfd_create("moonrill-keymap", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	err = fd < 0 ? -errno : write_whole(fd, text, len + 1);
	if (!err) {
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
		zwp_virtual_keyboard_v1_keymap(k->wl, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, fd, (uint32_t)(len + 1));
	}
	if (fd >= 0)
		close(fd); /* the request holds its own */
	return err;
}

static void send_mods(struct wlr_keyboard *k, const struct key_mods *m)
{
	zwp_virtual_keyboard_v1_modifiers(k->wl, m->depressed, m->latched, m->locked, m->group);
}

static void send_own_mods(struct wlr_keyboard *k)
{
	struct key_mods m;

	key_layout_mods(wlr_keymap_layout(k->keymap), &m);
	send_mods(k, &m);
}

int wlr_keyboard_set_keymap(struct wlr_keyboard *k, const char *text)
{
	struct wlr_keymap *old = k->keymap, *keymap;
	int err;

	if (text && old && (wlr_keymap_is_ours(text) || wlr_keymap_same(old, text)))
		return 0;
	err = wlr_keymap_new(&keymap, text);
	if (err)
		return err;
	if (old)
		key_layout_inherit(wlr_keymap_layout(keymap), wlr_keymap_layout(old));
	k->keymap = keymap;
	err = upload(k);
	if (err) {
		k->keymap = old;
		wlr_keymap_free(keymap);
		return err;
	}
	wlr_keymap_free(old);
	send_own_mods(k);
	return 0;
}

void wlr_keyboard_key(struct wlr_keyboard *k, uint16_t evdev, bool down)
{
	struct key_layout *layout = wlr_keymap_layout(k->keymap);

	if (key_layout_held(layout, evdev) == down) /* its press was left out */
		return;
	zwp_virtual_keyboard_v1_key(k->wl, wlr_time_ms(), evdev,
				    down ? WL_KEYBOARD_KEY_STATE_PRESSED : WL_KEYBOARD_KEY_STATE_RELEASED);
	if (key_layout_key(layout, evdev, down))
		send_own_mods(k);
}

/* Held modifiers and locks step aside for the character, and come back. */
void wlr_keyboard_type(struct wlr_keyboard *k, uint32_t code_point)
{
	struct wlr_stroke s;
	uint32_t now = wlr_time_ms();
	int err = wlr_keymap_type(k->keymap, code_point, &s);

	if (!err && s.changed)
		err = upload(k);
	if (err) {
		if (!k->warned)
			log_errno(err, "a character cannot be typed (U+%04X)", (unsigned)code_point);
		k->warned = true;
		return;
	}
	send_mods(k, &s.mods);
	zwp_virtual_keyboard_v1_key(k->wl, now, s.evdev, WL_KEYBOARD_KEY_STATE_PRESSED);
	zwp_virtual_keyboard_v1_key(k->wl, now, s.evdev, WL_KEYBOARD_KEY_STATE_RELEASED);
	send_own_mods(k);
}

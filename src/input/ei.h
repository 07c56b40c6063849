// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A sender of emulated input (libei): keyboard, pointers and touch of whatever desktop is behind the socket of an EIS
 * server. How one comes by that socket differs from desktop to desktop and is the business of its user: Mutter's
 * RemoteDesktop, the portal's, a socket of gamescope. HAVE_EI.
 *
 * The thread of its back end's calls (input/backend.h). Nothing here blocks: the server's devices come and go while
 * events are sent, and what has no device at that moment is dropped.
 */
#pragma once

#include <stdint.h>

#include "input/backend.h"

struct ei_sender;

struct ei_sender_events {
	/* Once, from within a dispatch or an event: the server has ended the connection. Only close may follow. */
	void (*gone)(void *ctx, const char *why);
	void *ctx;
};

/*
 * classes: the ones it is to serve; it asks for no device of another. fd: a connected socket of the server, passed also
 * on failure. env->place says which region absolute positions are of; mapping_id, when the desktop has given one for
 * the stream that is captured, is better and wins (NULL: none; copied). -errno.
 */
int ei_sender_open(struct ei_sender **out, const struct input_env *env, int fd, uint32_t classes,
		   const char *mapping_id, const struct ei_sender_events *ev);
/* In open only: until the server has given what the classes need, or until then; what is sent before is dropped. It may
 * end meanwhile (gone). */
void ei_sender_wait(struct ei_sender *s, uint64_t deadline_ns);
/* The server takes a distance for a number of notches: it is told shares of a notch as such. */
void ei_sender_count_notches(struct ei_sender *s);
void ei_sender_event(struct ei_sender *s, const struct input_event *e);
void ei_sender_close(struct ei_sender *s); /* accepts NULL */

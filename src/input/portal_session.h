// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One session of the RemoteDesktop portal (org.freedesktop.portal.RemoteDesktop, version 2 and later), from the
 * question what there is to the socket of an EIS server: CreateSession, SelectDevices, Start, ConnectToEIS. Somewhere
 * in Start a person is asked, or a token of an earlier consent answers for him.
 *
 * Everything is asynchronous on a loop; each step that stays unanswered ends the session. The thread that runs the
 * loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "bus/bus.h"

/* Of the portal's interface, AvailableDeviceTypes. */
#define PORTAL_KEYBOARD 1u
#define PORTAL_POINTER  2u
#define PORTAL_TOUCH    4u

#define PORTAL_TOKEN_MAX 256 /* with its end; tokens that are longer are not kept */

struct portal_session;

/* From within the loop. Each may close the session. */
struct portal_session_events {
	/* Once: the devices that there are. Then portal_session_start() or close. */
	void (*offer)(void *ctx, uint32_t types);
	/* The portal has taken the token: it is good for nothing any more, whatever follows. */
	void (*token_spent)(void *ctx);
	/* From now on a person may be looking at a dialog. */
	void (*asking)(void *ctx);
	/* There is consent; token: the one for the next time, NULL: there will be none. Before ready. */
	void (*consent)(void *ctx, uint32_t types, const char *token);
	/* A socket for libei, which is passed. mapping_id: of the stream that the desktop has put with it; may be
	 * NULL. */
	void (*ready)(void *ctx, int fd, const char *mapping_id);
	/* Once, and nothing follows. -EACCES: a person or the desktop has ended it, -ENODEV: no portal, -ENOTSUP: one
	 * without EIS, -ETIMEDOUT, -EPROTO: not what the portal's documentation says, -EIO. why: for a person. */
	void (*over)(void *ctx, int err, const char *why);
};

/* Asks what there is. ev and bus outlive the session. -errno. */
int portal_session_open(struct portal_session **out, struct loop *loop, struct bus *bus,
			const struct portal_session_events *ev, void *ctx);
/* types: some of the offer, never 0. token: copied, NULL: none; one that is longer than PORTAL_TOKEN_MAX is no token.
 * must_not_ask: gives up when the portal says that the token is none. (A token that it merely has forgotten it does not
 * tell of: a person is asked.) */
void portal_session_start(struct portal_session *s, uint32_t types, const char *token, bool must_not_ask);
/* Takes back what is still asked, and ends the session on the desktop. Accepts NULL. */
void portal_session_close(struct portal_session *s);

// SPDX-License-Identifier: GPL-3.0-or-later
/* What ei.c (the connection, its devices) and ei_events.c (what an event does to them) share. */
#pragma once

#include "input/ei.h"
#include "input/ei_device.h"
#include "input/state.h"

#define EI_DEVICES_MAX 16
#define EI_QUEUE_MAX   1024

struct ei;
struct ei_touch;

struct ei_contact {
	struct ei_touch *ei; /* NULL: not down */
	uint32_t id;         /* the client's */
	struct ei_dev *on;
};

struct ei_sender {
	const struct input_env *env;
	struct ei_sender_events ev;
	struct ei *ei;
	struct input_watch watch; /* an epoll of libei's fd, and of the socket while something is queued */
	int socket;               /* libei's */
	uint32_t classes, sequence;
	char *mapping_id;
	bool over, fine_notches, warned;
	bool quiet; /* libei's complaints are known */
	struct ei_dev devices[EI_DEVICES_MAX];
	struct ei_contact contacts[TOUCH_CONTACTS_MAX];
	struct input_event queue[EI_QUEUE_MAX]; /* for which the socket had no room */
	unsigned first, queued;
};

/* A device that takes events of that capability (enum ei_device_capability), NULL: none. */
struct ei_dev *ei_with(struct ei_sender *s, unsigned cap);
/* What was done is one moment of each device that it moved. */
void ei_frame(struct ei_sender *s);
void ei_end_contact(struct ei_contact *c, bool cancel);
void ei_apply(struct ei_sender *s, const struct input_event *e);

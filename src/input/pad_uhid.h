// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A pad that is a HID device of ours, with a timer that repeats its reports: what the kinds over uhid have in common.
 * Each kind embeds it first, and knows the reports. The threads of pad.h.
 */
#pragma once

#include <stddef.h>

#include "input/pad.h"
#include "input/uhid.h"

struct pad_uhid {
	struct pad base;
	struct uhid uhid;
	struct input_watch timer;
	void (*tick)(struct pad_uhid *p);
};

/* Whose device calls (uhid_ops). */
static inline struct pad_uhid *pad_of_uhid(struct uhid *u)
{
	return (struct pad_uhid *)((char *)u - offsetof(struct pad_uhid, uhid));
}

/* The device of that model, plugged in where the pad's seat and number say: these and mac are filled in. tick: the
 * timer's, which does not run yet. -errno: nothing is left. */
int pad_uhid_open(struct pad_uhid *p, const struct uhid_ops *ops, void (*tick)(struct pad_uhid *p),
		  const struct uhid_identity *model);
/* Ticks come from now on, the first after that time; 0: no more. Below a second. */
void pad_uhid_tick_every(struct pad_uhid *p, uint64_t ns);
void pad_uhid_close(struct pad *p); /* pad_ops.close */

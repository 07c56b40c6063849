// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A HID device of ours in the kernel: its driver there sees reports and asks questions as it would of a real one.
 * Control thread; close also on main. What the kernel passes on comes from any program that may open the device: it is
 * untrusted.
 */
#pragma once

#include "input/backend.h"

#define UHID_FEATURE_MAX 64 /* bytes of an answer */

struct uhid;

struct uhid_ops {
	/* The device was just opened or asked something: reports are read from now on. NULL: not interested. */
	void (*awake)(struct uhid *u);
	/* An output report; data[0] is its number. */
	void (*output)(struct uhid *u, const uint8_t *data, size_t len);
	/* Length of the feature report with that number, which comes first in it; 0: there is none. NULL: has none. */
	size_t (*feature)(struct uhid *u, uint8_t report, uint8_t out[UHID_FEATURE_MAX]);
};

struct uhid_identity {
	const char *name, *seat;
	uint8_t pad;        /* with seat: where it is plugged in */
	const uint8_t *mac; /* 6 bytes: its unique id */
	uint32_t vendor, product, version;
	const uint8_t *descriptor;
	size_t descriptor_len;
};

/* Embedded in its owner. */
struct uhid {
	struct input_watch watch;
	const struct input_env *env;
	const struct uhid_ops *ops;
};

int uhid_probe(void); /* 0: allowed here; -errno */
/* Becomes a USB device. -errno; the owner may call uhid_close() all the same. */
int uhid_open(struct uhid *u, const struct input_env *env, const struct uhid_ops *ops, const struct uhid_identity *id);
/* An input report, with its number. What fails is logged. */
void uhid_input(struct uhid *u, const uint8_t *report, size_t len);
void uhid_close(struct uhid *u); /* also of one that is not open, fd < 0 */

/* A MAC address that is the same for the same client and pad, and no real device's. Pure. */
void uhid_mac(uint8_t mac[6], const char *seat, uint8_t pad);

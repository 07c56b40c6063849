// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * D-Bus for the daemon: a connection on a loop, asynchronous calls only. The one place that knows sd-bus.
 * A lost connection calls lost() once; the owner closes and, if it wants, opens again. The thread that runs the loop.
 * Without the dbus feature bus_open() returns -ENOTSUP and nothing else may be called.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct bus;
struct bus_call;
struct bus_match;

struct bus_error {
	const char *name, *message; /* "org.freedesktop.DBus.Error.ServiceUnknown", ... */
};

/* A value of a message we send or got: the few types that are needed. */
enum bus_type {
	BUS_STRING,
	BUS_OBJECT,
	BUS_INT32,
	BUS_UINT32,
	BUS_UINT16,
	BUS_BOOL,
	BUS_DOUBLE,
	BUS_FD, /* got only: the bus closes it after the callback; dup() what is kept */
	/* sent only */
	BUS_BYTE_ARRAYS,
	BUS_OPTIONS, /* a{sv} */
};

struct bus_option;

struct bus_value {
	enum bus_type type;
	union {
		const char *s;
		int32_t i;
		uint32_t u;
		bool b;
		double d;
		int fd;
		struct {
			const struct bus_option *item; /* values of one number or string each */
			unsigned n;
		} options;
		struct {
			const void *data; /* one array of arrays of bytes: each item the same */
			size_t len;
			unsigned n;
		} bytes;
	};
};

struct bus_option {
	const char *key;
	struct bus_value value;
};

/* err NULL: done, and the n values of the answer are valid during the call: the types above in order, containers
 * flattened, everything else left out, at most BUS_VALUES_MAX. The call is freed after it. */
#define BUS_VALUES_MAX 32

typedef void (*bus_reply_fn)(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n);
typedef void (*bus_signal_fn)(void *ctx, const struct bus_value *v, unsigned n);

enum bus_which { BUS_SYSTEM, BUS_SESSION };

int bus_open(struct bus **out, struct loop *loop, enum bus_which which, void (*lost)(void *ctx, int err), void *ctx);
/* Our own name on the bus, ":1.42"; waits for the bus's greeting if that is still to come. "": it is lost. Valid until
 * bus_close(). */
const char *bus_name(struct bus *b);
/* No callback comes after it: calls and matches that are left are dropped. Accepts NULL. */
void bus_close(struct bus *b);

/* out may be NULL when the call is never given up. -errno. */
int bus_call(struct bus *b, struct bus_call **out, const char *dest, const char *path, const char *iface,
	     const char *method, const struct bus_value *v, unsigned n, bus_reply_fn fn, void *ctx);
/* Nobody waits for an answer. -errno. */
int bus_tell(struct bus *b, const char *dest, const char *path, const char *iface, const char *method,
	     const struct bus_value *v, unsigned n);
void bus_call_drop(struct bus_call *c); /* no reply comes any more; accepts NULL */

/* Signals that fit; NULL parts fit everything. */
int bus_match(struct bus *b, struct bus_match **out, const char *sender, const char *path, const char *iface,
	      const char *member, bus_signal_fn fn, void *ctx);
void bus_match_drop(struct bus_match *m); /* accepts NULL */

// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/mdns.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "bus/bus.h"

#define LOG_MODULE "mdns"
#include "base/log.h"

#define AVAHI       "org.freedesktop.Avahi"
#define SERVER      "org.freedesktop.Avahi.Server"
#define GROUP       "org.freedesktop.Avahi.EntryGroup"
#define SERVICE     "_nvstream._tcp"
#define FALLBACK    "moonrill"
#define ALL         -1 /* interfaces, protocols */
#define PATH_MAX_   128
#define RENAMES_MAX 20

/* AvahiServerState and AvahiEntryGroupState, from the interface of the daemon. */
enum server_state { SERVER_REGISTERING = 1, SERVER_RUNNING = 2, SERVER_COLLISION = 3, SERVER_FAILURE = 4 };
enum group_state { GROUP_ESTABLISHED = 2, GROUP_COLLISION = 3, GROUP_FAILURE = 4 };

struct mdns {
	struct bus *bus;
	struct bus_match *owner, *server, *group;
	struct bus_call *call; /* one step at a time */
	char name[MDNS_LABEL];
	char path[PATH_MAX_]; /* of our entry group; "" : none */
	uint16_t port;
	unsigned renames;
	bool warned;
};

static void ask_state(struct mdns *m);
static void new_group(struct mdns *m);
static void add_service(struct mdns *m);

void mdns_label(char out[MDNS_LABEL], const char *host_name)
{
	size_t n = 0;

	for (; host_name[n] && n < MDNS_LABEL - 1; n++) {
		char c = host_name[n] == ' ' ? '-' : host_name[n];

		if (c != '-' && !isalnum((unsigned char)c))
			break;
		out[n] = c;
	}
	out[n] = 0;
	if (!n)
		str_copy(out, MDNS_LABEL, FALLBACK);
}

static void absent(struct mdns *m, const char *why)
{
	if (!m->warned)
		log_warn("Avahi does not answer (%s): clients on the network do not see this host by themselves, its "
			 "address "
			 "has to be typed",
			 why);
	m->warned = true;
}

static void drop_group(struct mdns *m)
{
	bus_call_drop(m->call);
	m->call = NULL;
	bus_match_drop(m->group);
	m->group = NULL;
	m->path[0] = 0;
}

static void step(struct mdns *m, const char *path, const char *iface, const char *method, const struct bus_value *v,
		 unsigned n, bus_reply_fn fn)
{
	int err;

	bus_call_drop(m->call);
	m->call = NULL;
	err = bus_call(m->bus, &m->call, AVAHI, path, iface, method, v, n, fn, m);
	if (err < 0)
		log_errno(err, "cannot call %s", method);
}

/* A reply is an error, or the next step may follow. */
static bool reply_ok(struct mdns *m, const struct bus_error *err)
{
	m->call = NULL;
	if (err)
		absent(m, err->message);
	return !err;
}

/* The name is taken: Avahi makes up the next ("deck #2" and so on). */

static void on_alternative(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mdns *m = ctx;

	if (!reply_ok(m, err) || !n || v[0].type != BUS_STRING)
		return;
	log_info("another host is called \"%s\": this one is announced as \"%s\"", m->name, v[0].s);
	str_copy(m->name, sizeof(m->name), v[0].s);
	if (m->path[0])
		add_service(m);
}

static void rename_service(struct mdns *m)
{
	struct bus_value v = {.type = BUS_STRING, .s = m->name};

	if (++m->renames > RENAMES_MAX) {
		log_err("every name like \"%s\" is taken on this network: no announcement", m->name);
		return;
	}
	step(m, "/", SERVER, "GetAlternativeServiceName", &v, 1, on_alternative);
}

static void on_reset(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mdns *m = ctx;

	(void)v, (void)n;
	if (reply_ok(m, err))
		rename_service(m);
}

static void on_group_state(void *ctx, const struct bus_value *v, unsigned n)
{
	struct mdns *m = ctx;

	if (!n || v[0].type != BUS_INT32)
		return;
	if (v[0].i == GROUP_ESTABLISHED) {
		log_info("announced as \"%s\" on port %u", m->name, m->port);
		m->warned = false;
	} else if (v[0].i == GROUP_COLLISION) {
		step(m, m->path, GROUP, "Reset", NULL, 0, on_reset);
	} else if (v[0].i == GROUP_FAILURE) {
		absent(m, "it could not register the name");
	}
}

static void on_committed(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	(void)v, (void)n;
	reply_ok(ctx, err);
}

static void on_added(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mdns *m = ctx;

	(void)v, (void)n;
	if (err && strcmp(err->name, "org.freedesktop.Avahi.CollisionError") == 0) {
		m->call = NULL;
		rename_service(m);
	} else if (reply_ok(m, err)) {
		step(m, m->path, GROUP, "Commit", NULL, 0, on_committed);
	}
}

static void add_service(struct mdns *m)
{
	const struct bus_value v[] = {
		{.type = BUS_INT32, .i = ALL},
		{.type = BUS_INT32, .i = ALL},
		{.type = BUS_UINT32, .u = 0},
		{.type = BUS_STRING, .s = m->name},
		{.type = BUS_STRING, .s = SERVICE},
		{.type = BUS_STRING, .s = ""},
		{.type = BUS_STRING, .s = ""},
		{.type = BUS_UINT16, .u = m->port},
		/* No strings: Avahi then sends exactly one empty one, as 1-session 1.1 wants it, and refuses to be
		 * given it. */
		{.type = BUS_BYTE_ARRAYS},
	};

	step(m, m->path, GROUP, "AddService", v, ARRAY_LEN(v), on_added);
}

static void on_group(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mdns *m = ctx;

	if (!reply_ok(m, err) || !n || v[0].type != BUS_OBJECT || !str_copy(m->path, sizeof(m->path), v[0].s))
		return;
	if (bus_match(m->bus, &m->group, AVAHI, m->path, GROUP, "StateChanged", on_group_state, m) < 0)
		m->group = NULL;
	add_service(m);
}

static void new_group(struct mdns *m)
{
	drop_group(m);
	m->renames = 0;
	step(m, "/", SERVER, "EntryGroupNew", NULL, 0, on_group);
}

/* The server: only while it runs may a group be committed. */

static void server_state(struct mdns *m, int32_t state)
{
	if (state == SERVER_RUNNING && !m->path[0])
		new_group(m);
	else if (state == SERVER_COLLISION || state == SERVER_REGISTERING)
		/* Its host name changes: what was registered is void; RUNNING will follow. */
		drop_group(m);
	else if (state == SERVER_FAILURE)
		absent(m, "it failed");
}

static void on_server_state(void *ctx, const struct bus_value *v, unsigned n)
{
	if (n && v[0].type == BUS_INT32)
		server_state(ctx, v[0].i);
}

static void on_state(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct mdns *m = ctx;

	if (reply_ok(m, err) && n && v[0].type == BUS_INT32)
		server_state(m, v[0].i);
}

static void ask_state(struct mdns *m)
{
	step(m, "/", SERVER, "GetState", NULL, 0, on_state);
}

/* name, old owner, new owner: Avahi came, went or was replaced. */
static void on_owner(void *ctx, const struct bus_value *v, unsigned n)
{
	struct mdns *m = ctx;

	if (n < 3 || v[0].type != BUS_STRING || strcmp(v[0].s, AVAHI) != 0)
		return;
	drop_group(m);
	if (*v[2].s)
		ask_state(m);
	else
		absent(m, "it was stopped");
}

static void on_lost(void *ctx, int err)
{
	struct mdns *m = ctx;

	drop_group(m);
	log_errno(err, "the system bus is gone: no announcement any more");
}

int mdns_create(struct mdns **out, struct loop *loop, const char *host_name, uint16_t port)
{
	struct mdns *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	mdns_label(m->name, host_name);
	m->port = port;
	err = bus_open(&m->bus, loop, BUS_SYSTEM, on_lost, m);
	if (err == -ENOTSUP)
		log_dbg("built without D-Bus: no announcement");
	else if (err)
		log_warn("no system bus, so clients on the network do not see this host by themselves: %s",
			 strerror(-err));
	if (!err)
		err = bus_match(m->bus, &m->owner, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				"org.freedesktop.DBus", "NameOwnerChanged", on_owner, m);
	if (!err)
		err = bus_match(m->bus, &m->server, AVAHI, "/", SERVER, "StateChanged", on_server_state, m);
	if (err) {
		mdns_destroy(m);
		return err;
	}
	ask_state(m);
	*out = m;
	return 0;
}

void mdns_destroy(struct mdns *m)
{
	if (!m)
		return;
	/* The group dies with the connection: Avahi withdraws it. */
	bus_close(m->bus);
	free(m);
}

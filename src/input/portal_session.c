// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/portal_session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "base/str.h"

#define DESKTOP        "org.freedesktop.portal.Desktop"
#define DESKTOP_PATH   "/org/freedesktop/portal/desktop"
#define REMOTE_DESKTOP "org.freedesktop.portal.RemoteDesktop"
#define REQUEST        "org.freedesktop.portal.Request"
#define SESSION        "org.freedesktop.portal.Session"
#define PROPERTIES     "org.freedesktop.DBus.Properties"
#define NOT_A_TOKEN    "org.freedesktop.portal.Error.InvalidArgument" /* of all that we send it can only be that */

#define VERSION_EIS    2 /* the first with ConnectToEIS and restore tokens */
#define PERSIST_ALWAYS 2 /* until it is revoked */

#define PATIENCE_S        20  /* for a portal that has to be started, and its back end */
#define PATIENCE_DIALOG_S 120 /* for a person */

#define PATH_SIZE    256
#define HANDLE_SIZE  32 /* "moonrill" and 16 hexadecimal digits */
#define MAPPING_SIZE 128

enum response { RESPONSE_DONE, RESPONSE_CANCELLED, RESPONSE_ENDED };

enum step { STEP_OFFER, STEP_IDLE, STEP_CREATE, STEP_SELECT, STEP_START, STEP_CONNECT, STEP_READY, STEP_OVER };

struct portal_session {
	struct loop *loop;
	struct bus *bus;
	const struct portal_session_events *ev;
	void *ctx;
	enum step step;
	struct bus_call *call;               /* of this step */
	struct bus_match *response, *closed; /* of this step's request; of the session */
	int timer;                           /* an fd: timers of a loop inside a loop do not show */
	struct loop_fd *timer_fd;            /* this step's patience */
	char request[PATH_SIZE], session[PATH_SIZE];
	uint32_t types;
	bool must_not_ask;
	char token[PORTAL_TOKEN_MAX], mapping_id[MAPPING_SIZE];
};

#define STR(x)                                                                                                         \
	{                                                                                                              \
		.type = BUS_STRING, .s = (x)                                                                           \
	}
#define OBJ(x)                                                                                                         \
	{                                                                                                              \
		.type = BUS_OBJECT, .s = (x)                                                                           \
	}
#define U32(x)                                                                                                         \
	{                                                                                                              \
		.type = BUS_UINT32, .u = (x)                                                                           \
	}
#define OPTIONS(o, count)                                                                                              \
	{                                                                                                              \
		.type = BUS_OPTIONS, .options = {(o), (count) }                                                        \
	}

static void drop_step(struct portal_session *s)
{
	bus_call_drop(s->call);
	s->call = NULL;
	bus_match_drop(s->response);
	s->response = NULL;
	*s->request = '\0';
}

static void wait_for(struct portal_session *s, unsigned seconds)
{
	const struct itimerspec t = {.it_value.tv_sec = seconds};

	timerfd_settime(s->timer, 0, &t, NULL);
}

/* The last thing done with s: its owner may free it. */
static void over(struct portal_session *s, int err, const char *why)
{
	drop_step(s);
	wait_for(s, 0);
	bus_match_drop(s->closed);
	s->closed = NULL;
	s->step = STEP_OVER;
	s->ev->over(s->ctx, err, why);
}

static void strange(struct portal_session *s)
{
	over(s, -EPROTO, "the desktop portal gives a strange answer");
}

static void failed(struct portal_session *s, const struct bus_error *err)
{
	char why[200];

	snprintf(why, sizeof(why), "the desktop portal refuses: %.160s", err->message);
	over(s, -EIO, why);
}

static void on_patience(void *ctx, uint32_t events)
{
	struct portal_session *s = ctx;
	bool dialog = s->step == STEP_START;

	(void)events;
	if (dialog) /* or it would stay on the screen */
		bus_tell(s->bus, DESKTOP, s->request, REQUEST, "Close", NULL, 0);
	over(s, -ETIMEDOUT, dialog ? "nobody at the host has allowed it" : "the desktop portal does not answer");
}

/* --- values of an answer: containers are flattened, so a key stands before its value --- */

static const struct bus_value *value_of(const struct bus_value *v, unsigned n, const char *key, enum bus_type type)
{
	for (unsigned i = 0; i + 1 < n; i++)
		if (v[i].type == BUS_STRING && strcmp(v[i].s, key) == 0 && v[i + 1].type == type)
			return &v[i + 1];
	return NULL;
}

/* It becomes part of match rules, so no quotes; the bus checks the rest. */
static bool take_path(char to[PATH_SIZE], const struct bus_value *v)
{
	return v && v->s[0] == '/' &&
	       !v->s[strspn(v->s, "/_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] &&
	       str_copy(to, PATH_SIZE, v->s);
}

/* --- requests: a call that is answered at once, and a signal when it is done --- */

static void on_response(void *ctx, const struct bus_value *v, unsigned n);

static int listen_to(struct portal_session *s, const char *request)
{
	bus_match_drop(s->response);
	s->response = NULL;
	if (request != s->request && !str_copy(s->request, sizeof(s->request), request))
		return -ENAMETOOLONG;
	return bus_match(s->bus, &s->response, DESKTOP, s->request, REQUEST, "Response", on_response, s);
}

static void on_requested(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n);

static void select_devices(struct portal_session *s);

/* The portal's name for what we ask. Portals before 0.9 choose another: on_requested() follows. */
static int predict(struct portal_session *s, char handle[HANDLE_SIZE])
{
	const char *name = bus_name(s->bus);
	char sender[64];
	uint8_t unguessable[8];
	size_t n = 0;
	int len;

	for (name += *name == ':'; name[n] && n + 1 < sizeof(sender); n++)
		sender[n] = name[n] == '.' ? '_' : name[n];
	sender[n] = '\0';
	rand_bytes(unguessable, sizeof(unguessable));
	strcpy(handle, "moonrill");
	hex_encode(handle + strlen(handle), unguessable, sizeof(unguessable));
	len = snprintf(s->request, sizeof(s->request), DESKTOP_PATH "/request/%s/%s", sender, handle);
	return len < (int)sizeof(s->request) ? listen_to(s, s->request) : -ENAMETOOLONG;
}

/* Goes to the step that method begins. options: of the call, room for one more at its end; args: what stands before
 * them. */
static void request(struct portal_session *s, enum step step, const char *method, const struct bus_value *args,
		    unsigned n_args, struct bus_option *options, unsigned n_options)
{
	struct bus_value v[3];
	char handle[HANDLE_SIZE];
	int err;

	drop_step(s);
	s->step = step;
	err = predict(s, handle);
	options[n_options++] = (struct bus_option){"handle_token", STR(handle)};
	for (unsigned i = 0; i < n_args; i++)
		v[i] = args[i];
	v[n_args++] = (struct bus_value)OPTIONS(options, n_options);
	if (!err)
		err = bus_call(s->bus, &s->call, DESKTOP, DESKTOP_PATH, REMOTE_DESKTOP, method, v, n_args, on_requested,
			       s);
	if (err == -EINVAL) { /* the session's name is none */
		strange(s);
		return;
	}
	if (err) {
		over(s, err, "the session bus is lost");
		return;
	}
	wait_for(s, step == STEP_START ? PATIENCE_DIALOG_S : PATIENCE_S);
}

static void on_requested(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct portal_session *s = ctx;

	s->call = NULL;
	if (err && s->step == STEP_SELECT && *s->token && strcmp(err->name, NOT_A_TOKEN) == 0) {
		*s->token = '\0';
		s->ev->token_spent(s->ctx);
		if (s->must_not_ask)
			failed(s, err);
		else
			select_devices(s);
	} else if (err) {
		failed(s, err);
	} else if (!n || v[0].type != BUS_OBJECT) {
		strange(s);
	} else if (strcmp(v[0].s, s->request) != 0 && listen_to(s, v[0].s)) {
		strange(s);
	}
}

static void create_session(struct portal_session *s)
{
	struct bus_option options[2] = {{"session_handle_token", STR("moonrill")}};
	char name[HANDLE_SIZE] = "moonrill";
	uint8_t unguessable[8];

	rand_bytes(unguessable, sizeof(unguessable));
	hex_encode(name + strlen(name), unguessable, sizeof(unguessable));
	options[0].value.s = name;
	request(s, STEP_CREATE, "CreateSession", NULL, 0, options, 1);
}

static void select_devices(struct portal_session *s)
{
	const struct bus_value args[] = {OBJ(s->session)};
	struct bus_option options[4] = {{"types", U32(s->types)}, {"persist_mode", U32(PERSIST_ALWAYS)}};
	unsigned n = 2;

	if (*s->token)
		options[n++] = (struct bus_option){"restore_token", STR(s->token)};
	request(s, STEP_SELECT, "SelectDevices", args, 1, options, n);
}

/* No window of ours: the dialog stands alone. */
static void start(struct portal_session *s)
{
	const struct bus_value args[] = {OBJ(s->session), STR("")};
	struct bus_option options[1];

	request(s, STEP_START, "Start", args, 2, options, 0);
}

/* libei 1.3.901 crashes when it is given one. */
static bool is_dead(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR | POLLNVAL);
}

static void on_socket(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct portal_session *s = ctx;
	int fd;

	s->call = NULL;
	if (err) {
		failed(s, err);
		return;
	}
	fd = n && v[0].type == BUS_FD ? fcntl(v[0].fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (fd < 0) {
		strange(s);
		return;
	}
	if (is_dead(fd)) {
		close(fd);
		over(s, -EIO, "the desktop has no input for others");
		return;
	}
	s->step = STEP_READY;
	wait_for(s, 0);
	s->ev->ready(s->ctx, fd, *s->mapping_id ? s->mapping_id : NULL);
}

static void connect_to_eis(struct portal_session *s)
{
	const struct bus_value args[] = {OBJ(s->session), OPTIONS(NULL, 0)};

	drop_step(s);
	s->step = STEP_CONNECT;
	if (bus_call(s->bus, &s->call, DESKTOP, DESKTOP_PATH, REMOTE_DESKTOP, "ConnectToEIS", args, 2, on_socket, s)) {
		over(s, -EIO, "the session bus is lost");
		return;
	}
	wait_for(s, PATIENCE_S);
}

static void on_closed(void *ctx, const struct bus_value *v, unsigned n)
{
	struct portal_session *s = ctx;

	(void)v, (void)n;
	*s->session = '\0';
	over(s, -EACCES, "ended by the desktop");
}

static void created(struct portal_session *s, const struct bus_value *v, unsigned n)
{
	const struct bus_value *session = value_of(v, n, "session_handle", BUS_STRING);

	if (!session) /* which its documentation calls an error that stays */
		session = value_of(v, n, "session_handle", BUS_OBJECT);
	if (!take_path(s->session, session)) {
		*s->session = '\0';
		strange(s);
	} else if (bus_match(s->bus, &s->closed, DESKTOP, s->session, SESSION, "Closed", on_closed, s)) {
		strange(s);
	} else {
		select_devices(s);
	}
}

static void selected(struct portal_session *s)
{
	if (*s->token)
		s->ev->token_spent(s->ctx);
	s->ev->asking(s->ctx);
	start(s);
}

static void started(struct portal_session *s, const struct bus_value *v, unsigned n)
{
	const struct bus_value *devices = value_of(v, n, "devices", BUS_UINT32);
	const struct bus_value *token = value_of(v, n, "restore_token", BUS_STRING);
	const struct bus_value *mapping = value_of(v, n, "mapping_id", BUS_STRING);
	uint32_t types = devices ? devices->u & s->types : s->types;
	bool keep = token && *token->s && strlen(token->s) < PORTAL_TOKEN_MAX;

	if (!types) {
		over(s, -EACCES, "allowed at the host, but for no device");
		return;
	}
	if (mapping)
		str_copy(s->mapping_id, sizeof(s->mapping_id), mapping->s);
	s->ev->consent(s->ctx, types, keep ? token->s : NULL);
	connect_to_eis(s);
}

static void on_response(void *ctx, const struct bus_value *v, unsigned n)
{
	struct portal_session *s = ctx;

	if (!n || v[0].type != BUS_UINT32) {
		strange(s);
	} else if (v[0].u == RESPONSE_CANCELLED) {
		over(s, -EACCES, "refused at the host");
	} else if (v[0].u != RESPONSE_DONE) {
		over(s, -EACCES, s->step == STEP_START ? "ended at the host" : "the desktop has no input for others");
	} else if (s->step == STEP_CREATE) {
		created(s, v + 1, n - 1);
	} else if (s->step == STEP_SELECT) {
		selected(s);
	} else if (s->step == STEP_START) {
		started(s, v + 1, n - 1);
	}
}

static void on_offer(void *ctx, const struct bus_error *err, const struct bus_value *v, unsigned n)
{
	struct portal_session *s = ctx;
	const struct bus_value *version, *types;

	s->call = NULL;
	if (err) {
		over(s, -ENODEV, "no desktop portal for input on the session bus");
		return;
	}
	version = value_of(v, n, "version", BUS_UINT32);
	types = value_of(v, n, "AvailableDeviceTypes", BUS_UINT32);
	if (!version) {
		over(s, -ENODEV, "no desktop portal for input on the session bus");
	} else if (version->u < VERSION_EIS) {
		over(s, -ENOTSUP, "the desktop portal has no EIS (version 1)");
	} else if (!types || !types->u) {
		over(s, -ENODEV, "the desktop portal has no input devices");
	} else {
		s->step = STEP_IDLE;
		wait_for(s, 0);
		s->ev->offer(s->ctx, types->u);
	}
}

int portal_session_open(struct portal_session **out, struct loop *loop, struct bus *bus,
			const struct portal_session_events *ev, void *ctx)
{
	const struct bus_value args[] = {STR(REMOTE_DESKTOP)};
	struct portal_session *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	*s = (struct portal_session){.loop = loop, .bus = bus, .ev = ev, .ctx = ctx, .timer = -1};
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->timer < 0) {
		err = -errno;
		goto fail;
	}
	s->timer_fd = loop_fd_add(loop, s->timer, EPOLLIN, on_patience, s);
	if (!s->timer_fd) {
		err = -errno;
		goto fail;
	}
	err = bus_call(bus, &s->call, DESKTOP, DESKTOP_PATH, PROPERTIES, "GetAll", args, 1, on_offer, s);
	if (err)
		goto fail;
	wait_for(s, PATIENCE_S);
	*out = s;
	return 0;
fail:
	portal_session_close(s);
	return err;
}

void portal_session_start(struct portal_session *s, uint32_t types, const char *token, bool must_not_ask)
{
	s->types = types;
	s->must_not_ask = must_not_ask;
	if (token)
		str_copy(s->token, sizeof(s->token), token);
	create_session(s);
}

void portal_session_close(struct portal_session *s)
{
	if (!s)
		return;
	if (*s->request)
		bus_tell(s->bus, DESKTOP, s->request, REQUEST, "Close", NULL, 0);
	drop_step(s);
	bus_match_drop(s->closed);
	if (*s->session)
		bus_tell(s->bus, DESKTOP, s->session, SESSION, "Close", NULL, 0);
	loop_fd_remove(s->timer_fd);
	if (s->timer >= 0)
		close(s->timer);
	free(s);
}

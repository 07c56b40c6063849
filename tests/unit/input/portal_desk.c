// SPDX-License-Identifier: GPL-3.0-or-later
#include "portal_desk.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "eis_host.h"

#define DESKTOP        "org.freedesktop.portal.Desktop"
#define REMOTE_DESKTOP "org.freedesktop.portal.RemoteDesktop"
#define REQUEST        "org.freedesktop.portal.Request"
#define SESSION        "org.freedesktop.portal.Session"
#define SESSION_PATH   "/org/freedesktop/portal/desktop/session/1_1/one"

enum { SAY_STOP = 1, SAY_GO_ON = 2, SAY_CLOSE_SESSION = 4, SAY_DROP_EIS = 8, SAY_LEAVE_BUS = 16 };

struct desk {
	struct desk_plan plan;
	char dir[64], path[96];
	int listening, wake;
	atomic_uint said;
	pthread_t thread;
	pthread_mutex_t lock;
	char heard[16384], copy[16384];
	/* thread */
	sd_bus *bus;
	struct eis_host *eis;
	char waiting[16], waiting_request[256]; /* the call that is answered later */
	uint32_t asked;
	bool restored;
	unsigned requests;
	enum desk_oddity odd;     /* this call's */
	sd_bus_message *question; /* that a mute one has not answered */
	bool spoken;
};

static void hear(struct desk *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Of the EIS server. */
static void on_word(void *ctx, const char *text)
{
	hear(ctx, "%s", text);
}

static void hear(struct desk *d, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	pthread_mutex_lock(&d->lock);
	n = strlen(d->heard);
	va_start(ap, fmt);
	vsnprintf(d->heard + n, sizeof(d->heard) - n - 1, fmt, ap);
	va_end(ap);
	strcat(d->heard, ";");
	pthread_mutex_unlock(&d->lock);
}

/* --- the portal --- */

/* A dictionary's entry with a text, or what the oddity makes of it. */
static void append_text(const struct desk *d, sd_bus_message *m, const char *key, const char *value)
{
	static char lots[60001];

	if (d->odd == DESK_WRONG_TYPES) {
		sd_bus_message_append(m, "{sv}", key, "u", 4294967295u);
		return;
	}
	if (d->odd == DESK_LONG_VALUES)
		value = memset(lots, 'a', sizeof(lots) - 1);
	sd_bus_message_append(m, "{sv}", key, "s", value);
}

static void append_number(const struct desk *d, sd_bus_message *m, const char *key, uint32_t value)
{
	if (d->odd == DESK_WRONG_TYPES)
		sd_bus_message_append(m, "{sv}", key, "s", "seven");
	else
		sd_bus_message_append(m, "{sv}", key, "u", value);
}

static void append_results(const struct desk *d, sd_bus_message *m, const char *method)
{
	sd_bus_message_open_container(m, 'a', "{sv}");
	for (unsigned i = 0; d->odd == DESK_MANY_VALUES && i < 5000; i++)
		sd_bus_message_append(m, "{sv}", "restore_token", "s", "x");
	if (strcmp(method, "CreateSession") == 0 && d->odd != DESK_NO_SESSION)
		append_text(d, m, "session_handle", d->odd == DESK_BAD_PATH ? "/a'//b" : SESSION_PATH);
	if (strcmp(method, "Start") == 0) {
		append_number(d, m, "devices", d->plan.granted ? d->plan.granted : d->asked);
		sd_bus_message_append(m, "{sv}", "clipboard_enabled", "b", 0);
		if (d->plan.new_token)
			append_text(d, m, "restore_token", d->plan.new_token);
	}
	sd_bus_message_close_container(m);
}

static void send_signal(struct desk *d, sd_bus_message *m)
{
	sd_bus_message_set_sender(m, DESKTOP);
	sd_bus_send(d->bus, m, NULL);
	sd_bus_message_unref(m);
}

static void respond(struct desk *d, const char *method, const char *request, uint32_t code)
{
	sd_bus_message *m;

	sd_bus_message_new_signal(d->bus, &m, request, REQUEST, "Response");
	if (d->odd == DESK_RESPONSE_IS_TEXT)
		sd_bus_message_append(m, "s", "yes");
	else
		sd_bus_message_append(m, "u", code);
	if (d->odd != DESK_NO_VALUES)
		append_results(d, m, method);
	send_signal(d, m);
}

static void close_session(struct desk *d)
{
	sd_bus_message *m;

	sd_bus_message_new_signal(d->bus, &m, SESSION_PATH, SESSION, "Closed");
	sd_bus_message_append(m, "a{sv}", 0);
	send_signal(d, m);
}

static enum desk_answer plan_of(const struct desk *d, const char *method)
{
	if (strcmp(method, "CreateSession") == 0)
		return d->plan.answer.create;
	if (strcmp(method, "SelectDevices") == 0)
		return d->plan.answer.select;
	return d->restored ? DESK_YES : d->plan.answer.start;
}

static void leave_bus(struct desk *d)
{
	sd_bus_flush(d->bus);
	d->bus = sd_bus_close_unref(d->bus);
}

/* What the call is about; its options are the last of its arguments. */
struct options {
	char handle_token[64], restore_token[256];
	uint32_t types, persist;
};

static void read_options(sd_bus_message *m, struct options *o)
{
	const char *key, *contents, *s;

	sd_bus_message_enter_container(m, 'a', "{sv}");
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		sd_bus_message_read_basic(m, 's', &key);
		sd_bus_message_peek_type(m, NULL, &contents);
		sd_bus_message_enter_container(m, 'v', contents);
		if (*contents == 'u') {
			sd_bus_message_read_basic(m, 'u', strcmp(key, "types") == 0 ? &o->types : &o->persist);
		} else if (*contents == 's') {
			sd_bus_message_read_basic(m, 's', &s);
			if (strcmp(key, "handle_token") == 0)
				snprintf(o->handle_token, sizeof(o->handle_token), "%s", s);
			else if (strcmp(key, "restore_token") == 0)
				snprintf(o->restore_token, sizeof(o->restore_token), "%s", s);
		}
		sd_bus_message_exit_container(m);
		sd_bus_message_exit_container(m);
	}
	sd_bus_message_exit_container(m);
}

static void be_odd(struct desk *d, const char *method)
{
	d->odd = !d->plan.odd_call || strcmp(d->plan.odd_call, method) == 0 ? d->plan.oddity : DESK_SANE;
}

static void on_request(struct desk *d, sd_bus_message *m, const char *method)
{
	static const uint32_t codes[] = {[DESK_YES] = 0, [DESK_NO] = 1, [DESK_ENDED] = 2};
	struct options o = {0};
	char request[256];
	const char *s;
	enum desk_answer answer;

	be_odd(d, method);
	if (strcmp(method, "CreateSession") != 0)
		sd_bus_message_read(m, "o", &s);
	if (strcmp(method, "Start") == 0)
		sd_bus_message_read(m, "s", &s);
	read_options(m, &o);
	if (strcmp(method, "SelectDevices") == 0) {
		hear(d, "SelectDevices(%u,%u,%s)", o.types, o.persist, o.restore_token);
		d->asked = o.types;
		d->restored = d->plan.knows && strcmp(d->plan.knows, o.restore_token) == 0;
		if (d->plan.checks_tokens && *o.restore_token && !d->restored) {
			sd_bus_reply_method_errorf(m, "org.freedesktop.portal.Error.InvalidArgument", "no token");
			return;
		}
	} else {
		hear(d, "%s", method);
	}
	if (d->plan.old_paths)
		snprintf(request, sizeof(request), "/org/freedesktop/portal/desktop/request/%u", ++d->requests);
	else
		snprintf(request, sizeof(request), "/org/freedesktop/portal/desktop/request/1_1/%s", o.handle_token);
	answer = plan_of(d, method);
	if (answer == DESK_NEVER)
		return;
	if (answer == DESK_HANGS_UP) {
		leave_bus(d);
		return;
	}
	if (answer == DESK_ERROR) {
		sd_bus_reply_method_errorf(m, "org.freedesktop.DBus.Error.Failed", "not today");
		return;
	}
	if (d->plan.early && answer <= DESK_ENDED)
		respond(d, method, request, codes[answer]);
	if (d->odd == DESK_REPLY_IS_TEXT)
		sd_bus_reply_method_return(m, "s", "handle");
	else
		sd_bus_reply_method_return(m, "o", request);
	if (answer == DESK_CLOSES) {
		close_session(d);
	} else if (answer == DESK_LATER) {
		snprintf(d->waiting, sizeof(d->waiting), "%s", method);
		snprintf(d->waiting_request, sizeof(d->waiting_request), "%s", request);
		hear(d, "%s waits", method);
	} else if (!d->plan.early) {
		respond(d, method, request, codes[answer]);
	}
}

static void on_connect_to_eis(struct desk *d, sd_bus_message *m)
{
	int fds[2], fd;

	be_odd(d, "ConnectToEIS");
	hear(d, "ConnectToEIS");
	if (d->plan.answer.connect == DESK_ERROR) {
		sd_bus_reply_method_errorf(m, "org.freedesktop.DBus.Error.Failed", "not today");
	} else if (d->plan.answer.connect == DESK_CLOSES) {
		close_session(d);
	} else if (d->odd == DESK_NO_SOCKET) {
		sd_bus_reply_method_return(m, "u", 0);
	} else if (d->odd == DESK_DEAD_SOCKET) {
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
		close(fds[1]);
		sd_bus_reply_method_return(m, "h", fds[0]);
		close(fds[0]);
	} else if (d->plan.answer.connect == DESK_YES) {
		fd = eis_host_connect(d->eis);
		sd_bus_reply_method_return(m, "h", fd);
		close(fd);
	}
}

static void on_get_all(struct desk *d, sd_bus_message *m)
{
	sd_bus_message *reply;

	hear(d, "GetAll");
	if (d->plan.mute && !d->spoken) {
		sd_bus_message_unref(d->question);
		d->question = sd_bus_message_ref(m);
		return;
	}
	if (!d->plan.version) {
		sd_bus_reply_method_errorf(m, SD_BUS_ERROR_SERVICE_UNKNOWN, "there is no such thing");
		return;
	}
	sd_bus_message_new_method_return(m, &reply);
	sd_bus_message_append(reply, "a{sv}", 2, "AvailableDeviceTypes", "u", d->plan.types, "version", "u",
			      d->plan.version);
	sd_bus_send(d->bus, reply, NULL);
	sd_bus_message_unref(reply);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret)
{
	struct desk *d = userdata;
	const char *member = sd_bus_message_get_member(m);

	(void)ret;
	if (!sd_bus_message_is_method_call(m, NULL, NULL))
		return 0;
	if (strcmp(member, "Hello") == 0)
		sd_bus_reply_method_return(m, "s", ":1.1");
	else if (strcmp(member, "AddMatch") == 0 || strcmp(member, "RemoveMatch") == 0)
		sd_bus_reply_method_return(m, NULL);
	else if (strcmp(member, "GetAll") == 0)
		on_get_all(d, m);
	else if (strcmp(member, "ConnectToEIS") == 0)
		on_connect_to_eis(d, m);
	else if (strcmp(member, "Close") == 0)
		hear(d, "%s", sd_bus_message_is_method_call(m, REQUEST, NULL) ? "Request.Close" : "Session.Close");
	else
		on_request(d, m, member);
	return 1;
}

/* --- its thread --- */

static void on_client(struct desk *d)
{
	int fd = accept4(d->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	sd_id128_t id = {.bytes = {1}};

	sd_bus_close_unref(d->bus);
	sd_bus_new(&d->bus);
	sd_bus_set_fd(d->bus, fd, fd);
	sd_bus_set_server(d->bus, 1, id);
	sd_bus_negotiate_fds(d->bus, 1);
	sd_bus_add_filter(d->bus, NULL, on_message, d);
	sd_bus_start(d->bus);
}

static void on_words(struct desk *d, unsigned said)
{
	eventfd_t count;

	eventfd_read(d->wake, &count);
	if (said & SAY_GO_ON && d->bus && d->question) {
		d->spoken = true;
		on_get_all(d, d->question);
	}
	if (said & SAY_GO_ON && d->bus && *d->waiting)
		respond(d, d->waiting, d->waiting_request, 0);
	if (said & SAY_CLOSE_SESSION && d->bus)
		close_session(d);
	if (said & SAY_DROP_EIS)
		eis_host_drop(d->eis);
	if (said & SAY_LEAVE_BUS && d->bus)
		leave_bus(d);
}

static void *play(void *arg)
{
	struct desk *d = arg;
	unsigned said = 0;

	while (!(said & SAY_STOP)) {
		struct pollfd fds[] = {{.fd = d->wake, .events = POLLIN},
				       {.fd = d->listening, .events = POLLIN},
				       {.fd = eis_host_fd(d->eis), .events = POLLIN},
				       {.fd = -1}};

		if (d->bus) {
			while (d->bus && sd_bus_process(d->bus, NULL) > 0)
				;
			if (d->bus && !sd_bus_is_open(d->bus))
				d->bus = sd_bus_close_unref(d->bus);
		}
		if (d->bus) {
			fds[3].fd = sd_bus_get_fd(d->bus);
			fds[3].events = (short)sd_bus_get_events(d->bus);
		}
		poll(fds, 4, -1);
		if (fds[1].revents)
			on_client(d);
		if (fds[2].revents)
			eis_host_dispatch(d->eis);
		if (fds[0].revents) {
			said = atomic_exchange(&d->said, 0);
			on_words(d, said);
		}
	}
	return NULL;
}

static void say(struct desk *d, unsigned word)
{
	atomic_fetch_or(&d->said, word);
	eventfd_write(d->wake, 1);
}

struct desk *desk_start(const struct desk_plan *plan)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct desk *d = calloc(1, sizeof(*d));
	char address[128];

	d->plan = *plan;
	strcpy(d->dir, "/tmp/moonrill-portal-XXXXXX");
	if (!mkdtemp(d->dir))
		abort();
	snprintf(d->path, sizeof(d->path), "%s/bus", d->dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", d->path);
	d->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(d->listening, (struct sockaddr *)&addr, sizeof(addr)) || listen(d->listening, 4))
		abort();
	snprintf(address, sizeof(address), "unix:path=%s", d->path);
	setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->eis = eis_host_create(NULL, on_word, d);
	pthread_mutex_init(&d->lock, NULL);
	if (pthread_create(&d->thread, NULL, play, d))
		abort();
	return d;
}

void desk_stop(struct desk *d)
{
	say(d, SAY_STOP);
	pthread_join(d->thread, NULL);
	sd_bus_message_unref(d->question);
	sd_bus_close_unref(d->bus);
	eis_host_destroy(d->eis);
	close(d->wake);
	close(d->listening);
	unlink(d->path);
	rmdir(d->dir);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

const char *desk_heard(struct desk *d)
{
	pthread_mutex_lock(&d->lock);
	strcpy(d->copy, d->heard);
	pthread_mutex_unlock(&d->lock);
	return d->copy;
}

void desk_go_on(struct desk *d)
{
	say(d, SAY_GO_ON);
}

void desk_close_session(struct desk *d)
{
	say(d, SAY_CLOSE_SESSION);
}

void desk_drop_eis(struct desk *d)
{
	say(d, SAY_DROP_EIS);
}

void desk_leave_bus(struct desk *d)
{
	say(d, SAY_LEAVE_BUS);
}

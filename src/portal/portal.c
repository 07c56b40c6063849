// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The portal thread: its own GMainContext, on which libportal's answers arrive. Main sends words through an atomic mask
 * and g_main_context_wakeup (by a GSource that looks at the mask); results come back in a ring with a wake on main's
 * loop. Main itself calls GLib only for that wake-up and to cancel a call that waits for the bus.
 */
#include "portal/portal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libportal/portal.h>
#include <libportal/remote.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/ring.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/wake.h"

#define LOG_MODULE "portal"
#include "base/log.h"

#define BUS_NAME      "org.freedesktop.portal.Desktop"
#define BUS_PATH      "/org/freedesktop/portal/desktop"
#define BUS_CALL_MS   10000 /* the portal may have to be started first */
#define TOKEN_MAX     1024
#define RESULTS       8
#define PERSIST_ASKED XDP_PERSIST_MODE_PERSISTENT /* until it is revoked */

/* portal -> main */
struct result {
	int err; /* 0: ready */
	int pipewire_fd;
	struct portal_stream stream;
	char why[200];
};

enum { WORD_RENEW = 1, WORD_QUIT = 2 };

struct portal {
	/* main */
	struct loop *loop;
	const struct portal_events *ev;
	void *ctx;
	struct loop_fd *wake_fd;
	struct thread thread;
	char *token_path;
	enum cursor_mode cursor;

	/* shared */
	struct wake wake; /* of main, for results */
	struct ring results;
	atomic_uint words; /* from main */
	GMainContext *context;
	GCancellable *cancel;
	/* portal thread */
	GMainLoop *main_loop;
	GDBusConnection *bus; /* held, for it is a singleton with a property of ours */
	XdpPortal *xdp;
	XdpSession *session;
	gulong closed_id;
	struct portal_stream stream;
	bool started, done;
};

/* Portal thread */

static void post(struct portal *p, const struct result *r)
{
	struct result *copy = malloc(sizeof(*copy));

	if (!copy || p->done)
		goto drop;
	*copy = *r;
	if (!ring_push(&p->results, copy))
		goto drop;
	p->done = r->err != 0; /* nothing follows a failure */
	wake_poke(&p->wake);
	return;
drop:
	free(copy);
	if (!r->err)
		close(r->pipewire_fd);
}

static void __attribute__((format(printf, 3, 4))) fail(struct portal *p, int err, const char *fmt, ...)
{
	struct result r = {.err = err, .pipewire_fd = -1};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.why, sizeof(r.why), fmt, ap);
	va_end(ap);
	post(p, &r);
}

static void open_remote(struct portal *p)
{
	struct result r = {.stream = p->stream, .pipewire_fd = xdp_session_open_pipewire_remote(p->session)};

	if (r.pipewire_fd < 0) {
		fail(p, -EIO, "the portal gives no access to PipeWire");
		return;
	}
	fcntl(r.pipewire_fd, F_SETFD, FD_CLOEXEC);
	post(p, &r);
}

static char *read_token(const struct portal *p)
{
	struct buf b;
	char *token = NULL;

	if (!p->token_path)
		return NULL;
	buf_init(&b, TOKEN_MAX);
	if (fs_read(p->token_path, &b) == 0 && b.len && utf8_valid((const char *)b.data, b.len) &&
	    !memchr(b.data, '\0', b.len))
		token = strndup((const char *)b.data, b.len);
	buf_finish(&b);
	return token;
}

/* A token is good for one use: each consent brings the next. */
static void write_token(const struct portal *p)
{
	char *token = xdp_session_get_restore_token(p->session);
	int err;

	if (token && *token && p->token_path) {
		err = fs_write_atomic(p->token_path, token, strlen(token), 0600);
		if (err)
			log_errno(err, "the portal's restore token cannot be kept in %s: it will ask again",
				  p->token_path);
	}
	g_free(token);
}

/* The dialog may come with the session or with its start; no is no in both. */
static void refused(struct portal *p, GError *error, const char *what)
{
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		fail(p, -EACCES, "the person at the host refused to share the screen");
	else
		fail(p, -EIO, "%s: %s", what, error->message);
	g_error_free(error);
}

/* The desktop's own words about what it shares. A size without a position is no place, and neither is one of
 * nothing. */
static struct portal_stream read_stream(uint32_t node, GVariant *props)
{
	struct portal_stream s = {.node = node}, nowhere = s;

	if (!g_variant_lookup(props, "position", "(ii)", &s.x, &s.y) ||
	    !g_variant_lookup(props, "size", "(ii)", &s.width, &s.height) || s.width <= 0 || s.height <= 0)
		return nowhere;
	return s;
}

static void on_started(GObject *object, GAsyncResult *result, gpointer data)
{
	struct portal *p = data;
	GError *error = NULL;
	GVariant *streams, *props;
	uint32_t node;

	if (!xdp_session_start_finish(XDP_SESSION(object), result, &error)) {
		refused(p, error, "the portal does not share the screen");
		return;
	}
	if (p->done)
		return;
	write_token(p);
	streams = xdp_session_get_streams(p->session);
	if (!streams || !g_variant_is_of_type(streams, G_VARIANT_TYPE("a(ua{sv})")) || !g_variant_n_children(streams)) {
		fail(p, -EIO, "the portal's answer names no stream");
		return;
	}
	g_variant_get_child(streams, 0, "(u@a{sv})", &node, &props);
	p->stream = read_stream(node, props);
	g_variant_unref(props);
	p->started = true;
	open_remote(p);
}

static void on_closed(XdpSession *session, gpointer data)
{
	(void)session;
	fail(data, -EACCES, "sharing of the screen was ended on the host");
}

static void on_created(GObject *object, GAsyncResult *result, gpointer data)
{
	struct portal *p = data;
	GError *error = NULL;
	XdpSession *session = xdp_portal_create_screencast_session_finish(XDP_PORTAL(object), result, &error);

	if (!session) {
		refused(p, error, "the portal opens no session");
		return;
	}
	if (p->done) { /* closed meanwhile */
		g_object_unref(session);
		return;
	}
	p->session = session;
	p->closed_id = g_signal_connect(p->session, "closed", G_CALLBACK(on_closed), p);
	xdp_session_start(p->session, NULL, p->cancel, on_started, p);
}

/* Of its ScreenCast page: "(v)", or NULL. */
static GVariant *get_property(struct portal *p, const char *name, GError **error)
{
	return g_dbus_connection_call_sync(p->bus, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Properties", "Get",
					   g_variant_new("(ss)", "org.freedesktop.portal.ScreenCast", name),
					   G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NONE, BUS_CALL_MS, p->cancel,
					   error);
}

/* Whether there is a portal with ScreenCast to talk to; tells main when not. */
static bool portal_is_there(struct portal *p)
{
	GError *error = NULL;
	GVariant *answer;

	p->bus = g_bus_get_sync(G_BUS_TYPE_SESSION, p->cancel, &error);
	if (!p->bus) {
		fail(p, -ENOTSUP, "no portal: there is no D-Bus session bus (%s)", error->message);
		g_error_free(error);
		return false;
	}
	/* GLib's default is to end the process when the bus goes away. */
	g_dbus_connection_set_exit_on_close(p->bus, FALSE);
	answer = get_property(p, "version", &error);
	if (!answer) {
		g_dbus_error_strip_remote_error(error);
		fail(p, -ENOTSUP, "no portal for the screen on the session bus (%s)", error->message);
		g_error_free(error);
		return false;
	}
	g_variant_unref(answer);
	return true;
}

/* What it has of what is wanted; one of before version 2 has no such property and draws the cursor into its
 * pictures. */
static XdpCursorMode choose_cursor(struct portal *p)
{
	static const XdpCursorMode wanted[] = {
		[CURSOR_AUTO] = XDP_CURSOR_MODE_METADATA,
		[CURSOR_METADATA] = XDP_CURSOR_MODE_METADATA,
		[CURSOR_EMBEDDED] = XDP_CURSOR_MODE_EMBEDDED,
		[CURSOR_HIDDEN] = XDP_CURSOR_MODE_HIDDEN,
	};
	GVariant *answer = get_property(p, "AvailableCursorModes", NULL), *value;
	uint32_t modes = 0;

	if (answer) {
		g_variant_get(answer, "(v)", &value);
		if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
			modes = g_variant_get_uint32(value);
		g_variant_unref(value);
		g_variant_unref(answer);
	}
	if (modes & wanted[p->cursor]) {
		log_dbg("the cursor is asked for as mode %d of %#x", (int)wanted[p->cursor], modes);
		return wanted[p->cursor];
	}
	if (p->cursor != CURSOR_AUTO && p->cursor != CURSOR_EMBEDDED)
		log_warn("this portal draws the cursor into its pictures: it has no other way of those asked for");
	return XDP_CURSOR_MODE_EMBEDDED;
}

/* A GSource that turns main's words into calls on this thread. */
struct word_source {
	GSource base;
	struct portal *portal;
};

static gboolean word_check(GSource *source)
{
	return atomic_load(&((struct word_source *)source)->portal->words) != 0;
}

static gboolean word_prepare(GSource *source, gint *timeout)
{
	*timeout = -1;
	return word_check(source);
}

static gboolean word_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	struct portal *p = ((struct word_source *)source)->portal;
	unsigned words = atomic_exchange(&p->words, 0);

	(void)callback, (void)data;
	if (words & WORD_QUIT)
		g_main_loop_quit(p->main_loop);
	else if (words & WORD_RENEW && p->started && !p->done)
		open_remote(p);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs word_funcs = {.prepare = word_prepare, .check = word_check, .dispatch = word_dispatch};

static void portal_thread(void *arg)
{
	struct portal *p = arg;
	GSource *source;
	char *token;

	g_main_context_push_thread_default(p->context);
	p->main_loop = g_main_loop_new(p->context, FALSE);
	source = g_source_new(&word_funcs, sizeof(struct word_source));
	((struct word_source *)source)->portal = p;
	g_source_attach(source, p->context);
	if (portal_is_there(p)) {
		token = read_token(p);
		p->xdp = xdp_portal_new();
		xdp_portal_create_screencast_session(p->xdp, XDP_OUTPUT_MONITOR, XDP_SCREENCAST_FLAG_NONE,
						     choose_cursor(p), PERSIST_ASKED, token, p->cancel, on_created, p);
		free(token);
	}
	g_main_loop_run(p->main_loop);
	p->done = true; /* what still arrives while the session is closed is nobody's */
	if (p->session) {
		g_signal_handler_disconnect(p->session, p->closed_id);
		xdp_session_close(p->session);
		g_object_unref(p->session);
	}
	if (p->xdp)
		g_object_unref(p->xdp);
	while (g_main_context_iteration(p->context, FALSE))
		;
	if (p->bus)
		g_object_unref(p->bus);
	g_source_destroy(source);
	g_source_unref(source);
	g_main_loop_unref(p->main_loop);
	g_main_context_pop_thread_default(p->context);
}

/* Main */

static void on_wake(void *ctx, uint32_t events)
{
	struct portal *p = ctx;
	struct result *r;

	(void)events;
	do {
		wake_disarm(&p->wake);
		while ((r = ring_pop(&p->results))) {
			struct result got = *r;

			free(r);
			if (!got.err) {
				p->ev->ready(p->ctx, got.pipewire_fd, &got.stream);
				continue;
			}
			p->ev->failed(p->ctx, got.err, got.why);
			return; /* p may be gone */
		}
	} while (!wake_arm(&p->wake));
}

static void say(struct portal *p, unsigned word)
{
	atomic_fetch_or(&p->words, word);
	g_main_context_wakeup(p->context);
}

int portal_open(struct portal **out, struct loop *loop, const char *token_path, enum cursor_mode cursor,
		const struct portal_events *ev, void *ctx)
{
	struct portal *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->ev = ev;
	p->ctx = ctx;
	p->cursor = cursor;
	p->context = g_main_context_new();
	p->cancel = g_cancellable_new();
	err = ring_init(&p->results, RESULTS);
	if (!err)
		err = wake_init(&p->wake);
	if (err)
		goto fail;
	err = -ENOMEM;
	if (token_path) {
		p->token_path = strdup(token_path);
		if (!p->token_path)
			goto fail;
	}
	p->wake_fd = loop_fd_add(loop, p->wake.fd, EPOLLIN, on_wake, p);
	if (!p->wake_fd)
		goto fail;
	wake_arm(&p->wake);
	err = thread_start(&p->thread, "portal", portal_thread, p);
	if (err)
		goto fail;
	*out = p;
	return 0;
fail:
	portal_close(p);
	return err;
}

void portal_renew(struct portal *p)
{
	say(p, WORD_RENEW);
}

void portal_close(struct portal *p)
{
	struct result *r;

	if (!p)
		return;
	if (p->thread.running) {
		g_cancellable_cancel(p->cancel); /* ends a call that waits for the bus */
		say(p, WORD_QUIT);
		thread_join(&p->thread);
	}
	loop_fd_remove(p->wake_fd);
	while (p->results.slot && (r = ring_pop(&p->results))) {
		if (!r->err)
			close(r->pipewire_fd);
		free(r);
	}
	ring_finish(&p->results);
	wake_finish(&p->wake);
	g_object_unref(p->cancel);
	g_main_context_unref(p->context);
	free(p->token_path);
	free(p);
}

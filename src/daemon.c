// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon.h"

#include <errno.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "ctl.h"
#include "encode/choice.h"
#include "encode/closer.h"
#include "encode/conversion.h"
#include "encode/registry.h"
#include "http/clients.h"
#include "http/identity.h"
#include "http/mdns.h"
#include "notify.h"
#include "ports.h"
#include "sessions.h"
#include "stream_offer.h"

#define LOG_MODULE "daemon"
#include "base/log.h"

#define LOG_DRAIN_NS (250 * NS_PER_MS)
/* Together with the second that farewells under way may take at the very end, a stop stays within two. */
#define STOP_NS         (900 * NS_PER_MS)
#define APP_PATIENCE_NS (400 * NS_PER_MS)

/* ---- what the network side asks ---- */

static void on_serverinfo(void *ctx, const uint8_t *client, struct serverinfo *out)
{
	struct daemon_ctx *d = ctx;

	out->codec_support = stream_codec_support(&d->config);
	out->hevc = out->codec_support & 0x300;
	out->current_app = client ? sessions_current_app(d->sessions, client) : 0;
}

static bool on_app(void *ctx, unsigned n, struct applist_entry *out)
{
	struct daemon_ctx *d = ctx;

	const struct app *app = apps_get(d->apps, n);

	if (!app)
		return false;
	*out = (struct applist_entry){.id = app->id, .title = app->name};
	return true;
}

static int on_asset(void *ctx, uint32_t app_id, struct buf *out)
{
	struct daemon_ctx *d = ctx;

	return apps_art(d->apps, app_id, out);
}

static void on_launch(void *ctx, struct http_call *call, const struct launch_query *q)
{
	struct daemon_ctx *d = ctx;

	sessions_launch(d->sessions, call, q);
	if (!loop_timer_armed(d->log_timer))
		loop_timer_arm_in(d->log_timer, LOG_DRAIN_NS);
}

static void on_cancel(void *ctx, struct http_call *call, const uint8_t client[32])
{
	struct daemon_ctx *d = ctx;

	sessions_cancel(d->sessions, call, client);
}

static void on_gone(void *ctx, struct http_call *call)
{
	struct daemon_ctx *d = ctx;

	sessions_call_gone(d->sessions, call);
}

static void on_pin_wanted(void *ctx, const union addr *peer)
{
	char text[ADDR_TEXT];

	(void)ctx;
	log_info("%s wants to pair: run 'moonrill pair PIN' with the PIN it shows", addr_host(peer, false, text));
}

static void on_paired(void *ctx, const uint8_t client[32], const char *name)
{
	(void)ctx;
	(void)client;
	log_info("paired with %s", name);
}

static const struct http_events http_events = {
	.serverinfo = on_serverinfo,
	.app = on_app,
	.asset = on_asset,
	.launch = on_launch,
	.cancel = on_cancel,
	.gone = on_gone,
	.pin_wanted = on_pin_wanted,
	.paired = on_paired,
};

static void on_ping(void *ctx, enum media_class cls, const struct ping *p, const union addr *from, const union addr *to)
{
	struct daemon_ctx *d = ctx;

	sessions_ping(d->sessions, cls, p, from, to);
}

static void on_screens_changed(void *ctx)
{
	struct daemon_ctx *d = ctx;
	const char *why = NULL;

	switch (screens_state(d->host.screens, &why)) {
	case SCREENS_READY:
		log_info("screen: %s", screens_source_name(d->host.screens));
		break;
	case SCREENS_WAIT_CONSENT:
		log_warn("a click is needed: this desktop asks whether its screen may be shared");
		break;
	case SCREENS_FAILED:
		log_warn("no screen: %s", why ? why : "unknown reason");
		break;
	}
}

static void on_log_timer(void *ctx)
{
	struct daemon_ctx *d = ctx;

	log_hot_drain();
	if (closer_look() || sessions_any_active(d->sessions))
		loop_timer_arm_in(d->log_timer, LOG_DRAIN_NS);
}

static void on_stopped(void *ctx)
{
	struct daemon_ctx *d = ctx;

	loop_quit(d->loop, 0);
}

static void on_stop_timer(void *ctx)
{
	struct daemon_ctx *d = ctx;

	log_warn("not everything ended in time");
	loop_quit(d->loop, 0);
}

static void on_signal(void *ctx, int signo)
{
	struct daemon_ctx *d = ctx;

	if (d->stopping) {
		loop_quit(d->loop, 0);
		return;
	}
	d->stopping = true;
	log_info("%s: stopping", strsignal(signo));
	notify_send("STOPPING=1");
	loop_timer_arm_in(d->stop_timer, STOP_NS);
	sessions_stop(d->sessions, APP_PATIENCE_NS, on_stopped, d);
}

/* ---- start and stop ---- */

static void choose_name(struct daemon_ctx *d)
{
	if (*d->config.host.name)
		str_copy(d->host_name, sizeof(d->host_name), d->config.host.name);
	else if (gethostname(d->host_name, sizeof(d->host_name) - 1) < 0 || !*d->host_name)
		str_copy(d->host_name, sizeof(d->host_name), "moonrill");
}

static int open_state(struct daemon_ctx *d)
{
	const char *state = d->paths.state;
	int err = fs_mkdirs(state, 0700);

	if (!err)
		err = identity_load(&d->identity, state);
	if (!err)
		err = clients_load(&d->clients, state);
	if (!err)
		err = apps_load(&d->apps, *d->config.host.apps ? d->config.host.apps : d->paths.apps, state);
	d->host.apps = d->apps;
	if (!err)
		err = fs_join(d->input_token, sizeof(d->input_token), state, "portal-input-token");
	d->host.input_token = d->input_token;
	if (err)
		log_errno(err, "state in %s", state);
	return err;
}

static int open_screens(struct daemon_ctx *d)
{
	static const struct screens_events events = {.changed = on_screens_changed};
	char token[PATH_MAX];
	const struct screens_params sp = {
		.source = (enum screens_source)d->config.video.source,
		.node = d->config.video.node,
		.pattern = d->config.video.pattern,
		.place = d->config.video.place,
		.cursor = (enum cursor_mode)d->config.video.cursor,
		.token_path = token,
		.importable = &d->importable,
	};
	int err = fs_join(token, sizeof(token), d->paths.state, "portal-token");

	if (err)
		return err;
	conversion_importable((enum convert_where)d->config.encode.convert,
			      encoder_choice_shares(d->config.encode.backend), &d->importable);
	d->host.screens = screens_create(d->loop, &sp, &events, d);
	return d->host.screens ? 0 : -ENOMEM;
}

static int open_streams(struct daemon_ctx *d)
{
	const struct config *c = &d->config;
	const uint16_t base = (uint16_t)c->net.port;
	const struct rtsp_limits limits = {
		.max_connections = (uint32_t)c->net.max_connections,
		.max_connections_per_ip = (uint32_t)c->net.max_connections_per_ip,
		.max_message = (uint32_t)c->net.max_rtsp_message,
		.read_timeout_ms = (uint32_t)c->net.rtsp_timeout_ms,
	};
	const struct control_params cp = {
		.bind = c->net.bind,
		.port = (uint16_t)(base + PORT_CONTROL),
		.silence_ms = (uint32_t)c->session.silence_timeout_ms,
		.pause_ms = (uint32_t)c->stream.pause_ms,
	};
	int err;

	err = media_port_open(&d->host.video_port, d->loop, c->net.bind, (uint16_t)(base + PORT_VIDEO), MEDIA_VIDEO,
			      on_ping, d);
	if (!err)
		err = media_port_open(&d->host.audio_port, d->loop, c->net.bind, (uint16_t)(base + PORT_AUDIO),
				      MEDIA_AUDIO, on_ping, d);
	if (!err)
		err = control_create(&d->host.control, d->loop, &cp);
	if (!err)
		err = rtsp_create(&d->host.rtsp, d->loop, c->net.bind, (uint16_t)(base + PORT_RTSP), &limits);
	if (err)
		log_errno(err, "ports %u to %u", base + PORT_VIDEO, base + PORT_RTSP);
	return err;
}

static int open_http(struct daemon_ctx *d)
{
	const struct config *c = &d->config;
	const struct http_params hp = {
		.bind = c->net.bind,
		.port_http = (uint16_t)c->net.port,
		.port_https = (uint16_t)(c->net.port + PORT_HTTPS),
		.port_rtsp = (uint16_t)(c->net.port + PORT_RTSP),
		.host_name = d->host_name,
		.identity = d->identity,
		.clients = d->clients,
		.limits =
			{
				.max_connections = (uint32_t)c->net.max_connections,
				.max_connections_per_ip = (uint32_t)c->net.max_connections_per_ip,
				.timeout_s = (uint32_t)c->net.timeout_s,
				.pin_timeout_s = (uint32_t)c->pair.pin_timeout_s,
				.max_pairings = (uint32_t)c->pair.max_waiting,
			},
	};
	int err = http_create(&d->http, d->loop, &hp, &http_events, d);

	if (err)
		log_errno(err, "HTTP on ports %u and %u", hp.port_http, hp.port_https);
	return err;
}

static int open_ctl(struct daemon_ctx *d)
{
	char beside[PATH_MAX];
	int err = ctl_create(&d->ctl, d->loop, d->paths.socket, d);

	if (err == -EADDRINUSE && !fs_join(beside, sizeof(beside), d->paths.state, "moonrill.sock")) {
		log_info("another daemon answers at %s; this one at %s", d->paths.socket, beside);
		str_copy(d->paths.socket, sizeof(d->paths.socket), beside);
		err = ctl_create(&d->ctl, d->loop, beside, d);
	}
	if (err)
		log_errno(err, "control socket %s", d->paths.socket);
	return err;
}

static int open_all(struct daemon_ctx *d)
{
	int err;

	d->loop = loop_create();
	if (!d->loop)
		return -ENOMEM;
	/* Signals first: they are blocked for every thread started later. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a recording past the limit ends, not we */
	signal(SIGCHLD, SIG_DFL); /* whoever started us may have ignored it; apps are waited for */
	err = loop_signal_add(d->loop, SIGTERM, on_signal, d);
	if (!err)
		err = loop_signal_add(d->loop, SIGINT, on_signal, d);
	d->log_timer = loop_timer_add(d->loop, on_log_timer, d);
	d->stop_timer = loop_timer_add(d->loop, on_stop_timer, d);
	if (err || !d->log_timer || !d->stop_timer)
		return err ? err : -ENOMEM;
	d->host.loop = d->loop;
	d->host.config = &d->config;
	encoder_use_device(d->config.encode.device);
	stream_offer_measure(&d->config);
	err = open_state(d);
	if (!err)
		err = open_screens(d);
	if (!err)
		err = open_streams(d);
	if (!err && !(d->sessions = sessions_create(&d->host)))
		err = -ENOMEM;
	if (!err)
		err = open_http(d);
	if (!err)
		err = open_ctl(d);
	if (!err && d->config.net.mdns)
		mdns_create(&d->mdns, d->loop, d->host_name, (uint16_t)d->config.net.port);
	return err;
}

static void close_all(struct daemon_ctx *d)
{
	notify_watchdog_stop(d->watchdog);
	ctl_destroy(d->ctl);
	mdns_destroy(d->mdns);
	sessions_destroy(d->sessions, CONTROL_TERM_GRACEFUL); /* answers every launch and cancel: http has none left */
	http_destroy(d->http);
	rtsp_destroy(d->host.rtsp);
	control_destroy(d->host.control);
	media_port_close(d->host.video_port);
	media_port_close(d->host.audio_port);
	screens_destroy(d->host.screens);
	apps_destroy(d->apps);
	clients_destroy(d->clients);
	identity_destroy(d->identity);
	loop_timer_remove(d->log_timer);
	loop_timer_remove(d->stop_timer);
	log_hot_drain();
	loop_destroy(d->loop);
}

static void print_addresses(const struct daemon_ctx *d)
{
	struct ifaddrs *list = NULL;

	if (*d->config.net.bind || getifaddrs(&list) < 0) {
		printf("  address   %s\n", *d->config.net.bind ? d->config.net.bind : "all");
		return;
	}
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		union addr a = {0};
		char text[ADDR_TEXT];

		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		memcpy(&a, i->ifa_addr, i->ifa_addr->sa_family == AF_INET ? sizeof(a.in) : sizeof(a.in6));
		if (a.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a.in6.sin6_addr))
			continue;
		printf("  address   %s (%s)\n", addr_host(&a, false, text), i->ifa_name);
	}
	freeifaddrs(list);
}

/* What a person in front of the terminal needs; a service's journal gets one line instead. */
static void greet(const struct daemon_ctx *d)
{
	log_info("%s is ready on port %u, state in %s", d->host_name, (unsigned)d->config.net.port, d->paths.state);
	if (!isatty(STDOUT_FILENO) && getenv("JOURNAL_STREAM"))
		return;
	printf("moonrill is ready as \"%s\"\n", d->host_name);
	print_addresses(d);
	printf("  port      %u (clients find it by themselves or take ADDRESS:%u)\n", (unsigned)d->config.net.port,
	       (unsigned)d->config.net.port);
	printf("  pair      choose this host in Moonlight, then: moonrill pair PIN --socket %s\n", d->paths.socket);
	printf("  state     %s\n", d->paths.state);
	printf("  stop      Ctrl+C\n");
	fflush(stdout);
}

int daemon_run(const struct config *c, const struct paths *p)
{
	struct daemon_ctx d = {.config = *c, .paths = *p, .started_ns = clock_ns()};
	int rc = 1;

	/* Threads come and go with each stream: few arenas keep the heap of a long-lived daemon in
	 * one piece. */
	mallopt(M_ARENA_MAX, 2);
	log_set_level((enum log_level)c->host.log_level);
	choose_name(&d);
	if (open_all(&d) == 0) {
		greet(&d);
		d.watchdog = notify_watchdog_start(d.loop);
		notify_send("READY=1");
		rc = loop_run(d.loop);
		if (rc < 0) {
			log_errno(rc, "main loop");
			rc = 1;
		}
	}
	close_all(&d);
	return rc;
}

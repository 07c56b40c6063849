// SPDX-License-Identifier: GPL-3.0-or-later
/* Sessions on the stand-ins of fakes.h, and what clients do with them. */
#pragma once

#include "fakes.h"

#include <dirent.h>

#include "base/clock.h"

static struct config config;
static struct session_host host;
static struct sessions *all;
static struct apps *apps;
static int n_done; /* calls of on_done */
static unsigned fds_before;
static uint32_t next_key;

static inline unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static inline int setup(void **state)
{
	static const char text[] = "{\"apps\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}";

	(void)state;
	fds_before = open_fds();
	config_defaults(&config);
	/* Never a device on the machine that runs the tests. */
	snprintf(config.input.backend, sizeof(config.input.backend), "null");
	config.session.handshake_timeout_ms = 600000;
	assert_int_equal(apps_parse(&apps, text, strlen(text), NULL), 0);
	host = (struct session_host){.loop = loop_create(), .config = &config, .apps = apps};
	all = sessions_create(&host);
	assert_non_null(all);
	screen = SCREENS_READY;
	codecs = 1;
	expect_err = control_err = pipeline_err = video_err = connect_err = run_err = n_done = 0;
	n_connects = n_retries = n_killed = 0;
	last_code = 0;
	stray = NULL;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	sessions_destroy(all, CONTROL_TERM_GRACEFUL);
	all = NULL;
	loop_destroy(host.loop);
	apps_destroy(apps);
	assert_null(handshakes);
	assert_null(controls);
	assert_null(runs);
	assert_int_equal(n_pipelines + n_outs, 0);
	assert_int_equal(open_fds(), fds_before);
	return 0;
}

/* ---- what clients do ---- */

static inline uint32_t app_id(unsigned n)
{
	return apps_get(apps, n)->id;
}

/* A client at address 10.0.0.CLIENT, sealed, with a new key. */
static inline struct launch_query query(uint8_t client, bool resume, uint32_t app)
{
	struct launch_query q = {.resume = resume, .app_id = app, .corever = 1, .rikeyid = -236792892, .fps = 60};
	char text[32];

	memset(q.client, client, sizeof(q.client));
	next_key++;
	memcpy(q.rikey, &next_key, sizeof(next_key));
	snprintf(text, sizeof(text), "10.0.0.%u", client);
	assert_int_equal(addr_parse(&q.peer, text, 1), 0);
	snprintf(q.client_name, sizeof(q.client_name), "client %u", client);
	return q;
}

static inline void launch(struct http_call *call, uint8_t client, bool resume, uint32_t app)
{
	struct launch_query q = query(client, resume, app);

	*call = (struct http_call){0};
	sessions_launch(all, call, &q);
}

static inline void launch_plain(struct http_call *call, uint8_t client, const char *at)
{
	struct launch_query q = query(client, false, app_id(0));

	q.corever = 0;
	assert_int_equal(addr_parse(&q.peer, at, 1), 0);
	*call = (struct http_call){0};
	sessions_launch(all, call, &q);
}

static inline void cancel(struct http_call *call, uint8_t client)
{
	uint8_t hash[32];

	memset(hash, client, sizeof(hash));
	*call = (struct http_call){0};
	sessions_cancel(all, call, hash);
}

static inline void steps(unsigned n)
{
	while (n--)
		assert_int_equal(loop_step(host.loop, 0), 0);
}

static inline struct session *session_of(uint8_t client)
{
	for (struct session *s = sessions_first(all); s; s = s->next)
		if (s->client[0] == client)
			return s;
	return NULL;
}

static inline void ping_from(struct session *s, enum media_class cls, const char *at, uint16_t port)
{
	struct ping p = {.counter = 1};
	union addr from, to;

	memcpy(p.payload, s->ping_payload, sizeof(p.payload));
	assert_int_equal(addr_parse(&from, at, port), 0);
	assert_int_equal(addr_parse(&to, "10.0.0.100", 47998), 0);
	sessions_ping(all, cls, &p, &from, &to);
}

static inline void legacy_ping(enum media_class cls, const char *at, uint16_t port)
{
	const struct ping p = {.legacy = true};
	union addr from, to;

	assert_int_equal(addr_parse(&from, at, port), 0);
	assert_int_equal(addr_parse(&to, "10.0.0.100", 47998), 0);
	sessions_ping(all, cls, &p, &from, &to);
}

static inline int announce(struct session *s)
{
	const struct rtsp_announce a = {
		.video = {.codec = CODEC_H264,
			  .width = 1280,
			  .height = 720,
			  .fps_mhz = 60000,
			  .configured_kbps = 20000,
			  .encoder_kbps = 15000},
		.session_id_v1 = true,
	};

	return s->handshake->ev.announce(s->handshake->ctx, &a);
}

static inline int play(struct session *s)
{
	struct rtsp_handshake *h = s->handshake;
	int err = h->ev.play(h->ctx);

	if (s->handshake)
		h->played = !err;
	return err;
}

static inline void connect_control(struct session *s)
{
	s->control->ev->connected(s->control->ctx, &s->query.peer);
}

static inline void disconnect_control(struct session *s, int err)
{
	s->control->ev->disconnected(s->control->ctx, err);
}

/* From launch to a running stream. */
static inline struct session *stream(uint8_t client)
{
	static struct http_call call;
	struct session *s;

	launch(&call, client, false, app_id(0));
	s = session_of(client);
	if (!s->app->told)
		run_started(s->app, 0);
	assert_int_equal(call.status, 200);
	assert_int_equal(s->state, SESSION_PENDING);
	assert_int_equal(announce(s), 0);
	assert_int_equal(play(s), 0);
	assert_int_equal(s->state, SESSION_NEGOTIATED);
	ping_from(s, MEDIA_VIDEO, "10.0.0.1", 5000);
	ping_from(s, MEDIA_AUDIO, "10.0.0.1", 5001);
	connect_control(s);
	assert_int_equal(s->state, SESSION_STREAMING);
	return s;
}

static inline struct session *parked(uint8_t client)
{
	struct session *s = stream(client);

	disconnect_control(s, 0);
	assert_int_equal(s->state, SESSION_PARKED);
	return s;
}

static inline bool no_secrets(const struct session *s)
{
	static const uint8_t zero[64];

	return memcmp(s->keys.key, zero, sizeof(s->keys.key)) == 0 &&
	       memcmp(s->query.rikey, zero, sizeof(s->query.rikey)) == 0 &&
	       memcmp(s->ping_payload, zero, sizeof(s->ping_payload)) == 0;
}

static inline void wait_for_state(struct session *s, enum session_state want)
{
	uint64_t end = clock_ns() + 20 * NS_PER_S;

	while (s->state != want && clock_ns() < end)
		loop_step(host.loop, 10);
	assert_int_equal(s->state, want);
}

static inline void on_done(void *ctx)
{
	assert_ptr_equal(ctx, &host);
	n_done++;
}

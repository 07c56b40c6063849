// SPDX-License-Identifier: GPL-3.0-or-later
/* The sessions of several clients, everything around them replaced by the stand-ins of fakes.h. */
#include "fakes.h"

#include <dirent.h>

#include "base/clock.h"
#include "base/rand.h"

static struct config config;
static struct session_host host;
static struct sessions *all;
static struct apps *apps;
static int n_done;
static unsigned fds_before;
static uint32_t next_key;

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int setup(void **state)
{
	static const char text[] = "{\"apps\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}";

	(void)state;
	fds_before = open_fds();
	config_defaults(&config);
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

static int teardown(void **state)
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

static uint32_t app_id(unsigned n)
{
	return apps_get(apps, n)->id;
}

/* A client at address 10.0.0.CLIENT, sealed, with a new key. */
static struct launch_query query(uint8_t client, bool resume, uint32_t app)
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

static void launch(struct http_call *call, uint8_t client, bool resume, uint32_t app)
{
	struct launch_query q = query(client, resume, app);

	*call = (struct http_call){0};
	sessions_launch(all, call, &q);
}

static void launch_plain(struct http_call *call, uint8_t client, const char *at)
{
	struct launch_query q = query(client, false, app_id(0));

	q.corever = 0;
	assert_int_equal(addr_parse(&q.peer, at, 1), 0);
	*call = (struct http_call){0};
	sessions_launch(all, call, &q);
}

static void cancel(struct http_call *call, uint8_t client)
{
	uint8_t hash[32];

	memset(hash, client, sizeof(hash));
	*call = (struct http_call){0};
	sessions_cancel(all, call, hash);
}

static void steps(unsigned n)
{
	while (n--)
		assert_int_equal(loop_step(host.loop, 0), 0);
}

static struct session *session_of(uint8_t client)
{
	for (struct session *s = sessions_first(all); s; s = s->next)
		if (s->client[0] == client)
			return s;
	return NULL;
}

static void ping_from(struct session *s, enum media_class cls, const char *at, uint16_t port)
{
	struct ping p = {.counter = 1};
	union addr from, to;

	memcpy(p.payload, s->ping_payload, sizeof(p.payload));
	assert_int_equal(addr_parse(&from, at, port), 0);
	assert_int_equal(addr_parse(&to, "10.0.0.100", 47998), 0);
	sessions_ping(all, cls, &p, &from, &to);
}

static void legacy_ping(enum media_class cls, const char *at, uint16_t port)
{
	const struct ping p = {.legacy = true};
	union addr from, to;

	assert_int_equal(addr_parse(&from, at, port), 0);
	assert_int_equal(addr_parse(&to, "10.0.0.100", 47998), 0);
	sessions_ping(all, cls, &p, &from, &to);
}

static int announce(struct session *s)
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

static int play(struct session *s)
{
	struct rtsp_handshake *h = s->handshake;
	int err = h->ev.play(h->ctx);

	if (s->handshake)
		h->played = !err;
	return err;
}

static void connect_control(struct session *s)
{
	s->control->ev->connected(s->control->ctx, &s->query.peer);
}

static void disconnect_control(struct session *s, int err)
{
	s->control->ev->disconnected(s->control->ctx, err);
}

/* From launch to a running stream. */
static struct session *stream(uint8_t client)
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

static struct session *parked(uint8_t client)
{
	struct session *s = stream(client);

	disconnect_control(s, 0);
	assert_int_equal(s->state, SESSION_PARKED);
	return s;
}

static bool no_secrets(const struct session *s)
{
	static const uint8_t zero[64];

	return memcmp(s->keys.key, zero, sizeof(s->keys.key)) == 0 &&
	       memcmp(s->query.rikey, zero, sizeof(s->query.rikey)) == 0 &&
	       memcmp(s->ping_payload, zero, sizeof(s->ping_payload)) == 0;
}

/* ---- the way of one client ---- */

static void s29_launch_waits_for_the_app_and_registers_its_handshake(void **state)
{
	static struct http_call call;
	struct session *s;

	(void)state;
	launch(&call, 1, false, app_id(0));
	s = session_of(1);
	assert_int_equal(s->state, SESSION_STARTING);
	assert_int_equal(call.status, 0);
	assert_null(handshakes);
	run_started(s->app, 0);
	assert_int_equal(call.status, 200);
	assert_true(call.sealed);
	assert_true(handshakes->p.sealed);
	assert_memory_equal(handshakes->p.key, &next_key, sizeof(next_key));
	assert_int_equal(s->keys.rikeyid, 0xf1e2d3c4); /* s28 */
	launch_plain(&call, 2, "10.0.0.9");
	run_started(session_of(2)->app, 0);
	assert_int_equal(call.status, 200);
	assert_false(call.sealed);
	assert_false(handshakes->p.sealed);
}

static void s31_unknown_app_starts_nothing(void **state)
{
	static struct http_call call;

	(void)state;
	launch(&call, 1, false, 5);
	assert_int_equal(call.status, 404);
	launch(&call, 1, false, 0);
	assert_int_equal(call.status, 404);
	assert_null(sessions_first(all));
	assert_null(runs);
}

static void s32_owner_sees_its_app_and_nobody_else_does(void **state)
{
	uint8_t one[32], two[32];

	(void)state;
	memset(one, 1, 32);
	memset(two, 2, 32);
	assert_int_equal(sessions_current_app(all, one), 0);
	parked(1);
	assert_int_equal(sessions_current_app(all, one), app_id(0));
	assert_int_equal(sessions_current_app(all, two), 0);
}

static void s33_launch_of_the_streaming_owner_replaces(void **state)
{
	struct session *s = stream(1);
	uint8_t old_key[16];
	char old_payload[17];
	static struct http_call call;
	struct app_run *app = s->app;

	(void)state;
	memcpy(old_key, s->keys.key, 16);
	memcpy(old_payload, s->ping_payload, 17);
	launch(&call, 1, false, app_id(0));
	assert_int_equal(call.status, 200);
	assert_int_equal(last_code, CONTROL_TERM_GRACEFUL);
	assert_ptr_equal(s->app, app); /* joined, not started anew */
	assert_int_equal(n_pipelines, 0);
	assert_memory_not_equal(s->keys.key, old_key, 16);
	assert_string_not_equal(s->ping_payload, old_payload);
	assert_null(handshakes->next);
	assert_int_equal(s->state, SESSION_PENDING);
}

static void s33_another_app_begins_when_the_old_one_is_undone(void **state)
{
	struct session *s = stream(1);
	struct app_run *a = s->app;
	static struct http_call call;

	(void)state;
	launch(&call, 1, false, app_id(1));
	assert_true(a->stop_asked);
	assert_int_equal(call.status, 0);
	assert_null(a->next);
	run_ended(a);
	assert_int_equal(s->app->id, app_id(1));
	run_started(s->app, 0);
	assert_int_equal(call.status, 200);
}

static void other_app_while_the_first_still_starts(void **state)
{
	static struct http_call one, two, three;
	struct app_run *a;

	(void)state;
	launch(&one, 1, false, app_id(0));
	a = runs;
	launch(&two, 1, false, app_id(1));
	assert_int_equal(one.status, 503);
	assert_true(a->stop_asked);
	launch(&three, 1, false, app_id(1));
	assert_int_equal(two.status, 503);
	run_ended(a); /* tells -ECANCELED first */
	assert_int_equal(three.status, 0);
	assert_int_equal(session_of(1)->app->id, app_id(1));
	run_started(session_of(1)->app, 0);
	assert_int_equal(three.status, 200);
}

static void relaunch_while_starting_waits_for_the_same_app(void **state)
{
	static struct http_call one, two;

	(void)state;
	launch(&one, 1, false, app_id(0));
	launch(&two, 1, false, app_id(0));
	assert_int_equal(one.status, 503);
	assert_null(runs->next);
	run_started(runs, 0);
	assert_int_equal(two.status, 200);
}

static void relaunch_while_pending_or_negotiated_takes_the_new_keys(void **state)
{
	static struct http_call call;
	struct session *s;

	(void)state;
	launch(&call, 1, false, app_id(0));
	s = session_of(1);
	run_started(s->app, 0);
	launch(&call, 1, true, 0);
	assert_int_equal(call.status, 200);
	assert_int_equal(announce(s), 0);
	assert_int_equal(play(s), 0);
	launch(&call, 1, true, 0);
	assert_int_equal(call.status, 200);
	assert_int_equal(s->state, SESSION_PENDING);
	assert_int_equal(n_pipelines, 0);
	assert_memory_equal(handshakes->p.key, &next_key, sizeof(next_key));
	assert_null(handshakes->next);
}

static void launch_while_stopping_waits_for_the_undoing(void **state)
{
	struct session *s = stream(1);
	static struct http_call gone, again;

	(void)state;
	cancel(&gone, 1);
	launch(&again, 1, false, app_id(0));
	assert_int_equal(gone.status, 200);
	assert_int_equal(again.status, 0);
	run_ended(s->app);
	run_started(s->app, 0);
	assert_int_equal(again.status, 200);
	assert_null(sessions_first(all)->next);
}

static void s35_resume_with_nothing_running(void **state)
{
	static struct http_call call, ending;

	(void)state;
	launch(&call, 1, true, app_id(0));
	assert_int_equal(call.status, 503);
	parked(1);
	cancel(&ending, 1);
	launch(&call, 1, true, app_id(0));
	assert_int_equal(call.status, 503);
}

static void s36_resume_joins_with_new_keys_whatever_app_it_names(void **state)
{
	struct session *s = stream(1);
	struct app_run *app = s->app;
	uint32_t generation = newest_pipeline->p.iv_generation;
	static struct http_call call;

	(void)state;
	disconnect_control(s, -ETIMEDOUT);
	assert_true(no_secrets(s));
	launch(&call, 1, true, app_id(1));
	assert_int_equal(call.status, 200);
	assert_ptr_equal(s->app, app);
	assert_int_equal(announce(s), 0);
	assert_int_equal(newest_pipeline->p.iv_generation, generation + 1);
}

static void s37_cancel_answers_when_everything_is_undone(void **state)
{
	struct session *s = stream(1);
	static struct http_call call, twice;
	uint8_t one[32];

	(void)state;
	memset(one, 1, 32);
	cancel(&call, 1);
	assert_int_equal(last_code, CONTROL_TERM_GRACEFUL);
	assert_int_equal(n_pipelines, 0);
	assert_int_equal(sessions_current_app(all, one), 0);
	assert_int_equal(call.status, 0);
	cancel(&twice, 1);
	assert_int_equal(call.status, 200);
	assert_int_equal(twice.status, 0);
	run_ended(s->app);
	assert_int_equal(twice.status, 200);
	assert_null(sessions_first(all));
	cancel(&call, 1);
	assert_int_equal(call.status, 200);
}

static void s37_cancel_in_every_state(void **state)
{
	static struct http_call l, c;
	struct session *s;

	(void)state;
	for (int i = 0; i < 4; i++) {
		launch(&l, 1, false, app_id(0));
		s = session_of(1);
		if (i > 0)
			run_started(s->app, 0);
		if (i > 1)
			assert_int_equal(announce(s), 0);
		if (i > 2)
			assert_int_equal(play(s), 0);
		cancel(&c, 1);
		assert_int_equal(l.status, i ? 200 : 503);
		assert_int_equal(s->state, SESSION_STOPPING);
		assert_true(s->app->stop_asked);
		assert_int_equal(c.status, 0);
		run_ended(s->app);
		assert_int_equal(c.status, 200);
		assert_null(sessions_first(all));
	}
}

static void wait_for_state(struct session *s, enum session_state want)
{
	uint64_t end = clock_ns() + 20 * NS_PER_S;

	while (s->state != want && clock_ns() < end)
		loop_step(host.loop, 10);
	assert_int_equal(s->state, want);
}

static void s38_no_rtsp_parks_and_resume_works(void **state)
{
	static struct http_call call;
	struct session *s;

	(void)state;
	config.session.handshake_timeout_ms = 20;
	launch(&call, 1, false, app_id(0));
	s = session_of(1);
	run_started(s->app, 0);
	wait_for_state(s, SESSION_PARKED);
	assert_null(handshakes);
	assert_true(no_secrets(s));
	launch(&call, 1, true, 0);
	assert_int_equal(call.status, 200);
}

static void neither_ping_nor_control_after_play_parks(void **state)
{
	static struct http_call call;
	struct session *s;

	(void)state;
	config.session.handshake_timeout_ms = 20;
	launch(&call, 1, false, app_id(0));
	s = session_of(1);
	run_started(s->app, 0);
	assert_int_equal(announce(s), 0);
	assert_int_equal(play(s), 0);
	connect_control(s); /* but never a ping */
	assert_int_equal(s->state, SESSION_NEGOTIATED);
	wait_for_state(s, SESSION_PARKED);
	assert_int_equal(n_pipelines, 0);
	assert_false(s->app->stop_asked);
}

static void streaming_has_no_timer(void **state)
{
	struct session *s;

	(void)state;
	config.session.handshake_timeout_ms = 50;
	s = stream(1);
	assert_false(loop_timer_armed(s->timer));
}

static void used_key_is_refused_and_nothing_changes(void **state)
{
	struct launch_query q = query(1, false, app_id(0));
	static struct http_call one, two;

	(void)state;
	sessions_launch(all, &one, &q);
	run_started(runs, 0);
	sessions_launch(all, &two, &q);
	assert_int_equal(two.status, 400);
	assert_int_equal(session_of(1)->state, SESSION_PENDING);
}

static void refused_launches_do_not_use_their_key_up(void **state)
{
	struct launch_query q = query(1, false, app_id(0));
	static struct http_call one, two;

	(void)state;
	screen = SCREENS_WAIT_CONSENT;
	sessions_launch(all, &one, &q);
	assert_int_equal(one.status, 503);
	assert_non_null(strcasestr(one.message, "a click on the host is needed"));
	screen = SCREENS_READY;
	sessions_launch(all, &two, &q);
	run_started(runs, 0);
	assert_int_equal(two.status, 200);
}

static void failed_screens_are_tried_again(void **state)
{
	static struct http_call call;

	(void)state;
	screen = SCREENS_FAILED;
	launch(&call, 1, false, app_id(0));
	assert_int_equal(call.status, 503);
	assert_string_equal(call.message, "The source is gone.");
	assert_int_equal(n_retries, 1);
	screen = SCREENS_READY;
	codecs = 0;
	launch(&call, 1, false, app_id(0));
	assert_int_equal(call.status, 503);
	assert_null(runs);
}

/* ---- policies ---- */

static void s34_many_stream_beside_each_other_up_to_the_limit(void **state)
{
	static struct http_call call;

	(void)state;
	config.session.max = 2;
	stream(1);
	stream(2);
	launch(&call, 3, false, app_id(0));
	assert_int_equal(call.status, 503);
	assert_int_equal(n_pipelines, 2);
	/* an app whose client is away does not count */
	disconnect_control(session_of(1), 0);
	stream(3);
	launch(&call, 1, true, 0);
	assert_int_equal(call.status, 503);
	assert_int_equal(session_of(1)->state, SESSION_PARKED);
}

static void s34_refuse_leaves_the_running_stream_alone(void **state)
{
	static struct http_call call, ending;
	struct session *s;

	(void)state;
	config.session.policy = POLICY_REFUSE;
	s = stream(1);
	launch(&call, 2, false, app_id(0));
	assert_int_equal(call.status, 470);
	assert_true(*call.message);
	assert_int_equal(s->state, SESSION_STREAMING);
	launch(&call, 1, true, 0); /* but not the owner */
	assert_int_equal(call.status, 200);
	cancel(&ending, 1); /* and nobody once it ends */
	launch(&call, 2, false, app_id(0));
	assert_int_equal(call.status, 0);
}

static void s34_take_over_ends_the_others(void **state)
{
	static struct http_call call;
	struct session *s;

	(void)state;
	config.session.policy = POLICY_TAKE_OVER;
	s = stream(1);
	launch(&call, 2, false, app_id(0));
	assert_int_equal(last_code, CONTROL_TERM_GRACEFUL);
	assert_int_equal(s->state, SESSION_STOPPING);
	assert_true(s->app->stop_asked);
	run_started(session_of(2)->app, 0);
	assert_int_equal(call.status, 200);
	run_ended(s->app);
	assert_null(session_of(1));
}

static void s23_a_removed_client_loses_its_session(void **state)
{
	struct session *s = stream(1);
	uint8_t one[32];

	(void)state;
	memset(one, 1, 32);
	sessions_revoke(all, one);
	assert_int_equal(s->state, SESSION_STOPPING);
	assert_int_equal(last_code, CONTROL_TERM_GRACEFUL);
	run_ended(s->app);
	assert_null(sessions_first(all));
	sessions_revoke(all, one);
}

/* ---- ends and failures ---- */

static void end_of_the_app_ends_the_stream(void **state)
{
	struct session *s = stream(1);

	(void)state;
	run_exited(s->app);
	assert_int_equal(last_code, CONTROL_TERM_GRACEFUL);
	assert_int_equal(n_pipelines, 0);
	assert_int_equal(s->state, SESSION_STOPPING);
	run_ended(s->app);
	assert_null(sessions_first(all));
}

static void app_that_fails_is_told(void **state)
{
	static struct http_call call;

	(void)state;
	launch(&call, 1, false, app_id(0));
	run_started(runs, -ECHILD);
	assert_int_equal(call.status, 503);
	run_ended(runs);
	assert_null(sessions_first(all));
	run_err = -ENOMEM;
	launch(&call, 1, false, app_id(0));
	assert_int_equal(call.status, 503);
	assert_null(sessions_first(all));
}

static void failed_pipeline_parks_with_an_error(void **state)
{
	struct session *s = stream(1);

	(void)state;
	newest_pipeline->ev->failed(newest_pipeline->ctx, "encoder", -EIO);
	assert_int_equal(last_code, CONTROL_TERM_ERROR);
	assert_int_equal(s->state, SESSION_PARKED);
	assert_true(no_secrets(s));
}

static void failed_announce_leaves_nothing_and_may_come_again(void **state)
{
	static struct http_call call;
	struct session *s;

	(void)state;
	launch(&call, 1, false, app_id(0));
	s = session_of(1);
	run_started(s->app, 0);
	pipeline_err = -ENOTSUP;
	assert_int_equal(announce(s), -ENOTSUP);
	assert_int_equal(n_outs, 0);
	pipeline_err = 0;
	control_err = -ENOSPC;
	assert_int_equal(announce(s), -EIO);
	assert_int_equal(n_pipelines + n_outs, 0);
	assert_int_not_equal(play(s), 0);
	control_err = 0;
	assert_int_equal(announce(s), 0);
	assert_int_equal(play(s), 0);
}

static void video_that_cannot_start_parks(void **state)
{
	static struct http_call call;
	struct session *s;

	(void)state;
	launch(&call, 1, false, app_id(0));
	s = session_of(1);
	run_started(s->app, 0);
	ping_from(s, MEDIA_VIDEO, "10.0.0.1", 5000);
	assert_int_equal(announce(s), 0);
	video_err = -EAGAIN;
	assert_int_equal(play(s), -EIO);
	assert_int_equal(s->state, SESSION_PARKED);
}

static void handshake_that_cannot_be_registered(void **state)
{
	static struct http_call call;

	(void)state;
	expect_err = -EEXIST;
	launch(&call, 1, false, app_id(0));
	run_started(runs, 0);
	assert_int_equal(call.status, 503);
	assert_int_equal(session_of(1)->state, SESSION_PARKED);
	assert_true(no_secrets(session_of(1)));
}

static void calls_given_up_in_every_state(void **state)
{
	static struct http_call call, other;
	struct session *s;

	(void)state;
	launch(&call, 1, false, app_id(0));
	call.gone = true;
	sessions_call_gone(all, &call);
	s = session_of(1);
	run_started(s->app, 0); /* nobody to answer: the app waits for its client */
	assert_int_equal(s->state, SESSION_PARKED);
	assert_true(no_secrets(s));
	cancel(&call, 1);
	call.gone = true;
	sessions_call_gone(all, &call);
	run_ended(s->app);
	assert_null(sessions_first(all));

	launch_plain(&other, 1, "10.0.0.9");
	run_started(runs, 0);
	launch_plain(&call, 2, "10.0.0.9");
	s = session_of(2);
	run_started(s->app, 0);
	assert_int_equal(s->state, SESSION_QUEUED);
	call.gone = true;
	sessions_call_gone(all, &call);
	assert_int_equal(s->state, SESSION_PARKED);
	assert_int_equal(other.status, 200);

	/* given up while the app that comes next still waits for the one before */
	launch(&call, 1, false, app_id(1));
	s = session_of(1);
	call.gone = true;
	sessions_call_gone(all, &call);
	run_ended(s->app);
	assert_null(session_of(1));
}

/* ---- two clients at one address ---- */

static void plain_launches_of_one_address_take_turns(void **state)
{
	static struct http_call one, two, three, sealed;

	(void)state;
	launch_plain(&one, 1, "10.0.0.9");
	run_started(session_of(1)->app, 0);
	launch_plain(&two, 2, "10.0.0.9");
	run_started(session_of(2)->app, 0);
	launch_plain(&three, 3, "10.0.0.9");
	run_started(session_of(3)->app, 0);
	assert_int_equal(one.status, 200);
	assert_int_equal(two.status, 0);
	launch(&sealed, 4, false, app_id(0)); /* sealed ones need not wait, whatever their address */
	session_of(4)->query.peer = session_of(1)->query.peer;
	run_started(session_of(4)->app, 0);
	assert_int_equal(sealed.status, 200);

	assert_int_equal(announce(session_of(1)), 0);
	assert_int_equal(play(session_of(1)), 0);
	steps(2);
	assert_int_equal(two.status, 200);
	assert_int_equal(three.status, 0); /* first come, first served */
	cancel(&one, 2);
	steps(2);
	assert_int_equal(three.status, 200);
}

static void plain_launches_go_on_when_the_first_does_not_come(void **state)
{
	static struct http_call one, two;

	(void)state;
	config.session.handshake_timeout_ms = 20;
	launch_plain(&one, 1, "10.0.0.9");
	run_started(session_of(1)->app, 0);
	config.session.handshake_timeout_ms = 600000;
	launch_plain(&two, 2, "10.0.0.9");
	run_started(session_of(2)->app, 0);
	wait_for_state(session_of(2), SESSION_PENDING);
	assert_int_equal(two.status, 200);
	assert_int_equal(session_of(1)->state, SESSION_PARKED);
}

static void a_turn_that_never_comes_is_refused(void **state)
{
	static struct http_call one, two;

	(void)state;
	launch_plain(&one, 1, "10.0.0.9");
	run_started(session_of(1)->app, 0);
	config.session.handshake_timeout_ms = 20;
	launch_plain(&two, 2, "10.0.0.9");
	run_started(session_of(2)->app, 0);
	wait_for_state(session_of(2), SESSION_PARKED);
	assert_int_equal(two.status, 503);
	assert_int_equal(session_of(1)->state, SESSION_PENDING);
}

/* ---- pings ---- */

static void pings_before_play_are_remembered(void **state)
{
	static struct http_call call;
	struct session *s;

	(void)state;
	launch(&call, 1, false, app_id(0));
	s = session_of(1);
	run_started(s->app, 0);
	ping_from(s, MEDIA_VIDEO, "10.0.0.1", 5000);
	ping_from(s, MEDIA_VIDEO, "10.0.0.1", 5002); /* the newest counts */
	assert_int_equal(n_connects, 0);
	assert_int_equal(announce(s), 0);
	assert_int_equal(play(s), 0);
	assert_int_equal(n_connects, 1);
	assert_int_equal(addr_port(&connected_to), 5002);
	connect_control(s);
	assert_int_equal(s->state, SESSION_STREAMING);
}

static void wrong_payloads_are_ignored(void **state)
{
	struct session *s = stream(1);
	struct ping p = {0};
	unsigned before = n_connects;

	(void)state;
	sessions_ping(all, MEDIA_VIDEO, &p, &s->query.peer, &s->query.peer); /* all zero: nobody's */
	memcpy(p.payload, s->ping_payload, 16);
	p.payload[15] ^= 1;
	sessions_ping(all, MEDIA_VIDEO, &p, &s->query.peer, &s->query.peer);
	assert_int_equal(n_connects, before);
	p.payload[15] ^= 1;
	disconnect_control(s, 0);
	sessions_ping(all, MEDIA_VIDEO, &p, &s->query.peer, &s->query.peer); /* late */
	memset(&p, 0, sizeof(p));
	sessions_ping(all, MEDIA_VIDEO, &p, &s->query.peer, &s->query.peer);
	assert_int_equal(n_connects, before);
}

static void the_stream_follows_a_client_that_moves(void **state)
{
	struct session *s = stream(1);
	int old = s->media[MEDIA_VIDEO].fd;

	(void)state;
	ping_from(s, MEDIA_VIDEO, "10.0.0.1", 5000);
	assert_int_equal(s->media[MEDIA_VIDEO].fd, old);
	ping_from(s, MEDIA_VIDEO, "10.0.0.77", 6000);
	assert_int_equal(addr_port(&connected_to), 6000);
	assert_int_equal(newest_pipeline->video_fd, s->media[MEDIA_VIDEO].fd);
	assert_int_equal(s->state, SESSION_STREAMING);
	connect_err = -EADDRNOTAVAIL;
	ping_from(s, MEDIA_VIDEO, "10.0.0.78", 6000);
	assert_int_equal(s->state, SESSION_PARKED);
}

static void swallow_own_ping(void)
{
	ping_from(session_of(1), MEDIA_VIDEO, "10.0.0.1", 7000);
}

/* The new socket got, before it was connected, a ping of the same client from yet another port. */
static void a_move_inside_a_move(void **state)
{
	struct session *s = stream(1);

	(void)state;
	stray = swallow_own_ping;
	ping_from(s, MEDIA_VIDEO, "10.0.0.1", 6000);
	assert_int_equal(addr_port(&connected_to), 6000);
	swallow_own_ping();
	assert_int_equal(addr_port(&connected_to), 7000);
	assert_int_equal(newest_pipeline->video_fd, s->media[MEDIA_VIDEO].fd);
}

static void legacy_stream(uint8_t client, const char *at)
{
	const struct rtsp_announce a = {.video = {.width = 640, .height = 480, .fps_mhz = 60000}};
	static struct http_call call;
	struct session *s;

	launch_plain(&call, client, at);
	s = session_of(client);
	run_started(s->app, 0);
	assert_int_equal(s->handshake->ev.announce(s->handshake->ctx, &a), 0);
	assert_true(s->control->p.match_by_ip);
	assert_int_equal(play(s), 0);
}

static void s55_legacy_pings_count_from_the_sessions_address_only(void **state)
{
	struct session *s;

	(void)state;
	stream(2); /* with a session id: a bare PING is never its own */
	legacy_stream(1, "10.0.0.9");
	s = session_of(1);
	legacy_ping(MEDIA_VIDEO, "10.0.0.8", 5000);
	legacy_ping(MEDIA_VIDEO, "10.0.0.2", 5000);
	assert_int_equal(s->media[MEDIA_VIDEO].fd, -1);
	assert_int_equal(addr_port(&session_of(2)->media[MEDIA_VIDEO].peer_from), 5000);
	legacy_ping(MEDIA_VIDEO, "10.0.0.9", 5000);
	assert_true(s->media[MEDIA_VIDEO].fd >= 0);
}

static void s55_two_legacy_clients_at_one_address_keep_apart(void **state)
{
	(void)state;
	legacy_stream(1, "10.0.0.9");
	legacy_ping(MEDIA_VIDEO, "10.0.0.9", 5000);
	legacy_stream(2, "10.0.0.9");
	legacy_ping(MEDIA_VIDEO, "10.0.0.9", 6000);
	for (int i = 0; i < 3; i++) {
		legacy_ping(MEDIA_VIDEO, "10.0.0.9", 5000);
		legacy_ping(MEDIA_VIDEO, "10.0.0.9", 6000);
	}
	assert_int_equal(addr_port(&session_of(1)->media[MEDIA_VIDEO].peer_from), 5000);
	assert_int_equal(addr_port(&session_of(2)->media[MEDIA_VIDEO].peer_from), 6000);
	assert_int_equal(n_connects, 2);
}

/* ---- the daemon's end ---- */

static void on_done(void *ctx)
{
	assert_ptr_equal(ctx, &host);
	n_done++;
}

static void stop_tells_everybody_and_waits_for_the_apps(void **state)
{
	struct session *s = stream(1);
	static struct http_call waiting, late;

	(void)state;
	launch(&waiting, 2, false, app_id(0));
	sessions_stop(all, 0, on_done, &host);
	assert_int_equal(last_code, CONTROL_TERM_GRACEFUL);
	assert_int_equal(waiting.status, 503);
	launch(&late, 3, false, app_id(0));
	assert_int_equal(late.status, 503);
	assert_true(s->app->stop_asked);
	steps(3);
	assert_int_equal(n_done, 0);
	while (runs)
		run_ended(runs);
	assert_int_equal(n_done, 0); /* from the loop only */
	steps(3);
	assert_int_equal(n_done, 1);
}

static void stop_without_sessions_is_done_at_once(void **state)
{
	(void)state;
	sessions_stop(all, 0, on_done, &host);
	assert_int_equal(n_done, 0);
	steps(2);
	assert_int_equal(n_done, 1);
}

static void destroy_answers_what_waits(void **state)
{
	static struct http_call call, other;

	(void)state;
	launch(&call, 1, false, app_id(0));
	parked(2);
	cancel(&other, 2);
	sessions_destroy(all, CONTROL_TERM_GRACEFUL);
	all = NULL;
	assert_int_equal(call.status, 503);
	assert_int_equal(other.status, 200);
	assert_int_equal(n_killed, 2);
}

/* ---- anything in any order ---- */

#define CALLS 4096u

static struct http_call calls[CALLS];
static unsigned n_calls;

static struct session *any_session(void)
{
	unsigned n = rand_u32() % 5;
	struct session *s = sessions_first(all);

	while (s && s->next && n--)
		s = s->next;
	return s;
}

static void any_event(void)
{
	struct session *s = any_session();
	uint8_t client = (uint8_t)(1 + rand_u32() % 5);
	uint8_t hash[32];

	memset(hash, client, 32);
	switch (rand_u32() % 24) {
	case 0:
	case 1:
		launch(&calls[n_calls++], client, rand_u32() % 2, app_id(rand_u32() % 2));
		return;
	case 2:
		launch_plain(&calls[n_calls++], client, "10.0.0.9");
		return;
	case 3:
		cancel(&calls[n_calls++], client);
		return;
	case 4:
		if (rand_u32() % 8 == 0)
			sessions_revoke(all, hash);
		return;
	case 5: {
		struct http_call *c = n_calls ? &calls[rand_u32() % n_calls] : NULL;

		if (c && !c->status && !c->gone) {
			c->gone = true;
			sessions_call_gone(all, c);
		}
		return;
	}
	case 6:
		expect_err = rand_u32() % 4 ? 0 : -EEXIST;
		pipeline_err = rand_u32() % 4 ? 0 : -ENOTSUP;
		control_err = rand_u32() % 4 ? 0 : -ENOSPC;
		video_err = rand_u32() % 4 ? 0 : -EAGAIN;
		connect_err = rand_u32() % 4 ? 0 : -EIO;
		run_err = rand_u32() % 8 ? 0 : -ENOMEM;
		screen = rand_u32() % 8 ? SCREENS_READY : SCREENS_FAILED;
		return;
	case 7:
		loop_step(host.loop, 0);
		return;
	case 8:
		config.session.policy = rand_u32() % 3;
		config.session.handshake_timeout_ms = rand_u32() % 2 ? 0 : 600000;
		return;
	case 9:
		legacy_ping(rand_u32() % 2, "10.0.0.9", (uint16_t)(5000 + rand_u32() % 3));
		return;
	default:
		break;
	}
	if (!s)
		return;
	switch (rand_u32() % 10) {
	case 0:
	case 1:
		if (s->app && !s->app->told)
			run_started(s->app, rand_u32() % 6 ? 0 : -ECHILD);
		break;
	case 2:
		if (s->app && s->app->told && !s->app->stop_asked && !s->app->exited && rand_u32() % 4 == 0)
			run_exited(s->app);
		break;
	case 3:
		if (s->app && (s->app->stop_asked || s->app->exited || s->state == SESSION_STOPPING))
			run_ended(s->app);
		break;
	case 4:
		if (s->handshake && !s->handshake->announced) {
			struct rtsp_handshake *h = s->handshake;

			if (announce(s) == 0)
				h->announced = true;
		}
		break;
	case 5:
		if (s->handshake && !s->handshake->played)
			play(s);
		break;
	case 6:
	case 7:
		if (s->handshake)
			ping_from(s, rand_u32() % 2, "10.0.0.1", (uint16_t)(5000 + rand_u32() % 4));
		break;
	case 8:
		if (s->control && !s->control_up)
			connect_control(s);
		else if (s->control && rand_u32() % 4 == 0)
			disconnect_control(s, rand_u32() % 2 ? 0 : -ETIMEDOUT);
		break;
	case 9:
		if (newest_pipeline && rand_u32() % 8 == 0)
			newest_pipeline->ev->failed(newest_pipeline->ctx, "sender", -EIO);
		break;
	}
}

static void any_order_answers_each_call_once_and_leaks_nothing(void **state)
{
	for (unsigned round = 0; round < 40; round++) {
		n_calls = 0;
		memset(calls, 0, sizeof(calls));
		for (unsigned i = 0; i < 3000 && n_calls < CALLS - 1; i++)
			any_event();
		if (round % 2) {
			sessions_stop(all, 0, on_done, &host);
			while (runs)
				run_ended(runs);
			steps(3);
			assert_int_equal(n_done, 1);
			assert_null(sessions_first(all));
		} else {
			sessions_destroy(all, CONTROL_TERM_GRACEFUL);
			all = NULL;
		}
		for (unsigned i = 0; i < n_calls; i++)
			assert_true(calls[i].gone || calls[i].status); /* twice is caught by call_answered() */
		teardown(state);
		setup(state);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(s29_launch_waits_for_the_app_and_registers_its_handshake),
		CASE(s31_unknown_app_starts_nothing),
		CASE(s32_owner_sees_its_app_and_nobody_else_does),
		CASE(s33_launch_of_the_streaming_owner_replaces),
		CASE(s33_another_app_begins_when_the_old_one_is_undone),
		CASE(other_app_while_the_first_still_starts),
		CASE(relaunch_while_starting_waits_for_the_same_app),
		CASE(relaunch_while_pending_or_negotiated_takes_the_new_keys),
		CASE(launch_while_stopping_waits_for_the_undoing),
		CASE(s35_resume_with_nothing_running),
		CASE(s36_resume_joins_with_new_keys_whatever_app_it_names),
		CASE(s37_cancel_answers_when_everything_is_undone),
		CASE(s37_cancel_in_every_state),
		CASE(s38_no_rtsp_parks_and_resume_works),
		CASE(neither_ping_nor_control_after_play_parks),
		CASE(streaming_has_no_timer),
		CASE(used_key_is_refused_and_nothing_changes),
		CASE(refused_launches_do_not_use_their_key_up),
		CASE(failed_screens_are_tried_again),
		CASE(s34_many_stream_beside_each_other_up_to_the_limit),
		CASE(s34_refuse_leaves_the_running_stream_alone),
		CASE(s34_take_over_ends_the_others),
		CASE(s23_a_removed_client_loses_its_session),
		CASE(end_of_the_app_ends_the_stream),
		CASE(app_that_fails_is_told),
		CASE(failed_pipeline_parks_with_an_error),
		CASE(failed_announce_leaves_nothing_and_may_come_again),
		CASE(video_that_cannot_start_parks),
		CASE(handshake_that_cannot_be_registered),
		CASE(calls_given_up_in_every_state),
		CASE(plain_launches_of_one_address_take_turns),
		CASE(plain_launches_go_on_when_the_first_does_not_come),
		CASE(a_turn_that_never_comes_is_refused),
		CASE(pings_before_play_are_remembered),
		CASE(wrong_payloads_are_ignored),
		CASE(the_stream_follows_a_client_that_moves),
		CASE(a_move_inside_a_move),
		CASE(s55_legacy_pings_count_from_the_sessions_address_only),
		CASE(s55_two_legacy_clients_at_one_address_keep_apart),
		CASE(stop_tells_everybody_and_waits_for_the_apps),
		CASE(stop_without_sessions_is_done_at_once),
		CASE(destroy_answers_what_waits),
		CASE(any_order_answers_each_call_once_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

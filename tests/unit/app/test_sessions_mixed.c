// SPDX-License-Identifier: GPL-3.0-or-later
/* Turns, pings, the daemon's end, and anything in any order. */
#include "sessions_rig.h"

#include "base/rand.h"

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

static void swallow_own_ping_once(void)
{
	drained = NULL;
	swallow_own_ping();
}

/* The connected socket held a ping of the same client from another port: the socket that is being read stays. */
static void a_move_while_the_socket_is_read(void **state)
{
	struct session *s = stream(1);
	int fd = s->media[MEDIA_VIDEO].fd;

	(void)state;
	drained = swallow_own_ping_once;
	assert_int_equal(eventfd_write(fd, 1), 0);
	steps(3);
	assert_int_equal(s->media[MEDIA_VIDEO].fd, fd);
	swallow_own_ping();
	assert_int_equal(addr_port(&connected_to), 7000);
}

/* What the client negotiated and what the source is, told apart: HDR is said only of what is. */
static void m52_hdr_is_on_only_where_client_and_source_have_it(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		const bool client = n & 1, source = n & 2;
		const struct rtsp_announce a = {
			.video = {.codec = CODEC_HEVC,
				  .width = 640,
				  .height = 480,
				  .fps_mhz = 60000,
				  .depth = client ? 10 : 8,
				  .hdr = client,
				  .space = COLOUR_BT709},
			.session_id_v1 = true,
		};
		static struct http_call call;
		struct session *s;

		source_is_hdr = source;
		n_hdr = 0;
		launch(&call, (uint8_t)(n + 1), false, app_id(0));
		s = session_of((uint8_t)(n + 1));
		run_started(s->app, 0);
		assert_int_equal(s->handshake->ev.announce(s->handshake->ctx, &a), 0);
		assert_int_equal(newest_pipeline->p.video.pq, client && source);
		assert_int_equal(newest_pipeline->p.video.space, client && source ? COLOUR_BT2020 : COLOUR_BT709);
		assert_int_equal(newest_pipeline->p.video.depth, client ? 10 : 8);
		connect_control(s);
		assert_int_equal(n_hdr, client);
		if (client)
			assert_int_equal(hdr_on, source);
	}
	source_is_hdr = false;
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
		CASE(plain_launches_of_one_address_take_turns),
		CASE(plain_launches_go_on_when_the_first_does_not_come),
		CASE(a_turn_that_never_comes_is_refused),
		CASE(pings_before_play_are_remembered),
		CASE(wrong_payloads_are_ignored),
		CASE(the_stream_follows_a_client_that_moves),
		CASE(a_move_inside_a_move),
		CASE(a_move_while_the_socket_is_read),
		CASE(s55_legacy_pings_count_from_the_sessions_address_only),
		CASE(s55_two_legacy_clients_at_one_address_keep_apart),
		CASE(m52_hdr_is_on_only_where_client_and_source_have_it),
		CASE(stop_tells_everybody_and_waits_for_the_apps),
		CASE(stop_without_sessions_is_done_at_once),
		CASE(destroy_answers_what_waits),
		CASE(any_order_answers_each_call_once_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* One client's way and the policies between several. */
#include "sessions_rig.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

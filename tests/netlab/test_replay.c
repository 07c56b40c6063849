// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Sessions recorded in the lab (tests/netlab/sessions) off line. What is expected of them as recorded holds for the
 * closed loop that recorded them: one that decides otherwise on purpose needs them anew, record_sessions.sh.
 */
#include "replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "path_spec.h"
#include "replay_row.h"

#define LOG_MODULE "test"
#include "base/log.h"

#define TRAIN 8u /* packets back to back, whatever net/pacer.h says */

static const char *const recorded[] = {"random-3", "bursts-rfi", "fall"};

#define HEAD                                                                                                           \
	"moonrill-session 1\n"                                                                                         \
	"video h264 1280 720 60000 1 1392 20 2 0 1\n"                                                                  \
	"rate 10000 7308 312 1000 150\n"                                                                               \
	"pinned 1 1 1 0\n"

static struct session_file session;
static struct replay_result result, other;

/* Valid until the next call. */
static const char *path_to(const char *name, const char *kind)
{
	const char *folder = getenv("NETLAB_SESSIONS");
	static char path[512];

	assert_non_null(folder);
	snprintf(path, sizeof(path), "%s/%s.%s", folder, name, kind);
	return path;
}

static void load(const char *name)
{
	const char *path = path_to(name, "session");
	struct session_error e;

	if (session_file_load(&session, path, &e))
		fail_msg("%s:%u: %s", path, e.line, e.text);
	assert_true(session.complete);
}

static void text(const char *lines)
{
	struct session_error e;

	if (session_file_parse(&session, lines, strlen(lines), &e))
		fail_msg("line %u: %s", e.line, e.text);
}

static void play(struct replay_result *r, struct replay_params p)
{
	p.session = &session;
	assert_int_equal(replay_run(r, &p), 0);
}

/* The path that the session was recorded on. */
static struct path_params path_of(const char *name)
{
	json_error_t e;
	json_t *o = json_load_file(path_to(name, "json"), 0, &e), *link = json_object_get(o, "link");
	struct path_params p;
	const char *why;

	assert_non_null(link);
	assert_int_equal(path_spec_read(&p, json_object_get(link, "down"), &why), 0);
	json_decref(o);
	return p;
}

/* --- as recorded --- */

static void the_same_loop_decides_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		load(recorded[i]);
		play(&result, (struct replay_params){0});
		if (result.ticks_otherwise)
			fail_msg("%s: %u of %u turns decide otherwise than when it was recorded, from %llu ms on. If "
				 "that is meant: tests/netlab/record_sessions.sh",
				 recorded[i], result.ticks_otherwise, result.ticks,
				 (unsigned long long)(result.otherwise_ns / NS_PER_MS));
		assert_true(result.ticks > 90);
		assert_true(result.n_decisions > 3);
		session_file_free(&session);
	}
}

/* The daemon's own counters at its last turn are the judge. (A recording whose last turn falls between encoding and
 * packing of a frame is off by that frame: make another.) */
static void the_same_packets_leave(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		load(recorded[i]);
		play(&result, (struct replay_params){0});
		assert_int_equal(result.replayed_data, result.recorded_data);
		assert_int_equal(result.replayed_parity, result.recorded_parity);
		assert_int_equal(result.sent, result.frames);
		assert_int_equal(result.dropped + result.passed_over, 0);
		session_file_free(&session);
	}
}

static uint32_t highest_ceiling(void)
{
	uint32_t ceiling = 0;

	for (size_t i = 0; i < session.n_events; i++)
		if (session.event[i].kind == RECORD_TICK && session.event[i].tick.ceiling_kbps > ceiling)
			ceiling = session.event[i].tick.ceiling_kbps;
	return ceiling;
}

static void no_millisecond_is_denser_than_a_train_and_the_ceiling(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		unsigned packet_kbps; /* one in a millisecond */

		load(recorded[i]);
		packet_kbps = 8 * session.stream.video.packet_size;
		play(&result, (struct replay_params){0});
		assert_int_equal(result.longest_train, TRAIN);
		assert_in_range(result.densest_ms, TRAIN, TRAIN + highest_ceiling() / packet_kbps + 1);
		session_file_free(&session);
	}
}

static void frames_that_the_client_missed_are_counted(void **state)
{
	(void)state;
	load("random-3");
	play(&result, (struct replay_params){0});
	assert_int_equal(result.frames_lost, 0);
	session_file_free(&session);
	load("fall");
	play(&result, (struct replay_params){0});
	assert_in_range(result.frames_lost, 10, 200);
	assert_in_range(result.in_parts, 100, result.frames);
	session_file_free(&session);
}

static json_t *row_of(const struct replay_result *r)
{
	const struct replay_params p = {.session = &session};
	json_t *o = replay_row(r, &p);

	assert_non_null(o);
	return o;
}

static void twice_gives_the_same_row(void **state)
{
	json_t *a, *b, *differ;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(recorded); i++) {
		load(recorded[i]);
		play(&result, (struct replay_params){0});
		play(&other, (struct replay_params){0});
		a = row_of(&result);
		b = row_of(&other);
		differ = replay_row_differences(a, b);
		assert_true(json_equal(a, b));
		assert_int_equal(json_object_size(differ), 0);
		json_decref(differ);
		json_decref(a);
		json_decref(b);
		session_file_free(&session);
	}
}

/* Loops that differ in one thing, and a figure that shows it. */
static void another_loop_gives_another_row(void **state)
{
	static const struct {
		const char *session;
		struct replay_params loop;
		const char *figure;
	} loops[] = {
		{"random-3", {.pin_fec = true}, "parity_share"},
		{"random-3", {.fec_percent = 60}, "parity_share"},
		{"random-3", {.pacing_percent = 400}, "decisions_same"},
		{"bursts-rfi", {.pin_ceiling = true}, "digest"},
		{"bursts-rfi", {.pin_fec = true}, "packets"},
		{"fall", {.pin_rate = true}, "mbps"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(loops); i++) {
		json_t *a, *b, *differ;

		load(loops[i].session);
		play(&result, (struct replay_params){0});
		play(&other, loops[i].loop);
		assert_true(other.ticks_otherwise > 0);
		a = row_of(&result);
		b = row_of(&other);
		differ = replay_row_differences(a, b);
		if (!json_object_get(differ, loops[i].figure))
			fail_msg("case %zu: %s is the same", i, loops[i].figure);
		assert_non_null(json_object_get(differ, "digest"));
		json_decref(differ);
		json_decref(a);
		json_decref(b);
		session_file_free(&session);
	}
}

static void a_loop_that_hears_nothing_decides_otherwise(void **state)
{
	size_t n = 0;

	(void)state;
	load("bursts-rfi");
	for (size_t i = 0; i < session.n_events; i++)
		if (session.event[i].kind != RECORD_BLOCK)
			session.event[n++] = session.event[i];
	assert_true(n < session.n_events);
	session.n_events = n;
	play(&result, (struct replay_params){0});
	assert_true(result.ticks_otherwise > result.ticks / 2);
	assert_true(result.replayed_parity < result.recorded_parity / 2);
	session_file_free(&session);
}

/* --- on a path --- */

static void a_seed_is_a_row(void **state)
{
	const struct path_params down = path_of("bursts-rfi");

	(void)state;
	load("bursts-rfi");
	play(&result, (struct replay_params){.down = &down, .seed = 1});
	play(&other, (struct replay_params){.down = &down, .seed = 1});
	assert_int_equal(result.digest, other.digest);
	assert_int_equal(result.lost_packets, other.lost_packets);
	assert_int_equal(result.frames_lost, other.frames_lost);
	play(&other, (struct replay_params){.down = &down, .seed = 2});
	assert_true(result.digest != other.digest);
	session_file_free(&session);
}

static void a_clean_path_loses_nothing(void **state)
{
	const struct path_params down = {0};

	(void)state;
	load("random-3");
	play(&result, (struct replay_params){.down = &down});
	assert_int_equal(result.lost_packets + result.frames_lost + result.frames_not_shown, 0);
	assert_int_equal(result.sent, result.frames);
	assert_true(result.parity * 3 < result.data); /* as it begins, where then it was more */
	session_file_free(&session);
}

static void parity_that_follows_the_bursts_saves_frames(void **state)
{
	const struct path_params down = path_of("bursts-rfi");

	(void)state;
	load("bursts-rfi");
	play(&result, (struct replay_params){.down = &down, .seed = 1});
	play(&other, (struct replay_params){.down = &down, .seed = 1, .pin_fec = true});
	assert_true(result.lost_packets > 100);
	assert_true(result.frames_lost < other.frames_lost * 2 / 3);
	assert_true(result.frames_not_shown >= result.frames_lost);
	assert_true(result.bytes < other.bytes * 11 / 10); /* out of the picture, not on top of it */
	session_file_free(&session);
}

static void a_rate_that_follows_the_link_saves_packets(void **state)
{
	const struct path_params down = path_of("fall");

	(void)state;
	load("fall");
	play(&result, (struct replay_params){.down = &down, .seed = 1});
	play(&other,
	     (struct replay_params){.down = &down, .seed = 1, .pin_rate = true, .pin_fec = true, .pin_ceiling = true});
	assert_true(result.lost_packets > 100);
	assert_true(result.lost_packets * 4 < other.lost_packets);
	assert_true(result.frames_not_shown * 2 < other.frames_not_shown);
	session_file_free(&session);
}

static void a_way_back_delays_what_is_heard(void **state)
{
	const struct path_params down = path_of("bursts-rfi");

	(void)state;
	load("bursts-rfi");
	play(&result, (struct replay_params){.down = &down, .seed = 1});
	play(&other, (struct replay_params){.down = &down, .seed = 1, .up_ns = 200 * NS_PER_MS});
	assert_true(other.frames_not_shown > result.frames_not_shown * 2);
	session_file_free(&session);
}

/* --- the sender's rare ways --- */

static void a_frame_that_broke_off_is_dropped_and_recovered_from(void **state)
{
	(void)state;
	text(HEAD "tick 1 0 0 0 0 0 0 0 9388 7308 15000 20 20 20 0\n"
		  "unit 10000000 0 1 0 9000 0 11\n"
		  "unit 26000000 0 2 0 9000 18000 1\n"
		  "unit 29000000 0 2 0 0 0 6\n"
		  "unit 43000000 0 2 1 9000 0 3\n"
		  "unit 60000000 0 3 1 9000 0 3\n");
	play(&result, (struct replay_params){0});
	assert_int_equal(result.frames, 4);
	assert_int_equal(result.dropped, 1);
	assert_int_equal(result.sent, 3);
	session_file_free(&session);
}

static void frames_that_find_two_unsent_are_passed_over(void **state)
{
	(void)state;
	text(HEAD "tick 1 0 0 0 0 0 0 0 9388 7308 15000 20 20 20 0\n"
		  "unit 10000000 0 1 0 50000 0 11\n"
		  "unit 10000000 0 2 0 50000 0 3\n"
		  "unit 10000000 0 3 0 50000 0 3\n"
		  "unit 10000000 0 4 0 50000 0 3\n"
		  "unit 200000000 0 5 0 50000 0 3\n");
	play(&result, (struct replay_params){0});
	assert_int_equal(result.passed_over, 2);
	assert_int_equal(result.sent, 3);
	assert_false(session.complete);
	session_file_free(&session);
}

static void units_without_a_beginning_harm_nothing(void **state)
{
	(void)state;
	text(HEAD "unit 10 0 1 0 5000 0 2\n"
		  "unit 20 0 2 0 5000 0 0\n"
		  "unit 30000000 0 3 0 5000 0 11\n"
		  "unit 40000000 0 3 0 5000 0 2\n"
		  "missed 3\nend\n");
	play(&result, (struct replay_params){0});
	assert_int_equal(result.sent, 1);
	session_file_free(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_loop_decides_the_same),
		cmocka_unit_test(the_same_packets_leave),
		cmocka_unit_test(no_millisecond_is_denser_than_a_train_and_the_ceiling),
		cmocka_unit_test(frames_that_the_client_missed_are_counted),
		cmocka_unit_test(twice_gives_the_same_row),
		cmocka_unit_test(another_loop_gives_another_row),
		cmocka_unit_test(a_loop_that_hears_nothing_decides_otherwise),
		cmocka_unit_test(a_seed_is_a_row),
		cmocka_unit_test(a_clean_path_loses_nothing),
		cmocka_unit_test(parity_that_follows_the_bursts_saves_frames),
		cmocka_unit_test(a_rate_that_follows_the_link_saves_packets),
		cmocka_unit_test(a_way_back_delays_what_is_heard),
		cmocka_unit_test(a_frame_that_broke_off_is_dropped_and_recovered_from),
		cmocka_unit_test(frames_that_find_two_unsent_are_passed_over),
		cmocka_unit_test(units_without_a_beginning_harm_nothing),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Streams that are recorded: a file each, only where it is asked for, and never at the stream's cost. */
#include "sessions_rig.h"

#include "media/record.h"
#include "scratch.h"

static char found[8][64];

/* Names of the files in the folder. */
static unsigned files(void)
{
	DIR *d = opendir(scratch);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) && n < 8)
		if (e->d_name[0] != '.')
			snprintf(found[n++], sizeof(found[0]), "%.63s", e->d_name);
	closedir(d);
	return n;
}

static int setup_folder(void **state)
{
	scratch_make();
	assert_int_equal(setup(state), 0);
	snprintf(config.stream.record, sizeof(config.stream.record), "%s", scratch);
	return 0;
}

static int teardown_folder(void **state)
{
	int rc = teardown(state);

	scratch_remove();
	return rc;
}

static void each_stream_has_a_file_of_its_own(void **state)
{
	struct session *s = stream(1);
	struct http_call call;

	(void)state;
	assert_non_null(s->record);
	assert_ptr_equal(s->tuning.record, s->record);
	record_ack(s->record, 12, clock_ns());
	disconnect_control(s, 0);
	assert_null(s->record);
	assert_null(s->tuning.record);
	assert_null(s->record_timer);
	assert_int_equal(files(), 1);
	assert_non_null(strstr(get_file(found[0]), "moonrill-session 1\nvideo "));
	assert_non_null(strstr(get_file(found[0]), "\nack "));
	assert_non_null(strstr(get_file(found[0]), "\nend\n"));

	launch(&call, 1, true, 0);
	assert_int_equal(announce(s), 0);
	assert_non_null(s->record);
	disconnect_control(s, 0);
	assert_int_equal(files(), 2);
}

static void what_was_noted_is_written_while_the_stream_runs(void **state)
{
	struct session *s = stream(1);
	uint64_t end = clock_ns() + 20 * NS_PER_S;

	(void)state;
	record_ack(s->record, 12, clock_ns());
	assert_int_equal(files(), 1);
	while (!strstr(get_file(found[0]), "\nack ") && clock_ns() < end)
		loop_step(host.loop, 10);
	assert_non_null(strstr(get_file(found[0]), "\nack "));
}

static void a_stream_that_cannot_be_recorded_runs_all_the_same(void **state)
{
	struct session *s;

	(void)state;
	snprintf(config.stream.record, sizeof(config.stream.record), "%s/nothing-here", scratch);
	s = stream(1);
	assert_null(s->record);
	assert_null(s->record_timer);
	assert_int_equal(s->state, SESSION_STREAMING);
}

static void nobody_is_recorded_unasked(void **state)
{
	struct session *s;

	(void)state;
	config_defaults(&config);
	assert_string_equal(config.stream.record, "");
	snprintf(config.input.backend, sizeof(config.input.backend), "null");
	s = stream(1);
	assert_null(s->record);
	assert_null(s->tuning.record);
	assert_int_equal(files(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_stream_has_a_file_of_its_own, setup_folder, teardown_folder),
		cmocka_unit_test_setup_teardown(what_was_noted_is_written_while_the_stream_runs, setup_folder,
						teardown_folder),
		cmocka_unit_test_setup_teardown(a_stream_that_cannot_be_recorded_runs_all_the_same, setup_folder,
						teardown_folder),
		cmocka_unit_test_setup_teardown(nobody_is_recorded_unasked, setup_folder, teardown_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

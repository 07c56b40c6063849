// SPDX-License-Identifier: GPL-3.0-or-later
/* A recording that cannot go on: the file is good as far as it goes, the stream notices nothing. */
#include "../unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/au.h"
#include "session_file.h"

static char folder[40], path[64];
static const struct record_stream stream = {
	.video = {.codec = CODEC_H264,
		  .width = 1280,
		  .height = 720,
		  .fps_mhz = 60000,
		  .slices = 1,
		  .packet_size = 1392,
		  .fec_percent = 20,
		  .fec_min = 2,
		  .rfi = true,
		  .configured_kbps = 10000,
		  .encoder_kbps = 7308},
	.audio_kbps = 312,
	.floor_kbps = 1000,
	.pacing_percent = 150,
};
static struct session_file file;
static struct session_error why;
static struct rlimit before;

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/moonrill.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/session", folder);
	signal(SIGXFSZ, SIG_IGN);
	return getrlimit(RLIMIT_FSIZE, &before);
}

static int teardown(void **state)
{
	(void)state;
	setrlimit(RLIMIT_FSIZE, &before);
	unlink(path);
	return rmdir(folder);
}

static void limit(rlim_t bytes)
{
	const struct rlimit l = {bytes, before.rlim_max};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static long size(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (long)st.st_size;
}

static void note_units(struct record *r, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		record_unit(r, &(struct au){.first = true,
					    .last = true,
					    .frame_no = i,
					    .len = 1400,
					    .t = {.captured = 900 + i, .encoded = 1000 + i}});
}

static void a_disk_that_is_full_ends_it_at_the_last_whole_line(void **state)
{
	struct record *r;
	long good;

	(void)state;
	assert_int_equal(record_open(&r, path, &stream, 0), 0);
	note_units(r, 1, 20);
	record_drain(r);
	good = size();
	/* Room for one line and a half, then for all again: nothing follows a gap. */
	limit((rlim_t)good + 40);
	note_units(r, 21, 20);
	record_drain(r);
	assert_int_equal(size(), good);
	setrlimit(RLIMIT_FSIZE, &before);
	for (unsigned i = 0; i < 3; i++) {
		note_units(r, 41 + 3000 * i, 3000); /* more than there are slots */
		record_drain(r);
	}
	record_close(r);
	assert_int_equal(size(), good);
	assert_int_equal(session_file_load(&file, path, &why), 0);
	assert_int_equal(file.n_units, 20);
	assert_false(file.complete);
	session_file_free(&file);
}

/* A drain that is larger than the library's buffer fails in the middle. */
static void one_that_fills_up_within_a_drain_too(void **state)
{
	struct record *r;
	long good;

	(void)state;
	assert_int_equal(record_open(&r, path, &stream, 0), 0);
	record_drain(r);
	good = size();
	limit((rlim_t)good + 10000);
	note_units(r, 1, 2000);
	record_drain(r);
	assert_int_equal(size(), good);
	record_close(r);
	assert_int_equal(session_file_load(&file, path, &why), 0);
	assert_int_equal(file.n_units, 0);
	session_file_free(&file);
}

static void one_that_was_full_before_gets_nothing(void **state)
{
	struct record *r;

	(void)state;
	limit(10);
	assert_int_equal(record_open(&r, path, &stream, 0), 0);
	record_drain(r);
	note_units(r, 1, 3);
	record_drain(r);
	record_close(r);
	assert_int_equal(size(), 0);
	/* And when only the end does not fit. */
	setrlimit(RLIMIT_FSIZE, &before);
	unlink(path);
	assert_int_equal(record_open(&r, path, &stream, 0), 0);
	record_drain(r);
	limit((rlim_t)size() + 2);
	record_close(r);
	assert_int_equal(session_file_load(&file, path, &why), 0);
	assert_false(file.complete);
	session_file_free(&file);
}

static void one_that_becomes_too_long_ends(void **state)
{
	struct record *r;
	long end;

	(void)state;
	assert_int_equal(record_open(&r, path, &stream, 0), 0);
	for (unsigned n = 0; size() <= (long)RECORD_BYTES_MAX; n++) {
		note_units(r, 100000000 + n * 2000, 2000);
		record_drain(r);
	}
	end = size();
	for (unsigned i = 0; i < 3; i++) {
		note_units(r, 200000000, 100);
		record_drain(r);
	}
	record_close(r);
	assert_int_equal(size(), end);
	assert_in_range(end, RECORD_BYTES_MAX, RECORD_BYTES_MAX + (1 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_disk_that_is_full_ends_it_at_the_last_whole_line, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_fills_up_within_a_drain_too, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_was_full_before_gets_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_becomes_too_long_ends, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

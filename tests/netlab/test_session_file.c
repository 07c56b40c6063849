// SPDX-License-Identifier: GPL-3.0-or-later
/* A recorded session: what the daemon's recorder writes is read back, and what it would not write is refused. */
#include "session_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "media/au.h"

#define HEAD                                                                                                           \
	"moonrill-session 1\n"                                                                                         \
	"video h264 1280 720 60000 1 1392 20 2 0 1\n"                                                                  \
	"rate 10000 7308 312 1000 150\n"                                                                               \
	"pinned 0 0 0 0\n"
#define UNIT "unit 100 50 1 0 1400 0 11\n"
#define TICK "tick 200 1 2 3 5 7000 5 1000 9388 7093 15000 20 25 30 1\n"

static struct session_file file;
static struct session_error why;

static int parse(const char *text)
{
	return session_file_parse(&file, text, strlen(text), &why);
}

/* --- written by the recorder --- */

static const char folder_name[] = "/tmp/moonrill.XXXXXX";

static const struct record_stream stream = {
	.video = {.codec = CODEC_AV1,
		  .width = 1920,
		  .height = 1080,
		  .fps_mhz = 59940,
		  .slices = 4,
		  .rfi = true,
		  .configured_kbps = 20000,
		  .encoder_kbps = 15000,
		  .packet_size = 1024,
		  .fec_percent = 20,
		  .fec_min = 2,
		  .encrypt = true},
	.audio_kbps = 200,
	.floor_kbps = 1000,
	.pacing_percent = 150,
	.pin_rate = true,
	.fixed_blocks = true,
};

static void note_everything(struct record *r, uint64_t start)
{
	struct au a = {.first = true,
		       .ltr = true,
		       .after_rfi = true,
		       .len = 5000,
		       .expected = 9000,
		       .frame_no = 7,
		       .epoch = 3,
		       .t = {.captured = start + 40, .encoded = start + 100}};
	struct record_tick t = {.blocks = 1,
				.data = 20,
				.parity = 4,
				.packets = 24,
				.bytes = 33000,
				.dropped = 1,
				.rtt_us = 12000,
				.wire_kbps = 9388,
				.encoder_kbps = 7000,
				.ceiling_kbps = 15000,
				.fec_percent = {20, 25, 30},
				.whole = true,
				.why_rate = "start",
				.why_ceiling = "does slower help?",
				.why_fec = "start"};

	record_unit(r, &a);
	a = (struct au){.last = true, .broken = true, .frame_no = 7, .epoch = 3, .t = {.encoded = start + 200}};
	record_unit(r, &a);
	record_block(r, &(struct record_block){7, 20, 4, 19, 4, 1, 1, 2}, start + 300);
	record_lost(r, 5, 6, start + 310);
	record_idr(r, start + 320);
	record_tick(r, &t, start + 305); /* of the turn in which the two before it came */
	record_ack(r, 7, start + 400);
	record_silence(r, true, start + 500);
	t.why_rate = "the path carries only this";
	record_tick(r, &t, start + 600);
}

static void check_everything(const struct session_file *f)
{
	const struct record_event *e = f->event;

	assert_memory_equal(&f->stream, &stream, sizeof(stream));
	assert_true(f->complete);
	assert_int_equal(f->missed, 0);
	assert_int_equal(f->n_units, 2);
	assert_int_equal(f->unit[0].at_ns, 100);
	assert_int_equal(f->unit[0].unit.age_ns, 60);
	assert_int_equal(f->unit[0].unit.len, 5000);
	assert_int_equal(f->unit[0].unit.expected, 9000);
	assert_int_equal(f->unit[0].unit.flags, RECORD_FIRST | RECORD_MARKED | RECORD_RECOVERY);
	assert_int_equal(f->unit[1].unit.flags, RECORD_LAST | RECORD_BROKEN);
	assert_int_equal(f->n_events, 7);
	assert_int_equal(e[0].kind, RECORD_BLOCK);
	assert_int_equal(e[0].block.received_data, 19);
	assert_int_equal(e[0].block.blocks, 2);
	assert_int_equal(e[1].lost.first, 5);
	assert_int_equal(e[1].lost.last, 6);
	assert_int_equal(e[1].at_ns, 305);
	assert_int_equal(e[2].kind, RECORD_IDR);
	assert_int_equal(e[3].tick.packets, 24);
	assert_int_equal(e[3].tick.bytes, 33000);
	assert_int_equal(e[3].tick.fec_percent[FRAME_VITAL], 30);
	assert_string_equal(e[3].tick.why_rate, "start");
	assert_string_equal(e[3].tick.why_ceiling, "does slower help?");
	assert_int_equal(e[4].acked, 7);
	assert_true(e[5].silent);
	assert_string_equal(e[6].tick.why_rate, "the path carries only this");
	assert_ptr_equal(e[6].tick.why_fec, e[3].tick.why_fec);
}

static void what_the_recorder_writes_is_read_back(void **state)
{
	const uint64_t start = 1000000;
	char folder[sizeof(folder_name)], path[64];
	struct record *r;

	(void)state;
	memcpy(folder, folder_name, sizeof(folder));
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/session", folder);
	assert_int_equal(record_open(&r, path, &stream, start), 0);
	note_everything(r, start);
	record_close(r);
	assert_int_equal(record_open(&r, path, &stream, start), -EEXIST);
	assert_int_equal(session_file_load(&file, path, &why), 0);
	check_everything(&file);
	session_file_free(&file);
	unlink(path);
	rmdir(folder);
}

static void what_finds_no_room_is_counted(void **state)
{
	char folder[sizeof(folder_name)], path[64];
	struct record *r;

	(void)state;
	memcpy(folder, folder_name, sizeof(folder));
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/session", folder);
	assert_int_equal(record_open(&r, path, &stream, 0), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 600; i++)
			record_ack(r, i, 1000 * round + i);
		record_drain(r);
	}
	record_close(r);
	assert_int_equal(session_file_load(&file, path, &why), 0);
	assert_true(file.complete);
	assert_int_equal(file.n_events + file.missed, 1200);
	assert_int_equal(file.missed, 2 * (600 - 512));
	session_file_free(&file);
	unlink(path);
	rmdir(folder);
}

static void nothing_is_recorded_without_a_recorder(void **state)
{
	(void)state;
	record_unit(NULL, &(struct au){0});
	record_block(NULL, &(struct record_block){0}, 0);
	record_tick(NULL, &(struct record_tick){0}, 0);
	record_lost(NULL, 1, 2, 0);
	record_idr(NULL, 0);
	record_ack(NULL, 1, 0);
	record_silence(NULL, true, 0);
	record_drain(NULL);
	record_close(NULL);
}

/* --- read --- */

static void a_file_that_was_cut_off_is_read_as_far_as_it_goes(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD UNIT TICK "unit 300 5"), 0);
	assert_int_equal(file.n_units, 1);
	assert_int_equal(file.n_events, 1);
	assert_false(file.complete);
	session_file_free(&file);
}

static void what_a_recorder_never_writes_is_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} bad[] = {
		{"", 0},
		{"moonrill-session 1\n", 1},
		{"moonrill-session 2\n", 1},
		{"moonrill-session 1 \n", 1},
		{"moonrill-session 1\nvideo mpeg2 1280 720 60000 1 1392 20 2 0 1\n", 2},
		{"moonrill-session 1\nvideo h264 1280 720 60000 1 1391 20 2 0 1\n", 2},
		{"moonrill-session 1\nvideo h264 1280 720 0 1 1392 20 2 0 1\n", 2},
		{"moonrill-session 1\nvideo h264 1280 720 60000 1 1392 256 2 0 1\n", 2},
		{"moonrill-session 1\nrate 10000 7308 312 1000 150\n", 2},
		{HEAD "units 100 50 1 0 1400 0 11\n", 5},
		{HEAD "unit 100 50 1 0 1400 0 128\n", 5},
		{HEAD "unit 100 50 1 0 1400 0\n", 5},
		{HEAD "unit 100 50 1 0 1400 0 11 0\n", 5},
		{HEAD "unit 100 50 1 0 1400 0 11 \n", 5},
		{HEAD "unit  100 50 1 0 1400 0 11\n", 5},
		{HEAD "unit 0100 50 1 0 1400 0 11\n", 5},
		{HEAD "unit -1 50 1 0 1400 0 11\n", 5},
		{HEAD "unit 99999999999999999999 50 1 0 1400 0 11\n", 5},
		{HEAD "unit 100 50 0 0 1400 0 11\n", 5},
		{HEAD "unit 100 50 1 0 0 0 11\n", 5},
		{HEAD "unit 100 50 1 0 99999999 0 11\n", 5},
		{HEAD UNIT "unit 99 50 2 0 1400 0 3\n", 6},
		{HEAD TICK "tick 200 1 2 3 5 7000 5 1000 9388 7093 15000 20 25 30 1\n", 6},
		{HEAD TICK "ack 199 1\n", 6},
		{HEAD "tick 200 1 2 3 5 7000 5 1000 9388 0 15000 20 25 30 1\n", 5},
		{HEAD "lost 200 6 5\n", 5},
		{HEAD "silent 200 2\n", 5},
		{HEAD "block 100 3 0 1 7 2 6 1\n", 5},
		{HEAD "why 100 rate\n", 5},
		{HEAD "why 100 rate \n", 5},
		{HEAD "why 100 weather fine\n", 5},
		{HEAD "why 100 rate a\tb\n", 5},
		{HEAD "missed -1\n", 5},
		{HEAD "end\nend\n", 6},
		{HEAD "end 1\n", 5},
		{HEAD "\n", 5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (parse(bad[i].text) != -EINVAL)
			fail_msg("read: %s", bad[i].text);
		if (why.line != bad[i].line)
			fail_msg("line %u instead of %u: %s", why.line, bad[i].line, bad[i].text);
		assert_non_null(why.text);
		assert_null(file.unit);
		assert_null(file.event);
	}
}

static void reasons_are_few(void **state)
{
	char text[8192] = HEAD;
	size_t n = strlen(text);

	(void)state;
	for (unsigned i = 0; i <= SESSION_WHYS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "why 1 rate reason %u\n", i);
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(why.line, 4 + SESSION_WHYS_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_recorder_writes_is_read_back),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(nothing_is_recorded_without_a_recorder),
		cmocka_unit_test(a_file_that_was_cut_off_is_read_as_far_as_it_goes),
		cmocka_unit_test(what_a_recorder_never_writes_is_refused),
		cmocka_unit_test(reasons_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

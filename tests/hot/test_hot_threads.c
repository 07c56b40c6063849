// SPDX-License-Identifier: GPL-3.0-or-later
/* A whole stream on its real threads: after warm-up, capture, encode, pack, send and audio allocate nothing, take no
 * lock and print nothing of our own, a stream that is recorded like any other; and a stream can be built and torn down
 * many times over. */
#include "../unit/cmocka_all.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "hooks.h"
#include "media/record.h"
#include "pipeline.h"

#define WARM_UP 60u
#define FRAMES  300u

struct rig {
	struct loop *loop;
	struct screens *screens;
	struct feedback feedback;
	struct tune tune;
	struct stream_stats *stats;
	int sink, out; /* what the packets go to, and the connected socket they leave by */
	int failed;
	char folder[64], file[80];
	struct record *record;
};

static void on_changed(void *ctx)
{
	(void)ctx;
}

static void on_failed(void *ctx, const char *stage, int err)
{
	struct rig *r = ctx;

	(void)stage;
	r->failed = err;
}

static const struct screens_events screens_events = {.changed = on_changed};
static const struct pipeline_events pipeline_events = {.failed = on_failed};

static void loopback(struct rig *r)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	r->sink = socket(AF_INET, SOCK_DGRAM, 0);
	r->out = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(r->sink, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(r->sink, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(r->out, (struct sockaddr *)&at, len), 0);
}

static void rig_init(struct rig *r)
{
	const struct screens_params sp = {.source = SCREENS_PATTERN, .node = "", .pattern = "motion", .token_path = ""};

	*r = (struct rig){.loop = loop_create()};
	r->screens = screens_create(r->loop, &sp, &screens_events, r);
	r->stats = aligned_alloc(64, (sizeof(*r->stats) + 63) / 64 * 64);
	assert_non_null(r->stats);
	memset(r->stats, 0, sizeof(*r->stats));
	feedback_init(&r->feedback);
	tune_set_all(&r->tune, 15000, 20);
	loopback(r);
	snprintf(r->folder, sizeof(r->folder), "/tmp/moonrill.XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->file, sizeof(r->file), "%s/session", r->folder);
	assert_int_equal(record_open(&r->record, r->file, &(struct record_stream){.pacing_percent = 150}, clock_ns()),
			 0);
}

static void rig_finish(struct rig *r)
{
	screens_destroy(r->screens);
	record_close(r->record);
	unlink(r->file);
	rmdir(r->folder);
	close(r->sink);
	close(r->out);
	free(r->stats);
	loop_destroy(r->loop);
}

static struct pipeline *start(struct rig *r, bool encrypt)
{
	const struct pipeline_params pp = {
		.video = {.codec = CODEC_H264,
			  .width = 320,
			  .height = 180,
			  .fps_mhz = 120000,
			  .depth = 8,
			  .space = COLOUR_BT709,
			  .slices = 1,
			  .rfi = true,
			  .configured_kbps = 4000,
			  .encoder_kbps = 3000,
			  .packet_size = 1360,
			  .fec_percent = 20,
			  .fec_min = 2,
			  .encrypt = encrypt},
		.audio = {.channels = 2, .packet_ms = 5, .encrypt = encrypt},
		.backend = "auto",
		.preset = "superfast",
		.min_slices = 2,
		.min_fps_mhz = 10000,
		.audio_source = AUDIO_TONE,
		.audio_node = "",
	};
	const struct pipeline_shared shared = {
		.feedback = &r->feedback, .stats = r->stats, .tune = &r->tune, .record = r->record};
	struct pipeline *pl;

	assert_int_equal(pipeline_create(&pl, r->loop, &pp, &shared, &pipeline_events, r), 0);
	assert_int_equal(pipeline_video(pl, r->screens, r->out), 0);
	pipeline_audio(pl, r->out);
	return pl;
}

static void wait_frames(struct rig *r, uint64_t n)
{
	/* A stream that stands still for so long is broken on any machine. */
	uint64_t deadline = clock_ns() + 120 * NS_PER_S;

	while (STAT_GET(r->stats->frames_sent) < n && !r->failed && clock_ns() < deadline) {
		loop_step(r->loop, 5);
		record_drain(r->record);
	}
	assert_int_equal(r->failed, 0);
	assert_true(STAT_GET(r->stats->frames_sent) >= n);
}

static void counting_counts(void **state)
{
	unsigned before[HOOKS];
	struct buf b;

	(void)state;
	for (int h = 0; h < HOOKS; h++)
		before[h] = hooks_seen((enum hook)h);
	hooks_join("encode");
	hooks_count(true);
	buf_init(&b, 100);
	buf_str(&b, "one allocation of our own");
	buf_finish(&b);
	hooks_count(false);
	hooks_join("main");
	assert_true(hooks_seen(HOOK_MALLOC) > before[HOOK_MALLOC]);
	assert_true(hooks_seen(HOOK_FREE) > before[HOOK_FREE]);
}

static void hot_threads_do_nothing_forbidden(bool encrypt)
{
	unsigned before[HOOKS];
	struct pipeline *pl;
	struct rig r;

	rig_init(&r);
	pl = start(&r, encrypt);
	wait_frames(&r, WARM_UP);
	for (int h = 0; h < HOOKS; h++)
		before[h] = hooks_seen((enum hook)h);
	hooks_count(true);
	wait_frames(&r, WARM_UP + FRAMES / 2);
	/* The rare paths count too. */
	feedback_post_idr(&r.feedback);
	wait_frames(&r, WARM_UP + FRAMES * 3 / 4);
	feedback_post_rfi(&r.feedback, (uint32_t)STAT_GET(r.stats->frames_encoded),
			  (uint32_t)STAT_GET(r.stats->frames_encoded));
	wait_frames(&r, WARM_UP + FRAMES);
	hooks_count(false);
	for (int h = 0; h < HOOKS; h++) {
		if (hooks_seen((enum hook)h) != before[h])
			print_message("# %u x %s\n", hooks_seen((enum hook)h) - before[h], hook_name[h]);
		assert_int_equal(hooks_seen((enum hook)h), before[h]);
	}
	assert_true(STAT_GET(r.stats->audio_packets) > 0);
	pipeline_destroy(pl);
	rig_finish(&r);
}

static void plain_stream(void **state)
{
	(void)state;
	hot_threads_do_nothing_forbidden(false);
}

static void encrypted_stream(void **state)
{
	(void)state;
	hot_threads_do_nothing_forbidden(true);
}

static void streams_come_and_go(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	for (int i = 0; i < 40; i++) {
		uint64_t sent = STAT_GET(r.stats->frames_sent);
		struct pipeline *pl = start(&r, i & 1);

		if (i % 4)
			wait_frames(&r, sent + (unsigned)i % 3);
		pipeline_destroy(pl); /* at any moment of its start */
	}
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting_counts),
		cmocka_unit_test(plain_stream),
		cmocka_unit_test(encrypted_stream),
		cmocka_unit_test(streams_come_and_go),
	};

	log_set_level(LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Every capture through the conversion into every encoder, ten thousand encoded frames long, with all that happens to a
 * stream in between: losses, acknowledgements, key frames, new rates, other sizes. An encoder does not wait for a
 * capture: what that has given last is encoded again, as of a still screen, but at least eighty frames are new.
 * Afterwards no buffer, unit, file or memory is missing. A capture that has nothing to capture here is skipped
 * (CAPTURE_NODE, as in test_captures.c).
 */
#include "encoder_rig.h"

#include <malloc.h>

#include "base/clock.h"
#include "base/latest.h"
#include "capture/capture.h"
#include "encode/conversion.h"

#define ROUNDS     4u /* each with a size of its own */
#define FRAMES     2500u
#define TAKEN_MIN  20u    /* pictures of the capture in a round */
#define LEAK_BYTES 65536u /* in two rounds: 13 bytes a frame */
/* What libx265 loses each time that it is opened (tests/live/lsan.supp), with each new rate, that is. */
#define X265_LEAK_BYTES (11u * 1024)

static const uint32_t size[ROUNDS][2] = {{64, 64}, {96, 64}, {64, 64}, {96, 64}};

struct feed {
	struct capture *capture;
	struct latest slot;
	atomic_int lost;
};

static void on_frame(void *ctx, struct frame *f)
{
	frame_unref(latest_put(&((struct feed *)ctx)->slot, f), -1);
}

static void on_lost(void *ctx, int err)
{
	atomic_store(&((struct feed *)ctx)->lost, err);
}

static const struct capture_events feed_events = {.frame = on_frame, .lost = on_lost};

static void release_unit(void *ctx, struct au *a)
{
	(*(unsigned *)ctx)++;
	au_release(a);
}

static const struct encoder_events unit_events = {.au = release_unit};

/* What can happen to frame n of a stream. */
static struct enc_request what_happens(struct encoder *e, unsigned n, uint32_t kbps)
{
	struct enc_request q = {.frame_no = e->newest + 1, .pts_ns = n * 16666667ull, .idr = n % 500 == 0};

	q.ltr = n % 4 == 0;
	if (n % 4 == 2 && e->newest > 2)
		encoder_acked(e, e->newest - 1);
	if (n % 37 == 36 && (e->caps.flags & ENC_RFI)) {
		int rc = encoder_invalidate_refs(e, e->newest, e->newest);

		assert_true(rc == 0 || rc == -ENOENT);
		q.after_rfi = rc == 0;
		q.idr = q.idr || rc < 0;
	}
	if (n % 250 == 249 && (e->caps.flags & ENC_RATE))
		assert_int_equal(encoder_set_bitrate(e, n % 500 == 249 ? kbps / 2 : kbps), 0);
	return q;
}

static void one_round(const struct capture_ops *capture, const struct encoder_ops *ops, unsigned round)
{
	struct capture_params from = {.width = size[round][0],
				      .height = size[round][1],
				      .fps_mhz = 500000,
				      .pattern = "motion",
				      .node = getenv("CAPTURE_NODE"),
				      .pipewire_fd = -1};
	struct enc_params p = defaults_for(ops);
	struct conversion conversion;
	struct feed feed = {0};
	struct picture pic;
	struct encoder *e;
	unsigned units = 0, taken = 0;
	uint64_t deadline = clock_ns() + 20 * NS_PER_S;

	p.video.width = (uint16_t)size[round][0];
	p.video.height = (uint16_t)size[round][1];
	p.kbps = 500;
	assert_int_equal(picture_init_for(&pic, &p.video), 0);
	conversion_init(&conversion, CONVERT_CPU, &pic);
	assert_int_equal(encoder_open(&e, ops, &p, &unit_events, &units), 0);
	assert_int_equal(capture_open(&feed.capture, capture, &from, &feed_events, &feed), 0);
	assert_int_equal(capture->start(feed.capture), 0);
	/* A picture that shows nothing new is encoded as well, as the worker does. */
	for (unsigned n = 0; n < FRAMES || taken < TAKEN_MIN;) {
		struct frame *f = latest_take(&feed.slot);
		struct enc_request q;

		assert_int_equal(atomic_load(&feed.lost), 0);
		if (f) {
			assert_int_equal(conversion_run(&conversion, f, &pic), 0);
			frame_unref(f, -1);
			taken++;
		}
		if (n >= FRAMES) {
			assert_true(clock_ns() < deadline);
			continue;
		}
		q = what_happens(e, n, p.kbps);
		assert_int_equal(encoder_submit(e, &pic, &q), 0);
		n++;
	}
	assert_int_equal(units, FRAMES);
	assert_int_equal(encoder_units_out(e), 0);
	capture->stop(feed.capture);
	frame_unref(latest_take(&feed.slot), -1);
	for (int i = 0; i < 2000 && capture->held(feed.capture); i++)
		clock_sleep_until(clock_ns() + NS_PER_MS);
	assert_int_equal(capture->held(feed.capture), 0);
	capture_close(feed.capture);
	encoder_close(e);
	conversion_finish(&conversion);
	picture_finish(&pic);
	print_message("# %s to %s: %u frames, %u of them new\n", capture->name, ops->name, FRAMES, taken);
}

/* Of the heap, large blocks too. Under a sanitizer this is zero: it has a judge of its own. */
static size_t bytes_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void endures(const struct capture_ops *capture, const struct encoder_ops *ops)
{
	unsigned files = 0;
	size_t bytes = 0, allowed = LEAK_BYTES;

	if (strcmp(ops->name, "x265") == 0)
		allowed += ROUNDS / 2 * (1 + FRAMES / 250) * X265_LEAK_BYTES;
	/* Libraries keep what they load; the second half costs nothing any more. */
	for (unsigned round = 0; round < ROUNDS; round++) {
		one_round(capture, ops, round);
		if (round == ROUNDS / 2 - 1) {
			files = rig_open_files();
			bytes = bytes_in_use();
		}
	}
	assert_int_equal(rig_open_files(), files);
	assert_true(bytes_in_use() < bytes + allowed);
}

static bool captures_here(const struct capture_ops *ops)
{
	const char *node = getenv("CAPTURE_NODE");
	struct capture_params p = {.width = 64,
				   .height = 64,
				   .fps_mhz = 60000,
				   .pattern = "motion",
				   .node = node ? node : "",
				   .pipewire_fd = -1};

	return ops->probe(&p) == 0 && (node || strcmp(ops->name, "pattern") == 0);
}

static void ten_thousand_frames_leave_nothing_behind(void **state)
{
	const struct encoder_ops *ops;
	unsigned pairs = 0;

	(void)state;
	for (const struct capture_ops *const *c = captures; *c; c++)
		for (unsigned i = 0; captures_here(*c) && (ops = encoder_at(i)); i++)
			if (rig_wants(ops)) {
				endures(*c, ops);
				pairs++;
			}
	assert_true(pairs > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_frames_leave_nothing_behind),
	};

	rig_environment();
	return rig_verdict(cmocka_run_group_tests(tests, NULL, NULL));
}

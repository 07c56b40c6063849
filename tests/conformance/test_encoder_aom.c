// SPDX-License-Identifier: GPL-3.0-or-later
/* What libaom alone must do beyond the rules for every encoder: its bitstream's small print, references under any
 * pattern of loss, its rate. */
#include "capture/paint.h"
#include "capture/pattern_code.h"
#include "encode/convert.h"
#include "encoder_rig.h"

#define SMALL_W 128
#define SMALL_H 64

static const struct encoder_ops *aom(void)
{
	const struct encoder_ops *ops = encoder_find("aom", CODEC_AV1, NULL);

	if (!ops)
		skip();
	return ops;
}

/* Reads the units of a rig from first to last. */
static void read_unit(struct obu_unit *u, const struct rig *r, unsigned i)
{
	obu_unit_parse(u, r->stream + r->unit[i].at, r->unit[i].len);
	assert_int_equal(u->error, 0);
}

static void m23_each_frame_is_one_temporal_unit_and_keys_carry_the_sequence_header(void **state)
{
	const struct encoder_ops *ops = aom();

	(void)state;
	for (uint8_t slices = 1; slices <= 8; slices++) {
		struct enc_params p = defaults_for(ops);
		struct obu_unit u = {0};
		struct rig *r;

		p.slices = slices;
		p.video.width = 640;
		p.video.height = 360;
		r = rig_open(ops, &p);
		/* As many as asked for, and no more than a power of two asks for; small pictures hold fewer. */
		assert_in_range(r->e->params.slices, slices < 4 ? slices : 4, slices <= 2 ? slices : 8);
		for (unsigned i = 0; i < 8; i++) {
			moving_draw(&r->pic, i);
			assert_int_equal(submit(r, i == 0 || i == 5, false), 0);
			read_unit(&u, r, i);
			assert_true(u.delimiter_first);
			assert_int_equal(u.frames, 1);
			assert_int_equal(u.shown, 1);
			assert_int_equal(u.frame.type, i == 0 || i == 5 ? OBU_KEY : OBU_INTER);
			assert_int_equal(u.sequences, i == 0 || i == 5);
			assert_int_equal(r->unit[i].key, i == 0 || i == 5);
			assert_int_equal(u.frame.tiles, r->e->params.slices);
		}
		assert_int_equal(u.sequence.width, 640);
		assert_int_equal(u.sequence.height, 360);
		rig_close(r);
	}
}

static void aom_describes_size_colour_and_range(void **state)
{
	static const struct {
		enum colour_space space;
		uint8_t primaries, transfer, matrix;
	} rows[] = {{COLOUR_BT601, 6, 6, 6}, {COLOUR_BT709, 1, 1, 1}, {COLOUR_BT2020, 9, 14, 9}};
	static const uint16_t sizes[][2] = {{64, 64}, {1366, 768}, {480, 854}};
	const struct encoder_ops *ops = aom();

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct enc_params p = defaults_for(ops);
		struct obu_unit u = {0};
		struct rig *r;

		p.video.space = rows[i / 2].space;
		p.video.full_range = i & 1;
		p.video.width = sizes[i / 2][0];
		p.video.height = sizes[i / 2][1];
		r = rig_open(ops, &p);
		assert_int_equal(submit(r, true, false), 0);
		read_unit(&u, r, 0);
		assert_int_equal(u.sequence.width, p.video.width);
		assert_int_equal(u.sequence.height, p.video.height);
		assert_int_equal(u.sequence.profile, 0);
		assert_int_equal(u.sequence.depth, 8);
		assert_true(u.sequence.subsampled);
		assert_int_equal(u.sequence.full_range, i & 1);
		assert_int_equal(u.sequence.primaries, rows[i / 2].primaries);
		assert_int_equal(u.sequence.transfer, rows[i / 2].transfer);
		assert_int_equal(u.sequence.matrix, rows[i / 2].matrix);
		rig_close(r);
	}
}

static void aom_headers_depend_on_no_slot_but_the_one_referred_to(void **state)
{
	const struct encoder_ops *ops = aom();
	struct enc_params p = defaults_for(ops);
	struct rig *r = rig_open(ops, &p);
	struct obu_unit u = {0};
	uint32_t slot[8] = {0};

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		bool loss = i == 20 || i == 33 || i == 150;
		unsigned names = 0;

		if (loss)
			assert_int_equal(encoder_invalidate_refs(r->e, i - 2, i - 2), 0);
		moving_draw(&r->pic, i);
		assert_int_equal(submit(r, i == 0, loss), 0);
		read_unit(&u, r, i);
		assert_false(u.sequence.order_hint);
		for (unsigned k = 0; k < 8 && i == 0; k++)
			slot[k] = 1;
		if (i == 0)
			continue;
		assert_false(u.frame.error_resilient);
		for (unsigned k = 0; k < 7; k++)
			names |= 1u << u.frame.ref_idx[k];
		/* The entropy coder starts from the frame referred to as well, or from nothing. */
		assert_true(u.frame.primary == 7 || u.frame.primary == 0);
		if (loss)
			assert_true(slot[u.frame.ref_idx[0]] < i - 2);
		else
			assert_int_equal(slot[u.frame.ref_idx[0]], i);
		/* One slot is the library's own: it is replaced now and then, and never named. */
		assert_int_equal(names, 0xfe);
		assert_true(loss ? u.frame.refresh & 0xfe : __builtin_popcount(u.frame.refresh & 0xfe) == 1);
		for (unsigned k = 0; k < 8; k++)
			if (u.frame.refresh >> k & 1)
				slot[k] = i + 1;
		for (unsigned k = 1; k < 8 && loss; k++)
			assert_true(slot[k] < i - 2 || slot[k] == i + 1);
	}
	rig_close(r);
}

/* A client as 2-media 5.5 has it, and a network that loses what seed says; the host hears of it later. */
struct client {
	uint32_t start;            /* after the last frame that was decoded */
	bool waiting;              /* for a key frame or one after an invalidation */
	uint32_t told;             /* frame by which the host will have heard; 0: nothing to tell */
	uint8_t shown[FRAMES_MAX]; /* by frame - 1 */
	unsigned recoveries, keys;
};

static void receive(struct client *c, const struct unit *u, bool lost, unsigned delay)
{
	bool ends = u->key || u->after_rfi;

	if (lost || (c->waiting && !ends)) {
		c->waiting = true;
		if (!c->told)
			c->told = u->frame_no + delay;
		return;
	}
	c->recoveries += c->waiting && u->after_rfi;
	c->keys += u->key;
	c->waiting = false;
	c->told = 0;
	c->start = u->frame_no + 1;
	c->shown[u->frame_no - 1] = 1;
}

static void any_pattern(const struct encoder_ops *ops, unsigned seed, unsigned w, unsigned h, uint8_t slices,
			unsigned total, unsigned min_recoveries)
{
	struct client *c = calloc(1, sizeof(*c));
	struct enc_params p = defaults_for(ops);
	unsigned burst = 0, shown = 0;
	struct decoded full, lossy;
	size_t len = 0;
	uint8_t *cut;
	struct rig *r;

	assert_non_null(c);
	srandom(seed);
	p.video.width = (uint16_t)w;
	p.video.height = (uint16_t)h;
	p.slices = slices;
	p.kbps = 600;
	r = rig_open(ops, &p);
	for (unsigned i = 0; i < total; i++) {
		bool idr = i == 0, after_rfi = false;

		if (c->told && i >= c->told) {
			after_rfi = encoder_invalidate_refs(r->e, c->start, i) == 0;
			idr = !after_rfi;
			c->told = 0;
		}
		if (random() % 200 == 0) {
			idr = true;
			after_rfi = false;
		}
		if (random() % 50 == 0)
			assert_int_equal(encoder_set_bitrate(r->e, 300 + (uint32_t)random() % 900), 0);
		moving_draw(&r->pic, i);
		assert_int_equal(submit(r, idr, after_rfi), 0);
		if (!burst && i && random() % 12 == 0)
			burst = 1 + (unsigned)random() % 4;
		receive(c, &r->unit[i], burst && i, (unsigned)random() % 9);
		burst -= burst > 0;
	}
	cut = malloc(r->len);
	assert_non_null(cut);
	for (unsigned i = 0; i < total; i++)
		if (c->shown[i]) {
			memcpy(cut + len, r->stream + r->unit[i].at, r->unit[i].len);
			len += r->unit[i].len;
		}
	assert_true(decode(&full, CODEC_AV1, r->stream, r->len, w, h));
	assert_true(decode(&lossy, CODEC_AV1, cut, len, w, h));
	assert_int_equal(full.count, total);
	for (unsigned i = 0; i < total; i++) {
		if (!c->shown[i])
			continue;
		assert_true(shown < lossy.count);
		assert_memory_equal(full.frames + i * full.frame_size, lossy.frames + shown * full.frame_size,
				    full.frame_size);
		shown++;
	}
	assert_int_equal(shown, lossy.count);
	print_message("# seed %u: %u frames, %u shown, %u recovered without a key frame, %u key frames\n", seed, total,
		      shown, c->recoveries, c->keys);
	assert_true(c->recoveries >= min_recoveries);
	decoded_finish(&full);
	decoded_finish(&lossy);
	free(cut);
	free(c);
	rig_close(r);
}

static void m47_after_any_pattern_of_loss_every_shown_picture_is_bit_exact(void **state)
{
	const struct encoder_ops *ops = aom();

	(void)state;
	if (!decode_available())
		skip();
	for (unsigned seed = 1; seed <= 4; seed++)
		any_pattern(ops, seed, SMALL_W, SMALL_H, 1, 1200, 50);
	any_pattern(ops, 5, 512, 256, 4, 200, 8);
}

static void aom_recovers_from_a_loss_heard_of_late(void **state)
{
	const struct encoder_ops *ops = aom();

	(void)state;
	/* Far beyond eight frames: one of the older slots is from before. */
	for (unsigned delay = 8; delay <= 20; delay += 4) {
		struct enc_params p = defaults_for(ops);
		struct rig *r = rig_open(ops, &p);

		encode_frames(r, 100);
		assert_int_equal(encoder_invalidate_refs(r->e, 101 - delay, 100), 0);
		moving_draw(&r->pic, 100);
		assert_int_equal(submit(r, false, true), 0);
		assert_true(r->unit[100].after_rfi && !r->unit[100].key);
		rig_close(r);
	}
}

static void aom_keeps_an_acknowledged_frame(void **state)
{
	const struct encoder_ops *ops = aom();
	struct enc_params p = defaults_for(ops);
	struct rig *r = rig_open(ops, &p);
	struct enc_request q = {.frame_no = 21, .pts_ns = 21000, .ltr = true};
	struct obu_unit u = {0};
	unsigned slot = 0;

	(void)state;
	encode_frames(r, 20);
	assert_int_equal(encoder_submit(r->e, &r->pic, &q), 0);
	encoder_acked(r->e, 99); /* not yet */
	encoder_acked(r->e, 20); /* not marked */
	encoder_acked(r->e, 21);
	encode_frames(r, 150);
	/* Everything since is lost: that one is still there. */
	assert_int_equal(encoder_invalidate_refs(r->e, 22, 171), 0);
	assert_int_equal(submit(r, false, true), 0);
	for (unsigned i = 0; i < r->n; i++) {
		read_unit(&u, r, i);
		if (i == 20)
			slot = (unsigned)__builtin_ctz(u.frame.refresh & 0xfeu);
		assert_true(i <= 20 || i == 171 || !(u.frame.refresh >> slot & 1));
	}
	assert_int_equal(u.frame.ref_idx[0], slot);
	rig_close(r);
}

static void aom_never_cuts_a_frame_that_does_not_fit(void **state)
{
	const struct encoder_ops *ops = aom();
	struct enc_params p = defaults_for(ops);
	struct rig *r;

	(void)state;
	p.kbps = 20000;
	r = rig_open(ops, &p);
	encode_frames(r, 3);
	r->e->slab.cap = 256;
	moving_draw(&r->pic, 3);
	assert_int_equal(submit(r, false, false), -EIO);
	assert_int_equal(r->n, 3);
	assert_int_equal(encoder_units_out(r->e), 0);
	r->e->slab.cap = au_slab_unit_bytes(&p.video);
	rig_close(r);
}

static void aom_meets_the_rate_and_bounds_recovery_and_key_frames(void **state)
{
	const uint32_t target = 2000;
	const struct encoder_ops *ops = aom();
	struct enc_params p = defaults_for(ops);
	struct rate rate;
	double share, worst = 0, recovery = 0, key = 0;
	struct rig *r;

	(void)state;
	rate_init(&rate, target, 60000);
	p.kbps = rate_ask(&rate);
	r = rig_open(ops, &p);
	for (unsigned i = 0; i < 480; i++) {
		bool rfi = i > 100 && i % 60 == 30, idr = i == 0 || (i > 100 && i % 60 == 0);

		if (rfi)
			assert_int_equal(encoder_invalidate_refs(r->e, i - 4, i), 0);
		moving_draw(&r->pic, i);
		assert_int_equal(submit(r, idr, rfi), 0);
		if (rate_frame(&rate, r->unit[i].len))
			assert_int_equal(encoder_set_bitrate(r->e, rate_ask(&rate)), 0);
	}
	share = target * 125.0 / 60;
	for (unsigned i = 60; i < r->n; i++) {
		worst = r->unit[i].len > worst ? (double)r->unit[i].len : worst;
		if (r->unit[i].after_rfi && r->unit[i].len > recovery)
			recovery = (double)r->unit[i].len;
		if (r->unit[i].key && r->unit[i].len > key)
			key = (double)r->unit[i].len;
	}
	print_message("# rate %.3f of the target; of a frame's share: largest %.2f, recovery %.2f, key %.2f\n",
		      mean(r, 60, 480) / share, worst / share, recovery / share, key / share);
	assert_true(mean(r, 60, 480) > share * 0.95 && mean(r, 60, 480) < share * 1.05);
	assert_true(recovery < 2 * share);
	assert_true(key < 3 * share);
	rig_close(r);
}

static void aom_still_picture_gets_better_with_every_repeat(void **state)
{
	const struct encoder_ops *ops = aom();
	struct enc_params p = defaults_for(ops);
	double moving, last;
	struct decoded d;
	struct rig *r;

	(void)state;
	if (!decode_available())
		skip();
	r = rig_open(ops, &p);
	encode_frames(r, 60);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(submit(r, false, false), 0);
	assert_true(decode(&d, CODEC_AV1, r->stream, r->len, W, H));
	assert_int_equal(d.count, 80);
	moving = luma_psnr(r->pic.luma, r->pic.stride, d.frames + 59 * d.frame_size, W, W, H);
	last = luma_psnr(r->pic.luma, r->pic.stride, d.frames + 79 * d.frame_size, W, W, H);
	print_message("# moving %.1f dB, still after 20 repeats %.1f dB\n", moving, last);
	assert_true(moving > 25 && last > moving + 2);
	decoded_finish(&d);
	rig_close(r);
}

/* What the pattern source shows: two-coloured squares that lie on the encoder's grid, over motion. One seed's pictures;
 * how many of them show what they should not. */
static unsigned wrong_codes(const struct encoder_ops *ops, unsigned seed, unsigned count)
{
	enum { WIDE = 640, HIGH = 360, STRIDE = WIDE * 4 };
	struct enc_params p = defaults_for(ops);
	struct pattern_mark drawn[FRAMES_MAX], read;
	struct painter painter;
	struct convert convert;
	struct decoded d;
	unsigned wrong = 0;
	uint64_t time_us;
	uint8_t *pixels;
	struct rig *r;

	srandom(seed);
	time_us = ((uint64_t)random() << 5) + (uint64_t)random() % 32;
	p.video.width = WIDE;
	p.video.height = HIGH;
	p.video.fps_mhz = 30000;
	p.slices = 4;
	p.kbps = 4200;
	r = rig_open(ops, &p);
	pixels = malloc((size_t)STRIDE * HIGH);
	assert_non_null(pixels);
	assert_int_equal(painter_init(&painter, PAINT_MOTION, WIDE, HIGH), 0);
	assert_int_equal(convert_init(&convert, FOURCC_XRGB8888, &r->pic), 0);
	painter_begin(&painter, pixels, STRIDE);
	for (unsigned i = 0; i < count; i++) {
		uint64_t before = i ? drawn[i - 1].frame : PAINT_FRESH;

		drawn[i] = (struct pattern_mark){.frame = i ? drawn[i - 1].frame + 1 + (uint32_t)random() % 2 : seed,
						 .time_us = time_us += 31000 + (uint64_t)random() % 4000};
		painter_advance(&painter, pixels, STRIDE, before, drawn[i].frame);
		pattern_draw(pixels, STRIDE, WIDE, HIGH, &drawn[i]);
		convert_run(&convert, pixels, STRIDE, &r->pic, 0, 0, WIDE, HIGH);
		assert_int_equal(submit(r, i == 0, false), 0);
	}
	assert_true(decode(&d, CODEC_AV1, r->stream, r->len, WIDE, HIGH));
	assert_int_equal(d.count, count);
	for (unsigned i = 0; i < count; i++)
		wrong += pattern_read(d.frames + i * d.frame_size, 1, WIDE, WIDE, HIGH, pattern_grid(WIDE, HIGH),
				      &read) ||
			 read.frame != drawn[i].frame || read.time_us != drawn[i].time_us;
	decoded_finish(&d);
	painter_finish(&painter);
	free(pixels);
	rig_close(r);
	return wrong;
}

static void aom_shows_squares_where_they_are(void **state)
{
	const struct encoder_ops *ops = aom();

	(void)state;
	if (!decode_available())
		skip();
	for (unsigned seed = 1; seed <= 12; seed++)
		assert_int_equal(wrong_codes(ops, seed, 60), 0);
}

static void aom_presets_are_speeds(void **state)
{
	const struct encoder_ops *ops = aom();
	struct enc_params p = defaults_for(ops);
	struct encoder *e = NULL;

	(void)state;
	for (unsigned i = 5; i <= 10; i++) {
		char preset[8];
		struct rig *r;

		snprintf(preset, sizeof(preset), "%u", i);
		p.preset = preset;
		r = rig_open(ops, &p);
		encode_frames(r, 2);
		rig_close(r);
	}
	p.preset = "superfast";
	assert_int_equal(encoder_open(&e, ops, &p, &events, NULL), -EINVAL);
	p.preset = "99";
	assert_int_equal(encoder_open(&e, ops, &p, &events, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m23_each_frame_is_one_temporal_unit_and_keys_carry_the_sequence_header),
		cmocka_unit_test(aom_describes_size_colour_and_range),
		cmocka_unit_test(aom_headers_depend_on_no_slot_but_the_one_referred_to),
		cmocka_unit_test(m47_after_any_pattern_of_loss_every_shown_picture_is_bit_exact),
		cmocka_unit_test(aom_recovers_from_a_loss_heard_of_late),
		cmocka_unit_test(aom_keeps_an_acknowledged_frame),
		cmocka_unit_test(aom_never_cuts_a_frame_that_does_not_fit),
		cmocka_unit_test(aom_meets_the_rate_and_bounds_recovery_and_key_frames),
		cmocka_unit_test(aom_still_picture_gets_better_with_every_repeat),
		cmocka_unit_test(aom_shows_squares_where_they_are),
		cmocka_unit_test(aom_presets_are_speeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

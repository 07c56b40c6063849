// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * References and headers of an H.264 stream that we write around somebody else's slices. The somebody is here an
 * encoder of one raw macroblock a frame, the rest copied from the reference, so that every decoded picture shows which
 * frames it was made from; the judges are a model of a lossy client, our own reader of parameter sets, and the ffmpeg
 * program.
 */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../conformance/decode.h"
#include "base/str.h"
#include "encode/h264_headers.h"

#define W      80u
#define H      64u
#define MBS    (W / 16 * H / 16)
#define FRAMES 160u

/* --- references --- */

static uint32_t step(struct pic_refs *r, uint32_t frame, bool idr, bool marked, struct pic_plan *p)
{
	uint32_t ref;

	pic_refs_plan(r, idr, frame, p);
	ref = idr ? 0 : r->held[p->ref].frame;
	for (unsigned i = 0; i < REF_SLOTS; i++)
		if (r->held[i].used)
			assert_int_not_equal(r->held[i].surface, p->surface);
	assert_true(p->surface < pic_refs_surfaces(r));
	if (!idr) {
		assert_true(r->held[p->ref].used);
		assert_true(p->index < p->places);
	}
	pic_refs_encoded(r, p, marked);
	return ref;
}

static void each_frame_refers_to_the_one_before(void **state)
{
	(void)state;
	for (unsigned dpb = 1; dpb <= PIC_REFS_DPB_MAX; dpb++) {
		struct pic_refs r;
		struct pic_plan p;

		pic_refs_init(&r, dpb, true);
		assert_int_equal(r.long_term, dpb > 1);
		for (uint32_t f = 1; f <= 200; f++) {
			bool idr = f == 1 || f == 90;

			assert_int_equal(step(&r, f, idr, false, &p), idr ? 0 : f - 1);
			assert_int_equal(p.number, f < 90 ? f - 1 : f - 90);
		}
	}
}

static void idrs_in_a_row_differ_in_their_id(void **state)
{
	struct pic_refs r;
	struct pic_plan p;
	unsigned id;

	(void)state;
	pic_refs_init(&r, 8, true);
	step(&r, 1, true, false, &p);
	id = p.idr_id;
	step(&r, 2, true, false, &p);
	assert_int_not_equal(p.idr_id, id);
	step(&r, 3, false, false, &p);
	step(&r, 4, true, false, &p);
	assert_int_equal(p.idr_id, id);
}

/* A client that drops everything from a loss to the recovery frame; what it holds, by LongTermFrameIdx. */
struct client {
	uint32_t held[REF_SLOTS];
	bool lost;
};

static void client_takes(struct client *c, const struct pic_plan *p)
{
	if (p->idr)
		memset(c->held, 0, sizeof(c->held));
	for (unsigned i = p->places; i < REF_SLOTS; i++)
		c->held[i] = 0;
	c->held[p->index] = p->frame;
}

static void m47_a_client_that_missed_any_frames_has_what_the_next_refers_to(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		unsigned dpb = 2 + seed % (PIC_REFS_DPB_MAX - 1), answered = 0;
		struct client c = {0};
		struct pic_refs r;
		uint32_t first = 0, answer = 0;

		srand(seed);
		pic_refs_init(&r, dpb, true);
		for (uint32_t f = 1; f <= 600; f++) {
			bool recovers = first && f >= answer;
			bool rfi = recovers && pic_refs_invalidate(&r, first, f - 1) == 0;
			bool idr = f == 1 || (recovers && !rfi);
			struct pic_plan p;
			uint32_t ref;

			ref = step(&r, f, idr, rand() % 4 == 0, &p);
			if (recovers) {
				assert_true(idr || ref < first);
				answered += rfi;
				first = 0;
			}
			if (!first && !recovers && f > 1 && rand() % 9 == 0) {
				first = f;
				answer = f + 1 + (uint32_t)(rand() % 12);
			}
			if (first)
				continue;
			if (!idr)
				assert_int_equal(c.held[p.ref], ref);
			client_takes(&c, &p);
			if (rand() % 3 == 0)
				pic_refs_ack(&r, f);
		}
		assert_true(dpb < 4 || answered > 20);
	}
}

static void an_acknowledged_frame_stays(void **state)
{
	struct pic_refs r;
	struct pic_plan p;

	(void)state;
	pic_refs_init(&r, 8, true);
	for (uint32_t f = 1; f <= 13; f++)
		step(&r, f, f == 1, f == 10, &p);
	pic_refs_ack(&r, 10);
	for (uint32_t f = 14; f <= 55; f++)
		step(&r, f, false, false, &p);
	assert_int_equal(pic_refs_invalidate(&r, 11, 55), 0);
	assert_int_equal(step(&r, 56, false, false, &p), 10);
	assert_int_equal(step(&r, 57, false, false, &p), 56);
}

static void short_term_only_keeps_the_frame_before_and_answers_no_loss(void **state)
{
	struct pic_refs r;
	struct pic_plan p;

	(void)state;
	pic_refs_init(&r, 8, false);
	assert_int_equal(pic_refs_surfaces(&r), 2);
	for (uint32_t f = 1; f <= 20; f++) {
		assert_int_equal(step(&r, f, f == 1, false, &p), f - 1);
		assert_false(p.long_term);
	}
	assert_int_equal(pic_refs_invalidate(&r, 20, 20), -ENOENT);
}

static void losses_of_an_idr_or_across_the_wrap_are_not_answered(void **state)
{
	struct pic_refs r;
	struct pic_plan p;

	(void)state;
	pic_refs_init(&r, 8, true);
	for (uint32_t f = 1; f <= 65538; f++) {
		step(&r, f, f == 1, false, &p);
		if (f == 4)
			assert_int_equal(pic_refs_invalidate(&r, 1, 4), -ENOENT);
		if (f == 65536) /* the recovery frame would be number 0 */
			assert_int_equal(pic_refs_invalidate(&r, 65536, 65536), -ENOENT);
	}
	assert_int_equal((uint16_t)p.number, 1);
	assert_int_equal(pic_refs_invalidate(&r, 65536, 65538), -ENOENT);
	assert_int_equal(pic_refs_invalidate(&r, 65537, 65538), -ENOENT);
	assert_int_equal(pic_refs_invalidate(&r, 65538, 65538), 0);
}

/* --- headers --- */

static struct h264_stream stream_of(uint16_t w, uint16_t h, enum h264_profile profile, uint8_t dpb)
{
	return (struct h264_stream){
		.profile = profile,
		.level = h264_level(w, h, 60000, dpb, 10000),
		.dpb = dpb,
		.width = w,
		.height = h,
		.fps_mhz = 60000,
		.space = COLOUR_BT709,
	};
}

static void sps_reads_back(void **state)
{
	static const struct {
		uint16_t w, h;
		uint32_t fps_mhz;
		enum h264_profile profile;
		enum colour_space space;
		uint8_t dpb, level, primaries, transfer, matrix;
	} rows[] = {
		{1920, 1080, 60000, H264_HIGH, COLOUR_BT709, 4, 42, 1, 1, 1},
		{1280, 720, 59940, H264_MAIN, COLOUR_BT601, 1, 32, 6, 6, 6},
		{1366, 768, 30000, H264_BASELINE, COLOUR_BT2020, 4, 32, 9, 14, 9},
		{3840, 2160, 60000, H264_HIGH, COLOUR_BT709, 5, 52, 1, 1, 1},
		{3840, 2160, 120000, H264_HIGH, COLOUR_BT709, 5, 60, 1, 1, 1},
		{1920, 1080, 30000, H264_HIGH, COLOUR_BT709, 8, 50, 1, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct h264_stream s = {
			.profile = rows[i / 2].profile,
			.dpb = rows[i / 2].dpb,
			.width = rows[i / 2].w,
			.height = rows[i / 2].h,
			.fps_mhz = rows[i / 2].fps_mhz,
			.space = rows[i / 2].space,
			.full_range = i & 1,
		};
		uint8_t out[H264_HEADER_MAX];
		struct nal_walk walk;
		struct nal n;
		struct sps got;
		size_t len;

		s.level = h264_level(s.width, s.height, s.fps_mhz, s.dpb, 10000);
		assert_int_equal(s.level, rows[i / 2].level);
		len = h264_sps_write(out, &s);
		walk = nal_walk_init(out, len);
		assert_true(nal_walk_next(&walk, &n) && n.type == NAL_TYPE_SPS && n.payload + n.len == out + len);
		assert_int_equal(sps_parse(&got, &n), 0);
		assert_int_equal(got.profile_idc, s.profile);
		assert_int_equal(got.level_idc, s.level);
		assert_int_equal(got.width, s.width);
		assert_int_equal(got.height, s.height);
		assert_int_equal(got.max_num_ref_frames, s.dpb);
		assert_int_equal(got.log2_max_frame_num, H264_FRAME_NUM_BITS);
		assert_int_equal(got.poc_type, 2);
		assert_true(got.vui && got.timing && got.fixed_frame_rate && got.bitstream_restriction);
		assert_int_equal(got.full_range, i & 1);
		assert_int_equal(got.primaries, rows[i / 2].primaries);
		assert_int_equal(got.transfer, rows[i / 2].transfer);
		assert_int_equal(got.matrix, rows[i / 2].matrix);
		assert_int_equal(got.chroma_loc, 1);
		assert_true((uint64_t)got.time_scale * 1000 == 2ull * s.fps_mhz * got.units_in_tick);
		assert_int_equal(got.num_reorder_frames, 0);
		assert_int_equal(got.max_dec_frame_buffering, s.dpb);
	}
	assert_int_equal(h264_level(1280, 720, 30000, 4, 60000), 50); /* for its rate */
	assert_int_equal(h264_level(8192, 8192, 500000, 16, 800000), 62);
}

static void slice_headers_stay_within_their_bytes_and_bits(void **state)
{
	const struct h264_stream s = stream_of(4096, 2304, H264_HIGH, 8);
	struct sps sps = {.log2_max_frame_num = H264_FRAME_NUM_BITS};

	(void)state;
	for (unsigned i = 0; i < 70000; i += 7) {
		struct pic_plan p = {.idr = i % 3 == 0, .long_term = true, .places = 7, .index = 6, .ref = 6};
		uint8_t out[H264_HEADER_MAX + 1];
		struct nal_walk walk;
		struct slice_start h;
		struct nal n;
		size_t bits;

		p.number = i;
		memset(out, 0xff, sizeof(out));
		bits = h264_slice_header_write(out, &s, &p, i % 36864);
		assert_true(bits / 8 < 40);
		assert_int_equal(out[(bits + 7) / 8], 0xff);
		if (bits % 8)
			assert_int_equal(out[bits / 8] & (0xff >> bits % 8), 0);
		walk = nal_walk_init(out, H264_HEADER_MAX);
		assert_true(nal_walk_next(&walk, &n));
		assert_int_equal(n.type, p.idr ? NAL_TYPE_IDR : NAL_TYPE_SLICE);
		assert_int_equal(n.ref_idc, p.idr ? 3 : 2);
		assert_int_equal(slice_start_parse(&h, &n, &sps), 0);
		assert_int_equal(h.first_mb, i % 36864);
		assert_int_equal(h.frame_num, (uint16_t)p.number);
		assert_int_equal(h.type, p.idr ? 2 : 0);

		assert_true(h264_slice_header_is(&n, &p, i % 36864));
		assert_false(h264_slice_header_is(&n, &p, i % 36864 + 1));
		p.index = 5;
		assert_int_equal(h264_slice_header_is(&n, &p, i % 36864), p.idr);
		p.long_term = false;
		assert_false(h264_slice_header_is(&n, &p, i % 36864));
	}
}

/* --- a whole stream, decoded --- */

struct made {
	uint8_t *data;
	size_t len, at[FRAMES + 1];
};

static void put_raw_mb(struct bit_writer *w, uint8_t luma, uint8_t chroma)
{
	if (w->n)
		bit_put(w, 8 - w->n, 0);
	for (unsigned i = 0; i < 384; i++)
		bit_put(w, 8, i < 256 ? luma : chroma);
}

/* One macroblock a frame is new; an IDR is all new. */
static void make_frame(struct made *m, const struct h264_stream *s, const struct pic_plan *p)
{
	static uint8_t rbsp[MBS * 400 + 64];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));
	unsigned new_mb = p->frame * 7 % MBS;
	uint8_t luma = (uint8_t)(20 + p->frame * 37 % 200), chroma = (uint8_t)(60 + p->frame * 11 % 100);

	if (p->idr) {
		m->len += h264_sps_write(m->data + m->len, s);
		m->len += h264_pps_write(m->data + m->len, s);
	}
	h264_slice_header_put(&w, s, p, 0);
	if (p->idr) {
		for (unsigned i = 0; i < MBS; i++) {
			bit_ue(&w, 25);
			put_raw_mb(&w, (uint8_t)(luma + i), chroma);
		}
	} else {
		bit_ue(&w, new_mb);
		bit_ue(&w, 30);
		put_raw_mb(&w, luma, chroma);
		if (new_mb + 1 < MBS)
			bit_ue(&w, MBS - 1 - new_mb);
	}
	bit_trailing(&w);
	assert_false(w.err);
	m->len += nal_write(m->data + m->len, h264_ref_idc(p), h264_slice_type(p), rbsp, bit_bytes(&w));
}

static void decodes_without_a_word(const struct made *m)
{
	char path[] = "/tmp/moonrill-test-XXXXXX", command[400], line[200] = "";
	int fd = mkstemp(path);
	FILE *f;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, m->data, m->len), (ssize_t)m->len);
	snprintf(command, sizeof(command),
		 "ffmpeg -v warning -flags low_delay -f h264 -i %s -bsf:v trace_headers -c copy -f null - 2>&1 | "
		 "grep -i -e error -e invalid -e exceeds -e illegal; "
		 "ffmpeg -v warning -f h264 -i %s -f null - 2>&1",
		 path, path);
	f = popen(command, "r");
	assert_non_null(f);
	if (fgets(line, sizeof(line), f))
		print_message("# %s", line);
	pclose(f);
	close(fd);
	unlink(path);
	assert_string_equal(line, "");
}

static void exact_through_losses(uint8_t dpb, unsigned seed, unsigned delay)
{
	const struct h264_stream s = stream_of(W, H, H264_BASELINE, dpb);
	struct made m = {.data = malloc(FRAMES * MBS * 700)};
	bool delivered[FRAMES + 1] = {false};
	uint32_t first = 0, answer = 0;
	unsigned recovered = 0, shown = 0;
	struct decoded full, lossy;
	struct pic_refs r;
	size_t cut_len = 0;
	uint8_t *cut;

	assert_non_null(m.data);
	srand(seed);
	pic_refs_init(&r, dpb, true);
	for (uint32_t f = 1; f <= FRAMES; f++) {
		bool recovers = first && f >= answer;
		bool rfi = recovers && pic_refs_invalidate(&r, first, f - 1) == 0;
		struct pic_plan p;

		m.at[f - 1] = m.len;
		step(&r, f, f == 1 || (recovers && !rfi), false, &p);
		make_frame(&m, &s, &p);
		recovered += rfi;
		if (recovers)
			first = 0;
		else if (!first && f > 3 && f < FRAMES - 20 && rand() % 6 == 0) {
			first = f;
			answer = f + 1 + (uint32_t)rand() % delay;
		}
		delivered[f] = !first;
	}
	m.at[FRAMES] = m.len;
	decodes_without_a_word(&m);

	cut = malloc(m.len);
	assert_non_null(cut);
	for (uint32_t f = 1; f <= FRAMES; f++)
		if (delivered[f]) {
			memcpy(cut + cut_len, m.data + m.at[f - 1], m.at[f] - m.at[f - 1]);
			cut_len += m.at[f] - m.at[f - 1];
			shown++;
		}
	assert_true(recovered > 5);
	assert_true(decode(&full, CODEC_H264, m.data, m.len, W, H));
	assert_true(decode(&lossy, CODEC_H264, cut, cut_len, W, H));
	assert_int_equal(full.count, FRAMES);
	assert_int_equal(lossy.count, shown);
	for (unsigned i = 0, k = 0; i < FRAMES; i++)
		if (delivered[i + 1])
			assert_memory_equal(full.frames + i * full.frame_size, lossy.frames + k++ * lossy.frame_size,
					    full.frame_size);
	decoded_finish(&full);
	decoded_finish(&lossy);
	free(cut);
	free(m.data);
}

static void m47_decoded_pictures_are_exact_through_losses_upon_losses(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	exact_through_losses(8, 1, 4);
	exact_through_losses(8, 2, 14);
	exact_through_losses(5, 3, 9);
	exact_through_losses(4, 4, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_refers_to_the_one_before),
		cmocka_unit_test(idrs_in_a_row_differ_in_their_id),
		cmocka_unit_test(m47_a_client_that_missed_any_frames_has_what_the_next_refers_to),
		cmocka_unit_test(an_acknowledged_frame_stays),
		cmocka_unit_test(short_term_only_keeps_the_frame_before_and_answers_no_loss),
		cmocka_unit_test(losses_of_an_idr_or_across_the_wrap_are_not_answered),
		cmocka_unit_test(sps_reads_back),
		cmocka_unit_test(slice_headers_stay_within_their_bytes_and_bits),
		cmocka_unit_test(m47_decoded_pictures_are_exact_through_losses_upon_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

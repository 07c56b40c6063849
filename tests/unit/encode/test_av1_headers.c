// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Headers of an AV1 stream that we write around somebody else's tiles. The judges are ffmpeg's reader of headers
 * (trace_headers), which says each syntax element by name and place, and the probe's; a model of a lossy client holds
 * slots against what it got. Whole streams are decoded in the conformance suite.
 */
#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../conformance/decode.h"
#include "base/str.h"
#include "base/wr.h"
#include "encode/av1_headers.h"
#include "encode/av1_units.h"
#include "probe/obu.h"

#define FRAMES 400u

static struct av1_stream stream_of(uint16_t w, uint16_t h, uint32_t fps_mhz, unsigned tiles, uint32_t kbps)
{
	struct av1_stream s = {
		.tools = {.size_bytes = 4, .tile_bytes = 4, .tx_select = true, .cdef = true},
		.depth = 8,
		.width = w,
		.height = h,
		.fps_mhz = fps_mhz,
		.space = COLOUR_BT709,
	};

	assert_true(av1_cut(&s, tiles, AV1_TILES_MAX));
	av1_level(&s, kbps);
	return s;
}

/* --- a stream of headers, and what ffmpeg reads --- */

struct made {
	uint8_t data[65536];
	size_t len, last; /* where the last unit begins */
};

/* Delimiter, sequence with a key frame, the header, and a tile group of no meaning. */
static void put_unit(struct made *m, const struct av1_stream *s, const struct pic_plan *p)
{
	static const uint8_t group[] = {AV1_OBU_TILE_GROUP << 3 | 2, 8, 0, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x80};

	m->last = m->len;
	m->len += av1_delimiter_write(m->data + m->len);
	if (p->idr)
		m->len += av1_sequence_write(m->data + m->len, s);
	m->len += av1_frame_header_write(m->data + m->len, s, p, NULL);
	memcpy(m->data + m->len, group, sizeof(group));
	m->len += sizeof(group);
}

typedef void (*element_fn)(void *ctx, const char *name, unsigned at, long value);

/* In IVF: it says the size, which ffmpeg would learn from a decoded picture else. Of two units at most. */
static bool lay_down(int fd, const struct made *m)
{
	const size_t first = m->last ? m->last : m->len;
	uint8_t head[32] = "DKIF\0\0\40\0AV01\100\0\100\0\36\0\0\0\1\0\0", unit[12] = {0};
	bool ok = write(fd, head, sizeof(head)) == sizeof(head);

	for (size_t at = 0; at < m->len && ok; at = at ? m->len : first) {
		const size_t len = at ? m->len - at : first;

		put_le32(unit, (uint32_t)len);
		unit[4] = at != 0;
		ok = write(fd, unit, sizeof(unit)) == sizeof(unit) && write(fd, m->data + at, len) == (ssize_t)len;
	}
	return ok;
}

/* Calls fn with each element in order. */
static void read_headers(const struct made *m, element_fn fn, void *ctx)
{
	char path[] = "/tmp/moonrill-test-XXXXXX", command[256], line[400];
	int fd = mkstemp(path);
	FILE *f;

	assert_true(fd >= 0 && lay_down(fd, m));
	close(fd);
	snprintf(command, sizeof(command), "ffmpeg -v info -f ivf -i %s -c copy -bsf:v trace_headers -f null - 2>&1",
		 path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char name[100], bits[100];
		long value;
		unsigned at;

		if (sscanf(line, "[trace_headers @ %*[^]]] %u %99s %99s = %ld", &at, name, bits, &value) == 4)
			fn(ctx, name, at, value);
	}
	pclose(f);
	unlink(path);
}

struct expected {
	const char *name;
	long value;
	unsigned at; /* bits from the unit's start; 0: anywhere */
	unsigned found;
};

struct expectations {
	struct expected *list;
	size_t n;
};

static void compare(void *ctx, const char *name, unsigned at, long value)
{
	struct expectations *e = ctx;

	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->list[i].name, name) == 0) {
			if (value != e->list[i].value)
				fail_msg("%s: %ld, %ld expected", name, value, e->list[i].value);
			if (e->list[i].at && at != e->list[i].at)
				fail_msg("%s: at bit %u, %u expected", name, at, e->list[i].at);
			e->list[i].found++;
		}
}

static void all_found(const struct expectations *e)
{
	for (size_t k = 0; k < e->n; k++)
		if (!e->list[k].found)
			fail_msg("%s is not there", e->list[k].name);
}

/* A plan that is not the first. */
static void plan_at(struct pic_refs *r, struct pic_plan *p, uint32_t frame)
{
	pic_refs_init(r, PIC_REFS_DPB_MAX, true);
	for (uint32_t f = 1; f <= frame; f++) {
		pic_refs_plan(r, f == 1, f, p);
		if (f < frame)
			pic_refs_encoded(r, p, false);
	}
}

static void a_sequence_header_is_read_as_it_was_meant(void **state)
{
	static const struct {
		uint16_t w, h;
		uint32_t fps_mhz, kbps;
		enum colour_space space;
		uint8_t level, depth;
		bool high_tier, pq;
		uint8_t colour[3];
	} rows[] = {
		{1920, 1080, 60000, 10000, COLOUR_BT709, 9, 8, false, false, {1, 1, 1}},
		{1366, 768, 59940, 40000, COLOUR_BT601, 9, 8, true, false, {6, 6, 6}},
		{3840, 2160, 60000, 35000, COLOUR_BT2020, 13, 10, false, true, {9, 16, 9}},
		{64, 64, 30000, 500, COLOUR_BT2020, 0, 10, false, false, {9, 14, 9}},
	};

	(void)state;
	if (!decode_available())
		skip();
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct av1_stream s = stream_of(rows[i / 2].w, rows[i / 2].h, rows[i / 2].fps_mhz, 1, rows[i / 2].kbps);
		struct expected list[] = {
			{"seq_profile", 0, 0, 0},
			{"seq_level_idx[0]", rows[i / 2].level, 0, 0},
			{"max_frame_width_minus_1", s.width - 1, 0, 0},
			{"max_frame_height_minus_1", s.height - 1, 0, 0},
			{"use_128x128_superblock", 0, 0, 0},
			{"enable_order_hint", 1, 0, 0},
			{"order_hint_bits_minus_1", 7, 0, 0},
			{"enable_ref_frame_mvs", 0, 0, 0},
			{"enable_superres", 0, 0, 0},
			{"enable_cdef", 1, 0, 0},
			{"enable_restoration", 0, 0, 0},
			{"high_bitdepth", rows[i / 2].depth > 8, 0, 0},
			{"color_primaries", rows[i / 2].colour[0], 0, 0},
			{"transfer_characteristics", rows[i / 2].colour[1], 0, 0},
			{"matrix_coefficients", rows[i / 2].colour[2], 0, 0},
			{"color_range", i & 1, 0, 0},
			{"film_grain_params_present", 0, 0, 0},
			{"seq_tier[0]", rows[i / 2].high_tier, 0, 0},
		};
		struct expectations e = {list, ARRAY_LEN(list) - (rows[i / 2].level < 8)};
		static struct made m;
		struct obu_unit u = {0};
		struct pic_refs r;
		struct pic_plan p;

		s.space = rows[i / 2].space;
		s.pq = rows[i / 2].pq;
		s.depth = rows[i / 2].depth;
		s.full_range = i & 1;
		m = (struct made){.len = 0};
		plan_at(&r, &p, 1);
		put_unit(&m, &s, &p);
		read_headers(&m, compare, &e);
		all_found(&e);
		obu_unit_parse(&u, m.data, m.len);
		assert_int_equal(u.error, 0);
		assert_true(u.delimiter_first && u.sequences == 1 && u.frames == 1 && u.shown == 1);
		assert_int_equal(u.sequence.width, s.width);
		assert_int_equal(u.sequence.height, s.height);
		assert_int_equal(u.sequence.depth, s.depth);
		assert_int_equal(u.sequence.level, rows[i / 2].level);
		assert_int_equal(u.sequence.transfer, rows[i / 2].colour[1]);
		assert_int_equal(u.sequence.full_range, i & 1);
	}
}

/* Also those places that a driver is told. Of key frames; inter frames below. */
static void key_frame_headers_are_read_as_they_were_meant(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	for (unsigned i = 0; i < 8; i++) {
		struct av1_stream s = stream_of(1920, 1080, 60000, i & 4 ? 8 : 1, 10000);
		uint8_t header[AV1_HEADER_MAX];
		struct av1_offsets at;
		static struct made m;
		struct pic_refs r;
		struct pic_plan p;

		s.tools = (struct av1_tools){
			.size_bytes = i & 2 ? 4 : 2, .tile_bytes = 3, .tx_select = i & 2, .cdef = i & 1};
		plan_at(&r, &p, 1);
		av1_frame_header_write(header, &s, &p, &at);
		struct expected list[] = {
			{"show_existing_frame", 0, 0, 0},
			{"frame_type", AV1_KEY, 0, 0},
			{"show_frame", 1, 0, 0},
			{"disable_cdf_update", 0, 0, 0},
			{"disable_frame_end_update_cdf", 0, 0, 0},
			{"order_hint", 0, 0, 0},
			{"uniform_tile_spacing_flag", 1, 0, 0},
			{"base_q_idx", AV1_INIT_QINDEX, at.qindex, 0},
			{"segmentation_enabled", 0, at.segmentation, 0},
			{"delta_q_present", 0, 0, 0},
			{"loop_filter_level[0]", 0, at.loop_filter, 0},
			{"loop_filter_delta_enabled", 0, 0, 0},
			{"reduced_tx_set", 0, 0, 0},
			{"tx_mode", i & 2 ? 2 : 1, 0, 0},
			{i & 4 ? "tile_size_bytes_minus1" : "show_frame", i & 4 ? 2 : 1, 0, 0},
			{"cdef_damping_minus_3", 0, at.cdef, 0},
			{"cdef_bits", 0, 0, 0},
		};
		struct expectations e = {list, ARRAY_LEN(list) - (i & 1 ? 0 : 2)};

		m = (struct made){.len = 0};
		put_unit(&m, &s, &p);
		read_headers(&m, compare, &e);
		all_found(&e);
		assert_int_equal(at.cdef_bits, i & 1 ? 16 : 0);
		assert_int_equal(at.obu_size, 1);
		assert_true(header[(at.end - 1) / 8] >> (7 - (at.end - 1) % 8) & 1);
	}
}

struct inter {
	unsigned frame; /* headers of frames that were seen */
	struct av1_offsets at;
	uint8_t slot;
	unsigned seen;
};

static void look_at_inter(void *ctx, const char *name, unsigned at, long value)
{
	struct inter *x = ctx;

	if (strcmp(name, "show_existing_frame") == 0)
		x->frame++;
	if (x->frame != 2)
		return;
	if (strcmp(name, "frame_type") == 0)
		assert_int_equal(value, AV1_INTER);
	else if (strcmp(name, "error_resilient_mode") == 0)
		assert_int_equal(value, 0);
	else if (strcmp(name, "primary_ref_frame") == 0 || strncmp(name, "ref_frame_idx[", 14) == 0)
		assert_int_equal(value, x->slot);
	else if (strcmp(name, "order_hint") == 0)
		assert_int_equal(value, 5);
	else if (strcmp(name, "is_motion_mode_switchable") == 0 || strcmp(name, "reference_select") == 0)
		assert_int_equal(value, 0);
	else if (strcmp(name, "base_q_idx") == 0)
		assert_int_equal(at, x->at.qindex);
	else if (strcmp(name, "loop_filter_level[0]") == 0)
		assert_int_equal(at, x->at.loop_filter);
	else if (strcmp(name, "cdef_damping_minus_3") == 0)
		assert_int_equal(at, x->at.cdef);
	else if (strncmp(name, "is_global[", 10) == 0)
		assert_int_equal(value, 0);
	else
		return;
	x->seen++;
}

static void inter_frames_name_one_slot(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	for (unsigned tiles = 1; tiles <= 8; tiles += 7) {
		struct av1_stream s = stream_of(1920, 1080, 60000, tiles, 10000);
		struct inter x = {0};
		uint8_t header[AV1_HEADER_MAX];
		static struct made m;
		struct pic_refs r;
		struct pic_plan p;

		m = (struct made){.len = 0};
		plan_at(&r, &p, 1);
		put_unit(&m, &s, &p);
		plan_at(&r, &p, 6);
		put_unit(&m, &s, &p);
		av1_frame_header_write(header, &s, &p, &x.at);
		x.slot = p.slots.ref;
		read_headers(&m, look_at_inter, &x);
		assert_int_equal(x.frame, 2);
		assert_int_equal(x.seen, 2 + 8 + 1 + 2 + 3 + 7);
	}
}

/* --- tiles and levels --- */

static void tiles_are_such_as_the_picture_allows(void **state)
{
	static const struct {
		uint16_t w, h;
		unsigned want;
		uint8_t columns, rows;
	} rows[] = {
		{1920, 1080, 1, 1, 1}, {1920, 1080, 2, 2, 1}, {1920, 1080, 4, 4, 1}, {1920, 1080, 8, 4, 2},
		{320, 192, 4, 1, 1},   {640, 256, 4, 2, 2},   {64, 64, 8, 1, 1},     {3840, 2160, 8, 8, 1},
		{4098, 64, 1, 2, 1},   {8192, 8192, 1, 2, 4}, {4096, 4096, 1, 1, 2}, {1080, 1920, 8, 2, 4},
		{896, 512, 4, 2, 2},   {1152, 864, 4, 2, 2},  {1280, 768, 8, 4, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct av1_stream s = stream_of(rows[i].w, rows[i].h, 60000, rows[i].want, 10000);
		unsigned wide = av1_superblocks(s.width), high = av1_superblocks(s.height);
		struct obu_unit u = {0};
		static struct made m;
		struct pic_refs r;
		struct pic_plan p;

		assert_int_equal(s.tiles.columns, rows[i].columns);
		assert_int_equal(s.tiles.rows, rows[i].rows);
		/* The last one is no larger, and of several none is too small. */
		assert_in_range(wide - (s.tiles.columns - 1u) * s.tiles.each_wide, s.tiles.columns > 1 ? 4 : 1,
				s.tiles.each_wide);
		assert_in_range(high - (s.tiles.rows - 1u) * s.tiles.each_high, s.tiles.rows > 1 ? 2 : 1,
				s.tiles.each_high);
		m = (struct made){.len = 0};
		plan_at(&r, &p, 1);
		put_unit(&m, &s, &p);
		obu_unit_parse(&u, m.data, m.len);
		assert_int_equal(u.error, 0);
		assert_int_equal(u.frame.tiles, rows[i].columns * rows[i].rows);
	}
	{
		struct av1_stream s = {.width = 8192, .height = 8192};

		assert_false(av1_cut(&s, 1, 7)); /* it takes eight */
	}
}

static void levels_are_the_lowest_that_fit(void **state)
{
	static const struct {
		uint16_t w, h;
		uint32_t fps_mhz, kbps;
		uint8_t level;
		bool high;
	} rows[] = {
		{640, 360, 30000, 2000, 1, false},      {1280, 720, 30000, 9000, 5, false},
		{1280, 720, 60000, 9000, 8, false},     {1280, 720, 60000, 20000, 8, true},
		{1920, 1080, 60000, 30000, 9, true},    {1920, 1080, 60000, 20000, 9, false},
		{1920, 1080, 120000, 20000, 12, false}, {1280, 720, 240000, 10000, 12, false},
		{640, 360, 240000, 5000, 8, false},     {3840, 2160, 120000, 40000, 14, false},
		{7680, 4320, 60000, 90000, 17, false},  {640, 360, 500000, 5000, 31, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct av1_stream s = stream_of(rows[i].w, rows[i].h, rows[i].fps_mhz, 1, rows[i].kbps);

		assert_int_equal(s.level, rows[i].level);
		assert_int_equal(s.high_tier, rows[i].high);
	}
}

/* --- slots --- */

/* What a client that lost frames has in its slots is what the encoder has there, wherever a frame looks. */
static void lost_frames_leave_no_trace_in_slots(void **state)
{
	struct av1_stream s = stream_of(320, 192, 60000, 1, 2000);
	uint32_t slot[AV1_SLOTS] = {0}, waiting = 0, answer = 0;
	unsigned recovered = 0, shown = 0;
	struct obu_unit u = {0};
	struct pic_refs r;

	(void)state;
	srand(7);
	pic_refs_init(&r, PIC_REFS_DPB_MAX, true);
	for (uint32_t f = 1; f <= FRAMES; f++) {
		bool answers = answer == f, key = f == 1, arrives;
		static struct made m;
		struct pic_plan p;
		uint32_t from = 0;

		if (answers) {
			key = pic_refs_invalidate(&r, waiting, f - 1) < 0;
			recovered += !key;
			waiting = 0;
		}
		pic_refs_plan(&r, key, f, &p);
		if (!key)
			from = r.slots.slot[p.slots.ref].frame;
		m = (struct made){.len = 0};
		put_unit(&m, &s, &p);
		pic_refs_encoded(&r, &p, f % 16 == 5);
		if (!waiting && !answers && f > 3 && rand() % 8 == 0) {
			waiting = f;
			answer = f + 1 + (uint32_t)rand() % 12;
		}
		arrives = !waiting;
		if (arrives && f % 16 == 5)
			pic_refs_ack(&r, f);
		if (!arrives)
			continue;
		shown++;
		obu_unit_parse(&u, m.data, m.len);
		assert_int_equal(u.error, 0);
		assert_int_equal(u.frame.type, key ? OBU_KEY : OBU_INTER);
		if (!key) {
			assert_false(u.frame.error_resilient);
			for (unsigned i = 0; i < AV1_NAMES; i++)
				assert_int_equal(slot[u.frame.ref_idx[i]], from);
			assert_int_equal(slot[u.frame.ref_idx[u.frame.primary]], from);
		}
		for (unsigned i = 0; i < AV1_SLOTS; i++)
			if (u.frame.refresh >> i & 1)
				slot[i] = f;
		for (unsigned i = 0; i < REF_SLOTS; i++)
			assert_true(!r.slots.slot[i].valid || r.slots.slot[i].frame == slot[i]);
	}
	assert_true(recovered > 15 && shown > FRAMES / 3);
}

/* --- light --- */

static void metadata_are_written_when_something_is_known(void **state)
{
	const struct hdr_metadata m = {
		.red = {34000, 16000},
		.green = {13250, 34500},
		.blue = {7500, 3000},
		.white = {15635, 16450},
		.max_nits = 1000,
		.min_nits = 50,
		.max_cll = 900,
		.max_fall = 400,
	};
	static const uint8_t want[] = {
		0x2a, 26,   2,    0xae, 0x14, 0x51, 0xeb, 0x43, 0xd7, 0xb0, 0xa3, 0x26,
		0x66, 0x0f, 0x5c, 0x50, 0x0d, 0x54, 0x39, 0x00, 0x03, 0xe8, 0x00, 0x00,
		0x00, 0x00, 0x51, 0x80, 0x2a, 6,    1,    0x03, 0x84, 0x01, 0x90, 0x80,
	};
	struct hdr_metadata less = m;
	uint8_t out[2 * AV1_HEADER_MAX];

	(void)state;
	assert_int_equal(av1_light_write(out, &m), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
	less.max_cll = less.max_fall = 0;
	assert_int_equal(av1_light_write(out, &less), 28);
	less.max_nits = 0;
	assert_int_equal(av1_light_write(out, &less), 0);
}

/* --- what others wrote --- */

static struct av1_unit unit_at(const uint8_t *data, size_t len)
{
	struct av1_walk w = av1_walk_init(data, len);
	struct av1_unit u;

	assert_int_equal(av1_walk_next(&w, &u), 0);
	return u;
}

static void what_is_not_the_plan_is_seen(void **state)
{
	struct av1_stream s = stream_of(320, 192, 60000, 1, 2000);
	uint8_t header[AV1_HEADER_MAX];
	struct av1_frame_start f;
	struct av1_sequence q;
	struct pic_plan p, other;
	struct pic_refs r;
	struct av1_unit u;

	(void)state;
	u = unit_at(header, av1_sequence_write(header, &s));
	assert_int_equal(av1_sequence_read(&q, &u), 0);
	assert_true(q.known && q.order_hint && q.order_hint_bits == 8);
	for (size_t cut = 0; cut < u.len - 4; cut++) { /* colours are not read */
		struct av1_unit less = u;
		struct av1_sequence broken;

		less.len = cut;
		if (cut < 7)
			assert_true(av1_sequence_read(&broken, &less) < 0);
	}
	plan_at(&r, &p, 6);
	u = unit_at(header, av1_frame_header_write(header, &s, &p, NULL));
	assert_int_equal(av1_frame_read(&f, &q, &u), 0);
	assert_true(av1_frame_is(&f, &q, &p));
	other = p;
	other.slots.ref = (uint8_t)((p.slots.ref + 1) % REF_SLOTS);
	assert_false(av1_frame_is(&f, &q, &other));
	other = p;
	other.slots.refresh ^= 0x10;
	assert_false(av1_frame_is(&f, &q, &other));
	other = p;
	other.idr = true;
	assert_false(av1_frame_is(&f, &q, &other));
	f.primary = AV1_PRIMARY_NONE;
	assert_true(av1_frame_is(&f, &q, &p));
	f.name[4] ^= 1;
	assert_false(av1_frame_is(&f, &q, &p));
	f.name[4] ^= 1;
	f.error_resilient = true;
	assert_false(av1_frame_is(&f, &q, &p));
	u.len = 4;
	assert_true(av1_frame_read(&f, &q, &u) < 0);
}

static void units_that_are_cut_off_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t len;
	} bad[] = {
		{{0x92, 0}, 2},
		{{0x13, 0}, 2},
		{{0x10}, 1},
		{{0x12}, 1},
		{{0x12, 0x80}, 2},
		{{0x12, 1}, 2},
		{{0x16, 0}, 2},
		{{0x12, 0xff, 0xff}, 3},
		{{0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, 10},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct av1_walk w = av1_walk_init(bad[i].bytes, bad[i].len);
		struct av1_unit u;

		assert_true(av1_walk_next(&w, &u) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sequence_header_is_read_as_it_was_meant),
		cmocka_unit_test(key_frame_headers_are_read_as_they_were_meant),
		cmocka_unit_test(inter_frames_name_one_slot),
		cmocka_unit_test(tiles_are_such_as_the_picture_allows),
		cmocka_unit_test(levels_are_the_lowest_that_fit),
		cmocka_unit_test(lost_frames_leave_no_trace_in_slots),
		cmocka_unit_test(metadata_are_written_when_something_is_known),
		cmocka_unit_test(what_is_not_the_plan_is_seen),
		cmocka_unit_test(units_that_are_cut_off_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

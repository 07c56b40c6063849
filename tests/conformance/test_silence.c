// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A path that dies for three seconds, on a fake clock: the encoder's stages as the worker puts them together, a client
 * that acknowledges what is marked, and pings. However the death falls between two marked frames, there must be one
 * recovery frame after it and no key frame, and a client that got nothing after the frame that it acknowledged last
 * must see what one sees that got all.
 */
#include "encoder_rig.h"

#include "base/clock.h"
#include "encode/pace.h"
#include "encode/recovery.h"

#define STEP_NS  250000ull
#define START_NS NS_PER_S
#define DEATH_NS (2 * NS_PER_S) /* and a phase */
#define DEAD_NS  (3 * NS_PER_S)
#define AFTER    20u /* frames after the return */
#define PAUSE_NS (300 * NS_PER_MS)
#define SPARSE   (100 * NS_PER_MS) /* pings alone */
#define DENSE    (10 * NS_PER_MS)
#define DPB      16

struct path {
	uint32_t fps;
	uint64_t rtt_ns, death_ns;
	uint64_t sign_each_ns; /* beside acknowledgements of frames */
	bool acks;
};

struct outcome {
	uint32_t acked;  /* newest acknowledged before the death */
	uint32_t before; /* frames encoded before the return */
	uint32_t idrs, recoveries;
	uint32_t in_quiet;       /* frames between the last sign of life and the pause */
	uint64_t longest_gap_ns; /* between two frames before the death */
};

struct play {
	const struct path *path;
	struct rig *rig; /* NULL: the decisions alone */
	struct recovery recovery;
	struct pace pace;
	struct pace_life life;
	uint64_t marked_ns[FRAMES_MAX + 1]; /* when the frame was encoded; 0: not marked */
	uint32_t heard_of;                  /* marks up to this frame have been dealt with */
};

static uint64_t interval(const struct path *p)
{
	return NS_PER_S / p->fps;
}

static bool dead(const struct path *p, uint64_t ns)
{
	return ns >= p->death_ns && ns < p->death_ns + DEAD_NS;
}

/* What the host hears by now; encoding and sending take an interval each. */
static bool hear(struct play *p, uint64_t now)
{
	uint64_t there_and_back = 2 * interval(p->path) + p->path->rtt_ns;
	uint64_t each = p->path->sign_each_ns;
	bool sign = now / each != (now - STEP_NS) / each && !dead(p->path, now);

	for (uint32_t f = p->heard_of + 1; f <= p->recovery.newest; f++) {
		uint64_t at = p->marked_ns[f] + there_and_back;

		if (p->marked_ns[f] && at > now)
			break;
		p->heard_of = f;
		if (!p->marked_ns[f] || !p->path->acks || dead(p->path, at) || dead(p->path, at - p->path->rtt_ns / 2))
			continue;
		recovery_acked(&p->recovery, f);
		if (p->rig)
			encoder_acked(p->rig->e, f);
		sign = true;
	}
	return sign;
}

static void encode(struct play *p, uint64_t now, struct outcome *o)
{
	struct enc_request q = {.frame_no = p->recovery.newest + 1, .pts_ns = now};
	uint32_t first = 0, last = 0;
	bool key;

	switch (recovery_next(&p->recovery, now, &first, &last)) {
	case RECOVERY_RFI:
		q.after_rfi = !p->rig || encoder_invalidate_refs(p->rig->e, first, last) == 0;
		q.idr = !q.after_rfi;
		break;
	case RECOVERY_IDR:
		q.idr = true;
		break;
	case RECOVERY_NONE:
		break;
	}
	q.ltr = recovery_marks_next(&p->recovery, q.idr || q.after_rfi || pace_quiet(&p->pace, &p->life, now));
	key = q.idr;
	if (p->rig) {
		moving_draw(&p->rig->pic, q.frame_no);
		assert_int_equal(encoder_submit(p->rig->e, &p->rig->pic, &q), 0);
		key = p->rig->unit[q.frame_no - 1].key;
	}
	p->marked_ns[q.frame_no] = q.ltr ? now : 0;
	recovery_encoded(&p->recovery, q.frame_no, key, q.ltr, now);
	o->idrs += key && q.frame_no > 1;
	o->recoveries += q.after_rfi && !key;
}

static struct outcome play(const struct path *path, struct rig *rig, const struct recovery_params *rp)
{
	struct play *p = calloc(1, sizeof(*p));
	uint64_t next = START_NS, last_ns = START_NS, heard = 0;
	bool silent = false, waiting = false, back = false;
	struct outcome o = {0};

	assert_non_null(p);
	p->path = path;
	p->rig = rig;
	recovery_init(&p->recovery, rp);
	pace_init(&p->pace, path->fps * 1000, 1000);
	pace_begin(&p->pace, START_NS);
	for (uint64_t now = START_NS; !back || p->recovery.newest < o.before + AFTER; now += STEP_NS) {
		uint64_t owed;

		if (hear(p, now)) {
			uint64_t rtts = 4 * path->rtt_ns;

			heard = now;
			p->life.dark_ns = now + (rtts > PAUSE_NS ? rtts : PAUSE_NS);
			if (silent) {
				recovery_report_silence(&p->recovery);
				o.before = p->recovery.newest;
				back = true;
			}
			silent = false;
			if (!back && now < path->death_ns) {
				o.in_quiet = 0;
				o.acked = p->recovery.acked;
			}
		}
		silent |= heard && now >= p->life.dark_ns;
		owed = recovery_owed_since(&p->recovery);
		if (now >= next) {
			waiting = true;
			next += interval(path);
		}
		p->life.room = recovery_room(&p->recovery);
		p->life.heard_ns = heard && owed > heard ? owed : heard;
		if (!waiting || silent || !pace_accepts(&p->pace, now) || now < pace_quiet_at(&p->pace, &p->life, now))
			continue;
		waiting = false;
		pace_took(&p->pace, now);
		encode(p, now, &o);
		o.in_quiet += !back;
		if (now < path->death_ns && now - last_ns > o.longest_gap_ns)
			o.longest_gap_ns = now - last_ns;
		last_ns = now;
	}
	free(p);
	return o;
}

static struct recovery_params recovery_of(const struct path *path, uint8_t dpb)
{
	return (struct recovery_params){
		.rfi = true,
		.dpb = dpb,
		.echo_ns = interval(path) / 2 + path->rtt_ns,
		.mark_each = path->acks ? recovery_mark_each(path->fps * 1000) : 0,
	};
}

/* What a client sees after the return that got nothing after the acknowledged frame, and one that got all. */
static void assert_same_pictures(const struct rig *r, const struct outcome *o)
{
	struct decoded full, cut;
	uint8_t *stream = malloc(r->len);
	size_t len = r->unit[o->acked].at, rest = r->unit[o->before].at;

	assert_non_null(stream);
	memcpy(stream, r->stream, len);
	memcpy(stream + len, r->stream + rest, r->len - rest);
	assert_true(decode(&full, r->e->params.video.codec, r->stream, r->len, W, H));
	assert_true(decode(&cut, r->e->params.video.codec, stream, len + r->len - rest, W, H));
	assert_int_equal(full.count, r->n);
	assert_true(cut.count >= o->acked + AFTER);
	for (unsigned i = 1; i <= AFTER; i++)
		assert_memory_equal(full.frames + (full.count - i) * full.frame_size,
				    cut.frames + (cut.count - i) * cut.frame_size, full.frame_size);
	decoded_finish(&full);
	decoded_finish(&cut);
	free(stream);
}

static struct outcome play_encoder(const struct encoder_ops *ops, const struct path *path, bool compare)
{
	struct enc_params p = defaults_for(ops);
	struct recovery_params rp;
	struct outcome o;
	struct rig *r;

	p.video.fps_mhz = path->fps * 1000;
	p.slices = 2;
	p.dpb = DPB;
	r = rig_open(ops, &p);
	rp = recovery_of(path, r->e->caps.flags & ENC_KEEPS_OLD ? RECOVERY_DPB_MAX : r->e->params.dpb);
	o = play(path, r, &rp);
	if (compare)
		assert_same_pictures(r, &o);
	rig_close(r);
	return o;
}

static void bridged(const struct encoder_ops *ops, uint32_t fps)
{
	uint32_t each = recovery_mark_each(fps * 1000);

	for (uint32_t phase = 0; phase < each; phase += each - 1) {
		struct path path = {.fps = fps, .rtt_ns = 10 * NS_PER_MS, .sign_each_ns = DENSE, .acks = true};
		struct outcome o;

		path.death_ns = DEATH_NS + phase * interval(&path) + NS_PER_MS;
		o = play_encoder(ops, &path, true);
		print_message("# %s, %u Hz, phase %u: acknowledged %u, %u frames after the last sign, newest %u\n",
			      ops->name, fps, phase, o.acked, o.in_quiet, o.before);
		assert_int_equal(o.recoveries, 1);
		assert_int_equal(o.idrs, 0);
	}
}

static void silence_is_bridged_by_one_frame_from_the_acknowledged_one(void **state)
{
	const struct encoder_ops *ops;

	(void)state;
	if (!decode_available())
		skip();
	for (unsigned i = 0; (ops = encoder_at(i)); i++) {
		if (!rig_wants(ops) || !rig_invalidates(ops))
			continue;
		bridged(ops, 30);
		bridged(ops, 60);
		bridged(ops, 120);
	}
}

static void silence_of_a_client_that_acknowledges_nothing_ends_with_one_idr(void **state)
{
	const struct encoder_ops *ops;

	(void)state;
	for (unsigned i = 0; (ops = encoder_at(i)); i++)
		for (uint32_t fps = 30; fps <= 120 && rig_wants(ops) && rig_invalidates(ops); fps *= 2) {
			struct path path = {
				.fps = fps, .rtt_ns = 10 * NS_PER_MS, .death_ns = DEATH_NS, .sign_each_ns = DENSE};
			struct outcome o = play_encoder(ops, &path, false);

			assert_int_equal(o.recoveries, 0);
			assert_int_equal(o.idrs, 1);
			/* Nothing to keep: full rate until the pause. */
			assert_in_range(o.in_quiet, fps * 3 / 10 - 1, fps * 3 / 10 + 1);
		}
}

/* The share of all moments of death that end without an IDR. */
static double bridged_share(uint32_t fps, uint64_t rtt_ns, uint8_t dpb, uint64_t sign_each_ns, uint64_t *gap_ns)
{
	unsigned good = 0, all = 0;

	*gap_ns = 0;
	for (uint64_t at = 0; at < 200 * NS_PER_MS; at += 3 * NS_PER_MS, all++) {
		struct path path = {
			.fps = fps,
			.rtt_ns = rtt_ns,
			.death_ns = DEATH_NS + at,
			.sign_each_ns = sign_each_ns,
			.acks = true,
		};
		struct recovery_params rp = recovery_of(&path, dpb);
		struct outcome o = play(&path, NULL, &rp);

		good += o.recoveries == 1 && o.idrs == 0;
		assert_int_equal(o.recoveries + o.idrs, 1);
		*gap_ns = o.longest_gap_ns > *gap_ns ? o.longest_gap_ns : *gap_ns;
	}
	return (double)good / all;
}

static void the_acknowledged_frame_is_kept_whenever_the_path_dies(void **state)
{
	static const struct {
		uint32_t fps, rtt_ms;
		uint8_t dpb;
		bool always;
	} rows[] = {
		{30, 10, 16, true},   {30, 200, 16, true},  {60, 5, 16, true},    {60, 60, 16, true},
		{60, 100, 16, false}, {60, 10, 12, true},   {60, 10, 8, false},   {120, 5, 16, true},
		{120, 30, 16, true},  {120, 60, 16, false}, {240, 10, 16, false}, {60, 200, 64, true},
		{120, 60, 64, true},  {240, 20, 64, true},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		size_t k = i / 2;
		uint64_t gap, each = i % 2 ? DENSE : SPARSE;
		double share = bridged_share(rows[k].fps, rows[k].rtt_ms * NS_PER_MS, rows[k].dpb, each, &gap);

		print_message("# %u Hz, round trip %u ms, DPB %u, a sign each %u ms: %.2f\n", rows[k].fps,
			      rows[k].rtt_ms, rows[k].dpb, (unsigned)(each / NS_PER_MS), share);
		assert_true(share == 1 || !rows[k].always);
		/* A path that works costs no frame. */
		assert_true(gap <= NS_PER_S / rows[k].fps + 2 * STEP_NS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_bridged_by_one_frame_from_the_acknowledged_one),
		cmocka_unit_test(silence_of_a_client_that_acknowledges_nothing_ends_with_one_idr),
		cmocka_unit_test(the_acknowledged_frame_is_kept_whenever_the_path_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

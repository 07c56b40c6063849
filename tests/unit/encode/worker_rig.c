// SPDX-License-Identifier: GPL-3.0-or-later
#include "worker_rig.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "encode/bitstream.h"
#include "encode/registry.h"

static void frame_back(struct frame *f, int fence_fd)
{
	struct rig *r = f->owner;

	assert(fence_fd < 0);
	atomic_fetch_and(&r->out_of_pool, ~(1u << f->slot));
}

bool rig_post(struct rig *r, uint64_t captured_ns)
{
	unsigned out = atomic_load(&r->out_of_pool);
	struct frame *f, *old;

	for (unsigned i = 0; i < RIG_POOL; i++) {
		if (out >> i & 1)
			continue;
		atomic_fetch_or(&r->out_of_pool, 1u << i);
		f = &r->pool[i];
		*f = (struct frame){
			.release = frame_back,
			.owner = r,
			.slot = (uint8_t)i,
			.width = RIG_W,
			.height = RIG_H,
			.fourcc = FOURCC_XRGB8888,
			.n_planes = 1,
			.plane[0] = {.fd = -1, .stride = RIG_W * 4},
			.map[0] = r->pixels,
			.acquire_fence = -1,
			.seq = r->picture ? r->seq : ++r->seq,
			.same = r->same,
			.picture = r->picture,
			.cursor = r->cursor,
			.t.captured = captured_ns,
		};
		atomic_init(&f->refs, 1);
		old = latest_put(&r->frames.slot, f);
		frame_unref(old, -1);
		wake_poke(&r->encode_wake);
		return true;
	}
	return false;
}

static void note(struct rig *r, const struct au *a)
{
	unsigned n = rig_seen(r);
	struct nal_walk w = nal_walk_init(a->data, a->len);
	struct seen *s = &r->seen[n];
	struct nal nal;

	if (n == RIG_SEEN_MAX)
		return;
	*s = (struct seen){a->frame_no, a->pts_ns, a->key, a->after_rfi, a->repeat, 0, a->epoch, a->ltr, a->t};
	while (nal_walk_next(&w, &nal))
		if (nal.type == NAL_TYPE_SEI) {
			char text[80] = {0};
			const char *ref;

			memcpy(text, nal.payload + 19, nal.len - 20 < 79 ? nal.len - 20 : 79);
			ref = strstr(text, "ref ");
			s->ref = ref ? (unsigned)atoi(ref + 4) : 9999;
		}
	if (credit_used(&r->credit) > r->max_in_flight)
		r->max_in_flight = credit_used(&r->credit);
	atomic_store(&r->n_seen, n + 1);
}

static void sink_run(void *arg)
{
	struct rig *r = arg;
	unsigned owed = 0;

	for (;;) {
		struct au *a;

		while ((a = ring_pop(&r->out.ring))) {
			if (a->first)
				note(r, a);
			atomic_fetch_add(&r->units, 1);
			atomic_fetch_add(&r->broken, a->broken);
			owed += a->last;
			if (atomic_load(&r->keep) && !r->kept)
				r->kept = a;
			else
				au_release(a);
		}
		if (!atomic_load(&r->keep)) {
			au_release(r->kept);
			r->kept = NULL;
		}
		if (!atomic_load(&r->hold))
			for (; owed; owed--)
				credit_give(&r->credit);
		if (thread_should_stop(&r->sink))
			return;
		wake_wait(&r->sink_wake, clock_ns() + 2 * NS_PER_MS);
	}
}

static void on_failed(void *ctx, int err)
{
	struct rig *r = ctx;

	atomic_store(&r->failed, err);
}

static void on_changed(void *ctx)
{
	struct rig *r = ctx;

	atomic_fetch_add(&r->changed, 1);
}

enum convert_where rig_convert;
bool rig_refine;
uint32_t rig_kbps = 1000;

const struct encode_worker_events rig_events = {.failed = on_failed, .changed = on_changed};

struct rig *rig_start(uint32_t fps_mhz, uint32_t min_fps_mhz, bool rfi, const char *preset, enum early_mode early)
{
	const struct encoder_choice c = {
		.at[0] = {.ops = encoder_find("null", CODEC_H264, NULL), .preset = preset ? preset : "superfast"},
		.n = 1,
		.named = true,
	};

	return rig_start_with(fps_mhz, min_fps_mhz, rfi, &c, early);
}

struct rig *rig_start_with(uint32_t fps_mhz, uint32_t min_fps_mhz, bool rfi, const struct encoder_choice *choice,
			   enum early_mode early)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct encode_worker_params p;

	assert_non_null(r);
	r->pixels = calloc(RIG_W * RIG_H, 4);
	assert_non_null(r->pixels);
	assert_int_equal(wake_init(&r->encode_wake), 0);
	assert_int_equal(wake_init(&r->sink_wake), 0);
	assert_int_equal(ring_init(&r->out.ring, AU_RING_CAPACITY), 0);
	r->frames.wake = r->credit.wake = &r->encode_wake;
	r->out.wake = &r->sink_wake;
	feedback_init(&r->feedback);
	p = (struct encode_worker_params){
		.video =
			{
				.codec = CODEC_H264,
				.width = RIG_W,
				.height = RIG_H,
				.fps_mhz = fps_mhz,
				.depth = 8,
				.slices = 1,
				.rfi = rfi,
				.encoder_kbps = rig_kbps,
				.packet_size = early ? 18 : 1392, /* tiny frames of the stand-in count as long */
			},
		.early = early,
		.convert = rig_convert,
		.refine = rig_refine,
		.choice = *choice,
		.min_slices = 2,
		.min_fps_mhz = min_fps_mhz,
		.wake = &r->encode_wake,
		.frames = &r->frames,
		.out = &r->out,
		.credit = &r->credit,
		.feedback = &r->feedback,
		.stats = &r->stats,
	};
	assert_int_equal(encode_worker_start(&r->worker, &p, &rig_events, r), 0);
	assert_int_equal(thread_start(&r->sink, "sink", sink_run, r), 0);
	return r;
}

void rig_stop(struct rig *r)
{
	atomic_store(&r->hold, false);
	atomic_store(&r->keep, false);
	thread_stop(&r->sink);
	wake_poke(&r->sink_wake);
	thread_join(&r->sink);
	au_release(r->kept);
	encode_worker_stop(r->worker);
	frame_unref(latest_take(&r->frames.slot), -1);
	assert_int_equal(atomic_load(&r->out_of_pool), 0);
	wake_finish(&r->encode_wake);
	wake_finish(&r->sink_wake);
	ring_finish(&r->out.ring);
	free(r->pixels);
	free(r);
}

void rig_wait_seen(struct rig *r, unsigned count)
{
	uint64_t give_up = clock_ns() + RIG_PATIENCE_NS;

	while (rig_seen(r) < count) {
		assert_true(clock_ns() < give_up);
		clock_sleep_until(clock_ns() + NS_PER_MS / 2);
	}
}

void rig_assert_gapless(struct rig *r)
{
	unsigned n = rig_seen(r);

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(r->seen[i].frame_no, i + 1);
		if (i)
			assert_true(r->seen[i].pts_ns >= r->seen[i - 1].pts_ns + 11112);
	}
}

void rig_feed(struct rig *r, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned before = rig_seen(r);

		assert_true(rig_post(r, clock_ns()));
		rig_wait_seen(r, before + 1);
	}
}

void rig_post_in_vain(struct rig *r)
{
	unsigned n = rig_seen(r);

	for (unsigned i = 0; i < 20; i++) {
		rig_post(r, clock_ns());
		rig_sleep_ms(1);
	}
	assert_int_equal(rig_seen(r), n);
}

struct rig *rig_begin(uint32_t min_fps_mhz, bool rfi, const char *preset, unsigned pictures)
{
	struct rig *r = rig_start(500000, min_fps_mhz, rfi, preset, EARLY_OFF);

	encode_worker_begin(r->worker);
	rig_feed(r, pictures);
	return r;
}

void rig_stop_gapless(struct rig *r)
{
	rig_assert_gapless(r);
	rig_stop(r);
}

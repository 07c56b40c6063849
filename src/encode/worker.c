// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Thread "encode", one per stream. Each turn: look at what was asked for upstream, take the newest picture if pace and
 * credit allow, convert it and give the captured buffer back, encode. Without a new picture, or with one that shows the
 * same, the converted one is encoded again at the minimum rate, more often until it is sharp, or at once when a client
 * waits for a recovery frame. After warm-up nothing here allocates, locks or prints; libx264 does what it does.
 */
#include "encode/worker.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "encode/conversion.h"
#include "encode/early.h"
#include "encode/engine.h"
#include "encode/intake.h"
#include "encode/numbering.h"
#include "encode/pace.h"
#include "encode/picture.h"
#include "encode/rate.h"
#include "encode/recovery.h"
#include "encode/refine.h"
#include "encode/sharing.h"
#include "encode/shown.h"
#include "media/frame.h"
#include "media/record.h"

#define LOG_MODULE "encode"
#include "base/log.h"

#define PTS_STEP_NS  12000ull /* one tick of the 90 kHz clock on the wire, rounded up */
#define MEND_LOOK_NS (5 * NS_PER_MS)
#define RETRY_NS     NS_PER_MS /* after -EAGAIN */

struct encode_worker {
	/* constant after start */
	struct encode_worker_params p;
	const struct encode_worker_events *ev;
	void *ctx;
	struct thread thread;
	struct log_hot *log;

	atomic_bool begun;                       /* main sets */
	atomic_int converter;                    /* enum converter; encode thread writes */
	char describe[ENGINE_DESCRIBE_MAX + 48]; /* main */

	/* encode thread */
	struct engine engine;
	struct picture picture;
	struct conversion conversion;
	struct pace pace;
	struct rate rate;
	struct refine refine;
	struct recovery recovery;
	struct early early;
	uint64_t start_ns, last_pts, retry_ns; /* retry_ns 0: no retry */
	struct numbering numbering;
	uint32_t epoch; /* of the numbering */
	bool silent;    /* nothing comes back from the client */
	struct intake intake;
	bool next_idr, next_after_rfi; /* decided, not encoded yet */
	struct shown shown;            /* in the picture */
	bool unseen;                   /* it has not come out of an encoder yet */
	struct sharing sharing;
	bool gave_up;

	/* of the frame being submitted; written by on_au() inside encoder_submit() */
	unsigned out_units;
	size_t out_bytes;
	bool out_key, out_after_rfi, out_marked;
	uint64_t out_encoded_ns;
};

/* Also on the encoder's own threads, one at a time, while this one waits in encoder_submit(). */
static void on_au(void *ctx, struct au *a)
{
	struct encode_worker *w = ctx;
	bool pushed;

	w->out_units++;
	w->out_bytes += a->len;
	w->out_key |= a->key;
	w->out_after_rfi |= a->after_rfi;
	w->out_encoded_ns = a->t.encoded;
	a->ltr = w->out_marked;
	a->epoch = w->epoch;
	a->frame_no = numbering_next(&w->numbering);
	record_unit(w->p.record, a);
	/* Before the push: the far end may give the credit back at once. */
	if (a->first)
		credit_take(w->p.credit);
	pushed = ring_push(&w->p.out->ring, a);
	assert(pushed); /* room was seen before the frame was begun */
	(void)pushed;
	wake_poke(w->p.out->wake);
}

static const struct encoder_events encoder_events = {.au = on_au};

/* --- feedback --- */

static void set_encoder_rate(struct encode_worker *w)
{
	int rc = encoder_set_bitrate(w->engine.encoder, rate_ask(&w->rate));

	if (rc < 0 && rc != -ENOTSUP)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "the encoder refused %u kbit/s", rate_ask(&w->rate));
}

static void take_unsent(struct encode_worker *w)
{
	uint32_t epoch, wire, picture;
	bool partly;

	if (!feedback_take_unsent(w->p.feedback, &epoch, &wire, &partly))
		return;
	w->epoch = epoch;
	picture = numbering_picture(&w->numbering, wire - partly);
	numbering_give_back(&w->numbering, wire);
	recovery_report_unsent(&w->recovery, picture);
	log_dbg("frame %u did not leave%s", wire - partly, partly ? " whole" : "");
}

static void take_feedback(struct encode_worker *w, uint64_t now)
{
	struct feedback *fb = w->p.feedback;
	uint32_t first, last, acked;
	uint32_t kbps = atomic_load_explicit(&fb->kbps, memory_order_relaxed);
	bool silent = atomic_load_explicit(&fb->silent, memory_order_acquire);

	acked = numbering_picture(&w->numbering, feedback_ltr(fb));
	recovery_acked(&w->recovery, acked);
	encoder_acked(w->engine.encoder, acked);
	if (feedback_take_idr(fb))
		recovery_request_idr(&w->recovery, now);
	/* Before the sender's report, which changes what numbers mean. */
	if (feedback_take_rfi(fb, &first, &last)) {
		STAT_ADD(w->p.stats->rfi_requests, 1);
		recovery_report_lost(&w->recovery, numbering_picture(&w->numbering, first),
				     numbering_picture(&w->numbering, last));
	}
	take_unsent(w);
	if (w->silent && !silent)
		recovery_report_silence(&w->recovery);
	w->silent = silent;
	if (kbps && kbps != w->rate.target_kbps) {
		rate_set_target(&w->rate, kbps);
		set_encoder_rate(w);
	}
}

/* Turns what was asked for into what the next frame will be; sticks until a frame is out. */
static void decide(struct encode_worker *w, uint64_t now)
{
	uint32_t first = 0, last = 0;

	if (w->next_idr) {
		recovery_answered(&w->recovery);
		return;
	}
	switch (recovery_next(&w->recovery, now, &first, &last)) {
	case RECOVERY_NONE:
		return;
	case RECOVERY_RFI:
		if (encoder_invalidate_refs(w->engine.encoder, first, last) == 0) {
			log_dbg("frames %u..%u invalidated", first, last);
			w->next_after_rfi = true;
			return;
		}
		break;
	case RECOVERY_IDR:
		break;
	}
	w->next_idr = true;
}

/* --- encoder failure --- */

/* Frames that may be referred to, for recovery. */
static uint8_t kept_by(const struct encoder *e)
{
	return e->caps.flags & ENC_KEEPS_OLD ? RECOVERY_DPB_MAX : e->params.dpb;
}

/* The picture went to where the encoder reads, or was lost on its way. */
static void picture_moved(struct encode_worker *w)
{
	w->shown.stale = true;
	STAT_SET(w->converter, conversion_by(&w->conversion));
}

/* Nothing is encoded meanwhile; returns when to look again. */
static uint64_t mend(struct encode_worker *w, uint64_t now)
{
	switch (engine_look(&w->engine, now)) {
	case FAILOVER_WAIT:
		return now + MEND_LOOK_NS;
	case FAILOVER_OVER:
		w->gave_up = true;
		engine_over(&w->engine);
		if (w->ev->changed)
			w->ev->changed(w->ctx);
		w->ev->failed(w->ctx, w->engine.trouble.err);
		return NS_NEVER;
	case FAILOVER_NEXT:
		/* What was learnt of the last one's rate does not hold for the next. */
		rate_init(&w->rate, w->rate.target_kbps, w->p.video.fps_mhz);
		break;
	case FAILOVER_REOPEN:
	case FAILOVER_ENCODE:
		break;
	}
	if (!engine_mend(&w->engine, rate_ask(&w->rate)))
		return now;
	sharing_begin(&w->sharing, w->engine.encoder, &w->conversion, &w->picture);
	picture_moved(w);
	recovery_restart(&w->recovery, w->engine.encoder->params.dpb > 1, kept_by(w->engine.encoder));
	w->next_idr = true;
	w->next_after_rfi = false;
	w->retry_ns = now; /* the picture that failed, unless there is a newer one */
	if (w->ev->changed)
		w->ev->changed(w->ctx);
	return now;
}

/* --- one frame --- */

/* Capture time since the start, rising with every frame whatever the source says (2-media 1.6). */
static uint64_t next_pts(struct encode_worker *w, uint64_t at_ns)
{
	uint64_t pts = at_ns > w->start_ns ? at_ns - w->start_ns : 0;

	if (pts < w->last_pts + PTS_STEP_NS)
		pts = w->last_pts + PTS_STEP_NS;
	w->last_pts = pts;
	return pts;
}

static void account(struct encode_worker *w, const struct enc_request *r, uint64_t submitted_ns)
{
	struct stream_stats *s = w->p.stats;

	STAT_ADD(s->frames_encoded, 1);
	STAT_ADD(s->bytes_encoded, w->out_bytes);
	if (r->repeat)
		STAT_ADD(s->frames_repeated, 1);
	if (w->out_key)
		STAT_ADD(s->idr_frames, 1);
	if (w->out_after_rfi)
		STAT_ADD(s->rfi_frames, 1);
	hist_add(&s->encode, w->out_encoded_ns - submitted_ns);
}

/* What keeps the client's newest acknowledged frame of use. */
static struct pace_life client_life(const struct encode_worker *w)
{
	struct pace_life life = {
		.heard_ns = atomic_load_explicit(&w->p.feedback->heard_ns, memory_order_acquire),
		.dark_ns = atomic_load_explicit(&w->p.feedback->dark_ns, memory_order_relaxed),
		.room = recovery_room(&w->recovery),
	};

	if (life.heard_ns && recovery_owed_since(&w->recovery) > life.heard_ns)
		life.heard_ns = recovery_owed_since(&w->recovery);
	return life;
}

/* Encodes the converted picture. at_ns: when it was captured, or is repeated. */
static void encode(struct encode_worker *w, const struct trace *t, uint64_t at_ns, bool repeat)
{
	uint64_t before_pts = w->last_pts, submitted_ns = clock_ns();
	struct enc_request r = {
		.frame_no = w->numbering.picture + 1,
		.repeat = repeat,
		.t = *t,
	};
	struct pace_life life = client_life(w);
	int rc;

	decide(w, submitted_ns);
	r.idr = w->next_idr;
	r.after_rfi = w->next_after_rfi && !w->next_idr;
	/* A quiet client is given a cause to speak with each frame. */
	r.ltr = w->out_marked =
		recovery_marks_next(&w->recovery, r.idr || r.after_rfi || pace_quiet(&w->pace, &life, submitted_ns));
	r.pts_ns = next_pts(w, at_ns);
	w->out_units = 0;
	w->out_bytes = 0;
	w->out_key = w->out_after_rfi = false;
	if (w->engine.encoder->caps.flags & ENC_SLICES) {
		struct early_choice c = early_choose(&w->early, r.idr,
						     atomic_load_explicit(&w->p.feedback->whole, memory_order_relaxed));

		r.unit_bytes = c.unit_bytes;
		r.units = c.units;
		r.expected = c.expected;
	}

	rc = encoder_submit(w->engine.encoder, &w->picture, &r);
	w->retry_ns = 0;
	if (rc < 0) {
		if (w->out_units) {
			/* Broken off on its way out: lost to every client. The sender says what becomes of its
			 * number. */
			numbering_encoded(&w->numbering);
			recovery_encoded(&w->recovery, r.frame_no, false, false, w->out_encoded_ns);
		} else {
			w->last_pts = before_pts;
		}
		if (rc == -EAGAIN) {
			w->retry_ns = submitted_ns + RETRY_NS;
		} else if (sharing_failed(&w->sharing, rc, &w->conversion, &w->picture)) {
			picture_moved(w);
			w->retry_ns = submitted_ns;
		} else {
			engine_failed(&w->engine, rc, r.frame_no - w->numbering.back, submitted_ns, clock_ns());
		}
		return;
	}
	w->unseen = false;
	sharing_encoded(&w->sharing, &w->picture);
	numbering_encoded(&w->numbering);
	failover_good(&w->engine.failover);
	w->next_idr = w->next_after_rfi = false;
	recovery_encoded(&w->recovery, r.frame_no, w->out_key, r.ltr, w->out_encoded_ns);
	account(w, &r, submitted_ns);
	if (w->out_key && r.frame_no > 1)
		log_dbg("frame %u is a key frame", numbering_next(&w->numbering) - 1);
	early_frame(&w->early, w->out_key, w->out_bytes);
	if (repeat)
		refine_repeated(&w->refine, rate_held(&w->rate, w->out_bytes), submitted_ns);
	else
		refine_moved(&w->refine, submitted_ns);
	if (rate_frame(&w->rate, w->out_bytes))
		set_encoder_rate(w);
}

/* Takes the frame. */
static void encode_new(struct encode_worker *w, struct frame *f)
{
	struct trace t = {.captured = f->t.captured, .taken = clock_ns()};
	const enum news news = shown_news(&w->shown, f);
	const struct shown shown = shown_of(f);
	const uint32_t fourcc = f->fourcc;
	int rc = news == NEWS_NONE
			 ? 0
			 : (news == NEWS_CURSOR ? conversion_cursor : conversion_run)(&w->conversion, f, &w->picture);

	frame_unref(f, -1);
	STAT_SET(w->converter, conversion_by(&w->conversion));
	STAT_SET(w->p.stats->picture_bytes, w->conversion.copied);
	if (rc < 0) {
		w->shown.stale = true;
		log_every(NS_PER_S, LOG_LEVEL_WARN, "a captured picture (format %08x) is unusable: %s", fourcc,
			  strerrordesc_np(-rc));
		return;
	}
	/* Whoever passed them over, the source, the slot or the pace. A source that was opened anew counts from
	 * anew. */
	STAT_ADD(w->p.stats->frames_skipped, shown_gap(&w->shown, &shown));
	w->shown = shown;
	if (news == NEWS_NONE)
		return; /* left to the repeats of a still picture */
	w->unseen = true;
	STAT_ADD(w->p.stats->frames_cursor, news == NEWS_CURSOR);
	t.converted = clock_ns();
	if (!t.captured || t.captured > t.taken)
		t.captured = t.taken;
	hist_add(&w->p.stats->capture, t.taken - t.captured);
	hist_add(&w->p.stats->convert, t.converted - t.taken);
	pace_took(&w->pace, t.taken);
	encode(w, &t, t.captured, false);
}

static void encode_again(struct encode_worker *w, uint64_t now)
{
	struct trace t = {.taken = now, .converted = now};

	pace_repeated(&w->pace, now);
	encode(w, &t, now, !w->unseen);
}

/* --- the thread --- */

/* When the converted picture is to be encoded again if no new one comes. */
static uint64_t again_at(const struct encode_worker *w)
{
	if (w->retry_ns)
		return w->retry_ns;
	/* Before the first picture there is nothing to recover. */
	if (recovery_pending(&w->recovery) && w->numbering.picture)
		return pace_extra_at(&w->pace);
	return refine_at(&w->refine) < pace_repeat_at(&w->pace) ? refine_at(&w->refine) : pace_repeat_at(&w->pace);
}

/* One turn; returns when to look again without being woken. */
static uint64_t turn(struct encode_worker *w)
{
	uint64_t now = clock_ns(), due;
	struct pace_life life;
	struct frame *f;

	conversion_tend(&w->conversion, now);
	if (w->gave_up)
		return NS_NEVER;
	if (!engine_runs(&w->engine))
		return mend(w, now);
	take_feedback(w, now);
	/* Nothing is begun while the path is dead, so that what the client has stays in the DPB; nor without credit:
	 * the sender pokes when it gives some back. */
	if (w->silent || credit_used(w->p.credit) >= CREDIT_FRAMES || ring_free(&w->p.out->ring) < ENCODER_UNITS_MAX)
		return NS_NEVER;
	life = client_life(w);
	due = pace_quiet_at(&w->pace, &life, now);
	if (now < due)
		return due;

	f = intake_take(&w->intake, &w->p.frames->slot, &w->pace, &w->shown, now);
	if (f) {
		encode_new(w, f);
		return now; /* look at the carriers again before sleeping */
	}
	due = again_at(w);
	if (now >= due) {
		encode_again(w, now);
		return now;
	}
	if (intake_waits(&w->intake) && pace_due(&w->pace) < due)
		due = pace_due(&w->pace);
	return due;
}

static void begin(struct encode_worker *w)
{
	uint64_t now = clock_ns();
	uint32_t first, last;

	/* Requests from before the first frame are answered by it: it is an IDR. */
	feedback_take_idr(w->p.feedback);
	feedback_take_rfi(w->p.feedback, &first, &last);
	pace_begin(&w->pace, now);
	/* Time stamps begin at one interval: 0 means "none" to clients. */
	w->start_ns = now - w->pace.interval_ns;
	w->last_pts = w->pace.interval_ns;
}

static void run(void *arg)
{
	struct encode_worker *w = arg;

	log_hot_bind(w->log);
	/* Or this thread waits behind the library's own, which go on working after the frame is ready. */
	thread_try_soon();
	sharing_begin(&w->sharing, w->engine.encoder, &w->conversion, &w->picture);
	picture_moved(w);
	while (!thread_should_stop(&w->thread) && !atomic_load_explicit(&w->begun, memory_order_acquire))
		wake_wait(w->p.wake, NS_NEVER);
	begin(w);
	while (!thread_should_stop(&w->thread)) {
		uint64_t at = turn(w);

		if (at > clock_ns())
			wake_wait(w->p.wake, at);
	}
	log_hot_bind(NULL);
}

/* --- main thread --- */

static void worker_destroy(struct encode_worker *w)
{
	if (!w)
		return;
	engine_finish(&w->engine);
	conversion_finish(&w->conversion);
	picture_finish(&w->picture);
	log_hot_destroy(w->log);
	free(w);
}

int encode_worker_start(struct encode_worker **out, const struct encode_worker_params *p,
			const struct encode_worker_events *ev, void *ctx)
{
	const struct video_params *v = &p->video;
	struct encode_worker *w;
	int rc;

	*out = NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->p = *p;
	w->ev = ev;
	w->ctx = ctx;
	rc = -ENOMEM;
	w->log = log_hot_create("encode");
	if (!w->log)
		goto fail;
	rc = picture_init_for(&w->picture, v);
	if (rc < 0)
		goto fail;
	conversion_init(&w->conversion, p->convert, &w->picture);
	STAT_SET(w->converter, conversion_by(&w->conversion));
	pace_init(&w->pace, v->fps_mhz, p->min_fps_mhz);
	rate_init(&w->rate, v->encoder_kbps, v->fps_mhz);
	refine_init(&w->refine, p->refine, w->pace.interval_ns);
	early_init(&w->early, v->codec == CODEC_H264 || v->codec == CODEC_HEVC ? p->early : EARLY_OFF,
		   v->packet_size - 16u, v->encoder_kbps, v->fps_mhz);

	rc = engine_start(&w->engine,
			  &(struct engine_params){.video = *v, .min_slices = p->min_slices, .choice = p->choice},
			  rate_ask(&w->rate), &encoder_events, w);
	if (rc < 0)
		goto fail;
	recovery_init(&w->recovery, &(struct recovery_params){
					    .rfi = w->engine.encoder->params.dpb > 1,
					    .dpb = kept_by(w->engine.encoder),
					    .echo_ns = w->pace.interval_ns / 2 + p->rtt_us * NS_PER_US,
					    .mark_each = v->rfi ? recovery_mark_each(v->fps_mhz) : 0,
				    });
	atomic_store_explicit(&p->feedback->wake, p->wake, memory_order_release);
	rc = thread_start(&w->thread, "encode", run, w);
	if (rc < 0)
		goto fail;
	*out = w;
	return 0;
fail:
	worker_destroy(w);
	return rc;
}

void encode_worker_begin(struct encode_worker *w)
{
	atomic_store_explicit(&w->begun, true, memory_order_release);
	wake_poke(w->p.wake);
}

void encode_worker_stop(struct encode_worker *w)
{
	struct au *a;

	if (!w)
		return;
	thread_stop(&w->thread);
	wake_poke(w->p.wake);
	thread_join(&w->thread);
	/* The consumer was stopped first: the last units it never saw are taken back here. */
	while ((a = ring_pop(&w->p.out->ring)))
		au_release(a);
	worker_destroy(w);
}

bool encode_worker_tell(struct encode_worker *w, const struct encoder_ops **failed, const char **why)
{
	bool news = engine_tell(&w->engine);

	*failed = w->engine.shown.failed;
	*why = w->engine.shown.why;
	return news;
}

const char *encode_worker_describe(struct encode_worker *w)
{
	static const char *const by[] = {
		[CONVERTER_CPU] = "",
		[CONVERTER_GPU] = ", GPU conversion",
		[CONVERTER_GPU_SHARED] = ", pictures stay on the GPU",
		[CONVERTER_GPU_FAILED] = ", CPU conversion as the GPU failed",
	};

	snprintf(w->describe, sizeof(w->describe), "%s%s", w->engine.shown.describe, by[atomic_load(&w->converter)]);
	return w->describe;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "encode/worker.h"
#include "media/frame.h"
#include "net/video_tx.h"

#define LOG_MODULE "pipeline"
#include "base/log.h"

struct pipeline {
	/* main thread */
	struct loop *loop;
	const struct pipeline_events *ev;
	void *ctx;
	struct pipeline_params p;
	struct pipeline_shared shared;
	struct encode_worker *encode;
	struct video_tx *tx;
	struct audio_worker *audio;
	const char *why; /* what became of the encoder; the worker's */
	struct screen_user *screen;
	struct loop_fd *fail_handle;
	bool reported;
	/* carriers */
	struct wake encode_wake, tx_wake;
	struct frame_link frames;
	struct au_link aus;
	struct credit credit;
	/* any thread -> main */
	int fail_fd;
	atomic_int encode_err, send_err, encode_changed;
};

/* Main is to look. */
static void post_failure(struct pipeline *pl, atomic_int *slot, int err)
{
	uint64_t one = 1;

	atomic_store(slot, err);
	if (write(pl->fail_fd, &one, sizeof(one)) < 0)
		return; /* the counter is at its ceiling: the fd is readable already */
}

static void on_encode_failed(void *ctx, int err)
{
	struct pipeline *pl = ctx;

	post_failure(pl, &pl->encode_err, err);
}

static void on_send_failed(void *ctx, int err)
{
	struct pipeline *pl = ctx;

	post_failure(pl, &pl->send_err, err);
}

static void on_encode_changed(void *ctx)
{
	struct pipeline *pl = ctx;

	post_failure(pl, &pl->encode_changed, 1);
}

static const struct encode_worker_events encode_events = {.failed = on_encode_failed, .changed = on_encode_changed};
static const struct video_tx_events tx_events = {.failed = on_send_failed};

static void on_failure(void *ctx, uint32_t events)
{
	struct pipeline *pl = ctx;
	const struct encoder_ops *failed;
	uint64_t n;
	int err;

	(void)events;
	if (read(pl->fail_fd, &n, sizeof(n)) < 0 || pl->reported)
		return;
	if (atomic_exchange(&pl->encode_changed, 0) && encode_worker_tell(pl->encode, &failed, &pl->why))
		encoder_choice_failed(failed, &pl->p.video, pl->why);
	err = atomic_load(&pl->encode_err);
	if (!err && !atomic_load(&pl->send_err))
		return;
	pl->reported = true;
	if (err)
		pl->ev->failed(pl->ctx, "encoder", err);
	else
		pl->ev->failed(pl->ctx, "sender", atomic_load(&pl->send_err));
}

static int open_encoder(struct pipeline *pl)
{
	struct encode_worker_params wp = {
		.video = pl->p.video,
		.min_slices = pl->p.min_slices,
		.min_fps_mhz = pl->p.min_fps_mhz,
		.rtt_us = pl->p.rtt_us,
		.refine = pl->p.refine,
		.early = pl->p.early,
		.convert = pl->p.convert,
		.wake = &pl->encode_wake,
		.frames = &pl->frames,
		.out = &pl->aus,
		.credit = &pl->credit,
		.feedback = pl->shared.feedback,
		.stats = pl->shared.stats,
		.record = pl->shared.record,
	};

	int err = encoder_choose(&wp.choice, pl->p.backend, &pl->p.video, pl->p.preset, pl->p.min_slices);

	if (err)
		return err;
	return encode_worker_start(&pl->encode, &wp, &encode_events, pl);
}

/* A stream without sound is still a stream: a failure is logged and shown, nothing more. */
static void open_audio(struct pipeline *pl)
{
	const struct audio_worker_params ap = {
		.audio = pl->p.audio,
		.keys = pl->p.keys,
		.source = pl->p.audio_source,
		.node = pl->p.audio_node,
		.stats = pl->shared.stats,
	};
	int err;

	if (pl->p.audio_source == AUDIO_NONE)
		return;
	err = audio_worker_start(&pl->audio, &ap);
	if (err)
		log_errno(err, "this stream has no sound");
}

int pipeline_create(struct pipeline **out, struct loop *loop, const struct pipeline_params *p,
		    const struct pipeline_shared *shared, const struct pipeline_events *ev, void *ctx)
{
	struct pipeline *pl = calloc(1, sizeof(*pl));
	int err;

	if (!pl)
		return -ENOMEM;
	pl->loop = loop;
	pl->p = *p;
	pl->shared = *shared;
	pl->ev = ev;
	pl->ctx = ctx;
	pl->fail_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pl->encode_wake.fd = pl->tx_wake.fd = -1;
	err = pl->fail_fd < 0 ? -errno : wake_init(&pl->encode_wake);
	if (!err)
		err = wake_init(&pl->tx_wake);
	if (!err)
		err = ring_init(&pl->aus.ring, AU_RING_CAPACITY);
	if (err)
		goto fail;
	pl->frames.wake = &pl->encode_wake;
	pl->credit.wake = &pl->encode_wake;
	pl->aus.wake = &pl->tx_wake;
	pl->fail_handle = loop_fd_add(loop, pl->fail_fd, EPOLLIN, on_failure, pl);
	err = pl->fail_handle ? open_encoder(pl) : -ENOMEM;
	if (err)
		goto fail;
	open_audio(pl);
	*out = pl;
	return 0;
fail:
	pipeline_destroy(pl);
	return err;
}

static void log_summary(const struct pipeline *pl)
{
	const struct stream_stats *st = pl->shared.stats;

	if (pl->tx)
		log_info("%llu frames sent, %llu repeated, %llu dropped, %llu pictures passed over; "
			 "the CPU read %llu bytes of pictures",
			 (unsigned long long)STAT_GET(st->frames_sent),
			 (unsigned long long)STAT_GET(st->frames_repeated),
			 (unsigned long long)STAT_GET(st->frames_dropped),
			 (unsigned long long)STAT_GET(st->frames_skipped),
			 (unsigned long long)STAT_GET(st->picture_bytes));
}

/* Against the stream: first what feeds it, then what consumes it, the encoder last, because the
 * access units that the sender still holds are the encoder's. */
void pipeline_destroy(struct pipeline *pl)
{
	if (!pl)
		return;
	screens_detach(pl->screen);
	log_summary(pl);
	video_tx_stop(pl->tx);
	encode_worker_stop(pl->encode);
	audio_worker_stop(pl->audio);
	frame_unref(latest_take(&pl->frames.slot), -1);
	loop_fd_remove(pl->fail_handle);
	if (pl->fail_fd >= 0)
		close(pl->fail_fd);
	ring_finish(&pl->aus.ring);
	wake_finish(&pl->encode_wake);
	wake_finish(&pl->tx_wake);
	explicit_bzero(&pl->p.keys, sizeof(pl->p.keys));
	free(pl);
}

static int start_sender(struct pipeline *pl, int fd)
{
	const struct video_tx_params tp = {
		.video = pl->p.video,
		.keys = pl->p.keys,
		.iv_generation = pl->p.iv_generation,
		.tune = pl->shared.tune,
		.fixed_blocks = pl->p.early == EARLY_FIXED,
		.tx_wake = &pl->tx_wake,
		.in = &pl->aus,
		.credit = &pl->credit,
		.feedback = pl->shared.feedback,
		.stats = pl->shared.stats,
	};

	return video_tx_start(&pl->tx, &tp, fd, &tx_events, pl);
}

int pipeline_video(struct pipeline *pl, struct screens *screens, int fd)
{
	int err;

	if (pl->tx) {
		video_tx_set_fd(pl->tx, fd);
		return 0;
	}
	err = start_sender(pl, fd);
	if (err)
		return err;
	err = screens_attach(screens, &pl->p.video, &pl->frames, &pl->screen);
	if (err)
		return err;
	encode_worker_begin(pl->encode);
	return 0;
}

void pipeline_audio(struct pipeline *pl, int fd)
{
	if (pl->audio)
		audio_worker_begin(pl->audio, fd);
}

const char *pipeline_encoder(const struct pipeline *pl)
{
	return encode_worker_describe(pl->encode);
}

const char *pipeline_encoder_why(const struct pipeline *pl)
{
	return pl->why ? pl->why : "";
}

const char *pipeline_sound(const struct pipeline *pl)
{
	return pl->audio ? audio_worker_describe(pl->audio) : "none";
}

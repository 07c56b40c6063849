// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Sound of a sink: a capture stream on its monitor. PipeWire's adapter converts to 48 kHz float and
 * mixes to the wanted channels, so that what arrives is only copied.
 *
 * Threads: the owner's (open, start, stop, close); one of ours that runs the PipeWire main loop,
 * connects and, when the daemon or the stream goes away, connects again with growing pauses;
 * PipeWire's data thread, which only writes into the fifo. Nobody waits for a daemon: until it is
 * there, the fifo stays empty and the stream carries silence.
 */
#include "audio/source.h"

#include <pipewire/pipewire.h>
#include <sched.h>
#include <spa/param/audio/format-utils.h>
#include <spa/utils/result.h>
#include <string.h>

#include "audio/layout.h"
#include "audio/timeline.h"
#include "base/thread.h"

#define LOG_MODULE "audio"
#include "base/log.h"

#define RETRY_MIN_NS (250 * NS_PER_MS)
#define RETRY_MAX_NS (4 * NS_PER_S)

struct capture {
	struct source base;
	/* constant after open */
	struct thread thread;
	struct pw_main_loop *loop;
	struct spa_source *quit, *retry;
	char *node;
	unsigned channels, packet_frames;
	/* our thread */
	struct pw_context *context;
	struct pw_core *core;
	struct pw_stream *stream;
	struct spa_hook core_hook, stream_hook;
	uint64_t retry_ns;
	bool retrying;
	bool told_missing; /* that there is no sound: said once, until there is some again */
	/* data thread */
	bool scheduled;
	struct timeline timeline;
};

/* Data thread. */
static void take_chunk(struct capture *c, const float *pcm, unsigned frames, const struct pw_time *t)
{
	unsigned gap = 0;
	int64_t at_ns = t->now;

	/* The driver's idea of when this cycle began is free of the jitter of our being called. */
	if (t->now > 0 && t->rate.denom) {
		/* Whole seconds and the rest apart; what a driver makes up may wrap, and is no gap then. */
		uint64_t ticks = t->ticks * t->rate.num, denom = t->rate.denom;
		uint64_t position = ticks / denom * AUDIO_RATE + ticks % denom * AUDIO_RATE / denom;

		gap = timeline_chunk(&c->timeline, position, frames);
		if (c->timeline.off > 0)
			at_ns -= c->timeline.off * (int64_t)(NS_PER_S / AUDIO_RATE);
	} else {
		at_ns = (int64_t)clock_ns();
	}
	if (gap)
		fifo_write(&c->base.fifo, NULL, gap, (uint64_t)at_ns - frames * NS_PER_S / AUDIO_RATE);
	fifo_write(&c->base.fifo, pcm, frames, (uint64_t)at_ns);
}

/* Data thread. */
static void on_process(void *arg)
{
	struct capture *c = arg;
	const size_t frame_bytes = c->channels * sizeof(float);
	struct pw_time t = {0};
	struct pw_buffer *b;

	if (!c->scheduled) {
		c->scheduled = true;
		/* Where the session grants PipeWire real-time scheduling this thread has it already. */
		if (sched_getscheduler(0) == SCHED_OTHER)
			thread_try_realtime();
	}
	if (pw_stream_get_time_n(c->stream, &t, sizeof(t)) < 0)
		t.now = 0;
	while ((b = pw_stream_dequeue_buffer(c->stream))) {
		const struct spa_data *d = &b->buffer->datas[0];

		if (b->buffer->n_datas && d->data && d->chunk->offset <= d->maxsize) {
			uint32_t room = d->maxsize - d->chunk->offset;
			uint32_t bytes = d->chunk->size < room ? d->chunk->size : room;
			const uint8_t *pcm = (const uint8_t *)d->data + d->chunk->offset;

			take_chunk(c, (const float *)pcm, (unsigned)(bytes / frame_bytes), &t);
		}
		pw_stream_queue_buffer(c->stream, b);
	}
}

static void retry_later(struct capture *c, uint64_t in_ns)
{
	/* A timer of zero would be off. */
	struct timespec ts = {.tv_sec = (time_t)(in_ns / NS_PER_S),
			      .tv_nsec = (long)(in_ns % NS_PER_S) + (in_ns ? 0 : 1)};

	pw_loop_update_timer(pw_main_loop_get_loop(c->loop), c->retry, &ts, NULL, false);
}

/* After a failure: not inside a callback of what failed, and slower each time. */
static void reconnect(struct capture *c, const char *why)
{
	if (!c->told_missing) {
		log_warn("no sound from PipeWire (%s): the stream carries silence, trying again", why);
		c->told_missing = true;
	}
	if (c->retrying) /* the daemon's end also ends the stream */
		return;
	c->retrying = true;
	retry_later(c, c->retry_ns);
	c->retry_ns = c->retry_ns * 2 < RETRY_MAX_NS ? c->retry_ns * 2 : RETRY_MAX_NS;
}

static void on_state(void *arg, enum pw_stream_state old, enum pw_stream_state state, const char *error)
{
	struct capture *c = arg;

	log_dbg("stream %s -> %s", pw_stream_state_as_string(old), pw_stream_state_as_string(state));
	if (state == PW_STREAM_STATE_STREAMING) {
		log_info("sound capture runs: %s, %u channels", c->node[0] ? c->node : "the default sink", c->channels);
		c->retry_ns = RETRY_MIN_NS;
		c->told_missing = false;
	} else if (state == PW_STREAM_STATE_ERROR) {
		reconnect(c, error ? error : "stream failed");
	}
}

static void on_core_error(void *arg, uint32_t id, int seq, int res, const char *message)
{
	struct capture *c = arg;

	(void)seq;
	if (id == PW_ID_CORE && res == -EPIPE)
		reconnect(c, "the daemon went away");
	else
		log_dbg("object %u: %s (%s)", id, message, spa_strerror(res));
}

static const struct pw_core_events core_events = {
	.version = PW_VERSION_CORE_EVENTS,
	.error = on_core_error,
};

static const struct pw_stream_events stream_events = {
	.version = PW_VERSION_STREAM_EVENTS,
	.state_changed = on_state,
	.process = on_process,
};

static void disconnect(struct capture *c)
{
	if (c->stream) {
		spa_hook_remove(&c->stream_hook);
		pw_stream_destroy(c->stream);
		c->stream = NULL;
	}
	if (c->core) {
		spa_hook_remove(&c->core_hook);
		pw_core_disconnect(c->core);
		c->core = NULL;
	}
}

/* The channels in the order of layout.h; the first ones of the table when there are fewer. */
static struct spa_audio_info_raw audio_format(unsigned channels)
{
	static const uint32_t order[AUDIO_CHANNELS_MAX] = {
		SPA_AUDIO_CHANNEL_FL, SPA_AUDIO_CHANNEL_FR, SPA_AUDIO_CHANNEL_FC, SPA_AUDIO_CHANNEL_LFE,
		SPA_AUDIO_CHANNEL_RL, SPA_AUDIO_CHANNEL_RR, SPA_AUDIO_CHANNEL_SL, SPA_AUDIO_CHANNEL_SR,
	};
	struct spa_audio_info_raw info = {.format = SPA_AUDIO_FORMAT_F32, .rate = AUDIO_RATE, .channels = channels};

	memcpy(info.position, order, channels * sizeof(*order));
	return info;
}

static int connect_stream(struct capture *c)
{
	struct spa_audio_info_raw info = audio_format(c->channels);
	uint8_t bytes[1024];
	struct spa_pod_builder pod = SPA_POD_BUILDER_INIT(bytes, sizeof(bytes));
	const struct spa_pod *params[] = {spa_format_audio_raw_build(&pod, SPA_PARAM_EnumFormat, &info)};
	struct pw_properties *props =
		pw_properties_new(PW_KEY_MEDIA_TYPE, "Audio", PW_KEY_MEDIA_CATEGORY, "Capture", PW_KEY_MEDIA_ROLE,
				  "Game", PW_KEY_STREAM_CAPTURE_SINK, "true", PW_KEY_NODE_NAME, "moonrill",
				  PW_KEY_NODE_DESCRIPTION, "Moonrill stream", NULL);

	if (!props)
		return -ENOMEM;
	pw_properties_setf(props, PW_KEY_NODE_LATENCY, "%u/%u", c->packet_frames, AUDIO_RATE);
	if (c->node[0])
		pw_properties_set(props, PW_KEY_TARGET_OBJECT, c->node);
	c->scheduled = false;
	c->timeline = (struct timeline){0};
	c->stream = pw_stream_new(c->core, "moonrill", props);
	if (!c->stream)
		return -errno;
	pw_stream_add_listener(c->stream, &c->stream_hook, &stream_events, c);
	return pw_stream_connect(c->stream, PW_DIRECTION_INPUT, PW_ID_ANY,
				 PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_MAP_BUFFERS | PW_STREAM_FLAG_RT_PROCESS,
				 params, 1);
}

static void connect_daemon(struct capture *c)
{
	int err;

	if (!c->context) {
		struct pw_loop *loop = pw_main_loop_get_loop(c->loop);

		/* The configuration with real-time scheduling; where it is gone it is the usual one. */
		c->context = pw_context_new(loop, pw_properties_new(PW_KEY_CONFIG_NAME, "client-rt.conf", NULL), 0);
		if (!c->context)
			c->context = pw_context_new(loop, NULL, 0);
	}
	if (c->context)
		c->core = pw_context_connect(c->context, NULL, 0);
	if (!c->core) {
		reconnect(c, strerror(errno));
		return;
	}
	pw_core_add_listener(c->core, &c->core_hook, &core_events, c);
	err = connect_stream(c);
	if (err < 0)
		reconnect(c, spa_strerror(err));
}

static void on_retry(void *arg, uint64_t expirations)
{
	struct capture *c = arg;

	(void)expirations;
	c->retrying = false;
	disconnect(c);
	connect_daemon(c);
}

static void on_quit(void *arg, uint64_t count)
{
	struct capture *c = arg;

	(void)count;
	pw_main_loop_quit(c->loop);
}

static void capture_main(void *arg)
{
	struct capture *c = arg;

	c->retry_ns = RETRY_MIN_NS;
	retry_later(c, 0);
	pw_main_loop_run(c->loop);
	disconnect(c);
	if (c->context)
		pw_context_destroy(c->context);
	c->context = NULL;
}

static void capture_close(struct source *s)
{
	struct capture *c = (struct capture *)s;

	if (c->retry)
		pw_loop_destroy_source(pw_main_loop_get_loop(c->loop), c->retry);
	if (c->quit)
		pw_loop_destroy_source(pw_main_loop_get_loop(c->loop), c->quit);
	if (c->loop)
		pw_main_loop_destroy(c->loop);
	free(c->node);
	fifo_finish(&s->fifo);
}

static int capture_open(struct source *s, const struct source_params *p)
{
	struct capture *c = (struct capture *)s;
	struct pw_loop *loop;
	int err;

	if (!p->channels || p->channels > AUDIO_CHANNELS_MAX)
		return -EINVAL;
	pw_init(NULL, NULL); /* counted and never undone: plugins stay loaded for the next stream */
	c->channels = p->channels;
	c->packet_frames = p->packet_frames;
	err = fifo_init(&s->fifo, p->channels, SOURCE_FIFO_FRAMES);
	if (err < 0)
		return err;
	c->node = strdup(p->node ? p->node : "");
	c->loop = pw_main_loop_new(NULL);
	if (!c->node || !c->loop)
		goto fail;
	loop = pw_main_loop_get_loop(c->loop);
	c->quit = pw_loop_add_event(loop, on_quit, c);
	c->retry = pw_loop_add_timer(loop, on_retry, c);
	if (!c->quit || !c->retry)
		goto fail;
	return 0;
fail:
	capture_close(s);
	return -ENOMEM;
}

static int capture_start(struct source *s)
{
	struct capture *c = (struct capture *)s;

	return thread_start(&c->thread, "pw-audio", capture_main, c);
}

static void capture_stop(struct source *s)
{
	struct capture *c = (struct capture *)s;

	if (!c->thread.running)
		return;
	pw_loop_signal_event(pw_main_loop_get_loop(c->loop), c->quit);
	thread_join(&c->thread);
}

const struct source_ops source_pipewire = {
	.name = "pipewire",
	.help = "what a sink plays, from its monitor",
	.size = sizeof(struct capture),
	.open = capture_open,
	.start = capture_start,
	.stop = capture_stop,
	.close = capture_close,
};

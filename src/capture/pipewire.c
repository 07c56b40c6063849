// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A PipeWire node as the screen: of a portal session (its own remote), or any node of the user's daemon.
 *
 * PipeWire's thread loop is the capture thread: all events of the stream run there, under the loop's lock, which main
 * takes for start, stop and close. Buffers and their frames are kept in capture/pw_slots.h; PipeWire's own mappings are
 * never used. A buffer with news of the cursor alone makes a view of the last picture (capture/views.h).
 */
#include "capture/backends.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pipewire/pipewire.h>

#include "base/clock.h"
#include "base/str.h"
#include "capture/pw_buffer.h"
#include "capture/pw_cursor.h"
#include "capture/pw_format.h"
#include "capture/pw_node.h"
#include "capture/pw_slots.h"
#include "capture/views.h"

#define LOG_MODULE "pipewire"
#include "base/log.h"

struct pipewire {
	struct capture base;
	/* constant after open */
	struct pw_thread_loop *thread;
	struct pw_context *context;
	struct spa_source *signal;
	const char *node;
	uint32_t fps_mhz;
	bool wants_cursor;
	/* under the loop's lock */
	struct pw_core *core;
	struct pw_stream *stream;
	struct spa_hook core_hook, stream_hook;
	struct node_watch node_watch;
	int sync_seq;
	bool active;    /* started */
	bool connected; /* the stream is */
	bool gone;      /* lost() was sent */
	bool have_format;
	bool tells_damage; /* has done so */
	struct pw_format format;
	unsigned format_no;               /* counts up */
	struct dmabuf_formats importable; /* what readers import, less what they refused */
	struct frame *last;               /* newest picture, kept for refresh and views; a reference, or NULL */
	struct pw_cursor cursor;
	bool owes_cursor; /* its news found no view */
	unsigned skipped; /* pictures since the last one that was shown */
	uint64_t seq;
	/* in part any thread */
	struct pw_slots slots;
	struct views views;
	atomic_bool refresh;
};

static struct pipewire *pipewire_of(struct capture *c)
{
	return (struct pipewire *)c;
}

static void lost(struct pipewire *p, int err)
{
	if (p->gone)
		return;
	p->gone = true;
	p->base.ev->lost(p->base.ctx, err);
}

/* Buffers and frames */

static unsigned offer(struct pipewire *p, struct spa_pod_builder *b, const struct pw_format *fixed,
		      const struct spa_pod *pods[PW_FORMAT_PODS_MAX])
{
	return pw_format_offer(b, &p->importable, fixed, p->fps_mhz, pods);
}

/* A reader could not import what the source gives: something else is negotiated. */
static void withdraw(struct pipewire *p, bool all)
{
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];
	uint8_t memory[PW_OFFER_BYTES];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));

	if (!p->have_format || !p->format.import || !pw_format_withdraw(&p->importable, &p->format, all))
		return;
	log_info("dma-bufs of %.4s with modifier %#llx cannot be imported: something else is asked for",
		 (const char *)&p->format.fourcc, (unsigned long long)p->format.modifier);
	p->have_format = false;
	pw_stream_update_params(p->stream, pods, offer(p, &b, NULL, pods));
}

static void drop_last(struct pipewire *p)
{
	frame_unref(p->last, -1);
	p->last = NULL;
}

/* Any thread: news of the cursor may wait for it. */
static void view_freed(void *ctx)
{
	struct pipewire *p = ctx;

	pw_loop_signal_event(pw_thread_loop_get_loop(p->thread), p->signal);
}

/* The newest picture again, under the cursor as it is now (moved: since it was shown). Where there is no view the next
 * one that is free brings it, or the next picture. */
static void show_last(struct pipewire *p, bool moved)
{
	struct cursor now = pw_cursor_take(&p->cursor);
	const struct cursor_mark mark = cursor_mark(&now);
	const bool shown = p->active && p->last, same = shown && !moved && cursor_mark_is(&mark, &p->last->cursor);
	struct frame *f = same ? frame_ref(p->last) : NULL;

	if (shown && !same)
		f = views_take(&p->views, p->last, now, clock_ns());
	else
		cursor_image_unref(now.image);
	p->owes_cursor = shown && !f;
	if (f)
		p->base.ev->frame(p->base.ctx, f);
}

static void on_signal(void *data, uint64_t count)
{
	struct pipewire *p = data;
	unsigned refused = atomic_exchange(&p->slots.refused, 0);

	(void)count;
	pw_slots_take_returned(&p->slots, p->stream);
	if (refused / 2 == p->format_no && !p->gone)
		withdraw(p, refused & 1);
	if (atomic_exchange(&p->refresh, false) || p->owes_cursor)
		show_last(p, p->owes_cursor);
}

static void on_add_buffer(void *data, struct pw_buffer *b)
{
	struct pipewire *p = data;

	pw_slots_add(&p->slots, b, p->format.import, p->format_no);
}

static void on_remove_buffer(void *data, struct pw_buffer *b)
{
	struct pipewire *p = data;
	struct pw_slot *s = b->user_data;

	if (s && p->last == &s->frame)
		drop_last(p);
	pw_slots_remove(&p->slots, b);
}

static bool deliver(struct pipewire *p, struct pw_slot *s)
{
	const unsigned n_buffers = p->slots.n_buffers;
	struct frame *f = &s->frame;
	int err;

	if (!p->have_format || p->gone)
		return false;
	err = buffer_frame(f, s->buffer->buffer, &s->map, &p->format, clock_ns());
	if (err == -EINVAL)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "a picture reaches out of its buffer: dropped");
	if (err)
		return false;
	if (s->map.told) {
		f->acquire_fence = s->sync.fence;
		s->sync.fence = -1;
	}
	s->format_no = p->format_no;
	f->seq = ++p->seq;
	buffer_judge_damage(f, &p->tells_damage, p->skipped ? NULL : p->last);
	p->skipped = 0;
	f->picture = f->same ? p->last->picture : frame_picture_no();
	f->cursor = pw_cursor_take(&p->cursor);
	p->base.held_max = n_buffers > 3 ? n_buffers - 2 : 1;
	drop_last(p);
	pw_slots_send(&p->slots, s, p->format.import);
	if (n_buffers > 2)
		p->last = frame_ref(f);
	if (p->active)
		p->base.ev->frame(p->base.ctx, f);
	else
		frame_unref(f, -1); /* was on its way when the capture stopped: kept for the next start */
	return true;
}

/* What stands in line and may be read. Whether a picture was shown. */
static bool show_arrived(struct pipewire *p)
{
	enum sync_turn turn;
	struct pw_slot *s;
	bool shown = false;

	while ((turn = pw_slots_next(&p->slots, clock_ns(), &s)) != SYNC_NOBODY) {
		if (turn == SYNC_SHOW && deliver(p, s)) {
			shown = true;
			continue;
		}
		if (turn == SYNC_GIVEN_UP)
			log_every(NS_PER_S, LOG_LEVEL_WARN, "the source does not say when a picture is drawn: dropped");
		p->seq += turn != SYNC_SHOW;
		p->skipped++;
		pw_slots_give_back(&p->slots, p->stream, s->buffer);
	}
	return shown;
}

/* The point of a picture has come, or not in time. */
static void on_look(void *ctx)
{
	struct pipewire *p = ctx;

	if (show_arrived(p))
		p->owes_cursor = false; /* told with the picture */
}

/* Whether there is news of it. */
static bool read_cursor(struct pipewire *p, const struct pw_buffer *b)
{
	int rc = p->wants_cursor ? pw_cursor_read(&p->cursor, b->buffer) : 0;

	if (rc < 0)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "a cursor is not shown as the source has it: %s",
			  strerrordesc_np(-rc));
	return rc != 0;
}

static void on_process(void *data)
{
	struct pipewire *p = data;
	struct pw_buffer *b;
	bool moved = p->owes_cursor;

	pw_slots_take_returned(&p->slots, p->stream);
	while ((b = pw_stream_dequeue_buffer(p->stream))) {
		moved |= read_cursor(p, b);
		if (b->user_data && buffer_has_picture(b->buffer))
			pw_slots_arrive(&p->slots, b->user_data, clock_ns());
		else
			pw_slots_skip(&p->slots, p->stream, b);
	}
	if (show_arrived(p))
		moved = p->owes_cursor = false; /* told with the picture */
	if (moved && !p->gone)
		show_last(p, true);
}

/* Negotiation */

static void on_param_changed(void *data, uint32_t id, const struct spa_pod *param)
{
	struct pipewire *p = data;
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];
	uint8_t memory[PW_OFFER_BYTES];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	unsigned n;
	int err;

	if (id != SPA_PARAM_Format)
		return;
	p->have_format = false;
	if (!param)
		return;
	err = pw_format_parse(param, &p->importable, &p->format);
	if (err) {
		log_errno(err, "the source insists on a format that we cannot read");
		pw_stream_set_error(p->stream, err, "unsupported format");
		return;
	}
	if (p->format.fixate) {
		p->format.fixate = false;
		n = offer(p, &b, &p->format, pods);
		pw_stream_update_params(p->stream, pods, n);
		return;
	}
	log_info("screen of %ux%u, %.4s in %s", p->format.width, p->format.height, (const char *)&p->format.fourcc,
		 p->format.import   ? "dma-bufs that are imported"
		 : p->format.dmabuf ? "dma-bufs"
				    : "memory");
	p->have_format = true;
	p->format_no++;
	n = pw_format_buffers(&b, &p->format, p->wants_cursor, p->slots.timelines.fd >= 0, pods);
	pw_stream_update_params(p->stream, pods, n);
}

static void on_state_changed(void *data, enum pw_stream_state old, enum pw_stream_state state, const char *error)
{
	struct pipewire *p = data;

	log_dbg("stream: %s -> %s", pw_stream_state_as_string(old), pw_stream_state_as_string(state));
	if (state == PW_STREAM_STATE_ERROR) {
		log_dbg("stream: %s", error ? error : "failed");
		lost(p, -ENODEV);
	} else if (state == PW_STREAM_STATE_UNCONNECTED && p->connected) {
		lost(p, -ENODEV);
	}
}

static const struct pw_stream_events stream_events = {
	PW_VERSION_STREAM_EVENTS,    .state_changed = on_state_changed, .param_changed = on_param_changed,
	.add_buffer = on_add_buffer, .remove_buffer = on_remove_buffer, .process = on_process,
};

static int connect_stream(struct pipewire *p)
{
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];
	uint8_t memory[PW_OFFER_BYTES];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	unsigned n = offer(p, &b, NULL, pods);
	unsigned flags = PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_DONT_RECONNECT;
	int err;

	if (!p->active)
		flags |= PW_STREAM_FLAG_INACTIVE;
	err = pw_stream_connect(p->stream, PW_DIRECTION_INPUT, p->node_watch.id, (enum pw_stream_flags)flags, pods, n);
	p->connected = err >= 0;
	return err < 0 ? err : 0;
}

/* Finding the node */

static void node_left(void *ctx)
{
	struct pipewire *p = ctx;

	if (p->connected)
		lost(p, -ENODEV);
}

/* All globals there were have been announced: now the node is known, or not there. */
static void on_core_done(void *data, uint32_t id, int seq)
{
	struct pipewire *p = data;
	int err = 0;

	if (id != PW_ID_CORE || seq != p->sync_seq || p->connected || p->gone)
		return;
	if (*p->node && p->node_watch.id == PW_ID_ANY) {
		err = -ENOENT;
	} else {
		err = connect_stream(p);
		if (err)
			log_errno(err, "node \"%s\" cannot be connected", p->node);
	}
	if (err)
		lost(p, err);
}

static void on_core_error(void *data, uint32_t id, int seq, int res, const char *message)
{
	struct pipewire *p = data;

	(void)seq;
	log_dbg("object %u: %s (%d)", id, message, res);
	if (id != PW_ID_CORE || res != -EPIPE)
		return; /* the stream tells its own troubles */
	log_dbg("the PipeWire daemon has gone");
	lost(p, -ENODEV);
}

static const struct pw_core_events core_events = {
	PW_VERSION_CORE_EVENTS,
	.done = on_core_done,
	.error = on_core_error,
};

/* The table */

static int pipewire_probe(const struct capture_params *params)
{
	return params->pipewire_fd >= 0 ? 0 : pw_daemon_probe();
}

/* Under the lock, or while the loop does not run. */
static void tear_down(struct pipewire *p)
{
	p->gone = true;
	if (p->stream)
		pw_stream_destroy(p->stream); /* removes the buffers */
	p->stream = NULL;
	node_watch_stop(&p->node_watch);
	if (p->core)
		pw_core_disconnect(p->core);
	p->core = NULL;
}

static void destroy_all(struct pipewire *p)
{
	if (p->thread)
		pw_thread_loop_stop(p->thread);
	tear_down(p);
	if (p->signal)
		pw_loop_destroy_source(pw_thread_loop_get_loop(p->thread), p->signal);
	pw_slots_finish(&p->slots);
	if (p->context)
		pw_context_destroy(p->context);
	if (p->thread)
		pw_thread_loop_destroy(p->thread);
	pw_cursor_finish(&p->cursor);
	pw_deinit();
}

static int pipewire_open(struct capture *c, const struct capture_params *params)
{
	struct pipewire *p = pipewire_of(c);
	struct pw_loop *loop;
	int fd = params->pipewire_fd, err;

	pw_init(NULL, NULL);
	p->node = params->node ? params->node : "";
	p->fps_mhz = params->fps_mhz;
	p->wants_cursor = params->cursor == CURSOR_AUTO || params->cursor == CURSOR_METADATA;
	if (p->wants_cursor && pw_cursor_init(&p->cursor) < 0)
		goto fail;
	if (params->importable)
		p->importable = *params->importable;
	p->views.freed = view_freed;
	p->views.ctx = p;
	p->thread = pw_thread_loop_new("capture", NULL);
	if (!p->thread)
		goto fail;
	loop = pw_thread_loop_get_loop(p->thread);
	p->signal = pw_loop_add_event(loop, on_signal, p);
	p->context = pw_context_new(loop, NULL, 0);
	if (!p->signal || !p->context)
		goto fail;
	if (pw_slots_init(&p->slots, loop, p->signal, p->importable.n, on_look, p) < 0)
		goto fail;
	if (fd >= 0) {
		p->core = pw_context_connect_fd(p->context, fd, NULL, 0);
		fd = -1; /* taken, whatever came of it */
	} else {
		p->core = pw_context_connect(p->context, NULL, 0);
	}
	if (!p->core)
		goto fail;
	pw_core_add_listener(p->core, &p->core_hook, &core_events, p);
	p->stream = pw_stream_new(p->core, "moonrill",
				  pw_properties_new(PW_KEY_MEDIA_TYPE, "Video", PW_KEY_MEDIA_CATEGORY, "Capture",
						    PW_KEY_MEDIA_ROLE, "Screen", NULL));
	if (!p->stream || node_watch_start(&p->node_watch, p->core, p->node, node_left, p) < 0)
		goto fail;
	pw_stream_add_listener(p->stream, &p->stream_hook, &stream_events, p);
	p->sync_seq = pw_core_sync(p->core, PW_ID_CORE, 0);
	if (pw_thread_loop_start(p->thread) < 0)
		goto fail;
	return 0;
fail:
	err = errno ? -errno : -EIO;
	log_errno(err, "no connection to PipeWire");
	if (fd >= 0)
		close(fd);
	destroy_all(p);
	return err;
}

static int pipewire_start(struct capture *c)
{
	struct pipewire *p = pipewire_of(c);
	int err = 0;

	pw_thread_loop_lock(p->thread);
	p->active = true;
	if (p->connected && !p->gone) /* gone already: lost() is on its way to main */
		err = pw_stream_set_active(p->stream, true);
	pw_thread_loop_unlock(p->thread);
	return err < 0 ? err : 0;
}

static void pipewire_stop(struct capture *c)
{
	struct pipewire *p = pipewire_of(c);

	/* The newest picture stays: a still screen has no other for the next start. */
	pw_thread_loop_lock(p->thread);
	p->active = false;
	if (p->connected && !p->gone)
		pw_stream_set_active(p->stream, false);
	pw_thread_loop_unlock(p->thread);
}

static void pipewire_refresh(struct capture *c)
{
	struct pipewire *p = pipewire_of(c);

	atomic_store(&p->refresh, true);
	pw_loop_signal_event(pw_thread_loop_get_loop(p->thread), p->signal);
}

static unsigned pipewire_held(struct capture *c)
{
	struct pipewire *p = pipewire_of(c);
	bool outside = !pw_thread_loop_in_thread(p->thread);
	unsigned n;

	if (outside)
		pw_thread_loop_lock(p->thread);
	n = pw_slots_held(&p->slots, p->last);
	if (outside)
		pw_thread_loop_unlock(p->thread);
	return n;
}

static void pipewire_close(struct capture *c)
{
	struct pipewire *p = pipewire_of(c);

	pw_thread_loop_stop(p->thread);
	drop_last(p);
	pw_slots_take_returned(&p->slots, p->stream);
	assert(!atomic_load(&p->slots.out) && !atomic_load(&p->views.out));
	destroy_all(p);
}

const struct capture_ops capture_pipewire = {
	.name = "pipewire",
	.help = "a PipeWire video node: the portal's screen, or any node by id or name",
	.size = sizeof(struct pipewire),
	.probe = pipewire_probe,
	.open = pipewire_open,
	.start = pipewire_start,
	.stop = pipewire_stop,
	.refresh = pipewire_refresh,
	.held = pipewire_held,
	.close = pipewire_close,
};

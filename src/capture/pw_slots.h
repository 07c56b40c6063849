// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The buffers of a PipeWire stream and the frames made of them. Frames go back from any thread by a bit in a mask and a
 * signal to the loop, which alone queues buffers. A buffer that PipeWire removes while a reader still has its frame
 * keeps its mapping until the frame is back. Pictures stand in line until they may be read (capture/sync_line.h). Loop
 * thread, or under its lock, unless said otherwise.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pipewire/pipewire.h>

#include "capture/pw_buffer.h"
#include "capture/sync_line.h"
#include "media/frame.h"

#define PW_SLOTS 32 /* buffers of a stream, and those of its last format that readers still hold */

enum pw_slot_state { PW_SLOT_FREE, PW_SLOT_LIVE, PW_SLOT_ORPHAN };

struct pw_slot {
	struct frame frame;
	struct buffer_map map;
	struct sync_points sync;
	int read_fence;           /* of the readers, for the source to wait for; -1. Set before the bit in returned */
	unsigned format_no;       /* of the frame */
	struct pw_buffer *buffer; /* NULL: PipeWire has removed it */
	enum pw_slot_state state;
};

struct pw_slots {
	struct pw_loop *loop;      /* constant */
	struct spa_source *signal; /* constant; its event is due when a frame is back, or refused */
	unsigned n_buffers;        /* that PipeWire has, with and without a slot */
	uint64_t next_id;
	struct drm_timelines timelines; /* none: all is synchronised implicitly */
	struct sync_line line;
	struct spa_source *timer, *points; /* for who stands in line; points NULL: the timer alone */
	uint64_t due_ns;                   /* of the timer; 0: off */
	void (*look)(void *ctx);
	void *ctx;
	struct pw_slot slot[PW_SLOTS];
	/* any thread */
	atomic_uint out;       /* slots whose frame is out; the loop writes */
	atomic_uint returned;  /* slots given back; any thread sets, the loop clears */
	atomic_uint releasing; /* threads that are giving one back */
	atomic_uint refused;   /* twice the number of the format that cannot be read, odd: nor any other dma-buf */
};

/* signal: an event source of the loop, which calls pw_slots_take_returned. import: for readers that import, timelines
 * are looked for. look: calls pw_slots_next until it is nobody's turn, on the loop. -errno. */
int pw_slots_init(struct pw_slots *p, struct pw_loop *loop, struct spa_source *signal, bool import,
		  void (*look)(void *ctx), void *ctx);
void pw_slots_finish(struct pw_slots *p); /* all buffers removed, all frames back; accepts zeroed ones */

/* The stream's event; import: for readers that import, nothing is mapped. Finds it a slot, which becomes b's user_data:
 * NULL where that cannot be (logged), then it stays unused. Timelines that are none count as refused. */
void pw_slots_add(struct pw_slots *p, struct pw_buffer *b, bool import, unsigned format_no);
/* The stream's event. The slot goes when its frame is back. */
void pw_slots_remove(struct pw_slots *p, struct pw_buffer *b);

/* A buffer with a picture has come: it stands in line. */
void pw_slots_arrive(struct pw_slots *p, struct pw_slot *s, uint64_t now_ns);
/* Whose turn it is, as sync_line_next says. The slot's: it is for the caller to send or to give back. */
enum sync_turn pw_slots_next(struct pw_slots *p, uint64_t now_ns, struct pw_slot **s);
/* A buffer that has come, of which nobody is to see a picture. */
void pw_slots_skip(struct pw_slots *p, struct pw_stream *stream, struct pw_buffer *b);
/* One whose turn it was, and that was not sent. */
void pw_slots_give_back(struct pw_slots *p, struct pw_stream *stream, struct pw_buffer *b);

/* The frame of a slot goes out with one reference: its release and refuse are filled in here. */
struct frame *pw_slots_send(struct pw_slots *p, struct pw_slot *s, bool import);
/* Queues what has come back. */
void pw_slots_take_returned(struct pw_slots *p, struct pw_stream *stream);
/* Frames that are out and not on their way back, but for kept (or NULL) where the caller's reference is the only one.
 * 0: no thread that gave one back uses p any more. Any thread that keeps the loop from working. */
unsigned pw_slots_held(struct pw_slots *p, const struct frame *kept);

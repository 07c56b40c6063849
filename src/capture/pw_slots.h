// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The buffers of a PipeWire stream and the frames made of them. Frames go back from any thread by a bit in a mask and a
 * signal to the loop, which alone queues buffers. A buffer that PipeWire removes while a reader still has its frame keeps
 * its mapping until the frame is back. Loop thread, or under its lock, unless said otherwise.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pipewire/pipewire.h>

#include "capture/pw_buffer.h"
#include "media/frame.h"

#define PW_SLOTS 32 /* buffers of a stream, and those of its last format that readers still hold */

enum pw_slot_state { PW_SLOT_FREE, PW_SLOT_LIVE, PW_SLOT_ORPHAN };

struct pw_slot {
	struct frame frame;
	struct buffer_map map;
	unsigned format_no;       /* of the frame */
	struct pw_buffer *buffer; /* NULL: PipeWire has removed it */
	enum pw_slot_state state;
};

struct pw_slots {
	struct pw_loop *loop;      /* constant */
	struct spa_source *signal; /* constant; its event is due when a frame is back, or refused */
	unsigned n_buffers;        /* that PipeWire has, with and without a slot */
	uint64_t next_id;
	struct pw_slot slot[PW_SLOTS];
	/* any thread */
	atomic_uint out;       /* slots whose frame is out; the loop writes */
	atomic_uint returned;  /* slots given back; any thread sets, the loop clears */
	atomic_uint releasing; /* threads that are giving one back */
	atomic_uint refused;   /* twice the number of the format that cannot be read, odd: nor any other dma-buf */
};

/* signal: an event source of the loop, which calls pw_slots_take_returned. */
void pw_slots_init(struct pw_slots *p, struct pw_loop *loop, struct spa_source *signal);

/* The stream's event; import: for readers that import, nothing is mapped. Finds it a slot, which becomes b's user_data:
 * NULL where that cannot be (logged), then it stays unused. */
void pw_slots_add(struct pw_slots *p, struct pw_buffer *b, bool import);
/* The stream's event. The slot goes when its frame is back. */
void pw_slots_remove(struct pw_slots *p, struct pw_buffer *b);

/* The frame of a slot goes out with one reference: its release and refuse are filled in here. */
struct frame *pw_slots_send(struct pw_slots *p, struct pw_slot *s, bool import);
/* Queues what has come back. */
void pw_slots_take_returned(struct pw_slots *p, struct pw_stream *stream);
/* Frames that are out and not on their way back, but for kept (or NULL) where the caller's reference is the only one.
 * 0: no thread that gave one back uses p any more. Any thread that keeps the loop from working. */
unsigned pw_slots_held(struct pw_slots *p, const struct frame *kept);

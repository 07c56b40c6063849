// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What answers a lost frame, decided once for all encoders: the frame is encoded from what the client surely has, else
 * it is an IDR. What the client has is told in three ways: it names what it lost (all before that it has), it
 * acknowledges frames that were marked for it, and our own sender says what never left. Pure state machine of the
 * encode thread; time comes in as an argument. Rules: 2-media 5.5 "What the host must do" 1 to 7.
 *
 * Numbers here are those of pictures, rising by one with each that is encoded; encode/numbering.h turns the wire's
 * numbers into them. An encoder that recovers by a refresh wave would stand between the two actions; there is none yet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RECOVERY_DPB_MAX 64u

enum recovery_action { RECOVERY_NONE, RECOVERY_RFI, RECOVERY_IDR };

struct recovery_params {
	bool rfi;           /* encoder and client can */
	uint8_t dpb;        /* frames the encoder keeps, at most RECOVERY_DPB_MAX */
	uint64_t echo_ns;   /* a request this soon after an IDR was encoded cannot know of it: it is answered already */
	uint32_t mark_each; /* a frame in so many is marked to be acknowledged; 0: none */
};

struct recovery {
	struct recovery_params p;
	uint32_t newest, idr_frame; /* encoded; 0: none yet */
	uint32_t acked;             /* newest frame that the client has acknowledged, 0: none */
	uint32_t marked;            /* newest frame marked to be acknowledged */
	uint64_t owed_ns;           /* when a mark followed an acknowledgement of all before it; 0: none did since */
	uint64_t idr_ns;
	uint64_t idr_paid_ns;           /* IDRs are paid for up to here, see IDR_EACH_NS */
	uint64_t broken;                /* bit i: frame newest - i must not be referenced */
	uint32_t done_first, done_last; /* range honoured last; 0: none */
	bool want_idr, want_rfi;
	bool unsure; /* nothing is known of the frames before the range wanted but acknowledgements */
	uint32_t first;
};

void recovery_init(struct recovery *r, const struct recovery_params *p);

/* A key frame was asked for. */
void recovery_request_idr(struct recovery *r, uint64_t now_ns);
/* Frames first..last did not arrive; untrusted numbers. */
void recovery_report_lost(struct recovery *r, uint32_t first, uint32_t last);
/* Our own sender: nothing from first on will reach the client, and of the frames before it the newest may be on their
 * way. What the client says of that range later is answered already. */
void recovery_report_unsent(struct recovery *r, uint32_t first);
/* The path was dead for a while: what of it arrived nobody knows. */
void recovery_report_silence(struct recovery *r);
/* The client has this frame and all that it needs; untrusted number. */
void recovery_acked(struct recovery *r, uint32_t frame);

/* Since when the client has had cause to acknowledge; before that it may be quiet because we were. 0: for long. */
static inline uint64_t recovery_owed_since(const struct recovery *r)
{
	return r->owed_ns;
}

/* How many frames can be encoded before the acknowledged one cannot be referred to any more; UINT32_MAX: there is
 * none. */
uint32_t recovery_room(const struct recovery *r);

/* Whether something was asked for and not answered yet: worth a frame even of a still picture. */
static inline bool recovery_pending(const struct recovery *r)
{
	return r->want_idr || r->want_rfi;
}

/* What the next frame must be; empties the requests, but for an IDR whose time has not come: IDRs are limited in rate.
 * With RECOVERY_RFI *first..*last, up to the newest encoded frame, are to be invalidated; when the encoder cannot
 * (-ENOENT), encode an IDR. */
enum recovery_action recovery_next(struct recovery *r, uint64_t now_ns, uint32_t *first, uint32_t *last);

/* recovery_params.mark_each of a stream: often enough that an acknowledged frame is in the DPB. */
uint32_t recovery_mark_each(uint32_t fps_mhz);
/* Whether the next frame is to be marked; answers: it is an IDR or follows an invalidation. */
bool recovery_marks_next(const struct recovery *r, bool answers);

/* The next frame is an IDR already, for a reason of its own: it answers whatever was asked. */
void recovery_answered(struct recovery *r);
/* The encoder was opened anew, or another took its place: it keeps dpb frames, and can answer a loss or not. Its first
 * frame, the next, is an IDR, which answers whatever was asked. */
void recovery_restart(struct recovery *r, bool rfi, uint8_t dpb);

/* A frame was encoded; key: it came out as an IDR, asked for or not; marked: as decided. */
void recovery_encoded(struct recovery *r, uint32_t frame_no, bool key, bool marked, uint64_t now_ns);

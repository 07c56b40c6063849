// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What answers a lost frame, decided once for all encoders: a reference invalidation while the client still has a
 * frame to build on, else an IDR. Pure state machine of the encode thread; time comes in as an argument.
 * Rules: 2-media 5.5 "What the host must do" 1 to 5. Long-term references and intra refresh will stand between the
 * two as further actions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum recovery_action { RECOVERY_NONE, RECOVERY_RFI, RECOVERY_IDR };

struct recovery_params {
	bool rfi;         /* encoder and client can */
	uint8_t dpb;      /* frames the encoder keeps, at most 32 */
	uint64_t echo_ns; /* a request this soon after an IDR was encoded cannot know of it: it is answered already */
};

struct recovery {
	struct recovery_params p;
	uint32_t newest, idr_frame; /* encoded; 0: none yet */
	uint64_t idr_ns;
	uint32_t broken;                /* bit i: frame newest - i must not be referenced */
	uint32_t done_first, done_last; /* range honoured last; 0: none */
	bool want_idr, want_rfi;
	uint32_t first, last; /* merged range wanted */
};

void recovery_init(struct recovery *r, const struct recovery_params *p);

/* A key frame was asked for. */
void recovery_request_idr(struct recovery *r, uint64_t now_ns);
/* Frames first..last did not arrive; untrusted numbers. */
void recovery_report_lost(struct recovery *r, uint32_t first, uint32_t last);

/* Whether something was asked for and not answered yet: worth a frame even of a still picture. */
static inline bool recovery_pending(const struct recovery *r)
{
	return r->want_idr || r->want_rfi;
}

/* What the next frame must be; empties the requests. With RECOVERY_RFI *first..*last, up to the newest encoded frame,
 * are to be invalidated; when the encoder cannot (-ENOENT), encode an IDR. */
enum recovery_action recovery_next(struct recovery *r, uint32_t *first, uint32_t *last);

/* A frame was encoded; key: it came out as an IDR, asked for or not. */
void recovery_encoded(struct recovery *r, uint32_t frame_no, bool key, uint64_t now_ns);

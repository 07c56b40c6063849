// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whether the encoder of a stream reads its pictures on the GPU that made them (ENC_SHARED), or in memory. One that
 * says of the first it is given that it cannot, or fails with it, gets them in memory for the rest of the stream.
 * Encode thread, which waits for the GPU and frees its memory here: once in a stream while an encoder runs, else when
 * one was opened.
 */
#pragma once

#include <stdbool.h>

struct conversion;
struct encoder;
struct picture;

/* Zeroed at the start. */
struct sharing {
	bool encoded; /* a picture on the GPU was */
	bool refused; /* there are none any more */
};

/* Pictures go where the encoder, which was opened just now, wants them, from the next one on. If the newest one is on
 * the GPU and may not be it is brought into memory, or black when it is lost with the GPU. */
void sharing_begin(struct sharing *s, const struct encoder *e, struct conversion *c, struct picture *p);

/* encoder_submit() failed with that picture: err, not -EAGAIN. True: it is to get the same again, which is in memory
 * now. False: it failed; if it has to get memory after that, the next sharing_begin() brings the picture there, so that
 * this does not count as time that the encoder took. */
bool sharing_failed(struct sharing *s, int err, struct conversion *c, struct picture *p);
void sharing_encoded(struct sharing *s, const struct picture *p);

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which encoders may serve a stream, in which order: the configured one, or with "auto" hardware that works before
 * software, of those that have the format. Whether hardware works is not believed but tried: opened with what the
 * stream wants, it encodes a few pictures. What came of that is remembered for each format, and what went wrong in
 * streams as well, for people to see.
 *
 * Hardware that hangs in closing (encode/closer.h) is left out while that lasts, even if it was asked for by its name.
 *
 * Main thread: a trial takes some tens of milliseconds, and where hardware hangs four seconds at most.
 */
#pragma once

#include "encode/encoder.h"
#include "encode/picture.h"

#define ENCODER_CHOICE_MAX 6
#define ENCODER_WHY_MAX    160

/* In the order in which they are to be used; the strings live as long as the program or what was passed in. */
struct encoder_choice {
	struct {
		const struct encoder_ops *ops;
		const char *preset;
	} at[ENCODER_CHOICE_MAX];
	unsigned n;
	bool named; /* the first was asked for by name: a stream begins with it or not at all */
};

/* backend: "auto" or a name of the registry; preset and slices are those of the stream. One that is named is not tried,
 * what comes after it is software. -ENOTSUP: none can do that; it was logged why. */
int encoder_choose(struct encoder_choice *out, const char *backend, const struct video_params *v, const char *preset,
		   uint8_t slices);

/* Once, before the first client is answered: tries what depends on hardware with a usual stream of each codec in each
 * format that it says it has, with the preset of that codec. One that is named: all but the usual format. */
void encoder_choice_measure(const char *backend, const char *const preset[CODECS], uint8_t slices);
/* What a stream of that codec and format would begin with as far as is known, without a trial; NULL: nothing. caps may
 * be NULL. */
const struct encoder_ops *encoder_choice_usual(const char *backend, enum codec codec, enum picture_format format,
					       struct enc_caps *caps);
/* The preset for it, of that configured for the codec: where hardware serves the usual format, a number is its driver's
 * quality level, which libx264 would read as a preset much too slow. */
const char *encoder_choice_preset(const char *backend, const struct encoder_ops *ops, enum codec codec,
				  const char *preset);

/* The DRM node of what streams would begin with, if that is an encoder that reads dma-bufs; 0: it is not. */
uint64_t encoder_choice_shares(const char *backend);

/* It failed in such a stream, for that reason: the next stream of the codec tries it again before it takes it. */
void encoder_choice_failed(const struct encoder_ops *ops, const struct video_params *v, const char *why);
/* What is known of it: false when "auto" does not take it for that format, which it may lack. why: a sentence, or
 * empty; valid until the next call of any of these functions. */
bool encoder_choice_takes(const struct encoder_ops *ops, enum codec codec, enum picture_format format,
			  const char **why);

/* As at the start of the program. For tests. */
void encoder_choice_forget(void);

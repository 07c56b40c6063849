// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Where sound comes from. Two kinds: one with a clock of its own writes into its fifo from its own
 * thread, and the packet grid follows it (intake.h); one without is asked for frames on the audio
 * thread, and the grid is the system clock's. A source never ends a stream: what it cannot deliver
 * is silence.
 */
#pragma once

#include <stddef.h>

#include "audio/fifo.h"

/* 170 ms: room for the longest graph cycle and for a thread that overslept. The delay is bounded by the intake. */
#define SOURCE_FIFO_FRAMES 8192u

struct source_params {
	unsigned channels;      /* 2, 6, 8 in the order of layout.h */
	unsigned packet_frames; /* of one packet: the latency to ask for */
	const char *node;       /* sink whose monitor is wanted, "" the default one; copied */
};

struct source {
	const struct source_ops *ops;
	struct fifo fifo; /* zeroed with render */
};

/* Main thread, but render. */
struct source_ops {
	const char *name, *help;
	size_t size; /* of the struct that begins with struct source */
	/* Prepares; nothing is connected yet. s is zeroed but ops. -ENOMEM, -ENODEV, -EINVAL: closed again. */
	int (*open)(struct source *s, const struct source_params *p);
	/* Begins to connect and to write into the fifo; does not wait for either. -errno. */
	int (*start)(struct source *s);
	void (*stop)(struct source *s);  /* on return nothing writes any more; accepts one that was not started */
	void (*close)(struct source *s); /* frees everything but s */
	/* Audio thread, wait-free: NULL for a source with a fifo. */
	void (*render)(struct source *s, float *pcm, unsigned frames);
};

extern const struct source_ops source_tone, source_silence;
extern const struct source_ops source_pipewire; /* with HAVE_PIPEWIRE */

/* Allocates and opens. -ENOMEM or what open gave. */
int source_create(struct source **out, const struct source_ops *ops, const struct source_params *p);
void source_destroy(struct source *s); /* stops and closes; accepts NULL */

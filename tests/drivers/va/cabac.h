// SPDX-License-Identifier: GPL-3.0-or-later
/* The arithmetic encoder that H.264 (9.3.4) and HEVC (9.3.5) share; contexts and bins are theirs. */
#pragma once

#include "bits.h"

#define CABAC_CONTEXTS 512u

struct cabac {
	struct out *o;
	uint8_t state[CABAC_CONTEXTS]; /* pStateIdx * 2 + valMPS */
	uint32_t low, range, outstanding;
	bool first;
};

/* Begins where o, which is byte aligned, ends. States are set apart. */
void cabac_begin(struct cabac *e, struct out *o);
/* A context's first state: (slope * qp >> 4) + offset, as both standards clip it. */
void cabac_state(struct cabac *e, unsigned ctx, int slope, int offset, int qp);
void cabac_decide(struct cabac *e, unsigned ctx, unsigned bin);
void cabac_bypass(struct cabac *e, unsigned bin);
/* With 1 the slice ends: its stop bit is out, alignment is not. */
void cabac_terminate(struct cabac *e, unsigned bin);

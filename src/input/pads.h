// SPDX-License-Identifier: GPL-3.0-or-later
/* The pads of one session, over whatever kinds of pads there are. The back end `pads` is this over all of ours. */
#pragma once

#include "input/pad.h"

enum pad_kind { PAD_KIND_XBOX, PAD_KIND_DUALSENSE, PAD_KIND_SWITCH, PAD_KINDS };

struct pads {
	struct input_backend base;
	const struct pad_ops *const *kinds; /* by enum pad_kind */
	unsigned allowed;                   /* bit n: kind n works here */
	struct pad *pad[INPUT_PADS_MAX];    /* NULL: not there, or could not be made */
};

/* The kind for a pad that arrives, of the allowed ones (never 0). config: "auto" or the name of a kind. Pure. */
enum pad_kind pad_kind_choose(const char *config, const struct input_event *arrival, unsigned allowed,
			      const struct pad_ops *const kinds[PAD_KINDS]);

/* As input_ops.open, with these kinds; then the event and close of input_pads. */
int pads_open(struct pads *p, const struct pad_ops *const kinds[PAD_KINDS], char why[INPUT_WHY_MAX]);

// SPDX-License-Identifier: GPL-3.0-or-later
/* Recorded sessions from elsewhere: whatever is accepted keeps what replays rely on. */
#include <stdint.h>
#include <stdlib.h>

#include "../../netlab/session_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session_file f;
	struct session_error e;

	if (session_file_parse(&f, (const char *)data, size, &e)) {
		if (!e.text && !e.line)
			abort();
		return 0;
	}
	for (size_t i = 0; i < f.n_units; i++)
		if ((i && f.unit[i].at_ns < f.unit[i - 1].at_ns) || f.unit[i].unit.len > RECORD_UNIT_MAX)
			abort();
	for (size_t i = 0; i < f.n_events; i++) {
		const struct record_event *v = &f.event[i];

		if (i && v->at_ns < f.event[i - 1].at_ns)
			abort();
		if (v->kind == RECORD_TICK && (!v->tick.encoder_kbps || !v->tick.why_rate || !v->tick.why_fec))
			abort();
	}
	session_file_free(&f);
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdint.h>
#include <stdlib.h>

#include "ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_request r;

	if (ctl_request_parse(&r, (const char *)data, size) < 0)
		return 0;
	for (int i = 0; i < r.n_args; i++)
		if (!r.args[i])
			abort();
	ctl_request_finish(&r);
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/input_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input_script s = {0};
	unsigned line;

	(void)input_script_parse(&s, (const char *)data, size, &line);
	input_script_finish(&s);
	return 0;
}

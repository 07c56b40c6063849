// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdint.h>
#include <stdlib.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted must be printed so that it is accepted again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config c, again;
	struct config_error e;
	struct buf b;

	config_defaults(&c);
	if (config_parse(&c, (const char *)data, size, &e) < 0)
		return 0;
	buf_init(&b, CONFIG_FILE_MAX);
	config_dump(&c, &b);
	config_defaults(&again);
	/* A value near the line limit may not fit its line any more beside a longer key: only then
	 * is it refused. */
	if (!b.err && config_parse(&again, buf_cstr(&b), b.len, &e) < 0 && !e.line)
		abort();
	buf_finish(&b);
	return 0;
}

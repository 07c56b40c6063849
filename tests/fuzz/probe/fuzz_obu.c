// SPDX-License-Identifier: GPL-3.0-or-later
/* A stream of temporal units: each begins with its length in two bytes. */
#include "base/rd.h"
#include "probe/obu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	struct obu_unit u = {0};

	while (rd_left(&r) > 2) {
		size_t len = rd_le16(&r);

		len = len < rd_left(&r) ? len : rd_left(&r);
		obu_unit_parse(&u, rd_bytes(&r, len), len);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/xml.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"App", "ID", "AppTitle", "sessionUrl0", "paired", "state"};
	char out[64];
	struct xml x;
	size_t at = 0;

	if (!size || xml_parse(&x, (const char *)data, size, NULL))
		return 0;
	for (unsigned i = 0; i < 6; i++) {
		(void)xml_get(&x, names[i], NULL, out, sizeof(out));
		(void)xml_count(&x, names[i]);
		(void)xml_get_number(&x, names[i], 0);
	}
	while (xml_get(&x, "ID", &at, out, sizeof(out)))
		;
	return 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Opened messages from the parser through the dispatcher into an input back end; first byte: how much of the input is
 * the first message. Also ENet's connection requests, whose parser sees the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "control/dispatch.h"
#include "control/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feedback feedback;
	struct stream_stats stats = {0};
	struct dispatch d = {.feedback = &feedback, .stats = &stats};
	uint32_t connect_data, first, last;

	if (host_is_connect(data, size, &connect_data) && !host_is_stray(data, size))
		abort();
	if (!size || input_open(&d.input, &(struct input_params){.backend = "null"}))
		return 0;
	feedback_init(&feedback);
	for (size_t at = 1, n = data[0]; at <= size; at += n, n = size - at ? size - at : 1) {
		struct msg m;

		if (n > size - at)
			n = size - at;
		if (msg_parse(&m, data + at, n) == 0)
			dispatch_msg(&d, &m);
		if (at + n >= size)
			break;
	}
	if (feedback_take_rfi(&feedback, &first, &last) && first > last)
		abort();
	input_close(d.input);
	return 0;
}

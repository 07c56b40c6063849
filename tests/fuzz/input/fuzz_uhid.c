// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What programs on the host write to the pads that are HID devices: output reports, each after a byte of length (a
 * length above 127 asks for that feature report instead). Whatever they write, answers stay in their bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "input/dualsense_report.h"
#include "input/switchpro_report.h"
#include "input/uhid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rumble(void *ctx, uint8_t pad, uint16_t low, uint16_t high)
{
	(void)ctx, (void)pad, (void)low, (void)high;
}

static void led(void *ctx, uint8_t pad, uint8_t r, uint8_t g, uint8_t b)
{
	(void)ctx, (void)pad, (void)r, (void)g, (void)b;
}

static void effect(void *ctx, uint8_t pad, const struct input_trigger_effect *e)
{
	(void)ctx, (void)pad;
	if (!e->left && !e->right)
		abort();
}

static const struct input_back back = {.rumble = rumble, .led = led, .trigger_effect = effect};

static void one_dualsense(struct dualsense *d, const uint8_t *exact, size_t n, uint8_t head)
{
	uint8_t answer[UHID_FEATURE_MAX];

	if (head > 127) {
		size_t len = dualsense_feature(d, head & 0x7f, answer);

		if (len > sizeof(answer) || (len && answer[0] != (head & 0x7f)))
			abort();
	} else {
		dualsense_output(d, exact, n, &back, 0);
	}
}

static void one_switchpro(struct switchpro *s, const uint8_t *exact, size_t n)
{
	uint8_t reply[SWITCHPRO_REPORT_SIZE];

	if (switchpro_output(s, exact, n, &back, 0, reply) && reply[0] != 0x21 && reply[0] != 0x81)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct dualsense dualsense;
	struct switchpro switchpro;

	dualsense_init(&dualsense, (const uint8_t[6]){2});
	switchpro_init(&switchpro, (const uint8_t[6]){2});
	while (data < end) {
		uint8_t head = *data++;
		size_t n = head > 127 ? 0 : head;
		uint8_t *exact;

		if (n > (size_t)(end - data))
			n = (size_t)(end - data);
		exact = malloc(n ? n : 1);
		if (!exact)
			abort();
		memcpy(exact, data, n);
		one_dualsense(&dualsense, exact, n, head);
		one_switchpro(&switchpro, exact, n);
		free(exact);
		data += n;
	}
	return 0;
}

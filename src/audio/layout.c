// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/layout.h"

#include <stddef.h>

const uint8_t layout_mapping[AUDIO_CHANNELS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};

static const struct layout layouts[] = {
	{"stereo", 2, 1, 1, false, 96000},
	{"5.1", 6, 4, 2, false, 256000},
	{"7.1", 8, 5, 3, false, 450000},
	{"stereo high quality", 2, 1, 1, true, 512000},
	{"5.1 high quality", 6, 6, 0, true, 1536000},
	{"7.1 high quality", 8, 8, 0, true, 2048000},
};

const struct layout *layout_find(unsigned channels, bool high_quality)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		if (layouts[i].channels == channels && layouts[i].high_quality == high_quality)
			return &layouts[i];
	}
	return NULL;
}

unsigned layout_packet_bytes(const struct layout *l, unsigned packet_ms)
{
	unsigned bytes;

	if (packet_ms != 5 && packet_ms != 10)
		return 0;
	bytes = l->bit_rate / 8 * packet_ms / 1000;
	return bytes <= AUDIO_OPUS_MAX ? bytes : 0;
}

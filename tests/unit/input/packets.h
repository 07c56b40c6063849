// SPDX-License-Identifier: GPL-3.0-or-later
/* Builds input packets for tests from a header and a body in hex. */
#pragma once

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/wr.h"
#include "input/input.h"

#define PACKET_MAX 64

static inline size_t packet_make(uint8_t out[PACKET_MAX], uint32_t magic, const char *body_hex)
{
	int n = hex_decode(out + 8, PACKET_MAX - 8, body_hex, strlen(body_hex));

	assert(n >= 0);
	put_be32(out, (uint32_t)n + 4);
	put_le32(out + 4, magic);
	return (size_t)n + 8;
}

static inline int packet_parse(struct input_event *e, uint32_t magic, const char *body_hex)
{
	uint8_t data[PACKET_MAX];
	size_t len = packet_make(data, magic, body_hex);

	return input_packet_parse(e, data, len);
}

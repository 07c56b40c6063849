// SPDX-License-Identifier: GPL-3.0-or-later
/* The probe's queue, frame machine and judge behind a few plain functions: a library of its own with nothing else
 * visible, because host and probe have names in common and share nothing but base. One model at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_API __attribute__((visibility("default")))

struct model_events {
	/* data: as a decoder gets it, padding of the last payload included. */
	void (*frame)(void *ctx, uint32_t number, bool idr, uint8_t type, const uint8_t *data, size_t len);
	void (*lost)(void *ctx, uint32_t frame);
};

MODEL_API bool model_open(unsigned packet_size, unsigned width, unsigned height, const struct model_events *ev,
			  void *ctx);
MODEL_API void model_datagram(const uint8_t *data, size_t len, bool lose); /* lose: judged as sent, not received */
/* What was stated against the host, NULL: nothing. */
MODEL_API const char *model_fault(void);
MODEL_API unsigned model_rebuilt(void); /* data shards made from parity */
MODEL_API void model_close(void);

// SPDX-License-Identifier: GPL-3.0-or-later
/* /launch, /resume and /cancel (1-session 5). Main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "probe/crypto.h"

struct http_client;

struct launch_params {
	int appid;
	bool resume, sealed; /* sealed: offer corever 1 */
	bool hdr;            /* a 10-bit format is wanted */
	unsigned width, height, fps, channels, channel_mask;
};

struct launch_result {
	uint8_t key[KEY_LEN]; /* rikey */
	uint32_t key_id;      /* rikeyid as the IV base */
	char url[256];        /* sessionUrl0 */
	uint16_t rtsp_port;
	bool sealed;
	char message[128]; /* of a refusal */
};

/* Makes a fresh key and asks. -EREMOTEIO: refused, see message. */
int launch_run(struct http_client *c, const struct launch_params *p, struct launch_result *r);
/* Ends our session; checks that the host says so at once (5.4). */
int launch_cancel(struct http_client *c);

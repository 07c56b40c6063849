// SPDX-License-Identifier: GPL-3.0-or-later
/* The seven messages of 1-session 6.2, each on its own TCP connection, plain or sealed. Main thread; blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "probe/crypto.h"
#include "probe/sdp.h"

#define RTSP_PING 16u

struct judge;

struct rtsp_params {
	union addr host; /* port: RTSP */
	const char *url; /* sessionUrl0 */
	const uint8_t *key;
	bool sealed, audio_hq; /* stereo quality is told by the target and Host (6.7) */
	struct judge *judge;
	/* Called between messages: fills in what depends on the offer; -errno stops. announce->packet_size is final. */
	int (*described)(void *ctx, const struct sdp_offer *offer, struct sdp_announce *a);
	/* The audio port is known: pings begin now. */
	int (*audio_ready)(void *ctx, uint16_t port, const char *ping);
	void *ctx;
};

struct rtsp_result {
	struct sdp_offer offer;
	struct sdp_announce announce;
	uint16_t audio_port, video_port, control_port;
	char audio_ping[RTSP_PING + 1], video_ping[RTSP_PING + 1]; /* "" : the 4-byte PING */
	uint32_t connect_data;
	int status; /* of the last response */
};

int rtsp_run(const struct rtsp_params *p, struct rtsp_result *r);

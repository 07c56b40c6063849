// SPDX-License-Identifier: GPL-3.0-or-later
/* The body of ANNOUNCE: what the client has chosen. Pure, no allocation. Wire facts: 1-session 6.7,
 * 2-media 4.3. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "rtsp/server.h"

#define SDP_WHY_MAX 128u

/*
 * Fills out with values inside the ranges of media/params.h. Unknown lines are skipped; of a
 * repeated attribute the last counts. low_stereo: the client named 0.0.0.0 as the host, its way to
 * ask for normal-quality stereo.
 *
 * -EINVAL: a required attribute is missing, or a value the stream could not be right with.
 * -ENOTSUP: not offered. -EACCES: mandatory encryption is missing. why then says in words which; it
 * holds nothing the client has written but numbers.
 */
int sdp_parse(const char *body, size_t len, const struct rtsp_offer *offer, bool low_stereo, struct rtsp_announce *out,
	      char why[SDP_WHY_MAX]);

/* What is left for the encoder of the rate the user wished: parity, audio and a reserve taken off. */
uint32_t sdp_encoder_kbps(uint32_t configured_kbps, uint8_t fec_percent, unsigned channels, bool high_quality_audio);

// SPDX-License-Identifier: GPL-3.0-or-later
/* The command line. Main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "probe/bitstream.h"

enum probe_command { CMD_NONE, CMD_PAIR, CMD_INFO, CMD_APPS, CMD_QUIT, CMD_STREAM };
enum probe_audio { AUDIO_NONE, AUDIO_STEREO, AUDIO_51, AUDIO_71 };

struct options {
	enum probe_command command;
	const char *host, *keys;
	uint16_t port;
	bool json;
	/* pair */
	const char *pin;
	bool careless;
	unsigned wait_s;
	/* stream */
	const char *app, *drop_frames, *input, *out, *audio_out, *packet_log, *frame_log;
	unsigned width, height, fps, bitrate_kbps, packet_size, frames, slices, loss_burst;
	enum codec codec;
	unsigned space; /* 0 BT.601, 1 BT.709, 2 BT.2020 */
	bool hdr, yuv444, full_range;
	enum probe_audio audio;
	bool audio_hq, encrypt_all, sealed, rfi, resume, keep, verify;
	double seconds, loss;
	uint64_t seed;
};

/* 0: go on; 1: help or version was printed; -EINVAL: wrong usage, said on stderr. */
int options_parse(struct options *o, int argc, char **argv);

// SPDX-License-Identifier: GPL-3.0-or-later
/* A whole stream, from serverinfo to the end, in the order of a stock client (2-media 7.1). Main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "probe/audio.h"
#include "probe/control.h"
#include "probe/launch.h"
#include "probe/rtsp.h"
#include "probe/server.h"
#include "probe/video.h"

enum stage {
	STAGE_SERVERINFO, /* its own duration; the others count from the launch request */
	STAGE_LAUNCH,
	STAGE_RTSP,
	STAGE_CONTROL,
	STAGE_FIRST_VIDEO,
	STAGE_FIRST_FRAME,
	STAGE_FIRST_AUDIO,
	STAGES,
};
extern const char *const stage_names[STAGES];

struct http_client;
struct options;

struct session_result {
	const char *failed; /* the step that failed, or NULL */
	int error;          /* -errno of it */
	char message[160];
	double stage_ms[STAGES]; /* < 0: not reached */
	uint64_t start_ns;       /* the launch request: zero of stages and logs */
	struct launch_result launch;
	struct rtsp_result rtsp;
	bool audio_on, lossy, interrupted;
	int failure; /* of video_failure() */
	unsigned input_sent, input_skipped;
	struct video_stats video;
	struct audio_stats audio;
	struct control_stats control;
	struct control_log_entry *log; /* free() */
	unsigned n_log;
};

/* Runs to the end; SIGINT and SIGTERM end it early. 0, or -errno of the step that failed. */
int session_run(struct http_client *http, const struct options *o, struct session_result *r);

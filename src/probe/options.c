// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "build_config.h"
#include "probe/input_script.h"

static const char usage[] =
	"usage: moonrill-probe [--host H] [--port BASE] [--keys DIR] COMMAND [OPTIONS]\n"
	"A headless GameStream client that judges the host. Logs on stderr, one JSON object on stdout. Exit 0: all "
	"well;\n"
	"1: something failed or the host broke a rule (see \"errors\"); 2: usage.\n"
	"\n"
	"  --host H          address or name (127.0.0.1)      --port BASE       HTTP port (47989)\n"
	"  --keys DIR        client.pem, key.pem, host.pem (~/.config/moonrill-probe); made on first use\n"
	"  --log LEVEL       error, warn, info, debug, trace  --json            accepted; the output always is JSON\n"
	"\n"
	"pair --pin PIN      [--wait SECONDS] for the host's user (150); [--careless] phase 4 even after a wrong PIN\n"
	"info | apps | quit\n"
	"stream\n"
	"  --app NAME|ID (Desktop)  --width N (1280)  --height N (720)  --fps N (60)  --codec h264|hevc|av1\n"
	"  --hdr (10 bits)  --yuv444  --csc 601|709|2020 (709)  --range limited|full (limited)   what ANNOUNCE asks "
	"for\n"
	"  --bitrate KBPS (10000, as a user configures it)  --packet-size N (1392)  --slices N (1)\n"
	"  --seconds N       from the first frame on (5, or none with --frames)   --frames N   delivered ones\n"
	"  --audio none|stereo|51|71 (stereo)  --audio-hq    none: no audio ping is sent, so none should come\n"
	"  --encrypt none|all (none)  --rtsp sealed|plain (sealed)  --rfi|--no-rfi (no)\n"
	"  --loss PCT        share of video datagrams dropped here, --loss-burst N in runs of N, --seed N\n"
	"  --drop-frames L   frame numbers dropped whole: 100,200-202\n"
	"  --input FILE      script, one event a line:\n      %s\n"
	"  --out FILE        video as the decoder gets it     --audio-out FILE  s16le 48 kHz interleaved\n"
	"  --packet-log FILE, --frame-log FILE   one JSON line a received datagram, a delivered frame\n"
	"  --resume          /resume instead of /launch       --keep            no /cancel at the end\n"
	"  --mode-verify     also: picture size, colour and buffering in the SPS, parity of every whole block "
	"recomputed,\n"
	"                    slice count, audio packet sizes, frame rate against --fps\n"
	"\n"
	"Keys of stream: frames, frames_lost (numbers never delivered), frame_gaps, idr, rfi_requests, rfi_recovered, "
	"kbps\n"
	"(video payload delivered, without padding), wire_bytes and packets (video datagrams received), "
	"recovered_packets\n"
	"(data shards made from parity), host_latency_ms, audio_packets, termination_code (as the host sent it; 0 "
	"none, -1\n"
	"disconnected without one, -100/-101 no video in 10 s), stages (ms from the launch request; serverinfo: its "
	"own\n"
	"duration), start_us (that request by CLOCK_MONOTONIC, zero of the logs), errors, and more.\n";

static const struct {
	const char *name;
	enum probe_command command;
} commands[] = {{"pair", CMD_PAIR}, {"info", CMD_INFO}, {"apps", CMD_APPS}, {"quit", CMD_QUIT}, {"stream", CMD_STREAM}};

enum opt {
	OPT_HOST = 256,
	OPT_PORT,
	OPT_KEYS,
	OPT_LOG,
	OPT_JSON,
	OPT_HELP,
	OPT_VERSION,
	OPT_PIN,
	OPT_WAIT,
	OPT_CARELESS,
	OPT_APP,
	OPT_WIDTH,
	OPT_HEIGHT,
	OPT_FPS,
	OPT_CODEC,
	OPT_HDR,
	OPT_YUV444,
	OPT_CSC,
	OPT_RANGE,
	OPT_BITRATE,
	OPT_PACKET_SIZE,
	OPT_SECONDS,
	OPT_FRAMES,
	OPT_AUDIO,
	OPT_AUDIO_HQ,
	OPT_ENCRYPT,
	OPT_RTSP,
	OPT_SLICES,
	OPT_RFI,
	OPT_NO_RFI,
	OPT_LOSS,
	OPT_LOSS_BURST,
	OPT_DROP_FRAMES,
	OPT_SEED,
	OPT_INPUT,
	OPT_OUT,
	OPT_AUDIO_OUT,
	OPT_PACKET_LOG,
	OPT_FRAME_LOG,
	OPT_RESUME,
	OPT_KEEP,
	OPT_MODE_VERIFY,
};

static const struct option longs[] = {
	{"host", 1, NULL, OPT_HOST},
	{"port", 1, NULL, OPT_PORT},
	{"keys", 1, NULL, OPT_KEYS},
	{"log", 1, NULL, OPT_LOG},
	{"json", 0, NULL, OPT_JSON},
	{"help", 0, NULL, OPT_HELP},
	{"version", 0, NULL, OPT_VERSION},
	{"pin", 1, NULL, OPT_PIN},
	{"wait", 1, NULL, OPT_WAIT},
	{"careless", 0, NULL, OPT_CARELESS},
	{"app", 1, NULL, OPT_APP},
	{"width", 1, NULL, OPT_WIDTH},
	{"height", 1, NULL, OPT_HEIGHT},
	{"fps", 1, NULL, OPT_FPS},
	{"codec", 1, NULL, OPT_CODEC},
	{"hdr", 0, NULL, OPT_HDR},
	{"yuv444", 0, NULL, OPT_YUV444},
	{"csc", 1, NULL, OPT_CSC},
	{"range", 1, NULL, OPT_RANGE},
	{"bitrate", 1, NULL, OPT_BITRATE},
	{"packet-size", 1, NULL, OPT_PACKET_SIZE},
	{"seconds", 1, NULL, OPT_SECONDS},
	{"frames", 1, NULL, OPT_FRAMES},
	{"audio", 1, NULL, OPT_AUDIO},
	{"audio-hq", 0, NULL, OPT_AUDIO_HQ},
	{"encrypt", 1, NULL, OPT_ENCRYPT},
	{"rtsp", 1, NULL, OPT_RTSP},
	{"slices", 1, NULL, OPT_SLICES},
	{"rfi", 0, NULL, OPT_RFI},
	{"no-rfi", 0, NULL, OPT_NO_RFI},
	{"loss", 1, NULL, OPT_LOSS},
	{"loss-burst", 1, NULL, OPT_LOSS_BURST},
	{"drop-frames", 1, NULL, OPT_DROP_FRAMES},
	{"seed", 1, NULL, OPT_SEED},
	{"input", 1, NULL, OPT_INPUT},
	{"out", 1, NULL, OPT_OUT},
	{"audio-out", 1, NULL, OPT_AUDIO_OUT},
	{"packet-log", 1, NULL, OPT_PACKET_LOG},
	{"frame-log", 1, NULL, OPT_FRAME_LOG},
	{"resume", 0, NULL, OPT_RESUME},
	{"keep", 0, NULL, OPT_KEEP},
	{"mode-verify", 0, NULL, OPT_MODE_VERIFY},
	{0},
};

static int bad(const char *option, const char *value)
{
	fprintf(stderr, "moonrill-probe: --%s does not take '%s'\n", option, value);
	return -EINVAL;
}

static int take_number(const char *name, int64_t min, int64_t max, int64_t *out)
{
	return str_to_i64(optarg, strlen(optarg), min, max, out) ? bad(name, optarg) : 0;
}

static int take_unsigned(const char *name, int64_t min, int64_t max, unsigned *out)
{
	int64_t v = 0;
	int rc = take_number(name, min, max, &v);

	if (!rc)
		*out = (unsigned)v;
	return rc;
}

static int take_real(const char *name, double max, double *out)
{
	char *end;
	double v = strtod(optarg, &end);

	if (end == optarg || *end || !(v >= 0 && v <= max))
		return bad(name, optarg);
	*out = v;
	return 0;
}

static int take_word(const char *name, const char *const *words, unsigned n, unsigned *out)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(optarg, words[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	return bad(name, optarg);
}

static int take(struct options *o, int c, const char *name)
{
	static const char *const codecs[] = {"h264", "hevc", "av1"}, *const audios[] = {"none", "stereo", "51", "71"};
	static const char *const spaces[] = {"601", "709", "2020"}, *const ranges[] = {"limited", "full"};
	static const char *const encrypts[] = {"none", "all"}, *const rtsps[] = {"plain", "sealed"};
	enum log_level level;
	int64_t number = 0;
	unsigned which = 0;
	int rc = 0;

	switch (c) {
	case OPT_HOST:
		o->host = optarg;
		return 0;
	case OPT_PORT:
		rc = take_number(name, 6, 65535 - 21, &number);
		o->port = (uint16_t)number;
		return rc;
	case OPT_KEYS:
		o->keys = optarg;
		return 0;
	case OPT_LOG:
		if (log_level_parse(optarg, &level))
			return bad(name, optarg);
		log_set_level(level);
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_PIN:
		o->pin = optarg;
		return *optarg && strlen(optarg) <= 16 ? 0 : bad(name, "that");
	case OPT_WAIT:
		return take_unsigned(name, 1, 3600, &o->wait_s);
	case OPT_CARELESS:
		o->careless = true;
		return 0;
	case OPT_APP:
		o->app = optarg;
		return 0;
	case OPT_WIDTH:
		return take_unsigned(name, 1, 65535, &o->width);
	case OPT_HEIGHT:
		return take_unsigned(name, 1, 65535, &o->height);
	case OPT_FPS:
		return take_unsigned(name, 1, 1000, &o->fps);
	case OPT_CODEC:
		rc = take_word(name, codecs, 3, &which);
		o->codec = (enum codec)which;
		return rc;
	case OPT_HDR:
		o->hdr = true;
		return 0;
	case OPT_YUV444:
		o->yuv444 = true;
		return 0;
	case OPT_CSC:
		return take_word(name, spaces, 3, &o->space);
	case OPT_RANGE:
		rc = take_word(name, ranges, 2, &which);
		o->full_range = which;
		return rc;
	case OPT_BITRATE:
		return take_unsigned(name, 1, 2000000, &o->bitrate_kbps);
	case OPT_PACKET_SIZE:
		return take_unsigned(name, 64, 4000, &o->packet_size);
	case OPT_SECONDS:
		return take_real(name, 1e6, &o->seconds);
	case OPT_FRAMES:
		return take_unsigned(name, 1, 1 << 30, &o->frames);
	case OPT_AUDIO:
		rc = take_word(name, audios, 4, &which);
		o->audio = (enum probe_audio)which;
		return rc;
	case OPT_AUDIO_HQ:
		o->audio_hq = true;
		return 0;
	case OPT_ENCRYPT:
		rc = take_word(name, encrypts, 2, &which);
		o->encrypt_all = which;
		return rc;
	case OPT_RTSP:
		rc = take_word(name, rtsps, 2, &which);
		o->sealed = which;
		return rc;
	case OPT_SLICES:
		return take_unsigned(name, 1, 255, &o->slices);
	case OPT_RFI:
	case OPT_NO_RFI:
		o->rfi = c == OPT_RFI;
		return 0;
	case OPT_LOSS:
		return take_real(name, 100, &o->loss);
	case OPT_LOSS_BURST:
		return take_unsigned(name, 1, 100000, &o->loss_burst);
	case OPT_DROP_FRAMES:
		o->drop_frames = optarg;
		return 0;
	case OPT_SEED:
		rc = take_number(name, 0, INT64_MAX, &number);
		o->seed = (uint64_t)number;
		return rc;
	case OPT_INPUT:
		o->input = optarg;
		return 0;
	case OPT_OUT:
		o->out = optarg;
		return 0;
	case OPT_AUDIO_OUT:
		o->audio_out = optarg;
		return 0;
	case OPT_PACKET_LOG:
		o->packet_log = optarg;
		return 0;
	case OPT_FRAME_LOG:
		o->frame_log = optarg;
		return 0;
	case OPT_RESUME:
		o->resume = true;
		return 0;
	case OPT_KEEP:
		o->keep = true;
		return 0;
	case OPT_MODE_VERIFY:
		o->verify = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static const char *default_keys(void)
{
	static char path[512];
	const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");

	if (config && *config)
		snprintf(path, sizeof(path), "%s/moonrill-probe", config);
	else
		snprintf(path, sizeof(path), "%s/.config/moonrill-probe", home && *home ? home : ".");
	return path;
}

static int check(const struct options *o)
{
	if (o->command == CMD_NONE)
		fprintf(stderr, "moonrill-probe: a command is missing; --help lists them\n");
	else if (o->command == CMD_PAIR && !o->pin)
		fprintf(stderr, "moonrill-probe: pair needs --pin\n");
	else
		return 0;
	return -EINVAL;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int index = 0, rc = 0, c;

	*o = (struct options){
		.host = "127.0.0.1",
		.port = 47989,
		.keys = default_keys(),
		.wait_s = 150,
		.app = "Desktop",
		.width = 1280,
		.height = 720,
		.fps = 60,
		.space = 1,
		.bitrate_kbps = 10000,
		.packet_size = 1392,
		.slices = 1,
		.loss_burst = 1,
		.audio = AUDIO_STEREO,
		.sealed = true,
		.seconds = -1,
		.seed = 1,
	};
	while (!rc && (c = getopt_long(argc, argv, "", longs, &index)) != -1) {
		if (c == OPT_HELP) {
			printf(usage, input_script_help);
			return 1;
		}
		if (c == OPT_VERSION) {
			printf("moonrill-probe %s\n", MOONRILL_VERSION);
			return 1;
		}
		rc = c == '?' ? -EINVAL : take(o, c, longs[index].name);
	}
	for (; !rc && optind < argc; optind++) {
		for (size_t i = 0; i < ARRAY_LEN(commands) && o->command == CMD_NONE; i++) {
			if (strcmp(argv[optind], commands[i].name) == 0)
				o->command = commands[i].command;
		}
		if (o->command == CMD_NONE || strcmp(argv[optind], commands[o->command - 1].name) != 0) {
			fprintf(stderr, "moonrill-probe: what is '%s'?\n", argv[optind]);
			rc = -EINVAL;
		}
	}
	if (o->seconds < 0)
		o->seconds = o->frames ? 0 : 5;
	return rc ? rc : check(o);
}

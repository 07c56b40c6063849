// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Configuration: one table (config.c) names every option with its section, type, range, default and
 * help; the struct, the INI reader, `-o section.key=value`, `config dump` and the manual page
 * follow from it. No folder below src knows this struct: each takes small params of its own. State
 * (certificate, clients) is not configuration.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define CONFIG_STR      256 /* longest string value with its NUL */
#define CONFIG_FILE_MAX (64 * 1024)

enum config_encryption { ENCRYPTION_NEVER, ENCRYPTION_OPTIONAL, ENCRYPTION_MANDATORY };
enum config_offer { OFFER_AUTO, OFFER_ON, OFFER_OFF };
enum config_policy { POLICY_MANY, POLICY_REFUSE, POLICY_TAKE_OVER };

struct config {
	struct {
		char name[CONFIG_STR];
		char apps[CONFIG_STR];
		int64_t log_level; /* enum log_level */
	} host;
	struct {
		char bind[CONFIG_STR];
		int64_t port;
		bool mdns;
		int64_t max_connections, max_connections_per_ip, timeout_s;
		int64_t max_rtsp_message, rtsp_timeout_ms;
	} net;
	struct {
		int64_t pin_timeout_s, max_waiting;
	} pair;
	struct {
		int64_t policy; /* enum config_policy */
		int64_t max;
		int64_t handshake_timeout_ms, silence_timeout_ms;
		int64_t encryption_lan, encryption_wan; /* enum config_encryption */
	} session;
	struct {
		int64_t source; /* enum screens_source */
		char node[CONFIG_STR];
		char place[CONFIG_STR];
		char pattern[CONFIG_STR];
		int64_t cursor; /* enum cursor_mode */
	} video;
	struct {
		char backend[CONFIG_STR];
		char device[CONFIG_STR];
		char preset[CONFIG_STR];
		int64_t convert; /* enum convert_where */
		int64_t hevc;    /* enum config_offer */
		char hevc_preset[CONFIG_STR];
		int64_t av1; /* enum config_offer */
		char av1_preset[CONFIG_STR];
		int64_t min_slices; /* 0: min(cores, 4) */
		int64_t min_fps;
		bool refine;
		int64_t max_kbps;
		bool rfi;
	} encode;
	struct {
		int64_t fec_percent;
		int64_t pacing_percent;
		int64_t min_kbps;
		int64_t pause_ms;                         /* 0: never */
		bool adapt_fec, adapt_rate, adapt_pacing; /* else they stay where they begin */
		int64_t slices;                           /* enum early_mode */
		char record[CONFIG_STR];                  /* folder, empty: none */
	} stream;
	struct {
		int64_t source; /* enum audio_source */
		char node[CONFIG_STR];
	} audio;
	struct {
		char backend[CONFIG_STR];
		char pads[CONFIG_STR];
		int64_t grace_ms;
		char log_file[CONFIG_STR];
	} input;
};

struct config_error {
	int line;       /* 0: not in a file */
	char text[200]; /* what is wrong and, for a name, which one comes nearest */
};

void config_defaults(struct config *c);

/* INI text; a pure function. 0, or -EINVAL with *e filled; c is then partly changed and of no use. */
int config_parse(struct config *c, const char *text, size_t len, struct config_error *e);

/* "section.key=value" of the command line. */
int config_override(struct config *c, const char *assignment, struct config_error *e);

/* The file at path; -ENOENT and other errno values when it cannot be read. */
int config_load(struct config *c, const char *path, struct config_error *e);

/* All options with help, range and value as INI text that config_parse() reads back. */
void config_dump(const struct config *c, struct buf *out);

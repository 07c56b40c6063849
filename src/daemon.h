// SPDX-License-Identifier: GPL-3.0-or-later
/* The running daemon: owns every part that lives as long as it does. Main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "media/dmabuf.h"
#include "paths.h"
#include "session.h"

struct clients;
struct ctl;
struct http;
struct identity;
struct mdns;
struct notify_watchdog;
struct sessions;

struct daemon_ctx {
	struct config config;
	struct paths paths;
	char host_name[CONFIG_STR];
	char input_token[PATH_MAX]; /* what host points at */
	uint64_t started_ns;
	struct loop *loop;
	struct identity *identity;
	struct clients *clients;
	struct apps *apps;
	struct http *http;
	struct sessions *sessions;
	struct mdns *mdns;
	struct ctl *ctl;
	struct notify_watchdog *watchdog;
	struct loop_timer *log_timer;  /* prints what hot threads logged; armed while a stream runs */
	struct loop_timer *stop_timer; /* the longest an orderly stop may take */
	bool stopping;
	struct dmabuf_formats importable; /* by encoders; what host.screens points at */
	struct session_host host;
};

/* Runs until SIGTERM or SIGINT: then clients are told, apps undone and state is flushed within two seconds; a second
 * signal ends at once. c and p are copied. The process's exit code. */
int daemon_run(const struct config *c, const struct paths *p);

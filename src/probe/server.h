// SPDX-License-Identifier: GPL-3.0-or-later
/* What the host says about itself: /serverinfo and /applist (1-session 2.3, 2.6). Main thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_UUID 37u
#define SERVER_APPS 256u

struct http_client;

struct server_info {
	char hostname[128], appversion[32], gfe[32], uniqueid[64], mac[32], local_ip[64], state[64];
	long long https_port, external_port, codec_modes, max_luma_hevc;
	int current_game;
	bool paired, busy;
};

struct server_app {
	int id;
	char title[128];
	bool hdr;
};

/* A fresh random id as every request carries one. */
void server_uuid(char out[SERVER_UUID]);

/* GET path (with its first query parameters, or none) plus uniqueid and uuid. 0: status 200 and *r holds the body;
 * -EREMOTEIO: another status_code, its message in `message`. The caller finishes r->body in any case. */
struct http_reply;
struct xml;
int server_ask(struct http_client *c, bool tls, const char *path, unsigned timeout_ms, struct http_reply *r,
	       struct xml *x, char message[128]);

/* tls: over HTTPS, with our certificate. Also takes over the HTTPS port that the host names. */
int server_info_get(struct http_client *c, bool tls, struct server_info *info);
/* The number of apps, or -errno. */
int server_apps_get(struct http_client *c, struct server_app *apps, unsigned cap);

// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "base/str.h"
#include "probe/http.h"
#include "probe/identity.h"
#include "probe/judge.h"
#include "probe/xml.h"

#define LOG_MODULE "server"
#include "base/log.h"

#define REQUEST_MS 5000u
#define RULE       "1-session 2.3"

void server_uuid(char out[SERVER_UUID])
{
	uint8_t b[16];
	char hex[33];

	rand_bytes(b, sizeof(b));
	hex_encode(hex, b, sizeof(b));
	snprintf(out, SERVER_UUID, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

int server_ask(struct http_client *c, bool tls, const char *path, unsigned timeout_ms, struct http_reply *r,
	       struct xml *x, char message[128])
{
	char full[1024], uuid[SERVER_UUID];
	int rc;

	*r = (struct http_reply){0};
	message[0] = 0;
	server_uuid(uuid);
	if (snprintf(full, sizeof(full), "%s%cuniqueid=%s&uuid=%s", path, strchr(path, '?') ? '&' : '?',
		     IDENTITY_UNIQUEID, uuid) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	rc = http_get(c, tls, full, timeout_ms, r);
	if (rc) {
		log_errno(rc, "GET %.*s failed", (int)strcspn(path, "?"), path);
		return rc;
	}
	/* Anything but 200 hides the reason from clients (1-session 2.2). */
	if (r->status != 200) {
		judge_fault(c->judge, "1-session 2.2", "HTTP status %d, not 200 with a status_code", r->status);
		return -EPROTO;
	}
	rc = xml_parse(x, buf_cstr(&r->body), r->body.len, c->judge);
	if (!rc && x->status != 200) {
		str_copy(message, 128, x->message);
		log_err("%.*s: status %d, %s", (int)strcspn(path, "?"), path, x->status, x->message);
		rc = -EREMOTEIO;
	}
	return rc;
}

static void must_have(const struct xml *x, const char *name, char *out, size_t cap, struct judge *j)
{
	out[0] = 0;
	if (!xml_get(x, name, NULL, out, cap) || !out[0])
		judge_fault(j, RULE, "element missing or empty: %s", name);
	if (xml_count(x, name) > 1)
		judge_fault(j, "1-session 2.2", "element %s occurs more than once", name);
}

static long long must_number(const struct xml *x, const char *name, struct judge *j)
{
	char text[32];

	must_have(x, name, text, sizeof(text), j);
	return xml_get_number(x, name, 0);
}

static bool ipv4_text(const char *s)
{
	union addr a;

	return addr_parse(&a, s, 0) == 0 && a.sa.sa_family == AF_INET;
}

static void judge_info(const struct server_info *i, bool tls, struct judge *j)
{
	if (strcmp(i->appversion, "7.1.431.-1") != 0)
		judge_fault(j, "1-session 2.4", "appversion %s", i->appversion);
	if (strcmp(i->state, "SUNSHINE_SERVER_FREE") != 0 && strcmp(i->state, "SUNSHINE_SERVER_BUSY") != 0)
		judge_fault(j, RULE, "state %s", i->state);
	if (i->busy != (i->current_game != 0))
		judge_fault(j, RULE, "state %s with currentgame %d", i->state, i->current_game);
	if (!tls && (i->paired || strcmp(i->mac, "00:00:00:00:00:00") != 0))
		judge_fault(j, RULE, "plain HTTP tells PairStatus or MAC");
	if (!(i->codec_modes & 1))
		judge_fault(j, "1-session 2.5", "ServerCodecModeSupport %lld without H.264", i->codec_modes);
	if (((i->codec_modes & 0x180300) != 0) != (i->max_luma_hevc != 0))
		judge_fault(j, RULE, "MaxLumaPixelsHEVC %lld does not fit ServerCodecModeSupport %lld",
			    i->max_luma_hevc, i->codec_modes);
	if (!ipv4_text(i->local_ip))
		judge_fault(j, RULE, "LocalIP %s is not IPv4", i->local_ip);
}

int server_info_get(struct http_client *c, bool tls, struct server_info *info)
{
	struct http_reply r;
	char message[128], text[16];
	struct xml x;
	int rc = server_ask(c, tls, "/serverinfo", REQUEST_MS, &r, &x, message);

	*info = (struct server_info){0};
	if (!rc) {
		must_have(&x, "hostname", info->hostname, sizeof(info->hostname), c->judge);
		must_have(&x, "appversion", info->appversion, sizeof(info->appversion), c->judge);
		must_have(&x, "GfeVersion", info->gfe, sizeof(info->gfe), c->judge);
		must_have(&x, "uniqueid", info->uniqueid, sizeof(info->uniqueid), c->judge);
		must_have(&x, "mac", info->mac, sizeof(info->mac), c->judge);
		must_have(&x, "LocalIP", info->local_ip, sizeof(info->local_ip), c->judge);
		must_have(&x, "state", info->state, sizeof(info->state), c->judge);
		must_have(&x, "PairStatus", text, sizeof(text), c->judge);
		info->paired = strcmp(text, "1") == 0;
		info->https_port = must_number(&x, "HttpsPort", c->judge);
		info->external_port = must_number(&x, "ExternalPort", c->judge);
		info->codec_modes = must_number(&x, "ServerCodecModeSupport", c->judge);
		info->max_luma_hevc = must_number(&x, "MaxLumaPixelsHEVC", c->judge);
		info->current_game = (int)must_number(&x, "currentgame", c->judge);
		info->busy = strstr(info->state, "_SERVER_BUSY") != NULL;
		judge_info(info, tls, c->judge);
		if (info->https_port > 0 && info->https_port < 65536)
			c->https_port = (uint16_t)info->https_port;
	}
	buf_finish(&r.body);
	return rc;
}

int server_apps_get(struct http_client *c, struct server_app *apps, unsigned cap)
{
	struct http_reply r;
	char message[128], id[32], hdr[8];
	size_t at = 0, title_at = 0;
	struct xml x;
	unsigned n = 0;
	int rc = server_ask(c, true, "/applist", REQUEST_MS, &r, &x, message);

	while (!rc && n < cap && xml_get(&x, "ID", &at, id, sizeof(id))) {
		struct server_app *a = &apps[n];
		int64_t v = 0;

		*a = (struct server_app){0};
		if (str_to_i64(id, strlen(id), 1, INT32_MAX, &v))
			judge_fault(c->judge, "1-session 2.6", "app id %s is not in 1..2^31-1", id);
		a->id = (int)v;
		if (!xml_get(&x, "AppTitle", &title_at, a->title, sizeof(a->title)))
			judge_fault(c->judge, "1-session 2.6", "app %s has no AppTitle", id);
		for (unsigned k = 0; k < n; k++) {
			if (apps[k].id == a->id)
				judge_fault(c->judge, "1-session 2.6", "app id %d occurs twice", a->id);
		}
		n++;
	}
	if (!rc) {
		unsigned listed = xml_count(&x, "App");

		at = 0;
		for (unsigned i = 0; i < n && xml_get(&x, "IsHdrSupported", &at, hdr, sizeof(hdr)); i++)
			apps[i].hdr = strcmp(hdr, "1") == 0;
		if (!listed || (listed != n && n < cap))
			judge_fault(c->judge, "1-session 2.6", "%u App elements with %u ids", listed, n);
	}
	buf_finish(&r.body);
	return rc ? rc : (int)n;
}

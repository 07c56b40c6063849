// SPDX-License-Identifier: GPL-3.0-or-later
/* moonrill-probe: a headless GameStream client that judges the host; see --help. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "probe/http.h"
#include "probe/identity.h"
#include "probe/judge.h"
#include "probe/launch.h"
#include "probe/options.h"
#include "probe/pair.h"
#include "probe/report.h"
#include "probe/server.h"
#include "probe/session.h"

#define HTTPS_OFFSET 5

static int run_pair(struct http_client *http, const struct options *o, json_t **out)
{
	struct pair_result r;
	int rc = pair_run(http, o->pin, o->wait_s * 1000, o->careless, &r);

	*out = report_begin(http->judge);
	json_object_set_new(*out, "paired", json_boolean(r.paired));
	json_object_set_new(*out, "phase", json_integer(r.phase));
	json_object_set_new(*out, "wrong_pin", json_boolean(r.wrong_pin));
	json_object_set_new(*out, "message", json_string(r.message));
	return rc;
}

static void put_info(json_t *o, const char *key, const struct server_info *i)
{
	json_object_set_new(o, key,
			    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:i,s:b,s:b}", "hostname",
				      i->hostname, "appversion", i->appversion, "gfe_version", i->gfe, "uniqueid",
				      i->uniqueid, "mac", i->mac, "local_ip", i->local_ip, "state", i->state,
				      "https_port", (json_int_t)i->https_port, "external_port",
				      (json_int_t)i->external_port, "codec_modes", (json_int_t)i->codec_modes,
				      "max_luma_hevc", (json_int_t)i->max_luma_hevc, "current_game", i->current_game,
				      "paired", i->paired, "busy", i->busy));
}

/* As clients poll: HTTP for the port, then HTTPS when there is a certificate to trust. */
static int run_info(struct http_client *http, json_t **out)
{
	struct server_info plain, secure = {0};
	int rc = server_info_get(http, false, &plain), rc2 = 0;

	if (!rc && http->id->host)
		rc2 = server_info_get(http, true, &secure);
	*out = report_begin(http->judge);
	if (!rc)
		put_info(*out, "http", &plain);
	if (!rc && http->id->host && !rc2)
		put_info(*out, "https", &secure);
	json_object_set_new(*out, "paired", json_boolean(!rc && !rc2 && secure.paired));
	return rc ? rc : rc2;
}

static int run_apps(struct http_client *http, json_t **out)
{
	struct server_app *apps = calloc(SERVER_APPS, sizeof(*apps));
	int n = apps ? server_apps_get(http, apps, SERVER_APPS) : -ENOMEM;
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:i,s:s,s:b}", "id", apps[i].id, "title", apps[i].title, "hdr", apps[i].hdr));
	free(apps);
	*out = report_begin(http->judge);
	json_object_set_new(*out, "apps", list);
	return n < 0 ? n : 0;
}

static int run_quit(struct http_client *http, json_t **out)
{
	int rc = launch_cancel(http);

	*out = report_begin(http->judge);
	json_object_set_new(*out, "cancelled", json_boolean(!rc));
	return rc;
}

static int run_stream(struct http_client *http, const struct options *o, json_t **out)
{
	struct session_result r;
	int rc = session_run(http, o, &r);

	*out = report_begin(http->judge);
	report_stream(*out, o, &r);
	free(r.log);
	return rc;
}

static int run(struct http_client *http, const struct options *o, json_t **out)
{
	switch (o->command) {
	case CMD_PAIR:
		return run_pair(http, o, out);
	case CMD_INFO:
		return run_info(http, out);
	case CMD_APPS:
		return run_apps(http, out);
	case CMD_QUIT:
		return run_quit(http, out);
	default:
		return run_stream(http, o, out);
	}
}

int main(int argc, char **argv)
{
	struct http_client http = {0};
	struct identity id = {0};
	struct judge judge;
	struct options o;
	json_t *out = NULL;
	int rc = options_parse(&o, argc, argv);

	if (rc)
		return rc > 0 ? 0 : 2;
	signal(SIGPIPE, SIG_IGN);
	judge_init(&judge);
	http.id = &id;
	http.judge = &judge;
	http.http_port = o.port;
	http.https_port = (uint16_t)(o.port - HTTPS_OFFSET);
	rc = identity_open(&id, o.keys);
	if (!rc)
		rc = http_resolve(&http, o.host, o.port);
	if (!rc)
		rc = run(&http, &o, &out);
	if (!out)
		out = report_begin(&judge);
	if (rc)
		json_object_set_new(out, "error", json_string(strerror(rc < 0 ? -rc : rc)));
	report_print(out);
	rc = rc || judge_total(&judge) ? 1 : 0;
	identity_close(&id);
	judge_finish(&judge);
	return rc;
}

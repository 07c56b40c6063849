// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "daemon.h"
#include "http/clients.h"
#include "http/server.h"
#include "sessions.h"
#include "status.h"

static void add_json(json_t *o, struct buf *out)
{
	char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;

	if (text)
		buf_fmt(out, "%s\n", text);
	else
		out->err = true;
	free(text);
	json_decref(o);
}

static int run_pair(struct daemon_ctx *d, int argc, const char *const *argv, bool json, struct buf *out)
{
	int err = http_pair_pin(d->http, argv[0], argc > 1 ? argv[1] : "");

	(void)json;
	switch (err) {
	case 0:
		buf_str(out, "PIN given to the waiting client, which shows whether it was right\n");
		return 0;
	case -ENOENT:
		buf_str(out, "no client waits for a PIN: choose this host in Moonlight first\n");
		return 1;
	case -EBUSY:
		buf_str(out, "several clients wait for a PIN: cancel all but one\n");
		return 1;
	case -EINVAL:
		buf_str(out, "a PIN has 4 to 8 digits\n");
		return 2;
	default:
		buf_fmt(out, "the PIN was not taken: %s\n", strerror(-err));
		return 1;
	}
}

static int run_status(struct daemon_ctx *d, int argc, const char *const *argv, bool json, struct buf *out)
{
	json_t *o = status_json(d);

	(void)argc;
	(void)argv;
	if (json || !o) {
		add_json(o, out);
		return o ? 0 : 1;
	}
	status_text(o, out);
	json_decref(o);
	return 0;
}

static int list_clients(struct daemon_ctx *d, bool json, struct buf *out)
{
	json_t *list = json_array();
	const struct client *c;

	for (unsigned n = 0; (c = clients_get(d->clients, n)); n++) {
		char day[32] = "";
		struct tm tm;
		time_t t = (time_t)c->paired_at;

		if (localtime_r(&t, &tm))
			strftime(day, sizeof(day), "%Y-%m-%d", &tm);
		if (json)
			json_array_append_new(list, json_pack("{s:s,s:s,s:I}", "id", c->id, "name", c->name,
							      "paired_at", (json_int_t)c->paired_at));
		else
			buf_fmt(out, "%s  %s  %s\n", c->id, day, c->name);
	}
	if (json)
		add_json(list, out);
	else
		json_decref(list);
	if (!json && !out->len)
		buf_str(out, "no client is paired\n");
	return 0;
}

static int run_clients(struct daemon_ctx *d, int argc, const char *const *argv, bool json, struct buf *out)
{
	struct client gone;
	int err;

	if (argc == 0)
		return list_clients(d, json, out);
	if (argc != 2 || strcmp(argv[0], "remove") != 0) {
		buf_str(out, "usage: clients [remove ID]\n");
		return 2;
	}
	err = clients_remove(d->clients, argv[1], &gone);
	if (err) {
		buf_fmt(out, "%s: %s\n", argv[1],
			err == -ENOENT   ? "no such client"
			: err == -EEXIST ? "several clients fit, use the id"
					 : strerror(-err));
		return 1;
	}
	sessions_revoke(d->sessions, gone.hash);
	buf_fmt(out, "removed %s\n", gone.name);
	return 0;
}

static const struct command commands[] = {
	{"pair", "PIN [NAME]", "Give the PIN that a client shows to the host", 1, 2, run_pair},
	{"clients", "[remove ID]", "List the paired clients, or remove one (by id or name)", 0, 2, run_clients},
	{"status", "", "Show sessions, rates and latencies", 0, 0, run_status},
};

const struct command *command_at(unsigned n)
{
	return n < ARRAY_LEN(commands) ? &commands[n] : NULL;
}

const struct command *command_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "app_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define EXPANDED_MAX (64 * 1024)

struct env {
	char **var; /* always followed by a NULL */
	unsigned n, cap;
	bool failed;
};

static const char *lookup(char *const *env, const char *name, size_t len)
{
	for (; env && *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

char *app_env_expand(char *const *env, const char *text)
{
	struct buf b;
	char *out;

	buf_init(&b, EXPANDED_MAX);
	while (*text && !b.err) {
		const char *close = text[0] == '$' && text[1] == '(' ? strchr(text + 2, ')') : NULL;

		if (close) {
			const char *v = lookup(env, text + 2, (size_t)(close - text - 2));

			buf_str(&b, v ? v : "");
			text = close + 1;
			continue;
		}
		if (text[0] == '$' && text[1] == '$')
			text++;
		buf_add(&b, text++, 1);
	}
	out = b.err ? NULL : strdup(buf_cstr(&b));
	buf_finish(&b);
	return out;
}

/* The length of the NAME in "$(NAME)", 0 when text is something else. */
static size_t plain_word(const char *text)
{
	size_t n;

	if (text[0] != '$' || text[1] != '(' || (text[2] >= '0' && text[2] <= '9'))
		return 0;
	n = strspn(text + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	return text[2 + n] == ')' ? n : 0;
}

char *app_env_command(const char *text)
{
	struct buf b;
	char *out;

	buf_init(&b, EXPANDED_MAX);
	while (*text && !b.err) {
		size_t n = plain_word(text);

		if (n) {
			buf_fmt(&b, "${%.*s}", (int)n, text + 2);
			text += n + 3;
		} else if (text[0] == '$' && text[1] == '$') {
			buf_str(&b, "$");
			text += 2;
		} else {
			buf_add(&b, text++, 1);
		}
	}
	out = b.err ? NULL : strdup(buf_cstr(&b));
	buf_finish(&b);
	return out;
}

/* Takes the string; a variable that is there already gets the new value. */
static void put(struct env *e, char *assignment)
{
	size_t len = assignment ? strcspn(assignment, "=") : 0;

	if (!assignment) {
		e->failed = true;
		return;
	}
	for (unsigned i = 0; i < e->n; i++) {
		if (strncmp(e->var[i], assignment, len + 1) == 0) {
			free(e->var[i]);
			e->var[i] = assignment;
			return;
		}
	}
	if (e->n + 1 >= e->cap) {
		unsigned cap = e->cap ? 2 * e->cap : 64;
		char **grown = reallocarray(e->var, cap, sizeof(*grown));

		if (!grown) {
			free(assignment);
			e->failed = true;
			return;
		}
		e->var = grown;
		e->cap = cap;
	}
	e->var[e->n++] = assignment;
	e->var[e->n] = NULL;
}

static void set(struct env *e, const char *name, const char *value)
{
	char *s = NULL;

	if (asprintf(&s, "%s=%s", name, value) < 0)
		s = NULL;
	put(e, s);
}

static void set_both(struct env *e, const char *name, const char *value)
{
	char full[64];

	snprintf(full, sizeof(full), "MOONRILL_%s", name);
	set(e, full, value);
	snprintf(full, sizeof(full), "SUNSHINE_%s", name);
	set(e, full, value);
}

static void set_number(struct env *e, const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	set_both(e, name, text);
}

static void add_file_env(struct env *e, const struct apps *a)
{
	const char *key, *value;

	for (unsigned n = 0; apps_env(a, n, &key, &value); n++) {
		char *text = app_env_expand(e->var, value);

		if (!text)
			e->failed = true;
		else if (*key && !strchr(key, '='))
			set(e, key, text);
		free(text);
	}
}

static void add_client(struct env *e, const struct app *app, const struct app_client *c)
{
	char hex[65];

	set_number(e, "APP_ID", app->id);
	set_both(e, "APP_NAME", app->name);
	set_number(e, "CLIENT_WIDTH", c->width);
	set_number(e, "CLIENT_HEIGHT", c->height);
	set_number(e, "CLIENT_FPS", c->fps);
	set_both(e, "CLIENT_HDR", c->hdr ? "true" : "false");
	set_number(e, "CLIENT_GCMAP", c->gcmap);
	set_both(e, "CLIENT_HOST_AUDIO", c->host_audio ? "true" : "false");
	set_both(e, "CLIENT_ENABLE_SOPS", c->sops ? "true" : "false");
	set_both(e, "CLIENT_AUDIO_CONFIGURATION", c->channels == 8 ? "7.1" : c->channels == 6 ? "5.1" : "2.0");
	set_both(e, "CLIENT_NAME", c->name);
	hex_encode(hex, c->fingerprint, 32);
	set_both(e, "CLIENT_ID", hex);
	snprintf(hex, sizeof(hex), "%u", c->session_id);
	set(e, "MOONRILL_SESSION_ID", hex);
}

char **app_env_create(const struct apps *a, const struct app *app, const struct app_client *c)
{
	struct env e = {0};

	for (char **v = environ; v && *v; v++) {
		/* What the service manager told the daemon is not for its children. */
		if (strncmp(*v, "NOTIFY_SOCKET=", 14) != 0 && strncmp(*v, "WATCHDOG_", 9) != 0)
			put(&e, strdup(*v));
	}
	add_file_env(&e, a);
	add_client(&e, app, c);
	if (e.failed) {
		app_env_destroy(e.var);
		return NULL;
	}
	return e.var;
}

void app_env_destroy(char **env)
{
	if (!env)
		return;
	for (char **v = env; *v; v++)
		free(*v);
	free(env);
}

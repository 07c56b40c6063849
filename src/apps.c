// SPDX-License-Identifier: GPL-3.0-or-later
#include "apps.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"

#define LOG_MODULE "apps"
#include "base/log.h"

#define NAME_MAX_          256
#define COMMAND_MAX        4096
#define ENV_MAX            128
#define EXIT_TIMEOUT_S     5
#define EXIT_TIMEOUT_MAX_S 300

struct apps {
	json_t *root; /* owns every string */
	struct app app[APPS_MAX];
	unsigned n;
};

static const char builtin[] = "{\"apps\": [{\"name\": \"Desktop\"}]}";

/* ---- values: each bounded, each of the type it must have ---- */

static const char *text_in(const json_t *o, const char *key, size_t max)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s && strlen(s) <= max ? s : NULL;
}

/* Older files hold "true" and "false" as words. */
static bool bool_in(const json_t *o, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);

	if (json_is_boolean(v))
		return json_is_true(v);
	return s ? strcmp(s, "true") == 0 : otherwise;
}

static uint32_t seconds_in(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	int64_t s = json_integer_value(v);

	if (json_is_string(v) && str_to_i64(json_string_value(v), json_string_length(v), 0, INT32_MAX, &s) < 0)
		s = -1;
	if (!v || s < 0)
		return EXIT_TIMEOUT_S;
	return s > EXIT_TIMEOUT_MAX_S ? EXIT_TIMEOUT_MAX_S : (uint32_t)s;
}

static int read_prep(struct app *app, const json_t *list)
{
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		if (i >= APP_PREP_MAX || !json_is_object(o))
			return -EBADMSG;
		app->prep[app->n_prep++] = (struct app_prep){
			.run = text_in(o, "do", COMMAND_MAX),
			.undo = text_in(o, "undo", COMMAND_MAX),
		};
		if (json_is_true(json_object_get(o, "elevated")))
			log_warn("%s: \"elevated\" has no meaning here", app->name);
	}
	return 0;
}

static int read_detached(struct app *app, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(v);

		if (i >= APP_PREP_MAX || !s || strlen(s) > COMMAND_MAX)
			return -EBADMSG;
		if (*s)
			app->detached[app->n_detached++] = s;
	}
	return 0;
}

static void warn_unknown(const json_t *o, const char *name)
{
	static const char *const known[] = {
		"name",   "cmd",         "image-path", "working-dir",
		"output", "detached",    "prep-cmd",   "elevated",
		"uuid",   "auto-detach", "wait-all",   "exit-timeout",
		"id",     "menu-cmd",    "index",      "exclude-global-prep-cmd",
	};
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)o, key, v)
	{
		size_t i = 0;

		while (i < ARRAY_LEN(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == ARRAY_LEN(known))
			log_info("%s: \"%.40s\" is not used", name, key);
	}
}

static int read_app(struct app *app, const json_t *o)
{
	const char *name = text_in(o, "name", NAME_MAX_);

	if (!name)
		return -EBADMSG;
	*app = (struct app){
		.name = name,
		.cmd = text_in(o, "cmd", COMMAND_MAX),
		.image = text_in(o, "image-path", PATH_MAX - 1),
		.working_dir = text_in(o, "working-dir", PATH_MAX - 1),
		.output = text_in(o, "output", PATH_MAX - 1),
		.auto_detach = bool_in(o, "auto-detach", true),
		.wait_all = bool_in(o, "wait-all", true),
		.exit_timeout_s = seconds_in(o, "exit-timeout"),
	};
	warn_unknown(o, name);
	if (read_prep(app, json_object_get(o, "prep-cmd")) < 0)
		return -EBADMSG;
	return read_detached(app, json_object_get(o, "detached"));
}

/* ---- ids ---- */

static uint32_t crc32_add(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

/* The picture is part of the id: clients cache box art for ever by it (1-session 2.6). */
static uint32_t derive_id(const struct app *app, int index)
{
	uint32_t crc = crc32_add(UINT32_MAX, app->name, strlen(app->name));
	uint8_t hash[32];
	char text[65];
	struct buf art;
	int32_t id;

	if (app->image) {
		buf_init(&art, APP_ART_MAX);
		if (fs_read(app->image, &art) == 0 &&
		    EVP_Digest(art.data, art.len, hash, NULL, EVP_sha256(), NULL) == 1) {
			hex_encode(text, hash, sizeof(hash));
			crc = crc32_add(crc, text, strlen(text));
		} else {
			crc = crc32_add(crc, app->image, strlen(app->image));
		}
		buf_finish(&art);
	}
	if (index >= 0) {
		snprintf(text, sizeof(text), "%d", index);
		crc = crc32_add(crc, text, strlen(text));
	}
	id = (int32_t)~crc;
	return id == INT32_MIN || id == 0 ? 1 : (uint32_t)abs(id);
}

static bool id_taken(const struct apps *a, uint32_t id)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->app[i].id == id)
			return true;
	return false;
}

/* What an app is known by in the file of ids: its uuid, or its name. */
static const char *stable_name(const json_t *o)
{
	const char *uuid = text_in(o, "uuid", 64);

	return uuid ? uuid : text_in(o, "name", NAME_MAX_);
}

static uint32_t choose_id(const struct apps *a, const struct app *app, const char *key, const json_t *kept)
{
	json_int_t old = json_integer_value(json_object_get(kept, key));

	if (old > 0 && old <= INT32_MAX && !id_taken(a, (uint32_t)old))
		return (uint32_t)old;
	/* Equal apps are told apart by their place in the list. */
	for (int index = -1;; index = index < 0 ? (int)a->n : index + 1) {
		uint32_t id = derive_id(app, index);

		if (!id_taken(a, id))
			return id;
	}
}

static json_t *load_ids(const char *path)
{
	json_t *ids = NULL;
	struct buf b;

	buf_init(&b, APPS_FILE_MAX);
	if (fs_read(path, &b) == 0)
		ids = json_loadb(buf_cstr(&b), b.len, 0, NULL);
	buf_finish(&b);
	return json_is_object(ids) ? ids : json_object();
}

static void save_ids(const char *path, const json_t *ids)
{
	char *text = json_dumps(ids, JSON_INDENT(1) | JSON_SORT_KEYS);
	int err = text ? fs_write_atomic(path, text, strlen(text), 0600) : -ENOMEM;

	if (err)
		log_errno(err, "%s: ids of apps may change with their pictures", path);
	free(text);
}

/* ---- the list ---- */

static int read_list(struct apps *a, json_t *kept, bool *changed)
{
	const json_t *list = json_object_get(a->root, "apps"), *o;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > APPS_MAX)
		return -EBADMSG;
	json_array_foreach(list, i, o)
	{
		struct app *app = &a->app[a->n];
		const char *key;

		if (read_app(app, o) < 0) {
			log_warn("entry %zu of the app list is damaged and left out", i + 1);
			continue;
		}
		key = stable_name(o);
		app->id = choose_id(a, app, key, kept);
		if (json_integer_value(json_object_get(kept, key)) != (json_int_t)app->id) {
			json_object_set_new(kept, key, json_integer((json_int_t)app->id));
			*changed = true;
		}
		a->n++;
	}
	return a->n ? 0 : -EBADMSG;
}

int apps_parse(struct apps **out, const char *text, size_t len, const char *state_dir)
{
	struct apps *a = calloc(1, sizeof(*a));
	char path[PATH_MAX] = "";
	bool changed = false;
	json_t *kept;
	int err;

	if (!a)
		return -ENOMEM;
	a->root = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
	if (state_dir && fs_join(path, sizeof(path), state_dir, "app-ids.json") < 0)
		*path = 0;
	kept = *path ? load_ids(path) : json_object();
	err = !kept ? -ENOMEM : !json_is_object(a->root) ? -EBADMSG : read_list(a, kept, &changed);
	if (!err && changed && *path)
		save_ids(path, kept);
	json_decref(kept);
	if (err) {
		apps_destroy(a);
		return err;
	}
	*out = a;
	return 0;
}

int apps_load(struct apps **out, const char *path, const char *state_dir)
{
	struct buf b;
	int err;

	buf_init(&b, APPS_FILE_MAX);
	err = fs_read(path, &b);
	if (!err)
		err = apps_parse(out, buf_cstr(&b), b.len, state_dir);
	buf_finish(&b);
	if (!err) {
		log_info("%u apps from %s", (*out)->n, path);
		return 0;
	}
	if (err == -ENOMEM)
		return err;
	if (err != -ENOENT)
		log_errno(err, "%s is not a list of apps; only the desktop is offered", path);
	return apps_parse(out, builtin, strlen(builtin), state_dir);
}

void apps_destroy(struct apps *a)
{
	if (!a)
		return;
	json_decref(a->root);
	free(a);
}

const struct app *apps_get(const struct apps *a, unsigned n)
{
	return n < a->n ? &a->app[n] : NULL;
}

const struct app *apps_find(const struct apps *a, uint32_t id)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->app[i].id == id)
			return &a->app[i];
	return NULL;
}

int apps_art(const struct apps *a, uint32_t id, struct buf *out)
{
	const struct app *app = apps_find(a, id);

	return app && app->image && fs_read(app->image, out) == 0 ? 0 : -ENOENT;
}

bool apps_env(const struct apps *a, unsigned n, const char **key, const char **value)
{
	json_t *env = json_object_get(a->root, "env");
	void *at = json_object_iter(env);

	if (n >= ENV_MAX)
		return false;
	for (unsigned i = 0; at && i < n; i++)
		at = json_object_iter_next(env, at);
	if (!at)
		return false;
	*key = json_object_iter_key(at);
	*value = json_string_value(json_object_iter_value(at));
	if (!*value)
		*value = "";
	return true;
}

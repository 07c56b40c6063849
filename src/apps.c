// SPDX-License-Identifier: GPL-3.0-or-later
#include "apps.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

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
	const char *known_as[APPS_MAX]; /* what the file of ids calls it, before duplicates are told apart */
	unsigned n;
};

static const char builtin[] = "{\"apps\": [{\"name\": \"Desktop\"}]}";

/* ---- values: each bounded, each of the type it must have ---- */

/* False: there is something, but no text or one too long. Absent, null and "" are all NULL. */
static bool text_in(const json_t *o, const char *key, size_t max, const char **out)
{
	const json_t *v = json_object_get(o, key);

	*out = json_string_length(v) ? json_string_value(v) : NULL;
	return !v || json_is_null(v) || (json_is_string(v) && json_string_length(v) <= max);
}

/* Older files hold "true" and "false" as words. */
static bool bool_in(const json_t *o, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_boolean(v))
		return json_is_true(v);
	return json_is_string(v) ? strcasecmp(json_string_value(v), "true") == 0 : otherwise;
}

static uint32_t seconds_in(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	int64_t s = json_is_integer(v) ? json_integer_value(v) : -1;

	if (json_is_string(v) && str_to_i64(json_string_value(v), json_string_length(v), 0, INT32_MAX, &s) < 0)
		s = -1;
	if (s < 0)
		return EXIT_TIMEOUT_S;
	return s > EXIT_TIMEOUT_MAX_S ? EXIT_TIMEOUT_MAX_S : (uint32_t)s;
}

/* False: there is something, but no list or one too long. */
static bool list_in(const json_t *o, const char *key, size_t max, const json_t **out)
{
	*out = json_object_get(o, key);
	return !*out || json_is_null(*out) || (json_is_array(*out) && json_array_size(*out) <= max);
}

static int read_prep(struct app *app, const json_t *list)
{
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		struct app_prep *prep = &app->prep[app->n_prep++];

		if (!json_is_object(o) || !text_in(o, "do", COMMAND_MAX, &prep->run) ||
		    !text_in(o, "undo", COMMAND_MAX, &prep->undo))
			return -EBADMSG;
		if (bool_in(o, "elevated", false))
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
		if (!json_is_string(v) || json_string_length(v) > COMMAND_MAX)
			return -EBADMSG;
		if (json_string_length(v))
			app->detached[app->n_detached++] = json_string_value(v);
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
	const json_t *prep, *detached;

	*app = (struct app){
		.auto_detach = bool_in(o, "auto-detach", true),
		.wait_all = bool_in(o, "wait-all", true),
		.exit_timeout_s = seconds_in(o, "exit-timeout"),
	};
	if (!text_in(o, "name", NAME_MAX_, &app->name) || !app->name || !text_in(o, "cmd", COMMAND_MAX, &app->cmd) ||
	    !text_in(o, "image-path", PATH_MAX - 1, &app->image) ||
	    !text_in(o, "working-dir", PATH_MAX - 1, &app->working_dir) ||
	    !text_in(o, "output", PATH_MAX - 1, &app->output) || !list_in(o, "prep-cmd", APP_PREP_MAX, &prep) ||
	    !list_in(o, "detached", APP_PREP_MAX, &detached))
		return -EBADMSG;
	warn_unknown(o, app->name);
	return read_prep(app, prep) < 0 || read_detached(app, detached) < 0 ? -EBADMSG : 0;
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

/* A pipe or a device in place of the picture must not stop the daemon. */
static int read_art(const struct app *app, struct buf *out)
{
	struct stat st;

	return stat(app->image, &st) == 0 && S_ISREG(st.st_mode) ? fs_read(app->image, out) : -ENOENT;
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
		if (read_art(app, &art) == 0 && EVP_Digest(art.data, art.len, hash, NULL, EVP_sha256(), NULL) == 1) {
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

/*
 * What an app is called in the file of ids: its uuid, or its name; the second of the same name gets a mark that cannot
 * stand in a name typed by a person, or both would fight for one entry.
 */
static int kept_key(struct apps *a, const json_t *o, struct buf *key)
{
	const char *base, *name = a->app[a->n].name;
	unsigned earlier = 0;

	if (!text_in(o, "uuid", 64, &base) || !base)
		base = name;
	for (unsigned i = 0; i < a->n; i++)
		earlier += strcmp(a->known_as[i], base) == 0;
	a->known_as[a->n] = base;
	buf_str(key, base);
	if (earlier)
		buf_fmt(key, "\x1f%u", earlier + 1);
	return key->err ? -ENOMEM : 0;
}

static bool kept_for_another(const json_t *kept, const char *key, uint32_t id)
{
	const char *other;
	json_t *v;

	json_object_foreach((json_t *)kept, other, v)
	{
		if (json_integer_value(v) == (json_int_t)id && strcmp(other, key) != 0)
			return true;
	}
	return false;
}

static uint32_t choose_id(const struct apps *a, const struct app *app, const char *key, const json_t *kept)
{
	json_int_t old = json_integer_value(json_object_get(kept, key));

	if (old > 0 && old <= INT32_MAX && !id_taken(a, (uint32_t)old))
		return (uint32_t)old;
	/* Equal apps are told apart by their place in the list. */
	for (int index = -1;; index = index < 0 ? (int)a->n : index + 1) {
		uint32_t id = derive_id(app, index);

		if (!id_taken(a, id) && !kept_for_another(kept, key, id))
			return id;
	}
}

/* Ids are precious: a file of them that cannot be understood is put aside for a person to look at, one that cannot be
 * read is not written over. save tells whether new ids may be written. */
static json_t *load_ids(const char *path, bool *save)
{
	char aside[PATH_MAX];
	json_t *ids = NULL;
	struct buf b;
	int err;

	buf_init(&b, APPS_FILE_MAX);
	err = fs_read(path, &b);
	if (!err)
		ids = json_loadb(buf_cstr(&b), b.len, 0, NULL);
	buf_finish(&b);
	if (json_is_object(ids) || err == -ENOENT) {
		*save = true;
		return ids ? ids : json_object();
	}
	json_decref(ids);
	if (!err && snprintf(aside, sizeof(aside), "%s.damaged", path) < (int)sizeof(aside) &&
	    rename(path, aside) == 0) {
		log_warn("%s is damaged and now called %s; ids of apps are derived anew", path, aside);
		*save = true;
	} else {
		log_errno(err ? err : -errno, "%s: ids of apps are derived and not kept", path);
	}
	return json_object();
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
		struct buf key;
		int err;

		if (read_app(app, o) < 0) {
			log_warn("entry %zu of the app list is damaged and left out", i + 1);
			continue;
		}
		buf_init(&key, 2 * NAME_MAX_);
		err = kept_key(a, o, &key);
		if (!err) {
			app->id = choose_id(a, app, buf_cstr(&key), kept);
			if (json_integer_value(json_object_get(kept, buf_cstr(&key))) != (json_int_t)app->id) {
				err = json_object_set_new(kept, buf_cstr(&key), json_integer((json_int_t)app->id))
					      ? -ENOMEM
					      : 0;
				*changed = true;
			}
		}
		buf_finish(&key);
		if (err)
			return err;
		a->n++;
	}
	return a->n ? 0 : -EBADMSG;
}

int apps_parse(struct apps **out, const char *text, size_t len, const char *state_dir)
{
	struct apps *a = calloc(1, sizeof(*a));
	bool changed = false, save = false;
	char path[PATH_MAX] = "";
	json_t *kept;
	int err;

	if (!a)
		return -ENOMEM;
	a->root = json_loadb(text, len, 0, NULL);
	if (state_dir && fs_join(path, sizeof(path), state_dir, "app-ids.json") < 0)
		*path = 0;
	kept = *path && a->root ? load_ids(path, &save) : json_object();
	err = !kept ? -ENOMEM : !json_is_object(a->root) ? -EBADMSG : read_list(a, kept, &changed);
	if (!err && changed && save)
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

	return app && app->image && read_art(app, out) == 0 ? 0 : -ENOENT;
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

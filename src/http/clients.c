// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/clients.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

#define LOG_MODULE "clients"
#include "base/log.h"

#define FILE_MAX      65536
#define ID_PREFIX_MIN 8

struct clients {
	char dir[PATH_MAX];
	struct client *list;
	unsigned n;
};

static int path_of(const struct clients *c, const char *id, char out[PATH_MAX])
{
	char name[2 * CERT_HASH + sizeof(".json")];

	snprintf(name, sizeof(name), "%s.json", id);
	return fs_join(out, PATH_MAX, c->dir, name);
}

/* The bytes of a JSON client file. */
static int parse_client(const struct buf *b, struct client *out)
{
	const char *pem, *name = "", *uuid;
	json_int_t at = 0;
	struct cert cert;
	json_t *root = json_loadb(buf_cstr(b), b->len, JSON_REJECT_DUPLICATES, NULL);
	int err = -EBADMSG;

	*out = (struct client){0};
	if (json_unpack(root, "{s:s, s?s, s:s, s?I}", "certificate", &pem, "name", &name, "uuid", &uuid, "time", &at) ==
		    0 &&
	    cert_from_pem(&cert, pem, strlen(pem)) == 0 && str_copy(out->uuid, sizeof(out->uuid), uuid)) {
		memcpy(out->hash, cert.hash, CERT_HASH);
		hex_encode(out->id, cert.hash, CERT_HASH);
		str_copy(out->name, sizeof(out->name), name);
		out->paired_at = at;
		err = 0;
	}
	json_decref(root);
	return err;
}

static int order(const void *a, const void *b)
{
	const struct client *x = a, *y = b;

	return x->paired_at != y->paired_at ? (x->paired_at > y->paired_at) - (x->paired_at < y->paired_at)
					    : strcmp(x->id, y->id);
}

/* Where the certificate is in the list; -1: not there. */
static int index_of(const struct clients *c, const uint8_t hash[CERT_HASH])
{
	for (unsigned i = 0; i < c->n; i++)
		if (memcmp(c->list[i].hash, hash, CERT_HASH) == 0)
			return (int)i;
	return -1;
}

static int append(struct clients *c, const struct client *one)
{
	struct client *list;

	if (c->n == CLIENTS_MAX)
		return -ENOSPC;
	list = realloc(c->list, (c->n + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	c->list = list;
	c->list[c->n++] = *one;
	return 0;
}

static int load_file(struct clients *c, const char *name)
{
	char path[PATH_MAX];
	struct client one;
	struct buf b;
	int err = fs_join(path, sizeof(path), c->dir, name);

	if (err)
		return err;
	buf_init(&b, FILE_MAX);
	err = fs_read(path, &b);
	if (!err)
		err = parse_client(&b, &one);
	buf_finish(&b);
	/* Under another name it would come back after clients_remove(). */
	if (!err && (strncmp(name, one.id, 2 * CERT_HASH) != 0 || strcmp(name + 2 * CERT_HASH, ".json") != 0))
		err = -EBADMSG;
	if (!err && index_of(c, one.hash) < 0)
		err = append(c, &one);
	if (err)
		log_errno(err, "paired client %s is skipped", path);
	return err == -ENOMEM ? err : 0;
}

int clients_load(struct clients **out, const char *state_dir)
{
	struct clients *c = calloc(1, sizeof(*c));
	struct dirent *e;
	DIR *dir = NULL;
	int err;

	if (!c)
		return -ENOMEM;
	err = fs_join(c->dir, sizeof(c->dir), state_dir, "clients");
	if (!err)
		err = fs_mkdirs(c->dir, 0700);
	if (!err && !(dir = opendir(c->dir)))
		err = -errno;
	while (!err && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);

		if (n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".json") == 0)
			err = load_file(c, e->d_name);
	}
	if (dir)
		closedir(dir);
	if (err) {
		log_errno(err, "cannot read the paired clients in %s", c->dir);
		clients_destroy(c);
		return err;
	}
	if (c->n)
		qsort(c->list, c->n, sizeof(*c->list), order);
	*out = c;
	return 0;
}

void clients_destroy(struct clients *c)
{
	if (!c)
		return;
	free(c->list);
	free(c);
}

static int save(const struct clients *c, const struct client *one, const struct cert *cert)
{
	char path[PATH_MAX];
	char *pem = cert_to_pem(cert), *text = NULL;
	json_t *root = NULL;
	int err = path_of(c, one->id, path);

	if (pem)
		root = json_pack("{s:s, s:s, s:s, s:I}", "certificate", pem, "name", one->name, "uuid", one->uuid,
				 "time", (json_int_t)one->paired_at);
	if (root)
		text = json_dumps(root, JSON_INDENT(2));
	if (!err && !text)
		err = -ENOMEM;
	if (!err)
		err = fs_write_atomic(path, text, strlen(text), 0600);
	if (err)
		log_errno(err, "cannot store the client in %s", path);
	json_decref(root);
	free(text);
	free(pem);
	return err;
}

int clients_add(struct clients *c, const struct cert *cert, const char *name)
{
	int at = index_of(c, cert->hash), err;
	struct client one = {.paired_at = time(NULL)};

	if (at >= 0)
		one = c->list[at];
	else if (c->n == CLIENTS_MAX)
		return -ENOSPC;
	else
		uuid_make(one.uuid);
	memcpy(one.hash, cert->hash, CERT_HASH);
	hex_encode(one.id, cert->hash, CERT_HASH);
	if (*name || at < 0)
		str_copy(one.name, sizeof(one.name), name);
	/* A name cut inside a character would be no JSON text. */
	while (*one.name && !utf8_valid(one.name, strlen(one.name)))
		one.name[strlen(one.name) - 1] = 0;
	err = save(c, &one, cert);
	if (err)
		return err;
	if (at < 0)
		return append(c, &one);
	c->list[at] = one;
	return 0;
}

static bool fits(const struct client *one, const char *which)
{
	size_t n = strlen(which);

	return strcmp(one->uuid, which) == 0 || strcmp(one->name, which) == 0 ||
	       (n >= ID_PREFIX_MIN && strncmp(one->id, which, n) == 0);
}

int clients_remove(struct clients *c, const char *which, struct client *gone)
{
	char path[PATH_MAX];
	int at = -1, err;

	for (unsigned i = 0; i < c->n; i++) {
		if (!fits(&c->list[i], which))
			continue;
		if (at >= 0)
			return -EEXIST;
		at = (int)i;
	}
	if (at < 0)
		return -ENOENT;
	err = path_of(c, c->list[at].id, path);
	if (!err && unlink(path) < 0 && errno != ENOENT)
		err = -errno;
	if (err) {
		log_errno(err, "cannot remove %s", path);
		return err;
	}
	*gone = c->list[at];
	memmove(&c->list[at], &c->list[at + 1], (c->n - (unsigned)at - 1) * sizeof(*c->list));
	c->n--;
	return 0;
}

const struct client *clients_find(const struct clients *c, const uint8_t hash[CERT_HASH])
{
	int at = index_of(c, hash);

	return at < 0 ? NULL : &c->list[at];
}

const struct client *clients_get(const struct clients *c, unsigned n)
{
	return n < c->n ? &c->list[n] : NULL;
}

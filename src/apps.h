// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The apps that clients may start: read from an apps.json in the common format, or one built-in "Desktop". Ids are
 * derived from name and picture once and then kept in the state folder, because clients pin and cache by id.
 * Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/server.h"

struct apps;

#define APPS_MAX      256
#define APP_PREP_MAX  32
#define APP_ART_MAX   (4u << 20) /* bytes of a box art file */
#define APPS_FILE_MAX (1u << 20)

/* Strings belong to the apps they came from. */
struct app_prep {
	const char *run, *undo; /* shell commands, either may be NULL */
};

struct app {
	uint32_t id; /* 1..INT32_MAX */
	const char *name;
	const char *cmd; /* shell command; NULL: nothing to wait for, like the desktop itself */
	const char *image, *working_dir, *output;
	const char *detached[APP_PREP_MAX]; /* started and forgotten */
	struct app_prep prep[APP_PREP_MAX];
	uint8_t n_detached, n_prep;
	bool auto_detach;        /* a command that ends well within seconds was a launcher: the app goes on */
	bool wait_all;           /* the app has ended when its whole process group has */
	uint32_t exit_timeout_s; /* from asking to end until killing */
};

/* Reads path; a file that is not there leaves the built-in list, a damaged one is reported and does too. -ENOMEM. */
int apps_load(struct apps **out, const char *path, const char *state_dir);
/* From text; state_dir NULL keeps no ids. -EBADMSG: not the format. Pure but for the pictures' and ids' files. */
int apps_parse(struct apps **out, const char *text, size_t len, const char *state_dir);
void apps_destroy(struct apps *a); /* accepts NULL */

const struct app *apps_get(const struct apps *a, unsigned n); /* NULL past the end */
const struct app *apps_find(const struct apps *a, uint32_t id);
/* The picture, as it lies in the file. -ENOENT: none, or not readable. */
int apps_art(const struct apps *a, uint32_t id, struct buf *out);
/* A variable of the file's "env" object, by position; false past the end. */
bool apps_env(const struct apps *a, unsigned n, const char **key, const char **value);

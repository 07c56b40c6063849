// SPDX-License-Identifier: GPL-3.0-or-later
#include "paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static const char *home(void)
{
	struct passwd *pw;

	if (env("HOME"))
		return env("HOME");
	pw = getpwuid(getuid());
	return pw ? pw->pw_dir : NULL;
}

static int copy(char out[PATH_MAX], const char *path)
{
	return str_copy(out, PATH_MAX, path) ? 0 : -ENAMETOOLONG;
}

static int default_state(char out[PATH_MAX])
{
	if (env("STATE_DIRECTORY"))
		return copy(out, env("STATE_DIRECTORY"));
	if (env("XDG_STATE_HOME"))
		return fs_join(out, PATH_MAX, env("XDG_STATE_HOME"), "moonrill");
	return home() ? fs_join(out, PATH_MAX, home(), ".local/state/moonrill") : -ENOENT;
}

static int default_config(char out[PATH_MAX])
{
	int err;

	if (env("XDG_CONFIG_HOME"))
		err = fs_join(out, PATH_MAX, env("XDG_CONFIG_HOME"), "moonrill/moonrill.ini");
	else
		err = home() ? fs_join(out, PATH_MAX, home(), ".config/moonrill/moonrill.ini") : -ENOENT;
	if (!err && access(out, R_OK) == 0)
		return 0;
	copy(out, "/etc/moonrill/moonrill.ini");
	if (access(out, R_OK) < 0)
		*out = 0;
	return 0;
}

static int apps_beside(struct paths *p)
{
	char *slash;
	int err;

	if (*p->config) {
		err = copy(p->apps, p->config);
		if (err)
			return err;
		slash = p->apps;
		for (char *s = p->apps; *s; s++)
			if (*s == '/')
				slash = s + 1;
		if ((size_t)(slash - p->apps) + sizeof("apps.json") > sizeof(p->apps))
			return -ENAMETOOLONG;
		str_copy(slash, sizeof("apps.json"), "apps.json");
		if (access(p->apps, R_OK) == 0)
			return 0;
	}
	return fs_join(p->apps, PATH_MAX, p->state, "apps.json");
}

int paths_resolve(struct paths *p, const char *state, const char *socket, const char *config)
{
	int err = state ? copy(p->state, state) : default_state(p->state);

	if (err)
		return err;
	if (socket)
		err = copy(p->socket, socket);
	else if (env("XDG_RUNTIME_DIR"))
		err = fs_join(p->socket, PATH_MAX, env("XDG_RUNTIME_DIR"), "moonrill.sock");
	else
		err = fs_join(p->socket, PATH_MAX, p->state, "moonrill.sock");
	if (!err)
		err = config ? copy(p->config, config) : default_config(p->config);
	return err ? err : apps_beside(p);
}

void paths_prefer_live_socket(struct paths *p, const char *state, const char *socket)
{
	char beside[PATH_MAX];
	struct stat st;

	if (socket || fs_join(beside, sizeof(beside), p->state, "moonrill.sock"))
		return;
	if ((state || access(p->socket, F_OK) < 0) && stat(beside, &st) == 0 && S_ISSOCK(st.st_mode))
		copy(p->socket, beside);
}

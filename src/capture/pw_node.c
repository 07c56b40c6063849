// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/pw_node.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define LOG_MODULE "pipewire"
#include "base/log.h"

static bool matches(const char *want, uint32_t id, const struct spa_dict *props)
{
	const char *name = spa_dict_lookup(props, PW_KEY_NODE_NAME);
	const char *serial = spa_dict_lookup(props, PW_KEY_OBJECT_SERIAL);
	int64_t number;

	if (!strncmp(want, "serial:", 7))
		return serial && !strcmp(serial, want + 7);
	if (str_to_i64(want, strlen(want), 0, UINT32_MAX, &number) == 0)
		return (uint32_t)number == id;
	return name && !strcmp(name, want);
}

static void on_global(void *data, uint32_t id, uint32_t permissions, const char *type, uint32_t version,
		      const struct spa_dict *props)
{
	struct node_watch *n = data;

	(void)permissions, (void)version;
	if (*n->want && props && n->id == PW_ID_ANY && !strcmp(type, PW_TYPE_INTERFACE_Node) &&
	    matches(n->want, id, props))
		n->id = id;
}

static void on_global_remove(void *data, uint32_t id)
{
	struct node_watch *n = data;

	if (id == PW_ID_ANY || id != n->id)
		return;
	log_dbg("node %u has left", id);
	n->left(n->ctx);
}

static const struct pw_registry_events events = {
	PW_VERSION_REGISTRY_EVENTS,
	.global = on_global,
	.global_remove = on_global_remove,
};

int node_watch_start(struct node_watch *n, struct pw_core *core, const char *want, void (*left)(void *ctx), void *ctx)
{
	*n = (struct node_watch){.want = want, .id = PW_ID_ANY, .left = left, .ctx = ctx};
	n->registry = pw_core_get_registry(core, PW_VERSION_REGISTRY, 0);
	if (!n->registry)
		return -ENOMEM;
	pw_registry_add_listener(n->registry, &n->hook, &events, n);
	return 0;
}

void node_watch_stop(struct node_watch *n)
{
	if (n->registry)
		pw_proxy_destroy((struct pw_proxy *)n->registry);
	n->registry = NULL;
}

int pw_daemon_probe(void)
{
	const char *runtime = getenv("PIPEWIRE_RUNTIME_DIR"), *remote = getenv("PIPEWIRE_REMOTE");
	char path[256];

	if (!runtime)
		runtime = getenv("XDG_RUNTIME_DIR");
	if (!remote)
		remote = "pipewire-0";
	if (*remote == '/')
		return access(remote, F_OK) ? -ENOTSUP : access(remote, W_OK) ? -EACCES : 0;
	if (!runtime || snprintf(path, sizeof(path), "%s/%s", runtime, remote) >= (int)sizeof(path))
		return -ENOTSUP;
	return access(path, F_OK) ? -ENOTSUP : access(path, W_OK) ? -EACCES : 0;
}

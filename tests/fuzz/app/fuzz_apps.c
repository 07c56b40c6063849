// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdint.h>
#include <stdlib.h>

#include "app_env.h"
#include "apps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted keeps the promises of struct app, and an environment can be made of it. No file is opened but a
 * picture that the text names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t fingerprint[32];
	const struct app_client c = {.name = "client", .fingerprint = fingerprint};
	const struct app *app;
	struct apps *list;

	if (apps_parse(&list, (const char *)data, size, NULL) < 0)
		return 0;
	for (unsigned n = 0; (app = apps_get(list, n)); n++) {
		if (!app->id || app->id > INT32_MAX || apps_find(list, app->id) != app || !app->name || !*app->name ||
		    app->n_prep > APP_PREP_MAX || app->n_detached > APP_PREP_MAX || app->exit_timeout_s > 300)
			abort();
		if (n < 2) {
			char **env = app_env_create(list, app, &c);

			free(app->cmd ? app_env_expand(env, app->cmd) : NULL);
			app_env_destroy(env);
		}
	}
	apps_destroy(list);
	return 0;
}

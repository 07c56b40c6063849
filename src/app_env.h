// SPDX-License-Identifier: GPL-3.0-or-later
/* The environment of what runs for a client, and the $(NAME) words in commands. Pure but for getenv; main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "apps.h"

/* Who the app runs for; borrowed for the call. */
struct app_client {
	uint32_t session_id;
	const char *name;
	const uint8_t *fingerprint; /* 32 bytes */
	uint16_t width, height;
	uint32_t fps, gcmap;
	bool hdr, host_audio, sops;
	uint8_t channels;
};

/* environ, the file's "env" (expanded), MOONRILL_* and the SUNSHINE_* names that existing scripts read. A
 * NULL-terminated array; NULL: no memory. */
char **app_env_create(const struct apps *a, const struct app *app, const struct app_client *c);
void app_env_destroy(char **env); /* accepts NULL */

/* Replaces $(NAME) by its value in env ("" when there is none) and $$ by $. NULL: no memory or longer than 64 KiB. */
char *app_env_expand(char *const *env, const char *text);

/* The same words for a shell to expand: $(NAME) becomes ${NAME}, $$ a $ (so $$$$ is the shell's own $$). The values
 * never become part of the command's text, because some come from the client: a device may be called "x; rm -rf ~".
 * What is no plain name, such as $(date +%s), is left to the shell. NULL: as above. */
char *app_env_command(const char *text);

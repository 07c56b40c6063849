// SPDX-License-Identifier: GPL-3.0-or-later
#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_env.h"

static const uint8_t fingerprint[32] = {0xab, 1};
static const struct app_client client = {
	.session_id = 3,
	.name = "Phone",
	.fingerprint = fingerprint,
	.width = 1920,
	.height = 1080,
	.fps = 60,
	.gcmap = 1,
	.hdr = true,
	.channels = 6,
};

static struct apps *list;
static char **env;

static int teardown(void **state)
{
	(void)state;
	app_env_destroy(env);
	env = NULL;
	apps_destroy(list);
	list = NULL;
	return 0;
}

static void make(const char *text)
{
	assert_int_equal(apps_parse(&list, text, strlen(text), NULL), 0);
	env = app_env_create(list, apps_get(list, 0), &client);
	assert_non_null(env);
}

static const char *get(const char *name)
{
	const char *found = NULL;
	size_t len = strlen(name);

	for (char **v = env; *v; v++) {
		if (strncmp(*v, name, len) == 0 && (*v)[len] == '=') {
			assert_null(found); /* each name once */
			found = *v + len + 1;
		}
	}
	return found;
}

static void words_are_expanded(void **state)
{
	char *const vars[] = {(char *)"A=one", (char *)"EMPTY=", (char *)"AB=two", NULL};
	static const struct {
		const char *text, *want;
	} row[] = {
		{"", ""},
		{"plain $HOME ${A} $", "plain $HOME ${A} $"},
		{"$(A)", "one"},
		{"x$(A)y$(AB)z", "xoneytwoz"},
		{"[$(EMPTY)][$(NONE)][$()]", "[][][]"},
		{"$$(A) $$$(A) $$$$", "$(A) $one $$"},
		{"$(A", "$(A"},
		{"$(A=one)", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		char *got = app_env_expand(vars, row[i].text);

		assert_string_equal(got, row[i].want);
		free(got);
	}
	{
		char *got = app_env_expand(NULL, "$(A)");

		assert_string_equal(got, "");
		free(got);
	}
}

static void commands_leave_values_to_the_shell(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"game --width $(SUNSHINE_CLIENT_WIDTH)", "game --width ${SUNSHINE_CLIENT_WIDTH}"},
		{"\"$(A_1)\"$(b)", "\"${A_1}\"${b}"},
		{"$$HOME $$$$ $$x$(A)", "$HOME $$ $x${A}"},
		{"$(date +%s) $(1A) $() $(A", "$(date +%s) $(1A) $() $(A"},
		{"plain $HOME ${A}", "plain $HOME ${A}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		char *got = app_env_command(row[i].text);

		assert_string_equal(got, row[i].want);
		free(got);
	}
}

static void expansion_has_a_ceiling(void **state)
{
	static char big[40 * 1024];
	char *vars[] = {big, NULL};

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "A=", 2);
	assert_null(app_env_expand(vars, "$(A)$(A)"));
}

static void later_sources_win_and_see_earlier_ones(void **state)
{
	(void)state;
	setenv("FROM_OUTSIDE", "outside", 1);
	setenv("MOONRILL_APP_NAME", "forged", 1);
	make("{\"env\": {\"FIRST\": \"1\", \"SECOND\": \"$(FIRST)2$$\", \"FROM_OUTSIDE\": \"$(FROM_OUTSIDE)+\", "
	     "\"SUNSHINE_CLIENT_FPS\": \"forged\", \"a=b\": \"c\", \"\": \"d\", \"NUM\": 5}, "
	     "\"apps\": [{\"name\": \"Game\"}]}");
	assert_string_equal(get("FIRST"), "1");
	assert_string_equal(get("SECOND"), "12$");
	assert_string_equal(get("FROM_OUTSIDE"), "outside+");
	assert_string_equal(get("SUNSHINE_CLIENT_FPS"), "60");
	assert_string_equal(get("MOONRILL_APP_NAME"), "Game");
	assert_string_equal(get("NUM"), "");
	assert_null(get("a"));
	assert_null(get(""));
}

static void names_that_scripts_read(void **state)
{
	static const struct {
		const char *name, *value;
	} row[] = {
		{"APP_NAME", "Game"},
		{"CLIENT_NAME", "Phone"},
		{"CLIENT_WIDTH", "1920"},
		{"CLIENT_HEIGHT", "1080"},
		{"CLIENT_FPS", "60"},
		{"CLIENT_HDR", "true"},
		{"CLIENT_GCMAP", "1"},
		{"CLIENT_HOST_AUDIO", "false"},
		{"CLIENT_ENABLE_SOPS", "false"},
		{"CLIENT_AUDIO_CONFIGURATION", "5.1"},
	};
	char name[64], id[16];

	(void)state;
	make("{\"apps\": [{\"name\": \"Game\"}]}");
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		snprintf(name, sizeof(name), "SUNSHINE_%s", row[i].name);
		assert_string_equal(get(name), row[i].value);
		snprintf(name, sizeof(name), "MOONRILL_%s", row[i].name);
		assert_string_equal(get(name), row[i].value);
	}
	snprintf(id, sizeof(id), "%u", apps_get(list, 0)->id);
	assert_string_equal(get("SUNSHINE_APP_ID"), id);
	assert_string_equal(get("MOONRILL_SESSION_ID"), "3");
	assert_memory_equal(get("MOONRILL_CLIENT_ID"), "ab0100", 6);
}

static void the_service_managers_words_stay_with_the_daemon(void **state)
{
	(void)state;
	setenv("NOTIFY_SOCKET", "/run/x", 1);
	setenv("WATCHDOG_USEC", "1", 1);
	make("{\"apps\": [{\"name\": \"Game\"}]}");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	assert_null(get("NOTIFY_SOCKET"));
	assert_null(get("WATCHDOG_USEC"));
}

static void a_large_environment_loses_nothing(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "MANY_%d", i);
		setenv(name, "x", 1);
	}
	make("{\"apps\": [{\"name\": \"Game\"}]}");
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "MANY_%d", i);
		unsetenv(name);
	}
	assert_string_equal(get("MANY_1499"), "x");
	assert_string_equal(get("MOONRILL_CLIENT_FPS"), "60");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		CASE(words_are_expanded),
		CASE(commands_leave_values_to_the_shell),
		CASE(expansion_has_a_ceiling),
		CASE(later_sources_win_and_see_earlier_ones),
		CASE(names_that_scripts_read),
		CASE(the_service_managers_words_stay_with_the_daemon),
		CASE(a_large_environment_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

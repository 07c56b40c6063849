// SPDX-License-Identifier: GPL-3.0-or-later
#include "scratch.h"

#include <errno.h>
#include <sys/stat.h>

#include "apps.h"

static struct apps *list;

static int setup(void **state)
{
	(void)state;
	scratch_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	apps_destroy(list);
	list = NULL;
	scratch_remove();
	return 0;
}

static int parse(const char *text)
{
	apps_destroy(list);
	list = NULL;
	return apps_parse(&list, text, strlen(text), NULL);
}

/* As a daemon does that starts anew. */
static void load(const char *text)
{
	apps_destroy(list);
	list = NULL;
	put_file("apps.json", text);
	assert_int_equal(apps_load(&list, in_scratch("apps.json"), scratch), 0);
}

static unsigned count(void)
{
	unsigned n = 0;

	while (apps_get(list, n))
		n++;
	return n;
}

static void every_key_of_the_common_format(void **state)
{
	const struct app *a;

	(void)state;
	assert_int_equal(
		parse("{\"env\": {\"A\": \"1\", \"B\": \"$(A)2\"}, \"apps\": [{\"name\": \"Game\", "
		      "\"cmd\": \"game --x\", \"working-dir\": \"/tmp\", \"output\": \"/tmp/log\", "
		      "\"image-path\": \"/nowhere.png\", \"auto-detach\": false, \"wait-all\": false, "
		      "\"exit-timeout\": 7, \"elevated\": false, \"detached\": [\"one\", \"\", \"two\"], "
		      "\"prep-cmd\": [{\"do\": \"d1\", \"undo\": \"u1\"}, {\"do\": \"d2\"}, {\"undo\": \"u3\"}], "
		      "\"uuid\": \"6F\", \"something-else\": [1]}]}"),
		0);
	a = apps_get(list, 0);
	assert_int_equal(count(), 1);
	assert_string_equal(a->name, "Game");
	assert_string_equal(a->cmd, "game --x");
	assert_string_equal(a->working_dir, "/tmp");
	assert_string_equal(a->output, "/tmp/log");
	assert_string_equal(a->image, "/nowhere.png");
	assert_false(a->auto_detach);
	assert_false(a->wait_all);
	assert_int_equal(a->exit_timeout_s, 7);
	assert_int_equal(a->n_detached, 2);
	assert_string_equal(a->detached[1], "two");
	assert_int_equal(a->n_prep, 3);
	assert_string_equal(a->prep[0].run, "d1");
	assert_string_equal(a->prep[0].undo, "u1");
	assert_null(a->prep[1].undo);
	assert_null(a->prep[2].run);
}

static void defaults_and_words_for_booleans(void **state)
{
	static const struct {
		const char *value;
		bool auto_detach, wait_all;
		uint32_t timeout;
	} row[] = {
		{"\"x\": 1", true, true, 5},
		{"\"auto-detach\": \"false\", \"wait-all\": \"true\", \"exit-timeout\": \"9\"", false, true, 9},
		{"\"auto-detach\": \"True\", \"wait-all\": \"\", \"exit-timeout\": \"9x\"", true, false, 5},
		{"\"auto-detach\": 0, \"wait-all\": null, \"exit-timeout\": -1", true, true, 5},
		{"\"exit-timeout\": 100000", true, true, 300},
		{"\"exit-timeout\": true", true, true, 5},
		{"\"exit-timeout\": 0", true, true, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{\"apps\": [{\"name\": \"n\", %s}]}", row[i].value);
		assert_int_equal(parse(text), 0);
		assert_int_equal(apps_get(list, 0)->auto_detach, row[i].auto_detach);
		assert_int_equal(apps_get(list, 0)->wait_all, row[i].wait_all);
		assert_int_equal(apps_get(list, 0)->exit_timeout_s, row[i].timeout);
	}
}

/* An entry that cannot be what its author meant must not run as something else. */
static void damaged_entries_are_left_out(void **state)
{
	static const char *const bad[] = {
		"1",
		"{}",
		"{\"name\": \"\"}",
		"{\"name\": 5}",
		"{\"name\": \"n\", \"cmd\": 5}",
		"{\"name\": \"n\", \"cmd\": [\"a\"]}",
		"{\"name\": \"n\", \"prep-cmd\": {\"do\": \"x\"}}",
		"{\"name\": \"n\", \"prep-cmd\": [\"x\"]}",
		"{\"name\": \"n\", \"prep-cmd\": [{\"do\": 1}]}",
		"{\"name\": \"n\", \"detached\": \"x\"}",
		"{\"name\": \"n\", \"detached\": [1]}",
		"{\"name\": \"n\", \"working-dir\": {}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{\"apps\": [%s, {\"name\": \"good\"}]}", bad[i]);
		assert_int_equal(parse(text), 0);
		assert_int_equal(count(), 1);
		assert_string_equal(apps_get(list, 0)->name, "good");
	}
}

static char *many(const char *head, const char *one, unsigned n, const char *tail)
{
	char *text = calloc(1, strlen(head) + strlen(tail) + n * (strlen(one) + 1) + 1), *p = text;

	p = stpcpy(p, head);
	for (unsigned i = 0; i < n; i++)
		p += sprintf(p, "%s%s", i ? "," : "", one);
	stpcpy(p, tail);
	return text;
}

static void every_count_and_length_has_a_ceiling(void **state)
{
	static const struct {
		const char *head, *one, *tail;
		unsigned most;
	} row[] = {
		{"{\"apps\": [{\"name\": \"n\", \"detached\": [", "\"a\"", "]}]}", APP_PREP_MAX},
		{"{\"apps\": [{\"name\": \"n\", \"prep-cmd\": [", "{\"do\":\"a\"}", "]}]}", APP_PREP_MAX},
		{"{\"apps\": [", "{\"name\": \"n\"}", "]}", APPS_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		char *text = many(row[i].head, row[i].one, row[i].most, row[i].tail);

		assert_int_equal(parse(text), 0);
		free(text);
		text = many(row[i].head, row[i].one, row[i].most + 1, row[i].tail);
		assert_int_equal(parse(text), -EBADMSG);
		free(text);
	}
	{
		char *text = many("{\"apps\": [{\"name\": \"n\", \"cmd\": \"", "xxxxxxx", 513, "\"}]}");

		assert_int_equal(parse(text), -EBADMSG); /* 4103 bytes, commas included */
		free(text);
	}
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"apps\": {}}",
		"{\"apps\": []}",
		"{\"apps\": [{\"name\": \"n\"}]",
		"nonsense",
		"{\"apps\": [{\"name\": \"n\"}]} trailing",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(bad[i]), -EBADMSG);
}

static void missing_or_damaged_file_leaves_the_desktop(void **state)
{
	(void)state;
	assert_int_equal(apps_load(&list, in_scratch("none.json"), scratch), 0);
	assert_int_equal(count(), 1);
	assert_string_equal(apps_get(list, 0)->name, "Desktop");
	assert_null(apps_get(list, 0)->cmd);
	load("{ damaged");
	assert_int_equal(count(), 1);
	assert_string_equal(apps_get(list, 0)->name, "Desktop");
	assert_string_equal(get_file("apps.json"), "{ damaged");
}

static void s24_ids_are_positive_unique_and_the_same_after_restart(void **state)
{
	static const char text[] =
		"{\"apps\": [{\"name\": \"a\"}, {\"name\": \"b\"}, {\"name\": \"a\"}, {\"name\": \"a\"}]}";
	uint32_t id[4];

	(void)state;
	load(text);
	for (unsigned i = 0; i < 4; i++) {
		id[i] = apps_get(list, i)->id;
		assert_in_range(id[i], 1, INT32_MAX);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(id[i], id[j]);
		assert_ptr_equal(apps_find(list, id[i]), apps_get(list, i));
	}
	for (unsigned again = 0; again < 3; again++) {
		load(text);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(apps_get(list, i)->id, id[i]);
	}
	assert_null(apps_find(list, 0));
}

/* CRC-32 of "Desktop", as a signed number without its sign: what existing shortcuts of clients hold. */
static void s24_first_id_is_the_one_that_clients_know(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"apps\": [{\"name\": \"Desktop\"}]}"), 0);
	assert_int_equal(apps_get(list, 0)->id, 958645192);
}

static void s24_ids_survive_a_new_picture_and_a_new_order(void **state)
{
	char text[512];
	uint32_t a, b;

	(void)state;
	put_file("box.png", "picture one");
	snprintf(text, sizeof(text), "{\"apps\": [{\"name\": \"a\", \"image-path\": \"%s\"}, {\"name\": \"b\"}]}",
		 in_scratch("box.png"));
	load(text);
	a = apps_get(list, 0)->id;
	b = apps_get(list, 1)->id;
	put_file("box.png", "picture two");
	load(text);
	assert_int_equal(apps_get(list, 0)->id, a);
	load("{\"apps\": [{\"name\": \"b\"}, {\"name\": \"a\"}]}");
	assert_int_equal(apps_get(list, 0)->id, b);
	assert_int_equal(apps_get(list, 1)->id, a);
	/* gone and back again */
	load("{\"apps\": [{\"name\": \"b\"}]}");
	load("{\"apps\": [{\"name\": \"a\"}]}");
	assert_int_equal(apps_get(list, 0)->id, a);
}

/* An id that another app has is never given to a new one, wherever it stands in the list. */
static void s24_new_apps_do_not_take_ids_of_others(void **state)
{
	uint32_t plain;

	(void)state;
	load("{\"apps\": [{\"name\": \"n\"}]}");
	plain = apps_get(list, 0)->id;
	load("{\"apps\": [{\"name\": \"n\", \"uuid\": \"new\"}, {\"name\": \"n\"}]}");
	assert_int_equal(apps_get(list, 1)->id, plain);
	assert_int_not_equal(apps_get(list, 0)->id, plain);
}

static void damaged_ids_are_put_aside_not_lost(void **state)
{
	(void)state;
	put_file("app-ids.json", "{\"a\": 7");
	load("{\"apps\": [{\"name\": \"a\"}]}");
	assert_int_equal(count(), 1);
	assert_string_equal(get_file("app-ids.json.damaged"), "{\"a\": 7");
	assert_non_null(strstr(get_file("app-ids.json"), "\"a\": "));
}

static void ids_out_of_range_are_replaced(void **state)
{
	(void)state;
	put_file("app-ids.json", "{\"a\": 0, \"b\": -5, \"c\": 2147483648, \"d\": \"x\", \"e\": 77}");
	load("{\"apps\": [{\"name\": \"a\"}, {\"name\": \"b\"}, {\"name\": \"c\"}, {\"name\": \"d\"}, {\"name\": "
	     "\"e\"}]}");
	for (unsigned i = 0; i < 5; i++)
		assert_in_range(apps_get(list, i)->id, 1, INT32_MAX);
	assert_int_equal(apps_get(list, 4)->id, 77);
}

static void s26_art_is_the_file_and_missing_art_an_error(void **state)
{
	char text[512];
	struct buf b;

	(void)state;
	put_file("box.png", "\x89PNG");
	assert_int_equal(mkfifo(in_scratch("pipe.png"), 0600), 0);
	snprintf(text, sizeof(text),
		 "{\"apps\": [{\"name\": \"a\", \"image-path\": \"%s\"}, {\"name\": \"b\"}, "
		 "{\"name\": \"c\", \"image-path\": \"%s\"}, {\"name\": \"d\", \"image-path\": \"%s\"}]}",
		 in_scratch("box.png"), in_scratch("none.png"), in_scratch("pipe.png"));
	load(text);
	buf_init(&b, APP_ART_MAX);
	assert_int_equal(apps_art(list, apps_get(list, 0)->id, &b), 0);
	assert_int_equal(b.len, 4);
	for (unsigned i = 1; i < 4; i++) {
		buf_reset(&b);
		assert_int_equal(apps_art(list, apps_get(list, i)->id, &b), -ENOENT);
	}
	assert_int_equal(apps_art(list, 12345, &b), -ENOENT);
	buf_finish(&b);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(every_key_of_the_common_format),
		CASE(defaults_and_words_for_booleans),
		CASE(damaged_entries_are_left_out),
		CASE(every_count_and_length_has_a_ceiling),
		CASE(what_is_no_list_is_refused),
		CASE(missing_or_damaged_file_leaves_the_desktop),
		CASE(s24_ids_are_positive_unique_and_the_same_after_restart),
		CASE(s24_first_id_is_the_one_that_clients_know),
		CASE(s24_ids_survive_a_new_picture_and_a_new_order),
		CASE(s24_new_apps_do_not_take_ids_of_others),
		CASE(damaged_ids_are_put_aside_not_lost),
		CASE(ids_out_of_range_are_replaced),
		CASE(s26_art_is_the_file_and_missing_art_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "path_spec.h"
#include "replay_row.h"

#define LOG_MODULE "replay"
#include "base/log.h"

static const char usage[] =
	"usage: netlab-replay [OPTIONS] SESSION\n"
	"\n"
	"Replays a recorded session (stream.record) off line through packetizer, pacer and closed loop of this tree:\n"
	"one JSON row on standard output.\n"
	"\n"
	"  --path FILE        not as recorded, but on this path: a scenario of tests/netlab, or path.json of a kept "
	"run\n"
	"  --seed N           of that path (1)\n"
	"  --pin WHAT         rate, ceiling or parity stays where it begins; may be repeated\n"
	"  --pacing PERCENT   stream.pacing_percent, --fec PERCENT  stream.fec_percent: other than then\n"
	"  --against ROW      a row that another version printed for the same: what differs is in \"against\"\n"
	"  --ignore FIGURE    of these; may be repeated\n"
	"\n"
	"Exit status: 0; 1: something differs; 2: no replay.\n";

struct job {
	struct replay_params p;
	struct path_params down;
	const char *path, *against;
	const char *ignore[16];
	unsigned n_ignore;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "netlab-replay: %s: %s\n", what, why);
	return 2;
}

static uint32_t percent(const char *text)
{
	int64_t v;

	if (str_to_i64(text, strlen(text), 1, 1000, &v) < 0) {
		fputs(usage, stderr);
		exit(2);
	}
	return (uint32_t)v;
}

static int pin(struct replay_params *p, const char *what)
{
	bool *const flag[REPLAY_ORDERS] = {
		[REPLAY_RATE] = &p->pin_rate, [REPLAY_CEILING] = &p->pin_ceiling, [REPLAY_PARITY] = &p->pin_fec};

	for (unsigned i = 0; i < REPLAY_ORDERS; i++)
		if (strcmp(what, replay_order_name[i]) == 0) {
			*flag[i] = true;
			return 0;
		}
	return -EINVAL;
}

static int options(struct job *j, int argc, char **argv)
{
	static const struct option names[] = {
		{"path", required_argument, NULL, 'p'},   {"seed", required_argument, NULL, 's'},
		{"pin", required_argument, NULL, 'i'},    {"pacing", required_argument, NULL, 'c'},
		{"fec", required_argument, NULL, 'f'},    {"against", required_argument, NULL, 'a'},
		{"ignore", required_argument, NULL, 'x'}, {0},
	};
	int64_t seed = 1;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		switch (c) {
		case 'p':
			j->path = optarg;
			break;
		case 's':
			if (str_to_i64(optarg, strlen(optarg), 0, INT64_MAX, &seed) < 0)
				return -EINVAL;
			break;
		case 'i':
			if (pin(&j->p, optarg) < 0)
				return -EINVAL;
			break;
		case 'c':
			j->p.pacing_percent = percent(optarg);
			break;
		case 'f':
			j->p.fec_percent = percent(optarg);
			break;
		case 'a':
			j->against = optarg;
			break;
		case 'x':
			if (j->n_ignore == ARRAY_LEN(j->ignore))
				return -EINVAL;
			j->ignore[j->n_ignore++] = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	j->p.seed = (uint64_t)seed;
	if (j->p.fec_percent > UINT8_MAX || (j->p.pacing_percent && j->p.pacing_percent <= 100))
		return -EINVAL;
	return optind + 1 == argc ? 0 : -EINVAL;
}

/* {"down", "up"}, alone or as a scenario's "link". */
static int load_path(struct job *j)
{
	json_error_t e;
	json_t *file = json_load_file(j->path, 0, &e), *link = json_object_get(file, "link");
	struct path_params up = {0};
	const char *why = e.text;
	int err = -EINVAL;

	link = link ? link : file;
	if (json_is_string(json_object_get(link, "kind")) &&
	    strcmp(json_string_value(json_object_get(link, "kind")), "relay") != 0)
		why = "only paths of the relay can be replayed";
	else if (file)
		err = path_spec_read(&j->down, json_object_get(link, "down"), &why);
	if (!err)
		err = path_spec_read(&up, json_object_get(link, "up"), &why);
	j->p.up_ns = up.delay_ns;
	j->p.down = &j->down;
	json_decref(file);
	return err ? fail(j->path, why) : 0;
}

/* Adds what differs to the row. */
static int compare(const struct job *j, json_t *row)
{
	json_error_t e;
	json_t *there = json_load_file(j->against, 0, &e), *differ;
	int rc;

	if (!json_is_object(there)) {
		json_decref(there);
		return fail(j->against, "not a row");
	}
	differ = replay_row_differences(there, row);
	for (unsigned i = 0; i < j->n_ignore; i++)
		json_object_del(differ, j->ignore[i]);
	rc = json_object_size(differ) ? 1 : 0;
	json_object_set_new(row, "against", differ);
	json_decref(there);
	return rc;
}

static int play(const struct job *j)
{
	struct replay_result *r = malloc(sizeof(*r));
	int err = r ? replay_run(r, &j->p) : -ENOMEM, rc = 0;
	json_t *row = err ? NULL : replay_row(r, &j->p);

	if (!row)
		rc = fail("replay", strerror(err ? -err : ENOMEM));
	if (row && j->against)
		rc = compare(j, row);
	if (row && rc != 2 && (json_dumpf(row, stdout, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12)) || puts("") < 0))
		rc = fail("standard output", strerror(errno));
	json_decref(row);
	free(r);
	return rc;
}

int main(int argc, char **argv)
{
	struct session_file session;
	struct session_error e;
	struct job j = {.p = {.session = &session}};
	int err, rc;

	if (options(&j, argc, argv) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	log_set_level(LOG_LEVEL_ERR);
	if (j.path && load_path(&j))
		return 2;
	err = session_file_load(&session, argv[optind], &e);
	if (err) {
		fprintf(stderr, "netlab-replay: %s:%u: %s (%s)\n", argv[optind], e.line, e.text, strerror(-err));
		return 2;
	}
	rc = play(&j);
	session_file_free(&session);
	return rc;
}

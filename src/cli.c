// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "build_config.h"
#include "commands.h"
#include "config.h"
#include "ctl.h"
#include "daemon.h"
#include "encode/choice.h"
#include "encode/registry.h"
#include "encoders.h"
#include "movie_command.h"
#include "paths.h"
#include "stream_offer.h"

#define OVERRIDES_MAX 64

struct options {
	const char *config, *state, *socket;
	const char *override[OVERRIDES_MAX];
	int n_override;
	bool json;
	struct movie_wish record;
};

static void print_help(FILE *to)
{
	const struct command *c;

	fputs("moonrill streams this machine's screen and sound to Moonlight clients.\n\n"
	      "usage: moonrill COMMAND [options]\n\n"
	      "  run                    run the daemon in the foreground\n"
	      "  config check           read the configuration and say what is wrong\n"
	      "  config dump            print every option with its value\n"
	      "  encoders               list the encoders of this machine and what each can do\n"
	      "  record FILE            write the screen to FILE (.h264, .264 or .y4m), every picture, without a "
	      "daemon;\n"
	      "                         options --seconds N, --size WxH, --fps N, --force (replace a file)\n",
	      to);
	for (unsigned n = 0; (c = command_at(n)); n++)
		fprintf(to, "  %-10s %-11s %s\n", c->name, c->args, c->help);
	fputs("\noptions:\n"
	      "  --config FILE          configuration to read\n"
	      "  --state DIR            folder of certificate, clients and apps\n"
	      "  --socket PATH          control socket of the daemon\n"
	      "  -o section.key=value   override one option (run, config, record)\n"
	      "  --json                 answer for programs (status, clients, encoders, record)\n"
	      "  --version, --help\n",
	      to);
}

static int usage(const char *text, const char *word)
{
	fprintf(stderr, "moonrill: %s%s%s; see moonrill --help\n", text, *word ? " " : "", word);
	return 2;
}

/* Options may stand anywhere; what is left in argv are the command and its arguments. */
static int parse_options(int argc, char **argv, struct options *o, bool *done)
{
	enum {
		OPT_CONFIG = 256,
		OPT_STATE,
		OPT_SOCKET,
		OPT_JSON,
		OPT_VERSION,
		OPT_HELP,
		OPT_SECONDS,
		OPT_SIZE,
		OPT_FPS,
		OPT_FORCE
	};
	static const struct option known[] = {
		{"config", required_argument, NULL, OPT_CONFIG},
		{"state", required_argument, NULL, OPT_STATE},
		{"socket", required_argument, NULL, OPT_SOCKET},
		{"json", no_argument, NULL, OPT_JSON},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, OPT_HELP},
		{"seconds", required_argument, NULL, OPT_SECONDS},
		{"size", required_argument, NULL, OPT_SIZE},
		{"fps", required_argument, NULL, OPT_FPS},
		{"force", no_argument, NULL, OPT_FORCE},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:h", known, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case OPT_STATE:
			o->state = optarg;
			break;
		case OPT_SOCKET:
			o->socket = optarg;
			break;
		case OPT_JSON:
			o->json = true;
			break;
		case 'o':
			if (o->n_override == OVERRIDES_MAX)
				return usage("too many -o options", "");
			o->override[o->n_override++] = optarg;
			break;
		case OPT_SECONDS:
			o->record.seconds = optarg;
			break;
		case OPT_SIZE:
			o->record.size = optarg;
			break;
		case OPT_FPS:
			o->record.fps = optarg;
			break;
		case OPT_FORCE:
			o->record.force = true;
			break;
		case OPT_VERSION:
			printf("moonrill %s\n", MOONRILL_VERSION);
			*done = true;
			return 0;
		case 'h':
		case OPT_HELP:
			print_help(stdout);
			*done = true;
			return 0;
		default:
			return usage("cannot go on", "");
		}
	}
	return 0;
}

static int load_config(const struct options *o, const struct paths *p, struct config *c)
{
	struct config_error e;

	config_defaults(c);
	if (*p->config && config_load(c, p->config, &e) < 0) {
		if (e.line)
			fprintf(stderr, "%s:%d: %s\n", p->config, e.line, e.text);
		else
			fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	for (int i = 0; i < o->n_override; i++) {
		if (config_override(c, o->override[i], &e) < 0) {
			fprintf(stderr, "-o %s: %s\n", o->override[i], e.text);
			return 2;
		}
	}
	return 0;
}

static int run_config(int argc, char **argv, const struct options *o, const struct paths *p)
{
	struct config c;
	struct buf text;
	int rc;

	if (argc != 1 || (strcmp(argv[0], "check") != 0 && strcmp(argv[0], "dump") != 0))
		return usage("config takes check or dump", "");
	rc = load_config(o, p, &c);
	if (rc)
		return rc;
	if (strcmp(argv[0], "check") == 0) {
		printf("%s: ok\n", *p->config ? p->config : "defaults (no configuration file)");
		return 0;
	}
	buf_init(&text, CONFIG_FILE_MAX);
	config_dump(&c, &text);
	fputs(buf_cstr(&text), stdout);
	rc = text.err ? 1 : 0;
	buf_finish(&text);
	return rc;
}

/* What a running daemon has noted of its encoders; NULL: none runs. */
static json_t *ask_noted(const struct options *o, struct paths *p)
{
	json_t *status = NULL, *noted;
	struct buf text;

	paths_prefer_live_socket(p, o->state, o->socket);
	buf_init(&text, CTL_ANSWER_MAX);
	if (ctl_call(p->socket, "status", 0, NULL, true, &text) == 0)
		status = json_loads(buf_cstr(&text), 0, NULL);
	buf_finish(&text);
	noted = json_incref(json_object_get(status, "encoders"));
	json_decref(status);
	return noted;
}

/* Asks the hardware itself, with or without a daemon. */
static int run_encoders(const struct options *o, struct paths *p)
{
	json_t *noted;
	struct config c;
	struct buf text;
	json_t *list;
	int rc = load_config(o, p, &c);

	if (rc)
		return rc;
	encoder_use_device(c.encode.device);
	log_set_level(LOG_LEVEL_WARN); /* the list says what works */
	stream_try_hardware("auto", &c);
	noted = ask_noted(o, p);
	list = encoders_json(noted);
	json_decref(noted);
	if (!list)
		return 1;
	if (o->json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		buf_init(&text, CONFIG_FILE_MAX);
		encoders_text(list, &text);
		fputs(buf_cstr(&text), stdout);
		rc = text.err ? 1 : 0;
		buf_finish(&text);
	}
	json_decref(list);
	return rc;
}

static int run_daemon(const struct options *o, const struct paths *p)
{
	struct config c;
	int rc = load_config(o, p, &c);

	return rc ? rc : daemon_run(&c, p);
}

static int run_record(const char *file, const struct options *o, const struct paths *p)
{
	struct movie_wish w = o->record;
	struct config c;
	int rc = load_config(o, p, &c);

	w.file = file;
	w.json = o->json;
	return rc ? rc : movie_command(&w, &c, p);
}

static int run_remote(int argc, char **argv, const struct options *o, struct paths *p)
{
	struct buf text;
	int rc;

	paths_prefer_live_socket(p, o->state, o->socket);
	buf_init(&text, CTL_ANSWER_MAX);
	rc = ctl_call(p->socket, argv[0], argc - 1, argv + 1, o->json, &text);
	if (rc < 0) {
		fprintf(stderr, "moonrill: no daemon answers at %s: %s\n", p->socket, strerror(-rc));
		rc = 1;
	} else {
		fputs(buf_cstr(&text), rc ? stderr : stdout);
	}
	buf_finish(&text);
	return rc;
}

int cli_main(int argc, char **argv)
{
	struct options o = {0};
	struct paths p;
	bool done = false;
	int rc = parse_options(argc, argv, &o, &done);

	if (rc || done)
		return rc;
	argc -= optind;
	argv += optind;
	if (argc < 1) {
		print_help(stderr);
		return 2;
	}
	rc = paths_resolve(&p, o.state, o.socket, o.config);
	if (rc) {
		fprintf(stderr, "moonrill: folders: %s\n", strerror(-rc));
		return 1;
	}
	if (strcmp(argv[0], "run") == 0)
		return argc == 1 ? run_daemon(&o, &p) : usage("run takes no argument", argv[1]);
	if (strcmp(argv[0], "config") == 0)
		return run_config(argc - 1, argv + 1, &o, &p);
	if (strcmp(argv[0], "encoders") == 0)
		return argc == 1 ? run_encoders(&o, &p) : usage("encoders takes no argument", argv[1]);
	if (strcmp(argv[0], "record") == 0)
		return argc == 2 ? run_record(argv[1], &o, &p) : usage("record takes a file's name", "");
	if (command_find(argv[0]))
		return run_remote(argc, argv, &o, &p);
	return usage("unknown command", argv[0]);
}

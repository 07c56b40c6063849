// SPDX-License-Identifier: GPL-3.0-or-later
#include "config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "audio/worker.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "capture/screen.h"
#include "encode/convert.h"
#include "encode/registry.h"
#include "media/au.h"

enum option_type { OPT_STRING, OPT_PLACE, OPT_ENCODER, OPT_INT, OPT_BOOL, OPT_CHOICE };

struct option {
	const char *section, *key;
	enum option_type type;
	size_t offset;
	const char *initial;
	int64_t min, max;          /* OPT_INT */
	const char *const *choice; /* OPT_CHOICE: word i has the value i */
	const char *help;
};

static const char *const choice_level[] = {"error", "warn", "info", "debug", "trace", NULL};
static const char *const choice_policy[] = {"many", "refuse", "take-over", NULL};
static const char *const choice_encryption[] = {"never", "optional", "mandatory", NULL};
static const char *const choice_offer[] = {"auto", "on", "off", NULL};
static const char *const choice_video[] = {"auto", "pattern", "pipewire", "portal", NULL};
static const char *const choice_cursor[] = {"auto", "metadata", "embedded", "hidden", NULL};
static const char *const choice_convert[] = {"auto", "cpu", "gpu", NULL};
static const char *const choice_slices[] = {"off", "auto", "fixed", NULL};
static const char *const choice_audio[] = {"auto", "pipewire", "tone", "none", NULL};

_Static_assert(SCREENS_PORTAL == 3 && SCREENS_PIPEWIRE == 2 && SCREENS_PATTERN == 1,
	       "choice_video follows enum screens_source");
_Static_assert(CURSOR_HIDDEN == 3 && CURSOR_EMBEDDED == 2 && CURSOR_METADATA == 1,
	       "choice_cursor follows enum cursor_mode");
_Static_assert(AUDIO_NONE == 3 && AUDIO_TONE == 2 && AUDIO_PIPEWIRE == 1, "choice_audio follows enum audio_source");
_Static_assert(EARLY_FIXED == 2 && EARLY_AUTO == 1, "choice_slices follows enum early_mode");
_Static_assert(CONVERT_GPU == 2 && CONVERT_CPU == 1, "choice_convert follows enum convert_where");
_Static_assert(LOG_LEVEL_TRACE == 4, "choice_level follows enum log_level");

#define AT(s, k) #s, #k, .offset = offsetof(struct config, s.k)
#define STRING(s, k, v, h)                                                                                             \
	{                                                                                                              \
		AT(s, k), .type = OPT_STRING, .initial = v, .help = h                                                  \
	}
#define PLACE(s, k, h)                                                                                                 \
	{                                                                                                              \
		AT(s, k), .type = OPT_PLACE, .initial = "", .help = h                                                  \
	}
#define ENCODER(s, k, v, h)                                                                                            \
	{                                                                                                              \
		AT(s, k), .type = OPT_ENCODER, .initial = v, .help = h                                                 \
	}
#define INT(s, k, v, lo, hi, h)                                                                                        \
	{                                                                                                              \
		AT(s, k), .type = OPT_INT, .initial = v, .min = lo, .max = hi, .help = h                               \
	}
#define BOOL(s, k, v, h)                                                                                               \
	{                                                                                                              \
		AT(s, k), .type = OPT_BOOL, .initial = v, .help = h                                                    \
	}
#define CHOICE(s, k, v, words, h)                                                                                      \
	{                                                                                                              \
		AT(s, k), .type = OPT_CHOICE, .initial = v, .choice = words, .help = h                                 \
	}

static const struct option options[] = {
	STRING(host, name, "", "Name shown to clients; empty: the machine's host name"),
	STRING(host, apps, "", "apps.json to read; empty: beside the configuration or in the state folder"),
	CHOICE(host, log_level, "info", choice_level, "How much is logged"),

	STRING(net, bind, "", "Numeric address to listen on; empty: all, IPv4 and IPv6"),
	INT(net, port, "47989", 1029, 65514, "HTTP port; all other ports keep their fixed distance to it"),
	BOOL(net, mdns, "true", "Announce the host through Avahi"),
	INT(net, max_connections, "64", 8, 1024, "Open TCP connections a listener keeps"),
	INT(net, max_connections_per_ip, "16", 4, 1024, "Of those, from one address"),
	INT(net, timeout_s, "10", 2, 600, "Seconds an idle or stalled HTTP connection is kept"),
	INT(net, max_rtsp_message, "65536", 4096, 1048576, "Bytes one RTSP request may have"),
	INT(net, rtsp_timeout_ms, "5000", 500, 60000, "Milliseconds from connecting to the whole RTSP request"),

	INT(pair, pin_timeout_s, "120", 10, 3600, "Seconds a client waits for its PIN to be typed here"),
	INT(pair, max_waiting, "4", 1, 32, "Clients that may wait for a PIN at once"),

	CHOICE(session, policy, "many", choice_policy,
	       "many: each paired client has its own stream; refuse: one at a time, others wait; "
	       "take-over: "
	       "one at a time, the newest wins"),
	INT(session, max, "4", 1, 8, "Streams at once"),
	INT(session, handshake_timeout_ms, "10000", 1000, 120000,
	    "Milliseconds a client may take for each step from launch to stream"),
	INT(session, silence_timeout_ms, "10000", 1000, 120000,
	    "Milliseconds without a sign of life after which a client is gone"),
	CHOICE(session, encryption_lan, "optional", choice_encryption,
	       "Encryption of video and audio for clients of the local network"),
	CHOICE(session, encryption_wan, "optional", choice_encryption, "The same for clients from elsewhere"),

	CHOICE(video, source, "auto", choice_video, "Where the picture comes from"),
	STRING(video, node, "", "PipeWire node of the screen (id, serial or name), with source = pipewire"),
	PLACE(video, place,
	      "Where that screen lies among the outputs, for the pointer, as 1920x1080+1280+0 (width, height, left, "
	      "top); empty: as the source says"),
	STRING(video, pattern, "motion", "Test picture: motion, noise, mixed, still, chart, patches or pq (HDR)"),
	CHOICE(video, cursor, "auto", choice_cursor,
	       "Who draws the pointer of a live screen: metadata: moonrill; embedded: the desktop; hidden: nobody; "
	       "auto: moonrill where the desktop lets it"),

	ENCODER(encode, backend, "auto",
		"Encoder to use: auto (hardware where a trial says that it works, else software) or one that moonrill "
		"encoders lists; when it fails in a stream another takes over"),
	STRING(encode, device, "",
	       "Node of the graphics hardware that encodes, as /dev/dri/renderD128; empty: the first that can"),
	STRING(encode, preset, "superfast",
	       "Preset of x264; faster presets cost bits, slower ones cost time. With vaapi a number: the "
	       "driver's quality level, from 1 (best); words mean its default"),
	CHOICE(encode, convert, "auto", choice_convert,
	       "Where pictures are scaled and converted; auto: on the CPU what it can read, the rest on the GPU, and "
	       "all where the encoder reads its pictures"),
	CHOICE(encode, hevc, "auto", choice_offer,
	       "Offer HEVC; auto: in hardware that a trial at the start says works; on: also with x265, which answers "
	       "losses with key frames"),
	STRING(encode, hevc_preset, "ultrafast", "Preset of x265; with vaapi as preset"),
	CHOICE(encode, av1, "auto", choice_offer,
	       "Offer AV1; auto: for the sizes and rates that a trial at the start says this machine can encode"),
	STRING(encode, av1_preset, "9", "Speed of libaom, 5 to 10; slower ones cost time"),
	INT(encode, min_slices, "0", 0, 8, "Slices of a frame at least; 0: one a core, at most 4"),
	INT(encode, min_fps, "10", 1, 120, "How often a still picture is repeated"),
	BOOL(encode, refine, "true",
	     "When motion ends, repeat the picture at the frame rate until it is sharp, for half a second at most"),
	INT(encode, max_kbps, "0", 0, 800000, "Ceiling of the bit rate a client may ask for; 0: none"),
	BOOL(encode, rfi, "true", "Offer reference frame invalidation where the encoder has it"),

	INT(stream, fec_percent, "20", 1, 100, "Parity packets per 100 data packets, at least"),
	INT(stream, pacing_percent, "150", 101, 1000,
	    "Pacing ceiling at the start, in percent of the stream's bit rate"),
	INT(stream, min_kbps, "1000", 200, 800000, "The bit rate never falls below this"),
	INT(stream, pause_ms, "300", 0, 10000,
	    "A client of which nothing is heard for so long gets no picture until it is heard again; 0: always"),
	BOOL(stream, adapt_fec, "true", "Follow the path: parity from fec_percent upward"),
	BOOL(stream, adapt_rate, "true", "Follow the path: bit rate between min_kbps and what the client asks for"),
	BOOL(stream, adapt_pacing, "true", "Follow the path: pacing ceiling"),
	CHOICE(stream, slices, "auto", choice_slices,
	       "Send large frames in parts while they are being encoded: off; auto, where it gains; fixed, for clients "
	       "that want a frame's number of blocks from its first packet on"),
	STRING(stream, record, "",
	       "Folder that gets a file a stream with times and sizes of its frames and what the client "
	       "reported, to be replayed off line; neither pictures nor input; empty: none"),

	CHOICE(audio, source, "auto", choice_audio, "Where the sound comes from"),
	STRING(audio, node, "", "PipeWire sink whose sound is captured; empty: the default sink"),

	STRING(input, backend, "auto",
	       "Where input goes: auto (for each kind of device the first that works), mutter, kwin, wlroots, "
	       "gamescope, portal, "
	       "uinput, pads, log or null"),
	STRING(input, pads, "auto", "What pads appear as: auto (as the client says), xbox, dualsense, switch"),
	INT(input, grace_ms, "30000", 0, 3600000,
	    "How long pads stay plugged in after a stream, for the client to come back"),
	STRING(input, log_file, "", "File of the log back end (JSON lines); empty: standard error"),
};

static void fail(struct config_error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct config_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
}

static int parse_bool(const char *v, bool *out)
{
	static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (strcasecmp(v, yes[i]) == 0 || strcasecmp(v, no[i]) == 0) {
			*out = strcasecmp(v, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_choice(int64_t *out, const struct option *o, const char *v, struct config_error *e)
{
	char words[120] = "";

	for (int i = 0; o->choice[i]; i++) {
		size_t n = strlen(words);

		if (strcmp(v, o->choice[i]) == 0) {
			*out = i;
			return 0;
		}
		snprintf(words + n, sizeof(words) - n, "%s%s", i ? ", " : "", o->choice[i]);
	}
	fail(e, "%s.%s: '%.40s' is none of %s", o->section, o->key, v, words);
	return -EINVAL;
}

static bool is_encoder(const char *word)
{
	for (unsigned i = 0; encoder_at(i); i++)
		if (strcmp(encoder_at(i)->name, word) == 0)
			return true;
	return strcmp(word, "auto") == 0;
}

static int set_option(struct config *c, const struct option *o, const char *v, struct config_error *e)
{
	void *at = (char *)c + o->offset;

	switch (o->type) {
	case OPT_ENCODER:
		if (!is_encoder(v)) {
			char words[80] = "auto";

			for (unsigned i = 0; encoder_at(i); i++)
				if (!encoder_at(i)->only_by_name)
					snprintf(words + strlen(words), sizeof(words) - strlen(words), ", %s",
						 encoder_at(i)->name);
			fail(e, "%s.%s: '%.40s' is none of %s, which this build has", o->section, o->key, v, words);
			return -EINVAL;
		}
		return str_copy(at, CONFIG_STR, v) ? 0 : -EINVAL;
	case OPT_PLACE:
		if (screen_place_parse(&(struct screen_place){0}, v) < 0) {
			fail(e, "%s.%s: '%.40s' is not like 1920x1080+1280+0", o->section, o->key, v);
			return -EINVAL;
		}
		__attribute__((fallthrough));
	case OPT_STRING:
		if (!utf8_valid(v, strlen(v)) || !str_copy(at, CONFIG_STR, v)) {
			fail(e, "%s.%s: longer than %d bytes or not UTF-8", o->section, o->key, CONFIG_STR - 1);
			return -EINVAL;
		}
		return 0;
	case OPT_BOOL:
		if (parse_bool(v, at) < 0) {
			fail(e, "%s.%s: '%.40s' is neither true nor false", o->section, o->key, v);
			return -EINVAL;
		}
		return 0;
	case OPT_INT:
		if (str_to_i64(v, strlen(v), o->min, o->max, at) < 0) {
			fail(e, "%s.%s: '%.40s' is not a number from %lld to %lld", o->section, o->key, v,
			     (long long)o->min, (long long)o->max);
			return -EINVAL;
		}
		return 0;
	case OPT_CHOICE:
		return set_choice(at, o, v, e);
	}
	return -EINVAL;
}

static unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t n = strlen(b);

	if (n >= ARRAY_LEN(row))
		return UINT32_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned cost = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (diagonal + 1 < cost)
				cost = diagonal + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			row[j] = cost;
		}
	}
	return row[n];
}

static const struct option *find_option(const char *section, const char *key, struct config_error *e)
{
	const struct option *nearest = NULL;
	unsigned best = UINT32_MAX;
	char asked[64], name[64];

	snprintf(asked, sizeof(asked), "%.30s.%.30s", section, key);
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		unsigned d;

		if (strcmp(options[i].section, section) == 0 && strcmp(options[i].key, key) == 0)
			return &options[i];
		snprintf(name, sizeof(name), "%s.%s", options[i].section, options[i].key);
		d = edit_distance(asked, name);
		if (d < best) {
			best = d;
			nearest = &options[i];
		}
	}
	fail(e, "unknown option '%s'; did you mean '%s.%s'?", asked, nearest->section, nearest->key);
	return NULL;
}

static int set_named(struct config *c, const char *section, const char *key, const char *v, struct config_error *e)
{
	const struct option *o = find_option(section, key, e);

	return o ? set_option(c, o, v, e) : -EINVAL;
}

void config_defaults(struct config *c)
{
	struct config_error e;

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		set_option(c, &options[i], options[i].initial, &e);
}

struct ini_context {
	struct config *c;
	struct config_error *e;
	bool failed;
};

static int on_ini_value(void *ctx, const char *section, const char *key, const char *value)
{
	struct ini_context *x = ctx;

	if (x->failed)
		return 0;
	/* 1 is success in libinih; after the first 0 it goes on, but reports that line. */
	x->failed = set_named(x->c, section, key, value ? value : "", x->e) < 0;
	return !x->failed;
}

/* libinih cuts long lines without a word and joins indented ones to the line before: both are
 * refused here. */
static int check_lines(const char *text, size_t len, struct config_error *e)
{
	const char *p = text, *end = text + len;

	for (int line = 1; p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		e->line = line;
		if (n > 190) {
			fail(e, "longer than 190 bytes");
			return -EINVAL;
		}
		if (memchr(p, 0, n)) {
			fail(e, "holds a NUL byte");
			return -EINVAL;
		}
		if (n && (*p == ' ' || *p == '\t') && strspn(p, " \t\r") < n) {
			fail(e, "begins with white space");
			return -EINVAL;
		}
		p += n + 1;
	}
	e->line = 0;
	return 0;
}

int config_parse(struct config *c, const char *text, size_t len, struct config_error *e)
{
	struct ini_context x = {.c = c, .e = e};
	struct buf copy;
	int line;

	*e = (struct config_error){0};
	if (len > CONFIG_FILE_MAX) {
		fail(e, "longer than %d bytes", CONFIG_FILE_MAX);
		return -EINVAL;
	}
	if (check_lines(text, len, e) < 0)
		return -EINVAL;
	buf_init(&copy, CONFIG_FILE_MAX);
	buf_add(&copy, text, len);
	line = copy.err ? -1 : ini_parse_string(buf_cstr(&copy), on_ini_value, &x);
	buf_finish(&copy);
	if (!line)
		return 0;
	e->line = line > 0 ? line : 0;
	if (!x.failed)
		fail(e, "not 'key = value', '[section]' or a comment");
	return -EINVAL;
}

int config_override(struct config *c, const char *assignment, struct config_error *e)
{
	char section[32], key[64];
	const char *dot = strchr(assignment, '.'), *eq = strchr(assignment, '=');

	*e = (struct config_error){0};
	if (!dot || !eq || dot > eq || (size_t)(dot - assignment) >= sizeof(section) ||
	    (size_t)(eq - dot - 1) >= sizeof(key)) {
		fail(e, "'%.60s' is not section.key=value", assignment);
		return -EINVAL;
	}
	snprintf(section, sizeof(section), "%.*s", (int)(dot - assignment), assignment);
	snprintf(key, sizeof(key), "%.*s", (int)(eq - dot - 1), dot + 1);
	return set_named(c, section, key, eq + 1, e);
}

int config_load(struct config *c, const char *path, struct config_error *e)
{
	struct buf b;
	int err;

	*e = (struct config_error){0};
	buf_init(&b, CONFIG_FILE_MAX);
	err = fs_read(path, &b);
	if (err)
		fail(e, "%.100s: %s", path, strerror(-err));
	else
		err = config_parse(c, buf_cstr(&b), b.len, e);
	buf_finish(&b);
	return err;
}

static void dump_value(const struct config *c, const struct option *o, struct buf *out)
{
	const void *at = (const char *)c + o->offset;

	switch (o->type) {
	case OPT_STRING:
	case OPT_PLACE:
	case OPT_ENCODER:
		buf_str(out, at);
		break;
	case OPT_BOOL:
		buf_str(out, *(const bool *)at ? "true" : "false");
		break;
	case OPT_INT:
		buf_fmt(out, "%lld", (long long)*(const int64_t *)at);
		break;
	case OPT_CHOICE:
		buf_str(out, o->choice[*(const int64_t *)at]);
		break;
	}
}

static void dump_range(const struct option *o, struct buf *out)
{
	if (o->type == OPT_INT)
		buf_fmt(out, "; %lld to %lld\n", (long long)o->min, (long long)o->max);
	if (o->type != OPT_CHOICE)
		return;
	buf_str(out, "; one of");
	for (int i = 0; o->choice[i]; i++)
		buf_fmt(out, "%s %s", i ? "," : "", o->choice[i]);
	buf_str(out, "\n");
}

void config_dump(const struct config *c, struct buf *out)
{
	const char *section = "";

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option *o = &options[i];

		if (strcmp(section, o->section) != 0) {
			buf_fmt(out, "%s[%s]\n", *section ? "\n" : "", o->section);
			section = o->section;
		}
		buf_fmt(out, "; %s\n", o->help);
		dump_range(o, out);
		buf_fmt(out, "%s = ", o->key);
		dump_value(c, o, out);
		buf_str(out, "\n");
	}
}

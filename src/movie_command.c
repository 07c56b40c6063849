// SPDX-License-Identifier: GPL-3.0-or-later
#include "movie_command.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/loop.h"
#include "base/str.h"
#include "capture/screen.h"
#include "config.h"
#include "encode/conversion.h"
#include "movie.h"
#include "paths.h"
#include "stream_offer.h"

#define LOG_MODULE "record"
#include "base/log.h"

#define LOOK_NS     (20 * NS_PER_MS)
#define LATE_NS     (2 * NS_PER_S) /* a source that waits for us may be behind; a still one is not waited for longer */
#define SECONDS_MAX 86400
#define WIDTH       1920u /* of a source that has no size of its own */
#define HEIGHT      1080u
#define FPS         60u

struct recorder {
	const struct config *config;
	const struct paths *paths;
	struct movie_params params;
	struct video_params want;
	const char *file;
	struct loop *loop;
	struct loop_timer *timer;
	struct dmabuf_formats importable;
	struct screens *screens;
	struct screen_user *user;
	struct movie *movie;
	uint64_t taken, fresh_ns; /* pictures seen, and when the newest came */
	char why[256];            /* the source's end */
};

static int usage(const char *text, const char *word)
{
	fprintf(stderr, "moonrill record: %s%s%s\n", text, word ? " " : "", word ? word : "");
	return 2;
}

/* "1280x720" */
static bool parse_size(const char *text, uint16_t *width, uint16_t *height)
{
	const char *x = strchr(text, 'x');
	int64_t w, h;

	if (!x || str_to_i64(text, (size_t)(x - text), VIDEO_DIM_MIN, VIDEO_DIM_MAX, &w) < 0 ||
	    str_to_i64(x + 1, strlen(x + 1), VIDEO_DIM_MIN, VIDEO_DIM_MAX, &h) < 0 || w % 2 || h % 2)
		return false;
	*width = (uint16_t)w;
	*height = (uint16_t)h;
	return true;
}

/* 0, or the exit code. */
static int take_wish(struct recorder *r, const struct movie_wish *w)
{
	const struct config *c = r->config;
	int64_t seconds = 0, fps = FPS;

	r->file = w->file;
	r->params = (struct movie_params){
		.length_ns = NS_NEVER,
		.convert = (enum convert_where)c->encode.convert,
		.file = {.preset = c->encode.preset, .slices = stream_slices(c), .force = w->force},
	};
	if (movie_kind_of(w->file, &r->params.file.kind) < 0)
		return usage("the file's name must end in .h264, .264 or .y4m:", w->file);
	if (w->seconds && str_to_i64(w->seconds, strlen(w->seconds), 1, SECONDS_MAX, &seconds) < 0)
		return usage("--seconds takes a number from 1 to 86400, not", w->seconds);
	if (w->fps && str_to_i64(w->fps, strlen(w->fps), VIDEO_FPS_MIN, VIDEO_FPS_MAX, &fps) < 0)
		return usage("--fps takes a number from 10 to 500, not", w->fps);
	if (w->size && !parse_size(w->size, &r->params.width, &r->params.height))
		return usage("--size takes even numbers from 64 to 8192 as 1280x720, not", w->size);
	if (seconds)
		r->params.length_ns = (uint64_t)seconds * NS_PER_S;
	r->params.file.fps_mhz = (uint32_t)fps * 1000;
	r->want = (struct video_params){
		.width = w->size ? r->params.width : WIDTH,
		.height = w->size ? r->params.height : HEIGHT,
		.fps_mhz = r->params.file.fps_mhz,
	};
	return 0;
}

static void attach(struct recorder *r)
{
	int err = screens_attach(r->screens, &r->want, movie_link(r->movie), &r->user);

	if (!err || err == -EAGAIN)
		return; /* at consent we come again */
	snprintf(r->why, sizeof(r->why), "the screen cannot be captured: %s", strerror(-err));
	loop_quit(r->loop, 1);
}

static void on_screens_changed(void *ctx)
{
	struct recorder *r = ctx;
	const char *why = "";

	if (!r->movie || !r->screens)
		return;
	switch (screens_state(r->screens, &why)) {
	case SCREENS_READY:
		if (!r->user)
			attach(r);
		break;
	case SCREENS_WAIT_CONSENT:
		break;
	case SCREENS_FAILED:
		snprintf(r->why, sizeof(r->why), "%s", why);
		loop_quit(r->loop, 1);
		break;
	}
}

static void on_timer(void *ctx)
{
	struct recorder *r = ctx;
	struct movie_state s = movie_state(r->movie);
	uint64_t now = clock_ns();

	if (s.taken != r->taken || s.waits || !r->fresh_ns)
		r->fresh_ns = now;
	r->taken = s.taken;
	if (s.err || s.over ||
	    (s.first_ns && r->params.length_ns != NS_NEVER && now >= s.first_ns + r->params.length_ns &&
	     now >= r->fresh_ns + LATE_NS))
		loop_quit(r->loop, 0);
	else
		loop_timer_arm_in(r->timer, LOOK_NS);
}

static void on_signal(void *ctx, int signo)
{
	struct recorder *r = ctx;

	(void)signo;
	loop_quit(r->loop, 0);
}

static int open_all(struct recorder *r)
{
	static const struct screens_events events = {.changed = on_screens_changed};
	char token[PATH_MAX];
	const struct screens_params sp = {
		.source = (enum screens_source)r->config->video.source,
		.node = r->config->video.node,
		.pattern = r->config->video.pattern,
		/* Each move of a pointer apart would be one more picture of a file that has so many a second. */
		.cursor = r->config->video.cursor == CURSOR_HIDDEN ? CURSOR_HIDDEN : CURSOR_EMBEDDED,
		.every = true,
		.token_path = token,
		.importable = &r->importable,
	};
	int err = fs_mkdirs(r->paths->state, 0700);

	if (!err)
		err = fs_join(token, sizeof(token), r->paths->state, "portal-token");
	r->loop = loop_create();
	if (err || !r->loop)
		return err ? err : -ENOMEM;
	/* Blocked for every thread started later. A file that grows past its limit is an error like others. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	err = loop_signal_add(r->loop, SIGINT, on_signal, r);
	if (!err)
		err = loop_signal_add(r->loop, SIGTERM, on_signal, r);
	r->timer = loop_timer_add(r->loop, on_timer, r);
	if (err || !r->timer)
		return err ? err : -ENOMEM;
	conversion_importable(r->params.convert, 0, &r->importable);
	r->screens = screens_create(r->loop, &sp, &events, r);
	return r->screens ? movie_start(&r->movie, r->file, &r->params) : -ENOMEM;
}

static void close_all(struct recorder *r, struct movie_state *end)
{
	screens_detach(r->user);
	movie_stop(r->movie, end);
	screens_destroy(r->screens);
	loop_timer_remove(r->timer);
	loop_destroy(r->loop);
}

static int report(const struct recorder *r, const struct movie_state *s, bool json)
{
	const char *wrong = s->err ? strerrordesc_np(-s->err) : r->why;
	bool failed = s->err || *r->why || !s->frames;
	json_t *o;

	if (json) {
		o = json_pack("{s:s, s:I, s:I, s:I, s:s}", "file", r->file, "frames", (json_int_t)s->frames, "gaps",
			      (json_int_t)s->gaps, "unusable", (json_int_t)s->unusable, "error", wrong);
		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(o);
	} else {
		printf("%s: %llu frames\n", r->file, (unsigned long long)s->frames);
	}
	if (s->gaps)
		fprintf(stderr, "moonrill record: the source passed over %llu pictures\n", (unsigned long long)s->gaps);
	if (s->unusable)
		fprintf(stderr, "moonrill record: %llu pictures could not be read\n", (unsigned long long)s->unusable);
	if (*wrong)
		fprintf(stderr, "moonrill record: %s: %s%s\n", r->file, wrong,
			s->unsaved  ? "; not all of it may be on the disk"
			: s->frames ? "; what is in the file is good"
				    : "");
	else if (!s->frames)
		fprintf(stderr, "moonrill record: no picture came\n");
	return failed;
}

int movie_command(const struct movie_wish *w, const struct config *c, const struct paths *p)
{
	struct recorder r = {.config = c, .paths = p};
	struct movie_state end = {0};
	sigset_t again;
	int rc = take_wish(&r, w), err;

	if (rc)
		return rc;
	log_set_level(LOG_LEVEL_WARN);
	err = open_all(&r);
	if (err) {
		close_all(&r, &end);
		fprintf(stderr, "moonrill record: %s: %s\n", r.file,
			err == -EEXIST ? "is there already; --force replaces it" : strerror(-err));
		return 1;
	}
	if (screens_state(r.screens, NULL) == SCREENS_WAIT_CONSENT)
		fprintf(stderr,
			"moonrill record: this desktop asks whether its screen may be shared: a click is needed\n");
	on_screens_changed(&r);
	loop_timer_arm_in(r.timer, LOOK_NS);
	if (!*r.why) /* else it is over before it began */
		loop_run(r.loop);
	/* Who interrupts again does not wait for what is still to be written. */
	sigemptyset(&again);
	sigaddset(&again, SIGINT);
	sigaddset(&again, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &again, NULL);
	close_all(&r, &end);
	return report(&r, &end, w->json);
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "session_record.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/fs.h"
#include "media/record.h"
#include "session.h"

#define LOG_MODULE "record"
#include "base/log.h"

#define PATH_LEN (CONFIG_STR + 64)

static void on_timer(void *ctx)
{
	struct session *s = ctx;

	record_drain(s->record);
	loop_timer_arm_in(s->record_timer, RECORD_DRAIN_NS);
}

/* Streams of one second and session differ by their generation of IVs, which counts up. */
static int path_of(const struct session *s, char path[PATH_LEN])
{
	time_t now = time(NULL);
	struct tm tm;
	char name[64];

	gmtime_r(&now, &tm);
	snprintf(name, sizeof(name), "%04d%02d%02d-%02d%02d%02d-%u-%u.session", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, s->id, s->host->iv_generation);
	return fs_join(path, PATH_LEN, s->host->config->stream.record, name);
}

void session_record_open(struct session *s, const struct adapt_params *p)
{
	const struct config *c = s->host->config;
	const struct record_stream stream = {
		.video = p->video,
		.audio_kbps = p->audio_kbps,
		.floor_kbps = p->floor_kbps,
		.pacing_percent = p->pacing_percent,
		.pin_fec = p->pin_fec,
		.pin_rate = p->pin_rate,
		.pin_ceiling = p->pin_ceiling,
		.fixed_blocks = c->stream.slices == EARLY_FIXED,
	};
	char path[PATH_LEN];
	int err;

	if (!*c->stream.record)
		return;
	s->record_timer = loop_timer_add(s->host->loop, on_timer, s);
	err = s->record_timer ? path_of(s, path) : -ENOMEM;
	if (!err)
		err = record_open(&s->record, path, &stream, clock_ns());
	if (err) {
		log_errno(err, "%s: cannot record this stream in '%s'", s->client_name, c->stream.record);
		session_record_close(s);
		return;
	}
	log_info("%s: recorded in '%s'", s->client_name, path);
	s->tuning.record = s->record;
	loop_timer_arm_in(s->record_timer, RECORD_DRAIN_NS);
}

void session_record_close(struct session *s)
{
	s->tuning.record = NULL;
	loop_timer_remove(s->record_timer);
	s->record_timer = NULL;
	record_close(s->record);
	s->record = NULL;
}

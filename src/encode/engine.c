// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/closer.h"
#include "encode/hevc_headers.h"
#include "encode/pic_refs.h"

#define LOG_MODULE "encode"
#include "base/log.h"

#define H264_LEVEL_51_DPB 184320u /* macroblocks, H.264 table A-1 */

/* What decoders of the codec hold. */
static uint32_t held_by_decoders(const struct video_params *v)
{
	switch (v->codec) {
	case CODEC_HEVC:
		return hevc_dpb_most(v->width, v->height);
	case CODEC_AV1: /* slots, which are as many at any size */
		return PIC_REFS_DPB_MAX;
	default:
		return H264_LEVEL_51_DPB / ((v->width + 15u) / 16 * ((v->height + 15u) / 16));
	}
}

/* Frames to keep so that after a loss, the time until the host hears of it and what it encoded meanwhile, one good
 * frame is left, and an acknowledged one as long as possible: all that there is room for. They cost memory, no time: an
 * encoder searches the newest only. */
static uint8_t dpb_for(const struct video_params *v, const struct enc_caps *caps)
{
	const uint32_t frames = held_by_decoders(v);

	if (!v->rfi || v->single_ref || !(caps->flags & ENC_RFI))
		return 1;
	return frames > ENCODER_DPB_MAX ? ENCODER_DPB_MAX : frames ? (uint8_t)frames : 1;
}

static uint8_t slices_for(const struct engine_params *p)
{
	uint8_t n = p->video.slices > p->min_slices ? p->video.slices : p->min_slices;

	return n > VIDEO_SLICES_MAX ? VIDEO_SLICES_MAX : n ? n : 1;
}

static int open_at(struct engine *g, uint32_t kbps)
{
	const struct encoder_ops *ops = g->p.choice.at[g->failover.at].ops;
	struct enc_caps caps = {0};
	int rc = ops->probe(g->p.video.codec, &caps);
	const struct enc_params p = {
		.video = g->p.video,
		.slices = slices_for(&g->p),
		.dpb = dpb_for(&g->p.video, &caps),
		.kbps = kbps,
		.preset = g->p.choice.at[g->failover.at].preset,
	};

	return rc < 0 ? rc : encoder_open(&g->encoder, ops, &p, g->ev, g->ctx);
}

static void describe(const struct engine *g, char text[ENGINE_DESCRIBE_MAX])
{
	const struct enc_params *e = &g->encoder->params;
	int n = snprintf(text, ENGINE_DESCRIBE_MAX, "%s %s, %u slice%s", g->encoder->ops->name, e->preset, e->slices,
			 e->slices == 1 ? "" : "s");

	if (e->dpb > 1 && n > 0 && n < ENGINE_DESCRIBE_MAX)
		snprintf(text + n, ENGINE_DESCRIBE_MAX - (size_t)n, ", DPB %u", e->dpb);
}

/* --- main thread --- */

int engine_start(struct engine *g, const struct engine_params *p, uint32_t kbps, const struct encoder_events *ev,
		 void *ctx)
{
	int rc = -ENOTSUP;

	*g = (struct engine){.p = *p, .ev = ev, .ctx = ctx};
	if (!p->choice.n)
		return rc;
	failover_init(&g->failover, p->choice.n);
	for (; g->failover.at < p->choice.n; g->failover.at++) {
		const struct encoder_ops *ops = p->choice.at[g->failover.at].ops;

		rc = open_at(g, kbps);
		if (rc == 0)
			break;
		log_errno(rc, "%s does not open", ops->name);
		if (p->choice.named)
			break;
		encoder_choice_failed(ops, &p->video, "it did not open for a stream");
	}
	if (rc == 0)
		describe(g, g->shown.describe);
	return rc;
}

void engine_finish(struct engine *g)
{
	closer_close(g->encoder, CLOSER_GRACE_NS);
	for (unsigned i = 0; i < g->n_aside; i++)
		closer_close(g->aside[i], CLOSER_GRACE_NS);
	free(latest_take(&g->news));
	*g = (struct engine){0};
}

bool engine_tell(struct engine *g)
{
	struct engine_news *n = latest_take(&g->news);

	if (!n)
		return false;
	g->shown = *n;
	free(n);
	return true;
}

/* --- encode thread --- */

void engine_failed(struct engine *g, int err, uint32_t frame, uint64_t begun_ns, uint64_t now_ns)
{
	g->trouble.ops = g->encoder->ops;
	g->trouble.frame = frame;
	g->trouble.err = err;
	failover_failed(&g->failover, begun_ns, now_ns);
}

enum failover_step engine_look(struct engine *g, uint64_t now_ns)
{
	enum failover_step before = g->failover.step;
	enum failover_step step = failover_next(&g->failover, g->encoder && encoder_units_out(g->encoder), now_ns);

	/* What it gave out never came back. */
	if (step == FAILOVER_OVER && before == FAILOVER_REOPEN)
		g->trouble.err = -ETIMEDOUT;
	return step;
}

static void post_news(struct engine *g)
{
	const struct encoder_ops *now = g->failover.step == FAILOVER_OVER ? NULL : g->encoder->ops;
	const bool same = now == g->trouble.ops;
	struct engine_news news = {.failed = g->trouble.ops, .describe = "none"}, *n = malloc(sizeof(*n));

	if (now)
		describe(g, news.describe);
	snprintf(news.why, sizeof(news.why), "%s failed at frame %u (%s): %s%s", g->trouble.ops->name, g->trouble.frame,
		 strerrordesc_np(-g->trouble.err),
		 !now   ? "there is no other"
		 : same ? "opened anew"
			: now->name,
		 now && !same ? " goes on" : "");
	log_warn("%s", news.why);
	if (!n)
		return; /* who asks sees it not */
	*n = news;
	free(latest_put(&g->news, n));
}

void engine_over(struct engine *g)
{
	post_news(g);
}

bool engine_mend(struct engine *g, uint32_t kbps)
{
	const struct encoder_ops *ops = g->p.choice.at[g->failover.at].ops;
	bool other = g->failover.step == FAILOVER_NEXT, last = g->failover.at + 1 == g->p.choice.n;
	int rc = 0;

	assert(other || g->failover.step == FAILOVER_REOPEN);
	if (g->encoder && other)
		g->aside[g->n_aside++] = g->encoder;
	else
		rc = closer_close(g->encoder, last ? CLOSER_PATIENCE_NS : CLOSER_MEND_NS);
	g->encoder = NULL;
	if (rc == 0)
		rc = open_at(g, kbps);
	failover_opened(&g->failover, rc == 0);
	if (rc < 0) {
		log_errno(rc, "%s does not open", ops->name);
		g->trouble.err = rc;
		return false;
	}
	post_news(g);
	return true;
}

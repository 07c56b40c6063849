// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/choice.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "encode/closer.h"
#include "encode/registry.h"
#include "encode/trial.h"

#define LOG_MODULE "encode"
#include "base/log.h"

#define AGAIN_NS (60 * NS_PER_S)   /* hardware that did not work is given another chance */
#define QUICK_NS (250 * NS_PER_MS) /* what fails so soon is tried twice, as a stream would open it anew */
#define USUAL    1280, 720, 60000
#define SMALL    640, 360, 60000 /* in the other formats: a stream of them is tried once more as it is */
#define PLAIN    "superfast"

/* What a trial depends on. */
struct wish {
	uint16_t width, height;
	uint32_t fps_mhz;
	uint8_t depth, slices;
	bool yuv444;
};

struct verdict {
	struct wish wish;
	int rc;
	uint64_t at_ns; /* 0: not tried yet */
	bool stale;     /* it has failed in a stream since */
};

/* Of each back end, codec and format: a usual stream, and the one that was last asked for. */
static struct known {
	struct verdict usual, last;
	char why[ENCODER_WHY_MAX];
} known[ENCODER_REGISTRY_MAX][CODECS][PICTURE_FORMATS];

static bool equal(const struct wish *a, const struct wish *b)
{
	return a->width == b->width && a->height == b->height && a->fps_mhz == b->fps_mhz && a->depth == b->depth &&
	       a->slices == b->slices && a->yuv444 == b->yuv444;
}

/* By format. */
static struct known *known_of(const struct encoder_ops *ops, enum codec codec)
{
	for (unsigned i = 0; i < ENCODER_REGISTRY_MAX && encoder_at(i); i++)
		if (encoder_at(i) == ops)
			return known[i][codec];
	return NULL;
}

static bool has(const struct enc_caps *caps, enum picture_format f)
{
	return enc_caps_have(caps, picture_is_10bit(f) ? 10 : 8, picture_is_444(f));
}

static enum picture_format format_of(const struct wish *w)
{
	return picture_format_for(&(struct video_params){.depth = w->depth, .yuv444 = w->yuv444});
}

static int try_twice(const struct encoder_ops *ops, const struct trial_params *p)
{
	uint64_t begun = clock_ns();
	struct trial t;
	int rc = encoder_trial(ops, p, &t);

	if (rc == -EIO && clock_ns() - begun < QUICK_NS)
		rc = encoder_trial(ops, p, &t);
	return rc;
}

/* 0: hardware that does what is wished. k: of its format. */
static int verdict(struct known *k, struct verdict *v, const struct encoder_ops *ops, enum codec codec,
		   const struct wish *w, const char *preset)
{
	const struct trial_params p = {
		.codec = codec,
		.width = w->width,
		.height = w->height,
		.fps_mhz = w->fps_mhz,
		.depth = w->depth,
		.yuv444 = w->yuv444,
		.slices = w->slices,
		.preset = preset,
		.frames = TRIAL_FEW,
	};
	const char *format = picture_format_name(format_of(w));
	uint64_t now = clock_ns();

	if (v->at_ns && !v->stale && equal(&v->wish, w) && (v->rc == 0 || now - v->at_ns < AGAIN_NS))
		return v->rc;
	v->wish = *w;
	v->at_ns = now;
	v->stale = false;
	v->rc = try_twice(ops, &p);
	if (v->rc < 0)
		snprintf(k->why, sizeof(k->why), "a trial at %ux%u failed: %s", w->width, w->height,
			 strerrordesc_np(-v->rc));
	else
		k->why[0] = '\0';
	if (v->rc < 0)
		log_warn("%s is not used for %s in %s: %s", ops->name, codec_name(codec), format, k->why);
	else
		log_info("%s works for %s in %s at %ux%u", ops->name, codec_name(codec), format, w->width, w->height);
	return v->rc;
}

static int try_hardware(const struct encoder_ops *ops, enum codec codec, const struct wish *w, const char *preset)
{
	struct known *k = known_of(ops, codec);

	if (!k)
		return -ENOTSUP;
	k += format_of(w);
	if (closer_hangs(ops, true)) {
		snprintf(k->why, sizeof(k->why), "its driver hangs with an encoder that is to be closed");
		k->usual.stale = k->last.stale = true; /* when that is over it is tried, and this forgotten */
		return -EBUSY;
	}
	if (k->usual.at_ns && equal(&k->usual.wish, w))
		return verdict(k, &k->usual, ops, codec, w, preset);
	return verdict(k, &k->last, ops, codec, w, preset);
}

static bool holds(const struct encoder_choice *c, const struct encoder_ops *ops)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->at[i].ops == ops)
			return true;
	return false;
}

const char *encoder_choice_preset(const char *backend, const struct encoder_ops *ops, enum codec codec,
				  const char *preset)
{
	const struct encoder_ops *usual;

	if (ops->hardware || codec == CODEC_AV1 || !isdigit((unsigned char)preset[0]))
		return preset;
	usual = encoder_choice_usual(backend, codec, PICTURE_NV12, NULL);
	return usual && usual->hardware ? PLAIN : preset;
}

static void add(struct encoder_choice *c, const char *backend, const struct encoder_ops *ops, enum codec codec,
		const char *preset)
{
	if (c->n == ENCODER_CHOICE_MAX || holds(c, ops))
		return;
	/* Hardware may have been tried for this stream alone. */
	if (c->n && c->at[0].ops->hardware)
		backend = c->at[0].ops->name;
	c->at[c->n].preset = encoder_choice_preset(backend, ops, codec, preset);
	c->at[c->n++].ops = ops;
}

/* Hardware that hangs is not even asked for by its name, software is instead: whoever opens it may hang as well. */
static bool name_hangs(const char *backend, bool wait)
{
	const struct encoder_ops *ops;

	for (unsigned i = 0; (ops = encoder_at(i)); i++)
		if (strcmp(backend, ops->name) == 0 && ops->hardware)
			return closer_hangs(ops, wait);
	return false;
}

int encoder_choose(struct encoder_choice *out, const char *backend, const struct video_params *v, const char *preset,
		   uint8_t slices)
{
	const struct wish w = {v->width, v->height, v->fps_mhz, v->depth, slices, v->yuv444};
	const bool asked = strcmp(backend, "auto") != 0;
	const struct encoder_ops *ops;
	struct enc_caps caps;

	*out = (struct encoder_choice){.named = asked && !name_hangs(backend, true)};
	if (asked && !out->named)
		log_warn("%s hangs with an encoder that is to be closed: software is taken instead", backend);
	if (out->named) {
		ops = encoder_find(backend, v->codec, NULL);
		if (ops)
			add(out, backend, ops, v->codec, preset);
		/* A stand-in has none behind it. */
		if (!ops || ops->only_by_name)
			goto done;
	}
	for (unsigned i = 0; (ops = encoder_at(i)); i++) {
		if (ops->only_by_name || (ops->hardware && asked) || ops->probe(v->codec, &caps) < 0 ||
		    encoder_lacks(&caps, v))
			continue;
		if (ops->hardware && try_hardware(ops, v->codec, &w, preset) < 0)
			continue;
		add(out, backend, ops, v->codec, preset);
	}
done:
	if (out->n)
		return 0;
	log_err("no encoder '%s' for %s at %ux%u", backend, codec_name(v->codec), v->width, v->height);
	return -ENOTSUP;
}

/* Of one codec; caps are those of the codec. */
static void measure(const struct encoder_ops *ops, enum codec codec, const struct enc_caps *caps, const char *preset,
		    uint8_t slices, bool named)
{
	struct known *k = known_of(ops, codec);

	for (unsigned f = 0; k && f < PICTURE_FORMATS; f++) {
		const struct wish usual = {USUAL, 8, slices, false};
		const struct wish other = {SMALL, picture_is_10bit(f) ? 10 : 8, slices, picture_is_444(f)};
		const struct wish *w = f == PICTURE_NV12 ? &usual : &other;

		if (!has(caps, f) || (named && f == PICTURE_NV12))
			continue;
		/* A codec whose usual stream fails is not used at all. */
		if (verdict(&k[f], &k[f].usual, ops, codec, w, preset) < 0 && f == PICTURE_NV12)
			return;
	}
}

void encoder_choice_measure(const char *backend, const char *const preset[CODECS], uint8_t slices)
{
	const bool named = strcmp(backend, "auto") != 0;
	const struct encoder_ops *ops;
	struct enc_caps caps;

	for (unsigned i = 0; (ops = encoder_at(i)); i++)
		for (unsigned codec = 0; ops->hardware && codec < CODECS; codec++)
			if ((!named || strcmp(backend, ops->name) == 0) && ops->probe((enum codec)codec, &caps) == 0)
				measure(ops, (enum codec)codec, &caps, preset[codec], slices, named);
}

static bool takes(const struct encoder_ops *ops, enum codec codec, enum picture_format f)
{
	const struct known *k = known_of(ops, codec);

	if (ops->hardware && closer_hangs(ops, false))
		return false;
	return !ops->only_by_name && (!ops->hardware || (k && k[f].usual.at_ns && k[f].usual.rc == 0));
}

const struct encoder_ops *encoder_choice_usual(const char *backend, enum codec codec, enum picture_format f,
					       struct enc_caps *caps)
{
	const bool asked = strcmp(backend, "auto") != 0, named = asked && !name_hangs(backend, false);
	const struct encoder_ops *ops;
	struct enc_caps found;

	for (unsigned i = 0; (ops = encoder_at(i)); i++) {
		if (named ? strcmp(backend, ops->name) != 0 : asked && ops->hardware)
			continue;
		/* A name is taken without a trial, but what else it can do was not asked for by it. */
		if (!takes(ops, codec, f) && !(named && (f == PICTURE_NV12 || !ops->hardware)))
			continue;
		if (ops->probe(codec, &found) < 0 || !has(&found, f))
			continue;
		if (caps)
			*caps = found;
		return ops;
	}
	return NULL;
}

uint64_t encoder_choice_shares(const char *backend)
{
	const struct encoder_ops *ops;
	struct enc_caps caps;

	for (unsigned codec = 0; codec < CODECS; codec++) {
		ops = encoder_choice_usual(backend, (enum codec)codec, PICTURE_NV12, &caps);
		if (ops && caps.flags & ENC_SHARED)
			return encoder_drm(ops, (enum codec)codec);
	}
	return 0;
}

void encoder_choice_failed(const struct encoder_ops *ops, const struct video_params *v, const char *why)
{
	struct known *k = known_of(ops, v->codec);

	if (!k)
		return;
	for (unsigned f = 0; f < PICTURE_FORMATS; f++)
		k[f].usual.stale = k[f].last.stale = true;
	k += picture_format_for(v);
	snprintf(k->why, sizeof(k->why), "%s", why);
}

bool encoder_choice_takes(const struct encoder_ops *ops, enum codec codec, enum picture_format f, const char **why)
{
	const struct known *k = known_of(ops, codec);

	*why = k ? k[f].why : "";
	return takes(ops, codec, f);
}

void encoder_choice_forget(void)
{
	memset(known, 0, sizeof(known));
}

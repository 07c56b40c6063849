// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Sources without a clock. The tone gives every channel its own pitch, so that a decoder can tell
 * which channel came out where; silence stands in where there is no sound system.
 */
#include "audio/source.h"

#include <math.h>

#include "audio/layout.h"
#include "audio/tone.h"

/* One phasor per channel, turned by a fixed angle per frame: two multiplications instead of a sine. */
struct tone {
	struct source base;
	unsigned channels;
	struct phasor {
		double re, im, step_re, step_im;
	} ch[AUDIO_CHANNELS_MAX];
};

static int tone_open(struct source *s, const struct source_params *p)
{
	struct tone *t = (struct tone *)s;

	if (!p->channels || p->channels > AUDIO_CHANNELS_MAX)
		return -EINVAL;
	t->channels = p->channels;
	for (unsigned c = 0; c < t->channels; c++) {
		double angle = 2.0 * M_PI * tone_hz(c) / AUDIO_RATE;

		t->ch[c] = (struct phasor){.re = TONE_PEAK, .step_re = cos(angle), .step_im = sin(angle)};
	}
	return 0;
}

static void tone_render(struct source *s, float *pcm, unsigned frames)
{
	struct tone *t = (struct tone *)s;

	for (unsigned c = 0; c < t->channels; c++) {
		struct phasor p = t->ch[c];
		double gain;

		for (unsigned i = 0; i < frames; i++) {
			double re = p.re * p.step_re - p.im * p.step_im;

			pcm[(size_t)i * t->channels + c] = (float)p.im;
			p.im = p.re * p.step_im + p.im * p.step_re;
			p.re = re;
		}
		/* Rounding must not let the amplitude creep over hours. */
		gain = TONE_PEAK / hypot(p.re, p.im);
		p.re *= gain;
		p.im *= gain;
		t->ch[c] = p;
	}
}

struct silence {
	struct source base;
	unsigned channels;
};

static int silence_open(struct source *s, const struct source_params *p)
{
	((struct silence *)s)->channels = p->channels;
	return 0;
}

static void silence_render(struct source *s, float *pcm, unsigned frames)
{
	memset(pcm, 0, (size_t)frames * ((struct silence *)s)->channels * sizeof(*pcm));
}

static int no_start(struct source *s)
{
	(void)s;
	return 0;
}

static void no_stop(struct source *s)
{
	(void)s;
}

const struct source_ops source_tone = {
	.name = "tone",
	.help = "a test tone of its own pitch on every channel",
	.size = sizeof(struct tone),
	.open = tone_open,
	.start = no_start,
	.stop = no_stop,
	.close = no_stop,
	.render = tone_render,
};

const struct source_ops source_silence = {
	.name = "none",
	.help = "silence",
	.size = sizeof(struct silence),
	.open = silence_open,
	.start = no_start,
	.stop = no_stop,
	.close = no_stop,
	.render = silence_render,
};

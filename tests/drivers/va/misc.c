// SPDX-License-Identifier: GPL-3.0-or-later
/* Misc parameters in their ranges, and the simple rate control that obeys them: one quantiser a picture. */
#include "driver.h"

#include <math.h>
#include <string.h>

#define QP_MAX 51

static VAStatus bad(struct context *c, const char *what, uint32_t value)
{
	return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s: %u", what, value);
}

static bool zeros(const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		if (b[i])
			return false;
	return true;
}

static VAStatus take_rate_control(struct context *c, const VAEncMiscParameterRateControl *m)
{
	const unsigned qp_max = QP_MAX;

	if (c->config->rc == VA_RC_CQP)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "rate control parameters with VA_RC_CQP");
	if (m->bits_per_second < 1000)
		return bad(c, "bits_per_second", m->bits_per_second);
	if (m->target_percentage > 100 || (c->config->rc == VA_RC_VBR && m->target_percentage < 1))
		return bad(c, "target_percentage", m->target_percentage);
	if (m->initial_qp > qp_max || m->min_qp > qp_max || m->max_qp > qp_max || (m->max_qp && m->min_qp > m->max_qp))
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "quantiser initial %u, min %u, max %u",
			    m->initial_qp, m->min_qp, m->max_qp);
	if (m->rc_flags.bits.temporal_id || m->rc_flags.bits.reserved)
		return bad(c, "rc_flags", m->rc_flags.value);
	if (m->rc_flags.bits.mb_rate_control > 2)
		return bad(c, "mb_rate_control", m->rc_flags.bits.mb_rate_control);
	if (!zeros(m->va_reserved, sizeof(m->va_reserved)))
		return bad(c, "rate control: reserved bytes", 1);
	if (m->bits_per_second != c->rate.bits_per_second)
		memset(c->rate.qp, 0, sizeof(c->rate.qp));
	c->rate.bits_per_second = m->bits_per_second;
	c->rate.target_percentage = m->target_percentage;
	c->rate.window_size = m->window_size;
	c->rate.initial_qp = m->initial_qp;
	c->rate.min_qp = m->min_qp;
	c->rate.max_qp = m->max_qp;
	return VA_STATUS_SUCCESS;
}

static VAStatus take_frame_rate(struct context *c, const VAEncMiscParameterFrameRate *m)
{
	uint32_t num = m->framerate & 0xffff, den = m->framerate >> 16;

	if (!num || num / (den ? den : 1) > 1000)
		return bad(c, "framerate", m->framerate);
	/* The header allows it; iHD does not. */
	if (c->codec == &codec_av1 && !den)
		return bad(c, "framerate without denominator", m->framerate);
	if (m->framerate_flags.value || !zeros(m->va_reserved, sizeof(m->va_reserved)))
		return bad(c, "framerate_flags", m->framerate_flags.value);
	c->rate.fps_num = num;
	c->rate.fps_den = den ? den : 1;
	return VA_STATUS_SUCCESS;
}

static VAStatus take_hrd(struct context *c, const VAEncMiscParameterHRD *m)
{
	if (c->config->rc == VA_RC_CQP)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "HRD with VA_RC_CQP");
	if (!m->buffer_size || m->initial_buffer_fullness > m->buffer_size)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "HRD: fullness %u of %u",
			    m->initial_buffer_fullness, m->buffer_size);
	c->rate.hrd_size = m->buffer_size;
	c->rate.hrd_fullness = m->initial_buffer_fullness;
	return VA_STATUS_SUCCESS;
}

static VAStatus take_max_frame(struct context *c, const VAEncMiscParameterBufferMaxFrameSize *m)
{
	/* The first member repeats the type and is deprecated: nought or the type. */
	uint32_t type;

	memcpy(&type, m, sizeof(type));
	if (c->d->q.attr_missing_frame_size)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "max frame size, which was not offered");
	if (type && type != VAEncMiscParameterTypeMaxFrameSize)
		return bad(c, "max frame size: inner type", type);
	if (m->max_frame_size && m->max_frame_size < 1024)
		return bad(c, "max_frame_size", m->max_frame_size);
	c->rate.max_frame_bits = m->max_frame_size;
	return VA_STATUS_SUCCESS;
}

static VAStatus take_quality(struct context *c, const VAEncMiscParameterBufferQualityLevel *m)
{
	if (c->d->q.attr_missing_quality)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "quality level, which was not offered");
	return m->quality_level > 7 ? bad(c, "quality_level", m->quality_level) : VA_STATUS_SUCCESS;
}

VAStatus misc_apply(struct context *c, const struct item *i)
{
	static const struct {
		const char *name;
		size_t size;
	} of[] = {
		[VAEncMiscParameterTypeFrameRate] = {"frame rate", sizeof(VAEncMiscParameterFrameRate)},
		[VAEncMiscParameterTypeRateControl] = {"rate control", sizeof(VAEncMiscParameterRateControl)},
		[VAEncMiscParameterTypeMaxFrameSize] = {"max frame size", sizeof(VAEncMiscParameterBufferMaxFrameSize)},
		[VAEncMiscParameterTypeHRD] = {"HRD", sizeof(VAEncMiscParameterHRD)},
		[VAEncMiscParameterTypeQualityLevel] = {"quality level", sizeof(VAEncMiscParameterBufferQualityLevel)},
	};
	const VAEncMiscParameterBuffer *m = i->data;

	if ((unsigned)m->type >= sizeof(of) / sizeof(*of) || !of[m->type].name)
		return rule(c->d, VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE, "misc parameter %d", m->type);
	if (i->size < sizeof(*m) + of[m->type].size)
		return rule(c->d, VA_STATUS_ERROR_INVALID_BUFFER, "misc parameter %s in %zu bytes", of[m->type].name,
			    i->size);
	switch (m->type) {
	case VAEncMiscParameterTypeFrameRate:
		return take_frame_rate(c, (const void *)m->data);
	case VAEncMiscParameterTypeRateControl:
		return take_rate_control(c, (const void *)m->data);
	case VAEncMiscParameterTypeMaxFrameSize:
		return take_max_frame(c, (const void *)m->data);
	case VAEncMiscParameterTypeHRD:
		return take_hrd(c, (const void *)m->data);
	default:
		return take_quality(c, (const void *)m->data);
	}
}

static int clip_qp(const struct context *c, double qp)
{
	int lo = c->rate.min_qp > 12 ? (int)c->rate.min_qp : 12, hi = c->rate.max_qp ? (int)c->rate.max_qp : QP_MAX;

	return qp < lo ? lo : qp > hi ? hi : (int)lrint(qp);
}

static double target_bits(const struct context *c)
{
	double fps = c->rate.fps_num ? (double)c->rate.fps_num / c->rate.fps_den : 30,
	       bits = c->rate.bits_per_second / fps;

	return c->config->rc == VA_RC_VBR ? bits * c->rate.target_percentage / 100 : bits;
}

/* What no picture may pass: the limit that was set, else the buffer of the HRD. */
static double ceiling_bits(const struct context *c)
{
	double most = c->rate.max_frame_bits ? c->rate.max_frame_bits : 1e12;

	if (c->rate.hrd_size && c->rate.hrd_size < most)
		most = c->rate.hrd_size;
	return most;
}

int rate_begin(const struct context *c, bool intra, int fallback)
{
	if (c->config->rc == VA_RC_CQP || !c->rate.bits_per_second)
		return fallback < 12 ? 12 : fallback;
	if (c->rate.qp[intra] > 0)
		return clip_qp(c, c->rate.qp[intra]);
	return clip_qp(c, c->rate.initial_qp ? c->rate.initial_qp : (uint32_t)fallback);
}

bool rate_again(const struct context *c, size_t bits, int qp, int *next, unsigned pass)
{
	double most = ceiling_bits(c), aim = target_bits(c);

	if (c->config->rc == VA_RC_CQP || !c->rate.bits_per_second || pass >= 5)
		return false;
	if ((double)bits > most)
		*next = clip_qp(c, qp + fmax(1, ceil(6 * log2((double)bits / most))));
	else if (pass < 2 && c->rate.qp[0] <= 0 && (double)bits > 2 * aim)
		*next = clip_qp(c, qp + fmax(1, 5 * log2((double)bits / aim)));
	else
		return false;
	return *next != qp;
}

void rate_end(struct context *c, bool intra, size_t bits, int qp)
{
	double step = 3 * log2(fmax((double)bits, 64) / fmax(target_bits(c), 64));

	if (c->config->rc == VA_RC_CQP || !c->rate.bits_per_second)
		return;
	c->rate.qp[intra] = fmin(QP_MAX, fmax(12, qp + fmax(-2, fmin(4, intra ? step / 3 : step))));
	if (intra && c->rate.qp[0] <= 0)
		c->rate.qp[0] = qp;
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "reference.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rgb {
	double c[3];
};

enum light { SDR, PQ, LINEAR };

/* --- light --- */

static double srgb_decode(double v)
{
	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double srgb_encode(double v)
{
	return v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

/* ST 2084, of and to cd/m2. */
static double pq_decode(double v)
{
	const double m1 = 0.1593017578125, m2 = 78.84375, c1 = 0.8359375, c2 = 18.8515625, c3 = 18.6875;
	double e = pow(v, 1 / m2);

	return 10000 * pow(fmax(e - c1, 0) / (c2 - c3 * e), 1 / m1);
}

static double pq_encode(double nits)
{
	const double m1 = 0.1593017578125, m2 = 78.84375, c1 = 0.8359375, c2 = 18.8515625, c3 = 18.6875;
	double e = pow(fmin(fmax(nits / 10000, 0), 1), m1);

	return pow((c1 + c2 * e) / (1 + c3 * e), m2);
}

static double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

/* RGB to XYZ from the chromaticities of the primaries and D65. */
static void to_xyz(const double xy[3][2], double m[3][3])
{
	const double wx = 0.3127, wy = 0.3290, white[3] = {wx / wy, 1, (1 - wx - wy) / wy};
	double p[3][3], s[3], det;

	for (int i = 0; i < 3; i++) {
		p[0][i] = xy[i][0] / xy[i][1];
		p[1][i] = 1;
		p[2][i] = (1 - xy[i][0] - xy[i][1]) / xy[i][1];
	}
	det = p[0][0] * (p[1][1] * p[2][2] - p[1][2] * p[2][1]) - p[0][1] * (p[1][0] * p[2][2] - p[1][2] * p[2][0]) +
	      p[0][2] * (p[1][0] * p[2][1] - p[1][1] * p[2][0]);
	for (int i = 0; i < 3; i++) { /* Cramer's rule: how much of each primary makes white */
		double q[3][3];

		memcpy(q, p, sizeof(q));
		for (int k = 0; k < 3; k++)
			q[k][i] = white[k];
		s[i] = (q[0][0] * (q[1][1] * q[2][2] - q[1][2] * q[2][1]) -
			q[0][1] * (q[1][0] * q[2][2] - q[1][2] * q[2][0]) +
			q[0][2] * (q[1][0] * q[2][1] - q[1][1] * q[2][0])) /
		       det;
	}
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			m[k][i] = p[k][i] * s[i];
}

static void invert(double m[3][3], double out[3][3])
{
	double det = 0;

	for (int i = 0; i < 3; i++)
		det += m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3]);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			out[i][k] = (m[(k + 1) % 3][(i + 1) % 3] * m[(k + 2) % 3][(i + 2) % 3] -
				     m[(k + 1) % 3][(i + 2) % 3] * m[(k + 2) % 3][(i + 1) % 3]) /
				    det;
}

/* Light with the primaries of BT.709 to that with BT.2020's, or back. */
static struct rgb primaries(struct rgb v, bool to_2020)
{
	static const double bt709[3][2] = {{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}};
	static const double bt2020[3][2] = {{0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}};
	static double in[2][3][3], out[2][3][3];
	static bool known;
	double xyz[3] = {0};
	struct rgb r = {{0}};

	if (!known) {
		to_xyz(bt2020, in[0]);
		to_xyz(bt709, in[1]);
		invert(in[1], out[0]);
		invert(in[0], out[1]);
		known = true;
	}
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			xyz[i] += in[to_2020][i][k] * v.c[k];
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			r.c[i] += out[to_2020][i][k] * xyz[k];
	return r;
}

static struct rgb relight(struct rgb v, enum light from, enum light to)
{
	for (int i = 0; i < 3; i++)
		v.c[i] = from == LINEAR ? isnan(v.c[i]) ? 0 : clamp(v.c[i], -125, 125) : clamp(v.c[i], 0, 1);
	if (from == to)
		return v;
	if (to == PQ) {
		for (int i = 0; i < 3; i++)
			v.c[i] = from == SDR ? srgb_decode(v.c[i]) * 203 : v.c[i] * 80;
		v = primaries(v, true);
		for (int i = 0; i < 3; i++)
			v.c[i] = pq_encode(v.c[i]);
		return v;
	}
	if (from == PQ) {
		for (int i = 0; i < 3; i++)
			v.c[i] = pq_decode(v.c[i]) / 203;
		v = primaries(v, false);
	}
	for (int i = 0; i < 3; i++)
		v.c[i] = srgb_encode(clamp(v.c[i], 0, 1));
	return v;
}

/* --- source --- */

static double half(const uint8_t *p)
{
	unsigned h = p[0] | p[1] << 8, e = h >> 10 & 31, m = h & 1023;
	double v = e == 31 ? m ? NAN : INFINITY : e ? ldexp(1024 + m, (int)e - 25) : ldexp(m, -24);

	return h & 0x8000 ? -v : v;
}

static struct rgb fetch(const struct frame *f, int x, int y)
{
	const uint8_t *line = (const uint8_t *)f->map[0] + (size_t)y * f->plane[0].stride;
	const uint8_t *b = line + 4 * x;
	uint32_t v = b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;

	switch (f->fourcc) {
	case FOURCC_XRGB8888:
	case FOURCC_ARGB8888:
		return (struct rgb){{b[2] / 255.0, b[1] / 255.0, b[0] / 255.0}};
	case FOURCC_XBGR8888:
	case FOURCC_ABGR8888:
		return (struct rgb){{b[0] / 255.0, b[1] / 255.0, b[2] / 255.0}};
	case FOURCC_RGBX8888:
		return (struct rgb){{b[3] / 255.0, b[2] / 255.0, b[1] / 255.0}};
	case FOURCC_BGRX8888:
		return (struct rgb){{b[1] / 255.0, b[2] / 255.0, b[3] / 255.0}};
	case FOURCC_XRGB2101010:
	case FOURCC_ARGB2101010:
		return (struct rgb){{(v >> 20 & 1023) / 1023.0, (v >> 10 & 1023) / 1023.0, (v & 1023) / 1023.0}};
	case FOURCC_XBGR2101010:
	case FOURCC_ABGR2101010:
		return (struct rgb){{(v & 1023) / 1023.0, (v >> 10 & 1023) / 1023.0, (v >> 20 & 1023) / 1023.0}};
	default:
		b = line + 8 * x;
		return (struct rgb){{half(b), half(b + 2), half(b + 4)}};
	}
}

static enum light source_light(const struct frame *f)
{
	if (f->fourcc == FOURCC_XBGR16161616F || f->fourcc == FOURCC_ABGR16161616F)
		return LINEAR;
	return f->colour.pq ? PQ : SDR;
}

static struct rgb with_cursor(const struct frame *f, const struct reference_cursor *k, int x, int y)
{
	struct rgb under = fetch(f, x, y), over;
	int cx = x - k->at.x, cy = y - k->at.y;
	uint32_t v;
	double a;

	if (!k->argb || cx < 0 || cy < 0 || cx >= (int)k->at.w || cy >= (int)k->at.h)
		return under;
	v = k->argb[cy * (int)k->at.w + cx];
	a = (v >> 24) / 255.0;
	if (a == 0)
		return under;
	for (int i = 0; i < 3; i++)
		over.c[i] = fmin((v >> (16 - 8 * i) & 255) / 255.0 / a, 1);
	if (source_light(f) != SDR)
		for (int i = 0; i < 3; i++)
			over.c[i] = srgb_decode(over.c[i]);
	if (source_light(f) == PQ) {
		for (int i = 0; i < 3; i++)
			over.c[i] *= 203;
		over = primaries(over, true);
		for (int i = 0; i < 3; i++)
			over.c[i] = pq_encode(over.c[i]);
	}
	for (int i = 0; i < 3; i++)
		under.c[i] = under.c[i] * (1 - a) + over.c[i] * a;
	return under;
}

/* The visible part, upright: undone as encode/scale.c undoes it, flip first, then turn with the clock. */
static struct rgb *upright(const struct frame *f, const struct gpu_geometry *g, const struct reference_cursor *k,
			   int *w, int *h)
{
	const int vw = (int)g->visible.w, vh = (int)g->visible.h;
	struct rgb *a = calloc((size_t)vw * (size_t)vh, sizeof(*a)), *b = calloc((size_t)vw * (size_t)vh, sizeof(*b));
	int turns = g->transform & 3;

	assert(a && b);
	*w = vw, *h = vh;
	for (int y = 0; y < vh; y++)
		for (int x = 0; x < vw; x++) {
			int sx = g->transform >= TRANSFORM_FLIPPED ? vw - 1 - x : x;

			a[y * vw + x] = with_cursor(f, k, g->visible.x + sx, g->visible.y + y);
		}
	while (turns--) { /* a quarter with the clock: the left column becomes the top line */
		struct rgb *swap = a;
		int old = *w;

		for (int y = 0; y < *h; y++)
			for (int x = 0; x < *w; x++)
				b[x * *h + (*h - 1 - y)] = a[y * *w + x];
		*w = *h, *h = old;
		a = b, b = swap;
	}
	free(b);
	return a;
}

/* Weights of the source pixels for pixel x of to, from pixels wide. */
static void weigh(double *weight, int x, int from, int to)
{
	double begin = (double)x * from / to, end = (double)(x + 1) * from / to, sum = 0;
	double centre = (x + 0.5) * from / to - 0.5;

	for (int i = 0; i < from; i++) {
		if (from > to)
			weight[i] = fmax(fmin(end, i + 1) - fmax(begin, i), 0);
		else
			weight[i] = fmax(1 - fabs(clamp(centre, 0, from - 1) - i), 0);
		sum += weight[i];
	}
	for (int i = 0; i < from; i++)
		weight[i] /= sum;
}

static struct rgb *picture(const struct frame *f, const struct gpu_geometry *g, const struct reference_cursor *k,
			   const struct gpu_target *t)
{
	const int tw = t->layout.width, th = t->layout.height;
	struct rgb *out = calloc((size_t)tw * (size_t)th, sizeof(*out)), *src;
	double *wx, *wy;
	int w, h;

	src = upright(f, g, k, &w, &h);
	wx = calloc((size_t)w, sizeof(*wx));
	wy = calloc((size_t)h, sizeof(*wy));
	assert(out && wx && wy);
	for (int y = 0; y < g->h; y++) {
		weigh(wy, y, h, g->h);
		for (int x = 0; x < g->w; x++) {
			struct rgb sum = {{0}};

			weigh(wx, x, w, g->w);
			for (int j = 0; j < h; j++)
				for (int i = 0; wy[j] > 0 && i < w; i++)
					for (int n = 0; wx[i] > 0 && n < 3; n++)
						sum.c[n] += wy[j] * wx[i] * src[j * w + i].c[n];
			out[(y + g->y) * tw + x + g->x] = relight(sum, source_light(f), t->pq ? PQ : SDR);
		}
	}
	free(wx);
	free(wy);
	free(src);
	return out;
}

/* --- target --- */

struct judge {
	const struct gpu_target *t;
	const uint8_t *out;
	unsigned worst;
	char *where;
};

static void judge(struct judge *j, unsigned plane, int x, int y, double exact)
{
	const enum gpu_format f = j->t->layout.format;
	const bool wide = f == GPU_P010 || f == GPU_YUV444P10;
	const struct gpu_plane *p = &j->t->layout.plane[plane];
	const uint8_t *at = j->out + p->offset + (size_t)y * p->stride + (size_t)x * (wide ? 2 : 1);
	int got = wide ? at[0] | at[1] << 8 : at[0], want = (int)floor(clamp(exact, 0, wide ? 1023 : 255) + 0.5);
	unsigned off;

	if (f == GPU_P010) {
		off = got & 63 ? 9999 : (unsigned)abs((got >> 6) - want);
		got >>= 6;
	} else {
		off = (unsigned)abs(got - want);
	}
	if (off > j->worst) {
		j->worst = off;
		snprintf(j->where, 96, "%s plane %u at %d,%d: %d for %.3f", gpu_format_name(f), plane, x, y, got,
			 exact);
	}
}

unsigned reference_distance(const struct frame *f, const struct gpu_geometry *g, const struct reference_cursor *cursor,
			    const struct gpu_target *t, const uint8_t *out, char where[96])
{
	static const double weights[3][2] = {{0.299, 0.114}, {0.2126, 0.0722}, {0.2627, 0.0593}};
	const double kr = weights[t->space][0], kb = weights[t->space][1], kg = 1 - kr - kb;
	const bool wide = t->layout.format == GPU_P010 || t->layout.format == GPU_YUV444P10;
	const bool halved = t->layout.format == GPU_NV12 || t->layout.format == GPU_P010;
	const double step = wide ? 4 : 1, top = wide ? 1023 : 255, zero = 128 * step;
	const double ys = t->full_range ? top : 219 * step, cs = t->full_range ? top : 224 * step;
	const int w = t->layout.width, h = t->layout.height, n = halved ? 2 : 1;
	struct rgb *p = picture(f, g, cursor, t);
	struct judge j = {.t = t, .out = out, .where = where};

	where[0] = 0;
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			const double *c = p[y * w + x].c;

			judge(&j, 0, x, y, (t->full_range ? 0 : 16 * step) + (kr * c[0] + kg * c[1] + kb * c[2]) * ys);
		}
	for (int y = 0; y < h; y += n)
		for (int x = 0; x < w; x += n) {
			double m[3] = {0}, luma, cb, cr;

			for (int k = 0; k < n * n; k++) {
				int sx = x + k % n < w ? x + k % n : w - 1, sy = y + k / n < h ? y + k / n : h - 1;

				for (int i = 0; i < 3; i++)
					m[i] += p[sy * w + sx].c[i] / (n * n);
			}
			luma = kr * m[0] + kg * m[1] + kb * m[2];
			cb = zero + (m[2] - luma) / (2 - 2 * kb) * cs;
			cr = zero + (m[0] - luma) / (2 - 2 * kr) * cs;
			judge(&j, 1, x, halved ? y / 2 : y, cb);
			judge(&j, halved ? 1 : 2, halved ? x + 1 : x, halved ? y / 2 : y, cr);
		}
	free(p);
	return j.worst;
}

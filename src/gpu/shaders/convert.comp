// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The conversion pass: reads RGB of any kind from a linear buffer (or, with SOURCE_IMAGE, from an image in whatever
 * tiling its modifier says), blends the cursor into it, turns it upright, scales it into its place on black and writes
 * luma and chroma. An invocation makes four by two pixels, so that every store is a whole word. What is constant for a
 * stream is a specialisation constant and costs nothing; gpu/convert.c fills them and the push constants.
 *
 * Scaling is by area when shrinking and linear when enlarging, in the source's own encoding; positions are exact in
 * integers. Chroma of 4:2:0 is the mean of its 2x2 pixels, so its samples sit in the centre of the block.
 */
#version 460

layout(local_size_x = 32, local_size_y = 8) in;

layout(constant_id = 0) const uint KIND = 0;     /* enum gpu_source_kind */
layout(constant_id = 1) const uint SHIFT_R = 16; /* of each primary in a pixel's word */
layout(constant_id = 2) const uint SHIFT_G = 8;
layout(constant_id = 3) const uint SHIFT_B = 0;
layout(constant_id = 4) const uint SOURCE_LIGHT = 0; /* enum light of gpu/convert.c */
layout(constant_id = 5) const uint TARGET_LIGHT = 0;
layout(constant_id = 6) const bool WIDE = false;   /* samples of two bytes */
layout(constant_id = 7) const uint UP_BITS = 0;    /* which are shifted up by so much */
layout(constant_id = 8) const bool HALVED = true;  /* chroma of 4:2:0, interleaved; else two planes */
layout(constant_id = 9) const bool PLAIN = false;  /* neither scaled, turned nor placed, four pixels aligned */
layout(constant_id = 10) const bool CURSOR = false;
layout(constant_id = 11) const float TOP = 255.0; /* largest code value */
/* Code values a primary is worth; what stands for zero, with half a step for rounding. */
layout(constant_id = 12) const float Y_R = 0.0;
layout(constant_id = 13) const float Y_G = 0.0;
layout(constant_id = 14) const float Y_B = 0.0;
layout(constant_id = 15) const float CB_R = 0.0;
layout(constant_id = 16) const float CB_G = 0.0;
layout(constant_id = 17) const float CB_B = 0.0;
layout(constant_id = 18) const float CR_R = 0.0;
layout(constant_id = 19) const float CR_G = 0.0;
layout(constant_id = 20) const float CR_B = 0.0;
layout(constant_id = 21) const float Y_ZERO = 0.5;
layout(constant_id = 22) const float C_ZERO = 0.5;

const uint LIGHT_SDR = 0, LIGHT_PQ = 1, LIGHT_LINEAR = 2;
const float SDR_WHITE = 203.0, SCRGB_WHITE = 80.0, PQ_PEAK = 10000.0; /* cd/m2 */

layout(push_constant) uniform Push {
	uint source_base, source_stride; /* words */
	uint crop;                       /* pairs of 16 bits: x, y; here where the picture begins in the source */
	uint upright;                    /* w, h as seen upright */
	uint turn;                       /* enum transform */
	uint place_at, place_size;
	uint size;
	uint luma_stride, chroma_stride, cb_base, cr_base; /* words */
	uint cursor_at;                                    /* signed */
	uint cursor_size, cursor_stride;                   /* words */
} p;

#ifdef SOURCE_IMAGE
layout(binding = 0) uniform sampler2D source;
#else
layout(binding = 0, std430) readonly buffer Source { uint source[]; };
layout(binding = 0, std430) readonly buffer Source4 { uvec4 source4[]; };
#endif
layout(binding = 1, std430) writeonly buffer Target { uint target[]; };
layout(binding = 2, std430) readonly buffer Cursor { uint cursor[]; };

ivec2 pair(uint v)
{
	return ivec2(v & 0xffffu, v >> 16);
}

/* --- light --- */

vec3 srgb_to_linear(vec3 c)
{
	return mix(pow((c + 0.055) / 1.055, vec3(2.4)), c / 12.92, lessThanEqual(c, vec3(0.04045)));
}

vec3 linear_to_srgb(vec3 c)
{
	return mix(1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, c * 12.92, lessThanEqual(c, vec3(0.0031308)));
}

/* SMPTE ST 2084; 1.0 is the peak. */
const float M1 = 2610.0 / 16384.0, M2 = 2523.0 / 4096.0 * 128.0;
const float C1 = 3424.0 / 4096.0, C2 = 2413.0 / 4096.0 * 32.0, C3 = 2392.0 / 4096.0 * 32.0;

vec3 pq_to_linear(vec3 c)
{
	vec3 e = pow(c, vec3(1.0 / M2));

	return pow(max(e - C1, 0.0) / (C2 - C3 * e), vec3(1.0 / M1));
}

vec3 linear_to_pq(vec3 c)
{
	vec3 e = pow(c, vec3(M1));

	return pow((C1 + C2 * e) / (1.0 + C3 * e), vec3(M2));
}

/* Columns. */
const mat3 TO_2020 = mat3(0.62740389593469903, 0.069097289358232075, 0.016391438875150280, 0.32928303837788370,
			  0.91954039507545871, 0.088013307877225749, 0.043313065687417225, 0.011362315566309178,
			  0.89559525324762401);
const mat3 TO_709 = mat3(1.6604910021084345, -0.12455047452159074, -0.018150763354905303, -0.58764113878854951,
			 1.1328998971259603, -0.10057889800800739, -0.072849863319884883, -0.0083494226043694768,
			 1.1187296613629127);

/* The target's encoding. What it cannot show is clipped. */
vec3 relight(vec3 c)
{
	if (SOURCE_LIGHT == LIGHT_LINEAR)
		c = mix(clamp(c, -125.0, 125.0), vec3(0.0), isnan(c));
	else
		c = clamp(c, 0.0, 1.0);
	if (SOURCE_LIGHT == TARGET_LIGHT)
		return c;
	if (TARGET_LIGHT == LIGHT_PQ) {
		c = SOURCE_LIGHT == LIGHT_SDR ? srgb_to_linear(c) * (SDR_WHITE / PQ_PEAK) : c * (SCRGB_WHITE / PQ_PEAK);
		return linear_to_pq(clamp(TO_2020 * c, 0.0, 1.0));
	}
	if (SOURCE_LIGHT == LIGHT_PQ)
		c = TO_709 * (pq_to_linear(c) * (PQ_PEAK / SDR_WHITE));
	return linear_to_srgb(clamp(c, 0.0, 1.0));
}

/* --- source --- */

vec3 unpack(uint v)
{
	const uint mask = KIND == 1 ? 0x3ffu : 0xffu;
	const float one = KIND == 1 ? 1.0 / 1023.0 : 1.0 / 255.0;

	return vec3(v >> SHIFT_R & mask, v >> SHIFT_G & mask, v >> SHIFT_B & mask) * one;
}

/* The cursor's colour (sRGB) in the source's encoding. */
vec3 cursor_light(vec3 c)
{
	if (SOURCE_LIGHT == LIGHT_LINEAR)
		return srgb_to_linear(c);
	if (SOURCE_LIGHT == LIGHT_PQ)
		return linear_to_pq(clamp(TO_2020 * (srgb_to_linear(c) * (SDR_WHITE / PQ_PEAK)), 0.0, 1.0));
	return c;
}

/* at: in the source's own pixels. */
vec3 blend(vec3 c, ivec2 at)
{
	if (!CURSOR)
		return c;
	const ivec2 q = at - ivec2(int(p.cursor_at << 16) >> 16, int(p.cursor_at) >> 16), size = pair(p.cursor_size);

	if (any(lessThan(q, ivec2(0))) || any(greaterThanEqual(q, size)))
		return c;
	const vec4 over = unpackUnorm4x8(cursor[q.y * p.cursor_stride + q.x]).bgra;

	if (over.a == 0.0)
		return c;
	return mix(c, cursor_light(min(over.rgb / over.a, 1.0)), over.a);
}

vec3 load(ivec2 at)
{
	vec3 c;
#ifdef SOURCE_IMAGE
	c = texelFetch(source, at, 0).rgb;
#else
	if (KIND == 2) {
		const uint i = p.source_base + at.y * p.source_stride + 2 * at.x;

		c = vec3(unpackHalf2x16(source[i]), unpackHalf2x16(source[i + 1]).x);
	} else {
		c = unpack(source[p.source_base + at.y * p.source_stride + at.x]);
	}
#endif
	return blend(c, at);
}

/* at: in the picture as seen upright. The buffer holds it turned against the clock, then flipped. */
vec3 load_upright(ivec2 at)
{
	const ivec2 up = pair(p.upright);
	const bool swap = (p.turn & 1u) != 0;
	const int w = swap ? up.y : up.x, h = swap ? up.x : up.y;
	ivec2 s = at;

	switch (p.turn & 3u) {
	case 1:
		s = ivec2(at.y, h - 1 - at.x);
		break;
	case 2:
		s = ivec2(w - 1 - at.x, h - 1 - at.y);
		break;
	case 3:
		s = ivec2(w - 1 - at.y, at.x);
		break;
	}
	if (p.turn >= 4)
		s.x = w - 1 - s.x;
	return load(s + pair(p.crop));
}

/* Along one axis: pixels first..last, the weights of both ends; all between weigh one. */
struct Span {
	int first, last;
	float head, tail, sum;
};

Span span(int x, int from, int to)
{
	Span s;

	if (from > to) { /* shrinking: what it covers */
		const int begin = x * from, end = begin + from;

		s.first = begin / to;
		s.last = (end - 1) / to;
		s.head = float(to - (begin - s.first * to)) / float(to);
		s.tail = float(end - s.last * to) / float(to);
		s.sum = float(from) / float(to);
	} else { /* between the two nearest */
		const int n = (2 * x + 1) * from - to; /* of the position, over 2 * to */
		const int below = n < 0 ? -1 : n / (2 * to);
		const float f = float(n - below * 2 * to) / float(2 * to);

		s.first = max(below, 0);
		s.last = f > 0.0 ? min(below + 1, from - 1) : s.first;
		s.head = s.first == s.last ? 1.0 : 1.0 - f;
		s.tail = f;
		s.sum = 1.0;
	}
	return s;
}

float weight(Span s, int i)
{
	return i == s.first ? s.head : i == s.last ? s.tail : 1.0;
}

vec3 scaled(ivec2 at)
{
	const ivec2 up = pair(p.upright), size = pair(p.place_size);
	const Span h = span(at.x, up.x, size.x), v = span(at.y, up.y, size.y);
	vec3 sum = vec3(0.0);

	for (int y = v.first; y <= v.last; y++) {
		vec3 line = vec3(0.0);

		for (int x = h.first; x <= h.last; x++)
			line += weight(h, x) * load_upright(ivec2(x, y));
		sum += weight(v, y) * line;
	}
	return sum / (h.sum * v.sum);
}

vec3 pixel(ivec2 at)
{
	const ivec2 q = at - pair(p.place_at);

	if (any(lessThan(q, ivec2(0))) || any(greaterThanEqual(q, pair(p.place_size))))
		return vec3(0.0);
	return relight(scaled(q));
}

/* --- target --- */

uint quantise(vec3 c, vec3 weights, float zero)
{
	return uint(clamp(dot(c, weights) + zero, 0.0, TOP));
}

uint luma(vec3 c)
{
	return quantise(c, vec3(Y_R, Y_G, Y_B), Y_ZERO);
}

uint cb(vec3 c)
{
	return quantise(c, vec3(CB_R, CB_G, CB_B), C_ZERO);
}

uint cr(vec3 c)
{
	return quantise(c, vec3(CR_R, CR_G, CR_B), C_ZERO);
}

/* Four samples, group x of a line. */
void store(uint line, uint x, uvec4 v)
{
	if (!WIDE) {
		target[line + x] = v.x | v.y << 8 | v.z << 16 | v.w << 24;
	} else {
		v <<= UP_BITS;
		target[line + 2 * x] = v.x | v.y << 16;
		target[line + 2 * x + 1] = v.z | v.w << 16;
	}
}

void main()
{
	const ivec2 size = pair(p.size), at = ivec2(gl_GlobalInvocationID.xy) * ivec2(4, 2);
	const uint x = gl_GlobalInvocationID.x, y = uint(at.y);
	const bool second = at.y + 1 < size.y;
	vec3 c[2][4];

	if (at.x >= size.x || at.y >= size.y)
		return;
#ifndef SOURCE_IMAGE
	if (PLAIN && KIND != 2) {
		const ivec2 from = at + pair(p.crop);

		for (int j = 0; j < 2; j++) {
			const uvec4 v = source4[(p.source_base + (from.y + j) * p.source_stride + from.x) / 4];

			for (int i = 0; i < 4; i++)
				c[j][i] = relight(blend(unpack(v[i]), from + ivec2(i, j)));
		}
	} else
#endif
	if (PLAIN) {
		for (int j = 0; j < 2; j++)
			for (int i = 0; i < 4; i++)
				c[j][i] = relight(load(at + pair(p.crop) + ivec2(i, j)));
	} else {
		for (int j = 0; j < 2; j++)
			for (int i = 0; i < 4; i++)
				c[j][i] = pixel(min(at + ivec2(i, j), size - 1));
	}

	store(y * p.luma_stride, x, uvec4(luma(c[0][0]), luma(c[0][1]), luma(c[0][2]), luma(c[0][3])));
	if (second)
		store((y + 1) * p.luma_stride, x, uvec4(luma(c[1][0]), luma(c[1][1]), luma(c[1][2]), luma(c[1][3])));
	if (HALVED) {
		const vec3 left = (c[0][0] + c[0][1] + c[1][0] + c[1][1]) * 0.25;
		const vec3 right = (c[0][2] + c[0][3] + c[1][2] + c[1][3]) * 0.25;

		store(p.cb_base + y / 2 * p.chroma_stride, x,
		      uvec4(cb(left), cr(left), cb(right), cr(right)));
		return;
	}
	for (uint j = 0; j < (second ? 2 : 1); j++) {
		const uint line = (y + j) * p.chroma_stride;

		store(p.cb_base + line, x,
		      uvec4(cb(c[j][0]), cb(c[j][1]), cb(c[j][2]), cb(c[j][3])));
		store(p.cr_base + line, x,
		      uvec4(cr(c[j][0]), cr(c[j][1]), cr(c[j][2]), cr(c[j][3])));
	}
}

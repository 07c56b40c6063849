// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/intake.h"

#include <math.h>
#include <string.h>

#include "audio/layout.h"

#define MS (AUDIO_RATE / 1000)

/* The margin a source gets before it has shown how late its writes can be, and the delay that all
 * of it together may reach while the source's own writes are short enough. */
#define MARGIN_FRAMES (2 * MS)
#define DELAY_FRAMES  (20 * MS)

#define BANDWIDTH_HZ 0.2
#define PAUSE_NS     (100 * NS_PER_MS) /* a gap this long is a stop, not a late write */
#define LOST_FRAMES  (20 * MS)         /* a lead this far off is no clock drift: take up the thread anew */

void intake_init(struct intake *in, struct fifo *fifo, unsigned packet_frames)
{
	*in = (struct intake){.fifo = fifo, .frames = packet_frames};
	dll_init(&in->dll, 1e9 * packet_frames / AUDIO_RATE, BANDWIDTH_HZ);
	intake_restart(in);
}

void intake_restart(struct intake *in)
{
	in->running = false;
	in->target = 0;
	in->dry_ns = 0;
	/* In this order: a write in between is discarded with the rest or seen as new, both are right. */
	in->dry = fifo_stamp(in->fifo);
	fifo_discard(in->fifo, UINT32_MAX);
}

/* How far the source is ahead of the reader at at_ns, in frames: what was written, and what has passed since. */
static double lead_at(const struct intake *in, struct fifo_stamp s, uint64_t at_ns)
{
	int32_t written = (int32_t)(s.frames - fifo_position(in->fifo));
	int32_t since_us = (int32_t)((uint32_t)(at_ns / NS_PER_US) - s.us);
	double since_ns = since_us * 1e3 + (double)(at_ns % NS_PER_US);

	return written + since_ns * in->frames / in->dll.period_ns;
}

static unsigned base_target(const struct intake *in)
{
	unsigned chunk = atomic_load_explicit(&in->fifo->chunk, memory_order_relaxed);
	unsigned half = (in->fifo->mask + 1) / 2;

	return in->frames + (chunk < half ? chunk : half) + MARGIN_FRAMES;
}

static void silence(const struct intake *in, float *pcm, unsigned frames)
{
	memset(pcm, 0, (size_t)frames * in->fifo->channels * sizeof(*pcm));
}

/* Joins the source such that the lead is the target after this packet: it begins with silence and
 * ends with the first frames. The part that comes too late for its place in the grid deepens the
 * delay up to its bound, as the same may happen again; what is beyond is passed over. */
static void join(struct intake *in, double lead, uint64_t at_ns, float *pcm)
{
	unsigned base = base_target(in), fill = fifo_fill(in->fifo);
	unsigned bound = base < DELAY_FRAMES ? DELAY_FRAMES : base + MARGIN_FRAMES;
	unsigned got, grow;
	long want, extra;

	if (in->target < base || at_ns - in->dry_ns >= PAUSE_NS)
		in->target = base;
	want = lround(lead) - (long)in->target + (long)in->frames;
	if (want <= 0 || !fill) {
		silence(in, pcm, in->frames);
		return;
	}
	got = in->frames < fill ? in->frames : fill;
	if (want < (long)got)
		got = (unsigned)want;
	extra = want - (long)got;
	grow = in->target < bound ? bound - in->target : 0;
	if (extra < (long)grow)
		grow = (unsigned)extra;
	in->target += grow;
	extra -= (long)grow;
	if (extra > (long)(fill - got))
		extra = (long)(fill - got);
	in->skipped += fifo_discard(in->fifo, (unsigned)extra);
	silence(in, pcm, in->frames - got);
	fifo_read(in->fifo, pcm + (size_t)(in->frames - got) * in->fifo->channels, got);
	in->running = true;
}

uint64_t intake_pull(struct intake *in, uint64_t at_ns, float *pcm)
{
	struct fifo_stamp s = fifo_stamp(in->fifo);
	double lead = lead_at(in, s, at_ns), off = lead - in->target;
	unsigned got;

	if (!in->running) {
		if (s.frames != in->dry.frames || s.us != in->dry.us)
			join(in, lead, at_ns, pcm);
		else
			silence(in, pcm, in->frames);
		return dll_step(&in->dll, 0.0);
	}
	if (fabs(off) > LOST_FRAMES) {
		if (off > 0)
			in->skipped += fifo_discard(in->fifo, (unsigned)off);
		off = 0.0;
	}
	got = fifo_read(in->fifo, pcm, in->frames);
	if (got < in->frames) {
		silence(in, pcm + (size_t)got * in->fifo->channels, in->frames - got);
		in->underruns++;
		in->running = false;
		in->dry_ns = at_ns;
		in->dry = s;
		off = 0.0;
	}
	return dll_step(&in->dll, off * in->dll.period_ns / in->frames);
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/depacket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "probe/judge.h"
#include "probe/video_packet.h"

#define LOG_MODULE "frames"
#include "base/log.h"

#define TRANSFER_PQ 16u /* H.273 */

#define DROPS_MAX 120u /* frames dropped in a row before an IDR is asked for again (2-media 5.5) */

struct depacket {
	struct depacket_params p;
	const struct depacket_events *ev;
	void *ctx;

	uint32_t next;  /* the number the next frame must have */
	uint32_t start; /* first frame after the last one that was delivered */
	uint32_t last_spi;
	bool wait_idr, wait_rfi, ask_at_next_frame, had_idr, in_frame;
	unsigned drops;

	/* the frame that is being put together */
	struct frame_info f;
	uint16_t last_len;
	bool key; /* found or said to be an IDR */
	uint8_t *bytes;
	size_t len, cap, shard_end; /* shard_end: where the last shard's payload begins in bytes */

	struct obu_unit unit; /* AV1 */
	struct depacket_stats stats;
};

struct depacket *depacket_create(const struct depacket_params *p, const struct depacket_events *ev, void *ctx)
{
	struct depacket *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->p = *p;
	d->ev = ev;
	d->ctx = ctx;
	d->next = 1;
	d->wait_idr = true;
	d->last_spi = 0xffffff;
	d->cap = (size_t)VIDEO_BLOCKS * VIDEO_SHARDS_MAX * (p->payload_max + 1);
	d->bytes = malloc(d->cap);
	if (!d->bytes) {
		free(d);
		return NULL;
	}
	return d;
}

void depacket_destroy(struct depacket *d)
{
	if (!d)
		return;
	free(d->bytes);
	free(d);
}

const struct depacket_stats *depacket_stats(const struct depacket *d)
{
	return &d->stats;
}

static bool annexb(const struct depacket *d)
{
	return d->p.codec != CODEC_AV1;
}

static void ask_idr(struct depacket *d)
{
	d->stats.idr_requests++;
	d->ev->idr_wanted(d->ctx);
}

static void ask_invalidate(struct depacket *d, uint32_t last)
{
	if (!d->p.rfi) {
		ask_idr(d);
		return;
	}
	d->stats.invalidations++;
	d->ev->invalidate(d->ctx, d->start, last);
}

/* A frame cannot be used: from here on wait for an IDR, or for a frame after invalidation when that is enough. */
static void drop(struct depacket *d)
{
	if (!d->p.rfi || !d->had_idr || d->wait_idr)
		d->wait_idr = true;
	else
		d->wait_rfi = true;
	d->len = 0;
	d->stats.dropped++;
	if (++d->drops == DROPS_MAX) {
		d->drops = 0;
		d->wait_idr = true;
		ask_idr(d);
	}
}

void depacket_lost(struct depacket *d, uint32_t frame, bool speculative)
{
	drop(d);
	if (d->wait_idr)
		return;
	log_dbg("frame %u %s", frame, speculative ? "will not be whole" : "lost");
	d->next = frame + 1;
	ask_invalidate(d, frame);
}

/* The frame is broken beyond what FEC can know. */
static void corrupt(struct depacket *d, uint32_t frame)
{
	d->in_frame = false;
	d->next = frame + 1;
	drop(d);
	if (d->wait_idr)
		ask_idr(d);
	else
		ask_invalidate(d, frame);
}

static void check_type(struct depacket *d, uint32_t frame, uint8_t type)
{
	if (type != 1 && type != 2 && type != 4 && type != 5)
		judge_fault(d->p.judge, "2-media 1.3", "frame %u: type %u", frame, type);
	if (frame == 1 && type != 2)
		judge_fault(d->p.judge, "2-media 1.3", "frame 1 has type %u, not 2", type);
	if (type != 5)
		return;
	d->stats.type5++;
	if (!d->p.rfi)
		judge_fault(d->p.judge, "2-media 5.5", "frame %u: type 5 without RFI", frame);
	else if (d->stats.type5 > d->stats.invalidations)
		judge_fault(d->p.judge, "2-media 5.5", "frame %u: type 5, but only %u invalidations were asked for",
			    frame, d->stats.invalidations);
}

/* Reads the frame header; returns its length. */
static size_t frame_header(struct depacket *d, uint32_t frame, const uint8_t *p, size_t len)
{
	struct rd r = rd_init(p, len);
	uint8_t kind = rd_u8(&r);

	d->f.latency = rd_le16(&r);
	d->f.type = rd_u8(&r);
	d->last_len = rd_le16(&r);
	if (rd_le16(&r))
		judge_fault(d->p.judge, "2-media 1.3", "frame %u: header bytes 6 and 7 not 0", frame);
	if (!rd_ok(&r) || kind != 1)
		judge_fault(d->p.judge, "2-media 1.3", "frame %u: header type %02x", frame, kind);
	check_type(d, frame, d->f.type);
	switch (d->f.type) {
	case 2:
		if (!annexb(d)) {
			d->wait_idr = d->ask_at_next_frame = false;
			d->key = true;
		}
		__attribute__((fallthrough));
	case 4:
	case 5:
		if (d->wait_rfi) {
			log_info("frame %u, type %u, ends the wait after a loss", frame, d->f.type);
			d->stats.rfi_recovered += d->f.type != 2;
			d->wait_rfi = d->ask_at_next_frame = false;
		}
		break;
	default:
		break;
	}
	return kind == 1 ? FRAME_HEADER : 24;
}

static void append(struct depacket *d, const uint8_t *p, size_t len)
{
	if (len > d->cap - d->len)
		return; /* cannot be: four blocks of whole shards fit */
	memcpy(d->bytes + d->len, p, len);
	d->len += len;
}

static void skip_unit(const uint8_t **p, size_t *len)
{
	size_t n = nal_next(*p, *len);

	*p += n;
	*len -= n;
}

static bool is_kind(const struct depacket *d, const uint8_t *p, size_t len, enum nal_kind k)
{
	return nal_kind(d->p.codec, p, len) == k;
}

/* Shard 0 of what begins with a parameter set: only here does the client look for the IDR slice (2-media 1.5). */
static void parse_key_shard(struct depacket *d, const uint8_t *p, size_t len)
{
	while (len) {
		size_t n;

		if (!nal_start(p, len) || is_kind(d, p, len, NAL_AUD) || is_kind(d, p, len, NAL_SEI)) {
			skip_unit(&p, &len);
			continue;
		}
		if (is_kind(d, p, len, NAL_IDR)) {
			d->wait_idr = d->wait_rfi = d->ask_at_next_frame = false;
			d->key = true;
			append(d, p, len);
			return;
		}
		n = nal_next(p, len);
		append(d, p, n);
		p += n;
		len -= n;
	}
}

static void first_payload(struct depacket *d, uint32_t frame, const uint8_t *p, size_t len)
{
	if (!annexb(d)) {
		append(d, p, len);
		return;
	}
	if (!nal_start(p, len)) {
		judge_fault(d->p.judge, "2-media 1.5", "frame %u does not begin with a start code", frame);
		skip_unit(&p, &len);
	}
	if (is_kind(d, p, len, NAL_AUD))
		skip_unit(&p, &len);
	while (is_kind(d, p, len, NAL_SEI))
		skip_unit(&p, &len);
	if (is_kind(d, p, len, d->p.codec == CODEC_HEVC ? NAL_VPS : NAL_SPS)) {
		parse_key_shard(d, p, len);
		return;
	}
	if (is_kind(d, p, len, NAL_PPS))
		skip_unit(&p, &len);
	append(d, p, len);
}

/* Codes of H.273. What was asked for, or, with a client that takes ten bits, BT.2020 with the PQ curve. */
static bool colour_fits(const struct depacket_params *q, unsigned matrix, unsigned transfer, bool full_range)
{
	static const unsigned matrices[] = {6, 1, 9};
	unsigned space = q->csc >> 1;

	if (q->hdr && transfer == TRANSFER_PQ)
		return matrix == 9;
	return space < 3 && (matrix == matrices[space] || (space == 0 && matrix == 5)) && full_range == (q->csc & 1);
}

static void check_sps(struct depacket *d, const uint8_t *p, size_t len)
{
	const struct depacket_params *q = &d->p;
	struct sps_info *s = &d->stats.sps;

	while (len && !is_kind(d, p, len, NAL_SPS))
		skip_unit(&p, &len);
	if (!len)
		return;
	if (sps_parse(s, p, nal_next(p, len))) {
		judge_fault(q->judge, "2-media 1.5", "frame %u: SPS cannot be read", d->f.number);
		return;
	}
	d->stats.sps_known = true;
	if (!q->rfi && s->max_num_ref_frames > 1)
		judge_fault(q->judge, "1-session 6.7", "SPS allows %u reference frames, 1 was announced",
			    s->max_num_ref_frames);
	if (s->has_restriction && s->num_reorder_frames)
		judge_fault(q->judge, "2-media 1.5", "SPS allows reordering of %u frames", s->num_reorder_frames);
	if (!q->verify)
		return;
	if (s->width != q->width || s->height != q->height)
		judge_fault(q->judge, "1-session 6.7", "SPS says %ux%u, %ux%u was announced", s->width, s->height,
			    q->width, q->height);
	if (!s->has_restriction || s->max_dec_frame_buffering > s->max_num_ref_frames)
		judge_fault(q->judge, "2-media 1.5", "SPS leaves the decoder's buffering open");
	if ((s->chroma_format == 3) != q->yuv444 || s->depth != (q->hdr ? 10u : 8u))
		judge_fault(q->judge, "1-session 6.7", "SPS says chroma format %u of %u bit", s->chroma_format,
			    s->depth);
	if (!s->has_colour)
		judge_fault(q->judge, "1-session 6.7", "SPS has no colour description");
	else if (!colour_fits(q, s->matrix, s->transfer, s->full_range))
		judge_fault(q->judge, "1-session 6.7", "SPS colour %u/%u/%u does not match encoderCscMode %u",
			    s->matrix, s->transfer, s->full_range, q->csc);
}

/* The shape of a whole H.264 or HEVC frame. */
static void check_units(struct depacket *d)
{
	struct nal_census c;
	unsigned slices;

	nal_count(d->p.codec, d->bytes, d->len, &c);
	slices = c.count[NAL_SLICE] + c.count[NAL_IDR];
	if (d->key != (d->f.type == 2))
		judge_fault(d->p.judge, "2-media 1.3", "frame %u: type %u, but the bitstream is %s", d->f.number,
			    d->f.type, d->key ? "an IDR" : "not an IDR");
	if (c.count[NAL_SLICE] && c.count[NAL_IDR])
		judge_fault(d->p.judge, "2-media 1.5", "frame %u mixes IDR and other slices", d->f.number);
	if (!d->key && c.count[NAL_IDR])
		judge_fault(d->p.judge, "2-media 1.5", "frame %u: IDR slices, but not after parameter sets in shard 0",
			    d->f.number);
	if (!slices)
		judge_fault(d->p.judge, "2-media 1.5", "frame %u has no slice", d->f.number);
	if (c.count[NAL_OTHER])
		judge_fault(d->p.judge, "2-media 1.5", "frame %u has units of a kind that no client knows",
			    d->f.number);
	if (d->p.slices && slices < d->p.slices)
		judge_fault(d->p.judge, "1-session 6.7", "frame %u: %u slices, %u were asked for", d->f.number, slices,
			    d->p.slices);
	if (!d->stats.frames || slices < d->stats.min_slices)
		d->stats.min_slices = slices;
	if (slices > d->stats.max_slices)
		d->stats.max_slices = slices;
	if (d->key) {
		unsigned at = 0;

		if (d->p.codec == CODEC_HEVC && c.first[at++] != NAL_VPS)
			judge_fault(d->p.judge, "2-media 1.5", "IDR frame %u: no VPS in front", d->f.number);
		if (c.first[at] != NAL_SPS || c.first[at + 1] != NAL_PPS)
			judge_fault(d->p.judge, "2-media 1.5", "IDR frame %u: not SPS, PPS in front", d->f.number);
		if (d->p.codec == CODEC_H264)
			check_sps(d, d->bytes, d->len);
	}
}

static void check_sequence(struct depacket *d, const struct obu_sequence *s)
{
	const struct depacket_params *q = &d->p;

	d->stats.sequence_known = true;
	d->stats.sequence = *s;
	if (!q->verify)
		return;
	if (s->width != q->width || s->height != q->height)
		judge_fault(q->judge, "1-session 6.7", "sequence header says %ux%u, %ux%u was announced", s->width,
			    s->height, q->width, q->height);
	if (!colour_fits(q, s->matrix, s->transfer, s->full_range))
		judge_fault(q->judge, "1-session 6.7",
			    "sequence header's colour %u/%u/%u does not match encoderCscMode %u", s->matrix,
			    s->transfer, s->full_range, q->csc);
	if (s->profile != q->yuv444 || s->depth != (q->hdr ? 10u : 8u))
		judge_fault(q->judge, "1-session 6.7", "profile %u, %u bit", s->profile, s->depth);
}

/* The shape of a whole AV1 frame: one temporal unit with one shown frame, no byte of padding behind it. */
static void check_temporal_unit(struct depacket *d)
{
	struct obu_unit *u = &d->unit;
	unsigned n = d->f.number;
	bool key;

	obu_unit_parse(u, d->bytes, d->len);
	if (u->error) {
		judge_fault(d->p.judge, "2-media 1.5", "frame %u: unit %u of its AV1 stream cannot be read", n,
			    u->count);
		return;
	}
	key = u->frames && !u->frame.existing && u->frame.type == OBU_KEY;
	if (u->frames != 1 || u->shown != 1)
		judge_fault(d->p.judge, "2-media 1.5", "frame %u holds %u AV1 frames, %u shown", n, u->frames,
			    u->shown);
	if (key != d->key)
		judge_fault(d->p.judge, "2-media 1.3", "frame %u: type %u, but the bitstream is %s", n, d->f.type,
			    key ? "a key frame" : "not a key frame");
	if (key && !u->sequences)
		judge_fault(d->p.judge, "2-media 1.5", "key frame %u without a sequence header", n);
	if (u->sequences)
		check_sequence(d, &u->sequence);
	if (!u->frame.tiles)
		return;
	if (!d->stats.frames || u->frame.tiles < d->stats.min_slices)
		d->stats.min_slices = u->frame.tiles;
	if (u->frame.tiles > d->stats.max_slices)
		d->stats.max_slices = u->frame.tiles;
	if (d->p.slices && u->frame.tiles < d->p.slices)
		judge_fault(d->p.judge, "1-session 6.7", "frame %u: %u tiles, %u were asked for", n, u->frame.tiles,
			    d->p.slices);
}

/* lastPayloadLen against what the last shard holds: padding is zeros, and no unit ends with one (1.3, 1.4). A frame of
 * several blocks may have been on its way before its length was known: a full one is said then (8.2). */
static size_t check_padding(struct depacket *d, const uint8_t *p, size_t len, size_t header, bool several)
{
	size_t used = d->last_len, i;

	if (annexb(d) && several && used == len) {
		while (used > 1 && !p[used - 1])
			used--;
		return used;
	}

	if (used <= header || used > len) {
		judge_fault(d->p.judge, "2-media 1.3", "frame %u: lastPayloadLen %zu in a shard of %zu", d->f.number,
			    used, len);
		return len;
	}
	for (i = used; i < len && !p[i]; i++)
		;
	if (i < len)
		judge_fault(d->p.judge, "2-media 1.4", "frame %u: padding of the last shard is not zero", d->f.number);
	if (annexb(d) && !p[used - 1])
		judge_fault(d->p.judge, "2-media 1.3", "frame %u: lastPayloadLen %zu is too long", d->f.number, used);
	return used;
}

static void deliver(struct depacket *d)
{
	d->f.idr = d->key;
	d->f.data = d->bytes;
	d->f.len = d->len;
	if (annexb(d))
		check_units(d);
	else
		check_temporal_unit(d);
	if (!d->stats.frames)
		d->stats.first = d->f.number;
	else if (d->f.number != d->stats.last + 1)
		d->stats.gaps++;
	d->stats.last = d->f.number;
	d->stats.frames++;
	d->stats.idr += d->key;
	d->stats.payload += d->f.payload;
	d->had_idr |= d->key;
	d->ev->frame(d->ctx, &d->f);
	if (d->f.ltr && d->p.rfi)
		d->ev->ltr_ack(d->ctx, d->f.number);
	d->drops = 0;
	d->start = d->next;
	d->len = 0;
}

static void end_frame(struct depacket *d)
{
	d->in_frame = false;
	d->next = d->f.number + 1;
	if (!d->wait_idr && !d->wait_rfi) {
		deliver(d);
		return;
	}
	if (d->wait_idr) {
		/* The first whole frame after the loss shows that the network is back (2-media 5.5). */
		if (d->ask_at_next_frame)
			ask_idr(d);
	} else {
		ask_invalidate(d, d->f.number);
	}
	d->ask_at_next_frame = false;
	drop(d);
}

static void begin_frame(struct depacket *d, const struct video_hdr *h, uint64_t first_ns)
{
	if (d->next < h->frame) {
		log_dbg("frames %u to %u are missing", d->next, h->frame - 1);
		d->next = h->frame;
		d->ask_at_next_frame = true;
		drop(d);
	}
	d->in_frame = true;
	d->key = false;
	d->len = 0;
	d->f = (struct frame_info){.number = h->frame, .ts = h->ts, .first_ns = first_ns};
}

void depacket_shard(struct depacket *d, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t first_ns)
{
	uint32_t spi = h->spi_raw >> 8 & 0xffffff, want = (d->last_spi + 1) & 0xffffff;
	uint8_t edge = h->flags & (uint8_t)~VIDEO_PIC;
	bool first = (edge == (VIDEO_SOF | VIDEO_EOF) || edge == VIDEO_SOF) && h->block == 0;
	bool last = (h->flags & VIDEO_EOF) && h->block == h->last_block;
	const uint8_t *p = data + VIDEO_HEADER;
	size_t n = len - VIDEO_HEADER, used = n, header = 0;

	if (h->frame < d->next)
		return; /* the rest of a frame that was given up */
	if (before24(spi, want) || (!(h->flags & VIDEO_SOF) && spi != want)) {
		judge_fault(d->p.judge, "2-media 1.2", "frame %u: SPI %u where %u was due", h->frame, spi, want);
		corrupt(d, h->frame);
		return;
	}
	if (first)
		begin_frame(d, h, first_ns);
	else if (!d->in_frame)
		return;
	d->last_spi = spi;

	if (first) {
		header = frame_header(d, h->frame, p, n);
		if (header > n)
			header = n;
	}
	if (last) {
		used = check_padding(d, p, n, header, h->block);
		d->f.ltr = h->extra & 1;
		if (!annexb(d)) {
			if (d->last_len <= header || d->last_len > n) {
				corrupt(d, h->frame);
				return;
			}
			n = d->last_len;
		}
	}
	d->f.payload += (used < n ? used : n) - header;
	if (first)
		first_payload(d, h->frame, p + header, n - header);
	else
		append(d, p, n);
	if (last)
		end_frame(d);
}

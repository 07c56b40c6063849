// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A PipeWire video source with known pixels, so that the pipewire back end can be tested without a compositor: the
 * chart of capture/paint.h with the code of capture/pattern_code.h, in memfds of its own.
 *
 *	pw_source [--name NAME] [--size WxH] [--fps N] [--format BGRx|RGBx|...] [--frames N: then exit]
 *		  [--still N: nothing new after N frames] [--resize WxH@N: new size from frame N on]
 *		  [--crop X,Y,WxH] [--transform 0..7] [--dmabuf: offers only modifiers, and calls its memory dma-bufs]
 *		  [--modifiers A,B,...: dma-bufs of these, the first liked best, before memory; the choice is the
 *		  reader's]
 *		  [--padding BYTES: of a row (128)] [--corrupt N: every Nth frame is marked corrupted]
 *		  [--overrun N: every Nth chunk reaches too far]
 *		  [--cursor N: metadata of a cursor, which moves N times on the still screen, in buffers without a
 *		  picture]
 *
 * SIGUSR1 draws one frame more on a still screen.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pipewire/pipewire.h>
#include <spa/param/video/format-utils.h>
#include <spa/param/video/type-info.h>

#include "base/clock.h"
#include "capture/paint.h"
#include "capture/pattern_code.h"

static struct {
	const char *name;
	uint32_t width, height, fps, spa_format, padding;
	unsigned long frames, still, resize_at, corrupt, overrun, cursor;
	uint32_t resize_w, resize_h;
	struct spa_region crop;
	bool has_crop, dmabuf; /* dmabuf: what it gives now */
	int64_t modifier[8];
	unsigned n_modifiers; /* 0: no choice */
	uint32_t transform;
} opt = {.name = "pw-source",
	 .width = 1280,
	 .height = 720,
	 .fps = 60,
	 .spa_format = SPA_VIDEO_FORMAT_BGRx,
	 .padding = 128};

static struct pw_main_loop *loop;
static struct pw_stream *stream;
static struct spa_source *timer;
static struct painter painter;
static uint32_t width, height; /* agreed */
static uint32_t number;
static unsigned long moves; /* of the cursor */
static bool bitmap_sent;
static bool streaming;

#define CURSOR_BYTES(w, h)                                                                                             \
	((int)(sizeof(struct spa_meta_cursor) + sizeof(struct spa_meta_bitmap) + (size_t)(w) * (h)*4))

static const struct spa_pod *offer_one(struct spa_pod_builder *b, bool dmabuf)
{
	struct spa_pod_frame object, choice;

	spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
	spa_pod_builder_add(b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
			    SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format, SPA_POD_Id(opt.spa_format), 0);
	if (dmabuf && opt.n_modifiers) {
		spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier,
				     SPA_POD_PROP_FLAG_MANDATORY | SPA_POD_PROP_FLAG_DONT_FIXATE);
		spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Enum, 0);
		spa_pod_builder_long(b, opt.modifier[0]);
		for (unsigned i = 0; i < opt.n_modifiers; i++)
			spa_pod_builder_long(b, opt.modifier[i]);
		spa_pod_builder_pop(b, &choice);
	} else if (dmabuf) {
		spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY);
		spa_pod_builder_long(b, 0);
	}
	spa_pod_builder_add(b, SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&SPA_RECTANGLE(opt.width, opt.height)),
			    SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&SPA_FRACTION(0, 1)),
			    SPA_FORMAT_VIDEO_maxFramerate, SPA_POD_Fraction(&SPA_FRACTION(opt.fps, 1)), 0);
	return spa_pod_builder_pop(b, &object);
}

static unsigned offer_format(struct spa_pod_builder *b, const struct spa_pod **pods)
{
	unsigned n = 0;

	if (opt.dmabuf || opt.n_modifiers)
		pods[n++] = offer_one(b, true);
	if (opt.n_modifiers || !opt.dmabuf)
		pods[n++] = offer_one(b, false);
	return n;
}

/* The reader's choice, as an offer in front of all others. */
static void fixate(const struct spa_video_info_raw *info)
{
	uint8_t memory[4096];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	const struct spa_pod *pods[3];
	struct spa_pod_frame object;

	spa_pod_builder_push_object(&b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
	spa_pod_builder_add(&b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
			    SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format, SPA_POD_Id(opt.spa_format), 0);
	spa_pod_builder_prop(&b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY);
	spa_pod_builder_long(&b, (int64_t)info->modifier);
	spa_pod_builder_add(&b, SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&info->size), SPA_FORMAT_VIDEO_framerate,
			    SPA_POD_Fraction(&SPA_FRACTION(0, 1)), SPA_FORMAT_VIDEO_maxFramerate,
			    SPA_POD_Fraction(&SPA_FRACTION(opt.fps, 1)), 0);
	pods[0] = spa_pod_builder_pop(&b, &object);
	pw_stream_update_params(stream, pods, 1 + offer_format(&b, pods + 1));
}

static uint32_t stride_of(void)
{
	return width * 4 + opt.padding; /* more than a row, so that nobody gets away with guessing */
}

static void on_param_changed(void *data, uint32_t id, const struct spa_pod *param)
{
	struct spa_video_info_raw info = {0};
	uint8_t memory[2048];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	const struct spa_pod_prop *modifier;
	const struct spa_pod *pods[5];
	unsigned n = 4;

	(void)data;
	if (id != SPA_PARAM_Format || !param || spa_format_video_raw_parse(param, &info) < 0)
		return;
	modifier = spa_pod_find_prop(param, NULL, SPA_FORMAT_VIDEO_modifier);
	if (modifier && modifier->flags & SPA_POD_PROP_FLAG_DONT_FIXATE) {
		fixate(&info);
		return;
	}
	opt.dmabuf = modifier;
	fprintf(stderr, "pw_source: %s %" PRIx64 "\n", modifier ? "dma-bufs" : "memory", modifier ? info.modifier : 0);
	width = info.size.width;
	height = info.size.height;
	painter_finish(&painter);
	painter_init(&painter, PAINT_CHART, width, height);
	fprintf(stderr, "pw_source: %ux%u\n", width, height);
	pods[0] = spa_pod_builder_add_object(
		&b, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers, SPA_PARAM_BUFFERS_buffers,
		SPA_POD_CHOICE_RANGE_Int(4, 2, 16), SPA_PARAM_BUFFERS_blocks, SPA_POD_Int(1), SPA_PARAM_BUFFERS_size,
		SPA_POD_Int((int)(stride_of() * height)), SPA_PARAM_BUFFERS_stride, SPA_POD_Int((int)stride_of()),
		SPA_PARAM_BUFFERS_dataType,
		SPA_POD_CHOICE_FLAGS_Int(opt.dmabuf ? 1 << SPA_DATA_DmaBuf : 1 << SPA_DATA_MemFd));
	pods[1] = spa_pod_builder_add_object(&b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type,
					     SPA_POD_Id(SPA_META_Header), SPA_PARAM_META_size,
					     SPA_POD_Int(sizeof(struct spa_meta_header)));
	pods[2] = spa_pod_builder_add_object(&b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type,
					     SPA_POD_Id(SPA_META_VideoCrop), SPA_PARAM_META_size,
					     SPA_POD_Int(sizeof(struct spa_meta_region)));
	pods[3] = spa_pod_builder_add_object(&b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type,
					     SPA_POD_Id(SPA_META_VideoTransform), SPA_PARAM_META_size,
					     SPA_POD_Int(sizeof(struct spa_meta_videotransform)));
	if (opt.cursor) /* as Mutter offers it */
		pods[n++] = spa_pod_builder_add_object(
			&b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type, SPA_POD_Id(SPA_META_Cursor),
			SPA_PARAM_META_size,
			SPA_POD_CHOICE_RANGE_Int(CURSOR_BYTES(384, 384), CURSOR_BYTES(1, 1), CURSOR_BYTES(384, 384)));
	bitmap_sent = false;
	pw_stream_update_params(stream, pods, n);
}

/* From the B G R x of the painter to the byte order of the format. The code is black and white and needs none. */
static void reorder(void *pixels)
{
	unsigned r, g, b;

	switch (opt.spa_format) {
	case SPA_VIDEO_FORMAT_RGBx:
	case SPA_VIDEO_FORMAT_RGBA:
		r = 0, g = 1, b = 2;
		break;
	case SPA_VIDEO_FORMAT_xRGB:
		r = 1, g = 2, b = 3;
		break;
	case SPA_VIDEO_FORMAT_xBGR:
		r = 3, g = 2, b = 1;
		break;
	default:
		return;
	}
	for (uint32_t y = 0; y < height; y++) {
		uint8_t *p = (uint8_t *)pixels + (size_t)y * stride_of();

		for (uint32_t x = 0; x < width; x++, p += 4) {
			uint8_t bgr[3] = {p[0], p[1], p[2]};

			p[b] = bgr[0];
			p[g] = bgr[1];
			p[r] = bgr[2];
		}
	}
}

static void on_add_buffer(void *data, struct pw_buffer *b)
{
	struct spa_data *d = &b->buffer->datas[0];
	size_t size = (size_t)stride_of() * height;

	(void)data;
	d->type = opt.dmabuf ? SPA_DATA_DmaBuf : SPA_DATA_MemFd;
	d->flags = SPA_DATA_FLAG_READWRITE;
	d->fd = memfd_create("pw_source", MFD_CLOEXEC);
	if (d->fd < 0 || ftruncate((int)d->fd, (off_t)size) < 0)
		abort();
	d->mapoffset = 0;
	d->maxsize = opt.dmabuf ? 0 : (uint32_t)size; /* as some compositors do */
	b->user_data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, (int)d->fd, 0);
	if (b->user_data == MAP_FAILED)
		abort();
	d->data = b->user_data;
	painter_begin(&painter, b->user_data, stride_of());
	reorder(b->user_data);
}

static void on_remove_buffer(void *data, struct pw_buffer *b)
{
	struct spa_data *d = &b->buffer->datas[0];

	(void)data;
	munmap(b->user_data, (size_t)stride_of() * height);
	close((int)d->fd);
}

enum { CURSOR_W = 24, CURSOR_H = 16, HOT_X = 3, HOT_Y = 5 };

/* Half magenta, half a white that one can see through. It goes from left to right. */
static void put_cursor(struct spa_buffer *b)
{
	struct spa_meta_cursor *c = spa_buffer_find_meta_data(b, SPA_META_Cursor, CURSOR_BYTES(CURSOR_W, CURSOR_H));
	struct spa_meta_bitmap *bitmap;
	uint8_t *p;

	if (!opt.cursor || !c)
		return;
	bitmap = (struct spa_meta_bitmap *)(c + 1);
	p = (uint8_t *)(bitmap + 1);
	*c = (struct spa_meta_cursor){
		.id = 1,
		.position = SPA_POINT((int)(40 + (width - 120) * moves / opt.cursor), (int)(height * 2 / 5)),
		.hotspot = bitmap_sent ? SPA_POINT(0, 0) : SPA_POINT(HOT_X, HOT_Y),
		.bitmap_offset = bitmap_sent ? 0 : sizeof(*c),
	};
	if (bitmap_sent)
		return;
	*bitmap = (struct spa_meta_bitmap){
		.format = SPA_VIDEO_FORMAT_RGBA,
		.size = {CURSOR_W, CURSOR_H},
		.stride = CURSOR_W * 4,
		.offset = sizeof(*bitmap),
	};
	for (unsigned i = 0; i < CURSOR_W * CURSOR_H; i++, p += 4)
		memcpy(p, i % CURSOR_W < CURSOR_W / 2 ? "\xff\0\xff\xff" : "\x80\x80\x80\x80", 4);
	bitmap_sent = true;
}

/* As compositors do it. */
static void send_cursor_alone(void)
{
	struct pw_buffer *b = moves < opt.cursor ? pw_stream_dequeue_buffer(stream) : NULL;

	if (!b)
		return;
	moves++;
	put_cursor(b->buffer);
	b->buffer->datas[0].chunk->size = 0;
	b->buffer->datas[0].chunk->flags = SPA_CHUNK_FLAG_CORRUPTED;
	pw_stream_queue_buffer(stream, b);
}

static void on_process(void *data)
{
	struct pw_buffer *b;
	struct spa_data *d;
	struct spa_meta_header *header;
	struct spa_meta_region *crop;
	struct spa_meta_videotransform *turn;
	uint64_t now = clock_ns();

	(void)data;
	if (opt.still && number >= opt.still) {
		send_cursor_alone();
		return;
	}
	b = pw_stream_dequeue_buffer(stream);
	if (!b)
		return;
	d = &b->buffer->datas[0];
	pattern_draw(b->user_data, stride_of(), width, height,
		     &(struct pattern_mark){.frame = number, .time_us = now / 1000 & PATTERN_TIME_MAX});
	d->chunk->offset = 0;
	d->chunk->stride = (int32_t)stride_of();
	d->chunk->size = opt.dmabuf ? 9 : stride_of() * height; /* as some compositors do */
	d->chunk->flags = opt.corrupt && number % opt.corrupt == opt.corrupt - 1 ? SPA_CHUNK_FLAG_CORRUPTED : 0;
	if (opt.overrun && number % opt.overrun == opt.overrun - 1)
		d->chunk->offset = stride_of();
	header = spa_buffer_find_meta_data(b->buffer, SPA_META_Header, sizeof(*header));
	if (header)
		*header = (struct spa_meta_header){.pts = (int64_t)now, .seq = number};
	crop = spa_buffer_find_meta_data(b->buffer, SPA_META_VideoCrop, sizeof(*crop));
	if (crop)
		crop->region = opt.has_crop ? opt.crop : (struct spa_region){{0, 0}, {0, 0}};
	turn = spa_buffer_find_meta_data(b->buffer, SPA_META_VideoTransform, sizeof(*turn));
	if (turn)
		turn->transform = opt.transform;
	put_cursor(b->buffer);
	pw_stream_queue_buffer(stream, b);
	number++;
}

static void on_state_changed(void *data, enum pw_stream_state old, enum pw_stream_state state, const char *error)
{
	struct timespec period = {0, (long)(NS_PER_S / opt.fps)}, off = {0, 0};

	(void)data, (void)old;
	fprintf(stderr, "pw_source: %s %s\n", pw_stream_state_as_string(state), error ? error : "");
	streaming = state == PW_STREAM_STATE_STREAMING;
	pw_loop_update_timer(pw_main_loop_get_loop(loop), timer, streaming ? &period : &off, streaming ? &period : &off,
			     false);
	if (state == PW_STREAM_STATE_ERROR)
		pw_main_loop_quit(loop);
}

static void on_timer(void *data, uint64_t expirations)
{
	uint8_t memory[4096];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	const struct spa_pod *pods[2];

	(void)data, (void)expirations;
	if (opt.frames && number >= opt.frames)
		pw_main_loop_quit(loop);
	if (opt.resize_at && number >= opt.resize_at) {
		opt.resize_at = 0;
		opt.width = opt.resize_w;
		opt.height = opt.resize_h;
		pw_stream_update_params(stream, pods, offer_format(&b, pods));
		return;
	}
	pw_stream_trigger_process(stream);
}

static void on_quit(void *data, int signo)
{
	(void)data, (void)signo;
	pw_main_loop_quit(loop);
}

static void on_one_more(void *data, int signo)
{
	(void)data, (void)signo;
	if (opt.still)
		opt.still++;
}

static const struct pw_stream_events events = {
	PW_VERSION_STREAM_EVENTS,    .state_changed = on_state_changed, .param_changed = on_param_changed,
	.add_buffer = on_add_buffer, .remove_buffer = on_remove_buffer, .process = on_process,
};

static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"name", 1, NULL, 'n'},      {"size", 1, NULL, 's'},    {"fps", 1, NULL, 'f'},
		{"format", 1, NULL, 'F'},    {"frames", 1, NULL, 'N'},  {"still", 1, NULL, 'S'},
		{"resize", 1, NULL, 'r'},    {"crop", 1, NULL, 'c'},    {"transform", 1, NULL, 't'},
		{"modifiers", 1, NULL, 'm'}, {"padding", 1, NULL, 'p'}, {"dmabuf", 0, NULL, 'd'},
		{"corrupt", 1, NULL, 'C'},   {"overrun", 1, NULL, 'O'}, {"cursor", 1, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	int c, ok = 1;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			opt.name = optarg;
			break;
		case 's':
			ok &= sscanf(optarg, "%ux%u", &opt.width, &opt.height) == 2;
			break;
		case 'f':
			ok &= sscanf(optarg, "%u", &opt.fps) == 1 && opt.fps > 1;
			break;
		case 'F':
			opt.spa_format = 0;
			for (const struct spa_type_info *t = spa_type_video_format; t->name; t++) {
				const char *name = strrchr(t->name, ':');

				if (name && !strcmp(name + 1, optarg))
					opt.spa_format = t->type;
			}
			ok &= opt.spa_format != 0;
			break;
		case 'N':
			opt.frames = strtoul(optarg, NULL, 10);
			break;
		case 'S':
			opt.still = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			ok &= sscanf(optarg, "%ux%u@%lu", &opt.resize_w, &opt.resize_h, &opt.resize_at) == 3;
			break;
		case 'c':
			ok &= sscanf(optarg, "%d,%d,%ux%u", &opt.crop.position.x, &opt.crop.position.y,
				     &opt.crop.size.width, &opt.crop.size.height) == 4;
			opt.has_crop = true;
			break;
		case 't':
			opt.transform = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'd':
			opt.dmabuf = true;
			break;
		case 'p':
			opt.padding = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			for (char *at = optarg; at && *at && opt.n_modifiers < 8; at = strchr(at, ',')) {
				at += *at == ',';
				opt.modifier[opt.n_modifiers++] = (int64_t)strtoull(at, &at, 0);
			}
			ok &= opt.n_modifiers > 0;
			break;
		case 'C':
			opt.corrupt = strtoul(optarg, NULL, 10);
			break;
		case 'k':
			opt.cursor = strtoul(optarg, NULL, 10);
			break;
		case 'O':
			opt.overrun = strtoul(optarg, NULL, 10);
			break;
		default:
			ok = 0;
		}
	}
	return ok ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	uint8_t memory[4096];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	const struct spa_pod *pods[2];
	struct pw_loop *l;

	if (parse(argc, argv) < 0) {
		fprintf(stderr, "usage: see the top of pw_source.c\n");
		return 2;
	}
	pw_init(&argc, &argv);
	loop = pw_main_loop_new(NULL);
	l = pw_main_loop_get_loop(loop);
	pw_loop_add_signal(l, SIGTERM, on_quit, NULL);
	pw_loop_add_signal(l, SIGINT, on_quit, NULL);
	pw_loop_add_signal(l, SIGUSR1, on_one_more, NULL);
	timer = pw_loop_add_timer(l, on_timer, NULL);
	stream = pw_stream_new_simple(
		l, opt.name, pw_properties_new(PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_NODE_NAME, opt.name, NULL),
		&events, NULL);
	if (!stream ||
	    pw_stream_connect(stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
			      PW_STREAM_FLAG_DRIVER | PW_STREAM_FLAG_ALLOC_BUFFERS, pods, offer_format(&b, pods)) < 0) {
		fprintf(stderr, "pw_source: no PipeWire\n");
		return 1;
	}
	pw_main_loop_run(loop);
	pw_stream_destroy(stream);
	painter_finish(&painter);
	pw_main_loop_destroy(loop);
	pw_deinit();
	return 0;
}

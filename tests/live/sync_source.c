// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A PipeWire screen with explicit synchronisation, on the kernel's own dma-bufs (udmabuf), timelines of a DRM device
 * and fences of vgem, all of which tests/vm has. A buffer is handed out blank; its number (capture/pattern_code.h) is
 * drawn later, and only then its acquire point is reached.
 *
 * sync_source [--frames N: then nothing more] [--submit MS: after which there is a fence for the point; 0: before the
 *		    buffer is handed out] [--draw MS: after that it is drawn, and the fence signalled]
 *		    [--draw-first: it is drawn already when there is a fence]
 *		    [--never N: every Nth picture's point never comes]
 *		    [--no-sync: not on offer] [--nonsense: the timelines are none]
 *
 * It prints a line when it can be connected. It ends with its input, and then prints as JSON: pictures handed out; in
 * dma-bufs with timelines; unseen: of these, on their way when a newer one took their place, so that no reader promised
 * anything; of the others early: buffers that came back before their release point was reached, owed: release points
 * that nobody reached though the readers are gone. Exit status 77: this machine has none of that. Built with PipeWire
 * 1.2 and later only.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pipewire/pipewire.h>
#include <spa/param/video/format-utils.h>

#include "base/clock.h"
#include "capture/drm_abi.h"
#include "capture/drm_timeline.h"
#include "capture/pattern_code.h"

enum { W = 320, H = 180, STRIDE = W * 4, BYTES = 233472, PAGE = 4096, FPS = 20, BUFFERS = 64 };
_Static_assert(BYTES >= STRIDE * H && BYTES % PAGE == 0, "whole pages");

/* Of the kernel's interface, what the capture does not use. */
struct vgem_attach {
	uint32_t handle, flags, fence, pad;
};
struct vgem_signal {
	uint32_t fence, flags;
};
struct drm_prime {
	uint32_t handle, flags;
	int32_t fd;
};
struct drm_wait {
	uint64_t handles, points;
	int64_t until_ns;
	uint32_t count, flags, first, pad;
};
#define VGEM_ATTACH  _IOWR('d', 0x41, struct vgem_attach)
#define VGEM_SIGNAL  _IOW('d', 0x42, struct vgem_signal)
#define PRIME_IMPORT _IOWR('d', 0x2e, struct drm_prime)
#define SYNCOBJ_WAIT _IOWR('d', 0xca, struct drm_wait)
#define WAIT_SUBMIT  2u
#define UNSEEN       1u /* set by the source, cleared by a reader who promises the release point */
#define VGEM_WRITE   1u

static struct {
	unsigned long frames, submit, draw, never;
	bool no_sync, nonsense, draw_first;
} opt = {.frames = 1000000};

struct buffer {
	void *pixels;
	uint32_t acquire, release;
	struct spa_meta_sync_timeline *meta;
	bool unseen;    /* as it was when PipeWire removed it */
	uint64_t point; /* of the picture in it, on both timelines; 0: none yet */
	int work_fd;    /* a dma-buf of a page, which carries vgem's fences */
	uint32_t work, fence;
	uint32_t number;             /* to be drawn */
	uint64_t submit_ns, draw_ns; /* 0: not to be done */
};

static struct pw_main_loop *loop;
static struct pw_stream *stream;
static struct spa_source *timer, *stages;
static struct drm_timelines dev;
static int udmabuf, vgem = -1;
static struct buffer buffers[BUFFERS]; /* never used again: what was owed is looked at in the end */
static unsigned n_buffers;
static bool dmabufs; /* agreed */
static uint32_t number;
static unsigned handed_out, synchronised, unseen, early;
static bool ready;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "sync_source: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int memory(size_t size)
{
	int fd = memfd_create("sync_source", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	must(fd >= 0 && ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0, "memory");
	return fd;
}

static int dmabuf_of(int fd, size_t size)
{
	struct udmabuf_create c = {.memfd = (uint32_t)fd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = size};
	int dmabuf = ioctl(udmabuf, UDMABUF_CREATE, &c);

	must(dmabuf >= 0, "udmabuf");
	return dmabuf;
}

static int vgem_open(void)
{
	char path[64], name[16];

	for (int i = 128; i < 136; i++) {
		FILE *f;
		bool found = false;

		snprintf(path, sizeof(path), "/sys/class/drm/renderD%d/device/uevent", i);
		f = fopen(path, "r");
		while (f && fgets(path, sizeof(path), f))
			found |= !strcmp(path, "MODALIAS=platform:vgem\n");
		if (f)
			fclose(f);
		snprintf(name, sizeof(name), "renderD%d", i);
		snprintf(path, sizeof(path), "/dev/dri/%s", name);
		if (found)
			return open(path, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

static uint32_t new_timeline(int64_t *fd)
{
	struct drm_syncobj s = {0};
	struct drm_syncobj_file f = {.fd = -1};

	must(ioctl(dev.fd, DRM_SYNCOBJ_CREATE, &s) == 0, "timeline");
	f.handle = s.handle;
	must(ioctl(dev.fd, DRM_SYNCOBJ_TO_FILE, &f) == 0, "timeline's file");
	*fd = opt.nonsense ? eventfd(0, EFD_CLOEXEC) : f.fd;
	if (opt.nonsense)
		close(f.fd);
	return s.handle;
}

static bool reached(uint32_t timeline, uint64_t point, uint64_t wait_ns)
{
	struct drm_wait w = {
		.handles = (uintptr_t)&timeline,
		.points = (uintptr_t)&point,
		.count = 1,
		.flags = WAIT_SUBMIT,
		.until_ns = wait_ns ? (int64_t)(clock_ns() + wait_ns) : 0,
	};

	return ioctl(dev.fd, SYNCOBJ_WAIT, &w) == 0;
}

/* A fence for the acquire point, and something to draw behind it. */
static void submit(struct buffer *b, uint64_t now)
{
	struct vgem_attach a = {.handle = b->work, .flags = VGEM_WRITE};
	struct dma_buf_export_sync_file e = {.flags = DMA_BUF_SYNC_READ, .fd = -1};

	must(ioctl(vgem, VGEM_ATTACH, &a) == 0, "fence");
	must(ioctl(b->work_fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &e) == 0, "fence's file");
	must(drm_timeline_signal(&dev, b->acquire, b->point, e.fd) == 0, "point");
	close(e.fd);
	b->fence = a.fence;
	b->draw_ns = now + opt.draw * NS_PER_MS;
}

static void draw(struct buffer *b)
{
	pattern_draw(b->pixels, STRIDE, W, H,
		     &(struct pattern_mark){.frame = b->number, .time_us = clock_ns() / 1000 & PATTERN_TIME_MAX});
}

/* Nothing to wait for any more when the point comes. */
static void finish(struct buffer *b)
{
	draw(b);
	must(drm_timeline_signal(&dev, b->acquire, b->point, -1) == 0, "point");
}

static void signal_fence(const struct buffer *b)
{
	struct vgem_signal s = {.fence = b->fence};

	must(ioctl(vgem, VGEM_SIGNAL, &s) == 0, "signal");
}

/* What is due. */
static void on_stages(void *data, uint64_t expirations)
{
	uint64_t now = clock_ns();

	(void)data, (void)expirations;
	for (unsigned i = 0; i < n_buffers; i++) {
		struct buffer *b = &buffers[i];

		if (b->submit_ns && b->submit_ns <= now) {
			b->submit_ns = 0;
			if (opt.draw_first)
				finish(b);
			else
				submit(b, now);
		} else if (b->draw_ns && b->draw_ns <= now) {
			draw(b);
			signal_fence(b);
			b->draw_ns = 0;
		}
	}
}

/* Of a buffer that nobody waits for. */
static void give_up(struct buffer *b)
{
	if (b->draw_ns)
		signal_fence(b);
	b->submit_ns = b->draw_ns = 0;
}

static void on_process(void *data)
{
	struct pw_buffer *pw = handed_out < opt.frames ? pw_stream_dequeue_buffer(stream) : NULL;
	struct buffer *b = pw ? pw->user_data : NULL;
	const uint64_t now = clock_ns();
	struct spa_meta_sync_timeline *t = b ? b->meta : NULL;

	(void)data;
	if (!b)
		return;
	b->number = ++number;
	memset(b->pixels, 0, BYTES);
	pw->buffer->datas[0].chunk->offset = 0;
	pw->buffer->datas[0].chunk->stride = STRIDE;
	pw->buffer->datas[0].chunk->size = STRIDE * H;
	handed_out++;
	if (t) {
		synchronised++;
		if (b->point && t->flags & UNSEEN)
			unseen++;
		else
			early += b->point && !reached(b->release, b->point, 0);
		give_up(b);
		b->point++;
		t->flags = UNSEEN;
		t->acquire_point = t->release_point = b->point;
		if (opt.submit)
			b->submit_ns = now + opt.submit * NS_PER_MS;
		else if (!opt.never || number % opt.never)
			submit(b, now);
		pw_stream_queue_buffer(stream, pw);
		return;
	}
	draw(b);
	pw_stream_queue_buffer(stream, pw);
}

static const struct spa_pod *offer(struct spa_pod_builder *b, bool dmabuf)
{
	struct spa_pod_frame object;

	spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
	spa_pod_builder_add(b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
			    SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format,
			    SPA_POD_Id(SPA_VIDEO_FORMAT_BGRx), 0);
	if (dmabuf) {
		spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY);
		spa_pod_builder_long(b, 0);
	}
	spa_pod_builder_add(b, SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&SPA_RECTANGLE(W, H)),
			    SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&SPA_FRACTION(0, 1)),
			    SPA_FORMAT_VIDEO_maxFramerate, SPA_POD_Fraction(&SPA_FRACTION(FPS, 1)), 0);
	return spa_pod_builder_pop(b, &object);
}

static const struct spa_pod *buffers_param(struct spa_pod_builder *b, bool sync)
{
	struct spa_pod_frame object;

	spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers);
	spa_pod_builder_add(b, SPA_PARAM_BUFFERS_buffers, SPA_POD_CHOICE_RANGE_Int(6, 2, 16), SPA_PARAM_BUFFERS_blocks,
			    SPA_POD_Int(sync ? 3 : 1), SPA_PARAM_BUFFERS_size, SPA_POD_Int(STRIDE * H),
			    SPA_PARAM_BUFFERS_stride, SPA_POD_Int(STRIDE), SPA_PARAM_BUFFERS_dataType,
			    SPA_POD_CHOICE_FLAGS_Int(dmabufs ? 1 << SPA_DATA_DmaBuf : 1 << SPA_DATA_MemFd), 0);
	if (sync) {
		spa_pod_builder_prop(b, SPA_PARAM_BUFFERS_metaType, SPA_POD_PROP_FLAG_MANDATORY);
		spa_pod_builder_int(b, 1 << SPA_META_SyncTimeline);
	}
	return spa_pod_builder_pop(b, &object);
}

static void on_param_changed(void *data, uint32_t id, const struct spa_pod *param)
{
	uint8_t bytes[2048];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(bytes, sizeof(bytes));
	const struct spa_pod *pods[3];
	unsigned n = 0;

	(void)data;
	if (id != SPA_PARAM_Format || !param)
		return;
	dmabufs = spa_pod_find_prop(param, NULL, SPA_FORMAT_VIDEO_modifier);
	fprintf(stderr, "sync_source: %s\n", dmabufs ? "dma-bufs" : "memory");
	if (dmabufs && !opt.no_sync) {
		pods[n++] = buffers_param(&b, true);
		pods[n++] =
			spa_pod_builder_add_object(&b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type,
						   SPA_POD_Id(SPA_META_SyncTimeline), SPA_PARAM_META_size,
						   SPA_POD_Int(sizeof(struct spa_meta_sync_timeline)));
	}
	pods[n++] = buffers_param(&b, false);
	pw_stream_update_params(stream, pods, n);
}

static void on_add_buffer(void *data, struct pw_buffer *pw)
{
	struct buffer *b = &buffers[n_buffers];
	struct spa_data *d = pw->buffer->datas;
	int fd = memory(BYTES);
	struct drm_prime p = {0};

	(void)data;
	must(n_buffers < BUFFERS, "more buffers");
	n_buffers++;
	b->pixels = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(b->pixels != MAP_FAILED, "mapping");
	d[0].type = dmabufs ? SPA_DATA_DmaBuf : SPA_DATA_MemFd;
	d[0].flags = SPA_DATA_FLAG_READWRITE;
	d[0].fd = dmabufs ? dmabuf_of(fd, BYTES) : fd;
	d[0].mapoffset = 0;
	d[0].maxsize = BYTES;
	if (dmabufs)
		close(fd);
	pw->user_data = b;
	b->meta = spa_buffer_find_meta_data(pw->buffer, SPA_META_SyncTimeline, sizeof(*b->meta));
	if (!b->meta)
		return;
	must(pw->buffer->n_datas == 3, "three datas");
	d[1].type = d[2].type = SPA_DATA_SyncObj;
	d[1].flags = d[2].flags = SPA_DATA_FLAG_READWRITE;
	b->acquire = new_timeline(&d[1].fd);
	b->release = new_timeline(&d[2].fd);
	fd = memory(PAGE);
	p.fd = b->work_fd = dmabuf_of(fd, PAGE);
	close(fd);
	must(ioctl(vgem, PRIME_IMPORT, &p) == 0, "vgem");
	b->work = p.handle;
}

static void on_remove_buffer(void *data, struct pw_buffer *pw)
{
	struct buffer *b = pw->user_data;

	(void)data;
	munmap(b->pixels, BYTES);
	give_up(b);
	b->unseen = b->meta && b->meta->flags & UNSEEN;
	b->meta = NULL;
	for (uint32_t i = 0; i < pw->buffer->n_datas; i++)
		close((int)pw->buffer->datas[i].fd);
}

static void on_state_changed(void *data, enum pw_stream_state old, enum pw_stream_state state, const char *error)
{
	struct timespec period = {0, (long)(NS_PER_S / FPS)}, off = {0, 0};
	bool streaming = state == PW_STREAM_STATE_STREAMING;

	(void)data, (void)old;
	fprintf(stderr, "sync_source: %s %s\n", pw_stream_state_as_string(state), error ? error : "");
	if (state == PW_STREAM_STATE_PAUSED && !ready) {
		ready = true;
		printf("ready\n");
		fflush(stdout);
	}
	pw_loop_update_timer(pw_main_loop_get_loop(loop), timer, streaming ? &period : &off, streaming ? &period : &off,
			     false);
}

static void on_timer(void *data, uint64_t expirations)
{
	(void)data, (void)expirations;
	pw_stream_trigger_process(stream);
}

static void on_input(void *data, int fd, uint32_t mask)
{
	char c;

	(void)data, (void)mask;
	if (read(fd, &c, 1) <= 0)
		pw_main_loop_quit(loop);
}

static const struct pw_stream_events events = {
	PW_VERSION_STREAM_EVENTS,    .state_changed = on_state_changed, .param_changed = on_param_changed,
	.add_buffer = on_add_buffer, .remove_buffer = on_remove_buffer, .process = on_process,
};

static bool parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"frames", 1, NULL, 'f'},     {"submit", 1, NULL, 's'},  {"draw", 1, NULL, 'd'},
		{"never", 1, NULL, 'n'},      {"no-sync", 0, NULL, 'N'}, {"nonsense", 0, NULL, 'x'},
		{"draw-first", 0, NULL, 'D'}, {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			opt.frames = strtoul(optarg, NULL, 10);
			break;
		case 's':
			opt.submit = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			opt.draw = strtoul(optarg, NULL, 10);
			break;
		case 'n':
			opt.never = strtoul(optarg, NULL, 10);
			break;
		case 'N':
			opt.no_sync = true;
			break;
		case 'D':
			opt.draw_first = true;
			break;
		case 'x':
			opt.nonsense = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	uint8_t bytes[2048];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(bytes, sizeof(bytes));
	struct timespec tick = {0, 2 * (long)NS_PER_MS};
	const struct spa_pod *pods[2];
	struct pw_loop *l;
	unsigned owed = 0;

	if (!parse(argc, argv))
		return 2;
	udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	vgem = vgem_open();
	if (udmabuf < 0 || vgem < 0 || drm_timelines_open(&dev) < 0) {
		fprintf(stderr, "sync_source: udmabuf %d, vgem %d, timelines %d\n", udmabuf, vgem, dev.fd);
		return 77;
	}
	pw_init(&argc, &argv);
	loop = pw_main_loop_new(NULL);
	l = pw_main_loop_get_loop(loop);
	pw_loop_add_io(l, STDIN_FILENO, SPA_IO_IN | SPA_IO_HUP, false, on_input, NULL);
	timer = pw_loop_add_timer(l, on_timer, NULL);
	stages = pw_loop_add_timer(l, on_stages, NULL);
	pw_loop_update_timer(l, stages, &tick, &tick, false);
	stream = pw_stream_new_simple(
		l, "screen", pw_properties_new(PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_NODE_NAME, "screen", NULL),
		&events, NULL);
	pods[0] = offer(&b, true);
	pods[1] = offer(&b, false);
	if (!stream || pw_stream_connect(stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
					 PW_STREAM_FLAG_DRIVER | PW_STREAM_FLAG_ALLOC_BUFFERS, pods, 2) < 0) {
		fprintf(stderr, "sync_source: no PipeWire\n");
		return 1;
	}
	pw_main_loop_run(loop);
	for (unsigned i = 0; i < n_buffers; i++) {
		const struct buffer *x = &buffers[i];

		if (x->point && !(x->meta ? x->meta->flags & UNSEEN : x->unseen))
			owed += !reached(x->release, x->point, 5 * NS_PER_S);
	}
	printf("{\"handed_out\": %u, \"synchronised\": %u, \"unseen\": %u, \"early\": %u, \"owed\": %u}\n", handed_out,
	       synchronised, unseen, early, owed);
	pw_stream_destroy(stream);
	pw_main_loop_destroy(loop);
	pw_deinit();
	drm_timelines_close(&dev);
	return 0;
}

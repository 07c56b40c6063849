// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Takes frames through capture/screen.h, as an encoder would, checks their pixels and prints what came as JSON.
 *
 *	capture_check --source auto|pattern|pipewire|portal [--node NAME] [--pattern WORD] [--token FILE]
 *		      [--size WxH] [--fps N] [--frames N] [--seconds S: at most] [--users N] [--pause: stop and start
 *		      again halfway] [--pixels chart|quadrants]
 *		      [--import A,B,...: as a reader that imports BGRx with these modifiers] [--refuse N: refuses what
 *		      it gets from its Nth frame on, until that is another] [--refuse-all N: and all dma-bufs]
 *		      [--cursor metadata|embedded|hidden]
 *		      [--impatient: reads imported pictures before their fence has passed]
 *		      [--until-cursor X,Y: goes on until that is where every user has seen it]
 *		      [--pixel X,Y[,RRGGBB]: of frames in memory; goes on until it is so, or nearly]
 *
 * It ends when there were so many frames, and what is waited for has come; else when the time is up. It says when it
 * has its first frame.
 *
 * Exit status: 0 the source gave a frame, 3 it gave none, 4 it is not there or was refused.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "capture/paint.h"
#include "capture/pattern_code.h"
#include "capture/screen.h"
#include "media/dmabuf.h"
#include "media/frame.h"

struct user {
	struct wake wake;
	struct frame_link link;
	struct screen_user *attached;
	unsigned frames, marks, gaps, repeats, pixels_bad;
	unsigned imported, kernels, backwards; /* of dma-bufs: the kernel's own; an older picture than before */
	unsigned fenced, waited, late;         /* with a fence; that had not passed yet; that never did */
	uint32_t last;
	unsigned moves; /* frames of a picture that was there, under another cursor */
	uint64_t picture;
	struct cursor_mark cursor;
	uint64_t age_ns, age_max_ns;
};

static struct {
	enum screens_source source;
	const char *node, *pattern, *token, *pixels;
	uint32_t width, height, fps;
	unsigned frames, users;
	double seconds;
	int pause;
	unsigned refuse;
	bool refuse_all, impatient;
	enum cursor_mode cursor;
	bool until_cursor, until_pixel;
	int cursor_x, cursor_y;
	unsigned pixel_x, pixel_y, pixel;
} opt = {.pattern = "motion", .width = 1280, .height = 720, .fps = 60, .frames = 60, .seconds = 10, .users = 1};

static struct loop *loop;
static struct screens *screens;
static struct user users[SCREEN_USERS_MAX];
static uint32_t sizes[8][2];
static unsigned n_sizes, losses;
static struct frame last_frame; /* values only */
static struct dmabuf_formats importable;
static int cursor_w, cursor_h;
static uint8_t cursor_argb[4]; /* its first pixel */
static size_t mapped_bytes;    /* of the source's memory, most at once */
static uint32_t pixel;         /* 0xRRGGBB of that of --pixel */
static char exporter[32];      /* the kernel's part that made the dma-buf; "": it is none of the kernel's */

static void changed(void *ctx)
{
	const char *why;

	(void)ctx;
	if (screens_state(screens, &why) == SCREENS_FAILED) {
		losses++;
		fprintf(stderr, "capture_check: failed: %s\n", why);
	}
}

static const struct screens_events events = {.changed = changed};

/* 0xRRGGBB of a pixel, whatever the order of its bytes. */
static uint32_t rgb_at(const struct frame *f, const uint8_t *picture, uint32_t x, uint32_t y)
{
	const uint8_t *p = picture + (size_t)y * f->plane[0].stride + (size_t)x * 4;

	switch (f->fourcc) {
	case FOURCC_XRGB8888:
	case FOURCC_ARGB8888:
		return (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
	case FOURCC_XBGR8888:
	case FOURCC_ABGR8888:
		return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
	case FOURCC_RGBX8888:
		return (uint32_t)p[3] << 16 | (uint32_t)p[2] << 8 | p[1];
	default:
		return (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	}
}

static bool pixels_right(const struct frame *f, const uint8_t *picture)
{
	static const uint32_t quadrant[4] = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff};

	/* below the code, away from the middle where wlclient's block walks */
	for (uint32_t y = f->height / 5; y < f->height; y += 37) {
		for (uint32_t x = 3; x < f->width; x += 41) {
			uint32_t want;

			if (!strcmp(opt.pixels, "chart")) {
				want = chart_pixel(f->width, f->height, x, y);
			} else {
				if (y > f->height / 2 - 24 && y < f->height / 2 + 24)
					continue;
				want = quadrant[(y >= f->height / 2) * 2 + (x >= f->width / 2)];
			}
			if (rgb_at(f, picture, x, y) != want)
				return false;
		}
	}
	return true;
}

/* By the kernel's own count, which knows its dma-bufs; other memory is named by the source. */
static void count_mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512];
	size_t sum = 0;

	while (maps && fgets(line, sizeof(line), maps))
		if ((strstr(line, "memfd:pw_source") || strstr(line, "/dmabuf:")) &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2)
			sum += to - from;
	if (maps)
		fclose(maps);
	if (sum > mapped_bytes)
		mapped_bytes = sum;
}

/* Memory may call itself a dma-buf; of its own the kernel says who made them. */
static bool kernels_own(int fd)
{
	char path[64], line[128];
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "r");
	exporter[0] = '\0';
	while (info && fgets(line, sizeof(line), info))
		if (sscanf(line, "exp_name: %31s", exporter) == 1)
			break;
	if (info)
		fclose(info);
	return exporter[0];
}

static void bracket(int fd, uint64_t flags)
{
	struct dma_buf_sync sync = {.flags = flags | DMA_BUF_SYNC_READ};

	while (ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) < 0 && (errno == EINTR || errno == EAGAIN))
		;
}

static bool passed(int fence, int timeout_ms)
{
	struct pollfd p = {.fd = fence, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

static void wait_for_fence(struct user *u, const struct frame *f)
{
	if (f->acquire_fence < 0)
		return;
	u->fenced++;
	if (passed(f->acquire_fence, 0))
		return;
	u->waited++;
	if (!opt.impatient)
		u->late += !passed(f->acquire_fence, 10000);
}

/* A picture that nobody mapped is looked at as a GPU would: through its file. */
static void look_inside(struct user *u, const struct frame *f)
{
	size_t size = f->plane[0].offset + (size_t)f->plane[0].stride * f->height;
	uint8_t *p = mmap(NULL, size, PROT_READ, MAP_SHARED, f->plane[0].fd, 0);
	struct pattern_mark m;

	wait_for_fence(u, f);
	u->imported++;
	u->kernels += kernels_own(f->plane[0].fd);
	if (p == MAP_FAILED)
		return;
	bracket(f->plane[0].fd, DMA_BUF_SYNC_START);
	if (pattern_read(p + f->plane[0].offset + 1, 4, f->plane[0].stride, f->width, f->height,
			 pattern_grid(f->width, f->height), &m) == 0) {
		u->gaps += u->marks && m.frame != u->last + 1;
		u->backwards += u->marks && m.frame < u->last;
		u->last = m.frame;
		u->marks++;
	}
	if (opt.pixels && !pixels_right(f, p + f->plane[0].offset))
		u->pixels_bad++;
	bracket(f->plane[0].fd, DMA_BUF_SYNC_END);
	munmap(p, size);
}

static void look(struct user *u, struct frame *f)
{
	/* green is the second byte or the third */
	size_t green = f->fourcc == FOURCC_RGBX8888 || f->fourcc == FOURCC_BGRX8888 ? 2 : 1;
	uint64_t age = clock_ns() - f->t.captured;
	struct pattern_mark m;

	if (opt.refuse && u->frames >= opt.refuse && !f->map[0] && (opt.refuse_all || f->modifier != MODIFIER_LINEAR))
		frame_refuse(f, opt.refuse_all);
	u->moves += f->picture == u->picture && !cursor_mark_is(&u->cursor, &f->cursor);
	u->picture = f->picture;
	u->cursor = cursor_mark(&f->cursor);
	if (u == users && f->cursor.image) {
		cursor_w = f->cursor.image->w;
		cursor_h = f->cursor.image->h;
		memcpy(cursor_argb, f->cursor.image->argb, 4);
	}
	count_mapped();
	u->age_ns += age;
	if (age > u->age_max_ns)
		u->age_max_ns = age;
	if (!f->map[0])
		look_inside(u, f);
	else if (pattern_read((const uint8_t *)f->map[0] + green, 4, f->plane[0].stride, f->width, f->height,
			      pattern_grid(f->width, f->height), &m) == 0) {
		if (u->marks && m.frame == u->last)
			u->repeats++;
		else if (u->marks && m.frame != u->last + 1)
			u->gaps++;
		u->last = m.frame;
		u->marks++;
	}
	if (opt.pixels && f->map[0] && !pixels_right(f, f->map[0]))
		u->pixels_bad++;
	if (u != users)
		return;
	if (f->map[0] && opt.pixel_x < f->width && opt.pixel_y < f->height)
		pixel = rgb_at(f, f->map[0], opt.pixel_x, opt.pixel_y);
	if (!n_sizes || sizes[n_sizes - 1][0] != f->width || sizes[n_sizes - 1][1] != f->height) {
		if (n_sizes < ARRAY_LEN(sizes)) {
			sizes[n_sizes][0] = f->width;
			sizes[n_sizes++][1] = f->height;
		}
	}
	last_frame.fourcc = f->fourcc;
	last_frame.modifier = f->modifier;
	last_frame.crop = f->crop;
	last_frame.transform = f->transform;
	last_frame.n_damage = f->n_damage;
}

/* A blend may be rounded in either way. */
static bool alike(uint32_t a, uint32_t b)
{
	for (unsigned shift = 0; shift < 24; shift += 8)
		if (abs((int)(a >> shift & 255) - (int)(b >> shift & 255)) > 2)
			return false;
	return true;
}

/* What is waited for. */
static bool arrived(void)
{
	for (unsigned i = 0; opt.until_cursor && i < opt.users; i++)
		if (!users[i].cursor.id || users[i].cursor.x != opt.cursor_x || users[i].cursor.y != opt.cursor_y)
			return false;
	return !opt.until_pixel || alike(pixel, opt.pixel);
}

static void report(uint64_t took_ns)
{
	json_t *o = json_object(), *per_user = json_array(), *size_list = json_array();
	char fourcc[5] = {0};

	memcpy(fourcc, &last_frame.fourcc, 4);
	for (unsigned i = 0; i < n_sizes; i++)
		json_array_append_new(size_list, json_pack("[i,i]", (int)sizes[i][0], (int)sizes[i][1]));
	for (unsigned i = 0; i < opt.users; i++) {
		const struct user *u = &users[i];
		unsigned n = u->frames ? u->frames : 1;

		json_array_append_new(
			per_user,
			json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:f,s:f}", "frames",
				  (int)u->frames, "marks", (int)u->marks, "gaps", (int)u->gaps, "repeats",
				  (int)u->repeats, "pixels_bad", (int)u->pixels_bad, "imported", (int)u->imported,
				  "kernels", (int)u->kernels, "backwards", (int)u->backwards, "fenced", (int)u->fenced,
				  "waited", (int)u->waited, "late", (int)u->late, "superseded",
				  (int)atomic_load(&u->link.superseded), "moves", (int)u->moves, "age_ms",
				  (double)(u->age_ns / n) / 1e6, "age_max_ms", (double)u->age_max_ns / 1e6));
	}
	json_object_set_new(o, "source", json_string(screens_source_name(screens)));
	json_object_set_new(o, "seconds", json_real((double)took_ns / 1e9));
	json_object_set_new(o, "losses", json_integer(losses));
	json_object_set_new(o, "sizes", size_list);
	json_object_set_new(o, "fourcc", json_string(fourcc));
	json_object_set_new(o, "modifier", json_integer((json_int_t)last_frame.modifier));
	json_object_set_new(o, "exporter", json_string(exporter));
	json_object_set_new(o, "mapped_bytes", json_integer((json_int_t)mapped_bytes));
	json_object_set_new(o, "transform", json_integer(last_frame.transform));
	json_object_set_new(o, "n_damage", json_integer(last_frame.n_damage));
	json_object_set_new(o, "crop",
			    json_pack("[i,i,i,i]", last_frame.crop.x, last_frame.crop.y, (int)last_frame.crop.w,
				      (int)last_frame.crop.h));
	json_object_set_new(o, "cursor",
			    json_pack("{s:b,s:i,s:i,s:i,s:i,s:[i,i,i,i]}", "shown", users->cursor.id != 0, "x",
				      users->cursor.x, "y", users->cursor.y, "w", cursor_w, "h", cursor_h, "argb",
				      cursor_argb[0], cursor_argb[1], cursor_argb[2], cursor_argb[3]));
	json_object_set_new(o, "pixel",
			    json_pack("[i,i,i]", (int)(pixel >> 16), (int)(pixel >> 8 & 255), (int)(pixel & 255)));
	json_object_set_new(o, "users", per_user);
	json_dumpf(o, stdout, JSON_REAL_PRECISION(6));
	printf("\n");
	json_decref(o);
}

static int attach_all(void)
{
	struct video_params want = {
		.width = (uint16_t)opt.width, .height = (uint16_t)opt.height, .fps_mhz = opt.fps * 1000};

	for (unsigned i = 0; i < opt.users; i++) {
		int err = screens_attach(screens, &want, &users[i].link, &users[i].attached);

		if (err)
			return err;
	}
	return 0;
}

static void detach_all(void)
{
	for (unsigned i = 0; i < opt.users; i++) {
		screens_detach(users[i].attached);
		users[i].attached = NULL;
		frame_unref(latest_take(&users[i].link.slot), -1);
	}
	for (int i = 0; i < 20; i++)
		loop_step(loop, 5);
}

static int parse(int argc, char **argv)
{
	static const char *const sources[] = {"auto", "pattern", "pipewire", "portal"};
	static const struct option options[] = {
		{"source", 1, NULL, 's'},       {"node", 1, NULL, 'n'},
		{"pattern", 1, NULL, 'p'},      {"token", 1, NULL, 't'},
		{"size", 1, NULL, 'S'},         {"fps", 1, NULL, 'f'},
		{"frames", 1, NULL, 'N'},       {"seconds", 1, NULL, 'T'},
		{"users", 1, NULL, 'u'},        {"pause", 0, NULL, 'P'},
		{"pixels", 1, NULL, 'x'},       {"debug", 0, NULL, 'd'},
		{"import", 1, NULL, 'i'},       {"refuse", 1, NULL, 'r'},
		{"refuse-all", 1, NULL, 'R'},   {"cursor", 1, NULL, 'c'},
		{"until-cursor", 1, NULL, 'C'}, {"pixel", 1, NULL, 'X'},
		{"impatient", 0, NULL, 'I'},    {NULL, 0, NULL, 0},
	};
	int c, ok = 1;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.source = (enum screens_source) - 1;
			for (int i = 0; i < 4; i++) {
				if (!strcmp(optarg, sources[i]))
					opt.source = (enum screens_source)i;
			}
			ok &= (int)opt.source >= 0;
			break;
		case 'n':
			opt.node = optarg;
			break;
		case 'p':
			opt.pattern = optarg;
			break;
		case 't':
			opt.token = optarg;
			break;
		case 'S':
			ok &= sscanf(optarg, "%ux%u", &opt.width, &opt.height) == 2;
			break;
		case 'f':
			opt.fps = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'N':
			opt.frames = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'T':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'u':
			opt.users = (unsigned)strtoul(optarg, NULL, 10);
			ok &= opt.users >= 1 && opt.users <= SCREEN_USERS_MAX;
			break;
		case 'P':
			opt.pause = 1;
			break;
		case 'x':
			opt.pixels = optarg;
			break;
		case 'i':
			for (char *at = optarg; at && *at; at = strchr(at, ',')) {
				at += *at == ',';
				importable.format[importable.n++] =
					(struct dmabuf_format){FOURCC_XRGB8888, 1, strtoull(at, &at, 0)};
			}
			break;
		case 'c':
			opt.cursor = !strcmp(optarg, "hidden")     ? CURSOR_HIDDEN
				     : !strcmp(optarg, "embedded") ? CURSOR_EMBEDDED
								   : CURSOR_METADATA;
			break;
		case 'C':
			opt.until_cursor = true;
			ok &= sscanf(optarg, "%d,%d", &opt.cursor_x, &opt.cursor_y) == 2;
			break;
		case 'X':
			c = sscanf(optarg, "%u,%u,%x", &opt.pixel_x, &opt.pixel_y, &opt.pixel);
			opt.until_pixel = c == 3;
			ok &= c >= 2;
			break;
		case 'R':
			opt.refuse_all = true;
			__attribute__((fallthrough));
		case 'r':
			opt.refuse = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'I':
			opt.impatient = true;
			break;
		case 'd':
			log_set_level(LOG_LEVEL_DBG);
			break;
		default:
			ok = 0;
		}
	}
	return ok ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct screens_params params;
	uint64_t start = clock_ns(), deadline;
	const char *why;
	int rc = 0;

	if (parse(argc, argv) < 0) {
		fprintf(stderr, "usage: see the top of capture_check.c\n");
		return 2;
	}
	deadline = start + (uint64_t)(opt.seconds * 1e9);
	loop = loop_create();
	params = (struct screens_params){.source = opt.source,
					 .node = opt.node,
					 .pattern = opt.pattern,
					 .token_path = opt.token,
					 .importable = &importable,
					 .cursor = opt.cursor};
	screens = screens_create(loop, &params, &events, NULL);
	if (!screens)
		return 4;
	while (screens_state(screens, &why) == SCREENS_WAIT_CONSENT && clock_ns() < deadline)
		loop_step(loop, 50);
	for (unsigned i = 0; i < opt.users; i++) {
		if (wake_init(&users[i].wake))
			return 4;
		users[i].link.wake = &users[i].wake;
	}
	if (screens_state(screens, &why) != SCREENS_READY || attach_all()) {
		fprintf(stderr, "capture_check: %s\n", why);
		printf("{\"source\": \"%s\", \"why\": \"%s\"}\n", screens_source_name(screens), why);
		detach_all();
		screens_destroy(screens);
		loop_destroy(loop);
		return 4;
	}
	start = clock_ns();
	while ((users[0].frames < opt.frames || !arrived()) && clock_ns() < deadline) {
		loop_step(loop, 0);
		wake_wait(&users[0].wake, clock_ns() + 20 * NS_PER_MS);
		for (unsigned i = 0; i < opt.users; i++) {
			struct frame *f = latest_take(&users[i].link.slot);

			if (!f)
				continue;
			if (!users[i].frames++ && !i)
				fprintf(stderr, "capture_check: the first frame\n");
			look(&users[i], f);
			frame_unref(f, -1);
		}
		if (opt.pause && users[0].frames == opt.frames / 2) {
			opt.pause = 0;
			detach_all();
			attach_all();
		}
	}
	rc = users[0].frames ? 0 : 3;
	report(clock_ns() - start);
	detach_all();
	screens_destroy(screens);
	loop_destroy(loop);
	for (unsigned i = 0; i < opt.users; i++)
		wake_finish(&users[i].wake);
	return rc;
}

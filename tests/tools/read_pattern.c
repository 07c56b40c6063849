// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reads the code of capture/pattern_code.h out of decoded pictures on standard input and prints what it found as JSON:
 *
 *	ffmpeg -i out.h264 -f yuv4mpegpipe - | read_pattern
 *	ffmpeg -i out.h264 -pix_fmt gray -f rawvideo - | read_pattern --gray 1280x720
 *
 *	--source WxH   size of the screen, when the stream was scaled or letterboxed
 *	--list         adds the number of every picture (-1: none could be read) and the time written into it
 *
 * pictures, read, damaged (a code, but its checksum wrong), missing (none seen), first, last, gaps (times the number
 * rose by more than one), lost (numbers passed over), repeats (same number again), backwards, and span_us, the time
 * between the first and the last as the source wrote it. Exit status 0: pictures came and each had a code.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "capture/pattern_code.h"

#define DIM_MAX 16384u

static struct {
	uint32_t width, height, src_w, src_h;
	bool gray, list;
} opt;

static struct {
	unsigned pictures, read, damaged, missing, gaps, repeats, backwards;
	uint64_t lost;
	struct pattern_mark first, last;
} seen;

/* Header of a YUV4MPEG2 stream; *skip: bytes of chroma that follow each luma plane. */
static int read_header(uint64_t *skip)
{
	char line[512], *word, *save = NULL;
	const char *chroma = "420";
	uint64_t luma;

	if (!fgets(line, sizeof(line), stdin) || strncmp(line, "YUV4MPEG2 ", 10))
		return -EPROTO;
	for (word = strtok_r(line + 10, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		if (*word == 'W')
			opt.width = (uint32_t)strtoul(word + 1, NULL, 10);
		else if (*word == 'H')
			opt.height = (uint32_t)strtoul(word + 1, NULL, 10);
		else if (*word == 'C')
			chroma = word + 1;
	}
	if (!opt.width || !opt.height || opt.width > DIM_MAX || opt.height > DIM_MAX || strstr(chroma, "p1"))
		return -ENOTSUP; /* 10 bits and more are not for this reader */
	luma = (uint64_t)opt.width * opt.height;
	if (!strncmp(chroma, "mono", 4))
		*skip = 0;
	else if (!strncmp(chroma, "444", 3))
		*skip = luma * 2;
	else if (!strncmp(chroma, "422", 3))
		*skip = (uint64_t)((opt.width + 1) / 2) * opt.height * 2;
	else
		*skip = (uint64_t)((opt.width + 1) / 2) * ((opt.height + 1) / 2) * 2;
	return 0;
}

static bool next_picture(uint8_t *luma, size_t size, uint64_t skip)
{
	char line[128];

	if (!opt.gray && (!fgets(line, sizeof(line), stdin) || strncmp(line, "FRAME", 5)))
		return false;
	if (fread(luma, 1, size, stdin) != size)
		return false;
	while (skip--) {
		if (getchar() == EOF)
			return false;
	}
	return true;
}

static long long look(const uint8_t *luma, struct pattern_grid g)
{
	struct pattern_mark m;
	int err = pattern_read(luma, 1, opt.width, opt.width, opt.height, g, &m);

	seen.pictures++;
	if (err) {
		*(err == -EBADMSG ? &seen.damaged : &seen.missing) += 1;
		return -1;
	}
	if (!seen.read) {
		seen.first = m;
	} else if (m.frame == seen.last.frame) {
		seen.repeats++;
	} else if (m.frame < seen.last.frame) {
		seen.backwards++;
	} else if (m.frame > seen.last.frame + 1) {
		seen.gaps++;
		seen.lost += m.frame - seen.last.frame - 1;
	}
	seen.last = m;
	seen.read++;
	return m.frame;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"gray", 1, NULL, 'g'}, {"source", 1, NULL, 's'}, {"list", 0, NULL, 'l'}, {NULL, 0, NULL, 0}};
	json_t *o, *list = json_array(), *times = json_array();
	struct pattern_grid g;
	uint64_t skip = 0;
	uint8_t *luma;
	size_t size;
	int c, ok = 1;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'g')
			opt.gray = ok &= sscanf(optarg, "%ux%u", &opt.width, &opt.height) == 2;
		else if (c == 's')
			ok &= sscanf(optarg, "%ux%u", &opt.src_w, &opt.src_h) == 2;
		else if (c == 'l')
			opt.list = true;
		else
			ok = 0;
	}
	if (!ok || optind != argc) {
		fprintf(stderr, "usage: read_pattern [--gray WxH] [--source WxH] [--list] < pictures\n");
		return 2;
	}
	if ((!opt.gray && read_header(&skip)) || !opt.width || !opt.height || opt.width > DIM_MAX ||
	    opt.height > DIM_MAX) {
		fprintf(stderr, "read_pattern: no 8-bit YUV4MPEG2 stream, and no --gray WxH\n");
		return 2;
	}
	g = opt.src_w ? pattern_grid_fit(opt.src_w, opt.src_h, opt.width, opt.height)
		      : pattern_grid(opt.width, opt.height);
	size = (size_t)opt.width * opt.height;
	luma = malloc(size);
	if (!luma)
		return 2;
	while (next_picture(luma, size, skip)) {
		long long number = look(luma, g);

		if (opt.list) {
			json_array_append_new(list, json_integer(number));
			json_array_append_new(times, json_integer(number < 0 ? -1 : (json_int_t)seen.last.time_us));
		}
	}
	free(luma);
	o = json_pack("{s:i,s:i,s:i,s:i,s:I,s:I,s:i,s:I,s:i,s:i,s:I}", "pictures", (int)seen.pictures, "read",
		      (int)seen.read, "damaged", (int)seen.damaged, "missing", (int)seen.missing, "first",
		      (json_int_t)seen.first.frame, "last", (json_int_t)seen.last.frame, "gaps", (int)seen.gaps, "lost",
		      (json_int_t)seen.lost, "repeats", (int)seen.repeats, "backwards", (int)seen.backwards, "span_us",
		      (json_int_t)(seen.last.time_us - seen.first.time_us));
	if (opt.list) {
		json_object_set(o, "numbers", list);
		json_object_set(o, "times_us", times);
	}
	json_dumpf(o, stdout, JSON_PRESERVE_ORDER);
	printf("\n");
	json_decref(list);
	json_decref(times);
	json_decref(o);
	return seen.pictures && seen.read == seen.pictures ? 0 : 1;
}

// SPDX-License-Identifier: GPL-3.0-or-later
/* Runs a fuzz entry over every file of a corpus folder, then over each file cut short and with
 * single bits flipped, so that even a small corpus reaches the error paths. Fails when the folder
 * is missing or empty. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"

#define FILE_MAX_ (1u << 20)
#define VARIANTS  200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_variants(const uint8_t *data, size_t size)
{
	uint32_t x = 0x2545f491u ^ (uint32_t)size;

	for (unsigned i = 0; i < VARIANTS && size; i++) {
		uint8_t *copy;
		size_t n;

		x = x * 1664525u + 1013904223u;
		/* An exact-size allocation, so that ASan sees a read past the end. */
		n = i % 2 ? size : (x >> 8) % size;
		copy = malloc(n ? n : 1);
		if (!copy)
			abort();
		memcpy(copy, data, n);
		if (i % 2)
			copy[(x >> 8) % size] ^= (uint8_t)(1u << (x >> 29));
		LLVMFuzzerTestOneInput(copy, n);
		free(copy);
	}
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	struct dirent *e;
	DIR *dir;

	if (argc != 2 || !(dir = opendir(argv[1]))) {
		fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
		return 2;
	}
	while ((e = readdir(dir))) {
		char path[4096];
		struct buf b;

		if (e->d_name[0] == '.' || fs_join(path, sizeof(path), argv[1], e->d_name))
			continue;
		buf_init(&b, FILE_MAX_);
		if (fs_read(path, &b) == 0) {
			LLVMFuzzerTestOneInput(b.data, b.len);
			run_variants(b.data, b.len);
			files++;
		}
		buf_finish(&b);
	}
	closedir(dir);
	printf("%u corpus files, %u variants each\n", files, VARIANTS);
	return files ? 0 : 1;
}

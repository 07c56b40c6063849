// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Preloaded into the portal's back end in the test machine, whose card has no GPU: its buffers are allocated as "dumb"
 * ones, and the kernel makes those on cards only. So where it opens a render node it gets the card itself
 * ($PRIMARY_NODE). And Mesa without a GPU gives such buffers away to be read only, where drivers of GPUs let them be
 * written to as well; a Vulkan driver on the CPU insists on the latter.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int (*open_fn)(const char *path, int flags, ...);
typedef int (*export_fn)(int card, uint32_t handle, uint32_t flags, int *fd);

int drmPrimeHandleToFD(int card, uint32_t handle, uint32_t flags, int *fd);

static int open_by(const char *name, const char *path, int flags, int mode)
{
	const char *card = getenv("PRIMARY_NODE");
	open_fn next = (open_fn)dlsym(RTLD_NEXT, name);

	if (card && strncmp(path, "/dev/dri/renderD", 16) == 0)
		path = card;
	return next(path, flags, mode);
}

/* mode is there only when a file may be made; read all the same, it is passed on as it is. */
#define OPEN(name)                                                                                                     \
	int name(const char *path, int flags, ...)                                                                     \
	{                                                                                                              \
		va_list ap;                                                                                            \
		int mode;                                                                                              \
                                                                                                                       \
		va_start(ap, flags);                                                                                   \
		mode = va_arg(ap, int);                                                                                \
		va_end(ap);                                                                                            \
		return open_by(#name, path, flags, mode);                                                              \
	}

OPEN(open)
OPEN(open64)

int drmPrimeHandleToFD(int card, uint32_t handle, uint32_t flags, int *fd)
{
	export_fn next = (export_fn)dlsym(RTLD_NEXT, "drmPrimeHandleToFD");

	return next(card, handle, flags | O_RDWR, fd);
}

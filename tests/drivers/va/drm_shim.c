// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Three functions of libdrm that vaGetDisplayDRM asks about a descriptor. With this in front (LD_PRELOAD, or linked
 * into the program), a descriptor that is no DRM device counts as a render node; real nodes go to the real library.
 * With MOONRILL_FAKE_DRM=PATH only that file does.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DRM_MAJOR       226u
#define DRM_NODE_RENDER 2

struct drm_version { /* as in xf86drm.h */
	int major, minor, patch, name_len;
	char *name;
	int date_len;
	char *date;
	int desc_len;
	char *desc;
};

#define EXPORT __attribute__((visibility("default")))
EXPORT int drmGetNodeTypeFromFd(int fd);
EXPORT struct drm_version *drmGetVersion(int fd);
EXPORT void drmFreeVersion(struct drm_version *v);

static char fake_name[] = "moonrill";
static struct drm_version fake = {
	.major = 1, .name_len = sizeof(fake_name) - 1, .name = fake_name, .date = fake_name, .desc = fake_name};

static bool is_fake(int fd)
{
	const char *path = getenv("MOONRILL_FAKE_DRM");
	struct stat st, want;

	if (fstat(fd, &st) < 0)
		return false;
	if (path && *path)
		return stat(path, &want) == 0 && want.st_dev == st.st_dev && want.st_ino == st.st_ino;
	return !S_ISCHR(st.st_mode) || major(st.st_rdev) != DRM_MAJOR;
}

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

EXPORT int drmGetNodeTypeFromFd(int fd)
{
	int (*next)(int) = (int (*)(int))real("drmGetNodeTypeFromFd");

	return is_fake(fd) ? DRM_NODE_RENDER : next ? next(fd) : -1;
}

EXPORT struct drm_version *drmGetVersion(int fd)
{
	struct drm_version *(*next)(int) = (struct drm_version * (*)(int)) real("drmGetVersion");

	return is_fake(fd) ? &fake : next ? next(fd) : NULL;
}

EXPORT void drmFreeVersion(struct drm_version *v)
{
	void (*next)(struct drm_version *) = (void (*)(struct drm_version *))real("drmFreeVersion");

	if (v != &fake && next)
		next(v);
}

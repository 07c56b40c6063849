// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/vaapi_device.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <va/va_drm.h>

#include "base/str.h"
#include "encode/registry.h"
#include "encode/vaapi_codec.h"
#include "encode/vaapi_format.h"

#define LOG_MODULE "vaapi"
#include "base/log.h"

#define NODE_FIRST 128u
#define NODE_LAST  191u
#define MANY       64 /* profiles and entry points of a driver */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct found {
	bool known, distrusted;
	char asked[VAAPI_PATH]; /* the device chosen when it was found out */
	int rc;
	struct vaapi_caps caps;
} found[CODECS][PICTURE_FORMATS];

static void on_info(void *ctx, const char *text)
{
	(void)ctx;
	log_dbg("%.*s", (int)strcspn(text, "\n"), text);
}

int vaapi_device_open(struct vaapi_device *d, const char *path)
{
	int major, minor;

	*d = (struct vaapi_device){.fd = open(path, O_RDWR | O_CLOEXEC)};
	if (d->fd < 0) {
		*d = (struct vaapi_device){0};
		return -ENODEV;
	}
	d->dpy = vaGetDisplayDRM(d->fd);
	if (!d->dpy) {
		close(d->fd);
		*d = (struct vaapi_device){0};
		return -ENODEV;
	}
	/* A node without a driver is nothing to worry about. */
	vaSetInfoCallback(d->dpy, on_info, NULL);
	vaSetErrorCallback(d->dpy, on_info, NULL);
	if (vaInitialize(d->dpy, &major, &minor) != VA_STATUS_SUCCESS) {
		vaapi_device_close(d);
		return -ENODEV;
	}
	return 0;
}

void vaapi_device_close(struct vaapi_device *d)
{
	if (!d->dpy)
		return;
	vaTerminate(d->dpy);
	close(d->fd);
	*d = (struct vaapi_device){0};
}

static bool has_entry(VADisplay dpy, VAProfile profile, VAEntrypoint entry)
{
	VAEntrypoint list[MANY];
	int n = 0;

	if (vaMaxNumEntrypoints(dpy) > MANY || vaQueryConfigEntrypoints(dpy, profile, list, &n) != VA_STATUS_SUCCESS)
		return false;
	for (int i = 0; i < n; i++)
		if (list[i] == entry)
			return true;
	return false;
}

/* Attributes that a driver does not answer are 0. False: it cannot be used for a stream. */
static bool read_attributes(VADisplay dpy, struct vaapi_caps *c)
{
	enum { FORMAT, RATE, PACKED, SLICES, STRUCTURE, WIDTH, HEIGHT, QUALITY, FRAME_SIZE };
	VAConfigAttrib a[] = {
		[FORMAT] = {VAConfigAttribRTFormat, 0},
		[RATE] = {VAConfigAttribRateControl, 0},
		[PACKED] = {VAConfigAttribEncPackedHeaders, 0},
		[SLICES] = {VAConfigAttribEncMaxSlices, 0},
		[STRUCTURE] = {VAConfigAttribEncSliceStructure, 0},
		[WIDTH] = {VAConfigAttribMaxPictureWidth, 0},
		[HEIGHT] = {VAConfigAttribMaxPictureHeight, 0},
		[QUALITY] = {VAConfigAttribEncQualityRange, 0},
		[FRAME_SIZE] = {VAConfigAttribMaxFrameSize, 0},
	};

	if (vaGetConfigAttributes(dpy, c->profile, c->entry, a, ARRAY_LEN(a)) != VA_STATUS_SUCCESS)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		if (a[i].value == VA_ATTRIB_NOT_SUPPORTED)
			a[i].value = 0;
	/* Without a rate it holds, a stream cannot be sent. */
	c->rate_control = a[RATE].value & VA_RC_CBR ? VA_RC_CBR : a[RATE].value & VA_RC_VBR;
	if (!(a[FORMAT].value & c->rt_format) || !c->rate_control)
		return false;
	c->packed = a[PACKED].value & c->packed_all;
	c->max_slices = a[SLICES].value ? a[SLICES].value : 1;
	c->slice_structure = a[STRUCTURE].value;
	c->max_width = a[WIDTH].value ? a[WIDTH].value : 4096;
	c->max_height = a[HEIGHT].value ? a[HEIGHT].value : 4096;
	c->quality_levels = a[QUALITY].value;
	c->frame_size = ((VAConfigAttribValMaxFrameSize){.value = a[FRAME_SIZE].value}).bits.max_frame_size;
	return true;
}

/* Which surfaces it encodes. */
static bool read_surfaces(VADisplay dpy, struct vaapi_caps *c, enum picture_format format)
{
	VAConfigAttrib a = {VAConfigAttribRTFormat, c->rt_format};
	VAConfigID config;

	c->fourcc = VA_FOURCC_NV12; /* every driver has it */
	if (format == PICTURE_NV12)
		return true;
	if (vaCreateConfig(dpy, c->profile, c->entry, &a, 1, &config) != VA_STATUS_SUCCESS)
		return false;
	c->fourcc = vaapi_format_choose(dpy, config, format);
	vaDestroyConfig(dpy, config);
	return c->fourcc;
}

/* The best profile first; the full entry point before the low-power one, whose rate control may need firmware that is
 * not loaded. */
static int ask_codec(VADisplay dpy, const struct vaapi_codec *codec, enum picture_format format, struct vaapi_caps *c)
{
	static const VAEntrypoint entries[] = {VAEntrypointEncSlice, VAEntrypointEncSliceLP};

	c->rt_format = vaapi_format_rt(format);
	for (const struct vaapi_profile *p = codec->profiles; p->profile != VAProfileNone; p++)
		for (size_t k = 0; p->format == format && k < ARRAY_LEN(entries); k++) {
			c->profile = p->profile;
			c->profile_name = p->name;
			c->entry = entries[k];
			c->packed_all = codec->packed;
			if (has_entry(dpy, c->profile, c->entry) && read_attributes(dpy, c) &&
			    read_surfaces(dpy, c, format) && (!codec->suits || codec->suits(dpy, c)))
				return 0;
		}
	return -ENOTSUP;
}

static int ask(const char *path, const struct vaapi_codec *codec, enum picture_format format, struct vaapi_caps *c)
{
	struct vaapi_device d;
	const char *vendor;
	int rc = vaapi_device_open(&d, path);

	if (rc < 0)
		return rc;
	*c = (struct vaapi_caps){0};
	vendor = vaQueryVendorString(d.dpy);
	snprintf(c->path, sizeof(c->path), "%s", path);
	snprintf(c->vendor, sizeof(c->vendor), "%s", vendor ? vendor : "");
	c->quirks = vaapi_quirks_find(c->vendor);
	rc = c->quirks->quirks & VAAPI_NO_ENCODER ? -ENOTSUP : ask_codec(d.dpy, codec, format, c);
	vaapi_device_close(&d);
	return rc;
}

static int ask_nodes(const struct vaapi_codec *codec, enum picture_format format, struct vaapi_caps *c)
{
	char path[32];

	for (unsigned n = NODE_FIRST; n <= NODE_LAST; n++) {
		snprintf(path, sizeof(path), "/dev/dri/renderD%u", n);
		if (access(path, F_OK) == 0 && ask(path, codec, format, c) == 0)
			return 0;
	}
	return -ENOTSUP;
}

/* Whether any driver may: asking one loads it. */
static bool has_format(const struct vaapi_codec *codec, enum picture_format format)
{
	for (const struct vaapi_profile *p = codec->profiles; p->profile != VAProfileNone; p++)
		if (p->format == format)
			return true;
	return false;
}

int vaapi_find(enum codec codec, enum picture_format format, struct vaapi_caps *caps)
{
	const struct vaapi_codec *ops = vaapi_codec_find(codec);
	const char *device = encoder_device();
	struct found *f = &found[codec][format];
	int rc;

	if (!ops || !has_format(ops, format))
		return -ENOTSUP;
	pthread_mutex_lock(&lock);
	if (!f->known || strcmp(f->asked, device) != 0) {
		f->rc = *device ? ask(device, ops, format, &f->caps) : ask_nodes(ops, format, &f->caps);
		snprintf(f->asked, sizeof(f->asked), "%s", device);
		f->distrusted = f->distrusted && !f->known; /* on another device: not */
		f->known = true;
	}
	rc = f->rc < 0 ? -ENOTSUP : 0;
	if (rc == 0) {
		*caps = f->caps;
		if (f->distrusted)
			caps->packed = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

void vaapi_distrust(enum codec codec)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < PICTURE_FORMATS; i++)
		found[codec][i].distrusted = true;
	pthread_mutex_unlock(&lock);
}

bool vaapi_writes_references(const struct vaapi_caps *c)
{
	return c->packed == c->packed_all;
}

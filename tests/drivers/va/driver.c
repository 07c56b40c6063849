// SPDX-License-Identifier: GPL-3.0-or-later
/* Entry of the driver, its log, its objects, and what the environment asks of it (README.md). */
#include "driver.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_uint pictures; /* of the process: a fault strikes once, a context opened anew goes on */

unsigned pictures_count(void)
{
	return atomic_fetch_add(&pictures, 1) + 1;
}

uint32_t table_add(struct table *t, void *object)
{
	for (unsigned n = 0; n < TABLE_SLOTS; n++) {
		uint32_t id = t->next++;
		unsigned i = id % TABLE_SLOTS;

		if (t->slot[i].object)
			continue;
		t->slot[i].id = t->base + id;
		t->slot[i].object = object;
		t->used++;
		return t->slot[i].id;
	}
	return VA_INVALID_ID;
}

void *table_find(const struct table *t, uint32_t id)
{
	unsigned i = (id - t->base) % TABLE_SLOTS;

	return t->slot[i].object && t->slot[i].id == id ? t->slot[i].object : NULL;
}

void *table_remove(struct table *t, uint32_t id)
{
	unsigned i = (id - t->base) % TABLE_SLOTS;
	void *object = table_find(t, id);

	if (object) {
		t->slot[i].object = NULL;
		t->used--;
	}
	return object;
}

__attribute__((format(printf, 3, 0))) static void say(struct driver *d, const char *kind, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (d->log) {
		fprintf(d->log, "%s %u %s: %s\n", kind, atomic_load(&pictures), d->call ? d->call : "-", text);
		fflush(d->log);
	} else if (kind[0] == 'R' && d->va->error_callback) {
		char line[600];

		snprintf(line, sizeof(line), "moonrill driver: %s: %s\n", d->call ? d->call : "-", text);
		d->va->error_callback(d->va, line);
	}
}

VAStatus rule(struct driver *d, VAStatus status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(d, "RULE", fmt, ap);
	va_end(ap);
	d->rules_broken++;
	return status;
}

void note(struct driver *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(d, "NOTE", fmt, ap);
	va_end(ap);
}

static bool word(const char *list, const char *name, unsigned *value)
{
	size_t n = strlen(name);

	for (const char *p = list; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		if (strncmp(p, name, n) != 0)
			continue;
		if (value && p[n] == ':') {
			*value = (unsigned)strtoul(p + n + 1, NULL, 10);
			return true;
		}
		if (!value && (p[n] == ',' || !p[n]))
			return true;
	}
	return false;
}

void quirks_read(struct quirks *q)
{
	const char *sets = getenv("MOONRILL_VA_PROFILES"), *points = getenv("MOONRILL_VA_ENTRYPOINTS");
	const char *faults = getenv("MOONRILL_VA_FAULT"), *formats = getenv("MOONRILL_VA_FORMATS");
	const uint32_t all = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE | VA_ENC_PACKED_HEADER_SLICE |
			     VA_ENC_PACKED_HEADER_RAW_DATA;

	*q = (struct quirks){.packed = all, .slices = 256, .refs = 8, .segments = 1, .hang_ms = 10000};
	q->sets = (!sets || word(sets, "h264", NULL) ? SET_H264 : 0u) |
		  (!sets || word(sets, "hevc", NULL) ? SET_HEVC : 0u) |
		  (!sets || word(sets, "av1", NULL) ? SET_AV1 : 0u);
	q->slice = !points || word(points, "slice", NULL);
	q->low_power = points && word(points, "lp", NULL);
	if (word(faults, "low-power-only", NULL))
		q->slice = false, q->low_power = true;
	if (word(faults, "no-packed-headers", NULL))
		q->packed = 0;
	if (word(faults, "no-packed-slice", NULL))
		q->packed &= ~VA_ENC_PACKED_HEADER_SLICE;
	if (word(faults, "no-packed-picture", NULL))
		q->packed &= ~VA_ENC_PACKED_HEADER_PICTURE;
	if (word(faults, "no-packed-raw", NULL))
		q->packed &= ~VA_ENC_PACKED_HEADER_RAW_DATA;
	word(faults, "slices", &q->slices);
	word(faults, "refs", &q->refs);
	word(faults, "segments", &q->segments);
	word(faults, "hang", &q->hang);
	word(faults, "hang-ms", &q->hang_ms);
	word(faults, "error", &q->error);
	word(faults, "map-error", &q->map_error);
	word(faults, "render-error", &q->render_error);
	word(faults, "destroy-hang", &q->destroy_hang);
	q->no_own_pps = word(faults, "no-own-pps", NULL);
	q->deep_error = word(faults, "deep-error", NULL);
	q->no_derive = word(faults, "no-derive", NULL);
	q->no_prime = word(faults, "no-prime", NULL);
	q->no_sync_buffer = word(faults, "no-sync-buffer", NULL);
	q->cqp_only = word(faults, "cqp-only", NULL);
	q->no_context = word(faults, "no-context", NULL);
	q->rt_420 = word(faults, "rt-420", NULL);
	q->lax = word(faults, "lax", NULL);
	q->formats = VA_RT_FORMAT_YUV420 | (!formats || word(formats, "main10", NULL) ? VA_RT_FORMAT_YUV420_10 : 0u) |
		     (!formats || word(formats, "main444", NULL) ? VA_RT_FORMAT_YUV444 : 0u) |
		     (!formats || word(formats, "main444-10", NULL) ? VA_RT_FORMAT_YUV444_10 : 0u);
	if (word(faults, "no-p010", NULL))
		q->formats &= ~(uint32_t)VA_RT_FORMAT_YUV420_10;
	q->fourcc_444 = word(faults, "ayuv", NULL) ? VA_FOURCC_AYUV : word(faults, "444p", NULL) ? VA_FOURCC_444P : 0;
	q->both_lists = word(faults, "both-lists", NULL);
	q->small_blocks = word(faults, "small-blocks", NULL);
	q->attr_missing_hevc = word(faults, "no-attr-hevc", NULL);
	q->attr_missing_av1 = word(faults, "no-attr-av1", NULL);
	q->size_bytes = 4;
	word(faults, "size-bytes", &q->size_bytes);
	q->tx_select = word(faults, "tx-select", NULL);
	q->own_slots = word(faults, "own-slots", NULL);
	q->attr_missing_rc = word(faults, "no-attr-rc", NULL);
	q->attr_missing_frame_size = word(faults, "no-attr-frame-size", NULL);
	q->attr_missing_refs = word(faults, "no-attr-refs", NULL);
	q->attr_missing_slices = word(faults, "no-attr-slices", NULL);
	q->attr_missing_quality = word(faults, "no-attr-quality", NULL);
	q->vendor = getenv("MOONRILL_VA_VENDOR");
	q->recon_path = getenv("MOONRILL_VA_RECON");
	q->stream_path = getenv("MOONRILL_VA_STREAM");
}

static void leaked(struct driver *d, const struct table *t, const char *what)
{
	if (t->used)
		note(d, "LEAK: %u %s", t->used, what);
}

static VAStatus terminate(VADriverContextP va)
{
	struct driver *d = driver_enter(va, "vaTerminate");

	leaked(d, &d->configs, "configs");
	leaked(d, &d->contexts, "contexts");
	leaked(d, &d->surfaces, "surfaces");
	leaked(d, &d->buffers, "buffers");
	leaked(d, &d->images, "images");
	note(d, "rules broken: %u", d->rules_broken);
	for (unsigned i = 0; i < TABLE_SLOTS; i++) {
		if (d->contexts.slot[i].object)
			context_free(d->contexts.slot[i].object);
		if (d->buffers.slot[i].object)
			buffer_free(d->buffers.slot[i].object);
		free(d->images.slot[i].object);
		free(d->configs.slot[i].object);
	}
	for (unsigned i = 0; i < TABLE_SLOTS; i++)
		if (d->surfaces.slot[i].object)
			surface_free(d->surfaces.slot[i].object);
	if (d->log)
		fclose(d->log);
	pthread_mutex_unlock(&d->lock);
	pthread_mutex_destroy(&d->lock);
	free(d);
	va->pDriverData = NULL;
	return VA_STATUS_SUCCESS;
}

#define INIT_NAME(major, minor)  INIT_NAME_(major, minor)
#define INIT_NAME_(major, minor) __vaDriverInit_##major##_##minor

VAStatus INIT_NAME(VA_MAJOR_VERSION, VA_MINOR_VERSION)(VADriverContextP va);

__attribute__((visibility("default"))) VAStatus INIT_NAME(VA_MAJOR_VERSION, VA_MINOR_VERSION)(VADriverContextP va)
{
	struct driver *d = calloc(1, sizeof(*d));
	const char *log = getenv("MOONRILL_VA_LOG");

	if (!d)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	pthread_mutex_init(&d->lock, NULL);
	d->va = va;
	quirks_read(&d->q);
	if (log && *log)
		d->log = fopen(log, "ae");
	d->configs.base = 0x01000000;
	d->contexts.base = 0x02000000;
	d->surfaces.base = 0x03000000;
	d->buffers.base = 0x04000000;
	d->images.base = 0x05000000;
	va->pDriverData = d;
	va->version_major = VA_MAJOR_VERSION;
	va->version_minor = VA_MINOR_VERSION;
	va->max_profiles = 16;
	va->max_entrypoints = 4;
	va->max_attributes = VAConfigAttribTypeMax;
	va->max_image_formats = 8;
	va->max_subpic_formats = 1;
	va->max_display_attributes = 1;
	va->str_vendor = d->q.vendor ? d->q.vendor : "moonrill stand-in driver for tests";
	va->vtable->vaTerminate = terminate;
	config_vtable(va->vtable);
	surface_vtable(va->vtable);
	image_vtable(va->vtable);
	buffer_vtable(va->vtable);
	picture_vtable(va->vtable);
	d->call = "init";
	note(d, "sets %u, packed headers %#x", d->q.sets, d->q.packed);
	return VA_STATUS_SUCCESS;
}

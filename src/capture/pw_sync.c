// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/pw_sync.h"

#include <spa/buffer/meta.h>
#include <spa/param/buffers.h>

#include "build_config.h"

#if HAVE_SPA_SYNC_TIMELINE

/* PipeWire 1.6 names the promise; a source that asks for it ignores points that nobody has promised. */
#ifndef SPA_META_SYNC_TIMELINE_UNSCHEDULED_RELEASE
#define SPA_META_SYNC_TIMELINE_UNSCHEDULED_RELEASE (1 << 0)
#endif

#define FILES 2u /* the last of a buffer */

bool pw_sync_known(void)
{
	return true;
}

void pw_sync_only(struct spa_pod_builder *b)
{
	spa_pod_builder_prop(b, SPA_PARAM_BUFFERS_metaType, SPA_POD_PROP_FLAG_MANDATORY);
	spa_pod_builder_int(b, 1 << SPA_META_SyncTimeline);
}

const struct spa_pod *pw_sync_meta(struct spa_pod_builder *b)
{
	struct spa_pod_frame object;

	spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta);
	spa_pod_builder_add(b, SPA_PARAM_META_type, SPA_POD_Id(SPA_META_SyncTimeline), SPA_PARAM_META_size,
			    SPA_POD_Int(sizeof(struct spa_meta_sync_timeline)), 0);
#ifdef SPA_META_FEATURE_SYNC_TIMELINE_RELEASE
	spa_pod_builder_prop(b, SPA_PARAM_META_features, SPA_POD_PROP_FLAG_DROP);
	spa_pod_builder_int(b, SPA_META_FEATURE_SYNC_TIMELINE_RELEASE);
#endif
	return spa_pod_builder_pop(b, &object);
}

static struct spa_meta_sync_timeline *timeline(const struct spa_buffer *b)
{
	return spa_buffer_find_meta_data(b, SPA_META_SyncTimeline, sizeof(struct spa_meta_sync_timeline));
}

uint32_t pw_sync_files(const struct spa_buffer *b, struct pw_sync_files *f)
{
	const struct spa_data *last;

	*f = (struct pw_sync_files){-1, -1};
	if (!timeline(b))
		return b->n_datas;
	if (b->n_datas <= FILES)
		return 0;
	last = &b->datas[b->n_datas - FILES];
	if (last[0].type != SPA_DATA_SyncObj || last[1].type != SPA_DATA_SyncObj || last[0].fd < 0 || last[1].fd < 0)
		return 0;
	*f = (struct pw_sync_files){(int)last[0].fd, (int)last[1].fd};
	return b->n_datas - FILES;
}

void pw_sync_points(const struct spa_buffer *b, uint64_t *acquire, uint64_t *release)
{
	struct spa_meta_sync_timeline *t = timeline(b);

	*acquire = *release = 0;
	if (!t)
		return;
	*acquire = *(volatile uint64_t *)&t->acquire_point;
	*release = *(volatile uint64_t *)&t->release_point;
	t->flags &= ~(uint32_t)SPA_META_SYNC_TIMELINE_UNSCHEDULED_RELEASE;
}

#else

bool pw_sync_known(void)
{
	return false;
}

void pw_sync_only(struct spa_pod_builder *b)
{
	(void)b;
}

const struct spa_pod *pw_sync_meta(struct spa_pod_builder *b)
{
	(void)b;
	return NULL;
}

uint32_t pw_sync_files(const struct spa_buffer *b, struct pw_sync_files *f)
{
	*f = (struct pw_sync_files){-1, -1};
	return b->n_datas;
}

void pw_sync_points(const struct spa_buffer *b, uint64_t *acquire, uint64_t *release)
{
	(void)b;
	*acquire = *release = 0;
}

#endif

// SPDX-License-Identifier: GPL-3.0-or-later
/* Explicit synchronisation as PipeWire passes it on: what is asked for, and what comes. No daemon is needed. */
#include "../cmocka_all.h"

#include <string.h>

#include <spa/buffer/meta.h>
#include <spa/param/buffers.h>
#include <spa/pod/iter.h>

#include "build_config.h"
#include "capture/pw_format.h"
#include "capture/pw_sync.h"

static unsigned asked_for(bool import, bool sync, const struct spa_pod *pods[PW_FORMAT_PODS_MAX])
{
	static uint8_t memory[4096];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	const struct pw_format f = {.width = 64, .height = 64, .dmabuf = true, .import = import};

	return pw_format_buffers(&b, &f, false, sync, pods);
}

static void plain_buffers_have_planes_only(void **state)
{
	struct spa_data datas[2] = {0};
	struct spa_buffer b = {.n_datas = 2, .datas = datas};
	struct pw_sync_files f;
	uint64_t acquire = 1, release = 1;

	(void)state;
	assert_int_equal(pw_sync_files(&b, &f), 2);
	assert_int_equal(f.acquire, -1);
	assert_int_equal(f.release, -1);
	pw_sync_points(&b, &acquire, &release);
	assert_int_equal(acquire | release, 0);
}

static void nobody_asks_for_it_where_it_is_of_no_use(void **state)
{
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];
	const unsigned plain = asked_for(true, false, pods);

	(void)state;
	assert_int_equal(asked_for(false, true, pods), plain); /* dma-bufs that are mapped */
	assert_int_equal(asked_for(true, true, pods), plain + (pw_sync_known() ? 2 : 0));
}

#if HAVE_SPA_SYNC_TIMELINE
struct fake {
	struct spa_buffer buffer;
	struct spa_data datas[4];
	struct spa_meta meta;
	struct spa_meta_sync_timeline points;
};

static struct fake fake;

static int setup(void **state)
{
	(void)state;
	fake = (struct fake){.points = {.flags = 5, .acquire_point = 41, .release_point = 42}};
	fake.datas[0].type = SPA_DATA_DmaBuf;
	fake.datas[0].fd = 10;
	fake.datas[1].type = fake.datas[2].type = SPA_DATA_SyncObj;
	fake.datas[1].fd = 11;
	fake.datas[2].fd = 12;
	fake.meta = (struct spa_meta){SPA_META_SyncTimeline, sizeof(fake.points), &fake.points};
	fake.buffer = (struct spa_buffer){.n_metas = 1, .metas = &fake.meta, .n_datas = 3, .datas = fake.datas};
	return 0;
}

static void timelines_come_behind_the_planes(void **state)
{
	struct pw_sync_files f;
	uint64_t acquire, release;

	(void)state;
	assert_int_equal(pw_sync_files(&fake.buffer, &f), 1);
	assert_int_equal(f.acquire, 11);
	assert_int_equal(f.release, 12);
	pw_sync_points(&fake.buffer, &acquire, &release);
	assert_int_equal(acquire, 41);
	assert_int_equal(release, 42);
	assert_int_equal(fake.points.flags, 4); /* promised */
}

static void what_was_not_agreed_is_no_buffer(void **state)
{
	struct pw_sync_files f;

	(void)state;
	fake.buffer.n_datas = 2; /* the timelines alone */
	assert_int_equal(pw_sync_files(&fake.buffer, &f), 0);
	fake.buffer.n_datas = 0;
	assert_int_equal(pw_sync_files(&fake.buffer, &f), 0);
	setup(NULL);
	fake.datas[1].type = SPA_DATA_DmaBuf;
	assert_int_equal(pw_sync_files(&fake.buffer, &f), 0);
	setup(NULL);
	fake.datas[2].fd = -1;
	assert_int_equal(pw_sync_files(&fake.buffer, &f), 0);
	assert_int_equal(f.acquire, -1);
	setup(NULL);
	fake.meta.size = sizeof(fake.points) - 1; /* too short to be read: none */
	assert_int_equal(pw_sync_files(&fake.buffer, &f), 3);
}

static void a_source_with_timelines_is_liked_better_than_one_without(void **state)
{
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];
	const struct spa_pod_prop *p;
	unsigned n = asked_for(true, true, pods), metas = 0, fallbacks = 0;
	uint32_t type = 0;
	int32_t bits = 0;

	(void)state;
	p = spa_pod_find_prop(pods[0], NULL, SPA_PARAM_BUFFERS_metaType);
	assert_non_null(p);
	assert_int_equal(p->flags, SPA_POD_PROP_FLAG_MANDATORY);
	assert_int_equal(spa_pod_get_int(&p->value, &bits), 0);
	assert_int_equal(bits, 1 << SPA_META_SyncTimeline);
	for (unsigned i = 1; i < n; i++) {
		if (spa_pod_is_object_type(pods[i], SPA_TYPE_OBJECT_ParamBuffers)) {
			assert_null(spa_pod_find_prop(pods[i], NULL, SPA_PARAM_BUFFERS_metaType));
			fallbacks++;
			continue;
		}
		p = spa_pod_find_prop(pods[i], NULL, SPA_PARAM_META_type);
		assert_int_equal(spa_pod_get_id(&p->value, &type), 0);
		metas += type == SPA_META_SyncTimeline;
	}
	assert_int_equal(metas, 1);
	assert_int_equal(fallbacks, 1);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_buffers_have_planes_only),
		cmocka_unit_test(nobody_asks_for_it_where_it_is_of_no_use),
#if HAVE_SPA_SYNC_TIMELINE
		cmocka_unit_test_setup(timelines_come_behind_the_planes, setup),
		cmocka_unit_test_setup(what_was_not_agreed_is_no_buffer, setup),
		cmocka_unit_test(a_source_with_timelines_is_liked_better_than_one_without),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

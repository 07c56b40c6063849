// SPDX-License-Identifier: GPL-3.0-or-later
/* A path as scenario files write it: read whole, or refused with a reason. */
#include "path_spec.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

static int read_text(struct path_params *p, const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	const char *why = NULL;
	int err;

	assert_non_null(o);
	err = path_spec_read(p, o, &why);
	assert_true(!err == !why);
	json_decref(o);
	return err;
}

static void a_whole_path_is_read(void **state)
{
	struct path_params p;

	(void)state;
	assert_int_equal(read_text(&p,
				   "{\"loss\":[{\"model\":\"random\",\"rate\":0.01,\"ports\":[\"video\"],\"from_s\":2},"
				   "{\"model\":\"burst\",\"rate\":0.05,\"length\":8}],\"outage\":[[3,6.5]],"
				   "\"rate_mbps\":[[0,50],[15,8],[30,50]],\"queue_bytes\":65536,\"delay_ms\":2.5,"
				   "\"jitter_ms\":1,\"keep_order\":false,\"reorder\":0.01,\"duplicate\":0.002}"),
			 0);
	assert_int_equal(p.losses, 2);
	assert_int_equal(p.loss[0].ports, 1);
	assert_int_equal(p.loss[0].from_ns, 2000000000);
	assert_int_equal(p.loss[1].ports, 7);
	assert_int_equal(p.loss[1].n, 8);
	assert_int_equal(p.outages, 1);
	assert_int_equal(p.outage[0].until_ns, 6500000000);
	assert_int_equal(p.steps, 3);
	assert_int_equal(p.rate[1].at_ns, 15000000000);
	assert_int_equal(p.rate[1].bps, 8000000);
	assert_int_equal(p.delay_ns, 2500000);
	assert_false(p.keep_order);
}

static void gilbert_by_rate_and_mean_run(void **state)
{
	struct path_params p;

	(void)state;
	assert_int_equal(read_text(&p, "{\"loss\":[{\"model\":\"gilbert\",\"rate\":0.05,\"length\":4}]}"), 0);
	assert_true(fabs(p.loss[0].enter / (p.loss[0].enter + p.loss[0].leave) - 0.05) < 1e-9);
	assert_true(fabs(p.loss[0].leave - 0.25) < 1e-9);
}

static void nothing_is_a_clear_path(void **state)
{
	struct path_params p;
	const char *why;

	(void)state;
	assert_int_equal(path_spec_read(&p, NULL, &why), 0);
	assert_int_equal(p.losses + p.outages + p.steps, 0);
	assert_int_equal(read_text(&p, "{\"rate_mbps\":0}"), 0);
	assert_int_equal(p.steps, 0);
}

static void mistakes_are_refused(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"{\"los\":[]}",
		"{\"loss\":{}}",
		"{\"loss\":[{\"model\":\"bernoulli\",\"rate\":0.1}]}",
		"{\"loss\":[{\"model\":\"random\",\"rate\":1.5}]}",
		"{\"loss\":[{\"model\":\"random\",\"rate\":\"0.1\"}]}",
		"{\"loss\":[{\"model\":\"random\",\"rate\":0.1,\"ports\":[\"rtsp\"]}]}",
		"{\"loss\":[{\"model\":\"gilbert\",\"rate\":0.9,\"length\":1}]}",
		"{\"loss\":[1]}",
		"{\"loss\":[{},{},{},{},{},{},{},{},{}]}",
		"{\"outage\":[[3]]}",
		"{\"outage\":[[3,2]]}",
		"{\"outage\":3}",
		"{\"rate_mbps\":[[1,5]]}",
		"{\"rate_mbps\":[[0,5],[0,6]]}",
		"{\"rate_mbps\":[]}",
		"{\"rate_mbps\":[3]}",
		"{\"delay_ms\":-1}",
		"{\"keep_order\":1}",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
		struct path_params p;

		if (read_text(&p, wrong[i]) != -EINVAL)
			fail_msg("taken: %s", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_path_is_read),
		cmocka_unit_test(gilbert_by_rate_and_mean_run),
		cmocka_unit_test(nothing_is_a_clear_path),
		cmocka_unit_test(mistakes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

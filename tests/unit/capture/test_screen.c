// SPDX-License-Identifier: GPL-3.0-or-later
/* screens_*() over the pattern source, and the choice that "auto" makes. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "capture/choice.h"
#include "capture/pattern_code.h"
#include "capture/screen.h"
#include "media/frame.h"

struct user {
	struct frame_link link;
	struct wake wake;
	struct screen_user *attached;
};

static void changed(void *ctx)
{
	(void)ctx;
}

static const struct screens_events events = {.changed = changed};

static struct screens *screens(struct loop *loop, const char *pattern)
{
	struct screens_params p = {.source = SCREENS_PATTERN, .pattern = pattern};
	struct screens *s = screens_create(loop, &p, &events, NULL);

	assert_non_null(s);
	assert_int_equal(screens_state(s, NULL), SCREENS_READY);
	assert_string_equal(screens_source_name(s), "pattern");
	return s;
}

static void attach(struct screens *s, struct user *u, uint16_t w, uint16_t h, uint32_t fps_mhz)
{
	struct video_params want = {.width = w, .height = h, .fps_mhz = fps_mhz};

	memset(u, 0, sizeof(*u));
	assert_int_equal(wake_init(&u->wake), 0);
	u->link.wake = &u->wake;
	assert_int_equal(screens_attach(s, &want, &u->link, &u->attached), 0);
}

static struct frame *next_frame(struct user *u)
{
	struct frame *f;

	while (!(f = latest_take(&u->link.slot)))
		wake_wait(&u->wake, NS_NEVER);
	return f;
}

static uint32_t number(const struct frame *f)
{
	struct pattern_mark m;

	assert_int_equal(pattern_read((const uint8_t *)f->map[0] + 1, 4, f->plane[0].stride, f->width, f->height,
				      pattern_grid(f->width, f->height), &m),
			 0);
	assert_int_equal(m.time_us, f->t.captured / 1000);
	assert_int_equal(m.frame, (uint32_t)f->seq);
	return m.frame;
}

static void detach(struct user *u)
{
	screens_detach(u->attached);
	frame_unref(latest_take(&u->link.slot), -1);
	wake_finish(&u->wake);
}

/* Lets the loop close what is drained. */
static void settle(struct loop *loop)
{
	for (int i = 0; i < 10; i++)
		loop_step(loop, 2);
}

static void equal_wishes_share_one_pattern_others_get_their_own(void **state)
{
	struct loop *loop = loop_create();
	struct screens *s = screens(loop, "motion");
	struct user a, b, c;
	struct frame *fa, *fb, *fc;

	(void)state;
	attach(s, &a, 640, 360, 60000);
	attach(s, &b, 640, 360, 60000);
	attach(s, &c, 320, 240, 60000);
	fa = next_frame(&a);
	fb = next_frame(&b);
	fc = next_frame(&c);
	assert_ptr_equal(fa->owner, fb->owner);
	assert_ptr_not_equal(fa->owner, fc->owner);
	assert_int_equal(fc->width, 320);
	assert_int_equal(fc->height, 240);
	assert_int_equal(fa->fourcc, FOURCC_XRGB8888);
	number(fa);
	number(fb);
	number(fc);
	frame_unref(fa, -1);
	frame_unref(fb, -1);
	frame_unref(fc, -1);
	detach(&b);
	fa = next_frame(&a);
	frame_unref(fa, -1);
	detach(&a);
	detach(&c);
	settle(loop);
	screens_destroy(s);
	loop_destroy(loop);
}

static void the_mean_rate_is_exact(void **state)
{
	struct loop *loop = loop_create();
	struct screens *s = screens(loop, "chart");
	struct user u;
	struct frame *f;
	uint64_t t0, n0;

	(void)state;
	attach(s, &u, 64, 64, 119880);
	f = next_frame(&u);
	t0 = f->t.captured;
	n0 = number(f);
	frame_unref(f, -1);
	for (;;) {
		uint64_t want, n, late;

		f = next_frame(&u);
		n = number(f);
		want = t0 + (n - n0) * 1000 * NS_PER_S / 119880;
		late = f->t.captured > want ? f->t.captured - want : want - f->t.captured;
		frame_unref(f, -1);
		if (n - n0 < 60)
			continue;
		/* Number and time stay on one line, however late a single tick was; a rate wrong by
		 * 1/1000 would be off by more after 60 s, a drift shows as a late of ever more
		 * ticks. */
		assert_true(late < 500 * NS_PER_MS);
		break;
	}
	detach(&u);
	settle(loop);
	screens_destroy(s);
	loop_destroy(loop);
}

static void a_still_screen_gives_one_frame_to_each_who_comes(void **state)
{
	struct loop *loop = loop_create();
	struct screens *s = screens(loop, "still");
	struct user a, b;
	struct frame *f;
	uint64_t seq;

	(void)state;
	attach(s, &a, 640, 360, 60000);
	f = next_frame(&a);
	seq = f->seq;
	frame_unref(f, -1);
	wake_wait(&a.wake, clock_ns() + 100 * NS_PER_MS);
	assert_null(latest_take(&a.link.slot));
	attach(s, &b, 640, 360, 60000);
	f = next_frame(&b);
	assert_true(f->seq > seq);
	frame_unref(f, -1);
	detach(&a);
	detach(&b);
	settle(loop);
	/* and again after a restart */
	attach(s, &a, 640, 360, 60000);
	f = next_frame(&a);
	number(f);
	frame_unref(f, -1);
	detach(&a);
	settle(loop);
	screens_destroy(s);
	loop_destroy(loop);
}

static void a_user_that_keeps_a_frame_does_not_stop_the_others(void **state)
{
	struct loop *loop = loop_create();
	struct screens *s = screens(loop, "motion");
	struct user slow, quick;
	struct frame *kept, *f;
	uint64_t last = 0;

	(void)state;
	attach(s, &slow, 320, 240, 240000);
	attach(s, &quick, 320, 240, 240000);
	kept = next_frame(&slow);
	for (int i = 0; i < 30; i++) {
		f = next_frame(&quick);
		assert_true(f->seq > last || !i);
		last = f->seq; /* the first may be the very frame that slow keeps */
		frame_unref(f, -1);
	}
	assert_int_equal(number(kept), (uint32_t)kept->seq); /* untouched meanwhile */
	assert_true(atomic_load(&slow.link.superseded) > 0);
	/* detached with a frame in hand: it stays readable until it is given back */
	detach(&quick);
	detach(&slow);
	settle(loop);
	assert_int_equal(number(kept), (uint32_t)kept->seq);
	frame_unref(kept, -1);
	settle(loop);
	screens_destroy(s);
	loop_destroy(loop);
}

static void frames_beyond_the_budget_are_skipped_and_made_good(void **state)
{
	struct loop *loop = loop_create();
	struct screens *s = screens(loop, "motion");
	struct user u;
	struct frame *kept[3], *f;

	(void)state;
	attach(s, &u, 320, 240, 240000);
	for (int i = 0; i < 3; i++)
		kept[i] = next_frame(&u);
	/* three of four buffers are out: one is left to draw into, and nothing is handed out any
	 * more */
	wake_wait(&u.wake, clock_ns() + 50 * NS_PER_MS);
	assert_null(latest_take(&u.link.slot));
	frame_unref(kept[0], -1);
	f = next_frame(&u);
	assert_true(f->seq > kept[2]->seq);
	frame_unref(f, -1);
	frame_unref(kept[1], -1);
	frame_unref(kept[2], -1);
	detach(&u);
	settle(loop);
	screens_destroy(s);
	loop_destroy(loop);
}

static void attach_and_detach_a_thousand_times(void **state)
{
	struct loop *loop = loop_create();
	struct screens *s = screens(loop, "motion");

	(void)state;
	for (int i = 0; i < 250; i++) {
		struct user u[4];

		for (int k = 0; k < 4; k++)
			attach(s, &u[k], k & 1 ? 64 : 128, 64, 500000);
		if (i % 16 == 0)
			frame_unref(next_frame(&u[i / 16 % 4]), -1);
		for (int k = 0; k < 4; k++)
			detach(&u[k]);
		loop_step(loop, 0);
	}
	settle(loop);
	screens_destroy(s);
	loop_destroy(loop);
}

static void an_unknown_pattern_is_an_error_and_leaves_nothing_behind(void **state)
{
	struct loop *loop = loop_create();
	struct screens *s = screens(loop, "plaid");
	struct video_params want = {.width = 640, .height = 360, .fps_mhz = 60000};
	struct frame_link link = {{NULL}};
	struct screen_user *u = NULL;

	(void)state;
	assert_int_equal(screens_attach(s, &want, &link, &u), -ENODEV);
	assert_null(u);
	settle(loop);
	screens_destroy(s);
	loop_destroy(loop);
}

static void auto_prefers_no_question_then_the_portal_then_the_pattern(void **state)
{
	static const struct {
		struct choice_env env;
		const char *node;
		enum screens_source want;
	} cases[] = {
		{{.pipewire = true, .portal = true, .session_bus = true}, "", SCREENS_PATTERN},
		{{.wayland_display = "", .session_type = "tty", .pipewire = true, .portal = true, .session_bus = true},
		 "",
		 SCREENS_PATTERN},
		{{.wayland_display = "wayland-0", .pipewire = true, .portal = true, .session_bus = true},
		 "",
		 SCREENS_PORTAL},
		{{.session_type = "wayland", .pipewire = true, .portal = true, .session_bus = true},
		 NULL,
		 SCREENS_PORTAL},
		{{.display = ":0", .pipewire = true, .portal = true, .session_bus = true}, NULL, SCREENS_PORTAL},
		{{.wayland_display = "wayland-0", .pipewire = true, .portal = true}, "", SCREENS_PATTERN},
		{{.wayland_display = "wayland-0", .session_bus = true}, "", SCREENS_PATTERN},
		{{.wayland_display = "wayland-0", .pipewire = true, .portal = true, .session_bus = true},
		 "gamescope",
		 SCREENS_PIPEWIRE},
		{{.pipewire = true}, "gamescope", SCREENS_PIPEWIRE},
		{{.pipewire = false}, "gamescope", SCREENS_PATTERN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *why = NULL;

		assert_int_equal(choice_auto(&cases[i].env, cases[i].node, &why), cases[i].want);
		assert_non_null(why);
	}
}

static void a_place_is_a_geometry_or_not_known(void **state)
{
	static const struct {
		const char *text;
		struct screen_place want;
	} good[] = {
		{"", {0}},
		{"1920x1080+0+0", {0, 0, 1920, 1080}},
		{"800x600+1280+720", {1280, 720, 800, 600}},
		{"1x65535+-1000000+-5", {-1000000, -5, 1, 65535}},
	};
	static const char *const bad[] = {"1920x1080",   "1920x1080+0",
					  "x1080+0+0",   "0x1080+0+0",
					  "1920x0+0+0",  "-1x10+0+0",
					  "65536x1+0+0", "1x1+1000001+0",
					  "1x1+0+0 ",    " 1x1+0+0",
					  "1x1+0+0x",    "1920X1080+0+0",
					  "1x1-5+0",     "99999999999999999999x1+0+0",
					  "x",           "+"};
	struct screen_place p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(screen_place_parse(&p, good[i].text), 0);
		assert_memory_equal(&p, &good[i].want, sizeof(p));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(screen_place_parse(&p, bad[i]), -EINVAL);
}

static void the_place_of_the_configuration_is_that_of_the_screen(void **state)
{
	struct screens_params sp = {.source = SCREENS_PATTERN, .pattern = "still", .place = "800x600+1280+0"};
	struct loop *loop = loop_create();
	struct screens *s;

	(void)state;
	s = screens_create(loop, &sp, &(const struct screens_events){0}, NULL);
	assert_non_null(s);
	assert_int_equal(screens_place(s).width, 800);
	assert_int_equal(screens_place(s).x, 1280);
	screens_destroy(s);
	sp.place = NULL;
	s = screens_create(loop, &sp, &(const struct screens_events){0}, NULL);
	assert_int_equal(screens_place(s).width, 0);
	screens_destroy(s);
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_wishes_share_one_pattern_others_get_their_own),
		cmocka_unit_test(the_mean_rate_is_exact),
		cmocka_unit_test(a_still_screen_gives_one_frame_to_each_who_comes),
		cmocka_unit_test(a_user_that_keeps_a_frame_does_not_stop_the_others),
		cmocka_unit_test(frames_beyond_the_budget_are_skipped_and_made_good),
		cmocka_unit_test(attach_and_detach_a_thousand_times),
		cmocka_unit_test(an_unknown_pattern_is_an_error_and_leaves_nothing_behind),
		cmocka_unit_test(a_place_is_a_geometry_or_not_known),
		cmocka_unit_test(the_place_of_the_configuration_is_that_of_the_screen),
		cmocka_unit_test(auto_prefers_no_question_then_the_portal_then_the_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * From a captured dma-buf to an access unit without a CPU that touches a pixel: frames that are mapped nowhere,
 * converted by the GPU, read by the encoder where they lie. The stand-in driver of VA-API is its own hardware, and what
 * it wrote is decoded and looked at.
 */
#include "rig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../conformance/encoder_rig.h"
#include "encode/conversion.h"

#define COUNT  12
#define DB_MIN 30 /* 32.7 and more are reached; a picture and the one before have 24 of each other */

static struct gpu_device *dev; /* only to know whether there is one */

/* As many frames as a capture has buffers, each drawn by the test's own mapping and handed on without. */
static void draw(struct source *s, unsigned n)
{
	moving_draw_bgrx(s->pixels, s->frame.plane[0].stride, s->frame.width, s->frame.height, n);
}

static void encode_all(const struct enc_params *p, struct rig *r, struct conversion *c)
{
	struct source s[3];

	for (unsigned i = 0; i < 3; i++) {
		source_init(&s[i], FOURCC_XRGB8888, p->video.width, p->video.height, 0);
		s[i].frame.map[0] = NULL;
	}
	for (unsigned n = 0; n < COUNT; n++) {
		draw(&s[n % 3], n);
		assert_int_equal(conversion_run(c, &s[n % 3].frame, &r->pic), 0);
		assert_non_null(r->pic.share);
		assert_int_equal(submit(r, n == 0, false), 0);
	}
	for (unsigned i = 0; i < 3; i++)
		source_finish(&s[i]);
}

/* Against ffmpeg's eight bits; of ten the upper eight are compared. */
static double luma_db(const struct picture *want, const uint8_t *got)
{
	uint8_t *upper = malloc((size_t)want->width * want->height);
	double db;

	assert_non_null(upper);
	for (unsigned y = 0; y < want->height; y++)
		for (unsigned x = 0; x < want->width; x++) {
			const uint8_t *line = want->luma + (size_t)y * want->stride;

			upper[(size_t)y * want->width + x] = want->format == PICTURE_P010 ? line[2 * x + 1] : line[x];
		}
	db = luma_psnr(upper, want->width, got, want->width, want->width, want->height);
	free(upper);
	return db;
}

/* How near what was decoded is to picture n of the source, by the CPU's conversion. */
static double nearness(struct source *s, struct conversion *cpu, struct picture *want, unsigned n, const uint8_t *got)
{
	draw(s, n);
	assert_int_equal(conversion_run(cpu, &s->frame, want), 0);
	return luma_db(want, got);
}

static void check_pictures(const struct enc_params *p, const struct rig *r)
{
	double worst = 100;
	struct picture want;
	struct decoded d;
	struct conversion cpu;
	struct source s;

	if (!decode_available()) {
		print_message("# no decoder here: the pictures were not looked at\n");
		return;
	}
	assert_int_equal(picture_init_for(&want, &p->video), 0);
	conversion_init(&cpu, CONVERT_CPU, &want);
	source_init(&s, FOURCC_XRGB8888, p->video.width, p->video.height, 0);
	assert_true(decode(&d, p->video.codec, r->stream, r->len, p->video.width, p->video.height));
	assert_int_equal(d.count, COUNT);
	for (unsigned n = 0; n < COUNT; n++) {
		const uint8_t *got = d.frames + n * d.frame_size;
		const double db = nearness(&s, &cpu, &want, n, got);

		/* A buffer that is read too early or too late shows a neighbour. */
		assert_true(!n || db > nearness(&s, &cpu, &want, n - 1, got) + 3);
		assert_true(db > nearness(&s, &cpu, &want, n + 1, got) + 3);
		worst = db < worst ? db : worst;
	}
	print_message("# %ux%u: %.1f dB or better\n", p->video.width, p->video.height, worst);
	assert_true(worst > DB_MIN);
	decoded_finish(&d);
	source_finish(&s);
	conversion_finish(&cpu);
	picture_finish(&want);
}

static void pixels_stay_on_the_gpu_from_capture_to_stream(void **state)
{
	static const uint16_t size[][2] = {{W, H}, {322, 182}, {640, 360}};

	(void)state;
	if (!import_possible(dev, MODIFIER_LINEAR))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(size); i++) {
		struct enc_params p = defaults();
		const struct encoder_ops *ops = encoder_find("vaapi", p.video.codec, NULL);
		struct conversion c;
		unsigned files;
		uint8_t *black;
		struct rig *r;

		if (!ops)
			skip();
		files = rig_open_files();
		p.kbps = 6000;
		p.video.width = size[i][0];
		p.video.height = size[i][1];
		r = rig_open(ops, &p);
		black = malloc(picture_bytes(&r->pic));
		assert_non_null(black);
		memcpy(black, r->pic.luma, picture_bytes(&r->pic));
		conversion_init(&c, CONVERT_GPU, &r->pic);
		assert_true(r->e->caps.flags & ENC_SHARED);
		conversion_share(&c, 1, &r->pic);
		assert_int_equal(conversion_by(&c), CONVERTER_GPU_SHARED);

		encode_all(&p, r, &c);
		assert_int_equal(c.copied, 0);
		assert_memory_equal(r->pic.luma, black, picture_bytes(&r->pic));
		check_pictures(&p, r);

		/* The encoder may outlive the buffer. */
		conversion_finish(&c);
		r->pic.share = NULL;
		rig_close(r);
		free(black);
		assert_int_equal(rig_open_files(), files);
	}
}

/* A buffer that the driver does not take is handed over in memory, and nothing was lost by the try. */
static void what_the_driver_does_not_take_goes_through_memory(void **state)
{
	struct enc_params p = defaults();
	const struct encoder_ops *ops = encoder_find("vaapi", p.video.codec, NULL);
	struct picture_share bad = {.fd = STDERR_FILENO, .id = 1, .size = 4096, .offset = {0, 1 << 20}, .stride = 64};
	struct rig *r;

	(void)state;
	if (!ops)
		skip();
	r = rig_open(ops, &p);
	moving_draw(&r->pic, 0);
	r->pic.share = &bad;
	assert_int_equal(submit(r, true, false), -ENOTSUP);
	assert_int_equal(r->n, 0);
	r->pic.share = NULL;
	encode_frames(r, 3);
	assert_int_equal(r->n, 3);
	rig_close(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pixels_stay_on_the_gpu_from_capture_to_stream),
		cmocka_unit_test(what_the_driver_does_not_take_goes_through_memory),
	};
	int failed;

	rig_environment();
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return argc > 1 && strstr(argv[1], "does_not_take") ? failed : rig_verdict(failed);
}

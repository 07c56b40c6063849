// SPDX-License-Identifier: GPL-3.0-or-later
/* Text through the keys of a desktop of a page, which types with what it is given. */
#include "input/ei.h"

#include "eis_page.h"

#define KEYBOARD INPUT_CLASS(INPUT_CLASS_KEYBOARD)

static const char ascii[] =
	" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

static void on_gone(void *ctx, const char *why)
{
	(void)ctx;
	fail_msg("gone: %s", why);
}

static struct page *desktop(const char *layout)
{
	struct page *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->seat_caps = p->devices[0].caps = EIS_DEVICE_CAP_KEYBOARD;
	p->layout = layout;
	page_begin(p);
	return p;
}

static struct ei_sender *host_open(struct page *p)
{
	const struct ei_sender_events ev = {on_gone, NULL};
	struct ei_sender *s;

	assert_int_equal(eis_setup_backend_fd(p->eis), 0);
	assert_int_equal(ei_sender_open(&s, &page_env, eis_backend_fd_add_client(p->eis), KEYBOARD, NULL, &ev), 0);
	page_settle(p);
	page_forget(p);
	return s;
}

static void host_close(struct ei_sender *s, struct page *p)
{
	ei_sender_close(s);
	page_settle(p);
	page_end(p);
}

static void key(struct ei_sender *s, struct page *p, uint8_t vk, bool down)
{
	ei_sender_event(s, &(struct input_event){.type = INPUT_KEY, .key = {.vk = vk, .down = down}});
	page_settle(p);
}

static uint32_t decode(const char **utf8, char one[5])
{
	const unsigned char *c = (const unsigned char *)*utf8;
	unsigned n = *c < 0x80 ? 1 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;
	uint32_t cp = n == 1 ? *c : *c & (0x7fu >> n);

	memcpy(one, c, n);
	one[n] = '\0';
	for (unsigned i = 1; i < n; i++)
		cp = cp << 6 | (c[i] & 0x3f);
	*utf8 += n;
	return cp;
}

static void type(struct ei_sender *s, struct page *p, const char *utf8)
{
	page_forget(p);
	while (*utf8) {
		struct input_event e = {.type = INPUT_TEXT};

		e.text.code_point = decode(&utf8, e.text.utf8);
		ei_sender_event(s, &e);
		page_settle(p);
	}
}

static void expect_typed(struct ei_sender *s, struct page *p, const char *utf8)
{
	type(s, p, utf8);
	assert_string_equal(p->typed, utf8);
	for (unsigned i = 0; i < ARRAY_LEN(p->keys); i++)
		assert_int_equal(p->keys[i], 0);
}

static const struct {
	const char *layout, *text; /* beyond ASCII */
} layouts[] = {
	{"us", ""}, {"de", "äöüßÄÖÜ§°€µ²³é è ê"}, {"fr", "éèçàù²âêîôûäëïöü€ÂÊ¤£§"},
	{"jp", ""}, {"us(intl)", "áéíóúñçüÇß€"},  {"gr,us", "αβγδΑΒΓάέ"},
};

static void ascii_and_the_layouts_own_characters_arrive(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(layouts); i++) {
		struct page *p = desktop(layouts[i].layout);
		struct ei_sender *s = host_open(p);

		print_message("%s\n", layouts[i].layout);
		if (strcmp(layouts[i].layout, "gr,us") != 0)
			expect_typed(s, p, ascii);
		expect_typed(s, p, layouts[i].text);
		host_close(s, p);
	}
}

static void held_modifiers_and_caps_lock_do_not_reach_the_text(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct page *p = desktop(layouts[i].layout);
		struct ei_sender *s = host_open(p);

		print_message("%s\n", layouts[i].layout);
		key(s, p, 0x14, true);
		key(s, p, 0x14, false);
		expect_typed(s, p, ascii);
		expect_typed(s, p, layouts[i].text);
		key(s, p, 0xa0, true);
		key(s, p, 0xa2, true);
		key(s, p, 0xa5, true);
		key(s, p, 0x41, true);
		type(s, p, ascii);
		assert_string_equal(p->typed, ascii);
		page_forget(p);
		key(s, p, 0x41, false); /* was struck: it is up already */
		key(s, p, 0xa0, false);
		key(s, p, 0xa2, false);
		key(s, p, 0xa5, false);
		assert_string_equal(p->heard, "k42-;k29-;k100-;");
		key(s, p, 0x14, true);
		key(s, p, 0x14, false);
		expect_typed(s, p, ascii);
		host_close(s, p);
	}
}

static void a_number_is_spelled_where_the_layout_has_no_key(void **state)
{
	static const char *const spelled[] = {"<C-U>1f600 ", "<C-U>1f600 ", "<C-U>1f600 ", "<C-U>1f600 "};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct page *p = desktop(layouts[i].layout);
		struct ei_sender *s = host_open(p);

		type(s, p, "😀");
		if (!strstr(p->typed, spelled[i]))
			fail_msg("%s: %s", layouts[i].layout, p->typed);
		host_close(s, p);
	}
}

static void control_characters_are_keys_or_nothing(void **state)
{
	struct page *p = desktop("us");
	struct ei_sender *s = host_open(p);

	(void)state;
	type(s, p, "\n");
	assert_string_equal(p->heard, "k28+;k28-;");
	type(s, p, "\r\t\b");
	assert_string_equal(p->heard, "k28+;k28-;k15+;k15-;k14+;k14-;");
	type(s, p, "\x01\x0e");
	assert_string_equal(p->heard, "");
	host_close(s, p);
}

static void the_layout_in_force_is_followed(void **state)
{
	struct page *p = desktop("us,fr");
	struct ei_sender *s = host_open(p);

	(void)state;
	expect_typed(s, p, "azqwm1!");
	xkb_state_update_mask(p->state, 0, 0, 0, 0, 0, 1);
	page_tell_mods(p);
	page_settle(p);
	expect_typed(s, p, "azqwm1!éà");
	assert_non_null(strstr(p->heard, "k16+;k16-;")); /* a, on a French keyboard */
	/* And another keymap. */
	eis_device_remove(p->made[0]);
	eis_device_unref(p->made[0]);
	p->layout = "de";
	page_make(p, 0);
	page_settle(p);
	expect_typed(s, p, "zyZYß@");
	host_close(s, p);
}

static void caps_lock_of_another_keyboard_counts(void **state)
{
	struct page *p = desktop("de");
	struct ei_sender *s = host_open(p);

	(void)state;
	xkb_state_update_mask(p->state, 0, 0, 1u << xkb_keymap_mod_get_index(p->keymap, XKB_MOD_NAME_CAPS), 0, 0, 0);
	page_tell_mods(p);
	page_settle(p);
	expect_typed(s, p, "aAäÄß1!");
	host_close(s, p);
}

/* More than the socket holds: nothing of it is lost. */
static void a_long_text_at_once_arrives_whole(void **state)
{
	struct page *p = desktop("de");
	struct ei_sender *s = host_open(p);
	char want[1025] = "";

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		want[i] = (char)('!' + i % 94);
		ei_sender_event(s, &(struct input_event){.type = INPUT_TEXT, .text.code_point = (uint8_t)want[i]});
	}
	page_settle(p);
	assert_string_equal(p->typed, want);
	host_close(s, p);
}

static void without_a_keymap_it_is_the_default_layout(void **state)
{
	struct page *p = desktop(NULL);
	struct ei_sender *s;

	(void)state;
	setenv("XKB_DEFAULT_LAYOUT", "fr", 1);
	s = host_open(p);
	type(s, p, "a");
	assert_string_equal(p->heard, "k16+;k16-;");
	unsetenv("XKB_DEFAULT_LAYOUT");
	host_close(s, p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ascii_and_the_layouts_own_characters_arrive),
		cmocka_unit_test(held_modifiers_and_caps_lock_do_not_reach_the_text),
		cmocka_unit_test(a_number_is_spelled_where_the_layout_has_no_key),
		cmocka_unit_test(control_characters_are_keys_or_nothing),
		cmocka_unit_test(the_layout_in_force_is_followed),
		cmocka_unit_test(caps_lock_of_another_keyboard_counts),
		cmocka_unit_test(a_long_text_at_once_arrives_whole),
		cmocka_unit_test(without_a_keymap_it_is_the_default_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

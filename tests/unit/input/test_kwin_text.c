// SPDX-License-Identifier: GPL-3.0-or-later
/* The requests by which a KWin of each generation is given text, with the layout us. */
#include "wl_rig.h"

#define KEY  "org_kde_kwin_fake_input.10 "
#define SYM  "org_kde_kwin_fake_input.12 "
#define TAP  KEY KEY
#define CHAR SYM SYM

#define VK_CAPS 0x14
#define VK_W    0x57

static struct fake kwin;
static struct opened host;

static void begin(uint32_t version)
{
	kwin = (struct fake){.globals = {"wl_seat", "org_kde_kwin_fake_input"}, .version = version};
	setenv("XKB_DEFAULT_LAYOUT", "us", 1);
	open_on(&host, &kwin, &input_kwin, INPUT_CLASS(INPUT_CLASS_KEYBOARD));
	fake_wait(&kwin, "org_kde_kwin_fake_input.0 "); /* who we are; what follows is the case's */
	pthread_mutex_lock(&kwin.lock);
	*kwin.heard = '\0';
	pthread_mutex_unlock(&kwin.lock);
}

static void key(uint8_t vk, bool down)
{
	input_kwin.event(host.b, &(struct input_event){.type = INPUT_KEY, .key = {.vk = vk, .down = down}});
}

static void text(uint32_t code_point)
{
	input_kwin.event(host.b, &(struct input_event){.type = INPUT_TEXT, .text = {.code_point = code_point}});
}

/* All that was asked by the end, less what the end itself asks. */
static void end_having_asked(const char *requests)
{
	close_it(&host);
	fake_stop(&kwin);
	if (strncmp(kwin.heard, requests, strlen(requests)) != 0 || strstr(kwin.heard + strlen(requests), KEY) ||
	    strstr(kwin.heard + strlen(requests), SYM))
		fail_msg("asked: %s", kwin.heard);
}

static void a_key_of_its_own_is_pressed_whatever_the_version(void **state)
{
	(void)state;
	for (uint32_t version = 4; version <= 6; version++) {
		begin(version);
		text('w');
		text('W');
		end_having_asked(TAP KEY TAP KEY);
	}
}

static void a_held_key_is_spared_where_a_symbol_can_be_had(void **state)
{
	(void)state;
	begin(6);
	key(VK_W, true);
	text('w');
	key(VK_W, false);
	end_having_asked(KEY CHAR KEY);
	begin(4);
	key(VK_W, true);
	text('w');
	key(VK_W, false); /* was struck: it is up already */
	end_having_asked(KEY KEY TAP);
}

static void caps_lock_does_not_reach_a_symbol(void **state)
{
	(void)state;
	begin(6);
	key(VK_CAPS, true);
	key(VK_CAPS, false);
	text(0x416);
	end_having_asked(TAP TAP CHAR TAP);
}

static void without_symbols_a_number_is_spelled(void **state)
{
	(void)state;
	begin(5);
	text(0x4e00); /* Ctrl, Shift, U; four digits; space */
	end_having_asked(KEY KEY TAP KEY KEY TAP TAP TAP TAP TAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_of_its_own_is_pressed_whatever_the_version),
		cmocka_unit_test(a_held_key_is_spared_where_a_symbol_can_be_had),
		cmocka_unit_test(caps_lock_does_not_reach_a_symbol),
		cmocka_unit_test(without_symbols_a_number_is_spelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * input_drive BACKEND [X Y WIDTH HEIGHT]: the front of src/input without a network; the rectangle is the place of the
 * captured picture. Prints which back end serves what, then takes lines on standard input and gives each to the back
 * end:
 *
 *	key VK 0|1 MODIFIERS [raw]
 *	text HEX...          code points
 *	rel DX DY | abs X Y | button N 0|1 | scroll AMOUNT | hscroll AMOUNT
 *	touch down|move|up|cancel ID X Y
 *	release              everything that is held
 *
 * INPUT_TOKEN in the environment: where the consent to the portal is kept. Answers "ok" to each. Ends with its input,
 * as a session does.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/input.h"

static struct input *input;

static void type(const char *words)
{
	char *end;

	for (unsigned long cp = strtoul(words, &end, 16); end != words; cp = strtoul(words, &end, 16)) {
		struct input_event e = {.type = INPUT_TEXT, .text.code_point = (uint32_t)cp};

		words = end;
		input_event(input, &e);
		if (poll(&(struct pollfd){.fd = input_fd(input), .events = POLLIN}, 1, 0) > 0)
			input_dispatch(input);
	}
}

static bool turn(const char *line)
{
	struct input_event e = {0};
	unsigned a, b, modifiers;
	char raw[4] = "", what[8] = "";
	int x, y;

	if (sscanf(line, "key %x %u %u %3s", &a, &b, &modifiers, raw) >= 3) {
		e.type = INPUT_KEY;
		e.key.vk = (uint8_t)a;
		e.key.down = b;
		e.key.modifiers = (uint8_t)modifiers;
		e.key.raw = *raw;
	} else if (strncmp(line, "text ", 5) == 0) {
		type(line + 5);
		return true;
	} else if (sscanf(line, "rel %d %d", &x, &y) == 2) {
		e.type = INPUT_MOUSE_REL;
		e.rel.dx = (int16_t)x;
		e.rel.dy = (int16_t)y;
	} else if (sscanf(line, "abs %f %f", &e.abs.x, &e.abs.y) == 2) {
		e.type = INPUT_MOUSE_ABS;
	} else if (sscanf(line, "button %u %u", &a, &b) == 2) {
		e.type = INPUT_MOUSE_BUTTON;
		e.button.button = (uint8_t)a;
		e.button.down = b;
	} else if (sscanf(line, "scroll %d", &x) == 1 || sscanf(line, "hscroll %d", &x) == 1) {
		e.type = *line == 's' ? INPUT_SCROLL : INPUT_HSCROLL;
		e.scroll.amount = (int16_t)x;
	} else if (sscanf(line, "touch %7s %u %f %f", what, &a, &e.pointer.x, &e.pointer.y) == 4) {
		e.type = INPUT_TOUCH;
		e.pointer.event = *what == 'd'   ? POINTER_DOWN
				  : *what == 'm' ? POINTER_MOVE
				  : *what == 'c' ? POINTER_CANCEL
						 : POINTER_UP;
		e.pointer.id = a;
		e.pointer.rotation = 0xffff;
		e.pointer.tilt = 0xff;
	} else if (strncmp(line, "release", 7) == 0) {
		input_release_all(input);
		return true;
	} else {
		return false;
	}
	input_event(input, &e);
	return true;
}

int main(int argc, char **argv)
{
	struct input_params params = {.backend = argc > 1 ? argv[1] : "auto", .log_file = "/dev/null", .seat = "live"};
	const int place[4] = {argc > 5 ? atoi(argv[2]) : 0, argc > 5 ? atoi(argv[3]) : 0, argc > 5 ? atoi(argv[4]) : 0,
			      argc > 5 ? atoi(argv[5]) : 0};
	struct pollfd fds[2] = {{.events = POLLIN}, {.fd = 0, .events = POLLIN}};
	unsigned long wakes = 0;
	static char line[65536];
	int err;

	params.portal_token = getenv("INPUT_TOKEN");
	params.place = (struct input_place){place[0], place[1], place[2], place[3]};
	err = input_open(&input, &params);
	if (err) {
		fprintf(stderr, "input_drive: %s: %s\n", params.backend, strerror(-err));
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned c = 0; c < INPUT_CLASSES; c++)
		printf("%s%s: %s", c ? ", " : "", input_class_name[c], input_shown(input, (enum input_class)c));
	printf("\n");
	fds[0].fd = input_fd(input);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			break;
		if (fds[0].revents) {
			wakes++;
			input_dispatch(input);
		}
		if (!fds[1].revents)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		if (strncmp(line, "wakes", 5) == 0) /* how often a device had something to say */
			printf("%lu\n", wakes);
		else
			printf("%s\n", turn(line) ? "ok" : "what?");
	}
	input_close(input);
	return 0;
}

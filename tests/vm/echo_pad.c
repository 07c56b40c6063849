// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * echo_pad COUNT: a pad by the plainest use of uinput, to prove the test machine and its reader without the daemon.
 * Waits for a line on its input, presses its button COUNT times with a line each, {"press":VALUE,"t":NANOSECONDS}
 * taken before the write; then prints each force feedback request, {"upload":[STRONG,WEAK]}, {"play":0 or 1},
 * {"erase":true}, until its input ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/uinput.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

static int create(void)
{
	static const uint16_t buttons[] = {BTN_SOUTH, BTN_EAST, BTN_MODE};
	struct uinput_setup setup = {
		.id = {BUS_VIRTUAL, 0x1234, 0x5678, 0x9}, .name = "moonrill test pad", .ff_effects_max = 4};
	struct uinput_abs_setup x = {.code = ABS_X,
				     .absinfo = {.minimum = -32768, .maximum = 32767, .fuzz = 16, .flat = 128}};
	int fd = open("/dev/uinput", O_RDWR | O_CLOEXEC), err = fd < 0;

	err |= err || ioctl(fd, UI_SET_EVBIT, EV_KEY) < 0 || ioctl(fd, UI_SET_EVBIT, EV_ABS) < 0 ||
	       ioctl(fd, UI_SET_EVBIT, EV_FF) < 0;
	err |= err || ioctl(fd, UI_SET_FFBIT, FF_RUMBLE) < 0 || ioctl(fd, UI_ABS_SETUP, &x) < 0;
	for (unsigned i = 0; !err && i < sizeof(buttons) / sizeof(buttons[0]); i++)
		err = ioctl(fd, UI_SET_KEYBIT, buttons[i]) < 0;
	err |= err || ioctl(fd, UI_SET_PHYS, "moonrill/test") < 0;
	if (err || ioctl(fd, UI_DEV_SETUP, &setup) < 0 || ioctl(fd, UI_DEV_CREATE) < 0) {
		perror("echo_pad: /dev/uinput");
		exit(1);
	}
	return fd;
}

static void press(int fd, int value)
{
	struct input_event e[2] = {{.type = EV_KEY, .code = BTN_SOUTH, .value = value}, {.type = EV_SYN}};
	uint64_t t = clock_ns();

	if (write(fd, e, sizeof(e)) != sizeof(e)) {
		perror("echo_pad: write");
		exit(1);
	}
	printf("{\"press\":%d,\"t\":%" PRIu64 "}\n", value, t);
}

static void feedback(int fd)
{
	struct uinput_ff_upload up;
	struct uinput_ff_erase erase;
	struct input_event e;

	if (read(fd, &e, sizeof(e)) != sizeof(e))
		return;
	if (e.type == EV_FF) {
		printf("{\"play\":%d}\n", e.value);
	} else if (e.type == EV_UINPUT && e.code == UI_FF_UPLOAD) {
		up = (struct uinput_ff_upload){.request_id = (uint32_t)e.value};
		if (ioctl(fd, UI_BEGIN_FF_UPLOAD, &up) == 0) {
			printf("{\"upload\":[%u,%u]}\n", up.effect.u.rumble.strong_magnitude,
			       up.effect.u.rumble.weak_magnitude);
			ioctl(fd, UI_END_FF_UPLOAD, &up);
		}
	} else if (e.type == EV_UINPUT && e.code == UI_FF_ERASE) {
		erase = (struct uinput_ff_erase){.request_id = (uint32_t)e.value};
		if (ioctl(fd, UI_BEGIN_FF_ERASE, &erase) == 0) {
			printf("{\"erase\":true}\n");
			ioctl(fd, UI_END_FF_ERASE, &erase);
		}
	}
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0, fd = create();
	char line[16];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
		return 1;
	for (int i = 0; i < count; i++) {
		press(fd, !(i & 1));
		usleep(2000);
	}
	for (;;) {
		struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 1;
		if (p[0].revents && read(STDIN_FILENO, line, sizeof(line)) <= 0)
			return ioctl(fd, UI_DEV_DESTROY) < 0;
		if (p[1].revents)
			feedback(fd);
	}
}

// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * rumble NODE STRONG WEAK MS: what a game does to a pad. Uploads an effect to the event node, plays it, stops it after
 * MS and takes it back. Exit status 0, or 1 with the reason.
 */
#include <fcntl.h>
#include <linux/input.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	struct ff_effect effect = {.type = FF_RUMBLE, .id = -1};
	struct input_event play = {.type = EV_FF};
	unsigned ms;
	int fd;

	if (argc != 5) {
		fprintf(stderr, "usage: rumble NODE STRONG WEAK MS\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail(argv[1]);
	ms = (unsigned)strtoul(argv[4], NULL, 0);
	effect.u.rumble.strong_magnitude = (uint16_t)strtoul(argv[2], NULL, 0);
	effect.u.rumble.weak_magnitude = (uint16_t)strtoul(argv[3], NULL, 0);
	effect.replay.length = (uint16_t)(ms + 2000); /* the stop below ends it, not its length */
	if (ioctl(fd, EVIOCSFF, &effect) < 0)
		return fail("upload");
	play.code = (uint16_t)effect.id;
	play.value = 1;
	if (write(fd, &play, sizeof(play)) != sizeof(play))
		return fail("play");
	usleep(ms * 1000);
	play.value = 0;
	if (write(fd, &play, sizeof(play)) != sizeof(play))
		return fail("stop");
	if (ioctl(fd, EVIOCRMFF, effect.id) < 0)
		return fail("remove");
	close(fd);
	return 0;
}

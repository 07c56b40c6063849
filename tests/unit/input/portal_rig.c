// SPDX-License-Identifier: GPL-3.0-or-later
#include "portal_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"

#define TURNS 2000 /* of 10 ms at most: for a machine with much else to do */

const struct desk_plan rig_willing = {.version = 2, .types = 7, .new_token = "first"};
char rig_token_file[80];
bool rig_hurry;

static char dir[64];

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	struct itimerspec v = *value;

	if (rig_hurry && v.it_value.tv_sec > 0) {
		v.it_value.tv_nsec = v.it_value.tv_sec * 1000000 % 1000000000;
		v.it_value.tv_sec /= 1000;
	}
	return (int)syscall(SYS_timerfd_settime, fd, flags, &v, old);
}

int rig_make_dir(void **state)
{
	(void)state;
	rig_hurry = false;
	strcpy(dir, "/tmp/moonrill-token-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(rig_token_file, sizeof(rig_token_file), "%s/token", dir);
	log_set_level((enum log_level) - 1);
	return 0;
}

int rig_remove_dir(void **state)
{
	(void)state;
	rig_forget_token();
	return rmdir(dir);
}

void rig_put_token(const char *line)
{
	FILE *f = fopen(rig_token_file, "w");

	assert_non_null(f);
	fputs(line, f);
	fclose(f);
}

void rig_forget_token(void)
{
	unlink(rig_token_file);
}

const char *rig_token(void)
{
	static char line[512];
	FILE *f = fopen(rig_token_file, "r");

	*line = '\0';
	if (f) {
		if (!fgets(line, sizeof(line), f))
			*line = '\0';
		fclose(f);
	}
	return line;
}

void rig_desk(struct rig *r, const struct desk_plan *plan)
{
	*r = (struct rig){.desk = desk_start(plan)};
}

int rig_open_by_name(struct rig *r)
{
	const struct input_params p = {.backend = "portal", .seat = "test", .portal_token = rig_token_file};

	return input_open(&r->in, &p);
}

void rig_open(struct rig *r, const struct desk_plan *plan)
{
	rig_desk(r, plan);
	assert_int_equal(rig_open_by_name(r), 0);
}

void rig_begin(struct rig *r, const struct desk_plan *plan)
{
	rig_open(r, plan);
	assert_true(rig_works(r));
}

int rig_outcome(struct rig *r, const struct desk_plan *plan)
{
	int err;

	rig_desk(r, plan);
	err = rig_open_by_name(r);
	if (err)
		return err;
	for (unsigned i = 0; i < TURNS; i++) {
		const char *shown = input_shown(r->in, INPUT_CLASS_KEYBOARD);

		if (strcmp(shown, "portal") != 0 && strcmp(shown, RIG_WAITS) != 0) {
			rig_key(r, 0x41, true);
			rig_close(r);
			return 1;
		}
		rig_turn(r);
	}
	fail_msg("it goes on: %s", desk_heard(r->desk));
	return 0;
}

static void nobody_hears(void *ctx, uint8_t pad, uint16_t a, uint16_t b)
{
	(void)ctx, (void)pad, (void)a, (void)b;
}

uint32_t rig_automatic(struct rig *r, const struct input_ops *ops, uint32_t classes, const char *words)
{
	static const struct input_back deaf = {.rumble = nobody_hears};
	struct input_env env = {
		.back = &deaf, .seat = "test", .portal_token = rig_token_file, .epoll = epoll_create1(0)};
	struct input_backend *b = calloc(1, ops->size);
	char why[INPUT_WHY_MAX] = "";

	b->ops = ops;
	b->env = &env;
	if (ops->open(b, &classes, why))
		classes = 0;
	else
		ops->close(b);
	free(b);
	close(env.epoll);
	if (words)
		assert_true(rig_heard(r, words));
	else
		assert_string_equal(desk_heard(r->desk), "");
	return classes;
}

void rig_close(struct rig *r)
{
	input_close(r->in);
	r->in = NULL;
}

void rig_end(struct rig *r)
{
	if (r->in)
		rig_close(r);
	desk_stop(r->desk);
}

void rig_turn(struct rig *r)
{
	if (poll(&(struct pollfd){.fd = input_fd(r->in), .events = POLLIN}, 1, 10) > 0)
		input_dispatch(r->in);
}

bool rig_heard(struct rig *r, const char *words)
{
	return strstr(desk_heard(r->desk), words);
}

bool rig_hears(struct rig *r, const char *words)
{
	for (unsigned i = 0; i < TURNS; i++) {
		if (rig_heard(r, words))
			return true;
		if (r->in)
			rig_turn(r);
		else
			usleep(10000);
	}
	return false;
}

bool rig_works(struct rig *r)
{
	return rig_hears(r, "start keyboard;") && rig_hears(r, "start pointer;") && rig_hears(r, "start touch;");
}

bool rig_shows(struct rig *r, enum input_class c, const char *text)
{
	for (unsigned i = 0; i < TURNS; i++) {
		if (strcmp(input_shown(r->in, c), text) == 0)
			return true;
		rig_turn(r);
	}
	return false;
}

void rig_key(struct rig *r, uint8_t vk, bool down)
{
	const struct input_event e = {.type = INPUT_KEY, .key = {.vk = vk, .down = down}};

	input_event(r->in, &e);
}

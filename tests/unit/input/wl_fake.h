// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A compositor of a page, for the back ends that have a connection to one: it announces what a case wants, answers
 * sync, and writes down who was asked for what.
 */
#pragma once

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/str.h"

#define OBJECTS 64

struct fake {
	char dir[64], path[96];
	int listening;
	atomic_int peer;
	bool mute;        /* answers nothing */
	uint32_t version; /* of its globals, 0: 2 */
	const char *globals[8];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	char heard[8192]; /* "interface.opcode(first argument) " of each request but display's and registry's */
	const char *interface[OBJECTS];
	uint32_t registry, bound[8]; /* the client's object of each global */
	uint32_t place_of[8];        /* the client's object for the place of the output of that global */
};

static void send_words(struct fake *f, uint32_t object, uint32_t opcode, const uint32_t *args, unsigned n)
{
	uint32_t words[32] = {object, (8 + 4 * n) << 16 | opcode};

	memcpy(words + 2, args, 4 * n);
	send(f->peer, words, 8 + 4 * n, MSG_NOSIGNAL); /* the client may have left by now */
}

static void announce(struct fake *f, uint32_t name)
{
	const char *interface = f->globals[name - 1];
	uint32_t len = (uint32_t)strlen(interface) + 1, padded = (len + 3) / 4, args[32] = {name, len};

	memcpy(args + 2, interface, len);
	args[2 + padded] = f->version ? f->version : 2; /* of everything, but a seat */
	if (!strcmp(interface, "wl_seat"))
		args[2 + padded] = 5;
	send_words(f, f->registry, 0, args, 3 + padded);
}

static void learn(struct fake *f, uint32_t id, const char *interface)
{
	assert_true(id < OBJECTS);
	f->interface[id] = interface;
}

/* An output of 100x100 whose global is n lies at 100*n,0. */
static void tell_place(struct fake *f, uint32_t n, uint32_t x)
{
	send_words(f, f->place_of[n], 0, (uint32_t[]){x, 0}, 2);
	send_words(f, f->place_of[n], 1, (uint32_t[]){100, 100}, 2);
}

static void place_asked(struct fake *f, const uint32_t *args)
{
	learn(f, args[0], "place");
	for (uint32_t i = 0; i < ARRAY_LEN(f->bound); i++) {
		if (f->bound[i] != args[1])
			continue;
		f->place_of[i] = args[0];
		tell_place(f, i, 100 * i);
	}
}

static void hear(struct fake *f, uint32_t object, uint32_t opcode, const uint32_t *args)
{
	const char *interface = object < OBJECTS && f->interface[object] ? f->interface[object] : "?";
	size_t at = strlen(f->heard);

	if (object == 1 && opcode == 0) { /* sync */
		send_words(f, args[0], 0, &(uint32_t){1}, 1);
		send_words(f, 1, 1, args, 1);
	} else if (object == 1) {
		f->registry = args[0];
		for (uint32_t i = 0; i < ARRAY_LEN(f->globals) && f->globals[i]; i++)
			announce(f, i + 1);
	} else if (object == f->registry) {
		uint32_t padded = (args[1] + 3) / 4;

		f->bound[args[0] - 1] = args[2 + padded + 1];
		learn(f, args[2 + padded + 1], f->globals[args[0] - 1]);
	} else {
		if (!strcmp(interface, "zwlr_virtual_pointer_manager_v1") && opcode == 2) {
			learn(f, args[2], "pointer");
			snprintf(f->heard + at, sizeof(f->heard) - at, "create(%u) ", args[1]);
			return;
		}
		if (!strcmp(interface, "zxdg_output_manager_v1") && opcode == 1)
			place_asked(f, args);
		if (!strcmp(interface, "zwp_virtual_keyboard_manager_v1"))
			learn(f, args[1], "keyboard");
		snprintf(f->heard + at, sizeof(f->heard) - at, "%s.%u ", interface, opcode);
	}
}

static void *serve(void *arg)
{
	struct fake *f = arg;
	static uint32_t words[16384];
	size_t got = 0;

	f->peer = accept(f->listening, NULL, NULL);
	while (f->peer >= 0) {
		ssize_t n = recv(f->peer, (char *)words + got, sizeof(words) - got, 0);
		size_t at = 0;

		if (n <= 0)
			break;
		if (f->mute)
			continue;
		got += (size_t)n;
		pthread_mutex_lock(&f->lock);
		while (got - at >= 8 && got - at >= words[at / 4 + 1] >> 16) {
			hear(f, words[at / 4], words[at / 4 + 1] & 0xffff, words + at / 4 + 2);
			at += words[at / 4 + 1] >> 16;
		}
		pthread_cond_broadcast(&f->more);
		pthread_mutex_unlock(&f->lock);
		memmove(words, (char *)words + at, got - at);
		got -= at;
	}
	return NULL;
}

static void fake_start(struct fake *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	f->peer = -1;
	strcpy(f->dir, "/tmp/wlr.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/display", f->dir);
	strcpy(address.sun_path, f->path);
	f->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listening, 1), 0);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->more, NULL);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	setenv("WAYLAND_DISPLAY", f->path, 1);
}

static void fake_stop(struct fake *f)
{
	shutdown(f->listening, SHUT_RDWR);
	if (f->peer >= 0)
		shutdown(f->peer, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->listening);
	if (f->peer >= 0)
		close(f->peer);
	unlink(f->path);
	rmdir(f->dir);
	pthread_cond_destroy(&f->more);
	pthread_mutex_destroy(&f->lock);
}

static void fake_wait(struct fake *f, const char *request)
{
	pthread_mutex_lock(&f->lock);
	while (!strstr(f->heard, request))
		pthread_cond_wait(&f->more, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

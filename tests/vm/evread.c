// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * evread: watches /dev/input and prints what it sees, one JSON object a line, until its input ends. Numbers are the
 * kernel's own (linux/input-event-codes.h), times nanoseconds of CLOCK_MONOTONIC.
 *
 *	{"ready":true}                           what was there before has been told
 *	{"dev":"event3","device":{"name":"x","phys":"","uniq":"","bus":3,"vendor":1118,"product":654,"version":272,
 *	  "props":[0],"codes":{"1":[304,305]},"abs":{"0":[value,min,max,fuzz,flat,resolution]}}}
 *	{"dev":"event3","type":1,"code":304,"value":1,"t":when it was written,"r":when it was read here}
 *	{"dev":"event3","gone":true}
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/input.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define NODES_MAX 64u
#define FOLDER    "/dev/input"
#define PIPE_SIZE (1 << 20)

enum { POLL_STDIN, POLL_INOTIFY, POLL_NODES };

struct node {
	char name[32];
	int fd;
};

struct reader {
	struct node node[NODES_MAX];
	unsigned n;
	int inotify;
};

static void print(json_t *line)
{
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(line);
}

static bool bit(const uint8_t *bits, unsigned i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

/* The numbers of the bits that are set. */
static json_t *bit_list(const uint8_t *bits, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		if (bit(bits, i))
			json_array_append_new(list, json_integer(i));
	}
	return list;
}

static json_t *abs_ranges(int fd)
{
	uint8_t bits[ABS_CNT / 8] = {0};
	json_t *o = json_object();

	if (ioctl(fd, EVIOCGBIT(EV_ABS, sizeof(bits)), bits) < 0)
		return o;
	for (unsigned i = 0; i < ABS_CNT; i++) {
		struct input_absinfo a;
		char key[8];

		if (!bit(bits, i) || ioctl(fd, EVIOCGABS(i), &a) < 0)
			continue;
		snprintf(key, sizeof(key), "%u", i);
		json_object_set_new(
			o, key,
			json_pack("[i,i,i,i,i,i]", a.value, a.minimum, a.maximum, a.fuzz, a.flat, a.resolution));
	}
	return o;
}

static json_t *code_lists(int fd)
{
	static const struct {
		unsigned type, count;
	} kinds[] = {{EV_KEY, KEY_CNT}, {EV_REL, REL_CNT}, {EV_ABS, ABS_CNT}, {EV_MSC, MSC_CNT},
		     {EV_SW, SW_CNT},   {EV_LED, LED_CNT}, {EV_FF, FF_CNT},   {EV_REP, REP_CNT}};
	uint8_t types[(EV_CNT + 7) / 8] = {0};
	json_t *o = json_object();

	if (ioctl(fd, EVIOCGBIT(0, sizeof(types)), types) < 0)
		return o;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint8_t bits[KEY_CNT / 8 + 1] = {0};
		char key[8];

		if (!bit(types, kinds[i].type))
			continue;
		if (kinds[i].type != EV_REP && ioctl(fd, EVIOCGBIT(kinds[i].type, sizeof(bits)), bits) < 0)
			continue;
		snprintf(key, sizeof(key), "%u", kinds[i].type);
		json_object_set_new(o, key, bit_list(bits, kinds[i].count));
	}
	return o;
}

static json_t *describe(int fd)
{
	char name[256] = "", phys[256] = "", uniq[256] = "";
	uint8_t props[INPUT_PROP_CNT / 8] = {0};
	struct input_id id = {0};

	/* What a device does not have stays empty. */
	(void)ioctl(fd, EVIOCGNAME(sizeof(name) - 1), name);
	(void)ioctl(fd, EVIOCGPHYS(sizeof(phys) - 1), phys);
	(void)ioctl(fd, EVIOCGUNIQ(sizeof(uniq) - 1), uniq);
	(void)ioctl(fd, EVIOCGPROP(sizeof(props)), props);
	(void)ioctl(fd, EVIOCGID, &id);
	return json_pack("{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:o,s:o,s:o}", "name", name, "phys", phys, "uniq", uniq, "bus",
			 id.bustype, "vendor", id.vendor, "product", id.product, "version", id.version, "props",
			 bit_list(props, INPUT_PROP_CNT), "codes", code_lists(fd), "abs", abs_ranges(fd));
}

static void add(struct reader *r, const char *name)
{
	struct node *n = &r->node[r->n];
	int clock = CLOCK_MONOTONIC;
	char path[64];

	if (strncmp(name, "event", 5) != 0 || strlen(name) >= sizeof(n->name))
		return;
	for (unsigned i = 0; i < r->n; i++) {
		if (strcmp(r->node[i].name, name) == 0)
			return;
	}
	if (r->n == NODES_MAX) {
		fprintf(stderr, "evread: more than %u nodes, %s is left out\n", NODES_MAX, name);
		return;
	}
	snprintf(path, sizeof(path), FOLDER "/%s", name);
	n->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (n->fd < 0) {
		/* It may be gone again, that is nothing to tell. */
		if (errno != ENOENT && errno != ENODEV)
			fprintf(stderr, "evread: %s: %s\n", path, strerror(errno));
		return;
	}
	if (ioctl(n->fd, EVIOCSCLOCKID, &clock) < 0)
		fprintf(stderr, "evread: %s: no monotonic times: %s\n", path, strerror(errno));
	strcpy(n->name, name);
	r->n++;
	print(json_pack("{s:s,s:o}", "dev", n->name, "device", describe(n->fd)));
}

static void scan(struct reader *r)
{
	DIR *d = opendir(FOLDER);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		add(r, e->d_name);
	closedir(d);
}

static void read_inotify(struct reader *r)
{
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t len = read(r->inotify, buf, sizeof(buf));

	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *e = (const struct inotify_event *)(buf + at);

		if (e->len)
			add(r, e->name);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

/* False: the node is gone. */
static bool read_node(struct node *n)
{
	struct input_event e[64];
	ssize_t len = read(n->fd, e, sizeof(e));
	uint64_t now = clock_ns();

	if (len < 0)
		return errno == EAGAIN || errno == EINTR;
	for (size_t i = 0; i < (size_t)len / sizeof(e[0]); i++) {
		uint64_t t = (uint64_t)e[i].input_event_sec * NS_PER_S + (uint64_t)e[i].input_event_usec * NS_PER_US;

		printf("{\"dev\":\"%s\",\"type\":%u,\"code\":%u,\"value\":%d,\"t\":%" PRIu64 ",\"r\":%" PRIu64 "}\n",
		       n->name, e[i].type, e[i].code, e[i].value, t, now);
	}
	return len > 0;
}

/* The kernel keeps few events for a reader that is slow, so this one goes before all others and does not wait for the
 * one behind it. What is not allowed here is only a loss of speed. */
static void hurry(void)
{
	struct sched_param p = {.sched_priority = 1};

	(void)sched_setscheduler(0, SCHED_FIFO, &p);
	(void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_SIZE);
}

int main(void)
{
	struct reader r = {.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};

	hurry();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (r.inotify < 0 || inotify_add_watch(r.inotify, FOLDER, IN_CREATE | IN_ATTRIB) < 0) {
		perror("evread: " FOLDER);
		return 1;
	}
	scan(&r);
	print(json_pack("{s:b}", "ready", 1));
	for (;;) {
		struct pollfd p[POLL_NODES + NODES_MAX] = {
			[POLL_STDIN] = {.fd = STDIN_FILENO, .events = POLLIN},
			[POLL_INOTIFY] = {.fd = r.inotify, .events = POLLIN},
		};
		char buf[64];

		for (unsigned i = 0; i < r.n; i++)
			p[POLL_NODES + i] = (struct pollfd){.fd = r.node[i].fd, .events = POLLIN};
		if (poll(p, POLL_NODES + r.n, -1) < 0 && errno != EINTR) {
			perror("evread: poll");
			return 1;
		}
		if (p[POLL_STDIN].revents && read(STDIN_FILENO, buf, sizeof(buf)) <= 0)
			return 0;
		/* Backwards: the last takes the place of one that is gone. */
		for (unsigned i = r.n; i-- > 0;) {
			if (!p[POLL_NODES + i].revents || read_node(&r.node[i]))
				continue;
			print(json_pack("{s:s,s:b}", "dev", r.node[i].name, "gone", 1));
			close(r.node[i].fd);
			r.node[i] = r.node[--r.n];
		}
		if (p[POLL_INOTIFY].revents)
			read_inotify(&r);
	}
}

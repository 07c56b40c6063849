// SPDX-License-Identifier: GPL-3.0-or-later
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define LOG_MODULE "notify"
#include "base/log.h"

struct notify_watchdog {
	struct loop_timer *timer;
	uint64_t interval_ns;
};

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(to.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_errno(-errno, "service manager");
	close(fd);
}

static void on_timer(void *ctx)
{
	struct notify_watchdog *w = ctx;

	notify_send("WATCHDOG=1");
	loop_timer_arm_in(w->timer, w->interval_ns);
}

struct notify_watchdog *notify_watchdog_start(struct loop *loop)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	struct notify_watchdog *w;
	int64_t v;

	if (!usec || str_to_i64(usec, strlen(usec), 1000, INT64_MAX / 1000, &v) < 0)
		return NULL;
	if (pid && strtol(pid, NULL, 10) != (long)getpid())
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->interval_ns = (uint64_t)v * NS_PER_US / 2;
	w->timer = loop_timer_add(loop, on_timer, w);
	if (!w->timer) {
		free(w);
		return NULL;
	}
	on_timer(w);
	return w;
}

void notify_watchdog_stop(struct notify_watchdog *w)
{
	if (!w)
		return;
	loop_timer_remove(w->timer);
	free(w);
}

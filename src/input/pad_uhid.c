// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/pad_uhid.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void timer_ready(struct input_watch *w)
{
	struct pad_uhid *p = (struct pad_uhid *)((char *)w - offsetof(struct pad_uhid, timer));
	uint64_t times;

	if (read(w->fd, &times, sizeof(times)) == sizeof(times))
		p->tick(p);
}

int pad_uhid_open(struct pad_uhid *p, const struct uhid_ops *ops, void (*tick)(struct pad_uhid *p),
		  const struct uhid_identity *model)
{
	const struct input_env *env = p->base.env;
	struct uhid_identity id = *model;
	uint8_t mac[6];
	int err;

	uhid_mac(mac, env->seat, p->base.number);
	id.seat = env->seat;
	id.pad = p->base.number;
	id.mac = mac;
	p->tick = tick;
	p->uhid = (struct uhid){.env = env, .watch.fd = -1};
	p->timer = (struct input_watch){.ready = timer_ready};
	p->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = p->timer.fd < 0 ? -errno : input_watch_add(env, &p->timer);
	if (!err)
		err = uhid_open(&p->uhid, env, ops, &id);
	if (err)
		pad_uhid_close(&p->base);
	return err;
}

void pad_uhid_tick_every(struct pad_uhid *p, uint64_t ns)
{
	struct timespec every = {.tv_nsec = (long)ns};

	timerfd_settime(p->timer.fd, 0, &(struct itimerspec){every, every}, NULL);
}

void pad_uhid_close(struct pad *pad)
{
	struct pad_uhid *p = (struct pad_uhid *)pad;

	input_watch_remove(pad->env, &p->timer);
	if (p->timer.fd >= 0)
		close(p->timer.fd);
	uhid_close(&p->uhid);
}

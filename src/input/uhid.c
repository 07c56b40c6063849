// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/uhid.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "input/kernel_input.h"
#include <linux/uhid.h>

#include "base/clock.h"
#include "base/str.h"

#define LOG_MODULE "uhid"
#include "base/log.h"

#define UHID_PATH "/dev/uhid"
#define READ_MAX  16 /* events in one go; the rest comes with the next poll */

static_assert(UHID_FEATURE_MAX <= UHID_DATA_MAX, "an answer fits");

int uhid_probe(void)
{
	return access(UHID_PATH, R_OK | W_OK) ? -errno : 0;
}

/* The kernel takes a shorter event for one that ends in zeros. */
static int put(const struct uhid *u, const struct uhid_event *e, size_t len)
{
	ssize_t n = write(u->watch.fd, e, len);

	return n < 0 ? -errno : (size_t)n < len ? -EIO : 0;
}

static void answer_feature(struct uhid *u, const struct uhid_get_report_req *q)
{
	struct uhid_event e = {.type = UHID_GET_REPORT_REPLY, .u.get_report_reply = {.id = q->id}};
	size_t len = 0;
	int err;

	if (q->rtype == UHID_FEATURE_REPORT && u->ops->feature)
		len = u->ops->feature(u, q->rnum, e.u.get_report_reply.data);
	e.u.get_report_reply.size = (uint16_t)len;
	e.u.get_report_reply.err = len ? 0 : EIO;
	err = put(u, &e, offsetof(struct uhid_event, u.get_report_reply.data) + len);
	if (err)
		log_errno(err, "answer to the question for report %u", q->rnum);
}

/* What is written as a control transfer is the same report; no feature of ours can be set. */
static void take_report(struct uhid *u, const struct uhid_set_report_req *q)
{
	struct uhid_event e = {.type = UHID_SET_REPORT_REPLY, .u.set_report_reply = {.id = q->id, .err = EIO}};
	int err;

	if (q->rtype == UHID_OUTPUT_REPORT && q->size <= sizeof(q->data)) {
		e.u.set_report_reply.err = 0;
		u->ops->output(u, q->data, q->size);
	}
	err = put(u, &e, offsetof(struct uhid_event, u) + sizeof(e.u.set_report_reply));
	if (err)
		log_errno(err, "answer to report %u", q->rnum);
}

static void take(struct uhid *u, const struct uhid_event *e)
{
	switch (e->type) {
	case UHID_OUTPUT:
		if (e->u.output.rtype == UHID_OUTPUT_REPORT && e->u.output.size <= sizeof(e->u.output.data))
			u->ops->output(u, e->u.output.data, e->u.output.size);
		break;
	case UHID_GET_REPORT:
		answer_feature(u, &e->u.get_report);
		break;
	case UHID_SET_REPORT:
		take_report(u, &e->u.set_report);
		break;
	case UHID_OPEN:
		break;
	default: /* start, stop and close need nothing */
		return;
	}
	if (u->ops->awake)
		u->ops->awake(u);
}

static void ready(struct input_watch *w)
{
	struct uhid *u = (struct uhid *)w;

	for (unsigned i = 0; i < READ_MAX; i++) {
		struct uhid_event e;
		ssize_t n = read(w->fd, &e, sizeof(e));

		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			log_errno(errno, "the device says no more");
			input_watch_remove(u->env, w);
			return;
		}
		if ((size_t)n < sizeof(e))
			memset((char *)&e + n, 0, sizeof(e) - (size_t)n);
		take(u, &e);
	}
}

int uhid_open(struct uhid *u, const struct input_env *env, const struct uhid_ops *ops, const struct uhid_identity *id)
{
	struct uhid_event e = {
		.type = UHID_CREATE2,
		.u.create2 = {.bus = BUS_USB, .vendor = id->vendor, .product = id->product, .version = id->version},
	};
	int err;

	u->env = env;
	u->ops = ops;
	u->watch.ready = ready;
	u->watch.fd = open(UHID_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (u->watch.fd < 0)
		return -errno;
	if (id->descriptor_len > sizeof(e.u.create2.rd_data))
		return -EINVAL;
	str_copy((char *)e.u.create2.name, sizeof(e.u.create2.name), id->name);
	snprintf((char *)e.u.create2.phys, sizeof(e.u.create2.phys), PAD_PHYS, id->seat, id->pad);
	snprintf((char *)e.u.create2.uniq, sizeof(e.u.create2.uniq), "%02x:%02x:%02x:%02x:%02x:%02x", id->mac[0],
		 id->mac[1], id->mac[2], id->mac[3], id->mac[4], id->mac[5]);
	memcpy(e.u.create2.rd_data, id->descriptor, id->descriptor_len);
	e.u.create2.rd_size = (uint16_t)id->descriptor_len;
	err = put(u, &e, offsetof(struct uhid_event, u.create2.rd_data) + id->descriptor_len);
	return err ? err : input_watch_add(env, &u->watch);
}

void uhid_input(struct uhid *u, const uint8_t *report, size_t len)
{
	struct uhid_event e;
	int err;

	if (len > UHID_DATA_MAX)
		len = UHID_DATA_MAX;
	e.type = UHID_INPUT2;
	e.u.input2.size = (uint16_t)len;
	memcpy(e.u.input2.data, report, len);
	err = put(u, &e, offsetof(struct uhid_event, u.input2.data) + len);
	if (err)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "the kernel takes no report: %s", strerror(-err));
}

void uhid_close(struct uhid *u)
{
	input_watch_remove(u->env, &u->watch);
	if (u->watch.fd >= 0)
		close(u->watch.fd); /* the device goes with it */
	u->watch.fd = -1;
}

/* FNV-1a; nothing here needs to be secret. */
static uint64_t hash(uint64_t h, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ ((const uint8_t *)data)[i]) * 0x100000001b3ull;
	return h;
}

void uhid_mac(uint8_t mac[6], const char *seat, uint8_t pad)
{
	uint64_t h = hash(hash(0xcbf29ce484222325ull, seat, strlen(seat) + 1), &pad, 1);

	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)(h >> (8 * i));
	mac[0] = (uint8_t)((mac[0] & ~1u) | 2); /* one station's, locally administered */
}

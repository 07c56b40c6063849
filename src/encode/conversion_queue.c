// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/conversion_queue.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define LOG_MODULE "convert"
#include "base/log.h"

#define TEND_NS (100 * NS_PER_MS)

static struct conversion_entry *entry_at(struct conversion_queue *q, unsigned i)
{
	return &q->entry[(q->first + i) % CONVERSION_QUEUE_MAX];
}

static void give_back(struct conversion_entry *e)
{
	if (e->frame)
		frame_unref(e->frame, -1);
	e->frame = NULL;
}

void conversion_queue_init(struct conversion_queue *q, enum convert_where where, const struct picture *like)
{
	*q = (struct conversion_queue){.like = like};
	conversion_init_ahead(&q->conversion, where, like);
}

void conversion_queue_finish(struct conversion_queue *q)
{
	/* The GPU may read them until then. */
	conversion_finish(&q->conversion);
	for (unsigned i = 0; i < q->n; i++)
		give_back(entry_at(q, i));
	*q = (struct conversion_queue){0};
}

static int unusable(uint32_t fourcc, int err)
{
	log_every(NS_PER_S, LOG_LEVEL_WARN, "a captured picture (format %08x) is unusable: %s", fourcc,
		  strerrordesc_np(-err));
	return err;
}

/* The CPU makes one when its turn comes, and nothing is begun behind it: so it is converted before the source needs
 * its next buffer. */
static bool full(struct conversion_queue *q)
{
	return q->n == CONVERSION_QUEUE_MAX || (q->n && !entry_at(q, q->n - 1)->on_gpu);
}

int conversion_queue_put(struct conversion_queue *q, struct frame *f)
{
	unsigned aside;
	int rc;

	if (full(q))
		return -ENOBUFS;
	rc = conversion_submit(&q->conversion, f, q->like);
	if (rc < 0)
		return rc == -ENOBUFS ? rc : unusable(f->fourcc, rc);
	*entry_at(q, q->n++) = (struct conversion_entry){frame_ref(f), rc == CONVERSION_GPU};
	aside = conversion_aside(&q->conversion);
	for (unsigned i = 0; i < aside; i++)
		give_back(entry_at(q, i));
	return 0;
}

int conversion_queue_take(struct conversion_queue *q, struct picture *dst, bool wait)
{
	struct conversion_entry *e = entry_at(q, 0);
	int rc;

	if (!q->n)
		return -EAGAIN;
	rc = e->on_gpu ? conversion_receive(&q->conversion, e->frame, dst, wait)
		       : conversion_on_cpu(&q->conversion, e->frame, dst);
	if (rc == -EAGAIN)
		return rc;
	if (rc < 0)
		unusable(e->frame ? e->frame->fourcc : 0, rc);
	give_back(e);
	q->first = (q->first + 1) % CONVERSION_QUEUE_MAX;
	q->n--;
	return rc;
}

uint64_t conversion_queue_tend(struct conversion_queue *q)
{
	const uint64_t now = clock_ns();

	conversion_tend(&q->conversion, now);
	return q->conversion.n_held ? now + TEND_NS : NS_NEVER;
}

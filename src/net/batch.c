// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/batch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int batch_pool_init(struct batch_pool *p, uint16_t packet_len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t slot_len = ((size_t)packet_len * BATCH_PACKETS_MAX + page - 1) / page * page;
	void *slab;

	memset(p, 0, sizeof(*p));
	slab = mmap(NULL, slot_len * BATCH_COUNT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slab == MAP_FAILED)
		return -ENOMEM;
	/* One small frame must not make a 2 MiB page resident; a kernel without huge pages refuses, rightly. */
	madvise(slab, slot_len * BATCH_COUNT, MADV_NOHUGEPAGE);
	p->slab = slab;
	p->slab_len = slot_len * BATCH_COUNT;
	p->packet_len = packet_len;
	p->free = (1u << BATCH_COUNT) - 1;
	for (unsigned i = 0; i < BATCH_COUNT; i++)
		p->batch[i].bytes = p->slab + i * slot_len;
	return 0;
}

void batch_pool_finish(struct batch_pool *p)
{
	if (p->slab)
		munmap(p->slab, p->slab_len);
	p->slab = NULL;
}

struct pkt_batch *batch_take(struct batch_pool *p)
{
	struct pkt_batch *b;

	if (!p->free)
		return NULL;
	b = &p->batch[__builtin_ctz(p->free)];
	p->free &= p->free - 1;
	*b = (struct pkt_batch){.bytes = b->bytes};
	return b;
}

void batch_queue(struct batch_pool *p, struct pkt_batch *b)
{
	p->queue[(p->head + p->n_queued++) % BATCH_COUNT] = b;
}

struct pkt_batch *batch_front(struct batch_pool *p)
{
	return p->n_queued ? p->queue[p->head] : NULL;
}

void batch_pop(struct batch_pool *p)
{
	p->free |= 1u << (p->queue[p->head] - p->batch);
	p->head = (p->head + 1) % BATCH_COUNT;
	p->n_queued--;
}

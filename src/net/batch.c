// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/batch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int batch_pool_init(struct batch_pool *p, uint16_t packet_len, struct wake *owner)
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
	p->owner = owner;
	slots_init(&p->slots, BATCH_COUNT);
	for (unsigned i = 0; i < BATCH_COUNT; i++) {
		p->batch[i].slot = (uint8_t)i;
		p->batch[i].bytes = p->slab + i * slot_len;
	}
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
	int n = slots_take(&p->slots);

	if (n < 0) {
		/*
		 * Say so, then look again: either batch_put() sees the flag, or, when its look came before, this second
		 * one sees its slot. Both sides use read-modify-write on the flag, so one of the two orders holds.
		 */
		atomic_exchange_explicit(&p->waiting, true, memory_order_acq_rel);
		n = slots_take(&p->slots);
		if (n < 0)
			return NULL;
		atomic_store_explicit(&p->waiting, false, memory_order_relaxed);
	}
	p->batch[n].n_packets = p->batch[n].n_data = 0;
	p->batch[n].first = p->batch[n].last = p->batch[n].broken = false;
	return &p->batch[n];
}

void batch_put(struct batch_pool *p, struct pkt_batch *b)
{
	slots_put(&p->slots, b->slot);
	if (atomic_exchange_explicit(&p->waiting, false, memory_order_acq_rel))
		wake_poke(p->owner);
}

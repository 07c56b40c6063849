// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/au_slab.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#define PAGE 4096u

size_t au_slab_unit_bytes(const struct video_params *v)
{
	/* 128 bits more than raw: the ceiling of a macroblock in H.264 A.3.1; half more for escaping; headers and
	 * padding. */
	const size_t samples = v->yuv444 ? 768 : 384, mb_bytes = (samples * (v->depth > 8 ? 10 : 8) + 128) / 8;
	size_t mbs = (size_t)((v->width + 15u) / 16) * ((v->height + 15u) / 16);
	size_t bytes = mbs * mb_bytes * 3 / 2 + 16 * 1024;

	bytes = (bytes + PAGE - 1) / PAGE * PAGE;
	return bytes < AU_BYTES_MAX ? bytes : AU_BYTES_MAX;
}

static void release(struct au *a)
{
	struct au_slab *s = a->owner;

	slots_put(&s->slots, a->slot);
}

int au_slab_init(struct au_slab *s, unsigned count, size_t cap)
{
	void *memory;

	assert(count && count <= SLOTS_MAX && cap % PAGE == 0);
	*s = (struct au_slab){.cap = cap};
	memory = mmap(NULL, count * cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	s->memory = memory;
	slots_init(&s->slots, count);
	for (unsigned i = 0; i < count; i++)
		s->slot[i].data = s->memory + i * cap;
	return 0;
}

void au_slab_finish(struct au_slab *s)
{
	if (!s->memory)
		return;
	assert(!au_slab_out(s));
	munmap(s->memory, s->slots.count * s->cap);
	s->memory = NULL;
}

struct au_slot *au_slab_take(struct au_slab *s)
{
	int n = slots_take(&s->slots);
	struct au_slot *slot;

	if (n < 0)
		return NULL;
	slot = &s->slot[n];
	slot->au = (struct au){
		.release = release,
		.owner = s,
		.slot = (uint8_t)n,
		.data = slot->data,
	};
	return slot;
}

unsigned au_slab_out(struct au_slab *s)
{
	return slots_out(&s->slots);
}

// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/kwin_ledger.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many sessions hold each code. */
struct count {
	_Atomic uint8_t sessions;
};

static struct count *_Atomic page;

static struct count *map_page(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	char path[4096];
	void *at = MAP_FAILED;
	struct stat st;
	int fd;

	if (!dir || *dir != '/' || (size_t)snprintf(path, sizeof(path), "%s/moonrill-held", dir) >= sizeof(path))
		return NULL;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    ftruncate(fd, KWIN_LEDGER_CODES) == 0)
		at = mmap(NULL, KWIN_LEDGER_CODES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

void kwin_ledger_begin(void (*left)(void *ctx, uint16_t code), void *ctx)
{
	static atomic_flag begun = ATOMIC_FLAG_INIT;
	struct count *counts;

	if (atomic_flag_test_and_set(&begun))
		return;
	counts = map_page();
	for (uint16_t code = 0; counts && code < KWIN_LEDGER_CODES; code++)
		if (atomic_exchange(&counts[code].sessions, 0))
			left(ctx, code);
	atomic_store(&page, counts);
}

void kwin_ledger_note(uint16_t code, bool down)
{
	struct count *counts = atomic_load(&page);

	if (!counts || code >= KWIN_LEDGER_CODES)
		return;
	if (down)
		atomic_fetch_add(&counts[code].sessions, 1);
	else if (atomic_load(&counts[code].sessions))
		atomic_fetch_sub(&counts[code].sessions, 1);
}

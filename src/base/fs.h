// SPDX-License-Identifier: GPL-3.0-or-later
/* Small files and directories of our own state. Main thread. All return 0 or -errno. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct buf;

/* Appends the whole file; -EFBIG when it does not fit the buffer's ceiling. */
int fs_read(const char *path, struct buf *out);

/* Replaces the file in one step: temporary file in the same directory, fsync, rename, fsync of the directory.
 * A crash leaves the old content or the new, never a mixture. */
int fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode);

/* The same without waiting for the disk, for threads that must go on and contents that can be had again: after a crash
 * of the machine the file may be as it was, or empty. */
int fs_replace(const char *path, const void *data, size_t len, mode_t mode);

/* Makes the directory and its parents. */
int fs_mkdirs(const char *path, mode_t mode);

/* Writes "a/b" into out; -ENAMETOOLONG. */
int fs_join(char *out, size_t cap, const char *a, const char *b);

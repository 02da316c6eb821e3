/* SPDX-License-Identifier: MIT */
/*
 * Column blocks kept on disk, so that a re-score need not parse again: FOLDER/ab/cdef….COMP.VERSION
 * for a submission whose SHA-256 begins with abcdef. Derived data: a file can be deleted at any
 * time and is made again; a damaged one is found by its checksum, deleted and made again. Nothing
 * is synced.
 */
#pragma once

#include "schemas/wire.h"

/*
 * True and a sealed memory file with the block of a job's submission, where there is one.
 * Owns: *fd is the caller's.
 */
MUST_CHECK bool column_cache_get(int *fd, const char *folder, const struct wire_job *job);

/* Keeps a copy of a block under the names of a job; what cannot be kept is logged and left. */
void column_cache_put(const char *folder, const struct wire_job *job, int block);

/* Forgets the block of a job's submission. */
void column_cache_drop(const char *folder, const struct wire_job *job);

/* SPDX-License-Identifier: MIT */
/*
 * What the processes of a worker may do, told to the kernel: resource limits, landlock for files,
 * seccomp for system calls. Each call only ever takes rights away. Nothing here needs privileges.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>
#include <sys/types.h>

enum sandbox_policy {
    SANDBOX_REQUIRED,    /* a kernel without landlock or seccomp is an error */
    SANDBOX_BEST_EFFORT, /* use what the kernel has */
};

/* Bounds of one reader. */
struct sandbox_limits {
    size_t memory_bytes; /* address space, all of it */
    size_t output_bytes; /* what it may write */
    unsigned cpu_seconds;
};

/*
 * For a new child: it dies with its parent. Call it first; `parent` is the parent's id from before
 * the fork, so that a parent that has died already is noticed too.
 */
void sandbox_die_with(pid_t parent);

/*
 * Asks the kernel for landlock and for seccomp with its killing action.
 *
 * Errors   ERR_SYSTEM  one of them is missing; the text names it and the key that allows that
 */
MUST_CHECK bool sandbox_check(struct err *err);

struct sandbox_folder {
    const char *path;
    bool is_writable; /* files and folders may be made and removed in it */
};

/*
 * From here on this process and its children open files beneath these folders, and nothing else. A
 * folder that is not there is an error. Needs no_new_privs.
 *
 *   folders   n of them, may be none
 *
 * Errors   ERR_SYSTEM
 */
MUST_CHECK bool sandbox_files(const struct sandbox_folder *folders, size_t n,
                              enum sandbox_policy policy, struct err *err);

/*
 * Makes this process a reader: it may read from descriptor 0, write to descriptors 1 and 2, get
 * anonymous memory that cannot be run, and end. Any other system call kills it with SIGSYS.
 *
 * Errors   ERR_SYSTEM
 */
MUST_CHECK bool sandbox_reader(const struct sandbox_limits *limits, enum sandbox_policy policy,
                               struct err *err);

/*
 * Makes this process a scorer: files (for landlock to judge), memory, threads and the sockets it
 * has. No new socket, no new process, no program, no signal to others: those kill it.
 *
 * Errors   ERR_SYSTEM
 */
MUST_CHECK bool sandbox_scorer(enum sandbox_policy policy, struct err *err);

/* SPDX-License-Identifier: MIT */
/*
 * What `--doctor` of a daemon writes: a line a thing that was looked at, "ok", "odd" or "WRONG",
 * and what to do about it. Nothing is changed, nothing is opened for writing, and no secret is
 * read.
 */
#pragma once

#include "common/err.h"

#include <stdint.h>
#include <stdio.h>

struct checkup {
    FILE *out; /* borrowed */
    unsigned n_odd;
    unsigned n_wrong; /* the daemon does not start, or must not go on like this */
};

/* One line each. */
void checkup_good(struct checkup *checkup, const char *what, const char *format, ...)
    PRINTF_LIKE(3, 4);
void checkup_odd(struct checkup *checkup, const char *what, const char *format, ...)
    PRINTF_LIKE(3, 4);
void checkup_wrong(struct checkup *checkup, const char *what, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* A folder that this user can use, and with `is_private` nobody else. */
void checkup_folder(struct checkup *checkup, const char *what, const char *path, bool is_private);

/* A file that only its owner may read; with `is_made` the daemon makes it where it is missing. */
void checkup_secret(struct checkup *checkup, const char *what, const char *path, bool is_made);

/* Free room on the disk of a path. */
void checkup_room(struct checkup *checkup, const char *what, const char *path,
                  int64_t needed_bytes);

/* Every endpoint of a list: whether a socket can have its name, and whether somebody is there. */
void checkup_endpoints(struct checkup *checkup, const char *what, const char *endpoints);

/* Locked memory, open files, core dumps. */
void checkup_limits(struct checkup *checkup);

/* The clock, against the newest file that this service wrote (or NULL). */
void checkup_clock(struct checkup *checkup, const char *path);

/* The exit code: 0 where nothing is wrong, else 2. */
int checkup_end(const struct checkup *checkup);

/* SPDX-License-Identifier: MIT */
/*
 * Room on the disk that nothing uses: a file beside the database, given up when the disk is full,
 * so that work which was accepted can still be finished. Taken back when there is room again.
 */
#pragma once

#include "common/err.h"

#include <limits.h>
#include <stdint.h>

struct reserve {
    char path[PATH_MAX];
    int64_t size_bytes; /* 0: there is none, and none is wanted */
    bool is_there;
};

/* Finds the reserve of a database, or makes it where there is room. A full disk is no failure: it
 * is then not there. Errors: ERR_CONFIG (the path is too long). */
MUST_CHECK bool reserve_open(struct reserve *reserve, const char *database, int64_t size_bytes,
                             struct err *err);

/* True where it was given up. */
bool reserve_is_spent(const struct reserve *reserve);

/* True where the disk has less room left than the reserve holds. */
bool reserve_is_needed(const struct reserve *reserve);

/* Gives its room up; false where there was none to give. */
bool reserve_give_up(struct reserve *reserve);

/* Makes it again where there is four times its room. */
void reserve_take_back(struct reserve *reserve);

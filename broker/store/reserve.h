/* SPDX-License-Identifier: MIT */
/*
 * Room on the disk that nothing uses: a file beside the database, given up when the disk is full,
 * so that work which was accepted can still be finished. Taken back when there is room again.
 */
#pragma once

#include "common/err.h"

#include <limits.h>

enum { RESERVE_BYTES = 16 << 20 };

struct reserve {
    char path[PATH_MAX];
    bool is_there;
};

/* Makes the reserve of a database, or finds the one that is there. A full disk is no failure: it
 * is then not there. Errors: ERR_CONFIG (the path is too long). */
MUST_CHECK bool reserve_open(struct reserve *reserve, const char *database, struct err *err);

/* Gives its room up; false where there was none to give. */
bool reserve_give_up(struct reserve *reserve);

/* Makes it again where there is four times its room. */
void reserve_take_back(struct reserve *reserve);

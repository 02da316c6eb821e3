/* SPDX-License-Identifier: MIT */
/*
 * Backups of the database, one at a time, on a thread of their own beside the store's. The newest
 * ones stay in their folder, older ones are removed.
 */
#pragma once

#include "broker/queue/config.h"

#include <stdint.h>

struct backups;

/* What came of one; `err` is set where it failed. */
struct backups_result {
    bool is_made;
    int64_t size_bytes;
    struct err err;
};

/* Errors: ERR_SYSTEM. Owns: *backups is owned by the caller; config is borrowed while it lives. */
MUST_CHECK bool backups_open(struct backups **backups, const struct broker_config *config,
                             struct err *err);

/* Gives up the one that is being made. */
void backups_close(struct backups **backups);

/* A descriptor that is readable when backups_take has something. */
int backups_descriptor(const struct backups *backups);

/* Begins one of this name; none may be under way. */
void backups_start(struct backups *backups, const char *name);

/* The result of the one that is finished; false where there is none. */
bool backups_take(struct backups *backups, struct backups_result *result);

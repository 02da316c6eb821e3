/* SPDX-License-Identifier: MIT */
/*
 * Sorted keys with their places: insert, remove, place of a key and key at a place, each in
 * O(log n) with a short move inside one block. 32 bytes a key; a million teams take about 48 MB
 * and a microsecond a question.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

/* Smaller ranks first: the better score, then the earlier submission. */
struct ranking_key {
    int64_t sort_key;
    int64_t received_ms;
    int64_t submission; /* order of acceptance */
    int64_t team;
};

struct ranking;

/* Owns: *ranking is owned by the caller. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool ranking_open(struct ranking **ranking, struct err *err);
void ranking_close(struct ranking **ranking);

/* Takes every key out. */
void ranking_clear(struct ranking *ranking);

size_t ranking_count(const struct ranking *ranking);

/* Adds a key that is not there. Errors: ERR_SYSTEM (no memory; nothing changed). */
MUST_CHECK bool ranking_insert(struct ranking *ranking, const struct ranking_key *key,
                               struct err *err);

/* Takes a key out; one that is not there is fine. */
void ranking_remove(struct ranking *ranking, const struct ranking_key *key);

/* How many keys come before this one, which need not be there: the place from 0. */
size_t ranking_place(const struct ranking *ranking, const struct ranking_key *key);

/* The key at a place below ranking_count; borrowed until the next change. */
const struct ranking_key *ranking_at(const struct ranking *ranking, size_t place);

/* True where `a` ranks before `b`. */
bool ranking_is_before(const struct ranking_key *a, const struct ranking_key *b);

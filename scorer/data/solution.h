/* SPDX-License-Identifier: MIT */
/*
 * The hidden answers of a classification: id,expected,usage.
 */
#pragma once

#include "scorer/data/loading.h"
#include "scorer/metric/arrays.h"

struct solution {
    struct catalog catalog;
    struct class_labels truth;
};

/*
 * Reads a solution.
 *
 *   classes  the classes of the competition; where it has none (id is NULL) the classes of the
 *            solution are put there and the catalog is open for others
 *
 * Errors   ERR_INPUT   the file is missing or wrong: problems were added
 *          ERR_LIMIT   too many images or classes
 *          ERR_SYSTEM  no memory, a read failed
 * Owns     all arrays belong to loading->arena
 */
MUST_CHECK bool solution_load(struct solution *solution, struct class_info *classes,
                              const char *path, const struct loading *loading, struct err *err);

/* The split whose usage stands at `at`, of which 8 bytes may be read; what follows it, or NULL. */
const char *solution_plain_usage(uint8_t *split, const char *at);

/* The split that a usage names; false for other texts. */
MUST_CHECK bool solution_usage(uint8_t *split, const struct row_field *usage);

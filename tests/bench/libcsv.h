/* SPDX-License-Identifier: MIT */
/*
 * The yardstick for reading: libcsv with callbacks that convert and look up every field as our
 * reader does, but report no problems.
 */
#pragma once

#include "schemas/competition.h"
#include "scorer/data/catalog.h"

/*
 * Reads a submission whose columns stand in the order of the format.
 *
 *   n_rows   out, rows read
 *
 * Errors   ERR_INPUT  libcsv refuses it, or a field is wrong
 *          ERR_SYSTEM, ERR_LIMIT  no memory
 */
MUST_CHECK bool libcsv_read(size_t *n_rows, const char *data, size_t size,
                            enum submission_format format, const struct catalog *catalog,
                            struct arena *arena, struct err *err);

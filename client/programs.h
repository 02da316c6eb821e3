/* SPDX-License-Identifier: MIT */
/*
 * The daemons beside this very program.
 */
#pragma once

#include "common/err.h"

enum { PROGRAM_PATH_SIZE = 4096 };

/* Finds one of them, "assay-broker". Errors: ERR_SYSTEM (it is not there), ERR_LIMIT. */
MUST_CHECK bool program_find(char path[static PROGRAM_PATH_SIZE], const char *name,
                             struct err *err);

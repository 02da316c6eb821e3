/* SPDX-License-Identifier: MIT */
/*
 * Published label rows, written as the files that labels are read from: solution.csv, or
 * ground_truth.csv with images.csv.
 */
#pragma once

#include "common/file.h"
#include "schemas/competition.h"

enum { LABEL_FILES_PATH_SIZE = 64 };

/*
 * Makes a folder under the temporary folder and writes the files into it.
 *
 *   folder   out; end it with label_files_remove, whatever comes back
 *   rows     as label_list.h has them
 *
 * Errors   ERR_INPUT   not such rows
 *          ERR_SYSTEM  the folder or a file cannot be made
 */
MUST_CHECK bool label_files_make(char folder[static LABEL_FILES_PATH_SIZE],
                                 const struct bytes *rows, enum task task, struct err *err);

/* Removes the folder with its files; "" is fine. */
void label_files_remove(const char *folder);

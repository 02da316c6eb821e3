/* SPDX-License-Identifier: MIT */
/*
 * `assay log --check`: a log that was written as files before, looked at without the service.
 */
#pragma once

#include "common/file.h"
#include "schemas/entry.h"

/* Who looks at each entry of a folder, in their order. */
struct log_visitor {
    /*
     * Looks at an entry. Entry and file are borrowed for the call, the line for the whole check.
     *
     *   file  the file that the entry names, or empty where it names none
     *
     * Errors   ERR_INPUT   something is wrong
     *          ERR_SYSTEM  no memory
     */
    bool (*visit)(void *context, const struct entry *entry, const char *line, size_t line_size,
                  const struct bytes *file, struct err *err);
    void *context;
};

/*
 * Checks the folder and says what was found; returns the exit code.
 *
 *   visitor  looks at the entries, too; may be NULL
 */
int log_check(const char *folder, const struct log_visitor *visitor);

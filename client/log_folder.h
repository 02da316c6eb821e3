/* SPDX-License-Identifier: MIT */
/*
 * A log that `assay log` wrote as files, read without the service: nothing of it is handed on that
 * was not checked.
 */
#pragma once

#include "client/log_file.h"
#include "schemas/note.h"

/* Who wants to see the entries of a log, in their order. */
struct log_visitor {
    /*
     * Sees an entry; its texts are borrowed for the call.
     *
     *   file     the file that it names, checked; empty where it names none
     *   labels   what the log stands at behind this entry
     */
    bool (*see)(void *context, const struct entry *entry, const struct bytes *file,
                const struct log_labels *labels, struct err *err);
    void *context;
};

/* {0} … log_summary_free */
struct log_summary {
    struct note_public_key key; /* as the folder has it */
    struct checkpoint checkpoint;
    struct tree tree; /* owned; of all entries */
    size_t n_files;
    int64_t label_version;
};

/*
 * Reads a folder: the checkpoint's signature, every entry, every file that an entry names, the
 * root over the entries, and the tiles. What the visitor saw counts only where this succeeds.
 *
 *   visitor   borrowed; NULL for none
 *
 * Errors   ERR_INPUT   something in it is not as it was signed, or entries are left out
 *          ERR_SYSTEM  a file is missing or cannot be read; no memory
 *          others      the visitor's
 * Owns     *summary is owned by the caller, whatever comes back
 */
MUST_CHECK bool log_folder_read(struct log_summary *summary, const char *folder,
                                const struct log_visitor *visitor, struct err *err);
void log_summary_free(struct log_summary *summary);

/* `assay log --check`: checks the folder and says what was found; returns the exit code. */
int log_check(const char *folder);

/* SPDX-License-Identifier: MIT */
/*
 * Where a worker keeps the hidden labels: FOLDER/COMPETITION/VERSION/ with the competition file,
 * the categories file under its own name, and the labels as "labels", "labels.csv", "labels.json"
 * or a folder "labels". The organizer's command puts a set there, the scorer opens it; nobody else
 * reads it. A set is never changed: another one is another version.
 */
#pragma once

#include "schemas/competition.h"

enum { LABEL_PATH_SIZE = 4096, LABEL_VERSION_FIRST = 1 };

/* Where the files of one set are. */
struct label_folder {
    char competition[LABEL_PATH_SIZE];
    char categories[LABEL_PATH_SIZE]; /* "" where the competition names none */
    char labels[LABEL_PATH_SIZE];     /* a file or a folder */
};

/*
 * Copies a competition and its labels into `folder`, durably and for this user alone (0600, 0700).
 * The same set again changes nothing. Does not look into the labels: load them first.
 *
 *   folder       the worker's; made where it is missing
 *   competition  the competition file; its categories file is looked for beside it
 *   labels       a file, or a folder of files
 *
 * Errors   ERR_CONFIG  the competition file is wrong; a name is taken; another set is there already
 *          ERR_SYSTEM  something cannot be read or written; nothing is left behind
 *          ERR_LIMIT   a path is too long
 */
MUST_CHECK bool label_folder_install(const char *folder, const char *competition,
                                     const char *labels, uint32_t version, struct err *err);

/*
 * Takes a set away again that was installed in vain; one that is not there is fine.
 *
 * Errors   ERR_CONFIG  no id of a competition
 *          ERR_LIMIT   a path is too long
 *          ERR_SYSTEM  it cannot be removed
 */
MUST_CHECK bool label_folder_remove(const char *folder, const char *competition, uint32_t version,
                                    struct err *err);

/*
 * Finds the files of a set.
 *
 *   competition  its id; anything but an id is refused before it is made a path
 *
 * Errors   ERR_CONFIG  there is no such set, or a file of it is missing
 *          ERR_LIMIT   a path is too long
 */
MUST_CHECK bool label_folder_open(struct label_folder *set, const char *folder,
                                  const char *competition, uint32_t version, struct err *err);

/* SPDX-License-Identifier: MIT */
/*
 * What the organizer's commands on labels share: where sealed label sets lie, whom they are sealed
 * to, and the organizer's own key. The labels go from such a command into the workers' folder,
 * sealed to their keys and to the organizer's; the service gets what commits to them.
 *
 *   label folder   --label-folder, else worker/labels of --state, else ASSAY_LABELS
 *   workers        NAME.worker files in --worker-keys, else in `keys` beside the label folder
 *   own key        --organizer-key, else organizer.key in --state, else beside login.yaml; made
 *                  where there is none
 */
#pragma once

#include <argp.h>

#include "client/state_folder.h"
#include "common/jwriter.h"
#include "schemas/worker_key.h"
#include "scorer/data/label_file.h"

enum {
    ORGANIZER_LABELS = 0x2000,
    ORGANIZER_LABEL_FOLDER,
    ORGANIZER_STATE,
    ORGANIZER_WORKERS,
    ORGANIZER_KEY,
};

/* Rows of an argp option list: the labels, and the places. */
#define ORGANIZER_OPTIONS                                                                          \
    {"labels", ORGANIZER_LABELS, "PATH", 0, "the hidden labels, a file or a folder", 1},           \
        ORGANIZER_PLACES

#define ORGANIZER_PLACES                                                                           \
    {"state", ORGANIZER_STATE, "DIR", 0, "state folder of `assay up', for its workers", 1},        \
        {"label-folder",                                                                           \
         ORGANIZER_LABEL_FOLDER,                                                                   \
         "DIR",                                                                                    \
         0,                                                                                        \
         "the workers' label folder (else of --state, else ASSAY_LABELS)",                         \
         1},                                                                                       \
        {"worker-keys",                                                                            \
         ORGANIZER_WORKERS,                                                                        \
         "DIR",                                                                                    \
         0,                                                                                        \
         "folder of the workers' public keys (else `keys' beside the label folder)",               \
         1},                                                                                       \
    {                                                                                              \
        "organizer-key", ORGANIZER_KEY, "FILE", 0,                                                 \
            "your key to the labels, made where there is none (else of --state, else beside your " \
            "login)",                                                                              \
            1                                                                                      \
    }

struct organizer_arguments {
    const char *labels; /* all may be NULL */
    const char *label_folder;
    const char *state;
    const char *worker_keys;
    const char *key;
};

/* True for one of these options, which is taken. */
bool organizer_parse(struct organizer_arguments *arguments, int key, const char *text);

struct organizer {
    char label_folder[STATE_PATH_SIZE];
    struct organizer_key key;
    struct worker_public_key workers[WORKER_KEYS_MAX];
    size_t n_workers;
};

/*
 * Finds everything; wipe organizer->key when it is done.
 *
 * Errors   ERR_CONFIG  a folder is not named or not there, or there are too many workers
 *          ERR_SYSTEM, ERR_LIMIT
 */
MUST_CHECK bool organizer_open(struct organizer *organizer,
                               const struct organizer_arguments *arguments, struct err *err);

/* The workers' label folder alone. Errors: as organizer_open. */
MUST_CHECK bool organizer_label_folder(char folder[static STATE_PATH_SIZE],
                                       const struct organizer_arguments *arguments,
                                       struct err *err);

/* The organizer's keys alone; wipe them. Errors: ERR_SYSTEM, ERR_LIMIT, ERR_CONFIG. */
MUST_CHECK bool organizer_open_key(struct organizer_key *key,
                                   const struct organizer_arguments *arguments, struct err *err);

/* Seals a label block for the workers, the organizer, and whomever the set was sealed to before.
 * Errors: as label_file_write. */
MUST_CHECK bool organizer_seal(const struct organizer *organizer, const char *competition,
                               uint32_t version, const struct bytes *block, struct err *err);

/* Writes the member "workers" of a request. */
void organizer_write_workers(struct jwriter *writer, const struct organizer *organizer);

/*
 * Loads a competition file, with a metric that its task has, and labels; prints what is wrong.
 *
 *   path  of the competition file; its categories file is looked for beside it
 *
 * Returns the exit code. Owns: *labels and *yaml are the caller's.
 */
int organizer_load(struct competition *competition, struct bytes *yaml, struct labels **labels,
                   const char *path, const char *labels_path);

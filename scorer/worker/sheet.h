/* SPDX-License-Identifier: MIT */
/*
 * The job sheet: what a reader must know to read a submission of one competition, and no more: the
 * competition file and the catalog of images and classes, without a label. The scorer makes it once
 * for every label set; it travels as a sealed memory file.
 */
#pragma once

#include "schemas/competition.h"
#include "scorer/data/catalog.h"
#include "scorer/data/columns.h"
#include "scorer/worker/sealed.h"

struct sheet {
    struct competition competition;
    struct columns_frame frame;
    struct catalog catalog; /* borrows from the memory file */
};

/* What columns made with this catalog must look like. Costs one SHA-256 over the catalog. */
struct columns_frame sheet_frame(const struct competition *competition,
                                 const struct catalog *catalog);

/*
 * Writes a sheet into a new sealed memory file.
 *
 * Errors   ERR_SYSTEM
 * Owns     *fd is the caller's
 */
MUST_CHECK bool sheet_make(int *fd, const struct competition *competition,
                           const struct catalog *catalog, struct err *err);

/*
 * Reads a sheet that the scorer made.
 *
 * Errors   ERR_PEER    not a sheet of this build
 *          ERR_SYSTEM
 * Owns     *map is the caller's; the sheet borrows from it
 */
MUST_CHECK bool sheet_open(struct sheet *sheet, struct sealed *map, int fd, struct err *err);

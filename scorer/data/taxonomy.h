/* SPDX-License-Identifier: MIT */
/*
 * What reports want to know of the classes and scoring does not: their names, their ranks in the
 * tree of life, and numbers of training images that come from another file.
 */
#pragma once

#include "common/problems.h"
#include "scorer/data/catalog.h"
#include "scorer/metric/taxonomic.h"

/*
 * Reads the columns kingdom, phylum, class, order, family and genus of a categories file, those of
 * them that there are. Names of a rank are compared byte for byte; an empty one is not given.
 *
 *   taxonomy  out; n_ranks is 0 where the file has none of the columns
 *   info      the classes; the file may have more, which are passed over
 *
 * Errors   ERR_INPUT   the file is missing or wrong: problems were added
 *          ERR_LIMIT, ERR_SYSTEM  memory is out, or the file cannot be read
 * Owns     the arrays belong to `arena`
 */
MUST_CHECK bool taxonomy_load(struct taxonomy *taxonomy, const char *path,
                              const struct class_info *info, struct problems *problems,
                              struct arena *arena, struct err *err);

/*
 * Reads category_id (or class) and train_images from a file of their own.
 *
 *   train_images  out, n_classes of info, -1 where the file says nothing
 *
 * Errors, Owns      as taxonomy_load
 */
MUST_CHECK bool taxonomy_load_counts(const int64_t **train_images, const char *path,
                                     const struct class_info *info, struct problems *problems,
                                     struct arena *arena, struct err *err);

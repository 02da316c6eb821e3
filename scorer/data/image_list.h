/* SPDX-License-Identifier: MIT */
/*
 * The image list of a detection competition: id (or image_id), maybe usage, maybe width and height.
 */
#pragma once

#include "scorer/data/loading.h"
#include "scorer/metric/arrays.h"

struct image_list {
    size_t n;
    struct id_text *id;  /* one may repeat; or */
    uint32_t *number;    /* in a plain file: close together */
    uint8_t *split;      /* enum split */
    uint32_t (*size)[2]; /* {width, height}; NULL where not known */
};

/*
 * Reads an image list; without a usage column every image is public. An id may repeat where its
 * usage is the same.
 *
 * Errors   ERR_INPUT   the file is missing or wrong: problems were added
 *          ERR_SYSTEM  no memory, a read failed
 * Owns     the list belongs to loading->scratch
 */
MUST_CHECK bool image_list_load(struct image_list *list, const char *path,
                                const struct loading *loading, struct err *err);

/*
 * Makes the catalog of a list and the splits of its images.
 *
 *   split  out, catalog->n_images, in loading->arena
 *
 * Errors   ERR_INPUT   an id repeats with another usage: a problem was added
 *          others as catalog_make
 */
MUST_CHECK bool image_list_catalog(struct catalog *catalog, const uint8_t **split,
                                   const struct image_list *list, const struct class_info *classes,
                                   const struct loading *loading, struct err *err);

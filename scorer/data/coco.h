/* SPDX-License-Identifier: MIT */
/*
 * COCO's annotation format: images, annotations with bbox, area and iscrowd, categories.
 */
#pragma once

#include "scorer/data/categories.h"
#include "scorer/data/image_list.h"
#include "scorer/data/truth_boxes.h"

struct coco;

/*
 * Opens an annotation file.
 *
 * Errors   ERR_INPUT   it is missing, no JSON (a problem with line and column was added), or holds
 *                      no arrays images and annotations
 *          ERR_SYSTEM  no memory, a read failed
 * Owns     *coco is owned by the caller; end it with coco_close
 */
MUST_CHECK bool coco_open(struct coco **coco, const char *path, const struct loading *loading,
                          struct err *err);
void coco_close(struct coco **coco);

/* The images, all public; ids are the texts of numbers. Problems and errors as the others. */
MUST_CHECK bool coco_images(struct image_list *list, const struct coco *coco,
                            const struct loading *loading, struct err *err);

/* The array categories: id and supercategory. */
MUST_CHECK bool coco_categories(struct class_info *info, const struct coco *coco,
                                const struct loading *loading, struct err *err);

/*
 * The annotations as boxes; one without an area has AREA_WITHOUT_MASK of its box.
 *
 * Errors   ERR_INPUT   an image or class that the catalog lacks, a wrong number: problems were
 *                      added
 *          ERR_SYSTEM  no memory
 * Owns     the list belongs to loading->scratch
 */
MUST_CHECK bool coco_boxes(struct truth_list *list, const struct coco *coco,
                           const struct catalog *catalog, const struct loading *loading,
                           struct err *err);

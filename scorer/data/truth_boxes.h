/* SPDX-License-Identifier: MIT */
/*
 * The true boxes of a detection competition, from ground_truth.csv or from a list that another
 * format held.
 */
#pragma once

#include "scorer/data/loading.h"
#include "scorer/metric/arrays.h"

/* The share of a box that its object covers where no mask says so: iNaturalist's evaluation rule.
 */
#define AREA_WITHOUT_MASK 0.5

struct truth_box {
    struct box box;
    double area;
    uint32_t image;
    uint16_t class_index;
    uint8_t is_crowd;
};

struct truth_list {
    size_t n;
    struct truth_box *items;
};

/*
 * Orders a list by class, keeping the order of the list within a class.
 *
 *   split  n_images of enum split, borrowed as long as the labels
 *
 * Errors   ERR_LIMIT, ERR_SYSTEM  no memory
 * Owns     the arrays of *labels belong to loading->arena
 */
MUST_CHECK bool truth_boxes_make(struct box_labels *labels, const struct truth_list *list,
                                 const struct catalog *catalog, const uint8_t *split,
                                 const struct loading *loading, struct err *err);

/*
 * Reads ground_truth.csv: image_id,category_id,x,y,width,height,area,iscrowd. Without an area (no
 * column, or empty) it is AREA_WITHOUT_MASK of the box.
 *
 * Errors   ERR_INPUT   the file is missing or wrong: problems were added
 *          ERR_SYSTEM  no memory, a read failed
 * Owns     the list belongs to loading->scratch
 */
MUST_CHECK bool truth_boxes_load(struct truth_list *list, const char *path,
                                 const struct catalog *catalog, const struct loading *loading,
                                 struct err *err);

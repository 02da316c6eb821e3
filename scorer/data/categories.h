/* SPDX-License-Identifier: MIT */
/*
 * The classes of a competition and what is said of them: from a categories file, or from a list
 * that another format held.
 */
#pragma once

#include "scorer/data/loading.h"
#include "scorer/metric/arrays.h"

struct category {
    int64_t id;
    struct id_text name;
    struct id_text group; /* its super-category */
    int64_t train_images; /* -1: not given */
    struct row_field at;  /* where it stands, for problems; line 0 where the format has none */
};

struct category_list {
    const char *file;
    size_t n;
    struct category *items;
    bool has_names;
    bool has_groups;
    bool has_train_images;
};

/*
 * Orders the list and numbers its groups; an id may repeat where it says the same.
 *
 * Errors   ERR_INPUT   an id repeats with another group: a problem was added
 *          ERR_LIMIT   too many classes
 *          ERR_SYSTEM  no memory
 * Owns     *info belongs to loading->arena; the list is sorted in place
 */
MUST_CHECK bool categories_make(struct class_info *info, struct category_list *list,
                                const struct loading *loading, struct err *err);

/*
 * Reads a categories file: category_id (or class) and maybe name, supercategory (or
 * supercategory_id) and train_images; other columns are ignored.
 *
 * Errors   as table_load and categories_make
 */
MUST_CHECK bool categories_load(struct class_info *info, const char *path,
                                const struct loading *loading, struct err *err);

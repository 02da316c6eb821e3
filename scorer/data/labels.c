/* SPDX-License-Identifier: MIT */
/*
 * Which files hold the labels, and in which order they are read. See the header.
 */
#include "scorer/data/labels.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "scorer/data/categories.h"
#include "scorer/data/coco.h"
#include "scorer/data/image_list.h"
#include "scorer/data/solution.h"
#include "scorer/data/truth_boxes.h"

/* What labels and the files they come from may take. */
#define LABELS_BYTES_MAX ((size_t)8 << 30)

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The path of a file in the folder of the labels. */
static bool in_folder(char path[static CONF_PATH_SIZE], const struct labels_source *source,
                      const char *name, struct err *err)
{
    return path_join(path, CONF_PATH_SIZE, source->path, name, err);
}

static bool has_file(const struct labels_source *source, const char *name)
{
    char path[CONF_PATH_SIZE];
    struct err err;

    return in_folder(path, source, name, &err) && access(path, F_OK) == 0;
}

/* Loads the competition's categories file, else one of the folder; false with *found unset too. */
static bool load_categories(struct class_info *classes, bool *found,
                            const struct labels_source *source, const struct loading *loading,
                            struct err *err)
{
    static const char *const names[] = {"categories.csv", "classes.csv"};
    char path[CONF_PATH_SIZE];

    *found = true;
    if (source->categories != NULL && source->categories[0] != '\0') {
        return categories_load(classes, source->categories, loading, err);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (is_folder(source->path) && has_file(source, names[i])) {
            return in_folder(path, source, names[i], err) &&
                   categories_load(classes, path, loading, err);
        }
    }
    *found = false;
    return true;
}

static bool load_classification(struct labels *labels, const struct labels_source *source,
                                const struct loading *loading, struct err *err)
{
    struct solution solution;
    char path[CONF_PATH_SIZE];
    bool found;

    bool is_located = is_folder(source->path) ? in_folder(path, source, "solution.csv", err)
                                              : text_copy(path, sizeof(path), source->path, err);
    if (!is_located || !load_categories(&labels->classes, &found, source, loading, err) ||
        !solution_load(&solution, &labels->classes, path, loading, err)) {
        return false;
    }
    labels->catalog = solution.catalog;
    labels->truth = solution.truth;
    return true;
}

/* The image list of the folder, else the images of the COCO file. */
static bool load_images(struct image_list *list, const struct coco *coco,
                        const struct labels_source *source, const struct loading *loading,
                        struct err *err)
{
    char path[CONF_PATH_SIZE];

    if (coco != NULL && (!is_folder(source->path) || !has_file(source, "images.csv"))) {
        return coco_images(list, coco, loading, err);
    }
    return in_folder(path, source, "images.csv", err) && image_list_load(list, path, loading, err);
}

static bool load_boxes(struct truth_list *list, const struct catalog *catalog,
                       const struct coco *coco, const struct labels_source *source,
                       const struct loading *loading, struct err *err)
{
    char path[CONF_PATH_SIZE];

    if (coco != NULL) {
        return coco_boxes(list, coco, catalog, loading, err);
    }
    return in_folder(path, source, "ground_truth.csv", err) &&
           truth_boxes_load(list, path, catalog, loading, err);
}

/* The classes, from the first place that has them. */
static bool load_classes(struct class_info *classes, const struct coco *coco,
                         const struct labels_source *source, const struct loading *loading,
                         struct err *err)
{
    bool found;

    if (!load_categories(classes, &found, source, loading, err)) {
        return false;
    }
    if (!found && coco != NULL) {
        return coco_categories(classes, coco, loading, err);
    }
    if (!found) {
        return err_set(err, ERR_INPUT, "%s has no categories.csv", source->path);
    }
    return true;
}

static bool load_detection_parts(struct labels *labels, const struct coco *coco,
                                 const struct labels_source *source, const struct loading *loading,
                                 struct err *err)
{
    struct image_list images;
    struct truth_list boxes;
    const uint8_t *split;

    return load_classes(&labels->classes, coco, source, loading, err) &&
           load_images(&images, coco, source, loading, err) &&
           image_list_catalog(&labels->catalog, &split, &images, &labels->classes, loading, err) &&
           load_boxes(&boxes, &labels->catalog, coco, source, loading, err) &&
           truth_boxes_make(&labels->boxes, &boxes, &labels->catalog, split, loading, err);
}

static bool load_detection(struct labels *labels, const struct labels_source *source,
                           const struct loading *loading, struct err *err)
{
    struct coco *coco = NULL;
    char path[CONF_PATH_SIZE];
    bool is_coco = !is_folder(source->path) || has_file(source, "annotations.json");

    bool ok = is_folder(source->path) ? in_folder(path, source, "annotations.json", err)
                                      : text_copy(path, sizeof(path), source->path, err);
    ok = ok && (!is_coco || coco_open(&coco, path, loading, err)) &&
         load_detection_parts(labels, coco, source, loading, err);
    coco_close(&coco);
    return ok;
}

bool labels_load(struct labels **labels, const struct labels_source *source,
                 struct problems *problems, struct err *err)
{
    struct loading loading = {.problems = problems};
    struct labels *loaded = calloc(1, sizeof(*loaded));
    bool ok = false;

    if (loaded == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for labels");
    }
    if (!arena_open(&loaded->arena, LABELS_BYTES_MAX, err) ||
        !arena_open(&loading.scratch, LABELS_BYTES_MAX, err)) {
        goto out;
    }
    loaded->task = source->task;
    loading.arena = loaded->arena;
    ok = source->task == TASK_CLASSIFICATION ? load_classification(loaded, source, &loading, err)
                                             : load_detection(loaded, source, &loading, err);
    if (ok) {
        *labels = loaded;
        loaded = NULL;
    }
out:
    arena_close(&loading.scratch);
    labels_close(&loaded);
    return ok;
}

void labels_close(struct labels **labels)
{
    if (*labels == NULL) {
        return;
    }
    arena_close(&(*labels)->arena);
    free(*labels);
    *labels = NULL;
}

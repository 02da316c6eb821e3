/* SPDX-License-Identifier: MIT */
/*
 * Reading COCO annotations. The JSON tree has no positions: problems name the item by its place in
 * its array, from 0, as in "annotations[12]". No text quotes a value of an annotation.
 */
#include "scorer/data/coco.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/jdoc.h"

enum { NUMBER_TEXT_SIZE = 24 };

struct coco {
    struct jdoc *doc;
    char file[TABLE_FILE_SIZE];
};

static void problem_at(const struct coco *coco, const struct loading *loading, const char *array,
                       size_t index, const char *text)
{
    problems_add(loading->problems, 0, 0, "%s: %s[%zu]: %s", coco->file, array, index, text);
}

bool coco_open(struct coco **coco, const char *path, const struct loading *loading, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct coco *opened;
    struct input input;

    if (!input_load(&input, path, (size_t)2 << 30, loading->scratch, err)) {
        return false;
    }
    opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a COCO file");
    }
    snprintf(opened->file, sizeof(opened->file), "%s", slash == NULL ? path : slash + 1);
    if (!jdoc_open(&opened->doc, input.data, input.size, err)) {
        problems_add(loading->problems, err->line, err->column, "%s: is not JSON", opened->file);
        err_set(err, ERR_INPUT, "%s is not JSON", path);
        coco_close(&opened);
        return false;
    }
    *coco = opened;
    return true;
}

void coco_close(struct coco **coco)
{
    if (*coco == NULL) {
        return;
    }
    jdoc_close(&(*coco)->doc);
    free(*coco);
    *coco = NULL;
}

/* An array of the document; false with a problem where it has none. */
static bool find_array(const struct jvalue **array, const struct coco *coco, const char *name,
                       const struct loading *loading, struct err *err)
{
    *array = jvalue_member(jdoc_root(coco->doc), name);
    if (*array == NULL || !jvalue_is_array(*array)) {
        problems_add(loading->problems, 0, 0, "%s: array '%s' is missing", coco->file, name);
        return err_set(err, ERR_INPUT, "%s is wrong", coco->file);
    }
    return true;
}

/* An id of an image as text: a number's digits, or the text itself. */
static bool read_image_id(struct id_text *id, char digits[static NUMBER_TEXT_SIZE],
                          const struct jvalue *value)
{
    const char *text = jvalue_text(value);
    int64_t number;

    if (text == NULL) {
        if (!jvalue_int(&number, value)) {
            return false;
        }
        snprintf(digits, NUMBER_TEXT_SIZE, "%" PRId64, number);
        text = digits;
    }
    *id = (struct id_text){.text = text, .size = strlen(text)};
    return id->size > 0 && id->size <= CATALOG_ID_BYTES_MAX;
}

/* The pixels of an image; false where the file does not tell. */
static bool read_size(uint32_t size[static 2], const struct jvalue *image)
{
    static const char *const names[] = {"width", "height"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        int64_t pixels;
        if (!jvalue_int(&pixels, jvalue_member(image, names[i])) || pixels < 1 ||
            pixels > UINT32_MAX) {
            return false;
        }
        size[i] = (uint32_t)pixels;
    }
    return true;
}

bool coco_images(struct image_list *list, const struct coco *coco, const struct loading *loading,
                 struct err *err)
{
    uint64_t n_problems = loading->problems->n_all;
    const struct jvalue *images;

    if (!find_array(&images, coco, "images", loading, err)) {
        return false;
    }
    size_t n = jvalue_count(images);
    char(*digits)[NUMBER_TEXT_SIZE] = arena_alloc(loading->scratch, n, sizeof(*digits), err);
    *list = (struct image_list){
        .id = arena_alloc(loading->scratch, n, sizeof(*list->id), err),
        .split = arena_alloc(loading->scratch, n, sizeof(*list->split), err),
        .size = arena_alloc(loading->scratch, n, sizeof(*list->size), err),
    };
    bool has_sizes = true;
    if (digits == NULL || list->id == NULL || list->split == NULL || list->size == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct jvalue *image = jvalue_item(images, i);
        list->split[list->n] = SPLIT_PUBLIC;
        has_sizes = has_sizes && read_size(list->size[list->n], image);
        if (read_image_id(&list->id[list->n], digits[i], jvalue_member(image, "id"))) {
            list->n++;
        } else {
            problem_at(coco, loading, "images", i, "has no id of 1 to 255 bytes");
        }
    }
    list->size = has_sizes ? list->size : NULL;
    return loading->problems->n_all == n_problems ||
           err_set(err, ERR_INPUT, "%s is wrong", coco->file);
}

bool coco_categories(struct class_info *info, const struct coco *coco,
                     const struct loading *loading, struct err *err)
{
    struct category_list list = {.file = coco->file, .has_names = true, .has_groups = true};
    const struct jvalue *categories;

    if (!find_array(&categories, coco, "categories", loading, err)) {
        return false;
    }
    size_t n = jvalue_count(categories);
    list.items = arena_alloc(loading->scratch, n, sizeof(*list.items), err);
    if (list.items == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct jvalue *category = jvalue_item(categories, i);
        const char *group = jvalue_text(jvalue_member(category, "supercategory"));
        const char *name = jvalue_text(jvalue_member(category, "name"));
        struct category *item = &list.items[list.n++];
        *item = (struct category){.train_images = -1};
        if (name != NULL) {
            item->name = (struct id_text){.text = name, .size = strlen(name)};
        }
        if (!jvalue_int(&item->id, jvalue_member(category, "id"))) {
            problem_at(coco, loading, "categories", i, "has no whole number as id");
            return err_set(err, ERR_INPUT, "%s is wrong", coco->file);
        }
        if (group == NULL || group[0] == '\0') {
            list.has_groups = false; /* super-categories need one of each class */
        } else {
            item->group = (struct id_text){.text = group, .size = strlen(group)};
        }
    }
    return categories_make(info, &list, loading, err);
}

static bool read_numbers(struct truth_box *item, const struct jvalue *annotation)
{
    const struct jvalue *bbox = jvalue_member(annotation, "bbox");
    const struct jvalue *area = jvalue_member(annotation, "area");
    double values[4] = {0};
    bool ok = jvalue_count(bbox) == 4;

    for (size_t i = 0; i < 4 && ok; i++) {
        ok = jvalue_double(&values[i], jvalue_item(bbox, i)) && isfinite(values[i]);
    }
    item->box = (struct box){values[0], values[1], values[2], values[3]};
    item->area = AREA_WITHOUT_MASK * values[2] * values[3];
    ok = ok && (jvalue_is_null(area) || jvalue_double(&item->area, area));
    return ok && isfinite(item->area) && item->area >= 0 && values[2] >= 0 && values[3] >= 0;
}

static bool read_crowd(uint8_t *is_crowd, const struct jvalue *value)
{
    int64_t number = 0;
    bool flag = false;

    if (value != NULL && !jvalue_int(&number, value)) {
        if (!jvalue_bool(&flag, value)) {
            return false;
        }
        number = flag;
    }
    *is_crowd = (uint8_t)(number == 1);
    return number == 0 || number == 1;
}

/* What is wrong with an annotation, or NULL. */
static const char *read_annotation(struct truth_box *item, const struct jvalue *annotation,
                                   const struct catalog *catalog)
{
    char digits[NUMBER_TEXT_SIZE];
    struct id_text id;
    int64_t class_id;

    if (!read_image_id(&id, digits, jvalue_member(annotation, "image_id"))) {
        return "has no image_id";
    }
    item->image = catalog_find_image(catalog, id.text, id.size);
    if (item->image == CATALOG_NONE) {
        return "its image is not in the image list";
    }
    if (!jvalue_int(&class_id, jvalue_member(annotation, "category_id"))) {
        return "has no whole number as category_id";
    }
    uint32_t class_index = catalog_find_class(catalog, class_id);
    if (class_index == CATALOG_NONE) {
        return "its class is not in the categories";
    }
    item->class_index = (uint16_t)class_index;
    if (!read_numbers(item, annotation)) {
        return "bbox is not x, y, width, height, or area is no number from 0";
    }
    if (!read_crowd(&item->is_crowd, jvalue_member(annotation, "iscrowd"))) {
        return "iscrowd is neither 0 nor 1";
    }
    return NULL;
}

bool coco_boxes(struct truth_list *list, const struct coco *coco, const struct catalog *catalog,
                const struct loading *loading, struct err *err)
{
    uint64_t n_problems = loading->problems->n_all;
    const struct jvalue *annotations;

    if (!find_array(&annotations, coco, "annotations", loading, err)) {
        return false;
    }
    size_t n = jvalue_count(annotations);
    list->n = 0;
    list->items = arena_alloc(loading->scratch, n, sizeof(*list->items), err);
    if (list->items == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const char *wrong =
            read_annotation(&list->items[list->n], jvalue_item(annotations, i), catalog);
        if (wrong != NULL) {
            problem_at(coco, loading, "annotations", i, wrong);
        }
        list->n += wrong == NULL;
    }
    return loading->problems->n_all == n_problems ||
           err_set(err, ERR_INPUT, "%s is wrong", coco->file);
}

/* SPDX-License-Identifier: MIT */
/*
 * Label blocks. The header says how many items each array has; where an array lies follows from
 * that alone. See the header.
 */
#include "scorer/data/label_block.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

static const char magic[8] = {'A', 'S', 'Y', 'L', 'B', 'L', '2', '\n'};

enum label_section {
    SECTION_YAML,
    SECTION_CATALOG,
    SECTION_SPLIT,
    SECTION_TRUTH,       /* classification */
    SECTION_CLASS_START, /* these five: detection */
    SECTION_IMAGE,
    SECTION_BOX,
    SECTION_AREA,
    SECTION_CROWD,
    SECTION_CLASS_ID,
    SECTION_NAME, /* a text with its NUL for each class; no item: there are no names */
    SECTION_GROUP,
    SECTION_GROUP_NAME,
    SECTION_TRAIN,
    N_SECTIONS
};

static const size_t item_bytes[N_SECTIONS] = {
    [SECTION_YAML] = 1,
    [SECTION_CATALOG] = 1,
    [SECTION_SPLIT] = 1,
    [SECTION_TRUTH] = sizeof(uint16_t),
    [SECTION_CLASS_START] = sizeof(size_t),
    [SECTION_IMAGE] = sizeof(uint32_t),
    [SECTION_BOX] = sizeof(struct box),
    [SECTION_AREA] = sizeof(double),
    [SECTION_CROWD] = 1,
    [SECTION_CLASS_ID] = sizeof(int64_t),
    [SECTION_NAME] = 1,
    [SECTION_GROUP] = sizeof(uint16_t),
    [SECTION_GROUP_NAME] = 1,
    [SECTION_TRAIN] = sizeof(int64_t),
};

struct head {
    char magic[8];
    uint32_t version;
    uint32_t task;
    struct label_seeds seeds;
    uint8_t organizer[CRYPT_PUBLIC_KEY_BYTES];
    uint64_t n[N_SECTIONS]; /* items */
};

static_assert(sizeof(struct head) == 16 + 64 + 32 + 8 * N_SECTIONS, "no padding that could differ");

static size_t round_up(size_t size)
{
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* ---- making ---- */

struct part {
    const void *data;
    size_t n;
};

/* The texts of a list behind one another, each with its NUL. Errors: ERR_SYSTEM. */
static bool join_texts(struct bytes *joined, const char *const *texts, size_t n, struct err *err)
{
    size_t size = 0;

    for (size_t i = 0; i < n; i++) {
        size += strlen(texts[i]) + 1;
    }
    joined->data = malloc(size + 1);
    if (joined->data == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for names of %zu bytes", size);
    }
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(texts[i]) + 1;
        memcpy(joined->data + joined->size_bytes, texts[i], length);
        joined->size_bytes += length;
    }
    joined->data[size] = '\0';
    return true;
}

static void set_answers(struct part parts[static N_SECTIONS], const struct labels *labels)
{
    if (labels->task == TASK_CLASSIFICATION) {
        parts[SECTION_SPLIT] = (struct part){labels->truth.split, labels->truth.n_images};
        parts[SECTION_TRUTH] = (struct part){labels->truth.truth, labels->truth.n_images};
        return;
    }
    const struct box_labels *boxes = &labels->boxes;
    parts[SECTION_SPLIT] = (struct part){boxes->split, boxes->n_images};
    parts[SECTION_CLASS_START] = (struct part){boxes->class_start, boxes->n_classes + 1};
    parts[SECTION_IMAGE] = (struct part){boxes->image, boxes->n_rows};
    parts[SECTION_BOX] = (struct part){boxes->box, boxes->n_rows};
    parts[SECTION_AREA] = (struct part){boxes->area, boxes->n_rows};
    parts[SECTION_CROWD] = (struct part){boxes->is_crowd, boxes->n_rows};
}

static void set_classes(struct part parts[static N_SECTIONS], const struct class_info *classes,
                        const struct bytes *names, const struct bytes *groups)
{
    parts[SECTION_CLASS_ID] = (struct part){classes->id, classes->n_classes};
    parts[SECTION_NAME] = (struct part){names->data, names->size_bytes};
    parts[SECTION_GROUP] =
        (struct part){classes->group, classes->group == NULL ? 0 : classes->n_classes};
    parts[SECTION_GROUP_NAME] = (struct part){groups->data, groups->size_bytes};
    parts[SECTION_TRAIN] = (struct part){classes->train_images,
                                         classes->train_images == NULL ? 0 : classes->n_classes};
}

static bool write_block(struct bytes *block, const struct label_block_source *source,
                        const struct part parts[static N_SECTIONS], struct err *err)
{
    struct head head = {.version = source->version, .task = (uint32_t)source->labels->task};
    size_t size = round_up(sizeof(head));

    for (int i = 0; i < N_SECTIONS; i++) {
        head.n[i] = parts[i].n;
        size += round_up(parts[i].n * item_bytes[i]);
    }
    memcpy(head.magic, magic, sizeof(magic));
    head.seeds = *source->seeds;
    memcpy(head.organizer, source->organizer, sizeof(head.organizer));
    unsigned char *at = calloc(1, size);
    if (at == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for labels of %zu bytes", size);
    }
    *block = (struct bytes){.data = at, .size_bytes = size};
    memcpy(at, &head, sizeof(head));
    at += round_up(sizeof(head));
    for (int i = 0; i < N_SECTIONS; i++) {
        if (parts[i].n > 0) {
            memcpy(at, parts[i].data, parts[i].n * item_bytes[i]);
        }
        at += round_up(parts[i].n * item_bytes[i]);
    }
    crypt_wipe(&head, sizeof(head));
    return true;
}

bool label_block_make(struct bytes *block, const struct label_block_source *source, struct err *err)
{
    const struct labels *labels = source->labels;
    const struct class_info *classes = &labels->classes;
    struct part parts[N_SECTIONS] = {{0}};
    struct bytes names = {0};
    struct bytes groups = {0};

    bool ok =
        (classes->name == NULL || join_texts(&names, classes->name, classes->n_classes, err)) &&
        (classes->group == NULL ||
         join_texts(&groups, classes->group_name, classes->n_groups, err));
    if (ok) {
        parts[SECTION_YAML] = (struct part){source->yaml, source->yaml_size};
        parts[SECTION_CATALOG] = (struct part){labels->catalog.block, labels->catalog.block_bytes};
        set_answers(parts, labels);
        set_classes(parts, classes, &names, &groups);
        ok = write_block(block, source, parts, err);
    }
    bytes_free(&names);
    bytes_free(&groups);
    return ok;
}

/* ---- reading ---- */

static bool is_zero(const unsigned char *from, const unsigned char *to)
{
    while (from < to) {
        if (*from++ != 0) {
            return false;
        }
    }
    return true;
}

/* Finds every array; false where they do not fill the block exactly. */
static bool find_parts(struct part parts[static N_SECTIONS], const struct head *head,
                       const unsigned char *data, size_t size)
{
    size_t at = round_up(sizeof(*head));

    if (!is_zero(data + sizeof(*head), data + at)) {
        return false;
    }
    for (int i = 0; i < N_SECTIONS; i++) {
        if (head->n[i] > (size - at) / item_bytes[i]) {
            return false;
        }
        size_t bytes = (size_t)head->n[i] * item_bytes[i];
        if (round_up(bytes) > size - at ||
            !is_zero(data + at + bytes, data + at + round_up(bytes))) {
            return false;
        }
        parts[i] = (struct part){data + at, (size_t)head->n[i]};
        at += round_up(bytes);
    }
    return at == size;
}

static bool are_below(const uint8_t *numbers, size_t n, uint8_t limit)
{
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] >= limit) {
            return false;
        }
    }
    return true;
}

static bool are_shorts_below(const uint16_t *numbers, size_t n, size_t limit)
{
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] >= limit) {
            return false;
        }
    }
    return true;
}

static bool read_truth(struct labels *labels, const struct part parts[static N_SECTIONS])
{
    const struct part *truth = &parts[SECTION_TRUTH];

    labels->truth = (struct class_labels){.n_images = parts[SECTION_SPLIT].n,
                                          .n_classes = labels->catalog.n_classes,
                                          .truth = truth->data,
                                          .split = parts[SECTION_SPLIT].data};
    return truth->n == labels->truth.n_images &&
           are_shorts_below(labels->truth.truth, truth->n, labels->truth.n_classes);
}

static bool are_starts(const size_t *start, size_t n_classes, size_t n_rows)
{
    for (size_t i = 0; i < n_classes; i++) {
        if (start[i] > start[i + 1]) {
            return false;
        }
    }
    return start[0] == 0 && start[n_classes] == n_rows;
}

static bool are_boxes(const struct box_labels *boxes)
{
    for (size_t i = 0; i < boxes->n_rows; i++) {
        const struct box *box = &boxes->box[i];
        if (boxes->image[i] >= boxes->n_images || !isfinite(box->x) || !isfinite(box->y) ||
            !isfinite(box->width) || !isfinite(box->height) || !isfinite(boxes->area[i])) {
            return false;
        }
    }
    return are_below(boxes->is_crowd, boxes->n_rows, 2);
}

static bool read_boxes(struct labels *labels, const struct part parts[static N_SECTIONS])
{
    struct box_labels *boxes = &labels->boxes;
    size_t n_rows = parts[SECTION_IMAGE].n;

    *boxes = (struct box_labels){.n_images = parts[SECTION_SPLIT].n,
                                 .n_classes = labels->catalog.n_classes,
                                 .n_rows = n_rows,
                                 .class_start = parts[SECTION_CLASS_START].data,
                                 .image = parts[SECTION_IMAGE].data,
                                 .box = parts[SECTION_BOX].data,
                                 .area = parts[SECTION_AREA].data,
                                 .is_crowd = parts[SECTION_CROWD].data,
                                 .split = parts[SECTION_SPLIT].data};
    return parts[SECTION_CLASS_START].n == boxes->n_classes + 1 && parts[SECTION_BOX].n == n_rows &&
           parts[SECTION_AREA].n == n_rows && parts[SECTION_CROWD].n == n_rows &&
           are_starts(boxes->class_start, boxes->n_classes, n_rows) && are_boxes(boxes);
}

static bool damaged(struct err *err)
{
    return err_set(err, ERR_PEER, "not a block of labels, or a damaged one");
}

/* The list of the texts of a part, which hold `n` of them; every one ends with a NUL. */
static bool list_texts(const char *const **texts, size_t n, const struct part *part,
                       struct arena *arena, struct err *err)
{
    const char *at = part->data;
    const char *end = at + part->n;
    const char **list = arena_alloc(arena, n, sizeof(*list), err);

    if (list == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const char *text_end = memchr(at, '\0', (size_t)(end - at));
        if (text_end == NULL) {
            return damaged(err);
        }
        list[i] = at;
        at = text_end + 1;
    }
    *texts = list;
    return at == end || damaged(err);
}

static size_t count_texts(const struct part *part)
{
    const char *text = part->data;
    size_t n = 0;

    for (size_t i = 0; i < part->n; i++) {
        n += text[i] == '\0';
    }
    return n;
}

/* The classes, as the categories file has them. */
static bool read_classes(struct labels *labels, const struct part parts[static N_SECTIONS],
                         struct arena *arena, struct err *err)
{
    size_t n = labels->catalog.n_classes;
    const struct part *group = &parts[SECTION_GROUP];
    const struct part *train = &parts[SECTION_TRAIN];
    struct class_info *classes = &labels->classes;

    *classes = (struct class_info){.n_classes = n,
                                   .id = parts[SECTION_CLASS_ID].data,
                                   .n_groups = count_texts(&parts[SECTION_GROUP_NAME]),
                                   .group = group->n == 0 ? NULL : group->data,
                                   .train_images = train->n == 0 ? NULL : train->data};
    if (parts[SECTION_CLASS_ID].n != n ||
        (n > 0 && memcmp(classes->id, labels->catalog.class_id, n * sizeof(*classes->id)) != 0) ||
        (group->n != 0 && group->n != n) || (train->n != 0 && train->n != n) ||
        (classes->n_groups > 0) != (group->n > 0) ||
        !are_shorts_below(group->data, group->n, classes->n_groups)) {
        return damaged(err);
    }
    return (parts[SECTION_NAME].n == 0 ||
            list_texts(&classes->name, n, &parts[SECTION_NAME], arena, err)) &&
           (group->n == 0 || list_texts(&classes->group_name, classes->n_groups,
                                        &parts[SECTION_GROUP_NAME], arena, err));
}

static bool read_competition(struct label_block *block, const struct part *yaml,
                             struct arena *arena, struct err *err)
{
    struct problems *problems = arena_alloc(arena, 1, sizeof(*problems), err);

    block->yaml = yaml->data;
    block->yaml_size = yaml->n;
    return problems != NULL &&
           (competition_load(&block->competition, yaml->data, yaml->n, problems) || damaged(err));
}

bool label_block_open(struct label_block *block, const void *data, size_t size, struct arena *arena,
                      struct err *err)
{
    struct part parts[N_SECTIONS];
    const struct head *head = data;
    struct labels *labels = &block->labels;

    assert((uintptr_t)data % ALIGN == 0);
    *block = (struct label_block){0};
    if (size < round_up(sizeof(*head)) || memcmp(head->magic, magic, sizeof(magic)) != 0 ||
        head->task > TASK_DETECTION || !find_parts(parts, head, data, size)) {
        return damaged(err);
    }
    block->version = head->version;
    block->seeds = &head->seeds;
    block->organizer = head->organizer;
    labels->task = (enum task)head->task;
    if (!read_competition(block, &parts[SECTION_YAML], arena, err) ||
        !catalog_open(&labels->catalog, parts[SECTION_CATALOG].data, parts[SECTION_CATALOG].n,
                      err)) {
        return false;
    }
    bool is_topk = labels->task == TASK_CLASSIFICATION;
    if (block->competition.task != (int)labels->task ||
        parts[SECTION_SPLIT].n != labels->catalog.n_images ||
        !are_below(parts[SECTION_SPLIT].data, parts[SECTION_SPLIT].n, N_SPLITS) ||
        !(is_topk ? read_truth(labels, parts) : read_boxes(labels, parts))) {
        return damaged(err);
    }
    return read_classes(labels, parts, arena, err);
}

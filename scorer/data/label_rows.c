/* SPDX-License-Identifier: MIT */
/*
 * Rows of labels. See the header.
 */
#include "scorer/data/label_rows.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/jwriter.h"

enum { BOX_NUMBERS = 5, BOX_TEXT_SIZE = 24 + BOX_NUMBERS * (DOUBLE_TEXT_SIZE + 1) + 4 };

static const char *const split_names[N_SPLITS] = {"public", "private", "ignored"};

static const uint8_t *splits(const struct labels *labels)
{
    return labels->task == TASK_DETECTION ? labels->boxes.split : labels->truth.split;
}

/* Sorts the boxes by image, keeping their order; the largest image decides the room of a text. */
static bool sort_boxes(struct label_rows *rows, struct err *err)
{
    const struct box_labels *boxes = &rows->labels->boxes;
    uint32_t n_most = 0;

    rows->first = calloc(boxes->n_images + 2, sizeof(*rows->first));
    rows->box = calloc(boxes->n_rows + 1, sizeof(*rows->box));
    if (rows->first == NULL || rows->box == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu boxes", boxes->n_rows);
    }
    for (size_t i = 0; i < boxes->n_rows; i++) { /* counts, two places on */
        uint32_t n = ++rows->first[boxes->image[i] + 2];
        n_most = n > n_most ? n : n_most;
    }
    for (size_t i = 2; i < boxes->n_images + 2; i++) {
        rows->first[i] += rows->first[i - 1];
    }
    for (size_t i = 0; i < boxes->n_rows; i++) { /* first[image + 1] moves to its end */
        rows->box[rows->first[boxes->image[i] + 1]++] = (uint32_t)i;
    }
    rows->text = malloc((size_t)n_most * BOX_TEXT_SIZE + 1);
    return rows->text != NULL ||
           err_set(err, ERR_SYSTEM, "no memory for the text of %" PRIu32 " boxes", n_most);
}

bool label_rows_open(struct label_rows *rows, const struct labels *labels, struct err *err)
{
    *rows = (struct label_rows){.labels = labels};
    if (labels->task == TASK_DETECTION) {
        if (!sort_boxes(rows, err)) {
            label_rows_free(rows);
            return false;
        }
        return true;
    }
    rows->text = malloc(24);
    return rows->text != NULL || err_set(err, ERR_SYSTEM, "no memory for a label");
}

void label_rows_free(struct label_rows *rows)
{
    free(rows->first);
    free(rows->box);
    free(rows->text);
    *rows = (struct label_rows){0};
}

/* The class of a box by its place in class-major order. */
static int64_t class_of(const struct labels *labels, uint32_t box)
{
    const size_t *start = labels->boxes.class_start;
    size_t low = 0;
    size_t high = labels->boxes.n_classes; /* start[low] <= box < start[high] */

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (start[middle] <= box) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return labels->classes.id[low];
}

static size_t write_box(char *text, const struct labels *labels, uint32_t index)
{
    const struct box *box = &labels->boxes.box[index];
    const double numbers[BOX_NUMBERS] = {box->x, box->y, box->width, box->height,
                                         labels->boxes.area[index]};
    size_t size = (size_t)snprintf(text, 24, "%" PRId64, class_of(labels, index));

    for (size_t i = 0; i < BOX_NUMBERS; i++) {
        text[size++] = ' ';
        double_text(text + size, numbers[i]);
        size += strlen(text + size);
    }
    text[size++] = ' ';
    text[size++] = labels->boxes.is_crowd[index] != 0 ? '1' : '0';
    return size;
}

/* commitment_rows' callback */
static void get(struct commitment_row *row, void *context, size_t index)
{
    struct label_rows *rows = context;
    const struct labels *labels = rows->labels;
    size_t size = 0;

    if (labels->task == TASK_CLASSIFICATION) {
        int64_t id = labels->classes.id[labels->truth.truth[index]];
        size = (size_t)snprintf(rows->text, 24, "%" PRId64, id);
    } else {
        for (uint32_t i = rows->first[index]; i < rows->first[index + 1]; i++) {
            if (i > rows->first[index]) {
                rows->text[size++] = ';';
            }
            size += write_box(rows->text + size, labels, rows->box[i]);
        }
    }
    *row = (struct commitment_row){
        .id = rows->id,
        .id_size = catalog_image_id(rows->id, &labels->catalog, (uint32_t)index),
        .split = split_names[splits(labels)[index]],
        .label = rows->text,
        .label_size = size,
    };
}

struct commitment_rows label_rows_all(struct label_rows *rows)
{
    return (struct commitment_rows){
        .n = rows->labels->catalog.n_images, .get = get, .context = rows};
}

void label_rows_count(size_t counts[static N_SPLITS], const struct labels *labels)
{
    memset(counts, 0, N_SPLITS * sizeof(counts[0]));
    for (size_t i = 0; i < labels->catalog.n_images; i++) {
        counts[splits(labels)[i]]++;
    }
}

bool label_rows_root(struct tree_hash *root, const struct labels *labels, const char *competition,
                     const uint8_t seed[static COMMITMENT_SEED_BYTES], struct err *err)
{
    struct label_rows rows = {0};
    struct tree_hash *leaves = calloc((size_t)labels->catalog.n_images + 1, sizeof(*leaves));
    bool ok = leaves != NULL || err_set(err, ERR_SYSTEM, "no memory to commit to labels");

    if (ok && (ok = label_rows_open(&rows, labels, err))) {
        struct commitment_rows all = label_rows_all(&rows);
        ok = commitment_leaves(leaves, seed, competition, &all, err) &&
             commitment_root(root, leaves, all.n, err);
    }
    label_rows_free(&rows);
    free(leaves);
    return ok;
}

/* SPDX-License-Identifier: MIT */
/*
 * Files of label rows. See the header.
 */
#include "schemas/label_list.h"

#include <stdlib.h>
#include <string.h>

static const char *const splits[] = {"public", "private", "ignored"};

/* Adds to a file whose room doubles. */
static bool add(struct bytes *list, size_t *capacity, const void *data, size_t size,
                struct err *err)
{
    if (list->size_bytes + size > *capacity) {
        size_t grown_size = 2 * (list->size_bytes + size) + 4096;
        unsigned char *grown = realloc(list->data, grown_size);
        if (grown == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for a list of %zu bytes", grown_size);
        }
        list->data = grown;
        *capacity = grown_size;
    }
    memcpy(list->data + list->size_bytes, data, size);
    list->size_bytes += size;
    return true;
}

static bool add_row(struct bytes *list, size_t *capacity, const struct commitment_row *row,
                    struct err *err)
{
    if (memchr(row->id, '\n', row->id_size) != NULL) {
        return err_set(err, ERR_INPUT, "an image id holds a line end: it cannot be listed");
    }
    const struct {
        const void *data;
        size_t size;
    } parts[] = {{row->split, strlen(row->split)}, {"\t", 1},
                 {row->label, row->label_size},    {"\t", 1},
                 {row->id, row->id_size},          {"\n", 1}};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (!add(list, capacity, parts[i].data, parts[i].size, err)) {
            return false;
        }
    }
    return true;
}

bool label_list_make(struct bytes *list, const uint8_t seed[static COMMITMENT_SEED_BYTES],
                     const struct commitment_rows *rows, struct err *err)
{
    uint32_t *order = NULL;
    size_t capacity = 0;

    *list = (struct bytes){0};
    if (!commitment_order(&order, seed, rows, err)) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < rows->n && ok; i++) {
        struct commitment_row row;
        rows->get(&row, rows->context, order[i]);
        ok = add_row(list, &capacity, &row, err);
    }
    free(order);
    if (!ok) {
        bytes_free(list);
    }
    return ok;
}

static bool not_a_row(struct err *err)
{
    return err_set(err, ERR_INPUT, "not a row of labels: SPLIT TAB LABEL TAB ID");
}

bool label_list_next(struct label_list_row *row, const char **at, const char *end, struct err *err)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    const char *label = line_end == NULL ? NULL : memchr(*at, '\t', (size_t)(line_end - *at));
    const char *id = label == NULL ? NULL : memchr(label + 1, '\t', (size_t)(line_end - label - 1));

    if (id == NULL || line_end - id - 1 > COMMITMENT_ID_MAX) {
        return not_a_row(err);
    }
    for (size_t i = 0; i < ARRAY_SIZE(splits); i++) {
        if (strlen(splits[i]) == (size_t)(label - *at) &&
            memcmp(splits[i], *at, strlen(splits[i])) == 0) {
            *row = (struct label_list_row){
                .row = {.id = id + 1,
                        .id_size = (size_t)(line_end - id - 1),
                        .split = splits[i],
                        .label = label + 1,
                        .label_size = (size_t)(id - label - 1)},
                .line = *at,
                .line_size = (size_t)(line_end + 1 - *at),
            };
            *at = line_end + 1;
            return true;
        }
    }
    return not_a_row(err);
}

static bool check_rows(struct label_list_sum *sum, struct tree *tree, const char *at,
                       const char *end, const uint8_t seed[static COMMITMENT_SEED_BYTES],
                       const char *competition, struct err *err)
{
    uint8_t last[CRYPT_KEY_BYTES];

    while (at < end) {
        uint8_t place[CRYPT_KEY_BYTES];
        struct label_list_row row;
        struct tree_hash leaf;
        if (!label_list_next(&row, &at, end, err)) {
            return false;
        }
        commitment_place(place, seed, row.row.id, row.row.id_size);
        if (sum->n > 0 && memcmp(last, place, sizeof(place)) >= 0) {
            return err_set(err, ERR_INPUT, "row %zu of the labels is out of order", sum->n);
        }
        memcpy(last, place, sizeof(last));
        commitment_leaf(&leaf, seed, competition, &row.row);
        if (!tree_append(tree, &leaf, err)) {
            return false;
        }
        sum->n++;
        sum->n_public += row.row.split == splits[0];
        sum->n_private += row.row.split == splits[1];
    }
    return true;
}

bool label_list_check(struct label_list_sum *sum, const void *data, size_t size,
                      const uint8_t seed[static COMMITMENT_SEED_BYTES], const char *competition,
                      struct err *err)
{
    const char *at = data;
    struct tree tree = {0};

    *sum = (struct label_list_sum){.n = 0};
    bool ok = check_rows(sum, &tree, at, at + size, seed, competition, err);
    if (ok) {
        tree_root(&sum->root, &tree, sum->n);
    }
    tree_free(&tree);
    return ok;
}

/* SPDX-License-Identifier: MIT */
/*
 * Corrections of labels. Both ways over a tree go from left to right with a stack of subtrees to
 * come, one for each level: no recursion. See the header.
 */
#include "schemas/correction.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum { LEVELS = 64, HEX_SIZE = 2 * TREE_HASH_BYTES, LINE_SIZE = 20 + 2 * (1 + HEX_SIZE) + 2 };

static const char title[] = "assay/correction/v1\n";

void correction_free(struct correction *correction)
{
    free(correction->changes);
    free(correction->siblings);
    *correction = (struct correction){0};
}

static void join(struct tree_hash *node, const struct tree_hash *left,
                 const struct tree_hash *right)
{
    struct sha256 hash;

    sha256_start(&hash);
    sha256_add(&hash, "\1", 1);
    sha256_add(&hash, left->bytes, TREE_HASH_BYTES);
    sha256_add(&hash, right->bytes, TREE_HASH_BYTES);
    sha256_finish(&hash, node->bytes);
}

static bool is_same(const struct tree_hash *a, const struct tree_hash *b)
{
    return memcmp(a->bytes, b->bytes, TREE_HASH_BYTES) == 0;
}

/* The size of the left child of a node over n leaves, n > 1: the largest power of two below n. */
static uint64_t left_size(uint64_t n)
{
    uint64_t size = 1;

    while (2 * size < n) {
        size *= 2;
    }
    return size;
}

/* ---- the way over the tree ---- */

/* A subtree that is to come: leaves first to first + n; n is 0 for "join the last two". */
struct step {
    uint64_t first;
    uint64_t n;
};

/* The subtrees without a change, single changed leaves, and joints, in the order of the fold. */
struct walk {
    const struct correction_change *changes;
    size_t n_changes;
    size_t next; /* change */
    struct step steps[2 * LEVELS];
    size_t n_steps;
};

enum walk_kind { WALK_SIBLING, WALK_LEAF, WALK_JOIN, WALK_END };

static struct walk walk_start(const struct correction_change *changes, size_t n_changes, uint64_t n)
{
    struct walk walk = {.changes = changes, .n_changes = n_changes, .n_steps = 1};

    walk.steps[0] = (struct step){.first = 0, .n = n};
    return walk;
}

static enum walk_kind walk_next(struct walk *walk, struct step *step)
{
    while (walk->n_steps > 0) {
        *step = walk->steps[--walk->n_steps];
        if (step->n == 0) {
            return WALK_JOIN;
        }
        if (walk->next == walk->n_changes ||
            walk->changes[walk->next].place >= step->first + step->n) {
            return WALK_SIBLING;
        }
        if (step->n == 1) {
            walk->next++;
            return WALK_LEAF;
        }
        uint64_t left = left_size(step->n);
        walk->steps[walk->n_steps++] = (struct step){.n = 0};
        walk->steps[walk->n_steps++] =
            (struct step){.first = step->first + left, .n = step->n - left};
        walk->steps[walk->n_steps++] = (struct step){.first = step->first, .n = left};
    }
    return WALK_END;
}

/* ---- making ---- */

/* The changed rows; room for all of them is made first. */
static bool find_changes(struct correction *correction, const struct tree_hash *old_leaves,
                         const struct tree_hash *new_leaves, size_t n, struct err *err)
{
    size_t n_changes = 0;

    for (size_t i = 0; i < n; i++) {
        n_changes += !is_same(&old_leaves[i], &new_leaves[i]);
    }
    if (n_changes == 0) {
        return err_set(err, ERR_INPUT, "no label is another than before");
    }
    correction->changes = calloc(n_changes, sizeof(*correction->changes));
    if (correction->changes == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu changes", n_changes);
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_same(&old_leaves[i], &new_leaves[i])) {
            correction->changes[correction->n_changes++] = (struct correction_change){
                .place = i, .old_leaf = old_leaves[i], .new_leaf = new_leaves[i]};
        }
    }
    return true;
}

/* The root over n leaves, n > 0: with a stack of complete subtrees. */
static void root_of(struct tree_hash *root, const struct tree_hash *leaves, uint64_t n)
{
    struct tree_hash stack[LEVELS];
    size_t used = 0;

    for (uint64_t i = 0; i < n; i++) {
        stack[used++] = leaves[i];
        for (uint64_t rest = i; rest % 2 == 1; rest /= 2) {
            used--;
            join(&stack[used - 1], &stack[used - 1], &stack[used]);
        }
    }
    for (; used > 1; used--) {
        join(&stack[used - 2], &stack[used - 2], &stack[used - 1]);
    }
    *root = stack[0];
}

static bool add_sibling(struct correction *correction, size_t *capacity,
                        const struct tree_hash *leaves, const struct step *step, struct err *err)
{
    if (correction->n_siblings == *capacity) {
        size_t grown_n = 2 * *capacity + 64;
        struct tree_hash *grown = realloc(correction->siblings, grown_n * sizeof(*grown));
        if (grown == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for %zu hashes", grown_n);
        }
        correction->siblings = grown;
        *capacity = grown_n;
    }
    root_of(&correction->siblings[correction->n_siblings++], leaves + step->first, step->n);
    return true;
}

bool correction_make(struct correction *correction, const struct tree_hash *old_leaves,
                     const struct tree_hash *new_leaves, size_t n, struct err *err)
{
    enum walk_kind kind;
    size_t capacity = 0;
    struct step step;

    *correction = (struct correction){.size = n};
    bool ok = find_changes(correction, old_leaves, new_leaves, n, err);
    struct walk walk = walk_start(correction->changes, correction->n_changes, n);
    while (ok && (kind = walk_next(&walk, &step)) != WALK_END) {
        ok = kind != WALK_SIBLING || add_sibling(correction, &capacity, old_leaves, &step, err);
    }
    if (!ok) {
        correction_free(correction);
    }
    return ok;
}

/* ---- the file ---- */

bool correction_write(struct bytes *text, const struct correction *correction, struct err *err)
{
    size_t room = sizeof(title) + LINE_SIZE + correction->n_changes * LINE_SIZE + 1 +
                  correction->n_siblings * (HEX_SIZE + 1);
    char *data = malloc(room);

    *text = (struct bytes){.data = (unsigned char *)data};
    if (data == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a correction of %zu bytes", room);
    }
    size_t used = (size_t)snprintf(data, room, "%ssize %" PRIu64 "\n", title, correction->size);
    for (size_t i = 0; i < correction->n_changes; i++) {
        const struct correction_change *change = &correction->changes[i];
        char old_leaf[HEX_SIZE + 1];
        char new_leaf[HEX_SIZE + 1];
        hex_text(old_leaf, change->old_leaf.bytes, TREE_HASH_BYTES);
        hex_text(new_leaf, change->new_leaf.bytes, TREE_HASH_BYTES);
        used += (size_t)snprintf(data + used, room - used, "%" PRIu64 " %s %s\n", change->place,
                                 old_leaf, new_leaf);
    }
    data[used++] = '\n';
    for (size_t i = 0; i < correction->n_siblings; i++) {
        hex_text(data + used, correction->siblings[i].bytes, TREE_HASH_BYTES);
        used += HEX_SIZE;
        data[used++] = '\n';
    }
    text->size_bytes = used;
    return true;
}

/* What of a file is left. */
struct reader {
    const char *at;
    const char *end;
};

static bool skip(struct reader *reader, const char *text)
{
    size_t size = strlen(text);

    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, text, size) != 0) {
        return false;
    }
    reader->at += size;
    return true;
}

/* A number without leading zeros, at most CORRECTION_SIZE_MAX. */
static bool take_number(struct reader *reader, uint64_t *number)
{
    const char *begin = reader->at;

    *number = 0;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9' &&
           *number <= CORRECTION_SIZE_MAX) {
        *number = 10 * *number + (uint64_t)(*reader->at++ - '0');
    }
    size_t n_digits = (size_t)(reader->at - begin);
    return *number <= CORRECTION_SIZE_MAX && (n_digits == 1 || (n_digits > 1 && *begin != '0'));
}

static bool take_hash(struct reader *reader, struct tree_hash *hash)
{
    char again[HEX_SIZE + 1];
    struct err ignored;

    if (reader->end - reader->at < HEX_SIZE ||
        !hex_read(hash->bytes, TREE_HASH_BYTES, reader->at, HEX_SIZE, &ignored)) {
        return false;
    }
    hex_text(again, hash->bytes, TREE_HASH_BYTES);
    bool is_lower = memcmp(again, reader->at, HEX_SIZE) == 0;
    reader->at += HEX_SIZE;
    return is_lower;
}

static bool take_change(struct reader *reader, struct correction_change *change)
{
    if (!take_number(reader, &change->place) || !skip(reader, " ")) {
        return false;
    }
    if (!take_hash(reader, &change->old_leaf) || !skip(reader, " ")) {
        return false;
    }
    return take_hash(reader, &change->new_leaf) && skip(reader, "\n");
}

static bool take_changes(struct reader *reader, struct correction *correction)
{
    do {
        struct correction_change *change = &correction->changes[correction->n_changes];
        if (!take_change(reader, change) || change->place >= correction->size ||
            (correction->n_changes > 0 && change[-1].place >= change->place) ||
            is_same(&change->old_leaf, &change->new_leaf)) {
            return false;
        }
        correction->n_changes++;
    } while (!skip(reader, "\n"));
    return true;
}

static bool take_siblings(struct reader *reader, struct correction *correction)
{
    while (reader->at < reader->end) {
        if (!take_hash(reader, &correction->siblings[correction->n_siblings++]) ||
            !skip(reader, "\n")) {
            return false;
        }
    }
    return true;
}

bool correction_read(struct correction *correction, const void *text, size_t size, struct err *err)
{
    struct reader reader = {.at = text, .end = (const char *)text + size};

    *correction = (struct correction){0};
    /* a line of each has more bytes than this, and one more may be begun */
    correction->changes = calloc(size / (2 * HEX_SIZE) + 1, sizeof(*correction->changes));
    correction->siblings = calloc(size / HEX_SIZE + 1, sizeof(*correction->siblings));
    if (correction->changes == NULL || correction->siblings == NULL) {
        correction_free(correction);
        return err_set(err, ERR_SYSTEM, "no memory for a correction of %zu bytes", size);
    }
    if (skip(&reader, title) && skip(&reader, "size ") && take_number(&reader, &correction->size) &&
        skip(&reader, "\n") && take_changes(&reader, correction) &&
        take_siblings(&reader, correction)) {
        return true;
    }
    correction_free(correction);
    return err_set(err, ERR_INPUT, "not the proof of a correction");
}

/* ---- checking ---- */

/* A subtree under the old labels and under the new ones. */
struct both {
    struct tree_hash old_hash;
    struct tree_hash new_hash;
};

bool correction_check(const struct correction *correction, const struct tree_hash *old_root,
                      const struct tree_hash *new_root, struct err *err)
{
    struct walk walk = walk_start(correction->changes, correction->n_changes, correction->size);
    struct both stack[LEVELS];
    size_t used = 0;
    size_t next = 0; /* sibling */
    enum walk_kind kind;
    struct step step;

    while ((kind = walk_next(&walk, &step)) != WALK_END) {
        if (kind == WALK_JOIN) {
            used--;
            join(&stack[used - 1].old_hash, &stack[used - 1].old_hash, &stack[used].old_hash);
            join(&stack[used - 1].new_hash, &stack[used - 1].new_hash, &stack[used].new_hash);
        } else if (kind == WALK_LEAF) {
            const struct correction_change *change = &correction->changes[walk.next - 1];
            stack[used++] = (struct both){change->old_leaf, change->new_leaf};
        } else if (next == correction->n_siblings) {
            return err_set(err, ERR_INPUT, "the proof of the correction is too short");
        } else {
            const struct tree_hash *sibling = &correction->siblings[next++];
            stack[used++] = (struct both){*sibling, *sibling};
        }
    }
    if (next != correction->n_siblings) {
        return err_set(err, ERR_INPUT, "the proof of the correction is too long");
    }
    if (!is_same(&stack[0].old_hash, old_root) || !is_same(&stack[0].new_hash, new_root)) {
        return err_set(err, ERR_INPUT, "the proof of the correction leads to other label roots");
    }
    return true;
}

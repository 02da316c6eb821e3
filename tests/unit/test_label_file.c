/* SPDX-License-Identifier: MIT */
/*
 * Label sets as blocks and as sealed files: what comes out is what went in, and nothing that was
 * changed is opened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/text.h"
#include "scorer/data/label_file.h"
#include "scorer/data/label_rows.h"

enum { ARENA_BYTES = 64 << 20 };

static char root[] = "/tmp/assay-label-file-XXXXXX";
static char folder[64];

static const struct label_seeds seeds = {.label = {1}, .score = {2}};
static const uint8_t organizer[CRYPT_PUBLIC_KEY_BYTES] = {3};

static const char birds_yaml[] = "competition: birds\ntask: classification\nmetric: top1_error\n"
                                 "submission: {format: topk, k: 1}\n";
static const char boxes_yaml[] = "competition: boxes\ntask: detection\nmetric: AP\n"
                                 "submission: {format: boxes}\n";

static const char *inside(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    char above[128];
    struct err err;

    assert_true(path_folder(above, sizeof(above), inside(name), &err));
    assert_true(folder_make(above, 0700, &err));
    assert_true(file_write_durable(inside(name), text, strlen(text), 0600, &err));
}

static int start(void **state)
{
    struct err err;

    (void)state;
    if (mkdtemp(root) == NULL || !crypt_start(&err)) {
        return -1;
    }
    snprintf(folder, sizeof(folder), "%s/labels", root);
    write_text("solution.csv", "id,expected,usage\nb,7,Private\na,4,Public\nc,4,Ignored\n");
    write_text("classes.csv", "category_id,name,supercategory,train_images\n4,owl,birds,3\n7,elm,"
                              "trees,\n");
    write_text("coco/ground_truth.csv",
               "image_id,category_id,x,y,width,height,area,iscrowd\n"
               "2,2,1,2.5,3,4,12,0\n1,1,0.1,0,10,20,200,1\n2,1,5,5,1,1,1,0\n2,2,0,0,1,1,1,0\n");
    write_text("coco/images.csv", "image_id,usage\n1,Public\n2,Private\n3,Public\n");
    write_text("coco/categories.csv", "category_id\n1\n2\n");
    return 0;
}

static int stop(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static struct labels *load(enum task task, const char *path, const char *categories)
{
    static struct problems problems;
    const struct labels_source source = {.task = task, .path = path, .categories = categories};
    struct labels *labels = NULL;
    struct err err;

    if (!labels_load(&labels, &source, &problems, &err)) {
        fail_msg("%s", err.text);
    }
    return labels;
}

static struct bytes make(const struct labels *labels, const char *yaml)
{
    const struct label_block_source source = {.version = 1,
                                              .seeds = &seeds,
                                              .organizer = organizer,
                                              .yaml = yaml,
                                              .yaml_size = strlen(yaml),
                                              .labels = labels};
    struct bytes block = {0};
    struct err err;

    assert_true(label_block_make(&block, &source, &err));
    return block;
}

/* A copy that is aligned as an arena aligns it. */
static void *copy_block(const struct bytes *block, struct arena *arena)
{
    struct err err;
    void *copy = arena_alloc(arena, block->size_bytes, 1, &err);

    assert_non_null(copy);
    memcpy(copy, block->data, block->size_bytes);
    return copy;
}

static void test_label_block_classification(void **state)
{
    struct labels *labels =
        load(TASK_CLASSIFICATION, inside("solution.csv"), inside("classes.csv"));
    struct bytes block = make(labels, birds_yaml);
    struct bytes again = make(labels, birds_yaml);
    struct arena *arena = NULL;
    struct label_block opened;
    struct err err = {0};

    (void)state;
    assert_int_equal(block.size_bytes, again.size_bytes);
    assert_memory_equal(block.data, again.data, block.size_bytes);
    assert_true(arena_open(&arena, ARENA_BYTES, &err));
    assert_true(
        label_block_open(&opened, copy_block(&block, arena), block.size_bytes, arena, &err));
    assert_int_equal(opened.version, 1);
    assert_memory_equal(opened.seeds, &seeds, sizeof(seeds));
    assert_memory_equal(opened.organizer, organizer, sizeof(organizer));
    assert_string_equal(opened.competition.id, "birds");
    assert_int_equal(opened.yaml_size, strlen(birds_yaml));
    assert_memory_equal(opened.yaml, birds_yaml, opened.yaml_size);
    assert_int_equal(opened.labels.task, TASK_CLASSIFICATION);
    assert_int_equal(opened.labels.truth.n_images, 3);
    assert_memory_equal(opened.labels.truth.truth, labels->truth.truth, 3 * sizeof(uint16_t));
    assert_memory_equal(opened.labels.truth.split, labels->truth.split, 3);
    assert_int_equal(opened.labels.classes.n_classes, 2);
    assert_int_equal(opened.labels.classes.id[1], 7);
    assert_string_equal(opened.labels.classes.name[1], "elm");
    assert_int_equal(opened.labels.classes.n_groups, 2);
    assert_string_equal(opened.labels.classes.group_name[1], "trees");
    assert_int_equal(opened.labels.classes.group[1], 1);
    assert_int_equal(opened.labels.classes.train_images[0], 3);
    assert_int_equal(opened.labels.classes.train_images[1], -1);
    assert_int_equal(catalog_find_image(&opened.labels.catalog, "b", 1), 1);
    arena_close(&arena);
    labels_close(&labels);
    bytes_free(&block);
    bytes_free(&again);
}

static void test_label_block_detection(void **state)
{
    struct labels *labels = load(TASK_DETECTION, inside("coco"), NULL);
    struct bytes block = make(labels, boxes_yaml);
    struct arena *arena = NULL;
    struct label_block opened;
    struct err err = {0};

    (void)state;
    assert_true(arena_open(&arena, ARENA_BYTES, &err));
    assert_true(
        label_block_open(&opened, copy_block(&block, arena), block.size_bytes, arena, &err));
    const struct box_labels *boxes = &opened.labels.boxes;
    assert_int_equal(boxes->n_images, 3);
    assert_int_equal(boxes->n_rows, 4);
    assert_memory_equal(boxes->class_start, labels->boxes.class_start, 3 * sizeof(size_t));
    assert_memory_equal(boxes->image, labels->boxes.image, 4 * sizeof(uint32_t));
    assert_memory_equal(boxes->box, labels->boxes.box, 4 * sizeof(struct box));
    assert_memory_equal(boxes->area, labels->boxes.area, 4 * sizeof(double));
    assert_memory_equal(boxes->is_crowd, labels->boxes.is_crowd, 4);
    assert_memory_equal(boxes->split, labels->boxes.split, 3);
    assert_null(opened.labels.classes.name);
    assert_null(opened.labels.classes.group);
    assert_null(opened.labels.classes.train_images);
    arena_close(&arena);
    labels_close(&labels);
    bytes_free(&block);
}

/* Bits of a header and cuts: refused, or still a block; never read outside (sanitizers). */
static void test_label_block_damaged(void **state)
{
    struct labels *labels = load(TASK_DETECTION, inside("coco"), NULL);
    struct bytes block = make(labels, boxes_yaml);
    struct arena *arena = NULL;
    struct label_block opened;
    struct err err = {0};
    size_t n_refused = 0;

    (void)state;
    assert_true(arena_open(&arena, ARENA_BYTES, &err));
    for (size_t at = 0; at < block.size_bytes; at++) {
        block.data[at] ^= 0xff;
        arena_reset(arena);
        if (!label_block_open(&opened, copy_block(&block, arena), block.size_bytes, arena, &err)) {
            assert_int_equal(err.code, ERR_PEER);
            n_refused++;
        }
        block.data[at] ^= 0xff;
    }
    assert_true(n_refused > block.size_bytes / 2);
    for (size_t size = 0; size < block.size_bytes; size += 8) {
        struct bytes cut = {.data = block.data, .size_bytes = size};
        arena_reset(arena);
        assert_false(label_block_open(&opened, copy_block(&cut, arena), size, arena, &err));
        assert_int_equal(err.code, ERR_PEER);
    }
    arena_close(&arena);
    labels_close(&labels);
    bytes_free(&block);
}

static void expect_row(const struct commitment_rows *rows, size_t index, const char *id,
                       const char *split, const char *label)
{
    struct commitment_row row;

    rows->get(&row, rows->context, index);
    assert_int_equal(row.id_size, strlen(id));
    assert_memory_equal(row.id, id, row.id_size);
    assert_string_equal(row.split, split);
    assert_int_equal(row.label_size, strlen(label));
    assert_memory_equal(row.label, label, row.label_size);
}

static void test_label_rows(void **state)
{
    struct labels *topk = load(TASK_CLASSIFICATION, inside("solution.csv"), NULL);
    struct labels *boxes = load(TASK_DETECTION, inside("coco"), NULL);
    struct label_rows rows;
    size_t counts[N_SPLITS];
    struct err err = {0};

    (void)state;
    assert_true(label_rows_open(&rows, topk, &err));
    struct commitment_rows all = label_rows_all(&rows);
    assert_int_equal(all.n, 3);
    expect_row(&all, 0, "a", "public", "4");
    expect_row(&all, 1, "b", "private", "7");
    expect_row(&all, 2, "c", "ignored", "4");
    label_rows_count(counts, topk);
    assert_int_equal(counts[SPLIT_IGNORED], 1);
    label_rows_free(&rows);

    assert_true(label_rows_open(&rows, boxes, &err));
    all = label_rows_all(&rows);
    expect_row(&all, 0, "1", "public", "1 0.1 0.0 10.0 20.0 200.0 1");
    expect_row(&all, 1, "2", "private",
               "1 5.0 5.0 1.0 1.0 1.0 0;2 1.0 2.5 3.0 4.0 12.0 0;2 0.0 0.0 1.0 1.0 1.0 0");
    expect_row(&all, 2, "3", "public", "");
    label_rows_count(counts, boxes);
    assert_int_equal(counts[SPLIT_PUBLIC], 2);
    label_rows_free(&rows);
    labels_close(&topk);
    labels_close(&boxes);
}

static struct scoreseal_key key_of(uint8_t byte)
{
    struct scoreseal_key key;

    memset(key.secret_key, byte, sizeof(key.secret_key));
    crypt_curve_public(key.public_key, key.secret_key);
    return key;
}

static bool seal(const struct bytes *block, struct scoreseal_key *key)
{
    struct err err = {0};

    return label_file_write(folder, "birds", 1, block, &key->public_key, 1, &err);
}

static void expect_refused(const char *id, uint32_t version, const struct scoreseal_key *key,
                           const uint8_t *sha256, enum err_code code)
{
    struct label_file file;
    struct err err = {0};

    assert_false(label_file_open(&file, folder, id, version, key, sha256, &err));
    assert_int_equal(err.code, code);
    assert_null(file.arena);
}

static void test_label_file(void **state)
{
    struct labels *labels = load(TASK_CLASSIFICATION, inside("solution.csv"), NULL);
    struct bytes block = make(labels, birds_yaml);
    struct scoreseal_key key = key_of(1);
    struct scoreseal_key other = key_of(2);
    struct tree_hash made;
    struct tree_hash opened;
    uint8_t sha256[SHA256_BYTES];
    struct label_file file;
    struct stat info;
    struct err err = {0};

    (void)state;
    sha256_of(sha256, block.data, block.size_bytes);
    assert_false(label_file_exists(folder, "birds", 1));
    assert_true(seal(&block, &key));
    assert_true(label_file_exists(folder, "birds", 1));
    assert_int_equal(stat(inside("labels/birds/1.sealed"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(label_file_open(&file, folder, "birds", 1, &key, sha256, &err));
    assert_memory_equal(file.sha256, sha256, sizeof(sha256));
    assert_memory_equal(file.data, block.data, block.size_bytes);
    assert_true(label_rows_root(&made, labels, "birds", seeds.label, &err));
    assert_true(label_rows_root(&opened, &file.block.labels, "birds", seeds.label, &err));
    assert_memory_equal(&made, &opened, sizeof(made));
    label_file_close(&file);
    label_file_close(&file); /* an ended one is fine */

    expect_refused("birds", 1, &other, NULL, ERR_PEER);
    sha256[0] ^= 1;
    expect_refused("birds", 1, &key, sha256, ERR_CONFIG);
    expect_refused("birds", 2, &key, NULL, ERR_CONFIG);
    expect_refused("../birds", 1, &key, NULL, ERR_CONFIG);
    assert_int_equal(rename(inside("labels/birds/1.sealed"), inside("labels/birds/2.sealed")), 0);
    expect_refused("birds", 2, &key, NULL, ERR_CONFIG); /* version 1 under another name */
    block.data[0] ^= 1;                                 /* not a block, and yet sealed */
    assert_true(seal(&block, &key));
    expect_refused("birds", 1, &key, NULL, ERR_PEER);
    assert_true(label_file_remove(folder, "birds", 1, &err));
    assert_true(label_file_remove(folder, "birds", 1, &err)); /* not there: fine */
    assert_false(label_file_exists(folder, "birds", 1));
    assert_false(label_file_remove(folder, "a/b", 1, &err));
    labels_close(&labels);
    bytes_free(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_block_classification),
        cmocka_unit_test(test_label_block_detection),
        cmocka_unit_test(test_label_block_damaged),
        cmocka_unit_test(test_label_rows),
        cmocka_unit_test(test_label_file),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

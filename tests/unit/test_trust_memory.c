/* SPDX-License-Identifier: MIT */
/*
 * No memory, at each place where the code of receipts, logs and commitments asks for some: the n-th
 * request fails, for every n until none does. It is said, and nothing is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/correction.h"
#include "schemas/history.h"
#include "schemas/label_list.h"
#include "schemas/scoreseal.h"
#include "scorer/worker/seal.h"

/* ---- what fails ---- */

static long countdown; /* the request that fails; 0: none */
static long balance;   /* pieces of memory that were not given back */
static bool is_sodium_broken;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *data, size_t size);
void __real_free(void *data);
int __real_sodium_init(void);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *data, size_t size);
void __wrap_free(void *data);
int __wrap_sodium_init(void);

static bool is_failing(void)
{
    return countdown > 0 && --countdown == 0;
}

void *__wrap_malloc(size_t size)
{
    void *data = is_failing() ? NULL : __real_malloc(size);

    balance += data != NULL;
    return data;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *data = is_failing() ? NULL : __real_calloc(n, size);

    balance += data != NULL;
    return data;
}

void *__wrap_realloc(void *data, size_t size)
{
    void *grown = is_failing() ? NULL : __real_realloc(data, size);

    balance += data == NULL && grown != NULL;
    return grown;
}

void __wrap_free(void *data)
{
    balance -= data != NULL;
    __real_free(data);
}

int __wrap_sodium_init(void)
{
    return is_sodium_broken ? -1 : __real_sodium_init();
}

/* Runs with the first, second, … request failing, until all go well; returns how many there are. */
static long fail_each(bool (*attempt)(struct err *err))
{
    for (long n = 1;; n++) {
        struct err err = {0};
        long before = balance;
        countdown = n;
        bool ok = attempt(&err);
        bool has_failed = countdown == 0;
        countdown = 0;
        assert_int_equal(balance, before);
        assert_int_equal(ok, !has_failed);
        if (ok) {
            return n - 1;
        }
        assert_int_equal(err.code, ERR_SYSTEM);
    }
}

/* ---- what is tried ---- */

enum { N_ROWS = 100 };

static const uint8_t seed[COMMITMENT_SEED_BYTES] = {1};
static struct tree_hash old_leaves[N_ROWS];
static struct tree_hash new_leaves[N_ROWS];
static char list_text[64 << 10];
static char history_text[64 << 10];
static struct note_public_key log_key = {.origin = "host/demo"};

static void get_row(struct commitment_row *row, void *context, size_t index)
{
    static char id[32];

    (void)context;
    snprintf(id, sizeof(id), "a long name of an image, %zu", index % N_ROWS);
    *row = (struct commitment_row){
        .id = id, .id_size = strlen(id), .split = "public", .label = "7", .label_size = 1};
}

static const struct commitment_rows rows = {.n = N_ROWS, .get = get_row};

static bool try_leaves(struct err *err)
{
    return commitment_leaves(old_leaves, seed, "demo", &rows, err);
}

static bool try_root(struct err *err)
{
    struct tree_hash root;

    return commitment_root(&root, old_leaves, N_ROWS, err);
}

static bool try_list(struct err *err)
{
    struct bytes list;

    if (!label_list_make(&list, seed, &rows, err)) {
        return false;
    }
    memcpy(list_text, list.data, list.size_bytes);
    list_text[list.size_bytes] = '\0';
    bytes_free(&list);
    return true;
}

/* Rows with texts of other lengths: every part of one meets the end of the room. */
static void get_other_row(struct commitment_row *row, void *context, size_t index)
{
    static char label[8192];
    static const char *const splits[] = {"public", "private", "ignored"};

    get_row(row, context, index);
    memset(label, '7', sizeof(label));
    row->split = splits[index % 3];
    row->label = label;
    row->label_size = *(const size_t *)context;
}

static size_t label_size;

static bool try_other_list(struct err *err)
{
    const struct commitment_rows others = {.n = 1, .get = get_other_row, .context = &label_size};
    struct bytes list;

    if (!label_list_make(&list, seed, &others, err)) {
        return false;
    }
    bytes_free(&list);
    return true;
}

static bool try_list_check(struct err *err)
{
    struct label_list_sum sum;

    return label_list_check(&sum, list_text, strlen(list_text), seed, "demo", err);
}

static bool try_correction(struct err *err)
{
    struct correction correction;
    struct bytes text;

    if (!correction_make(&correction, old_leaves, new_leaves, N_ROWS, err)) {
        return false;
    }
    bool ok = correction_write(&text, &correction, err);
    correction_free(&correction);
    ok = ok && correction_read(&correction, text.data, text.size_bytes, err);
    bytes_free(&text);
    correction_free(&correction);
    return ok;
}

static bool try_history(struct err *err)
{
    struct history history;

    if (!history_read(&history, &log_key, history_text, strlen(history_text), err)) {
        return false;
    }
    history_free(&history);
    return true;
}

static bool try_scoreseal(struct err *err)
{
    uint8_t recipients[1][CRYPT_KEY_BYTES] = {{9}};
    struct bytes sealed = {0};

    if (!scoreseal_make(&sealed, (const uint8_t(*)[CRYPT_KEY_BYTES])recipients, 1, "a", 1, err)) {
        return false;
    }
    bytes_free(&sealed);
    return true;
}

static bool try_seal(struct err *err)
{
    static const struct seal_key key = {.key = "a key of the tests, 32 bytes...."};
    const struct seal_subject subject = {.submission = "s1", .submission_size = 2};
    const struct seal_score score = {.has_value = true, .value = 0.5, .json = ""};
    struct seal_score again;
    struct bytes box = {0};
    struct bytes plain = {0};

    if (!seal_close(&box, &key, &subject, &score, err)) {
        return false;
    }
    bool ok = seal_open(&again, &plain, &key, &subject, box.data, box.size_bytes, err);
    bytes_free(&box);
    bytes_free(&plain);
    return ok;
}

static void make_history(void)
{
    uint8_t secret_key[CRYPT_SECRET_KEY_BYTES];
    struct tree tree = {0};
    struct err err;

    crypt_sign_keys(log_key.key, secret_key, seed);
    for (uint64_t size = 1; size <= 5; size++) {
        char note[NOTE_SIZE];
        struct checkpoint checkpoint = {.size = size};
        struct note_step step = {.old_size = size - 1, .note = note};
        assert_true(tree_append(&tree, &old_leaves[size], &err));
        tree_root(&checkpoint.root, &tree, size);
        tree_prove_growth(&step.growth, &tree, size - 1, size);
        checkpoint_sign(note, &checkpoint, &log_key, secret_key);
        step.note_size = strlen(note);
        note_step_write(history_text + strlen(history_text), &step);
    }
    tree_free(&tree);
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_int_equal(fail_each(try_leaves), 2);
    assert_in_range(fail_each(try_root), 7, 30);
    assert_in_range(fail_each(try_list), 3, 10);
    assert_in_range(fail_each(try_list_check), 7, 30);
    memcpy(new_leaves, old_leaves, sizeof(new_leaves));
    for (size_t i = 0; i < N_ROWS; i += 3) {
        new_leaves[i].bytes[0] ^= 1;
    }
    assert_in_range(fail_each(try_correction), 5, 20);
    make_history();
    assert_int_equal(fail_each(try_history), 4);
    assert_int_equal(fail_each(try_scoreseal), 1);
    assert_int_equal(fail_each(try_seal), 3);
}

/* The room of a list ends before each part of a row. */
static void test_no_memory_for_each_part(void **state)
{
    (void)state;
    for (label_size = 4070; label_size < 4110; label_size++) {
        assert_in_range(fail_each(try_other_list), 3, 4);
    }
    for (label_size = 4096 - 8; label_size < 8192; label_size += 2000) {
        assert_in_range(fail_each(try_other_list), 3, 5);
    }
}

static void test_no_library(void **state)
{
    struct err err;

    (void)state;
    is_sodium_broken = true;
    assert_false(crypt_start(&err));
    assert_int_equal(err.code, ERR_SYSTEM);
    is_sodium_broken = false;
}

static int start(void **state)
{
    struct err err;

    (void)state;
    return crypt_start(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_for_each_part),
        cmocka_unit_test(test_no_library),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * What the entries of a log vouch for. See the header.
 */
#include "client/attest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/ordered.h"
#include "common/text.h"
#include "schemas/label_list.h"
#include "schemas/opening.h"
#include "schemas/order.h"
#include "schemas/statement.h"

enum { ID_TEXT = 32, KEY_HEX = 2 * CRYPT_PUBLIC_KEY_BYTES };

/* ---- what was seen ---- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct attest_submission *)a)->id,
                  ((const struct attest_submission *)b)->id);
}

static int by_id_and_labels(const void *a, const void *b)
{
    const struct attest_result *left = a;
    const struct attest_result *right = b;
    int order = strcmp(left->id, right->id);

    return order != 0 ? order : (left->labels > right->labels) - (left->labels < right->labels);
}

static const struct attest_submission *find_submission(const struct attest *attest, const char *id)
{
    struct attest_submission key;

    memcpy(key.id, id, sizeof(key.id));
    return ordered_find(&attest->submissions, &key, by_id);
}

static const struct attest_result *find_result(const struct attest *attest, const char *id,
                                               int64_t labels)
{
    struct attest_result key = {.labels = labels};

    memcpy(key.id, id, ID_TEXT);
    return ordered_find(&attest->results, &key, by_id_and_labels);
}

static bool read_hash(uint8_t hash[static SHA256_BYTES], const char *hex, struct err *err)
{
    return hex_read(hash, SHA256_BYTES, hex, strlen(hex), err);
}

static bool read_signature(uint8_t signature[static CRYPT_SIGNATURE_BYTES], const char *text,
                           struct err *err)
{
    return crypt_base64_read(signature, CRYPT_SIGNATURE_BYTES, text, strlen(text), err);
}

static bool add_label_root(struct attest *attest, const char *hex, struct err *err)
{
    struct tree_hash *grown =
        realloc(attest->label_roots, (attest->n_label_roots + 1) * sizeof(*grown));

    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the label roots");
    }
    attest->label_roots = grown;
    return read_hash(grown[attest->n_label_roots++].bytes, hex, err);
}

static const struct tree_hash *label_root(const struct attest *attest, int64_t labels,
                                          struct err *err)
{
    if (labels < 1 || (uint64_t)labels > attest->n_label_roots) {
        err_set(err, ERR_INPUT, "the log has no labels of version %" PRId64, labels);
        return NULL;
    }
    return &attest->label_roots[labels - 1];
}

/* ---- workers ---- */

static bool add_workers(struct attest *attest, const char *words, struct err *err)
{
    struct worker_public_key keys[WORKER_KEYS_MAX];
    size_t n;

    if (!worker_keys_read(keys, &n, words, strlen(words), err)) {
        return false;
    }
    if (n == 0) {
        return true;
    }
    struct worker_public_key *grown =
        realloc(attest->workers, (attest->n_workers + n) * sizeof(*grown));
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the workers");
    }
    memcpy(grown + attest->n_workers, keys, n * sizeof(*keys));
    attest->workers = grown;
    attest->n_workers += n;
    return true;
}

static bool is_listed(const struct attest *attest, const uint8_t key[static CRYPT_PUBLIC_KEY_BYTES])
{
    for (size_t i = 0; i < attest->n_workers; i++) {
        if (memcmp(attest->workers[i].sign, key, CRYPT_PUBLIC_KEY_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- results ---- */

/* Whether a key that the log lists signed a result, with this build of the scorer. */
static bool check_statement(const struct attest *attest, const struct entry *entry,
                            const char *key_hex, const char *signature_text, const char *build,
                            struct err *err)
{
    const struct entry_value *values = entry->values;
    const char *id = values[ENTRY_RESULT_ID].text;
    const struct attest_submission *submission = find_submission(attest, id);
    const struct tree_hash *root = label_root(attest, values[ENTRY_RESULT_LABELS].number, err);
    uint8_t hashes[4][SHA256_BYTES];
    uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];

    if (root == NULL || !hex_read(key, sizeof(key), key_hex, KEY_HEX, err) ||
        !read_signature(signature, signature_text, err) ||
        !read_hash(hashes[0], values[ENTRY_RESULT_SCORECARD_SHA256].text, err) ||
        !read_hash(hashes[1], values[ENTRY_RESULT_SEALED_SHA256].text, err) ||
        !read_hash(hashes[2], values[ENTRY_RESULT_PUBLIC_COMMITMENT].text, err) ||
        !read_hash(hashes[3], values[ENTRY_RESULT_PRIVATE_COMMITMENT].text, err)) {
        return false;
    }
    if (submission == NULL) {
        return err_set(err, ERR_INPUT, "result of %s, which the log has not before it", id);
    }
    if (!is_listed(attest, key)) {
        return err_set(err, ERR_INPUT, "result of %s is signed by no worker that is listed", id);
    }
    const struct statement statement = {.competition = entry->competition,
                                        .submission = id,
                                        .file_sha256 = submission->file_sha256,
                                        .labels = (uint32_t)values[ENTRY_RESULT_LABELS].number,
                                        .label_root = root->bytes,
                                        .rules = (uint32_t)values[ENTRY_RESULT_RULES].number,
                                        .outcome = values[ENTRY_RESULT_OUTCOME].text,
                                        .score = values[ENTRY_RESULT_SCORE].text,
                                        .scorecard_sha256 = hashes[0],
                                        .sealed_sha256 = hashes[1],
                                        .public_commitment = hashes[2],
                                        .private_commitment = hashes[3],
                                        .problems = (uint64_t)values[ENTRY_RESULT_PROBLEMS].number,
                                        .build = build};
    return statement_check(signature, &statement, key) ||
           err_set(err, ERR_INPUT, "result of %s is not what its worker signed", id);
}

static bool take_result(struct attest *attest, const struct entry *entry, const char *line,
                        size_t line_size, struct err *err)
{
    const struct entry_value *values = entry->values;
    struct attest_result result = {.labels = values[ENTRY_RESULT_LABELS].number,
                                   .index = entry->index,
                                   .is_scored =
                                       strcmp(values[ENTRY_RESULT_OUTCOME].text, "scored") == 0,
                                   .line = line,
                                   .line_size = line_size};

    memcpy(result.id, values[ENTRY_RESULT_ID].text, ID_TEXT);
    attest->n_results++;
    return check_statement(attest, entry, values[ENTRY_RESULT_KEY].text,
                           values[ENTRY_RESULT_SIGNATURE].text, values[ENTRY_RESULT_BUILD].text,
                           err) &&
           read_hash(result.public_commitment, values[ENTRY_RESULT_PUBLIC_COMMITMENT].text, err) &&
           read_hash(result.private_commitment, values[ENTRY_RESULT_PRIVATE_COMMITMENT].text,
                     err) &&
           ordered_keep(&attest->results, &result, sizeof(result), by_id_and_labels, err);
}

static bool take_submission(struct attest *attest, const struct entry *entry, struct err *err)
{
    struct attest_submission submission = {.id = ""};

    memcpy(submission.id, entry->values[ENTRY_SUBMISSION_ID].text, ID_TEXT);
    return read_hash(submission.file_sha256, entry->values[ENTRY_SUBMISSION_FILE_SHA256].text,
                     err) &&
           ordered_keep(&attest->submissions, &submission, sizeof(submission), by_id, err);
}

/* ---- re-scores ---- */

struct rescore_fold {
    const struct entry *entry;
    struct tree tree;
    bool is_whole; /* false: no memory */
};

static void fold_result(const void *item, void *context)
{
    const struct attest_result *result = item;
    struct rescore_fold *fold = context;
    const struct entry_value *values = fold->entry->values;
    struct tree_hash hash;
    struct err err;

    if (!result->is_scored || result->labels != values[ENTRY_RESCORE_LABELS].number ||
        result->index >= values[ENTRY_RESCORE_BEFORE].number) {
        return;
    }
    commitment_result_leaf(&hash, result->public_commitment, result->private_commitment);
    fold->is_whole = tree_append(&fold->tree, &hash, &err) && fold->is_whole;
}

static bool check_root(struct attest *attest, const struct entry *entry, struct err *err)
{
    const struct entry_value *values = entry->values;
    struct rescore_fold fold = {.entry = entry, .is_whole = true};
    struct tree_hash said;
    struct tree_hash root;

    if (values[ENTRY_RESCORE_DIFFERENT].number != 0 || values[ENTRY_RESCORE_FAILED].number != 0) {
        attest->n_unequal++;
        return true;
    }
    ordered_walk(attest->results, fold_result, &fold);
    uint64_t n = tree_size(&fold.tree);
    tree_root(&root, &fold.tree, n);
    tree_free(&fold.tree);
    if (!fold.is_whole) {
        return err_set(err, ERR_SYSTEM, "no memory for the results");
    }
    attest->n_rescores++;
    return read_hash(said.bytes, values[ENTRY_RESCORE_RESULTS_ROOT].text, err) &&
           ((n == (uint64_t)values[ENTRY_RESCORE_RESULTS].number &&
             memcmp(&said, &root, sizeof(root)) == 0) ||
            err_set(err, ERR_INPUT, "the root of the re-score is not that of the results"));
}

/* "SUBMISSION KEY SIGNATURE BUILD", without its LF. */
static bool check_confirmation(struct attest *attest, char *line, int64_t labels, struct err *err)
{
    static char texts[ENTRY_SIZE];
    struct entry entry;
    char *rest = line;
    const char *id = strsep(&rest, " ");
    const char *key = strsep(&rest, " ");
    const char *signature = strsep(&rest, " ");

    if (rest == NULL || strlen(id) != ID_TEXT || strlen(key) != KEY_HEX) {
        return err_set(err, ERR_INPUT, "confirmation is not of this form");
    }
    const struct attest_result *result = find_result(attest, id, labels);
    if (result == NULL) {
        return err_set(err, ERR_INPUT, "confirmation of %s, which has no result", id);
    }
    attest->n_confirmed++;
    return entry_read(&entry, texts, result->line, result->line_size, err) &&
           check_statement(attest, &entry, key, signature, rest, err);
}

static bool check_confirmations(struct attest *attest, const struct entry *entry,
                                const struct bytes *file, struct err *err)
{
    const char *at = (const char *)file->data;
    const char *end = at + file->size_bytes;
    char line[ENTRY_SIZE];
    int64_t n = 0;

    for (; at < end; n++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL || line_end - at >= ENTRY_SIZE) {
            return err_set(err, ERR_INPUT, "confirmation is not of this form");
        }
        memcpy(line, at, (size_t)(line_end - at));
        line[line_end - at] = '\0';
        if (!check_confirmation(attest, line, entry->values[ENTRY_RESCORE_LABELS].number, err)) {
            return false;
        }
        at = line_end + 1;
    }
    return n == entry->values[ENTRY_RESCORE_SIGNATURES].number ||
           err_set(err, ERR_INPUT, "the re-score says another number of signatures");
}

/* ---- orders and openings ---- */

static bool check_reveal(struct attest *attest, const struct entry *entry, struct err *err)
{
    const struct order_reveal order = {.competition = entry->competition,
                                       .score_seed_sha256 = attest->score_seed_sha256};
    uint8_t signature[CRYPT_SIGNATURE_BYTES];

    attest->n_orders++;
    return read_signature(signature, entry->values[ENTRY_REVEAL_SIGNATURE].text, err) &&
           (order_reveal_check(signature, &order, attest->organizer) ||
            err_set(err, ERR_INPUT, "the organizer did not sign the order to reveal"));
}

static bool check_correction(struct attest *attest, const struct entry *entry, struct err *err)
{
    const struct entry_value *values = entry->values;
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    uint8_t hashes[4][SHA256_BYTES];

    if (!read_hash(hashes[0], values[ENTRY_CORRECTION_OLD_ROOT].text, err) ||
        !read_hash(hashes[1], values[ENTRY_CORRECTION_NEW_ROOT].text, err) ||
        !read_hash(hashes[2], values[ENTRY_CORRECTION_LABEL_SET_SHA256].text, err) ||
        !read_hash(hashes[3], values[ENTRY_CORRECTION_PROOF_SHA256].text, err) ||
        !read_signature(signature, values[ENTRY_CORRECTION_SIGNATURE].text, err)) {
        return false;
    }
    const struct order_correct order = {.competition = entry->competition,
                                        .labels = (uint32_t)values[ENTRY_CORRECTION_LABELS].number,
                                        .old_root = hashes[0],
                                        .new_root = hashes[1],
                                        .label_set_sha256 = hashes[2],
                                        .proof_sha256 = hashes[3],
                                        .reason = values[ENTRY_CORRECTION_REASON].text};
    attest->n_orders++;
    return (order_correct_check(signature, &order, attest->organizer) ||
            err_set(err, ERR_INPUT, "the organizer did not sign the correction")) &&
           add_label_root(attest, values[ENTRY_CORRECTION_NEW_ROOT].text, err);
}

static bool check_opening(struct attest *attest, const struct entry *entry,
                          const struct opening *opening, const uint8_t *seed, struct err *err)
{
    const struct attest_submission *submission = find_submission(attest, opening->submission);
    const struct attest_result *result = find_result(attest, opening->submission, opening->labels);

    if (submission == NULL || result == NULL) {
        return err_set(err, ERR_INPUT, "opened scores of %s, which has no result",
                       opening->submission);
    }
    const struct opening_subject subject = {.competition = entry->competition,
                                            .metric = attest->metric,
                                            .file_sha256 = submission->file_sha256,
                                            .public_commitment = result->public_commitment,
                                            .private_commitment = result->private_commitment};
    attest->n_opened++;
    return opening_fits(opening, &subject, seed) ||
           err_set(err, ERR_INPUT, "opened scores of %s are not those committed to",
                   opening->submission);
}

/* Every result once: as many lines as results, each behind the one before. */
static bool check_openings(struct attest *attest, const struct entry *entry,
                           const struct bytes *file, const uint8_t *seed, struct err *err)
{
    const char *at = (const char *)file->data;
    const char *end = at + file->size_bytes;
    struct opening before = {.submission = ""};

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t size = line_end == NULL ? (size_t)(end - at) : (size_t)(line_end + 1 - at);
        struct opening opening;
        if (!opening_read(&opening, at, size, err) ||
            !check_opening(attest, entry, &opening, seed, err)) {
            return false;
        }
        if (!opening_is_before(&before, &opening)) {
            return err_set(err, ERR_INPUT, "opened scores of %s are out of order",
                           opening.submission);
        }
        before = opening;
        at += size;
    }
    return (attest->n_opened == attest->n_results &&
            (uint64_t)entry->values[ENTRY_OPENING_RESULTS].number == attest->n_results) ||
           err_set(err, ERR_INPUT, "%zu of %zu results were opened", attest->n_opened,
                   attest->n_results);
}

static bool take_opening(struct attest *attest, const struct entry *entry, const struct bytes *file,
                         struct err *err)
{
    uint8_t seed[COMMITMENT_SEED_BYTES];
    uint8_t hash[SHA256_BYTES];

    if (!hex_read(seed, sizeof(seed), entry->values[ENTRY_OPENING_SCORE_SEED].text,
                  2 * sizeof(seed), err)) {
        return false;
    }
    sha256_of(hash, seed, sizeof(seed));
    if (memcmp(hash, attest->score_seed_sha256, sizeof(hash)) != 0) {
        return err_set(err, ERR_INPUT, "the score seed is not that of the genesis entry");
    }
    return check_openings(attest, entry, file, seed, err);
}

static bool take_disclosure(struct attest *attest, const struct entry *entry,
                            const struct bytes *file, struct err *err)
{
    const struct tree_hash *root =
        label_root(attest, entry->values[ENTRY_DISCLOSURE_LABELS].number, err);
    uint8_t seed[COMMITMENT_SEED_BYTES];
    struct label_list_sum sum;

    if (root == NULL ||
        !hex_read(seed, sizeof(seed), entry->values[ENTRY_DISCLOSURE_LABEL_SEED].text,
                  2 * sizeof(seed), err) ||
        !label_list_check(&sum, file->data, file->size_bytes, seed, entry->competition, err)) {
        return false;
    }
    attest->n_disclosed++;
    return memcmp(&sum.root, root, sizeof(*root)) == 0 ||
           err_set(err, ERR_INPUT, "published labels are not those committed to");
}

/* ---- entries ---- */

static bool take_genesis(struct attest *attest, const struct entry *entry, struct err *err)
{
    const struct entry_value *values = entry->values;

    if (attest->n_label_roots > 0) {
        return err_set(err, ERR_INPUT, "the log begins twice");
    }
    memcpy(attest->metric, values[ENTRY_GENESIS_METRIC].text,
           strlen(values[ENTRY_GENESIS_METRIC].text) + 1);
    return read_hash(attest->organizer, values[ENTRY_GENESIS_ORGANIZER].text, err) &&
           read_hash(attest->score_seed_sha256, values[ENTRY_GENESIS_SCORE_SEED_SHA256].text,
                     err) &&
           add_label_root(attest, values[ENTRY_GENESIS_LABEL_ROOT].text, err) &&
           add_workers(attest, values[ENTRY_GENESIS_WORKERS].text, err);
}

static bool take(struct attest *attest, const struct entry *entry, const char *line,
                 size_t line_size, const struct bytes *file, struct err *err)
{
    switch (entry->kind) {
    case ENTRY_GENESIS:
        return take_genesis(attest, entry, err);
    case ENTRY_WORKER:
        return add_workers(attest, entry->values[ENTRY_WORKER_KEY].text, err);
    case ENTRY_SUBMISSION:
        return take_submission(attest, entry, err);
    case ENTRY_RESULT:
        return take_result(attest, entry, line, line_size, err);
    case ENTRY_RESCORE:
        return check_root(attest, entry, err) && check_confirmations(attest, entry, file, err);
    case ENTRY_REVEAL:
        return check_reveal(attest, entry, err);
    case ENTRY_CORRECTION:
        return check_correction(attest, entry, err);
    case ENTRY_OPENING:
        return take_opening(attest, entry, file, err);
    case ENTRY_DISCLOSURE:
        return take_disclosure(attest, entry, file, err);
    case ENTRY_SELECTION:
    case ENTRY_LEADERBOARD:
    case ENTRY_PROMISE:
    case ENTRY_KEY:
    case ENTRY_VOID:
    case ENTRY_CLOSE:
        break;
    }
    return true;
}

bool attest_entry(struct attest *attest, const struct entry *entry, const char *line,
                  size_t line_size, const struct bytes *file, struct err *err)
{
    struct err inner = {.code = ERR_NONE};

    if (take(attest, entry, line, line_size, file, &inner)) {
        return true;
    }
    return err_set(err, inner.code, "entry %" PRId64 ": %s", entry->index, inner.text);
}

void attest_free(struct attest *attest)
{
    free(attest->workers);
    free(attest->label_roots);
    ordered_free(&attest->submissions);
    ordered_free(&attest->results);
    *attest = (struct attest){.n_workers = 0};
}

/* SPDX-License-Identifier: MIT */
/*
 * Request bodies. Unknown and wrong members are errors, so that a typing mistake is not a default.
 */
#include "broker/gateway/body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypt.h"
#include "common/jdoc.h"
#include "common/text.h"
#include "schemas/worker_key.h"

enum { TOKEN_DAYS_MAX = 3660 };

/* An object with no other keys than these. */
static bool check_keys(const struct jvalue *object, const char *const *keys, size_t n_keys,
                       struct err *err)
{
    const struct jvalue *value;
    const char *key;
    void *iter = NULL;

    bool ok = jvalue_is_object(object) || err_set(err, ERR_INPUT, "the body is not a JSON object");
    while (ok && jvalue_next(object, &iter, &key, &value)) {
        bool is_known = false;
        for (size_t i = 0; i < n_keys; i++) {
            is_known = is_known || strcmp(keys[i], key) == 0;
        }
        ok = is_known || err_set(err, ERR_INPUT, "unknown key '%.40s'", key);
    }
    return ok;
}

/* Opens a document whose root is such an object. */
static bool open_object(struct jdoc **doc, const char *const *keys, size_t n_keys, const void *data,
                        size_t size, struct err *err)
{
    if (!jdoc_open(doc, data, size, err)) {
        return false;
    }
    if (!check_keys(jdoc_root(*doc), keys, n_keys, err)) {
        jdoc_close(doc);
        return false;
    }
    return true;
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Copies the text of a member that must be there. */
static bool copy_text(char *copy, size_t copy_size, const struct jvalue *value, const char *key,
                      struct err *err)
{
    const char *text = jvalue_text(value);

    if (text == NULL) {
        return err_set(err, ERR_INPUT, "'%s' must be a text", key);
    }
    if (text[0] == '\0' || strlen(text) >= copy_size) {
        return err_set(err, ERR_INPUT, "'%s' has %zu bytes, it may have 1 to %zu", key,
                       strlen(text), copy_size - 1);
    }
    if (has_control(text)) {
        return err_set(err, ERR_INPUT, "'%s' holds a control character", key);
    }
    memcpy(copy, text, strlen(text) + 1);
    return true;
}

/* Joins the texts of an array; none may hold the separator. */
static bool join_texts(char *joined, size_t joined_size, const struct jvalue *array, char separator,
                       const char *key, struct err *err)
{
    size_t used = 0;

    joined[0] = '\0';
    for (size_t i = 0; i < jvalue_count(array); i++) {
        char item[WORKER_KEY_TEXT_SIZE];
        if (!copy_text(item, sizeof(item), jvalue_item(array, i), key, err)) {
            return false;
        }
        if (strchr(item, separator) != NULL) {
            return err_set(err, ERR_INPUT, "'%s' holds '%c' in '%.60s'", key, separator, item);
        }
        if (used + strlen(item) + 2 > joined_size) {
            return err_set(err, ERR_INPUT, "'%s' has more than %zu bytes in all", key,
                           joined_size - 1);
        }
        if (i > 0) {
            joined[used++] = separator;
        }
        memcpy(joined + used, item, strlen(item) + 1);
        used += strlen(item);
    }
    return true;
}

bool body_read_team(struct body_team *team, const void *data, size_t size, struct err *err)
{
    static const char *const keys[] = {"name", "members"};
    struct jdoc *doc = NULL;

    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    const struct jvalue *root = jdoc_root(doc);
    bool ok = copy_text(team->name, sizeof(team->name), jvalue_member(root, "name"), "name", err) &&
              join_texts(team->members, sizeof(team->members), jvalue_member(root, "members"), ',',
                         "members", err);
    jdoc_close(&doc);
    return ok;
}

bool body_read_token(struct body_token *token, const void *data, size_t size, struct err *err)
{
    static const char *const keys[] = {"name", "read_only", "days"};
    struct jdoc *doc = NULL;

    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    const struct jvalue *root = jdoc_root(doc);
    const struct jvalue *read_only = jvalue_member(root, "read_only");
    const struct jvalue *days = jvalue_member(root, "days");
    *token = (struct body_token){.is_reader = false};
    bool ok = copy_text(token->name, sizeof(token->name), jvalue_member(root, "name"), "name", err);
    if (ok && read_only != NULL && !jvalue_bool(&token->is_reader, read_only)) {
        ok = err_set(err, ERR_INPUT, "'read_only' must be true or false");
    }
    if (ok && days != NULL &&
        (!jvalue_int(&token->days, days) || token->days < 1 || token->days > TOKEN_DAYS_MAX)) {
        ok = err_set(err, ERR_INPUT, "'days' must be a number from 1 to %d", TOKEN_DAYS_MAX);
    }
    jdoc_close(&doc);
    return ok;
}

/* A member that may be missing or empty. */
static bool copy_optional(char *copy, size_t copy_size, const struct jvalue *value, const char *key,
                          struct err *err)
{
    const char *text = jvalue_text(value);

    copy[0] = '\0';
    return value == NULL || (text != NULL && text[0] == '\0') ||
           copy_text(copy, copy_size, value, key, err);
}

bool body_read_promise(struct body_promise *promise, const void *data, size_t size, struct err *err)
{
    static const char *const keys[] = {"sha256", "bytes", "file_name", "message"};
    char sha256[SHA256_HEX_SIZE];
    struct jdoc *doc = NULL;

    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    const struct jvalue *root = jdoc_root(doc);
    bool ok = copy_text(sha256, sizeof(sha256), jvalue_member(root, "sha256"), "sha256", err) &&
              copy_optional(promise->file_name, sizeof(promise->file_name),
                            jvalue_member(root, "file_name"), "file_name", err) &&
              copy_optional(promise->message, sizeof(promise->message),
                            jvalue_member(root, "message"), "message", err);
    if (ok && !hex_read(promise->sha256, SHA256_BYTES, sha256, strlen(sha256), err)) {
        ok = err_set(err, ERR_INPUT, "'sha256' must have 64 hexadecimal digits");
    }
    if (ok && (!jvalue_int(&promise->bytes, jvalue_member(root, "bytes")) || promise->bytes < 0)) {
        ok = err_set(err, ERR_INPUT, "'bytes' must be a number that is not negative");
    }
    jdoc_close(&doc);
    return ok;
}

bool body_read_selection(struct body_selection *selection, const void *data, size_t size,
                         struct err *err)
{
    static const char *const keys[] = {"submissions"};
    struct jdoc *doc = NULL;

    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    const struct jvalue *array = jvalue_member(jdoc_root(doc), "submissions");
    bool ok = jvalue_count(array) > 0 ||
              err_set(err, ERR_INPUT, "'submissions' must be a list with at least one id");
    ok = ok && join_texts(selection->submissions, sizeof(selection->submissions), array, ' ',
                          "submissions", err);
    jdoc_close(&doc);
    return ok;
}

static bool read_order(uint8_t order[static CRYPT_SIGNATURE_BYTES], const char *text,
                       struct err *err)
{
    return crypt_base64_read(order, CRYPT_SIGNATURE_BYTES, text, strlen(text), err) ||
           err_set(err, ERR_INPUT, "'order' must be the base64 of %d bytes", CRYPT_SIGNATURE_BYTES);
}

static bool find_move(enum wire_move *move, const char *name, struct err *err)
{
    static const char *const names[] = {"publish", "freeze", "reveal"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *move = (enum wire_move)i;
            return true;
        }
    }
    return err_set(err, ERR_INPUT, "'move' is '%s', expected publish, freeze or reveal", name);
}

bool body_read_move(struct body_move *move, const void *data, size_t size, struct err *err)
{
    static const char *const keys[] = {"move", "order"};
    struct jdoc *doc = NULL;
    char name[16];
    char order[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];

    *move = (struct body_move){.move = BOARD_PUBLISH};
    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    const struct jvalue *root = jdoc_root(doc);
    bool ok = copy_text(name, sizeof(name), jvalue_member(root, "move"), "move", err) &&
              copy_optional(order, sizeof(order), jvalue_member(root, "order"), "order", err);
    jdoc_close(&doc);
    return ok && (order[0] == '\0' || read_order(move->order, order, err)) &&
           find_move(&move->move, name, err);
}

static bool read_hash(uint8_t hash[static SHA256_BYTES], const struct jvalue *object,
                      const char *key, struct err *err)
{
    const char *text = jvalue_text(jvalue_member(object, key));

    return (text != NULL && hex_read(hash, SHA256_BYTES, text, strlen(text), err)) ||
           err_set(err, ERR_INPUT, "'%s' must be 64 hexadecimal digits", key);
}

static bool read_count(int64_t *count, const struct jvalue *object, const char *key,
                       struct err *err)
{
    return (jvalue_int(count, jvalue_member(object, key)) && *count >= 0) ||
           err_set(err, ERR_INPUT, "'%s' must be a count", key);
}

static bool read_labels(struct body_competition *competition, const struct jvalue *labels,
                        struct err *err)
{
    static const char *const keys[] = {"root",   "set_sha256", "ids_sha256",
                                       "images", "public",     "private"};

    return check_keys(labels, keys, ARRAY_SIZE(keys), err) &&
           read_hash(competition->label_root, labels, "root", err) &&
           read_hash(competition->label_set, labels, "set_sha256", err) &&
           read_hash(competition->ids, labels, "ids_sha256", err) &&
           read_count(&competition->n_images, labels, "images", err) &&
           read_count(&competition->n_public, labels, "public", err) &&
           read_count(&competition->n_private, labels, "private", err);
}

bool body_read_competition(struct body_competition *competition, const void *data, size_t size,
                           struct err *err)
{
    static const char *const keys[] = {"yaml", "labels", "workers", "organizer",
                                       "score_seed_sha256"};
    struct jdoc *doc = NULL;

    *competition = (struct body_competition){0};
    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    const struct jvalue *root = jdoc_root(doc);
    const char *yaml = jvalue_text(jvalue_member(root, "yaml"));
    bool ok = (yaml != NULL || err_set(err, ERR_INPUT, "'yaml' must be a text")) &&
              read_labels(competition, jvalue_member(root, "labels"), err) &&
              read_hash(competition->organizer, root, "organizer", err) &&
              read_hash(competition->score_seed, root, "score_seed_sha256", err) &&
              join_texts(competition->workers, sizeof(competition->workers),
                         jvalue_member(root, "workers"), ' ', "workers", err);
    if (ok) {
        competition->yaml = strdup(yaml);
        ok = competition->yaml != NULL ||
             err_set(err, ERR_SYSTEM, "no memory for a competition file");
    }
    jdoc_close(&doc);
    return ok;
}

bool body_read_correction(struct body_correction *correction, const void *data, size_t size,
                          struct err *err)
{
    static const char *const keys[] = {"labels",  "root",   "set_sha256",   "public",
                                       "private", "reason", "proof_sha256", "order"};
    struct jdoc *doc = NULL;
    char order[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];

    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    const struct jvalue *root = jdoc_root(doc);
    bool ok = read_count(&correction->labels, root, "labels", err) &&
              read_hash(correction->label_root, root, "root", err) &&
              read_hash(correction->label_set, root, "set_sha256", err) &&
              read_count(&correction->n_public, root, "public", err) &&
              read_count(&correction->n_private, root, "private", err) &&
              copy_text(correction->reason, sizeof(correction->reason),
                        jvalue_member(root, "reason"), "reason", err) &&
              read_hash(correction->proof, root, "proof_sha256", err) &&
              copy_text(order, sizeof(order), jvalue_member(root, "order"), "order", err) &&
              read_order(correction->order, order, err);
    jdoc_close(&doc);
    return ok;
}

bool body_read_disclosure(struct body_disclosure *disclosure, const void *data, size_t size,
                          struct err *err)
{
    static const char *const keys[] = {"labels", "label_seed", "rows_sha256"};
    struct jdoc *doc = NULL;

    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    const struct jvalue *root = jdoc_root(doc);
    bool ok = read_count(&disclosure->labels, root, "labels", err) &&
              read_hash(disclosure->label_seed, root, "label_seed", err) &&
              read_hash(disclosure->rows, root, "rows_sha256", err);
    jdoc_close(&doc);
    return ok;
}

bool body_read_workers(struct body_workers *workers, const void *data, size_t size, struct err *err)
{
    static const char *const keys[] = {"workers"};
    struct jdoc *doc = NULL;

    if (!open_object(&doc, keys, ARRAY_SIZE(keys), data, size, err)) {
        return false;
    }
    bool ok = join_texts(workers->workers, sizeof(workers->workers),
                         jvalue_member(jdoc_root(doc), "workers"), ' ', "workers", err);
    jdoc_close(&doc);
    return ok;
}

void body_competition_free(struct body_competition *competition)
{
    free(competition->yaml);
    *competition = (struct body_competition){0};
}

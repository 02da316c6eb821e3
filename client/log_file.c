/* SPDX-License-Identifier: MIT */
/*
 * Files that entries of a log name. See the header.
 */
#include "client/log_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "common/text.h"
#include "schemas/correction.h"

enum { PIECE_BYTES = 60000, TRIES = 3 };

static bool read_root(struct tree_hash *root, const char *hex, struct err *err)
{
    return hex_read(root->bytes, TREE_HASH_BYTES, hex, 2 * TREE_HASH_BYTES, err);
}

static bool follow_genesis(struct log_labels *labels, const struct entry *entry, struct err *err)
{
    *labels =
        (struct log_labels){.version = 1, .n_rows = entry->values[ENTRY_GENESIS_IMAGES].number};
    return read_root(&labels->root, entry->values[ENTRY_GENESIS_LABEL_ROOT].text, err);
}

static bool follow_correction(struct log_file *file, struct log_labels *labels,
                              const struct entry *entry, struct err *err)
{
    const struct entry_value *values = entry->values;
    struct tree_hash old_root;

    file->is_proof = true;
    file->before = *labels;
    file->n_changes = values[ENTRY_CORRECTION_COUNT].number;
    if (!read_root(&old_root, values[ENTRY_CORRECTION_OLD_ROOT].text, err) ||
        !read_root(&labels->root, values[ENTRY_CORRECTION_NEW_ROOT].text, err)) {
        return false;
    }
    labels->version++;
    file->after = *labels;
    return (values[ENTRY_CORRECTION_LABELS].number == labels->version &&
            memcmp(&old_root, &file->before.root, sizeof(old_root)) == 0) ||
           err_set(err, ERR_INPUT,
                   "the correction to version %" PRId64 " does not continue the labels before it",
                   values[ENTRY_CORRECTION_LABELS].number);
}

bool log_file_of(struct log_file *file, bool *is_there, struct log_labels *labels,
                 const struct entry *entry, struct err *err)
{
    const char *sha256 = NULL;
    bool ok = true;

    *file = (struct log_file){.is_proof = false};
    if (entry->kind == ENTRY_GENESIS) {
        sha256 = entry->values[ENTRY_GENESIS_RULES_SHA256].text;
        ok = follow_genesis(labels, entry, err);
    } else if (entry->kind == ENTRY_RESCORE && entry->values[ENTRY_RESCORE_SIGNATURES].number > 0) {
        sha256 = entry->values[ENTRY_RESCORE_SIGNATURES_SHA256].text;
    } else if (entry->kind == ENTRY_OPENING) {
        sha256 = entry->values[ENTRY_OPENING_SCORES_SHA256].text;
    } else if (entry->kind == ENTRY_DISCLOSURE) {
        sha256 = entry->values[ENTRY_DISCLOSURE_ROWS_SHA256].text;
    } else if (entry->kind == ENTRY_CORRECTION) {
        sha256 = entry->values[ENTRY_CORRECTION_PROOF_SHA256].text;
        ok = follow_correction(file, labels, entry, err);
    }
    *is_there = sha256 != NULL;
    if (*is_there) {
        memcpy(file->sha256, sha256, sizeof(file->sha256));
    }
    return ok;
}

static bool check_proof(const struct log_file *file, const struct bytes *data, struct err *err)
{
    struct correction correction;

    if (!correction_read(&correction, data->data, data->size_bytes, err)) {
        return false;
    }
    bool ok = correction_check(&correction, &file->before.root, &file->after.root, err);
    if (ok && (correction.size != (uint64_t)file->before.n_rows ||
               correction.n_changes != (size_t)file->n_changes)) {
        ok = err_set(err, ERR_INPUT, "a correction changed %zu of %" PRIu64 " rows, not %" PRId64,
                     correction.n_changes, correction.size, file->n_changes);
    }
    correction_free(&correction);
    return ok;
}

bool log_file_check(const struct log_file *file, const struct bytes *data, struct err *err)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];

    sha256_of(digest, data->data, data->size_bytes);
    hex_text(hex, digest, sizeof(digest));
    if (strcmp(hex, file->sha256) != 0) {
        return err_set(err, ERR_INPUT, "the file that the log names %s has sha256 %s", file->sha256,
                       hex);
    }
    return !file->is_proof || check_proof(file, data, err);
}

static bool piece_path(char path[static SERVICE_PATH_SIZE], const char *competition,
                       const char *sha256, size_t at, struct err *err)
{
    return service_path(path, err, "/v1/competitions/%s/log/file?sha256=%s&at=%zu", competition,
                        sha256, at);
}

/* Adds the next piece; *is_end tells that there was none. */
static int get_piece(struct bytes *data, bool *is_end, struct service *service,
                     const char *competition, const char *sha256)
{
    struct service_answer answer = {0};
    char path[SERVICE_PATH_SIZE];
    struct err err;

    if (!piece_path(path, competition, sha256, data->size_bytes, &err)) {
        return command_failed(&err);
    }
    int code = service_get(service, &answer, path);
    const struct bytes *piece = &answer.http.body;
    *is_end = piece->size_bytes == 0;
    if (code == EXIT_DONE && !*is_end) {
        unsigned char *grown = piece->size_bytes > LOG_FILE_BYTES_MAX - data->size_bytes
                                   ? NULL
                                   : realloc(data->data, data->size_bytes + piece->size_bytes);
        if (grown == NULL) {
            err_set(&err, ERR_LIMIT, "file %s is too large", sha256);
            code = command_failed(&err);
        } else {
            memcpy(grown + data->size_bytes, piece->data, piece->size_bytes);
            data->data = grown;
            data->size_bytes += piece->size_bytes;
        }
    }
    service_answer_free(&answer);
    return code;
}

int log_file_get(struct bytes *data, struct service *service, const char *competition,
                 const char *sha256)
{
    bool is_end = false;
    int code = EXIT_DONE;

    *data = (struct bytes){0};
    while (code == EXIT_DONE && !is_end) {
        code = get_piece(data, &is_end, service, competition, sha256);
    }
    if (code != EXIT_DONE) {
        bytes_free(data);
    }
    return code;
}

int log_file_put(char sha256[static SHA256_HEX_SIZE], struct service *service,
                 const char *competition, const struct bytes *data)
{
    uint8_t digest[SHA256_BYTES];
    char path[SERVICE_PATH_SIZE];
    int code = EXIT_DONE;
    struct err err;

    sha256_of(digest, data->data, data->size_bytes);
    hex_text(sha256, digest, sizeof(digest));
    for (size_t at = 0; at < data->size_bytes && code == EXIT_DONE; at += PIECE_BYTES) {
        struct service_answer answer = {0};
        size_t rest = data->size_bytes - at;
        const struct service_request request = {.method = "PUT",
                                                .path = path,
                                                .content_type = "application/octet-stream",
                                                .body = data->data + at,
                                                .body_bytes =
                                                    rest < PIECE_BYTES ? rest : PIECE_BYTES,
                                                .n_tries = TRIES};
        code = piece_path(path, competition, sha256, at, &err)
                   ? service_ask(service, &answer, &request)
                   : command_failed(&err);
        service_answer_free(&answer);
    }
    return code;
}

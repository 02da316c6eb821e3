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

enum { PIECE_BYTES = 60000, TRIES = 3 };

const char *log_file_of(const struct entry *entry)
{
    return entry->kind == ENTRY_GENESIS      ? entry->values[ENTRY_GENESIS_RULES_SHA256].text
           : entry->kind == ENTRY_OPENING    ? entry->values[ENTRY_OPENING_SCORES_SHA256].text
           : entry->kind == ENTRY_DISCLOSURE ? entry->values[ENTRY_DISCLOSURE_ROWS_SHA256].text
                                             : NULL;
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
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    bool is_end = false;
    int code = EXIT_DONE;
    struct err err;

    *data = (struct bytes){0};
    while (code == EXIT_DONE && !is_end) {
        code = get_piece(data, &is_end, service, competition, sha256);
    }
    sha256_of(digest, data->data, data->size_bytes);
    hex_text(hex, digest, sizeof(digest));
    if (code == EXIT_DONE && strcmp(hex, sha256) != 0) {
        err_set(&err, ERR_INPUT, "the file that the log names %s has sha256 %s", sha256, hex);
        code = command_failed(&err);
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

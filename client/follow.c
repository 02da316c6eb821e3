/* SPDX-License-Identifier: MIT */
/*
 * Keys and growth of the logs, asked of a service. See the header.
 */
#include "client/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"

/* ---- keys ---- */

/* Stores a key of the service in the folder, where it is not there. */
static int fetch_key(struct service *service, const char *folder, const char *name)
{
    char path[KEYRING_PATH_SIZE];
    char address[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct err err;

    if (!path_join(path, sizeof(path), folder, name, &err) ||
        !service_path(address, &err, "/v1/keys/%s", name)) {
        return command_failed(&err);
    }
    if (access(path, F_OK) == 0) {
        return EXIT_DONE;
    }
    int code = service_get(service, &answer, address);
    if (code == EXIT_DONE &&
        !file_write_durable(path, answer.http.body.data, answer.http.body.size_bytes, 0644, &err)) {
        code = command_failed(&err);
    } else if (code == EXIT_DONE) {
        fprintf(stderr, "Stored the service's public key as %s: keep it\n", path);
    }
    service_answer_free(&answer);
    return code;
}

int follow_keys(struct keyring *keyring, struct service *service, const char *folder)
{
    static const char *const names[] = {"receipt.pub", "allowed_signers", "log.vkey"};
    char keys[KEYRING_PATH_SIZE];
    struct err err;

    if (!keyring_find(keys, folder) && !text_copy(keys, sizeof(keys), folder, &err)) {
        return command_failed(&err);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        int code = fetch_key(service, keys, names[i]);
        if (code != EXIT_DONE) {
            return code;
        }
    }
    return keyring_read(keyring, keys, NULL, &err) ? EXIT_DONE : command_failed(&err);
}

/* ---- what was seen of a log ---- */

/* Asks for the proof that the log of one size is the beginning of that of another. */
static int ask_growth(struct tree_proof *growth, struct service *service, const char *competition,
                      uint64_t old_size, uint64_t size)
{
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct err err;

    if (!service_path(path, &err, "/v1/competitions/%s/log/growth?old=%" PRIu64 "&size=%" PRIu64,
                      competition, old_size, size)) {
        return command_failed(&err);
    }
    int code = service_get(service, &answer, path);
    if (code == EXIT_DONE &&
        !note_growth_read(growth, answer.http.body.data, answer.http.body.size_bytes, &err)) {
        code = command_failed(&err);
    }
    service_answer_free(&answer);
    return code;
}

/* A log with fewer entries than were seen: good only where the service still has the others. */
static int follow_back(struct service *service, const struct sighting *sighting,
                       const struct checkpoint *last)
{
    struct tree_proof growth;
    struct err err;

    int code =
        ask_growth(&growth, service, sighting->competition, sighting->checkpoint.size, last->size);
    if (code == EXIT_UNREACHABLE) {
        return code;
    }
    if (code == EXIT_DONE &&
        tree_check_growth(sighting->checkpoint.size, &sighting->checkpoint.root, last->size,
                          &last->root, &growth, &err)) {
        return EXIT_DONE;
    }
    err_set(&err, ERR_INPUT,
            "log %.100s has %" PRIu64 " entries, %" PRIu64 " were seen: some were taken away",
            sighting->log->origin, sighting->checkpoint.size, last->size);
    return command_failed(&err);
}

/* A checkpoint that is to continue those seen. */
static int follow_on(struct service *service, const struct keyring *keyring,
                     const struct sighting *sighting, const struct checkpoint *last)
{
    struct tree_proof growth;
    struct err err;

    int code =
        ask_growth(&growth, service, sighting->competition, last->size, sighting->checkpoint.size);
    if (code == EXIT_DONE && !keyring_follow(keyring, sighting, last->size, &growth, &err)) {
        code = command_failed(&err);
    }
    return code;
}

int follow_log(struct service *service, const struct keyring *keyring,
               const struct sighting *sighting)
{
    struct history history;
    bool is_new;
    struct err err;

    if (!keyring_see(&is_new, keyring, sighting, &err) ||
        !keyring_history(&history, keyring, sighting->log, sighting->competition, &err)) {
        return command_failed(&err);
    }
    struct checkpoint last = history_last(&history);
    history_free(&history);
    if (sighting->checkpoint.size < last.size) {
        return follow_back(service, sighting, &last);
    }
    return is_new ? follow_on(service, keyring, sighting, &last) : EXIT_DONE;
}

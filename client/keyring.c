/* SPDX-License-Identifier: MIT */
/*
 * Keys and checkpoints beside receipts. See the header.
 */
#include "client/keyring.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "schemas/sshsig.h"

static bool has_keys(const char *folder)
{
    char path[KEYRING_PATH_SIZE];
    struct err err;

    return path_join(path, sizeof(path), folder, "receipt.pub", &err) && access(path, R_OK) == 0;
}

bool keyring_find(char keys[static KEYRING_PATH_SIZE], const char *folder)
{
    struct err err;

    return (text_copy(keys, KEYRING_PATH_SIZE, folder, &err) && has_keys(keys)) ||
           (path_join(keys, KEYRING_PATH_SIZE, folder, "..", &err) && has_keys(keys));
}

static bool read_beside(struct bytes *text, const char *folder, const char *name, size_t size_max,
                        struct err *err)
{
    char path[KEYRING_PATH_SIZE];

    if (!path_join(path, sizeof(path), folder, name, err)) {
        return false;
    }
    if (access(path, F_OK) != 0) {
        return err_set(err, ERR_CONFIG, "%s is missing: assay receipt ID fetches it", path);
    }
    return file_read(text, path, size_max, err);
}

bool keyring_read(struct keyring *keyring, const char *folder, const char *receipt_path,
                  struct err *err)
{
    struct bytes receipt = {0};
    struct bytes signer = {0};
    struct bytes log = {0};

    bool ok = text_copy(keyring->folder, sizeof(keyring->folder), folder, err);
    if (ok && receipt_path != NULL) {
        ok = file_read(&receipt, receipt_path, RECEIPT_KEY_TEXT_SIZE, err);
    } else if (ok) {
        ok = read_beside(&receipt, folder, "receipt.pub", RECEIPT_KEY_TEXT_SIZE, err);
    }
    ok = ok && receipt_public_key_read(&keyring->receipt, receipt.data, receipt.size_bytes, err) &&
         read_beside(&signer, folder, "allowed_signers", SSHSIG_SIGNER_SIZE, err) &&
         sshsig_signer_read(keyring->ssh, signer.data, signer.size_bytes, err) &&
         read_beside(&log, folder, "log.vkey", NOTE_KEY_TEXT_SIZE, err) &&
         note_public_key_read(&keyring->log, log.data, log.size_bytes, err);
    bytes_free(&receipt);
    bytes_free(&signer);
    bytes_free(&log);
    return ok;
}

/* HOST/COMPETITION, or HOST/COMPETITION/N for a log that went on after a loss */
static bool is_name_of(const char *origin, const char *host, const char *competition)
{
    char name[NOTE_ORIGIN_SIZE];

    int length = snprintf(name, sizeof(name), "%s/%s", host, competition);
    if (length >= NOTE_ORIGIN_SIZE || strncmp(origin, name, (size_t)length) != 0) {
        return false;
    }
    const char *rest = origin + length;
    return *rest == '\0' ||
           (*rest == '/' && rest[1] != '\0' && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

bool keyring_log(struct note_public_key *key, const struct keyring *keyring,
                 const char *competition, const void *note, size_t note_size, struct err *err)
{
    if (!checkpoint_origin(key->origin, note, note_size, err)) {
        return false;
    }
    memcpy(key->key, keyring->log.key, sizeof(key->key));
    return is_name_of(key->origin, keyring->log.origin, competition) ||
           err_set(err, ERR_INPUT, "checkpoint is of the log %.100s, not of %.100s/%.63s",
                   key->origin, keyring->log.origin, competition);
}

static bool history_path(char path[static KEYRING_PATH_SIZE], const struct keyring *keyring,
                         const char *competition, struct err *err)
{
    char name[128];

    snprintf(name, sizeof(name), "%.63s.checkpoints", competition);
    return path_join(path, KEYRING_PATH_SIZE, keyring->folder, name, err);
}

/* The file's text; empty where there is none. */
static bool read_history_text(struct bytes *text, const char *path, struct err *err)
{
    return access(path, F_OK) != 0 || file_read(text, path, HISTORY_SIZE_MAX, err);
}

bool keyring_history(struct history *history, const struct keyring *keyring,
                     const struct note_public_key *key, const char *competition, struct err *err)
{
    char path[KEYRING_PATH_SIZE];
    struct bytes text = {0};
    struct err why;

    *history = (struct history){0};
    bool ok = history_path(path, keyring, competition, err) && read_history_text(&text, path, err);
    if (ok && !history_read(history, key, text.data, text.size_bytes, &why)) {
        ok = err_set(err, why.code,
                     "%.200s: %.150s; a log that goes on under another name has lost "
                     "entries",
                     path, why.text);
    }
    bytes_free(&text);
    return ok;
}

/* Adds a step to the file, where the whole is right then. */
static bool add_step(const char *path, const struct sighting *sighting, struct bytes *text,
                     const char *step, struct err *err)
{
    size_t size = strlen(step);
    struct history history;
    unsigned char *grown = realloc(text->data, text->size_bytes + size);

    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the checkpoints seen");
    }
    text->data = grown;
    memcpy(text->data + text->size_bytes, step, size);
    text->size_bytes += size;
    if (!history_read(&history, sighting->log, text->data, text->size_bytes, err)) {
        return false;
    }
    history_free(&history);
    return file_write_durable(path, text->data, text->size_bytes, 0644, err);
}

bool keyring_follow(const struct keyring *keyring, const struct sighting *sighting,
                    uint64_t old_size, const struct tree_proof *growth, struct err *err)
{
    const struct note_step step = {.old_size = old_size,
                                   .growth = *growth,
                                   .note = sighting->note,
                                   .note_size = sighting->note_size};
    char path[KEYRING_PATH_SIZE];
    char added[NOTE_STEP_SIZE];
    struct bytes text = {0};

    note_step_write(added, &step);
    bool ok = history_path(path, keyring, sighting->competition, err) &&
              read_history_text(&text, path, err) && add_step(path, sighting, &text, added, err);
    bytes_free(&text);
    return ok;
}

bool keyring_see(bool *is_new, const struct keyring *keyring, const struct sighting *sighting,
                 struct err *err)
{
    const struct tree_proof nothing = {.n = 0};
    struct history history;

    if (!keyring_history(&history, keyring, sighting->log, sighting->competition, err)) {
        return false;
    }
    enum history_place place = history_find(&history, &sighting->checkpoint);
    bool is_first = history.n == 0;
    history_free(&history);
    *is_new = place == HISTORY_NEW && !is_first;
    if (place == HISTORY_OTHER) {
        return err_set(err, ERR_INPUT,
                       "log %.100s has two histories: of %" PRIu64 " entries another root was seen",
                       sighting->log->origin, sighting->checkpoint.size);
    }
    return !is_first || keyring_follow(keyring, sighting, 0, &nothing, err);
}

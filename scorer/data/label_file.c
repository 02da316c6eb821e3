/* SPDX-License-Identifier: MIT */
/*
 * Sealed label sets. See the header.
 */
#include "scorer/data/label_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)8 << 30)

enum { ARENA_SPARE_BYTES = 64 << 20 }; /* lists of names, beside the block */

static bool is_competition_id(const char *id)
{
    size_t size = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return size > 0 && size < COMPETITION_ID_SIZE && id[size] == '\0';
}

/* "FOLDER/COMPETITION/VERSION.sealed", and the folder it lies in. */
static bool set_path(char path[static LABEL_PATH_SIZE], char above[static LABEL_PATH_SIZE],
                     const char *folder, const char *competition, uint32_t version, struct err *err)
{
    char name[32];

    if (!is_competition_id(competition)) {
        return err_set(err, ERR_CONFIG, "'%.80s' is no id of a competition", competition);
    }
    snprintf(name, sizeof(name), "%" PRIu32 ".sealed", version);
    return path_join(above, LABEL_PATH_SIZE, folder, competition, err) &&
           path_join(path, LABEL_PATH_SIZE, above, name, err);
}

void label_file_close(struct label_file *file)
{
    arena_close(&file->arena);
    *file = (struct label_file){0};
}

/* Opens the container into protected memory: nothing of the labels is anywhere before that. */
static bool unseal(struct label_file *file, const struct bytes *sealed,
                   const struct scoreseal_key *key, struct err *err)
{
    size_t size;

    if (!scoreseal_plain_size(&size, sealed->data, sealed->size_bytes, err) ||
        !arena_open(&file->arena, size + ARENA_SPARE_BYTES, err)) {
        return false;
    }
    void *data = arena_alloc(file->arena, size, 1, err);
    if (data == NULL) {
        return false;
    }
    file->is_locked = arena_protect(file->arena); /* before anything is in it */
    file->data = data;
    file->size_bytes = size;
    return scoreseal_open(data, sealed->data, sealed->size_bytes, key, err);
}

static bool read_block(struct label_file *file, const char *competition, uint32_t version,
                       const uint8_t *sha256, struct err *err)
{
    sha256_of(file->sha256, file->data, file->size_bytes);
    if (sha256 != NULL && memcmp(file->sha256, sha256, SHA256_BYTES) != 0) {
        return err_set(err, ERR_CONFIG,
                       "labels of %s, version %" PRIu32 ", are not those of the log", competition,
                       version);
    }
    if (!label_block_open(&file->block, file->data, file->size_bytes, file->arena, err)) {
        return false;
    }
    return (strcmp(file->block.competition.id, competition) == 0 &&
            file->block.version == version) ||
           err_set(err, ERR_CONFIG, "label set of %s is of another competition or version",
                   competition);
}

bool label_file_open(struct label_file *file, const char *folder, const char *competition,
                     uint32_t version, const struct scoreseal_key *key, const uint8_t *sha256,
                     struct err *err)
{
    char path[LABEL_PATH_SIZE];
    char above[LABEL_PATH_SIZE];
    struct bytes sealed = {0};

    *file = (struct label_file){0};
    if (!set_path(path, above, folder, competition, version, err)) {
        return false;
    }
    if (access(path, F_OK) < 0) {
        return err_set(err, ERR_CONFIG, "no labels of %s, version %" PRIu32, competition, version);
    }
    bool ok = file_read(&sealed, path, FILE_BYTES_MAX, err) && unseal(file, &sealed, key, err) &&
              read_block(file, competition, version, sha256, err);
    bytes_free(&sealed);
    if (!ok) {
        label_file_close(file);
    }
    return ok;
}

bool label_file_exists(const char *folder, const char *competition, uint32_t version)
{
    char path[LABEL_PATH_SIZE];
    char above[LABEL_PATH_SIZE];
    struct err ignored;

    return set_path(path, above, folder, competition, version, &ignored) && access(path, F_OK) == 0;
}

size_t label_file_recipients(uint8_t recipients[static SCORESEAL_RECIPIENTS_MAX][CRYPT_KEY_BYTES],
                             const char *folder, const char *competition, uint32_t version)
{
    char path[LABEL_PATH_SIZE];
    char above[LABEL_PATH_SIZE];
    struct bytes sealed = {0};
    struct err ignored;
    size_t n = 0;

    if (set_path(path, above, folder, competition, version, &ignored) && access(path, F_OK) == 0 &&
        file_read(&sealed, path, FILE_BYTES_MAX, &ignored)) {
        n = scoreseal_recipients(recipients, sealed.data, sealed.size_bytes);
    }
    bytes_free(&sealed);
    return n;
}

bool label_file_write(const char *folder, const char *competition, uint32_t version,
                      const struct bytes *block, const uint8_t (*recipients)[CRYPT_KEY_BYTES],
                      size_t n_recipients, struct err *err)
{
    char path[LABEL_PATH_SIZE];
    char above[LABEL_PATH_SIZE];
    struct bytes sealed = {0};

    bool ok =
        set_path(path, above, folder, competition, version, err) && folder_make(above, 0700, err) &&
        scoreseal_make(&sealed, recipients, n_recipients, block->data, block->size_bytes, err) &&
        file_write_durable(path, sealed.data, sealed.size_bytes, 0600, err) &&
        folder_sync(folder, err);
    bytes_free(&sealed);
    return ok;
}

bool label_file_remove(const char *folder, const char *competition, uint32_t version,
                       struct err *err)
{
    char path[LABEL_PATH_SIZE];
    char above[LABEL_PATH_SIZE];

    return set_path(path, above, folder, competition, version, err) &&
           (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR ||
            err_set(err, ERR_SYSTEM, "remove %s: %s", path, strerror(errno)));
}

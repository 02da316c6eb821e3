/* SPDX-License-Identifier: MIT */
/*
 * A thread a backup: it reads the file through a connection of its own. See the header.
 */
#include "broker/queue/backups.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "broker/queue/core.h"
#include "broker/store/backup.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

struct backups {
    const struct broker_config *config;
    char folder[BROKER_PATH_SIZE];
    char path[BROKER_PATH_SIZE]; /* of the one that is being made */
    struct backups_result result;
    atomic_bool is_ending;
    bool is_running; /* the thread is to be joined */
    pthread_t thread;
    int fd;
};

static bool find_folder(char folder[static BROKER_PATH_SIZE], const struct broker_config *config,
                        struct err *err)
{
    char beside[BROKER_PATH_SIZE];

    if (config->backups[0] != '\0') {
        return text_copy(folder, BROKER_PATH_SIZE, config->backups, err);
    }
    return path_folder(beside, sizeof(beside), config->database, err) &&
           path_join(folder, BROKER_PATH_SIZE, beside, "backups", err);
}

bool backups_open(struct backups **backups, const struct broker_config *config, struct err *err)
{
    struct backups *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for backups");
    }
    opened->config = config;
    opened->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (opened->fd < 0) {
        err_set(err, ERR_SYSTEM, "eventfd: %s", strerror(errno));
        goto fail;
    }
    if (!find_folder(opened->folder, config, err)) {
        goto fail;
    }
    *backups = opened;
    return true;
fail:
    backups_close(&opened);
    return false;
}

void backups_close(struct backups **backups)
{
    struct backups *closed = *backups;

    if (closed == NULL) {
        return;
    }
    if (closed->is_running) {
        atomic_store(&closed->is_ending, true);
        pthread_join(closed->thread, NULL);
    }
    if (closed->fd >= 0) {
        close(closed->fd);
    }
    free(closed);
    *backups = NULL;
}

int backups_descriptor(const struct backups *backups)
{
    return backups->fd;
}

/* ---- the thread ---- */

static int is_backup(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return length == strlen(CORE_BACKUP_NAME) && strncmp(entry->d_name, "assay-", 6) == 0 &&
           strcmp(entry->d_name + length - 3, ".db") == 0;
}

/* The names are times: the first ones are the oldest. */
static void remove_old(const struct backups *backups)
{
    struct dirent **entries = NULL;
    char path[BROKER_PATH_SIZE];
    struct err err;
    int n_entries = scandir(backups->folder, &entries, is_backup, alphasort);

    for (int i = 0; i < n_entries; i++) {
        if (i < n_entries - (int)backups->config->backups_kept &&
            path_join(path, sizeof(path), backups->folder, entries[i]->d_name, &err) &&
            unlink(path) == 0) {
            log_info("old backup removed", "path=%s", path);
        }
        free(entries[i]);
    }
    free(entries);
}

static void *run(void *context)
{
    struct backups *backups = context;
    struct backups_result *result = &backups->result;
    uint64_t one = 1;

    result->is_made =
        folder_make(backups->folder, 0700, &result->err) &&
        backup_make(&result->size_bytes, backups->config->database, backups->path,
                    backups->config->disk_free_min_bytes, &backups->is_ending, &result->err);
    if (result->is_made) {
        remove_old(backups);
    }
    while (write(backups->fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    return NULL;
}

/* One that could not begin is finished at once. */
static void give_up(struct backups *backups)
{
    uint64_t one = 1;

    backups->is_running = false;
    while (write(backups->fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void backups_start(struct backups *backups, const char *name)
{
    struct err *err = &backups->result.err;

    assert(!backups->is_running);
    backups->result = (struct backups_result){0};
    if (!path_join(backups->path, sizeof(backups->path), backups->folder, name, err)) {
        give_up(backups);
        return;
    }
    int status = pthread_create(&backups->thread, NULL, run, backups);
    backups->is_running = status == 0;
    if (status != 0) {
        err_set(err, ERR_SYSTEM, "no thread for a backup: %s", strerror(status));
        give_up(backups);
    }
}

bool backups_take(struct backups *backups, struct backups_result *result)
{
    uint64_t count;

    if (read(backups->fd, &count, sizeof(count)) < 0) {
        return false;
    }
    if (backups->is_running) {
        pthread_join(backups->thread, NULL);
        backups->is_running = false;
    }
    *result = backups->result;
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * The database is read through a connection that cannot write, for a bounded time. See the header.
 */
#include "broker/queue/doctor.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/store/backup.h"
#include "common/file.h"

enum { PATIENCE_MS = 10000, MIB = 1 << 20 };

static void check_database(struct checkup *checkup, const struct broker_config *config)
{
    struct stat info;
    bool is_whole = true;
    struct err err;

    checkup_good(checkup, "SQLite", "%s; up to 3.51.2 nobody else may write the database",
                 backup_engine());
    if (stat(config->database, &info) < 0) {
        checkup_odd(checkup, "database", "%s is made at the first start", config->database);
        return;
    }
    if ((info.st_mode & 0077) != 0) {
        checkup_wrong(checkup, "database", "%s is open to others: chmod 600 %s", config->database,
                      config->database);
    }
    if (!backup_check(&is_whole, config->database, PATIENCE_MS, &err)) {
        checkup_wrong(checkup, "database", "%s: restore the newest backup", err.text);
    } else if (!is_whole) {
        checkup_odd(checkup, "database", "no damage in %d s, the rest was not looked at",
                    PATIENCE_MS / 1000);
    } else {
        checkup_good(checkup, "database", "%s, %lld MiB, no damage", config->database,
                     (long long)info.st_size / MIB);
    }
}

/* Beside the database: who holds it, and a WAL that does not shrink. */
static void check_beside(struct checkup *checkup, const struct broker_config *config)
{
    char path[BROKER_PATH_SIZE + 16];
    struct stat info;

    snprintf(path, sizeof(path), "%s-wal", config->database);
    if (stat(path, &info) == 0 && info.st_size > (INT64_C(256) * MIB)) {
        checkup_odd(checkup, "write-ahead log", "%lld MiB: something reads for very long",
                    (long long)info.st_size / MIB);
    }
    snprintf(path, sizeof(path), "%s.signed", config->database);
    const char *signed_path =
        config->signed_checkpoints[0] != '\0' ? config->signed_checkpoints : path;
    if (access(signed_path, R_OK) == 0) {
        checkup_good(checkup, "signed checkpoints", "%s", signed_path);
    } else if (access(config->database, F_OK) == 0) {
        checkup_wrong(checkup, "signed checkpoints", "%s is missing: the broker will not sign",
                      signed_path);
    }
}

static void check_keys(struct checkup *checkup, const struct broker_config *config)
{
    bool is_new = access(config->database, F_OK) != 0;
    char path[BROKER_PATH_SIZE];
    struct err err;

    if (access(config->keys, F_OK) == 0 || !is_new) {
        checkup_folder(checkup, "keys", config->keys, true);
    }
    if (path_join(path, sizeof(path), config->keys, "master", &err)) {
        checkup_secret(checkup, "master key", path, is_new);
    }
    if (access(config->organizer_token, F_OK) == 0) {
        checkup_secret(checkup, "organizer's token", config->organizer_token, false);
    }
}

static void check_allowed(struct checkup *checkup, const struct broker_config *config)
{
    struct stat info;

    if (config->allowed_keys[0] == '\0') {
        return;
    }
    if (stat(config->allowed_keys, &info) < 0) {
        checkup_good(checkup, "allowed keys", "%s is not there: nobody may come over TCP",
                     config->allowed_keys);
    } else if ((info.st_mode & 0022) != 0) {
        checkup_wrong(checkup, "allowed keys", "others may write %s: chmod go-w %s",
                      config->allowed_keys, config->allowed_keys);
    } else {
        checkup_good(checkup, "allowed keys", "%s", config->allowed_keys);
    }
}

void broker_doctor(struct checkup *checkup, const struct broker_config *config)
{
    char folder[BROKER_PATH_SIZE];
    struct err err;

    if (path_folder(folder, sizeof(folder), config->database, &err)) {
        checkup_folder(checkup, "state", folder, false);
        checkup_room(checkup, "disk", folder, config->disk_free_min_bytes);
    }
    check_database(checkup, config);
    check_beside(checkup, config);
    check_keys(checkup, config);
    check_allowed(checkup, config);
    checkup_endpoints(checkup, "gateways' socket", config->gateways);
    checkup_endpoints(checkup, "workers' socket", config->workers);
    checkup_endpoints(checkup, "events' socket", config->events);
    checkup_limits(checkup);
    checkup_clock(checkup, config->database);
}

/* SPDX-License-Identifier: MIT */
/*
 * The daemons' keys stand here by name: a client may not include the broker's tables. Each daemon
 * checks its file against its table at start. See the header.
 */
#include "client/state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "schemas/worker_key.h"

#define LOCK_FILE "run/lock"

enum { CONFIG_SIZE = 4096 };

static bool make_folders(struct err *err)
{
    static const struct {
        const char *path;
        unsigned mode;
    } folders[] = {
        {"run", 0700},         {"blobs", 0750},  {"blobs/incoming", 0750}, {"broker", 0700},
        {"broker/keys", 0700}, {"worker", 0700}, {"worker/keys", 0700},    {"worker/labels", 0700},
    };
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        if (!folder_make_durable(folders[i].path, folders[i].mode, err)) {
            return false;
        }
    }
    return true;
}

/* Who holds the lock, for the message: the process id in the file, or nothing. */
static long read_holder(int fd)
{
    char text[24] = "";

    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static bool take_lock(struct state_folder *folder, struct err *err)
{
    char text[24];

    folder->lock_fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (folder->lock_fd < 0) {
        return err_set(err, ERR_SYSTEM, "open %s/%s: %s", folder->path, LOCK_FILE, strerror(errno));
    }
    if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        err_set(err, ERR_CONFIG, "%s is in use by another assay up, process %ld", folder->path,
                read_holder(folder->lock_fd));
        state_folder_leave(folder);
        return false;
    }
    int size = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(folder->lock_fd, 0) < 0 || pwrite(folder->lock_fd, text, (size_t)size, 0) < 0) {
        err_set(err, ERR_SYSTEM, "write %s/%s: %s", folder->path, LOCK_FILE, strerror(errno));
        state_folder_leave(folder);
        return false;
    }
    return true;
}

bool state_folder_enter(struct state_folder *folder, const char *path, struct err *err)
{
    *folder = (struct state_folder){.lock_fd = -1};
    if (!folder_make_durable(path, 0755, err)) {
        return false;
    }
    if (chdir(path) < 0 || getcwd(folder->path, sizeof(folder->path)) == NULL) {
        return err_set(err, ERR_SYSTEM, "enter %s: %s", path, strerror(errno));
    }
    return make_folders(err) && take_lock(folder, err);
}

void state_folder_leave(struct state_folder *folder)
{
    if (folder->lock_fd >= 0) {
        close(folder->lock_fd);
    }
    folder->lock_fd = -1;
}

PRINTF_LIKE(3, 4)
static bool write_config(const char *path, struct err *err, const char *format, ...)
{
    char text[CONFIG_SIZE];
    va_list args;

    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof(text)) {
        return err_set(err, ERR_LIMIT, "%s would be longer than %d bytes", path, CONFIG_SIZE);
    }
    return file_write_durable(path, text, (size_t)size, 0600, err);
}

static bool write_gateway(const struct up_settings *settings, const char *listen, struct err *err)
{
    return write_config(STATE_CONFIG_GATEWAY, err,
                        "# Written by assay up; changes are lost.\n"
                        "listen: \"%s\"\n"
                        "metrics: \"%s\"\n"
                        "address_file: " STATE_ADDRESS "\n"
                        "broker: ipc://run/gateways.sock\n"
                        "events: ipc://run/events.sock\n"
                        "blobs: blobs\n"
                        "log: %s\n",
                        listen, settings->metrics, up_settings_log(settings));
}

static bool write_broker(const struct up_settings *settings, struct err *err)
{
    return write_config(STATE_CONFIG_BROKER, err,
                        "# Written by assay up; changes are lost.\n"
                        "gateways: ipc://run/gateways.sock\n"
                        "workers: \"ipc://run/workers.sock %s\"\n"
                        "allowed_keys: " STATE_ALLOWED_KEYS "\n"
                        "events: ipc://run/events.sock\n"
                        "database: broker/assay.db\n"
                        "keys: broker/keys\n"
                        "receipt_public_key: " STATE_RECEIPT_KEY "\n"
                        "organizer_token: " STATE_ORGANIZER_TOKEN "\n"
                        "lease_ms: %" PRId64 "\n"
                        "log: %s\n",
                        settings->network_workers, settings->lease_ms, up_settings_log(settings));
}

static bool write_worker(const struct up_settings *settings, unsigned number, struct err *err)
{
    char path[64];

    snprintf(path, sizeof(path), STATE_CONFIG_WORKER, number);
    return write_config(path, err,
                        "# Written by assay up; changes are lost.\n"
                        "broker: ipc://run/workers.sock\n"
                        "blobs: blobs\n"
                        "labels: " STATE_LABELS "\n"
                        "columns: worker/columns\n"
                        "keys: " STATE_WORKER_KEYS "\n"
                        "name: worker-%u\n"
                        "job_seconds: %" PRId64 "\n"
                        "job_memory_bytes: %" PRId64 "\n"
                        "sandbox: %s\n"
                        "log: %s\n",
                        number, settings->job_seconds, settings->job_memory_bytes,
                        up_settings_sandbox(settings), up_settings_log(settings));
}

/* Before the workers run: who creates a competition finds the keys of all of them. */
static bool make_worker_key(unsigned number, struct err *err)
{
    struct worker_public_key ignored;
    char name[32];

    snprintf(name, sizeof(name), "worker-%u", number);
    return worker_key_public(&ignored, STATE_WORKER_KEYS, name, err);
}

bool state_folder_configure(const struct up_settings *settings, struct err *err)
{
    for (unsigned i = 1; i <= (unsigned)settings->workers; i++) {
        if (!make_worker_key(i, err) || !write_worker(settings, i, err)) {
            return false;
        }
    }
    return write_broker(settings, err) && write_gateway(settings, settings->listen, err);
}

void state_folder_forget_address(void)
{
    unlink(STATE_ADDRESS);
}

bool state_folder_address(char address[static STATE_ADDRESS_SIZE])
{
    struct bytes text = {0};
    struct err err;

    if (access(STATE_RECEIPT_KEY, R_OK) != 0 || access(STATE_ORGANIZER_TOKEN, R_OK) != 0 ||
        !file_read(&text, STATE_ADDRESS, STATE_ADDRESS_SIZE - 1, &err)) {
        return false;
    }
    char *end = (char *)text.data + strcspn((char *)text.data, "\r\n");
    *end = '\0';
    bool ok = text.data[0] != '\0' &&
              text_copy(address, STATE_ADDRESS_SIZE, (const char *)text.data, &err);
    bytes_free(&text);
    return ok;
}

bool state_folder_keep_address(const struct up_settings *settings, const char *address,
                               struct err *err)
{
    static const char scheme[] = "http://";
    const char *listen = address;

    if (strncmp(address, scheme, sizeof(scheme) - 1) == 0) {
        listen += sizeof(scheme) - 1;
    }
    return up_settings_check_listen(listen, err) && write_gateway(settings, listen, err);
}

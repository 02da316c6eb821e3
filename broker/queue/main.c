/* SPDX-License-Identifier: MIT */
/*
 * assay-broker: the queue, the store, the boards and the receipts.
 *
 * With --restore FILE it puts a backup in the place of the database and ends. With --void-lost it
 * does not serve: where the logs are not what was signed of them, as after the restore of an older
 * backup, it says so in the logs, gives them their next names and ends.
 */
#include <string.h>
#include <unistd.h>

#include "broker/queue/doctor.h"
#include "broker/queue/loop.h"
#include "broker/store/backup.h"
#include "common/daemon.h"
#include "common/log.h"

static bool serve(const struct broker_config *config, struct err *err)
{
    struct loop *loop = NULL;
    int signal_fd = -1;
    bool ok =
        daemon_harden(err) && daemon_signals_open(&signal_fd, err) && loop_open(&loop, config, err);

    if (ok && config->may_void) {
        log_info("logs are in order", "database=%s", config->database);
    } else if (ok) {
        log_info("ready", "gateways=%s workers=%s", config->gateways, config->workers);
        ok = loop_run(loop, signal_fd, err);
    }
    loop_close(&loop);
    close(signal_fd);
    return ok;
}

/* What main takes beside what every daemon takes. */
struct extra {
    bool may_void;
    const char *restore; /* a backup, or NULL */
};

/* Takes them out of the arguments. */
static struct extra take_extra(int *argc, char **argv)
{
    struct extra extra = {0};
    int n = 1;

    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--void-lost") == 0) {
            extra.may_void = true;
        } else if (strcmp(argv[i], "--restore") == 0 && i + 1 < *argc) {
            extra.restore = argv[++i];
        } else {
            argv[n++] = argv[i];
        }
    }
    argv[n] = NULL;
    *argc = n;
    return extra;
}

static bool restore(const struct broker_config *config, const char *copy, struct err *err)
{
    char replaced[BACKUP_PATH_SIZE];

    if (!backup_restore(replaced, config->database, copy, err)) {
        return false;
    }
    log_info("restored", "database=%s from=%s replaced=%s", config->database, copy, replaced);
    return true;
}

int main(int argc, char **argv)
{
    struct broker_config config;
    struct err err;
    struct extra extra = take_extra(&argc, argv);
    struct checkup checkup = {.out = stdout};

    switch (daemon_start(&config, &broker_config_table, "assay-broker", argc, argv)) {
    case DAEMON_DONE:
        return 0;
    case DAEMON_DOCTOR:
        broker_doctor(&checkup, &config);
        return checkup_end(&checkup);
    case DAEMON_USAGE:
        return 2;
    case DAEMON_RUN:
        break;
    }
    config.may_void = extra.may_void;
    log_start("broker", (enum log_level)config.log);
    bool ok = extra.restore != NULL ? restore(&config, extra.restore, &err) : serve(&config, &err);
    if (!ok) {
        log_error("stopped", "code=%s text=\"%s\"", err_code_name(err.code), err.text);
        return err.code == ERR_CONFIG ? 2 : 1;
    }
    return 0;
}

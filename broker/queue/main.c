/* SPDX-License-Identifier: MIT */
/*
 * assay-broker: the queue, the store, the boards and the receipts.
 *
 * With --void-lost it does not serve: where the logs are not what was signed of them, as after the
 * restore of an older backup, it says so in the logs, gives them their next names and ends.
 */
#include <string.h>
#include <unistd.h>

#include "broker/queue/loop.h"
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

/* Takes --void-lost out of the arguments. */
static bool take_void(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--void-lost") == 0) {
            memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(argv[0]));
            (*argc)--;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct broker_config config;
    struct err err;
    bool may_void = take_void(&argc, argv);
    enum daemon_start start =
        daemon_start(&config, &broker_config_table, "assay-broker", argc, argv);

    if (start != DAEMON_RUN) {
        return start == DAEMON_DONE ? 0 : 2;
    }
    config.may_void = may_void;
    log_start("broker", (enum log_level)config.log);
    if (!serve(&config, &err)) {
        log_error("stopped", "code=%s text=\"%s\"", err_code_name(err.code), err.text);
        return err.code == ERR_CONFIG ? 2 : 1;
    }
    return 0;
}

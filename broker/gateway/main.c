/* SPDX-License-Identifier: MIT */
/*
 * assay-gateway --config FILE [--check]
 */
#include "broker/gateway/doctor.h"
#include "broker/gateway/gateway.h"
#include "common/daemon.h"
#include "common/log.h"

int main(int argc, char **argv)
{
    struct settings settings;
    struct gateway *gateway = NULL;
    struct checkup checkup = {.out = stdout};
    struct err err = {0};

    switch (daemon_start(&settings, &settings_table, "assay-gateway", argc, argv)) {
    case DAEMON_RUN:
        break;
    case DAEMON_DONE:
        return 0;
    case DAEMON_DOCTOR:
        gateway_doctor(&checkup, &settings);
        return checkup_end(&checkup);
    case DAEMON_USAGE:
        return 2;
    }
    log_start("assay-gateway", (enum log_level)settings.log);
    bool ok = gateway_open(&gateway, &settings, &err) && gateway_run(gateway, &err);
    gateway_close(&gateway);
    if (!ok) {
        log_error("stopped", "error=%s", err.text);
        return err.code == ERR_CONFIG ? 2 : 1;
    }
    return 0;
}

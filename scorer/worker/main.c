/* SPDX-License-Identifier: MIT */
/*
 * assay-worker: arguments, configuration, run.
 */
#include "common/daemon.h"
#include "scorer/worker/doctor.h"
#include "scorer/worker/worker.h"

int main(int argc, char **argv)
{
    struct worker_settings settings;
    struct checkup checkup = {.out = stdout};
    const struct reader reader = {.settings = &settings, .parse = reader_parse};

    switch (daemon_start(&settings, &worker_settings_table, "assay-worker", argc, argv)) {
    case DAEMON_DONE:
        return 0;
    case DAEMON_USAGE:
        return 2;
    case DAEMON_DOCTOR:
        worker_doctor(&checkup, &settings);
        return checkup_end(&checkup);
    case DAEMON_RUN:
        break;
    }
    return worker_run(&reader);
}

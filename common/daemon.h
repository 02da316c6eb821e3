/* SPDX-License-Identifier: MIT */
/*
 * What the three daemons do alike: `--config FILE [--check]`, signals as a file descriptor, and no
 * way to more privileges or to a core dump.
 */
#pragma once

#include "common/conftable.h"

enum daemon_start {
    DAEMON_RUN,
    DAEMON_DONE,   /* --check, --help or --version said what they had to say: exit 0 */
    DAEMON_DOCTOR, /* --doctor: look at what the configuration needs, and exit */
    DAEMON_USAGE,  /* wrong arguments or a wrong configuration, printed to stderr: exit 2 */
};

/*
 * Reads the arguments and the configuration.
 *
 *   values   out, the struct behind `table`; set for DAEMON_RUN and DAEMON_DOCTOR
 *   name     of the program, "assay-gateway"
 */
MUST_CHECK enum daemon_start daemon_start(void *values, const struct conf_table *table,
                                          const char *name, int argc, char **argv);

/*
 * No new privileges, no core dumps, and SIGPIPE and SIGXFSZ are errors of the call instead.
 *
 * Errors   ERR_SYSTEM
 */
MUST_CHECK bool daemon_harden(struct err *err);

/* The resident memory of this process; 0 where the kernel does not say. */
int64_t daemon_memory_bytes(void);

/*
 * Blocks SIGTERM and SIGINT and opens a descriptor that becomes readable when one arrives. Call it
 * before the first thread. Children inherit the blocked signals.
 *
 * Errors   ERR_SYSTEM
 */
MUST_CHECK bool daemon_signals_open(int *fd, struct err *err);

/* SPDX-License-Identifier: MIT */
/*
 * The configuration of `assay up`: one file for all processes on one machine.
 */
#pragma once

#include "common/conftable.h"

enum { UP_TEXT_SIZE = 1024, UP_WORKERS_MAX = 64 };

struct up_settings {
    char listen[UP_TEXT_SIZE];
    char metrics[UP_TEXT_SIZE]; /* "" without */
    char state[UP_TEXT_SIZE];   /* folder; in a file relative to it */
    int64_t workers;
    int log; /* enum log_level */
    int64_t lease_ms;
    char network_workers[UP_TEXT_SIZE]; /* "" without */
    int64_t job_seconds;
    int64_t job_memory_bytes;
    int sandbox;
};

extern const struct conf_table up_settings_table;

/* The texts of the members that hold places in a list of choices. */
const char *up_settings_log(const struct up_settings *settings);
const char *up_settings_sandbox(const struct up_settings *settings);

/* All defaults. */
struct up_settings up_settings_default(void);

/*
 * Reads a file; its `state` is then relative to the folder of the file.
 *
 * Errors   as conf_load_file
 */
MUST_CHECK bool up_settings_load(struct up_settings *settings, const char *path,
                                 struct problems *problems, struct err *err);

/*
 * Checks an address to listen at, HOST:PORT.
 *
 * Errors   ERR_CONFIG
 */
MUST_CHECK bool up_settings_check_listen(const char *listen, struct err *err);

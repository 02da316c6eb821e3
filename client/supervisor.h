/* SPDX-License-Identifier: MIT */
/*
 * Keeps a few child processes running: starts them, starts them again when they die (with a growing
 * delay), and ends all of them, with everything they started, before it ends itself. A child whose
 * supervisor dies is killed by the kernel. One thread, no timers: the caller steps it.
 */
#pragma once

#include "common/err.h"

#include <stdint.h>

enum { SUPERVISOR_CHILDREN_MAX = 66, SUPERVISOR_PATH_SIZE = 4096 };

struct supervisor; /* owns its children */

enum supervisor_event {
    SUPERVISOR_NOTHING,
    SUPERVISOR_STOP,   /* SIGTERM, SIGINT or SIGHUP arrived */
    SUPERVISOR_FAILED, /* a child cannot be started: see supervisor_ready */
};

/*
 * Blocks the signals it handles and becomes the parent of orphans below it. One a process.
 *
 * Errors   ERR_SYSTEM
 * Owns     *supervisor is owned by the caller; end it with supervisor_close
 */
MUST_CHECK bool supervisor_open(struct supervisor **supervisor, struct err *err);

/* Ends what still runs and unblocks the signals. */
void supervisor_close(struct supervisor **supervisor);

/*
 * Adds a child and starts it.
 *
 *   program      path of the program; its arguments are --config CONFIG
 *   stop_phase   children of lower phases are ended first
 *
 * Errors   ERR_LIMIT   too many, or a path is too long
 *          ERR_SYSTEM  fork failed
 */
MUST_CHECK bool supervisor_add(struct supervisor *supervisor, const char *program,
                               const char *config, int stop_phase, struct err *err);

/*
 * From now on a child may die as often as it likes. Before, SUPERVISOR_FAILED ends the start when a
 * child exits with 2 (its configuration is wrong) or dies for the third time.
 */
void supervisor_ready(struct supervisor *supervisor);

/* Waits at most timeout_ms (-1: for ever) for something to do, and does it. */
MUST_CHECK enum supervisor_event supervisor_step(struct supervisor *supervisor, int64_t timeout_ms);

/*
 * Ends all children, phase by phase: SIGTERM, at most patience_ms, then SIGKILL. A second stop
 * signal meanwhile ends the patience.
 */
void supervisor_stop(struct supervisor *supervisor, int64_t patience_ms);

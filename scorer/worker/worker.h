/* SPDX-License-Identifier: MIT */
/*
 * A worker: a supervisor that forks reader, scorer and link before any of them has a secret, and
 * starts reader or scorer again when one ends. The link is the worker: when it ends, all end, so
 * that whoever supervises the worker starts it anew.
 */
#pragma once

#include "scorer/worker/reader.h"

/*
 * Runs a worker until SIGTERM or SIGINT; the job under way is finished if it is short.
 *
 * Returns the exit status of the process: 0 after a signal.
 */
int worker_run(const struct reader *reader);

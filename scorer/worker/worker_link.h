/* SPDX-License-Identifier: MIT */
/*
 * The link: the one process of a worker that speaks to the broker. It claims a job, keeps its lease
 * alive, puts it through the pipeline and reports until the broker has it. It holds no label, no
 * column and no key. A lease that is lost, or not confirmed for 0.8 of its time, ends the job here.
 */
#pragma once

#include "scorer/worker/worker_settings.h"

/*
 * Serves until SIGTERM, or until the supervisor is gone.
 *
 *   control   sockets of started peers arrive here (a frame of one byte, enum pipeline_peer); a
 *             peer that must be started again is asked for in the same way
 *
 * Returns the exit status of the process.
 */
int worker_link_run(int control, const struct worker_settings *settings);

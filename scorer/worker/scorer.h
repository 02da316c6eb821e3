/* SPDX-License-Identifier: MIT */
/*
 * The scorer: the one process that holds labels and the key that seals private scores. It reads
 * label folders and nothing else, has no network, and sees of a submission only checked columns.
 * What leaves it: the public part of a scorecard, the private part sealed, and no label.
 */
#pragma once

#include "scorer/worker/worker_settings.h"

/*
 * Serves jobs until the other end of `socket` closes. Takes packets with a JOB frame:
 *   without a descriptor  answers with an empty frame and the descriptor of the job sheet
 *   with columns          answers with a RESULT frame
 *   JOB_OPEN              answers with a RESULT frame
 * and with a FAILED frame where that cannot be done.
 *
 * Returns the exit status of the process.
 */
int scorer_run(int socket, const struct worker_settings *settings);

/* SPDX-License-Identifier: MIT */
/*
 * The frames by which a worker ends a job, made where the end is known: by the scorer, by the
 * reader's zygote, or by the link when one of them died.
 */
#pragma once

#include "schemas/wire.h"

/*
 * Reads a JOB that another process of this worker passed on.
 *
 *   message  out, borrows from the frame
 *
 * Errors   ERR_PEER  not a JOB frame
 */
MUST_CHECK bool report_read_job(struct wire_message *message, const void *frame, size_t size,
                                struct err *err);

/*
 * Makes a FAILED frame: ours, never the file's fault.
 *
 *   frame   in and out: its contents are replaced
 *   job     the message of type WIRE_JOB
 *   reason  one line; holds nothing of a label
 *
 * Errors   ERR_SYSTEM  no memory
 */
MUST_CHECK bool report_failure(struct wire_buffer *frame, const struct wire_message *job,
                               const char *worker, const char *reason, struct err *err);

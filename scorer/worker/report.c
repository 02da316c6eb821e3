/* SPDX-License-Identifier: MIT */
/*
 * Ends of jobs. See the header.
 */
#include "scorer/worker/report.h"

#include <string.h>

enum { REASON_MAX = 240 }; /* of wire.def */

bool report_read_job(struct wire_message *message, const void *frame, size_t size, struct err *err)
{
    if (!wire_decode(message, FROM_BROKER, frame, size, err) || message->type != WIRE_JOB) {
        return err_set(err, ERR_PEER, "a frame inside this worker is no job");
    }
    return true;
}

bool report_failure(struct wire_buffer *frame, const struct wire_message *job, const char *worker,
                    const char *reason, struct err *err)
{
    struct wire_message message = {
        .type = WIRE_FAILED,
        .request_id = job->request_id,
        .failed = {.job_id = job->job.job_id,
                   .fence = job->job.fence,
                   .reason = wire_text(reason),
                   .worker = wire_text(worker)},
    };

    if (message.failed.reason.size > REASON_MAX) {
        message.failed.reason.size = REASON_MAX;
    }
    return wire_encode(frame, &message, err);
}

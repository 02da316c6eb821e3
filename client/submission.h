/* SPDX-License-Identifier: MIT */
/*
 * One submission as the service tells of it: waiting for it, and showing it.
 */
#pragma once

#include "client/service.h"

/*
 * Asks until the submission is scored, invalid or failed, at most for `wait_ms`. EXIT_DONE when it
 * is scored or not finished (it is accepted for good, as is told), EXIT_INVALID when it is invalid,
 * EXIT_UNREACHABLE when it failed, EXIT_REFUSED when its promise has expired; *answer is the last
 * answer, also then, and freed by the caller. Tells its place in the queue and the expected time on
 * stderr when it is not done at once, and each time that the place has changed.
 */
MUST_CHECK int submission_wait(struct service *service, struct service_answer *answer,
                               const char *id, int64_t wait_ms);

/* State, scores and place in the queue on stdout, errors of the file on stderr. */
void submission_print(const struct jvalue *submission);

/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait for a submission to change (`Prefer: wait`). An event wakes those of its
 * submission; because events may be lost, each looks again by itself now and then.
 */
#pragma once

#include "broker/gateway/exchange.h"

/*
 * From now on events of the submission in the first argument of its route count. Does nothing when
 * half of all connections wait already: the rest is for those who do not.
 */
void poll_join(struct exchange *exchange, int64_t until_ms,
               void (*look)(struct exchange *exchange));

/* Fine also for one that never joined. */
void poll_leave(struct exchange *exchange);

/*
 * Nothing has changed yet: `look` is called on the next event, and once more at the end. False
 * where there is nothing to wait for any more.
 */
MUST_CHECK bool poll_wait(struct exchange *exchange, int64_t now_ms);

/* An event of this submission. */
void poll_wake(struct gateway_parts *parts, const char *submission);

/* Calls `look` where it is time; returns when to call again, -1 for never. */
int64_t poll_tick(struct gateway_parts *parts, int64_t now_ms);

/* SPDX-License-Identifier: MIT */
/*
 * Removes what belongs to nothing: parts of promised files that nobody goes on with, and files that
 * no submission names, as refused and failed uploads leave them. Old ones only; the broker is asked
 * about each file, one shelf of the blob folder at a time.
 */
#pragma once

#include "broker/gateway/exchange.h"

struct sweep;

/* Errors: ERR_SYSTEM. Owns: *sweep is owned by the caller; end it with sweep_close. */
MUST_CHECK bool sweep_open(struct sweep **sweep, struct gateway_parts *parts, struct err *err);

/* Before the link to the broker is closed. */
void sweep_close(struct sweep **sweep);

/* Does what is due; returns when to call again (boot clock), -1 for never. */
int64_t sweep_tick(struct sweep *sweep, int64_t now_ms);

/* SPDX-License-Identifier: MIT */
/*
 * The few request headers that the gateway reads beyond their presence. All of them are hostile.
 */
#pragma once

#include "schemas/wire.h"

#include <stddef.h>

/*
 * The token of "Bearer TOKEN" (the scheme in any case). Empty for NULL; something that no broker
 * takes for a token where the header holds anything else. Borrows from the text.
 */
struct wire_bytes header_bearer(const char *authorization);

/* The seconds of "wait=30" among the preferences (RFC 7240); 0 without one, at most seconds_max. */
int64_t header_wait_seconds(const char *prefer, int64_t seconds_max);

/*
 * A byte count of decimal digits, as Upload-Offset has it; NULL is missing.
 *
 * Errors   ERR_INPUT
 */
MUST_CHECK bool header_read_offset(uint64_t *offset, const char *text, struct err *err);

/* "?1" or "?0", as Upload-Complete has it (RFC 9651); NULL is missing. Errors: ERR_INPUT. */
MUST_CHECK bool header_read_flag(bool *flag, const char *text, struct err *err);

/* True when If-None-Match names this ETag, weakly compared, or is "*". */
bool header_has_etag(const char *if_none_match, const char *etag);

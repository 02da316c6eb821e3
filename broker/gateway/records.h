/* SPDX-License-Identifier: MIT */
/*
 * The broker's records as JSON and CSV.
 */
#pragma once

#include "broker/gateway/copies.h"

/* "accepted", "scoring", … */
const char *submission_state_name(unsigned state);

/* "hidden", "public", "frozen", "revealing", "revealed" */
const char *board_state_name(unsigned state);

/* An object with the public fields of a competition. */
void competition_json(struct jwriter *writer, const struct wire_competition_row *row);

/*
 * The members of a submission; the caller has opened the object and closes it, so that members can
 * follow.
 */
void submission_json(struct jwriter *writer, const struct wire_submission_row *row);

/* {"competitions":[…]} */
void competitions_json(struct jwriter *writer, const struct copy *copy);

/* The board from place `first`, at most rows_max rows. False where the copy is not a board. */
MUST_CHECK bool board_json(struct jwriter *writer, const struct copy *copy, size_t first,
                           size_t rows_max);

/* The whole board with the header of the known download formats; RFC 4180, LF. */
void board_csv(struct jwriter *writer, const struct copy *copy);

/*
 * "remaining_today", "remaining_total" (null for UINT32_MAX: no limit) and "resets_at" (null for
 * INT64_MIN: they do not return).
 */
void quota_json(struct jwriter *writer, uint32_t today, uint32_t total, int64_t resets_at_ms);

/* A time, or null for INT64_MIN. */
void key_time(struct jwriter *writer, const char *key, int64_t unix_ms);

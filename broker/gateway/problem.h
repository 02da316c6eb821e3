/* SPDX-License-Identifier: MIT */
/*
 * Errors as RFC 9457 problem details: {"type","title","status","detail","code","errors":[…],
 * "error","message"}; the last two repeat the detail for older clients.
 */
#pragma once

#include "common/jwriter.h"
#include "schemas/wire.h"

/* What went wrong, for JSON and for a page. */
struct problem_answer {
    unsigned status;
    const char *code;           /* "quota" */
    struct wire_bytes detail;   /* one sentence for the person who reads it */
    struct wire_bytes problems; /* records of problem */
    int64_t retry_after_ms;     /* 0: not to be tried again */
    bool has_quota;             /* what the team has left is told, too */
    uint32_t remaining_today;
    uint32_t remaining_total;
    int64_t resets_at_ms;
};

/* The reason phrase of a status. */
const char *problem_title(unsigned status);

/* From the broker's refusal. */
struct problem_answer problem_of_refusal(const struct wire_refused *refused);

void problem_write(struct jwriter *writer, const struct problem_answer *problem);

/* The array of a list of records of problem: [{"line","column","detail"},…]. */
void problem_write_list(struct jwriter *writer, struct wire_bytes problems);

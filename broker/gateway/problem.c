/* SPDX-License-Identifier: MIT */
/*
 * Problem details. See the header.
 */
#include "broker/gateway/problem.h"

#include "broker/gateway/records.h"

static const struct {
    unsigned status;
    const char *title;
} titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
};

const char *problem_title(unsigned status)
{
    for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Error";
}

struct problem_answer problem_of_refusal(const struct wire_refused *refused)
{
    static const struct {
        unsigned status;
        const char *code;
    } refusals[] = {
        [REFUSAL_BAD_REQUEST] = {400, "bad_request"},
        [REFUSAL_NO_TOKEN] = {401, "invalid_token"},
        [REFUSAL_NOT_ALLOWED] = {403, "not_allowed"},
        [REFUSAL_NOT_FOUND] = {404, "not_found"},
        [REFUSAL_CLOSED] = {403, "closed"},
        [REFUSAL_QUOTA] = {429, "quota"},
        [REFUSAL_CONFLICT] = {409, "conflict"},
        [REFUSAL_TOO_LARGE] = {413, "too_large"},
        [REFUSAL_BUSY] = {503, "busy"},
        [REFUSAL_INVALID] = {422, "invalid"},
        [REFUSAL_EXPIRED] = {410, "expired"},
    };
    struct problem_answer problem = {.status = 502,
                                     .code = "bad_answer",
                                     .detail = refused->text,
                                     .problems = refused->problems,
                                     .retry_after_ms = refused->retry_after_ms,
                                     .has_quota = refused->has_quota != 0,
                                     .remaining_today = refused->remaining_today,
                                     .remaining_total = refused->remaining_total,
                                     .resets_at_ms = refused->resets_at_ms};

    if (refused->refusal < ARRAY_SIZE(refusals) && refusals[refused->refusal].status != 0) {
        problem.status = refusals[refused->refusal].status;
        problem.code = refusals[refused->refusal].code;
    }
    if (refused->refusal == REFUSAL_NO_TOKEN) {
        problem.detail = wire_text("Invalid token"); /* clients look for these very words */
    }
    if (problem.status == 503 && problem.retry_after_ms == 0) {
        problem.retry_after_ms = 1000;
    }
    return problem;
}

void problem_write_list(struct jwriter *writer, struct wire_bytes problems)
{
    struct wire_problem problem;

    jwriter_array(writer);
    while (wire_next(&problem, WIRE_PROBLEM, &problems) == WIRE_ITEM) {
        jwriter_object(writer);
        jwriter_key_int(writer, "line", (int64_t)problem.line);
        jwriter_key_int(writer, "column", problem.column);
        jwriter_key(writer, "detail");
        jwriter_text_n(writer, problem.text.data, problem.text.size);
        jwriter_object_end(writer);
    }
    jwriter_array_end(writer);
}

void problem_write(struct jwriter *writer, const struct problem_answer *problem)
{
    static const char *const detail_keys[] = {"error", "message"};

    jwriter_object(writer);
    jwriter_key_text(writer, "type", "about:blank");
    jwriter_key_text(writer, "title", problem_title(problem->status));
    jwriter_key_int(writer, "status", problem->status);
    jwriter_key(writer, "detail");
    jwriter_text_n(writer, problem->detail.data, problem->detail.size);
    jwriter_key_text(writer, "code", problem->code);
    jwriter_key(writer, "errors");
    problem_write_list(writer, problem->problems);
    for (size_t i = 0; i < ARRAY_SIZE(detail_keys); i++) {
        jwriter_key(writer, detail_keys[i]);
        jwriter_text_n(writer, problem->detail.data, problem->detail.size);
    }
    if (problem->has_quota) {
        quota_json(writer, problem->remaining_today, problem->remaining_total,
                   problem->resets_at_ms);
    }
    jwriter_object_end(writer);
}

/* SPDX-License-Identifier: MIT */
/*
 * One request. See the header.
 */
#include "broker/gateway/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/gateway/header.h"
#include "broker/gateway/pages.h"
#include "broker/gateway/poll.h"
#include "broker/gateway/problem.h"
#include "broker/gateway/upload.h"
#include "common/log.h"
#include "common/text.h"

enum { REPEAT_MS = 1000, ERROR_BYTES_MAX = 256 << 10, FAIL_FIELDS_MAX = 8 };

static const char page_policy[] =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

bool exchange_open(struct exchange **exchange, struct gateway_parts *parts,
                   struct http_request *request, struct err *err)
{
    struct exchange *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a request");
    }
    opened->parts = parts;
    opened->request = request;
    opened->started_ms = time_boot_ms();
    parts->metrics.n_open++;
    *exchange = opened;
    return true;
}

void exchange_close(struct exchange **exchange)
{
    struct exchange *closed = *exchange;

    if (closed == NULL) {
        return;
    }
    closed->parts->metrics.n_open--;
    link_forget(closed->parts->link, closed->ask_id);
    copies_forget(closed->parts->copies, &closed->waiter);
    poll_leave(closed);
    upload_leave(closed);
    bytes_free(&closed->body);
    wire_buffer_free(&closed->kept);
    free(closed);
    *exchange = NULL;
}

/* ---- the request ---- */

struct wire_bytes exchange_token(const struct exchange *exchange)
{
    return header_bearer(http_request_header(exchange->request, "Authorization"));
}

const char *exchange_query(const struct exchange *exchange, const char *name)
{
    return http_request_query(exchange->request, name);
}

bool exchange_query_int(int64_t *value, const struct exchange *exchange, const char *name,
                        int64_t fallback, int64_t min, int64_t max, struct err *err)
{
    const char *text = exchange_query(exchange, name);
    int64_t number = 0;

    if (text == NULL) {
        *value = fallback;
        return true;
    }
    size_t length = strlen(text);
    bool ok = length > 0 && length <= 18 && strspn(text, "0123456789") == length;
    for (size_t i = 0; ok && i < length; i++) {
        number = 10 * number + (text[i] - '0');
    }
    if (!ok || number < min || number > max) {
        return err_set(err, ERR_INPUT, "%s is '%.40s', expected a number from %lld to %lld", name,
                       text, (long long)min, (long long)max);
    }
    *value = number;
    return true;
}

/* ---- questions to the broker ---- */

static void on_link_reply(void *context, const struct wire_message *reply)
{
    struct exchange *exchange = context;

    exchange->ask_id = 0;
    if (exchange->expected != 0 && (reply == NULL || reply->type != exchange->expected)) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    exchange->on_reply(exchange, reply);
}

static void ask(struct exchange *exchange, struct wire_message *message, struct link_times times,
                enum wire_type expected,
                void (*on_reply)(struct exchange *exchange, const struct wire_message *reply))
{
    const struct link_waiter waiter = {.on_reply = on_link_reply, .context = exchange};
    struct err err;

    exchange->expected = expected;
    exchange->on_reply = on_reply;
    http_hold(exchange->request);
    if (!link_ask(&exchange->ask_id, exchange->parts->link, message, times, waiter, time_boot_ms(),
                  &err)) {
        exchange_fail_err(exchange, &err);
    }
}

void exchange_ask(struct exchange *exchange, struct wire_message *message, enum wire_type expected,
                  void (*on_reply)(struct exchange *exchange, const struct wire_message *reply))
{
    const struct link_times times = {.patience_ms = exchange->parts->settings.times.answer_ms,
                                     .repeat_ms = REPEAT_MS};

    ask(exchange, message, times, expected, on_reply);
}

void exchange_ask_once(struct exchange *exchange, struct wire_message *message,
                       enum wire_type expected,
                       void (*on_reply)(struct exchange *exchange,
                                        const struct wire_message *reply))
{
    const struct link_times times = {.patience_ms = exchange->parts->settings.times.answer_ms};

    ask(exchange, message, times, expected, on_reply);
}

void exchange_ask_long(struct exchange *exchange, struct wire_message *message, int64_t patience_ms,
                       void (*on_reply)(struct exchange *exchange,
                                        const struct wire_message *reply))
{
    const struct link_times times = {.patience_ms = patience_ms, .repeat_ms = REPEAT_MS};

    ask(exchange, message, times, 0, on_reply);
}

static void on_waited_copy(void *context, struct copy *copy, const struct wire_message *refusal)
{
    struct exchange *exchange = context;

    if (copy == NULL) {
        exchange_fail_reply(exchange, refusal);
        return;
    }
    exchange->on_copy(exchange, copy);
}

void exchange_get_copy(struct exchange *exchange, enum copy_kind kind, const char *competition,
                       void (*on_copy)(struct exchange *exchange, struct copy *copy))
{
    struct err err;

    exchange->on_copy = on_copy;
    exchange->waiter = (struct copies_waiter){.on_copy = on_waited_copy, .context = exchange};
    http_hold(exchange->request);
    if (!copies_get(exchange->parts->copies, exchange_token(exchange), kind, competition,
                    &exchange->waiter, time_boot_ms(), &err)) {
        exchange_fail_err(exchange, &err);
    }
}

/* ---- the answer ---- */

static void add_field(struct http_answer *answer, const char *name, const char *value)
{
    if (answer->n_fields < HTTP_FIELDS_MAX) {
        answer->fields[answer->n_fields++] = (struct http_field){name, value};
    }
}

static void log_answer(const struct exchange *exchange, unsigned status)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "PATCH", "other"};
    const char *method = methods[http_request_method(exchange->request)];
    long long ms = (long long)(time_boot_ms() - exchange->started_ms);
    const char *path = http_request_path(exchange->request);

    if (status >= 500) {
        log_warn("answered", "status=%u method=%s path=%.100s ms=%lld", status, method, path, ms);
    } else {
        log_debug("answered", "status=%u method=%s path=%.100s ms=%lld", status, method, path, ms);
    }
}

/* The last step of every answer: what all of them say. `content` is borrowed; NULL for none. */
static void send_answer(struct exchange *exchange, struct http_answer *answer,
                        struct content *content)
{
    if (exchange->is_answered) {
        return;
    }
    if (content != NULL && answer->status != 304) {
        answer->content = content;
        add_field(answer, "Content-Type", content->type);
        if (strncmp(content->type, "text/html", 9) == 0) {
            add_field(answer, "Content-Security-Policy", page_policy);
        }
    }
    add_field(answer, "X-Content-Type-Options", "nosniff");
    add_field(answer, "Referrer-Policy", "no-referrer");
    exchange->is_answered = true;
    poll_leave(exchange);
    log_answer(exchange, answer->status);
    metrics_answered(&exchange->parts->metrics, exchange->route, answer->status,
                     time_boot_ms() - exchange->started_ms);
    http_answer(exchange->request, answer);
}

void exchange_answer_with(struct exchange *exchange, unsigned status, struct jwriter *writer,
                          const char *type, const struct http_field *fields, size_t n_fields)
{
    struct http_answer answer = {.status = status};
    struct content *content = NULL;
    struct err err;

    if (!content_make(&content, writer, type, &err)) {
        log_error("answer lost", "error=%s", err.text);
        answer.status = 500;
    }
    for (size_t i = 0; i < n_fields; i++) {
        add_field(&answer, fields[i].name, fields[i].value);
    }
    add_field(&answer, "Cache-Control", "no-store");
    send_answer(exchange, &answer, content);
    content_release(&content);
}

void exchange_answer(struct exchange *exchange, unsigned status, struct jwriter *writer,
                     const char *type)
{
    exchange_answer_with(exchange, status, writer, type, NULL, 0);
}

void exchange_answer_shared(struct exchange *exchange, struct content *content,
                            const char *cache_control)
{
    const char *known = http_request_header(exchange->request, "If-None-Match");
    struct http_answer answer = {.status = header_has_etag(known, content->etag) ? 304 : 200};

    add_field(&answer, "ETag", content->etag);
    add_field(&answer, "Cache-Control", cache_control);
    add_field(&answer, "Vary", "Authorization");
    send_answer(exchange, &answer, content);
}

static void write_problem(struct exchange *exchange, struct jwriter *writer,
                          const struct problem_answer *problem)
{
    struct html html;

    if (exchange->is_page) {
        html_start(&html, ERROR_BYTES_MAX);
        page_error(&html, problem->status, problem_title(problem->status), problem->detail);
        *writer = html.out;
        return;
    }
    jwriter_start(writer, ERROR_BYTES_MAX);
    problem_write(writer, problem);
}

static void fail(struct exchange *exchange, const struct problem_answer *problem,
                 const struct http_field *more, size_t n_more)
{
    struct http_field fields[HTTP_FIELDS_MAX];
    size_t n_fields = 0;
    char seconds[24];
    struct jwriter writer;

    for (; n_fields < n_more && n_fields < FAIL_FIELDS_MAX; n_fields++) {
        fields[n_fields] = more[n_fields];
    }
    if (problem->retry_after_ms > 0) {
        snprintf(seconds, sizeof(seconds), "%lld",
                 (long long)((problem->retry_after_ms + 999) / 1000));
        fields[n_fields++] = (struct http_field){"Retry-After", seconds};
    }
    if (problem->status == 401) {
        fields[n_fields++] = (struct http_field){"WWW-Authenticate", "Bearer realm=\"assay\""};
    }
    write_problem(exchange, &writer, problem);
    exchange_answer_with(exchange, problem->status, &writer,
                         exchange->is_page ? "text/html; charset=utf-8"
                                           : "application/problem+json",
                         fields, n_fields);
}

void exchange_fail(struct exchange *exchange, unsigned status, const char *code, const char *detail)
{
    const struct problem_answer problem = {
        .status = status, .code = code, .detail = wire_text(detail)};

    fail(exchange, &problem, NULL, 0);
}

void exchange_fail_with(struct exchange *exchange, unsigned status, const char *code,
                        const char *detail, const struct http_field *fields, size_t n_fields)
{
    const struct problem_answer problem = {
        .status = status, .code = code, .detail = wire_text(detail)};

    fail(exchange, &problem, fields, n_fields);
}

void exchange_fail_method(struct exchange *exchange, const char *allowed)
{
    const struct problem_answer problem = {.status = 405,
                                           .code = "method_not_allowed",
                                           .detail =
                                               wire_text("this address does not know this method")};
    const struct http_field field = {"Allow", allowed};

    fail(exchange, &problem, &field, 1);
}

void exchange_fail_busy(struct exchange *exchange, int64_t seconds, const char *detail)
{
    const struct problem_answer problem = {.status = 503,
                                           .code = "busy",
                                           .detail = wire_text(detail),
                                           .retry_after_ms = 1000 * seconds};

    fail(exchange, &problem, NULL, 0);
}

void exchange_fail_input(struct exchange *exchange, const struct err *err)
{
    struct problem_answer problem = {
        .status = 400, .code = "bad_request", .detail = wire_text(err->text)};
    struct wire_problem position = {
        .line = err->line, .column = err->column, .text = wire_text(err->text)};
    struct wire_buffer list = {0};
    struct err ignored;

    if (err->line > 0 && wire_append(&list, WIRE_PROBLEM, &position, &ignored)) {
        problem.problems = wire_buffer_bytes(&list);
    }
    fail(exchange, &problem, NULL, 0);
    wire_buffer_free(&list);
}

void exchange_fail_err(struct exchange *exchange, const struct err *err)
{
    switch (err->code) {
    case ERR_INPUT:
        exchange_fail_input(exchange, err);
        return;
    case ERR_LIMIT:
        exchange_fail(exchange, 400, "too_long", err->text);
        return;
    case ERR_NONE:
    case ERR_CONFIG:
    case ERR_PEER:
    case ERR_STORE:
    case ERR_SYSTEM:
        log_error("request failed", "error=%s", err->text);
        exchange_fail_busy(exchange, 10, "the service cannot do this now");
        return;
    }
}

void exchange_fail_reply(struct exchange *exchange, const struct wire_message *reply)
{
    if (reply == NULL) {
        exchange_fail_busy(exchange, 1, "the broker does not answer");
        return;
    }
    if (reply->type != WIRE_REFUSED) {
        log_error("unexpected answer", "type=%s", wire_type_name(reply->type));
        exchange_fail(exchange, 502, "bad_answer", "the broker answered something else");
        return;
    }
    struct problem_answer problem = problem_of_refusal(&reply->refused);
    fail(exchange, &problem, NULL, 0);
}

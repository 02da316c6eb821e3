/* SPDX-License-Identifier: MIT */
/*
 * Submissions: their list, one of them (with a wait for its score), receipts, the selection.
 */
#include "broker/gateway/body.h"
#include "broker/gateway/handlers.h"
#include "broker/gateway/header.h"
#include "broker/gateway/pages.h"
#include "broker/gateway/poll.h"
#include "broker/gateway/problem.h"
#include "broker/gateway/records.h"
#include "common/text.h"

enum { ANSWER_BYTES_MAX = 8 << 20, LIST_ROWS = 50, LIST_ROWS_MAX = 1000 };

static bool is_final(uint8_t state)
{
    return state == SUBMISSION_SCORED || state == SUBMISSION_INVALID || state == SUBMISSION_FAILED;
}

static void answer_submission(struct exchange *exchange, const struct wire_submission *reply,
                              const struct wire_submission_row *row)
{
    struct jwriter writer;

    jwriter_start(&writer, ANSWER_BYTES_MAX);
    jwriter_object(&writer);
    submission_json(&writer, row);
    jwriter_key(&writer, "errors");
    problem_write_list(&writer, reply->problems);
    jwriter_key(&writer, "scorecard");
    if (reply->scorecard.size == 0) {
        jwriter_null(&writer);
    } else {
        jwriter_json(&writer, reply->scorecard.data, reply->scorecard.size);
    }
    jwriter_object_end(&writer);
    exchange_answer(exchange, 200, &writer, "application/json");
}

static void on_submission(struct exchange *exchange, const struct wire_message *reply)
{
    struct wire_bytes rest = reply->submission.row;
    struct wire_submission_row row;
    char competition[ROUTE_ARG_SIZE];

    if (wire_next(&row, WIRE_SUBMISSION_ROW, &rest) != WIRE_ITEM) {
        exchange_fail(exchange, 502, "bad_answer", "the broker answered something else");
        return;
    }
    if (!is_final(row.state) && poll_wait(exchange, time_boot_ms())) {
        return;
    }
    if (exchange->poll.look != NULL) { /* who was told a score finds it on the board */
        wire_text_copy(competition, sizeof(competition), row.competition);
        copies_changed(exchange->parts->copies, competition);
    }
    answer_submission(exchange, &reply->submission, &row);
}

static void look(struct exchange *exchange)
{
    struct wire_message message = {
        .type = WIRE_SUBMISSION_GET,
        .submission_get = {.token = exchange_token(exchange),
                           .submission = wire_text(exchange->args.text[0])}};

    exchange_ask(exchange, &message, WIRE_SUBMISSION, on_submission);
}

void handle_submission_get(struct exchange *exchange)
{
    int64_t seconds = header_wait_seconds(http_request_header(exchange->request, "Prefer"),
                                          exchange->parts->settings.times.wait_seconds);

    if (seconds > 0) {
        poll_join(exchange, time_boot_ms() + 1000 * seconds, look);
    }
    look(exchange);
}

static void on_list(struct exchange *exchange, const struct wire_message *reply)
{
    struct wire_bytes rest = reply->submission_rows.rows;
    struct wire_submission_row row;
    struct jwriter writer;
    uint64_t last = 0;
    int64_t n = 0;

    jwriter_start(&writer, ANSWER_BYTES_MAX);
    jwriter_object(&writer);
    jwriter_key(&writer, "submissions");
    jwriter_array(&writer);
    for (; wire_next(&row, WIRE_SUBMISSION_ROW, &rest) == WIRE_ITEM; n++) {
        jwriter_object(&writer);
        submission_json(&writer, &row);
        jwriter_object_end(&writer);
        last = row.sequence;
    }
    jwriter_array_end(&writer);
    jwriter_key(&writer, "next");
    if (n < exchange->list_rows) {
        jwriter_null(&writer);
    } else {
        jwriter_int(&writer, (int64_t)last);
    }
    jwriter_object_end(&writer);
    exchange_answer(exchange, 200, &writer, "application/json");
}

void handle_submission_list(struct exchange *exchange)
{
    int64_t before;
    struct err err;

    if (!exchange_query_int(&before, exchange, "before", -1, 0, INT64_MAX, &err) ||
        !exchange_query_int(&exchange->list_rows, exchange, "limit", LIST_ROWS, 1, LIST_ROWS_MAX,
                            &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {
        .type = WIRE_SUBMISSION_LIST,
        .submission_list = {.token = exchange_token(exchange),
                            .competition = wire_text(exchange->args.text[0]),
                            .before = before < 0 ? UINT64_MAX : (uint64_t)before,
                            .rows_max = (uint32_t)exchange->list_rows}};
    exchange_ask(exchange, &message, WIRE_SUBMISSION_ROWS, on_list);
}

static void on_done(struct exchange *exchange, const struct wire_message *reply)
{
    struct jwriter writer;

    jwriter_start(&writer, ANSWER_BYTES_MAX);
    jwriter_object(&writer);
    jwriter_key(&writer, "status");
    jwriter_text_n(&writer, reply->done.text.data, reply->done.text.size);
    jwriter_object_end(&writer);
    exchange_answer(exchange, 200, &writer, "application/json");
}

void handle_submission_retry(struct exchange *exchange)
{
    struct wire_message message = {
        .type = WIRE_SUBMISSION_RETRY,
        .submission_retry = {.token = exchange_token(exchange),
                             .submission = wire_text(exchange->args.text[0])}};

    exchange_ask(exchange, &message, WIRE_DONE, on_done);
}

static void ask_receipt(struct exchange *exchange,
                        void (*on_reply)(struct exchange *exchange,
                                         const struct wire_message *reply))
{
    struct wire_message message = {
        .type = WIRE_RECEIPT_GET,
        .receipt_get = {.token = exchange_token(exchange),
                        .submission = wire_text(exchange->args.text[0])}};

    exchange_ask(exchange, &message, WIRE_RECEIPT_FILES, on_reply);
}

static void on_receipt(struct exchange *exchange, const struct wire_message *reply)
{
    struct wire_bytes rest = reply->receipt_files.files;
    struct wire_receipt_file file;
    struct jwriter writer;

    jwriter_start(&writer, ANSWER_BYTES_MAX);
    jwriter_object(&writer);
    jwriter_key(&writer, "files");
    jwriter_array(&writer);
    while (wire_next(&file, WIRE_RECEIPT_FILE, &rest) == WIRE_ITEM) {
        jwriter_object(&writer);
        jwriter_key(&writer, "name");
        jwriter_text_n(&writer, file.name.data, file.name.size);
        jwriter_key(&writer, "entry");
        jwriter_text_n(&writer, file.entry.data, file.entry.size);
        jwriter_key(&writer, "minisig");
        jwriter_text_n(&writer, file.minisig.data, file.minisig.size);
        jwriter_key(&writer, "sshsig");
        jwriter_text_n(&writer, file.sshsig.data, file.sshsig.size);
        jwriter_key(&writer, "proof");
        jwriter_text_n(&writer, file.proof.data, file.proof.size);
        jwriter_object_end(&writer);
    }
    jwriter_array_end(&writer);
    jwriter_object_end(&writer);
    exchange_answer(exchange, 200, &writer, "application/json");
}

void handle_receipt_get(struct exchange *exchange)
{
    ask_receipt(exchange, on_receipt);
}

static void on_receipt_page(struct exchange *exchange, const struct wire_message *reply)
{
    struct html html;

    html_start(&html, ANSWER_BYTES_MAX);
    page_receipt(&html, exchange->args.text[0], wire_buffer_bytes(&exchange->kept),
                 reply->receipt_files.files);
    exchange_answer(exchange, 200, &html.out, "text/html; charset=utf-8");
}

static void on_page_submission(struct exchange *exchange, const struct wire_message *reply)
{
    struct err err;

    if (!wire_buffer_set(&exchange->kept, reply->submission.row, &err)) {
        exchange_fail_err(exchange, &err);
        return;
    }
    ask_receipt(exchange, on_receipt_page);
}

/* Without a token the same answer for every id, so that none can be told to exist. */
void handle_receipt_page(struct exchange *exchange)
{
    if (exchange_token(exchange).size == 0) {
        exchange_fail(exchange, 401, "invalid_token",
                      "A receipt is shown to its team: assay receipt ID fetches it, and "
                      "assay verify checks it without asking anybody.");
        return;
    }
    struct wire_message message = {
        .type = WIRE_SUBMISSION_GET,
        .submission_get = {.token = exchange_token(exchange),
                           .submission = wire_text(exchange->args.text[0])}};
    exchange_ask(exchange, &message, WIRE_SUBMISSION, on_page_submission);
}

void handle_selection_put(struct exchange *exchange)
{
    struct body_selection selection;
    struct err err;

    if (!body_read_selection(&selection, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {
        .type = WIRE_SELECTION_PUT,
        .selection_put = {.token = exchange_token(exchange),
                          .competition = wire_text(exchange->args.text[0]),
                          .submissions = wire_text(selection.submissions)}};
    exchange_ask(exchange, &message, WIRE_DONE, on_done);
}

/* SPDX-License-Identifier: MIT */
/*
 * The keys that check what was signed, and what a log hands out: its checkpoint, proofs of growth,
 * tiles of hashes, and entries. All of it is asked of the broker; nothing is kept here.
 */
#include <string.h>

#include "broker/gateway/body.h"
#include "broker/gateway/handlers.h"
#include "common/text.h"

enum {
    SMALL_BYTES = 256,
    KEY_BYTES_MAX = 4096,
    LOG_BYTES_MAX = 2 << 20,
    TILE_LEVEL_MAX = 7,
    TILE_WIDTH_MAX = 256
};

/* ---- keys ---- */

static void on_key(struct exchange *exchange, const struct wire_message *reply)
{
    struct jwriter writer;

    jwriter_start(&writer, KEY_BYTES_MAX);
    jwriter_raw(&writer, reply->key.text.data, reply->key.text.size);
    exchange_answer(exchange, 200, &writer, "text/plain; charset=utf-8");
}

static void ask_key(struct exchange *exchange, enum wire_key_kind kind)
{
    struct wire_message message = {.type = WIRE_KEY_GET, .key_get = {.kind = (uint8_t)kind}};

    exchange_ask(exchange, &message, WIRE_KEY, on_key);
}

void handle_receipt_key(struct exchange *exchange)
{
    ask_key(exchange, KEY_RECEIPT);
}

void handle_signers(struct exchange *exchange)
{
    ask_key(exchange, KEY_SIGNERS);
}

void handle_log_key(struct exchange *exchange)
{
    ask_key(exchange, KEY_LOG);
}

/* ---- a log ---- */

static void answer_part(struct exchange *exchange, const struct wire_message *reply,
                        const char *type)
{
    struct jwriter writer;

    jwriter_start(&writer, LOG_BYTES_MAX);
    jwriter_raw(&writer, reply->log.data.data, reply->log.data.size);
    exchange_answer(exchange, 200, &writer, type);
}

static void on_text(struct exchange *exchange, const struct wire_message *reply)
{
    answer_part(exchange, reply, "text/plain; charset=utf-8");
}

static void on_tile(struct exchange *exchange, const struct wire_message *reply)
{
    answer_part(exchange, reply, "application/octet-stream");
}

static void on_entries(struct exchange *exchange, const struct wire_message *reply)
{
    answer_part(exchange, reply, "application/x-ndjson");
}

static void ask_part(struct exchange *exchange, const struct wire_log_get *part,
                     void (*on_reply)(struct exchange *exchange, const struct wire_message *reply))
{
    struct wire_message message = {.type = WIRE_LOG_GET, .log_get = *part};

    message.log_get.token = exchange_token(exchange);
    message.log_get.competition = wire_text(exchange->args.text[0]);
    exchange_ask(exchange, &message, WIRE_LOG, on_reply);
}

void handle_log_checkpoint(struct exchange *exchange)
{
    ask_part(exchange, &(struct wire_log_get){.part = LOG_CHECKPOINT}, on_text);
}

/* Two numbers of the query; false and answered where one is none. */
static bool read_range(int64_t range[static 2], struct exchange *exchange, const char *first,
                       const char *second)
{
    struct err err;

    if (!exchange_query_int(&range[0], exchange, first, 0, 0, INT64_MAX, &err) ||
        !exchange_query_int(&range[1], exchange, second, 0, 0, INT64_MAX, &err)) {
        exchange_fail_input(exchange, &err);
        return false;
    }
    return true;
}

void handle_log_growth(struct exchange *exchange)
{
    int64_t range[2];

    if (read_range(range, exchange, "old", "size")) {
        ask_part(exchange,
                 &(struct wire_log_get){
                     .part = LOG_GROWTH, .first = (uint64_t)range[0], .second = (uint64_t)range[1]},
                 on_text);
    }
}

void handle_log_entries(struct exchange *exchange)
{
    int64_t range[2];

    if (read_range(range, exchange, "first", "end")) {
        ask_part(exchange,
                 &(struct wire_log_get){.part = LOG_ENTRIES,
                                        .first = (uint64_t)range[0],
                                        .second = (uint64_t)range[1]},
                 on_entries);
    }
}

void handle_log_tile(struct exchange *exchange)
{
    int64_t level;
    int64_t index;
    int64_t width;
    struct err err;

    if (!exchange_query_int(&level, exchange, "level", 0, 0, TILE_LEVEL_MAX, &err) ||
        !exchange_query_int(&index, exchange, "index", 0, 0, INT64_MAX, &err) ||
        !exchange_query_int(&width, exchange, "width", TILE_WIDTH_MAX, 1, TILE_WIDTH_MAX, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    ask_part(exchange,
             &(struct wire_log_get){.part = LOG_TILE,
                                    .first = (uint64_t)level,
                                    .second = (uint64_t)index,
                                    .third = (uint64_t)width},
             on_tile);
}

/* ---- files that its entries name ---- */

/* The file of the query and the place in it; false and answered where one is none. */
static bool read_place(uint8_t sha256[static SHA256_BYTES], int64_t *at, struct exchange *exchange)
{
    const char *text = exchange_query(exchange, "sha256");
    struct err err;

    if (text == NULL || !hex_read(sha256, SHA256_BYTES, text, strlen(text), &err)) {
        err_set(&err, ERR_INPUT, "'sha256' must be 64 hexadecimal digits");
        exchange_fail_input(exchange, &err);
        return false;
    }
    if (!exchange_query_int(at, exchange, "at", 0, 0, INT64_MAX, &err)) {
        exchange_fail_input(exchange, &err);
        return false;
    }
    return true;
}

void handle_log_file(struct exchange *exchange)
{
    struct wire_log_get part = {.part = LOG_FILE};
    int64_t at;

    if (read_place(part.sha256, &at, exchange)) {
        part.first = (uint64_t)at;
        ask_part(exchange, &part, on_tile);
    }
}

static void on_done(struct exchange *exchange, const struct wire_message *reply)
{
    struct jwriter writer;

    jwriter_start(&writer, SMALL_BYTES);
    jwriter_object(&writer);
    jwriter_key(&writer, "status");
    jwriter_text_n(&writer, reply->done.text.data, reply->done.text.size);
    jwriter_object_end(&writer);
    exchange_answer(exchange, 200, &writer, "application/json");
}

void handle_log_file_put(struct exchange *exchange)
{
    struct wire_message message = {
        .type = WIRE_FILE_PUT,
        .file_put = {.token = exchange_token(exchange),
                     .competition = wire_text(exchange->args.text[0]),
                     .data = {exchange->body.data, exchange->body.size_bytes}}};
    int64_t at;

    if (read_place(message.file_put.sha256, &at, exchange)) {
        message.file_put.at = (uint64_t)at;
        exchange_ask_once(exchange, &message, WIRE_DONE, on_done);
    }
}

void handle_disclosure_post(struct exchange *exchange)
{
    struct body_disclosure body;
    struct err err;

    if (!body_read_disclosure(&body, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {
        .type = WIRE_DISCLOSURE_PUT,
        .disclosure_put = {.token = exchange_token(exchange),
                           .competition = wire_text(exchange->args.text[0]),
                           .labels = body.labels > UINT32_MAX ? 0 : (uint32_t)body.labels}};
    memcpy(message.disclosure_put.label_seed, body.label_seed, sizeof(body.label_seed));
    memcpy(message.disclosure_put.sha256, body.rows, sizeof(body.rows));
    exchange_ask_once(exchange, &message, WIRE_DONE, on_done);
}

void handle_correction_post(struct exchange *exchange)
{
    struct body_correction body;
    struct err err;

    if (!body_read_correction(&body, exchange->body.data, exchange->body.size_bytes, &err)) {
        exchange_fail_input(exchange, &err);
        return;
    }
    struct wire_message message = {
        .type = WIRE_CORRECTION_PUT,
        .correction_put = {.token = exchange_token(exchange),
                           .competition = wire_text(exchange->args.text[0]),
                           .labels = body.labels > UINT32_MAX ? 0 : (uint32_t)body.labels,
                           .n_public = (uint64_t)body.n_public,
                           .n_private = (uint64_t)body.n_private,
                           .reason = wire_text(body.reason)}};
    memcpy(message.correction_put.label_root, body.label_root, sizeof(body.label_root));
    memcpy(message.correction_put.label_set, body.label_set, sizeof(body.label_set));
    memcpy(message.correction_put.sha256, body.proof, sizeof(body.proof));
    memcpy(message.correction_put.signature, body.order, sizeof(body.order));
    exchange_ask_once(exchange, &message, WIRE_DONE, on_done);
}

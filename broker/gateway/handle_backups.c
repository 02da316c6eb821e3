/* SPDX-License-Identifier: MIT */
/*
 * Backups: begin one, ask what came of it.
 */
#include "broker/gateway/handlers.h"

#include "common/text.h"

enum { SMALL_BYTES = 4096 };

static void write_time(struct jwriter *writer, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_SIZE];

    if (at_ms == 0) {
        jwriter_key(writer, key);
        jwriter_null(writer);
        return;
    }
    time_text(text, at_ms);
    jwriter_key_text(writer, key, text);
}

static void answer_backup(struct exchange *exchange, unsigned status,
                          const struct wire_backup *backup)
{
    static const char *const states[] = {
        [BACKUP_NONE] = "none",
        [BACKUP_RUNNING] = "running",
        [BACKUP_DONE] = "done",
        [BACKUP_FAILED] = "failed",
    };
    struct jwriter writer;

    jwriter_start(&writer, SMALL_BYTES);
    jwriter_object(&writer);
    jwriter_key_text(&writer, "state", states[backup->state & BACKUP_FAILED]);
    jwriter_key(&writer, "name");
    jwriter_text_n(&writer, backup->name.data, backup->name.size);
    jwriter_key_int(&writer, "bytes", (int64_t)backup->size_bytes);
    write_time(&writer, "started", backup->started_ms);
    write_time(&writer, "finished", backup->finished_ms);
    jwriter_key(&writer, "reason");
    jwriter_text_n(&writer, backup->text.data, backup->text.size);
    jwriter_object_end(&writer);
    exchange_answer(exchange, status, &writer, "application/json");
}

static void on_begun(struct exchange *exchange, const struct wire_message *reply)
{
    answer_backup(exchange, 202, &reply->backup);
}

void handle_backup_post(struct exchange *exchange)
{
    struct wire_message message = {.type = WIRE_BACKUP_PUT,
                                   .backup_put = {.token = exchange_token(exchange)}};

    exchange_ask_once(exchange, &message, WIRE_BACKUP, on_begun);
}

static void on_backup(struct exchange *exchange, const struct wire_message *reply)
{
    answer_backup(exchange, 200, &reply->backup);
}

void handle_backup_get(struct exchange *exchange)
{
    struct wire_message message = {.type = WIRE_BACKUP_GET,
                                   .backup_get = {.token = exchange_token(exchange)}};

    exchange_ask(exchange, &message, WIRE_BACKUP, on_backup);
}

/* SPDX-License-Identifier: MIT */
/*
 * Records for people's programs. Scores are texts, as the board shows them, so that nobody rounds
 * them again. See the header.
 */
#include "broker/gateway/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/sha256.h"
#include "common/text.h"
#include "schemas/competition.h"

const char *submission_state_name(unsigned state)
{
    static const char *const names[] = {"accepted", "scoring",   "scored", "invalid",
                                        "failed",   "receiving", "expired"};

    return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

const char *board_state_name(unsigned state)
{
    static const char *const names[] = {"hidden", "public", "frozen", "revealing", "revealed"};

    return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static void key_bytes(struct jwriter *writer, const char *key, struct wire_bytes text)
{
    jwriter_key(writer, key);
    jwriter_text_n(writer, text.data, text.size);
}

/* Null for an empty text. */
static void key_bytes_or_null(struct jwriter *writer, const char *key, struct wire_bytes text)
{
    jwriter_key(writer, key);
    if (text.size == 0) {
        jwriter_null(writer);
    } else {
        jwriter_text_n(writer, text.data, text.size);
    }
}

void key_time(struct jwriter *writer, const char *key, int64_t unix_ms)
{
    char text[TIME_TEXT_SIZE];

    jwriter_key(writer, key);
    if (unix_ms == INT64_MIN) {
        jwriter_null(writer);
        return;
    }
    time_text(text, unix_ms);
    jwriter_text(writer, text);
}

void quota_json(struct jwriter *writer, uint32_t today, uint32_t total, int64_t resets_at_ms)
{
    jwriter_key_int(writer, "remaining_today", today);
    jwriter_key(writer, "remaining_total");
    if (total == UINT32_MAX) {
        jwriter_null(writer);
    } else {
        jwriter_int(writer, total);
    }
    key_time(writer, "resets_at", resets_at_ms);
}

void competition_json(struct jwriter *writer, const struct wire_competition_row *row)
{
    jwriter_object(writer);
    key_bytes(writer, "id", row->id);
    key_bytes(writer, "title", row->title);
    jwriter_key_text(writer, "task", row->task == TASK_DETECTION ? "detection" : "classification");
    key_bytes(writer, "metric", row->metric);
    jwriter_key_bool(writer, "is_higher_better", row->is_higher_better != 0);
    jwriter_key_int(writer, "decimals", row->decimals);
    jwriter_key_text(writer, "state", board_state_name(row->board_state));
    key_time(writer, "opens", row->opens_ms);
    key_time(writer, "closes", row->closes_ms);
    jwriter_key_int(writer, "per_day", row->per_day);
    jwriter_key_int(writer, "final_selections", row->final_selections);
    jwriter_key_int(writer, "n_teams", row->n_teams);
    jwriter_key_int(writer, "n_submissions", (int64_t)row->n_submissions);
    jwriter_key_int(writer, "labels", row->label_version);
    jwriter_object_end(writer);
}

void submission_json(struct jwriter *writer, const struct wire_submission_row *row)
{
    char sha256[SHA256_HEX_SIZE];

    hex_text(sha256, row->sha256, sizeof(row->sha256));
    key_bytes(writer, "id", row->id);
    jwriter_key_int(writer, "sequence", (int64_t)row->sequence);
    key_bytes(writer, "competition", row->competition);
    key_bytes(writer, "team", row->team);
    key_bytes(writer, "file_name", row->file_name);
    key_bytes(writer, "message", row->message);
    jwriter_key_text(writer, "sha256", sha256);
    jwriter_key_int(writer, "bytes", (int64_t)row->size_bytes);
    key_time(writer, "received", row->received_ms);
    jwriter_key_text(writer, "state", submission_state_name(row->state));
    key_bytes_or_null(writer, "public_score", row->public_score);
    key_bytes_or_null(writer, "private_score", row->private_score);
    jwriter_key_int(writer, "n_problems", (int64_t)row->n_problems);
    key_bytes_or_null(writer, "reason", row->reason);
    jwriter_key_bool(writer, "is_selected", row->is_selected != 0);
    jwriter_key_int(writer, "queue_position", row->queue_position);
    jwriter_key(writer, "expected_seconds");
    if (row->expected_ms < 0) {
        jwriter_null(writer);
    } else {
        jwriter_int(writer, (row->expected_ms + 999) / 1000);
    }
    key_time(writer, "until", row->until_ms);
    jwriter_key_int(writer, "n_workers", row->n_workers);
    jwriter_key_int(writer, "labels", row->label_version);
}

void competitions_json(struct jwriter *writer, const struct copy *copy)
{
    struct wire_bytes rest = copy_rows(copy, 0);
    struct wire_competition_row row;

    jwriter_object(writer);
    jwriter_key(writer, "competitions");
    jwriter_array(writer);
    while (wire_next(&row, WIRE_COMPETITION_ROW, &rest) == WIRE_ITEM) {
        competition_json(writer, &row);
    }
    jwriter_array_end(writer);
    jwriter_object_end(writer);
}

/* "anna,bert" as an array. */
static void members_json(struct jwriter *writer, struct wire_bytes members)
{
    const unsigned char *at = members.data;
    const unsigned char *end = members.data + members.size;

    jwriter_array(writer);
    while (at < end) {
        const unsigned char *comma = memchr(at, ',', (size_t)(end - at));
        const unsigned char *stop = comma == NULL ? end : comma;
        jwriter_text_n(writer, at, (size_t)(stop - at));
        at = stop + 1;
    }
    jwriter_array_end(writer);
}

static void board_row_json(struct jwriter *writer, const struct wire_board_row *row)
{
    jwriter_object(writer);
    jwriter_key_int(writer, "rank", row->rank);
    jwriter_key_int(writer, "team_id", (int64_t)row->team_id);
    key_bytes(writer, "team", row->team);
    jwriter_key(writer, "members");
    members_json(writer, row->members);
    key_time(writer, "last_submission", row->last_ms);
    key_bytes_or_null(writer, "score", row->score);
    jwriter_key_int(writer, "n_submissions", row->n_submissions);
    key_bytes_or_null(writer, "submission", row->submission);
    jwriter_key(writer, "public_rank");
    if (row->public_rank == 0) {
        jwriter_null(writer);
    } else {
        jwriter_int(writer, row->public_rank);
    }
    jwriter_object_end(writer);
}

bool board_json(struct jwriter *writer, const struct copy *copy, size_t first, size_t rows_max)
{
    struct wire_bytes rest = copy_rows(copy, first);
    struct wire_competition_row competition;
    struct wire_board_row row;

    if (!copy_competition(&competition, copy)) {
        return false;
    }
    jwriter_object(writer);
    key_bytes(writer, "competition", competition.id);
    key_bytes(writer, "title", competition.title);
    jwriter_key_text(writer, "track", copy->kind == COPY_BOARD_PRIVATE ? "private" : "public");
    jwriter_key_text(writer, "state", board_state_name(competition.board_state));
    jwriter_key_int(writer, "version", (int64_t)copy->version);
    key_time(writer, "changed", copy->changed_ms);
    jwriter_key_int(writer, "n_teams", (int64_t)copy->n_rows);
    key_bytes(writer, "metric", competition.metric);
    jwriter_key_bool(writer, "is_higher_better", competition.is_higher_better != 0);
    jwriter_key_int(writer, "first", (int64_t)first);
    jwriter_key(writer, "rows");
    jwriter_array(writer);
    while (rows_max-- > 0 && wire_next(&row, WIRE_BOARD_ROW, &rest) == WIRE_ITEM) {
        board_row_json(writer, &row);
    }
    jwriter_array_end(writer);
    jwriter_object_end(writer);
    return true;
}

static void csv_raw(struct jwriter *writer, const char *text)
{
    jwriter_raw(writer, text, strlen(text));
}

/* A field of the file: in quotes, quotes doubled, where it holds anything a reader may split at. */
static void csv_field(struct jwriter *writer, struct wire_bytes text)
{
    bool is_plain = text.size == 0 || (text.data[0] != ' ' && text.data[text.size - 1] != ' ');

    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = text.data[i];
        is_plain = is_plain && c != '"' && c != ',' && c >= 0x20;
    }
    if (is_plain) {
        if (text.size > 0) {
            jwriter_raw(writer, text.data, text.size);
        }
        return;
    }
    csv_raw(writer, "\"");
    for (size_t i = 0; i < text.size; i++) {
        jwriter_raw(writer, text.data[i] == '"' ? "\"\"" : (const char *)&text.data[i],
                    text.data[i] == '"' ? 2 : 1);
    }
    csv_raw(writer, "\"");
}

static void board_row_csv(struct jwriter *writer, const struct wire_board_row *row)
{
    char text[64];
    char time[TIME_TEXT_SIZE];

    snprintf(text, sizeof(text), "%" PRIu32 ",%" PRIu64 ",", row->rank, row->team_id);
    csv_raw(writer, text);
    csv_field(writer, row->team);
    time_text(time, row->last_ms);
    snprintf(text, sizeof(text), ",%.10s %.8s,", time, time + 11);
    csv_raw(writer, text);
    csv_field(writer, row->score);
    snprintf(text, sizeof(text), ",%" PRIu32 ",", row->n_submissions);
    csv_raw(writer, text);
    csv_field(writer, row->members);
    csv_raw(writer, "\n");
}

void board_csv(struct jwriter *writer, const struct copy *copy)
{
    struct wire_bytes rest = copy_rows(copy, 0);
    struct wire_board_row row;

    csv_raw(writer, "Rank,TeamId,TeamName,LastSubmissionDate,Score,SubmissionCount,"
                    "TeamMemberUserNames\n");
    while (wire_next(&row, WIRE_BOARD_ROW, &rest) == WIRE_ITEM) {
        board_row_csv(writer, &row);
    }
}

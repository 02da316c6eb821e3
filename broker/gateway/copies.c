/* SPDX-License-Identifier: MIT */
/*
 * The copies. An entry is one thing that is kept or being fetched; the entries of the public stay,
 * those of a token live as long as their fetch. See the header.
 */
#include "broker/gateway/copies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypt.h"
#include "common/text.h"

enum {
    ENTRIES_MAX = 64,
    PAGE_ROWS = 5000,
    ROUNDS_MAX = 4,         /* fetches in a row for the same waiters, while the board moves on */
    RETRY_MS = 1000,        /* before a broker that did not answer is asked again */
    OLD_PATIENCE_MS = 1000, /* where an old copy can be served instead */
    TOKEN_BYTES = 97,
    COMPETITION_BYTES = 64,
};

struct entry {
    struct entry *next;
    struct copies *copies;
    enum copy_kind kind;
    char competition[COMPETITION_BYTES];
    char token[TOKEN_BYTES]; /* "" where it is the public's */
    struct copy *copy;       /* held; NULL before the first */
    struct copy *arriving;   /* held; while a fetch runs */
    struct copies_waiter *waiters;
    uint64_t ask_id;
    int n_rounds;
    bool is_old;
    int64_t fetched_ms;
    int64_t retry_at_ms;
    int64_t used_ms;
};

struct copies {
    struct link *link;
    struct entry *entries;
    int64_t refresh_ms;
    int64_t patience_ms;
};

struct copy *copy_hold(struct copy *copy)
{
    copy->n_holders++;
    return copy;
}

void copy_release(struct copy **copy)
{
    struct copy *released = *copy;

    *copy = NULL;
    if (released == NULL || --released->n_holders > 0) {
        return;
    }
    for (int form = 0; form < FORM_N; form++) {
        content_release(&released->forms[form]);
    }
    for (size_t i = 0; i < COPY_PARTS; i++) {
        content_release(&released->parts[i].content);
    }
    wire_buffer_free(&released->head);
    wire_buffer_free(&released->rows);
    free(released->row_offsets);
    free(released);
}

struct content *copy_find_part(const struct copy *copy, enum copy_form form, size_t first,
                               size_t limit)
{
    for (size_t i = 0; i < COPY_PARTS; i++) {
        const struct copy_part *part = &copy->parts[i];
        if (part->content != NULL && part->form == form && part->first == first &&
            part->limit == limit) {
            return part->content;
        }
    }
    return NULL;
}

void copy_keep_part(struct copy *copy, enum copy_form form, size_t first, size_t limit,
                    struct content *content)
{
    struct copy_part *part = &copy->parts[copy->next_part];

    if (content->bytes.size_bytes > COPY_PART_BYTES_MAX) {
        return;
    }
    content_release(&part->content);
    *part = (struct copy_part){form, first, limit, content_hold(content)};
    copy->next_part = (copy->next_part + 1) % COPY_PARTS;
}

bool copy_competition(struct wire_competition_row *row, const struct copy *copy)
{
    struct wire_bytes rest = wire_buffer_bytes(&copy->head);

    return wire_next(row, WIRE_COMPETITION_ROW, &rest) == WIRE_ITEM;
}

struct wire_bytes copy_rows(const struct copy *copy, size_t first)
{
    size_t offset = first < copy->n_rows ? copy->row_offsets[first] : copy->rows.size;

    return (struct wire_bytes){.data = copy->rows.data + offset, .size = copy->rows.size - offset};
}

bool copies_open(struct copies **copies, struct link *link, int64_t refresh_ms, int64_t patience_ms,
                 struct err *err)
{
    struct copies *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for boards");
    }
    *opened = (struct copies){.link = link, .refresh_ms = refresh_ms, .patience_ms = patience_ms};
    *copies = opened;
    return true;
}

static void entry_remove(struct entry *entry)
{
    for (struct entry **place = &entry->copies->entries; *place != NULL; place = &(*place)->next) {
        if (*place == entry) {
            *place = entry->next;
            break;
        }
    }
    link_forget(entry->copies->link, entry->ask_id);
    copy_release(&entry->copy);
    copy_release(&entry->arriving);
    crypt_wipe(entry->token, sizeof(entry->token));
    free(entry);
}

void copies_close(struct copies **copies)
{
    if (*copies == NULL) {
        return;
    }
    while ((*copies)->entries != NULL) {
        entry_remove((*copies)->entries);
    }
    free(*copies);
    *copies = NULL;
}

/* ---- taking in what the broker sends ---- */

static bool append_bytes(struct wire_buffer *buffer, struct wire_bytes bytes)
{
    unsigned char *grown = realloc(buffer->data, buffer->size + bytes.size + 1);

    if (grown == NULL) {
        return false;
    }
    if (bytes.size > 0) {
        memcpy(grown + buffer->size, bytes.data, bytes.size);
    }
    buffer->data = grown;
    buffer->size += bytes.size;
    buffer->capacity = buffer->size + 1;
    return true;
}

/* Notes where the rows behind `from` begin; false where they are no such records. */
static bool index_rows(struct copy *copy, size_t from)
{
    enum wire_type type = copy->kind == COPY_COMPETITIONS ? WIRE_COMPETITION_ROW : WIRE_BOARD_ROW;
    struct wire_bytes rest = {.data = copy->rows.data + from, .size = copy->rows.size - from};
    size_t capacity = copy->n_rows;
    union {
        struct wire_competition_row competition;
        struct wire_board_row board;
    } row;

    for (;;) {
        uint32_t offset = (uint32_t)(copy->rows.size - rest.size);
        enum wire_step step = wire_next(&row, type, &rest);
        if (step != WIRE_ITEM) {
            return step == WIRE_LAST;
        }
        if (copy->n_rows == capacity) {
            capacity = capacity < 64 ? 64 : 2 * capacity;
            uint32_t *grown = realloc(copy->row_offsets, capacity * sizeof(*grown));
            if (grown == NULL) {
                return false;
            }
            copy->row_offsets = grown;
        }
        copy->row_offsets[copy->n_rows++] = offset;
    }
}

/* Adds the rows of one message. */
static bool add_rows(struct copy *copy, struct wire_bytes rows)
{
    size_t from = copy->rows.size;

    return rows.size <= UINT32_MAX - from && append_bytes(&copy->rows, rows) &&
           index_rows(copy, from);
}

static struct copy *copy_new(enum copy_kind kind)
{
    struct copy *copy = calloc(1, sizeof(*copy));

    if (copy != NULL) {
        *copy = (struct copy){.n_holders = 1, .kind = kind};
    }
    return copy;
}

/* ---- fetching ---- */

/* Serves everybody who waits, and ends the entry where there is nothing to keep. */
static void serve(struct entry *entry, const struct wire_message *refusal)
{
    struct copies_waiter *waiters = entry->waiters;
    struct copy *copy = entry->copy == NULL ? NULL : copy_hold(entry->copy);

    entry->waiters = NULL;
    entry->n_rounds = 0;
    copy_release(&entry->arriving);
    if (copy == NULL || entry->token[0] != '\0') {
        entry_remove(entry);
    }
    while (waiters != NULL) {
        struct copies_waiter *waiter = waiters;
        waiters = waiter->next;
        waiter->next = NULL;
        waiter->on_copy(waiter->context, copy, copy == NULL ? refusal : NULL);
    }
    copy_release(&copy);
}

static void on_reply(void *context, const struct wire_message *reply);

static bool ask(struct entry *entry, int64_t now_ms, struct err *err)
{
    int64_t patience_ms = entry->copies->patience_ms;
    struct wire_message message;

    if (entry->kind == COPY_COMPETITIONS) {
        message = (struct wire_message){
            .type = WIRE_COMPETITION_LIST,
            .competition_list = {.token = wire_text(entry->token), .competition = wire_text("")}};
    } else {
        message = (struct wire_message){
            .type = WIRE_BOARD_GET,
            .board_get = {.token = wire_text(entry->token),
                          .competition = wire_text(entry->competition),
                          .track = entry->kind == COPY_BOARD_PRIVATE ? TRACK_PRIVATE : TRACK_PUBLIC,
                          .first = (uint32_t)entry->arriving->n_rows,
                          .rows_max = PAGE_ROWS}};
    }
    if (entry->copy != NULL && patience_ms > OLD_PATIENCE_MS) {
        patience_ms = OLD_PATIENCE_MS;
    }
    const struct link_times times = {.patience_ms = patience_ms, .repeat_ms = RETRY_MS};
    const struct link_waiter waiter = {.on_reply = on_reply, .context = entry};
    return link_ask(&entry->ask_id, entry->copies->link, &message, times, waiter, now_ms, err);
}

static bool fetch(struct entry *entry, int64_t now_ms, struct err *err)
{
    copy_release(&entry->arriving);
    entry->arriving = copy_new(entry->kind);
    entry->is_old = false;
    entry->n_rounds++;
    return entry->arriving != NULL ? ask(entry, now_ms, err)
                                   : err_set(err, ERR_SYSTEM, "no memory for a board");
}

/* Takes in one page of a board. */
static bool take_page(struct entry *entry, const struct wire_board_page *page, bool *is_whole)
{
    struct copy *copy = entry->arriving;
    bool is_first = copy->n_rows == 0;
    struct wire_competition_row row;

    if (is_first) {
        copy->version = page->version;
        copy->changed_ms = page->changed_ms;
        if (!append_bytes(&copy->head, page->competition) || !copy_competition(&row, copy)) {
            return false;
        }
    } else if (page->version != copy->version) {
        entry->is_old = true; /* it moved on between two pages */
    }
    size_t n_before = copy->n_rows;
    bool ok = add_rows(copy, page->rows);
    *is_whole = entry->is_old || copy->n_rows == n_before || copy->n_rows >= page->n_teams;
    return ok;
}

/* Takes in a reply; false where it is not what was asked for. */
static bool take_reply(struct entry *entry, const struct wire_message *reply, bool *is_whole)
{
    if (entry->kind == COPY_COMPETITIONS) {
        *is_whole = true;
        return reply->type == WIRE_COMPETITION_ROWS &&
               add_rows(entry->arriving, reply->competition_rows.rows);
    }
    return reply->type == WIRE_BOARD_PAGE && take_page(entry, &reply->board_page, is_whole);
}

static bool is_refusal(const struct wire_message *reply)
{
    return reply != NULL && reply->type == WIRE_REFUSED && reply->refused.refusal != REFUSAL_BUSY;
}

static void on_reply(void *context, const struct wire_message *reply)
{
    struct entry *entry = context;
    int64_t now_ms = time_boot_ms();
    bool is_whole = false;
    struct err err;

    entry->ask_id = 0;
    if (is_refusal(reply)) {
        copy_release(&entry->copy);
        serve(entry, reply);
        return;
    }
    if (reply == NULL || !take_reply(entry, reply, &is_whole)) {
        entry->is_old = true;
        entry->retry_at_ms = now_ms + RETRY_MS;
        serve(entry, reply);
        return;
    }
    if (!is_whole) {
        if (!ask(entry, now_ms, &err)) {
            serve(entry, NULL);
        }
        return;
    }
    copy_release(&entry->copy);
    entry->copy = entry->arriving;
    entry->arriving = NULL;
    entry->fetched_ms = now_ms;
    bool is_again = entry->is_old && entry->n_rounds < ROUNDS_MAX;
    if (!is_again || !fetch(entry, now_ms, &err)) { /* again: who waits may know of the change */
        serve(entry, NULL);
    }
}

/* ---- what the handlers call ---- */

/* Makes room by dropping the public entry that was used longest ago. */
static void make_room(struct copies *copies)
{
    struct entry *oldest = NULL;
    size_t n = 0;

    for (struct entry *entry = copies->entries; entry != NULL; entry = entry->next) {
        n += entry->token[0] == '\0';
        if (entry->token[0] == '\0' && entry->arriving == NULL &&
            (oldest == NULL || entry->used_ms < oldest->used_ms)) {
            oldest = entry;
        }
    }
    if (n >= ENTRIES_MAX && oldest != NULL) {
        entry_remove(oldest);
    }
}

static struct entry *find_entry(struct copies *copies, enum copy_kind kind, const char *competition)
{
    for (struct entry *entry = copies->entries; entry != NULL; entry = entry->next) {
        if (entry->kind == kind && entry->token[0] == '\0' &&
            strcmp(entry->competition, competition) == 0) {
            return entry;
        }
    }
    return NULL;
}

static struct entry *add_entry(struct copies *copies, enum copy_kind kind, const char *competition,
                               struct wire_bytes token, struct err *err)
{
    if (token.size >= TOKEN_BYTES) {
        err_set(err, ERR_LIMIT, "token has %zu bytes, limit is %d", token.size, TOKEN_BYTES - 1);
        return NULL;
    }
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL) {
        err_set(err, ERR_SYSTEM, "no memory for a board");
        return NULL;
    }
    *entry = (struct entry){.copies = copies, .kind = kind, .next = copies->entries};
    snprintf(entry->competition, sizeof(entry->competition), "%s", competition);
    wire_text_copy(entry->token, sizeof(entry->token), token);
    copies->entries = entry;
    return entry;
}

bool copies_get(struct copies *copies, struct wire_bytes token, enum copy_kind kind,
                const char *competition, struct copies_waiter *waiter, int64_t now_ms,
                struct err *err)
{
    struct entry *entry = token.size > 0 ? NULL : find_entry(copies, kind, competition);

    if (entry == NULL) {
        make_room(copies);
        entry = add_entry(copies, kind, competition, token, err);
        if (entry == NULL) {
            return false;
        }
    }
    entry->used_ms = now_ms;
    bool is_fresh = !entry->is_old && now_ms - entry->fetched_ms < copies->refresh_ms;
    if (entry->copy != NULL && (is_fresh || now_ms < entry->retry_at_ms)) {
        struct copy *copy = copy_hold(entry->copy);
        waiter->on_copy(waiter->context, copy, NULL);
        copy_release(&copy);
        return true;
    }
    if (entry->arriving == NULL && !fetch(entry, now_ms, err)) {
        entry_remove(entry);
        return false;
    }
    waiter->next = entry->waiters;
    entry->waiters = waiter;
    return true;
}

void copies_forget(struct copies *copies, struct copies_waiter *waiter)
{
    for (struct entry *entry = copies->entries; entry != NULL; entry = entry->next) {
        for (struct copies_waiter **place = &entry->waiters; *place != NULL;
             place = &(*place)->next) {
            if (*place == waiter) {
                *place = waiter->next;
                return;
            }
        }
    }
}

void copies_changed(struct copies *copies, const char *competition)
{
    for (struct entry *entry = copies->entries; entry != NULL; entry = entry->next) {
        if (entry->kind == COPY_COMPETITIONS || strcmp(entry->competition, competition) == 0) {
            entry->is_old = true;
        }
    }
}

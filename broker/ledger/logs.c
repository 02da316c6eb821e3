/* SPDX-License-Identifier: MIT */
/*
 * The logs in memory. See the header. Names: HOST/COMPETITION is epoch 1 of its base, every void
 * entry begins the next.
 */
#include "broker/ledger/logs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/ledger/signed.h"
#include "schemas/tree.h"

enum { TILE_LEVELS = 8, TILE_HASHES = 1 << TILE_LEVELS };

struct log {
    int64_t competition;
    char origin[NOTE_ORIGIN_SIZE];
    bool is_closed;
    bool has_grown; /* since it was signed */
    struct tree tree;
};

struct logs {
    char host[LOGS_HOST_MAX + 1];
    const struct ledger_keys *keys; /* borrowed */
    struct signed_file file;
    struct log **logs; /* owned */
    size_t n_logs;
    size_t capacity;
};

/* ---- names ---- */

static bool is_host(const char *host)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_";
    size_t length = strlen(host);

    return length > 0 && length <= LOGS_HOST_MAX && strspn(host, letters) == length;
}

/* The bytes of an origin's HOST/COMPETITION. */
static size_t base_size(const char *origin)
{
    size_t host = strcspn(origin, "/");

    return origin[host] == '\0' ? host : host + 1 + strcspn(origin + host + 1, "/");
}

static bool is_same_base(const char *a, const char *b)
{
    size_t size = base_size(a);

    return size == base_size(b) && memcmp(a, b, size) == 0;
}

static unsigned long epoch_of(const char *origin)
{
    const char *rest = origin + base_size(origin);

    return *rest == '\0' ? 1 : strtoul(rest + 1, NULL, 10);
}

/* The first epoch of a base that nothing was signed under, and that is at least `least`. */
static unsigned long free_epoch(const struct logs *logs, const char *base, unsigned long least)
{
    for (size_t i = 0; i < logs->file.n_records; i++) {
        const char *origin = logs->file.records[i].origin;
        if (is_same_base(origin, base) && epoch_of(origin) >= least) {
            least = epoch_of(origin) + 1;
        }
    }
    return least;
}

static void name_epoch(char origin[static NOTE_ORIGIN_SIZE], const char *base, unsigned long epoch)
{
    char name[NOTE_ORIGIN_SIZE];
    int size = (int)base_size(base);

    if (epoch == 1) {
        snprintf(name, sizeof(name), "%.*s", size, base);
    } else {
        snprintf(name, sizeof(name), "%.*s/%lu", size, base, epoch);
    }
    memcpy(origin, name, sizeof(name));
}

/* ---- the logs ---- */

static struct log *find(const struct logs *logs, int64_t competition)
{
    for (size_t i = logs->n_logs; i > 0; i--) {
        if (logs->logs[i - 1]->competition == competition) {
            return logs->logs[i - 1];
        }
    }
    return NULL;
}

static struct note_public_key key_of(const struct logs *logs, const char *origin)
{
    struct note_public_key key = {.origin = ""};

    snprintf(key.origin, sizeof(key.origin), "%s", origin);
    memcpy(key.key, logs->keys->log.public_key, sizeof(key.key));
    return key;
}

bool logs_open(struct logs **logs, const struct logs_settings *settings, struct err *err)
{
    if (!is_host(settings->host)) {
        return err_set(err, ERR_CONFIG,
                       "host: expected a name of 1 to %d letters, digits, dots and dashes",
                       LOGS_HOST_MAX);
    }
    struct logs *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for logs");
    }
    snprintf(opened->host, sizeof(opened->host), "%s", settings->host);
    opened->keys = settings->keys;
    struct note_public_key key = key_of(opened, "");
    if (!signed_open(&opened->file, settings->signed_path, &key, err)) {
        logs_close(&opened);
        return false;
    }
    *logs = opened;
    return true;
}

void logs_close(struct logs **logs)
{
    struct logs *closed = *logs;

    if (closed == NULL) {
        return;
    }
    for (size_t i = 0; i < closed->n_logs; i++) {
        tree_free(&closed->logs[i]->tree);
        free(closed->logs[i]);
    }
    free(closed->logs);
    signed_close(&closed->file);
    free(closed);
    *logs = NULL;
}

static struct log *add_log(struct logs *logs, const struct logs_entry *entry, struct err *err)
{
    struct log *log = NULL;

    if (logs->n_logs == logs->capacity) {
        size_t capacity = logs->capacity == 0 ? 16 : 2 * logs->capacity;
        struct log **grown = realloc(logs->logs, capacity * sizeof(struct log *));
        if (grown == NULL) {
            goto out;
        }
        logs->logs = grown;
        logs->capacity = capacity;
    }
    log = calloc(1, sizeof(*log));
out:
    if (log == NULL) {
        err_set(err, ERR_SYSTEM, "no memory for a log");
        return NULL;
    }
    log->competition = entry->competition;
    snprintf(log->origin, sizeof(log->origin), "%s/%s", logs->host, entry->id);
    logs->logs[logs->n_logs++] = log;
    return log;
}

bool logs_append(struct logs *logs, const struct logs_entry *entry, struct err *err)
{
    struct log *log = find(logs, entry->competition);
    struct tree_hash leaf;

    if (log == NULL) {
        log = add_log(logs, entry, err);
        if (log == NULL) {
            return false;
        }
    }
    if (entry->index < 0 || (uint64_t)entry->index != tree_size(&log->tree)) {
        return err_set(err, ERR_STORE,
                       "log %" PRId64 ": entry %" PRId64 " stands where %" PRIu64 " belongs",
                       entry->competition, entry->index, tree_size(&log->tree));
    }
    if (entry->origin[0] != '\0') {
        memcpy(log->origin, entry->origin, sizeof(log->origin));
    }
    log->is_closed = log->is_closed || entry->kind == ENTRY_CLOSE;
    log->has_grown = true;
    memcpy(leaf.bytes, entry->leaf, sizeof(leaf.bytes));
    return tree_append(&log->tree, &leaf, err);
}

void logs_new_origin(char origin[static NOTE_ORIGIN_SIZE], const struct logs *logs,
                     const char *competition)
{
    char base[NOTE_ORIGIN_SIZE];

    snprintf(base, sizeof(base), "%s/%s", logs->host, competition);
    name_epoch(origin, base, free_epoch(logs, base, 1));
}

void logs_next_origin(char origin[static NOTE_ORIGIN_SIZE], const struct logs *logs,
                      int64_t competition)
{
    const struct log *log = find(logs, competition);

    name_epoch(origin, log->origin, free_epoch(logs, log->origin, epoch_of(log->origin) + 1));
}

/* ---- what was signed against what is there ---- */

static const struct log *find_base(const struct logs *logs, const char *origin)
{
    for (size_t i = 0; i < logs->n_logs; i++) {
        if (is_same_base(logs->logs[i]->origin, origin)) {
            return logs->logs[i];
        }
    }
    return NULL;
}

/* NULL where the record is the log's own beginning, or of a name before a void entry. */
static const char *compare(const struct log *log, const struct signed_record *record)
{
    unsigned long epoch = epoch_of(record->origin);
    struct tree_hash root;

    if (record->is_lost) {
        return NULL;
    }
    if (log == NULL || epoch > epoch_of(log->origin)) {
        return "lost";
    }
    if (epoch < epoch_of(log->origin)) {
        return NULL;
    }
    if (record->checkpoint.size > tree_size(&log->tree)) {
        return "lost";
    }
    tree_root(&root, &log->tree, record->checkpoint.size);
    return memcmp(&root, &record->checkpoint.root, sizeof(root)) == 0 ? NULL : "changed";
}

bool logs_find_loss(struct logs_loss *loss, size_t *place, const struct logs *logs)
{
    for (; *place < logs->file.n_records; (*place)++) {
        const struct signed_record *record = &logs->file.records[*place];
        const struct log *log = find_base(logs, record->origin);
        const char *reason = compare(log, record);
        if (reason == NULL) {
            continue;
        }
        *loss = (struct logs_loss){.competition = log == NULL ? 0 : log->competition,
                                   .reason = reason,
                                   .checkpoint = record->checkpoint,
                                   .size = log == NULL ? 0 : tree_size(&log->tree)};
        memcpy(loss->origin, record->origin, sizeof(loss->origin));
        (*place)++;
        return true;
    }
    if (!logs->file.is_new || *place - logs->file.n_records >= logs->n_logs) {
        return false;
    }
    const struct log *log = logs->logs[*place - logs->file.n_records];
    *loss = (struct logs_loss){
        .competition = log->competition, .reason = "no record", .size = tree_size(&log->tree)};
    tree_root(&loss->checkpoint.root, &log->tree, 0);
    memcpy(loss->origin, log->origin, sizeof(loss->origin));
    (*place)++;
    return true;
}

bool logs_give_up(struct logs *logs, const char *origin, struct err *err)
{
    struct signed_record record = {.is_lost = true};

    snprintf(record.origin, sizeof(record.origin), "%s", origin);
    snprintf(record.text, sizeof(record.text), "lost %s\n", record.origin);
    return signed_add(&logs->file, &record, 1, err);
}

/* ---- signing ---- */

static void sign(struct signed_record *record, const struct logs *logs, const struct log *log)
{
    struct note_public_key key = key_of(logs, log->origin);
    char note[NOTE_SIZE];

    *record = (struct signed_record){.checkpoint = {.size = tree_size(&log->tree)}};
    tree_root(&record->checkpoint.root, &log->tree, record->checkpoint.size);
    checkpoint_sign(note, &record->checkpoint, &key, logs->keys->log.secret_key);
    memcpy(record->origin, log->origin, sizeof(record->origin));
    snprintf(record->text, sizeof(record->text), "%.*s", SIGNED_TEXT_SIZE - 1, note);
}

/* Logs that are not signed as they are; after a start most of them are. */
static size_t count_grown(struct logs *logs)
{
    size_t n_grown = 0;

    for (size_t i = 0; i < logs->n_logs; i++) {
        struct log *log = logs->logs[i];
        const struct signed_record *record =
            log->has_grown ? signed_find(&logs->file, log->origin) : NULL;
        if (record != NULL && record->checkpoint.size == tree_size(&log->tree)) {
            log->has_grown = false;
        }
        n_grown += log->has_grown;
    }
    return n_grown;
}

bool logs_sign(struct logs *logs, struct err *err)
{
    size_t n_grown = count_grown(logs);

    if (n_grown == 0 && !logs->file.is_new && !logs->file.is_stale) {
        return true;
    }
    struct signed_record *records = calloc(n_grown + 1, sizeof(*records));
    if (records == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu checkpoints", n_grown);
    }
    n_grown = 0;
    for (size_t i = 0; i < logs->n_logs; i++) {
        if (logs->logs[i]->has_grown) {
            sign(&records[n_grown++], logs, logs->logs[i]);
        }
    }
    bool ok = signed_add(&logs->file, records, n_grown, err);
    for (size_t i = 0; i < logs->n_logs && ok; i++) {
        logs->logs[i]->has_grown = false;
    }
    free(records);
    return ok;
}

/* ---- what is handed out ---- */

bool logs_is_closed(const struct logs *logs, int64_t competition)
{
    const struct log *log = find(logs, competition);

    return log != NULL && log->is_closed;
}

/* The last checkpoint of a log; NULL where there is none. */
static const struct signed_record *last_of(const struct log **log, const struct logs *logs,
                                           int64_t competition, struct err *err)
{
    const struct signed_record *record = NULL;

    *log = find(logs, competition);
    if (*log != NULL) {
        record = signed_find(&logs->file, (*log)->origin);
    }
    if (record == NULL) {
        err_set(err, ERR_INPUT, "nothing is signed of log %" PRId64, competition);
    }
    return record;
}

uint64_t logs_size(const struct logs *logs, int64_t competition)
{
    const struct log *log;
    struct err err;
    const struct signed_record *record = last_of(&log, logs, competition, &err);

    return record == NULL ? 0 : record->checkpoint.size;
}

bool logs_checkpoint(struct wire_buffer *text, const struct logs *logs, int64_t competition,
                     struct err *err)
{
    const struct log *log;
    const struct signed_record *record = last_of(&log, logs, competition, err);

    return record != NULL && wire_buffer_set(text, wire_text(record->text), err);
}

bool logs_key(struct wire_buffer *text, const struct logs *logs, int64_t competition,
              struct err *err)
{
    const struct log *log;
    char key_text[NOTE_KEY_TEXT_SIZE + 1];

    if (last_of(&log, logs, competition, err) == NULL) {
        return false;
    }
    struct note_public_key key = key_of(logs, log->origin);
    note_public_key_text(key_text, &key);
    memcpy(key_text + strlen(key_text), "\n", 2);
    return wire_buffer_set(text, wire_text(key_text), err);
}

bool logs_prove(struct wire_buffer *text, const struct logs *logs, int64_t competition,
                uint64_t index, struct err *err)
{
    const struct log *log;
    const struct signed_record *record = last_of(&log, logs, competition, err);
    struct tree_proof proof;
    char proof_text[NOTE_PROOF_SIZE];

    if (record == NULL) {
        return false;
    }
    if (index >= record->checkpoint.size) {
        return err_set(err, ERR_INPUT, "entry %" PRIu64 " is not signed", index);
    }
    tree_prove_leaf(&proof, &log->tree, index, record->checkpoint.size);
    note_proof_write(proof_text, index, &proof, record->text);
    return wire_buffer_set(text, wire_text(proof_text), err);
}

bool logs_prove_growth(struct wire_buffer *text, const struct logs *logs, int64_t competition,
                       uint64_t from, uint64_t to, struct err *err)
{
    const struct log *log;
    const struct signed_record *record = last_of(&log, logs, competition, err);
    struct tree_proof proof;
    char proof_text[NOTE_PROOF_SIZE];

    if (record == NULL) {
        return false;
    }
    if (from > to || to > record->checkpoint.size) {
        return err_set(err, ERR_INPUT, "the log has %" PRIu64 " entries", record->checkpoint.size);
    }
    tree_prove_growth(&proof, &log->tree, from, to);
    note_growth_write(proof_text, &proof);
    return wire_buffer_set(text, wire_text(proof_text), err);
}

bool logs_tile(struct wire_buffer *tile, const struct logs *logs, int64_t competition,
               uint64_t level, uint64_t index, uint64_t width, struct err *err)
{
    const struct log *log;
    const struct signed_record *record = last_of(&log, logs, competition, err);

    if (record == NULL) {
        return false;
    }
    /* complete subtrees of what is signed, 2^(8 level) leaves each */
    uint64_t n_hashes =
        level * TILE_LEVELS < TREE_LEVELS ? record->checkpoint.size >> (level * TILE_LEVELS) : 0;
    if (width == 0 || width > TILE_HASHES || index > n_hashes / TILE_HASHES ||
        index * TILE_HASHES + width > n_hashes) {
        return err_set(err, ERR_INPUT, "there is no such tile");
    }
    const struct tree_hash *hashes =
        log->tree.levels[level * TILE_LEVELS].hashes + index * TILE_HASHES;
    return wire_buffer_set(
        tile, (struct wire_bytes){.data = hashes->bytes, .size = (size_t)width * TREE_HASH_BYTES},
        err);
}

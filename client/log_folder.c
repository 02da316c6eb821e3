/* SPDX-License-Identifier: MIT */
/*
 * Checks a folder that `assay log` wrote: the checkpoint's signature, every entry, the root over
 * them where all are there, every file that an entry names, with what a correction proves, and the
 * tiles.
 */
#include "client/log_folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/keyring.h"
#include "client/log_file.h"
#include "client/log_tiles.h"
#include "common/file.h"
#include "schemas/note.h"

enum { ENTRIES_MAX = 1 << 30 };

/* What a folder holds. */
struct folder_log {
    const char *folder;
    struct note_public_key key;
    struct checkpoint checkpoint;
    struct tree tree; /* of the entries that are there */
    struct log_labels labels;
    uint64_t n_entries;
    uint64_t next; /* index behind the last of them */
    size_t n_files;
    const struct log_visitor *visitor; /* borrowed; NULL: nobody wants to see them */
};

static bool read_in(struct bytes *data, const struct folder_log *log, const char *name, size_t max,
                    struct err *err)
{
    char path[KEYRING_PATH_SIZE];

    return path_join(path, sizeof(path), log->folder, name, err) && file_read(data, path, max, err);
}

/* As read_in, of a file that the entries ask for: where it is not there, the log is not whole. */
static bool read_named(struct bytes *data, const struct folder_log *log, const char *name,
                       struct err *err)
{
    char path[KEYRING_PATH_SIZE];

    if (!path_join(path, sizeof(path), log->folder, name, err)) {
        return false;
    }
    if (access(path, F_OK) != 0) {
        return err_set(err, ERR_INPUT, "%s is not there", name);
    }
    return file_read(data, path, LOG_FILE_BYTES_MAX, err);
}

static bool read_checkpoint(struct folder_log *log, struct err *err)
{
    struct bytes key = {0};
    struct bytes note = {0};

    bool ok = read_in(&key, log, "vkey", NOTE_KEY_TEXT_SIZE, err) &&
              note_public_key_read(&log->key, key.data, key.size_bytes, err) &&
              read_in(&note, log, "checkpoint", NOTE_SIZE - 1, err) &&
              checkpoint_read(&log->checkpoint, &log->key, note.data, note.size_bytes, err);
    bytes_free(&key);
    bytes_free(&note);
    return ok;
}

/* The file that an entry names, checked; empty where it names none. Owns: *data is the caller's. */
static bool read_file(struct bytes *data, struct folder_log *log, const struct entry *entry,
                      struct err *err)
{
    char name[sizeof("files/") + SHA256_HEX_SIZE];
    struct log_file file;
    bool is_there;

    if (!log_file_of(&file, &is_there, &log->labels, entry, err)) {
        return false;
    }
    if (!is_there) {
        return true;
    }
    snprintf(name, sizeof(name), "files/%s", file.sha256);
    if (!read_named(data, log, name, err) || !log_file_check(&file, data, err)) {
        return false;
    }
    log->n_files++;
    return true;
}

static bool check_file(struct folder_log *log, const struct entry *entry, struct err *err)
{
    const struct log_visitor *visitor = log->visitor;
    struct bytes data = {0};

    bool ok = read_file(&data, log, entry, err) &&
              (visitor == NULL || visitor->see(visitor->context, entry, &data, &log->labels, err));
    bytes_free(&data);
    return ok;
}

static bool check_line(struct folder_log *log, const char *line, size_t size, struct err *err)
{
    static char texts[ENTRY_SIZE];
    struct tree_hash leaf;
    struct entry entry;

    if (!entry_read(&entry, texts, line, size, err)) {
        return false;
    }
    if ((uint64_t)entry.index < log->next || (uint64_t)entry.index >= log->checkpoint.size) {
        return err_set(err, ERR_INPUT, "entry %" PRId64 " is out of its order", entry.index);
    }
    log->next = (uint64_t)entry.index + 1;
    log->n_entries++;
    entry_leaf(leaf.bytes, line, size);
    return tree_append(&log->tree, &leaf, err) && check_file(log, &entry, err);
}

static bool check_entries(struct folder_log *log, const struct bytes *lines, struct err *err)
{
    const char *at = (const char *)lines->data;
    const char *end = at + lines->size_bytes;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t size = line_end == NULL ? (size_t)(end - at) : (size_t)(line_end + 1 - at);
        if (!check_line(log, at, size, err)) {
            return false;
        }
        at += size;
    }
    return true;
}

/* Where an entry is left out nothing says that the others are the log's. */
static bool check_root(const struct folder_log *log, struct err *err)
{
    struct tree_hash root;

    if (log->n_entries != log->checkpoint.size) {
        return err_set(err, ERR_INPUT,
                       "%" PRIu64 " of %" PRIu64
                       " entries are there: the root that was signed is over all of them",
                       log->n_entries, log->checkpoint.size);
    }
    tree_root(&root, &log->tree, log->n_entries);
    return memcmp(&root, &log->checkpoint.root, sizeof(root)) == 0 ||
           err_set(err, ERR_INPUT, "the entries do not have the root that was signed");
}

/* A tile must be the one that the entries give. */
static bool check_tile(void *context, const char *name, const void *data, size_t size,
                       struct err *err)
{
    const struct folder_log *log = context;
    struct bytes tile = {0};

    if (!read_named(&tile, log, name, err)) {
        return false;
    }
    bool is_same = tile.size_bytes == size && memcmp(tile.data, data, size) == 0;
    bytes_free(&tile);
    return is_same || err_set(err, ERR_INPUT, "%s is not of these entries", name);
}

static bool check_tiles(struct folder_log *log, const struct bytes *lines, struct err *err)
{
    const struct log_tile_taker taker = {.take = check_tile, .context = log};

    return log_tiles_of_tree(&log->tree, &taker, err) && log_tiles_of_entries(lines, &taker, err);
}

bool log_folder_read(struct log_summary *summary, const char *folder,
                     const struct log_visitor *visitor, struct err *err)
{
    static struct folder_log log;
    struct bytes lines = {0};

    log = (struct folder_log){.folder = folder, .visitor = visitor};
    bool ok = crypt_start(err) && read_checkpoint(&log, err) &&
              read_in(&lines, &log, "entries.jsonl", ENTRIES_MAX, err) &&
              check_entries(&log, &lines, err) && check_root(&log, err) &&
              check_tiles(&log, &lines, err);
    *summary = (struct log_summary){.key = log.key,
                                    .checkpoint = log.checkpoint,
                                    .tree = log.tree,
                                    .n_files = log.n_files,
                                    .label_version = log.labels.version};
    bytes_free(&lines);
    return ok;
}

void log_summary_free(struct log_summary *summary)
{
    tree_free(&summary->tree);
}

int log_check(const char *folder)
{
    struct log_summary summary;
    struct err err;

    bool ok = log_folder_read(&summary, folder, NULL, &err);
    log_summary_free(&summary);
    if (!ok) {
        return command_failed_in(folder, &err);
    }
    printf("%s: %" PRIu64 " entries, %zu files, labels of version %" PRId64 ": as signed\n",
           summary.key.origin, summary.checkpoint.size, summary.n_files, summary.label_version);
    return EXIT_DONE;
}

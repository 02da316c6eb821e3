/* SPDX-License-Identifier: MIT */
/*
 * `assay log`: a competition's log as static files, in the layout of C2SP tlog-tiles, for auditors,
 * mirrors and tools that nobody here wrote. Nothing is kept that was not checked: the tree of the
 * leaf hashes must have the checkpoint's root, every entry its leaf hash, and the checkpoint must
 * continue those seen before. The tiles of one level are in memory while they are made: 32 bytes an
 * entry.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/commands.h"
#include "client/follow.h"
#include "client/log_file.h"
#include "client/log_folder.h"
#include "client/log_tiles.h"
#include "client/options.h"
#include "common/file.h"
#include "common/text.h"
#include "schemas/entry.h"

enum { KEY_DIR = 0x2000, KEY_CHECK };

struct log_arguments {
    struct options options;
    const char *folder;
};

/* A log on its way from the service to the folder. */
struct export
{
    struct service *service;
    const char *competition;
    const char *folder;
    struct keyring keyring;
    struct note_public_key key;
    struct checkpoint checkpoint;
    struct tree tree;     /* of the leaf hashes */
    struct bytes entries; /* the lines that may be seen */
    uint64_t n_entries;   /* of them */
    uint64_t next;        /* index behind the last of them */
    struct log_labels labels;
    struct log_file *files; /* owned; that the entries name */
    size_t n_files;
};

/* ---- asking ---- */

static int ask(struct export *export, struct service_answer *answer, const char *what)
{
    char path[SERVICE_PATH_SIZE];
    struct err err;

    if (!service_path(path, &err, "/v1/competitions/%s/log/%s", export->competition, what)) {
        return command_failed(&err);
    }
    return service_get(export->service, answer, path);
}

static int get_checkpoint(struct export *export, struct service_answer *answer)
{
    int code = ask(export, answer, "checkpoint");
    const char *note = (const char *)answer->http.body.data;
    size_t size = answer->http.body.size_bytes;
    struct err err;

    if (code != EXIT_DONE) {
        return code;
    }
    if (size >= NOTE_SIZE) {
        err_set(&err, ERR_PEER, "checkpoint has %zu bytes, limit is %d", size, NOTE_SIZE - 1);
        return command_failed(&err);
    }
    if (!keyring_log(&export->key, &export->keyring, export->competition, note, size, &err) ||
        !checkpoint_read(&export->checkpoint, &export->key, note, size, &err)) {
        return command_failed(&err);
    }
    struct sighting sighting = {.competition = export->competition,
                                .log = &export->key,
                                .checkpoint = export->checkpoint,
                                .note = note,
                                .note_size = size};
    return follow_log(export->service, &export->keyring, &sighting);
}

/* How many hashes or entries stand behind index `first`, at most a tile of them. */
static uint64_t width_at(const struct export *export, uint64_t first)
{
    uint64_t rest = export->checkpoint.size - first;

    return rest < LOG_TILE_WIDTH ? rest : LOG_TILE_WIDTH;
}

static bool add_leaves(struct export *export, const struct bytes *tile, uint64_t width,
                       struct err *err)
{
    const struct tree_hash *leaves = (const void *)tile->data;

    if (leaves == NULL || tile->size_bytes != width * TREE_HASH_BYTES) {
        return err_set(err, ERR_PEER, "tile has %zu bytes, expected %" PRIu64, tile->size_bytes,
                       width * TREE_HASH_BYTES);
    }
    for (uint64_t i = 0; i < width; i++) {
        if (!tree_append(&export->tree, &leaves[i], err)) {
            return false;
        }
    }
    return true;
}

/* All leaf hashes; their tree must be the one that was signed. */
static int get_leaves(struct export *export)
{
    struct tree_hash root;
    struct err err;
    int code = EXIT_DONE;

    for (uint64_t first = 0; first < export->checkpoint.size && code == EXIT_DONE;
         first += LOG_TILE_WIDTH) {
        struct service_answer answer = {0};
        char what[96];
        uint64_t width = width_at(export, first);
        snprintf(what, sizeof(what), "tile?level=0&index=%" PRIu64 "&width=%" PRIu64,
                 first / LOG_TILE_WIDTH, width);
        code = ask(export, &answer, what);
        if (code == EXIT_DONE && !add_leaves(export, &answer.http.body, width, &err)) {
            code = command_failed(&err);
        }
        service_answer_free(&answer);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    tree_root(&root, &export->tree, export->checkpoint.size);
    if (memcmp(&root, &export->checkpoint.root, sizeof(root)) != 0) {
        err_set(&err, ERR_INPUT, "leaf hashes do not have the root that was signed");
        return command_failed(&err);
    }
    return EXIT_DONE;
}

/* Remembers the file that an entry names. */
static bool note_file(struct export *export, const struct entry *entry, struct err *err)
{
    struct log_file file;
    bool is_there;

    if (!log_file_of(&file, &is_there, &export->labels, entry, err)) {
        return false;
    }
    if (!is_there) {
        return true;
    }
    struct log_file *grown = realloc(export->files, (export->n_files + 1) * sizeof(*grown));
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the names of files");
    }
    export->files = grown;
    grown[export->n_files++] = file;
    return true;
}

/* A line must be an entry of this log, behind those before, with its leaf hash in the tree. */
static bool check_line(struct export *export, const char *line, size_t size, struct err *err)
{
    static char texts[ENTRY_SIZE];
    struct entry entry;
    struct tree_hash leaf;

    if (!entry_read(&entry, texts, line, size, err)) {
        return false;
    }
    uint64_t index = (uint64_t)entry.index;
    entry_leaf(leaf.bytes, line, size);
    if (strcmp(entry.competition, export->competition) != 0 || index < export->next ||
        index >= export->checkpoint.size ||
        memcmp(&leaf, &export->tree.levels[0].hashes[index], sizeof(leaf)) != 0) {
        return err_set(err, ERR_INPUT, "entry %" PRIu64 " is not the one in the log", index);
    }
    export->next = index + 1;
    export->n_entries++;
    return note_file(export, &entry, err);
}

static bool add_entries(struct export *export, const struct bytes *lines, struct err *err)
{
    const char *at = (const char *)lines->data;
    const char *end = at + lines->size_bytes;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t size = line_end == NULL ? (size_t)(end - at) : (size_t)(line_end + 1 - at);
        if (!check_line(export, at, size, err)) {
            return false;
        }
        at += size;
    }
    if (lines->size_bytes == 0) {
        return true;
    }
    unsigned char *grown =
        realloc(export->entries.data, export->entries.size_bytes + lines->size_bytes);
    if (grown == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for the entries");
    }
    memcpy(grown + export->entries.size_bytes, lines->data, lines->size_bytes);
    export->entries.data = grown;
    export->entries.size_bytes += lines->size_bytes;
    return true;
}

static int get_entries(struct export *export)
{
    struct err err;
    int code = EXIT_DONE;

    for (uint64_t first = 0; first < export->checkpoint.size && code == EXIT_DONE;
         first += LOG_TILE_WIDTH) {
        struct service_answer answer = {0};
        char what[96];
        snprintf(what, sizeof(what), "entries?first=%" PRIu64 "&end=%" PRIu64, first,
                 first + width_at(export, first));
        code = ask(export, &answer, what);
        if (code == EXIT_DONE && !add_entries(export, &answer.http.body, &err)) {
            code = command_failed(&err);
        }
        service_answer_free(&answer);
    }
    return code;
}

/* ---- writing ---- */

static bool write_file(void *context, const char *name, const void *data, size_t size,
                       struct err *err)
{
    const struct export *export = context;
    char path[KEYRING_PATH_SIZE];
    char folder[KEYRING_PATH_SIZE];

    return path_join(path, sizeof(path), export->folder, name, err) &&
           path_folder(folder, sizeof(folder), path, err) && folder_make(folder, 0755, err) &&
           file_write_durable(path, data, size, 0644, err);
}

/* The files that entries name, each under its hash. */
static int get_files(struct export *export)
{
    char name[sizeof("files/") + SHA256_HEX_SIZE];
    int code = EXIT_DONE;
    struct err err;

    for (size_t i = 0; i < export->n_files && code == EXIT_DONE; i++) {
        const char *sha256 = export->files[i].sha256;
        struct bytes data = {0};
        snprintf(name, sizeof(name), "files/%s", sha256);
        code = log_file_get(&data, export->service, export->competition, sha256);
        if (code == EXIT_DONE && (!log_file_check(&export->files[i], &data, &err) ||
                                  !write_file(export, name, data.data, data.size_bytes, &err))) {
            code = command_failed(&err);
        }
        bytes_free(&data);
    }
    return code;
}

/* The checkpoint comes last: who reads while this runs finds all that it speaks of. */
static bool write_log(struct export *export, const struct bytes *checkpoint, struct err *err)
{
    const struct log_tile_taker taker = {.take = write_file, .context = export};
    char key[NOTE_KEY_TEXT_SIZE];
    bool is_complete = export->n_entries == export->checkpoint.size;

    note_public_key_text(key, &export->key);
    return log_tiles_of_tree(&export->tree, &taker, err) &&
           (!is_complete || log_tiles_of_entries(&export->entries, &taker, err)) &&
           write_file(export, "entries.jsonl", export->entries.data, export->entries.size_bytes,
                      err) &&
           write_file(export, "vkey", key, strlen(key), err) &&
           write_file(export, "checkpoint", checkpoint->data, checkpoint->size_bytes, err);
}

/* ---- the command ---- */

static int export_log(struct export *export)
{
    struct service_answer checkpoint = {0};
    struct err err;

    int code = follow_keys(&export->keyring, export->service, export->folder);
    code = code == EXIT_DONE ? get_checkpoint(export, &checkpoint) : code;
    code = code == EXIT_DONE ? get_leaves(export) : code;
    code = code == EXIT_DONE ? get_entries(export) : code;
    code = code == EXIT_DONE ? get_files(export) : code;
    if (code == EXIT_DONE && !write_log(export, &checkpoint.http.body, &err)) {
        code = command_failed(&err);
    }
    if (code == EXIT_DONE) {
        printf("%s: %" PRIu64 " entries, %" PRIu64 " of them readable, in %s\n", export->key.origin,
               export->checkpoint.size, export->n_entries, export->folder);
    }
    service_answer_free(&checkpoint);
    tree_free(&export->tree);
    bytes_free(&export->entries);
    free(export->files);
    return code;
}

static int run(struct service *service, void *context)
{
    static struct export export;
    const struct log_arguments *arguments = context;
    struct err err;

    export = (struct export){.service = service,
                             .competition = arguments->options.competition,
                             .folder = arguments->folder};
    if (!service_check_competition(export.competition, &err) ||
        !folder_make(export.folder, 0755, &err) || !crypt_start(&err)) {
        return command_failed(&err);
    }
    return export_log(&export);
}

static const struct argp_option list[] = {
    {"dir", KEY_DIR, "DIR", 0, "folder to write it to (default: this one)", 1},
    {"check", KEY_CHECK, "DIR", 0, "check such a folder instead, without the service", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct log_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case KEY_DIR:
        arguments->folder = text;
        return 0;
    case KEY_CHECK:
        argp_error(state, "--check DIR stands alone");
        return 0;
    case ARGP_KEY_ARG:
        return options_take_competition(&arguments->options, text) ? 0 : ARGP_ERR_UNKNOWN;
    case ARGP_KEY_END:
        options_need_competition(&arguments->options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int command_log(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "[COMP]",
        "Writes the log of a competition as files: checkpoint, tiles of hashes, vkey, and the "
        "entries that may be read (entries.jsonl) with the files that they name (files/SHA256), "
        "each checked against the checkpoint, and the checkpoint against those seen before.\v"
        "The layout is that of C2SP tlog-tiles. Entries of teams can be read by everybody when the "
        "competition has closed, before that by its organizer.",
        options_competition,
        NULL,
        NULL};
    struct log_arguments arguments = {.folder = "."};

    if (argc == 3 && strcmp(argv[1], "--check") == 0) { /* needs no service */
        return log_check(argv[2]);
    }
    return options_run(argc, argv, &argp, &arguments, run);
}

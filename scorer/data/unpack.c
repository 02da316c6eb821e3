/* SPDX-License-Identifier: MIT */
/*
 * Unpacking over zlib and libarchive: one filter or one format at a time, never a program of the
 * system, never another layer inside. See the header.
 */
#include "scorer/data/unpack.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "common/macros.h"
#include "scorer/data/gunzip.h"
#include "scorer/data/stream.h"

enum { CHUNK_BYTES = 64 << 10 };

/* The functions of libarchive that are used. */
static struct library {
    void *handle;
    struct archive *(*read_new)(void);
    int (*read_free)(struct archive *);
    int (*support_zstd)(struct archive *);
    int (*support_raw)(struct archive *);
    int (*support_empty)(struct archive *);
    int (*support_zip)(struct archive *);
    int (*read_open)(struct archive *, void *, archive_open_callback *, archive_read_callback *,
                     archive_close_callback *);
    int (*next_header)(struct archive *, struct archive_entry **);
    int (*filter_count)(struct archive *);
    __typeof__(archive_read_data) *read_data;
    __typeof__(archive_entry_filetype) *entry_filetype;
    __typeof__(archive_entry_pathname) *entry_pathname;
    const char *(*error_string)(struct archive *);
    void (*set_error)(struct archive *, int, const char *, ...);
} library;

struct unpack {
    struct unpack_source source;
    struct gunzip *gunzip;   /* a gzip file */
    struct archive *archive; /* any other */
    bool is_started;
    bool is_ended;
    size_t n_bytes;                /* unpacked so far, with what was passed over */
    char head[UNPACK_MAGIC_BYTES]; /* the first of them, of a gzip file */
    struct err source_err;         /* why the source could not be read */
    char chunk[CHUNK_BYTES];
};

enum packing unpack_packing(const char *start, size_t size)
{
    static const struct {
        const char *magic;
        size_t size;
        enum packing packing;
    } packings[] = {
        {"\x1f\x8b", 2, PACKING_GZIP},
        {"\x28\xb5\x2f\xfd", 4, PACKING_ZSTD},
        {"PK\x03\x04", 4, PACKING_ZIP},
        {"PK\x05\x06", 4, PACKING_ZIP}, /* an empty one */
    };

    for (size_t i = 0; i < ARRAY_SIZE(packings); i++) {
        if (size >= packings[i].size && memcmp(start, packings[i].magic, packings[i].size) == 0) {
            return packings[i].packing;
        }
    }
    return PACKING_NONE;
}

/* Opens libarchive, once. */
static bool open_library(struct err *err)
{
    const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"archive_read_new", &library.read_new},
        {"archive_read_free", &library.read_free},
        {"archive_read_support_filter_zstd", &library.support_zstd},
        {"archive_read_support_format_raw", &library.support_raw},
        {"archive_read_support_format_empty", &library.support_empty},
        {"archive_read_support_format_zip_streamable", &library.support_zip},
        {"archive_read_open", &library.read_open},
        {"archive_read_next_header", &library.next_header},
        {"archive_filter_count", &library.filter_count},
        {"archive_read_data", &library.read_data},
        {"archive_entry_filetype", &library.entry_filetype},
        {"archive_entry_pathname", &library.entry_pathname},
        {"archive_error_string", &library.error_string},
        {"archive_set_error", &library.set_error},
    };

    if (library.handle != NULL) {
        return true;
    }
    void *handle = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return err_set(err, ERR_SYSTEM, "libarchive is missing: install libarchive13");
    }
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        void *found = dlsym(handle, functions[i].name);
        if (found == NULL) {
            return err_set(err, ERR_SYSTEM, "libarchive has no %s", functions[i].name);
        }
        memcpy(functions[i].place, &found, sizeof(found));
    }
    library.handle = handle; /* stays open: what it loads does not like to be unloaded */
    return true;
}

/* libarchive's callback for packed bytes */
static la_ssize_t give_chunk(struct archive *archive, void *data, const void **chunk)
{
    struct unpack *unpack = data;
    size_t n_read = 0;

    if (!unpack->source.read(unpack->source.read_data, unpack->chunk, CHUNK_BYTES, &n_read,
                             &unpack->source_err)) {
        library.set_error(archive, EIO, "read failed");
        return -1;
    }
    *chunk = unpack->chunk;
    return (la_ssize_t)n_read;
}

/* Tells libarchive what the file is; ARCHIVE_WARN would mean that it calls a program for it. */
static bool support(struct archive *archive, enum packing packing)
{
    switch (packing) {
    case PACKING_ZSTD:
        return library.support_zstd(archive) == ARCHIVE_OK &&
               library.support_raw(archive) == ARCHIVE_OK &&
               library.support_empty(archive) == ARCHIVE_OK;
    case PACKING_ZIP:
        return library.support_zip(archive) == ARCHIVE_OK;
    case PACKING_GZIP:
    case PACKING_NONE:
        break;
    }
    return false;
}

/* Opens the tool for the file's kind. */
static bool open_tool(struct unpack *unpack, struct err *err)
{
    const struct unpack_source *source = &unpack->source;

    if (source->packing == PACKING_GZIP) {
        const struct gunzip_source packed = {.read = source->read, .read_data = source->read_data};
        return gunzip_open(&unpack->gunzip, &packed, err);
    }
    if (!open_library(err)) {
        return false;
    }
    unpack->archive = library.read_new();
    return (unpack->archive != NULL && support(unpack->archive, source->packing)) ||
           err_set(err, ERR_SYSTEM, "libarchive cannot unpack this kind of file");
}

bool unpack_open(struct unpack **unpack, const struct unpack_source *source, struct err *err)
{
    struct unpack *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory to unpack");
    }
    opened->source = *source;
    if (!open_tool(opened, err)) {
        unpack_close(&opened);
        return false;
    }
    *unpack = opened;
    return true;
}

void unpack_close(struct unpack **unpack)
{
    if (*unpack == NULL) {
        return;
    }
    gunzip_close(&(*unpack)->gunzip);
    if ((*unpack)->archive != NULL) {
        library.read_free((*unpack)->archive);
    }
    free(*unpack);
    *unpack = NULL;
}

/* What libarchive refused: the source's own failure, or a damaged file. */
static bool refuse(const struct unpack *unpack, struct err *err)
{
    const char *why = library.error_string(unpack->archive);

    if (unpack->source_err.code != ERR_NONE) {
        *err = unpack->source_err;
        return false;
    }
    return err_set(err, ERR_INPUT, "file cannot be unpacked: %.120s",
                   why == NULL ? "it is damaged" : why);
}

/* Counts what was unpacked against the limit. */
static bool count(struct unpack *unpack, size_t n, struct err *err)
{
    unpack->n_bytes += n;
    return unpack->n_bytes <= unpack->source.bytes_max ||
           err_set(err, ERR_INPUT, "unpacked, the file has more than %zu bytes",
                   unpack->source.bytes_max);
}

/* A folder, or what macOS keeps about a file beside it: not what was meant to be sent. */
static bool is_beside(struct archive_entry *entry)
{
    static const char folder[] = "__MACOSX/";
    const char *name = library.entry_pathname(entry);

    return library.entry_filetype(entry) == AE_IFDIR ||
           (name != NULL && strncmp(name, folder, sizeof(folder) - 1) == 0);
}

/* Passes over a member's bytes. They count, so that no bomb hides in them. */
static bool pass_over(struct unpack *unpack, struct err *err)
{
    char bytes[4096];

    for (;;) {
        la_ssize_t n = library.read_data(unpack->archive, bytes, sizeof(bytes));
        if (n < 0) {
            return refuse(unpack, err);
        }
        if (n == 0) {
            return true;
        }
        if (!count(unpack, (size_t)n, err)) {
            return false;
        }
    }
}

/* Goes to the next member that is not beside the matter; *entry is NULL where there is none. */
static bool next_member(struct unpack *unpack, struct archive_entry **entry, struct err *err)
{
    for (;;) {
        int status = library.next_header(unpack->archive, entry);
        if (status == ARCHIVE_EOF) {
            *entry = NULL;
            return true;
        }
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
            return refuse(unpack, err);
        }
        if (unpack->source.packing != PACKING_ZIP || !is_beside(*entry)) {
            return true;
        }
        if (!pass_over(unpack, err)) {
            return false;
        }
    }
}

/* Goes to the one file inside. */
static bool start(struct unpack *unpack, struct err *err)
{
    struct archive_entry *entry = NULL;
    bool is_zip = unpack->source.packing == PACKING_ZIP;

    unpack->is_started = true;
    if (library.read_open(unpack->archive, unpack, NULL, give_chunk, NULL) != ARCHIVE_OK) {
        return refuse(unpack, err);
    }
    bool is_read = next_member(unpack, &entry, err);
    int n_layers = library.filter_count(unpack->archive); /* the last one is the file itself */
    if (!is_zip && n_layers != 2) {
        return err_set(err, ERR_INPUT,
                       n_layers < 2 ? "file cannot be unpacked: it is damaged"
                                    : "file is packed in more than one layer");
    }
    if (!is_read) {
        return false;
    }
    if (entry == NULL) { /* nothing was packed: an empty file, but for zip */
        unpack->is_ended = true;
        return !is_zip || err_set(err, ERR_INPUT, "zip archive holds no file");
    }
    return library.entry_filetype(entry) == AE_IFREG ||
           err_set(err, ERR_INPUT, "zip archive holds something else than a file");
}

/* At the end of the file no other must follow. */
static bool finish(struct unpack *unpack, struct err *err)
{
    struct archive_entry *entry = NULL;

    unpack->is_ended = true;
    return next_member(unpack, &entry, err) &&
           (entry == NULL || err_set(err, ERR_INPUT, "zip archive holds more than one file"));
}

/* Refuses a gzip file in which another packed file lies: its first bytes tell. */
static bool check_layers(struct unpack *unpack, const char *to, size_t n, struct err *err)
{
    size_t n_before = unpack->n_bytes;

    if (n_before >= UNPACK_MAGIC_BYTES) {
        return true;
    }
    size_t n_more = n < UNPACK_MAGIC_BYTES - n_before ? n : UNPACK_MAGIC_BYTES - n_before;
    memcpy(unpack->head + n_before, to, n_more);
    return unpack_packing(unpack->head, n_before + n_more) == PACKING_NONE ||
           err_set(err, ERR_INPUT, "file is packed in more than one layer");
}

static bool read_gzip(struct unpack *unpack, char *to, size_t size, size_t *n_read, struct err *err)
{
    return gunzip_read(unpack->gunzip, to, size, n_read, err) &&
           check_layers(unpack, to, *n_read, err) && count(unpack, *n_read, err);
}

bool unpack_read(void *data, char *to, size_t size, size_t *n_read, struct err *err)
{
    struct unpack *unpack = data;

    *n_read = 0;
    if (unpack->gunzip != NULL) {
        return read_gzip(unpack, to, size, n_read, err);
    }
    if (!unpack->is_started && !start(unpack, err)) {
        return false;
    }
    while (*n_read < size && !unpack->is_ended) {
        la_ssize_t n = library.read_data(unpack->archive, to + *n_read, size - *n_read);
        if (n < 0) {
            return refuse(unpack, err);
        }
        if (n == 0 && !finish(unpack, err)) {
            return false;
        }
        *n_read += (size_t)n;
        if (!count(unpack, (size_t)n, err)) {
            return false;
        }
    }
    return true;
}

/* One file whose name is in UTF-8: libarchive converts it, and reads its time. */
static const char rehearsal[] =
    "PK\x03\x04\x14\x00\x00\x08\x08\x00\x00\x00\x21\x00\x83\x16\xdc\x8c\x03\x00\x00\x00\x01\x00\x00"
    "\x00\x02\x00\x00\x00\xc3\xa9\xab\x00\x00PK\x01\x02\x14\x03\x14\x00\x00\x08\x08\x00\x00\x00\x21"
    "\x00\x83\x16\xdc\x8c\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00"
    "\x00\x80\x01\x00\x00\x00\x00\xc3\xa9PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00\x30\x00\x00\x00"
    "\x23"
    "\x00\x00\x00\x00\x00";

bool unpack_rehearse(struct err *err)
{
    struct stream stream = {.data = rehearsal, .size = sizeof(rehearsal) - 1};
    struct unpack_source source = {
        .packing = PACKING_ZIP, .read = stream_read, .read_data = &stream, .bytes_max = 1};
    struct unpack *unpack = NULL;
    char byte;
    size_t n;

    /* without it the C library asks for the time zone's file at every use */
    if (setenv("TZ", "UTC0", 1) != 0) {
        return err_set(err, ERR_SYSTEM, "setenv: %s", strerror(errno));
    }
    bool ok = gunzip_load(err) && unpack_open(&unpack, &source, err) &&
              unpack_read(unpack, &byte, 1, &n, err);
    unpack_close(&unpack);
    return ok;
}

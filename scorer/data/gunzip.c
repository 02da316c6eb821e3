/* SPDX-License-Identifier: MIT */
/*
 * gzip over zlib: libarchive reads gzip, too, but looks at neither checksum nor length. See the
 * header.
 */
#include "scorer/data/gunzip.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "common/macros.h"

enum { CHUNK_BYTES = 64 << 10, WINDOW_BITS = 15, ONLY_GZIP = 16, STEP_MAX = 1 << 30 };

/* The functions of zlib that are used. */
static struct library {
    void *handle;
    __typeof__(inflateInit2_) *init;
    __typeof__(inflate) *inflate;
    __typeof__(inflateReset) *reset;
    __typeof__(inflateEnd) *end;
} library;

struct gunzip {
    struct gunzip_source source;
    z_stream stream;
    bool is_open;      /* the stream needs an end */
    bool is_inside;    /* a member has begun and not ended */
    bool has_read_all; /* the source gave its last byte */
    bool has_member;   /* one member was whole */
    unsigned char chunk[CHUNK_BYTES];
};

bool gunzip_load(struct err *err)
{
    const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"inflateInit2_", &library.init},
        {"inflate", &library.inflate},
        {"inflateReset", &library.reset},
        {"inflateEnd", &library.end},
    };

    if (library.handle != NULL) {
        return true;
    }
    void *handle = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return err_set(err, ERR_SYSTEM, "zlib is missing: install zlib1g");
    }
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        void *found = dlsym(handle, functions[i].name);
        if (found == NULL) {
            return err_set(err, ERR_SYSTEM, "zlib has no %s", functions[i].name);
        }
        memcpy(functions[i].place, &found, sizeof(found));
    }
    library.handle = handle;
    return true;
}

bool gunzip_open(struct gunzip **gunzip, const struct gunzip_source *source, struct err *err)
{
    if (!gunzip_load(err)) {
        return false;
    }
    struct gunzip *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory to unpack");
    }
    opened->source = *source;
    opened->is_open = library.init(&opened->stream, WINDOW_BITS + ONLY_GZIP, ZLIB_VERSION,
                                   (int)sizeof(opened->stream)) == Z_OK;
    if (!opened->is_open) {
        gunzip_close(&opened);
        return err_set(err, ERR_SYSTEM, "no memory to unpack");
    }
    *gunzip = opened;
    return true;
}

void gunzip_close(struct gunzip **gunzip)
{
    if (*gunzip == NULL) {
        return;
    }
    if ((*gunzip)->is_open) {
        library.end(&(*gunzip)->stream);
    }
    free(*gunzip);
    *gunzip = NULL;
}

/* Reads the next packed bytes, if any are left. */
static bool fill(struct gunzip *gunzip, struct err *err)
{
    size_t n = 0;

    if (gunzip->stream.avail_in > 0 || gunzip->has_read_all) {
        return true;
    }
    if (!gunzip->source.read(gunzip->source.read_data, (char *)gunzip->chunk, CHUNK_BYTES, &n,
                             err)) {
        return false;
    }
    gunzip->has_read_all = n < CHUNK_BYTES;
    gunzip->stream.next_in = gunzip->chunk;
    gunzip->stream.avail_in = (uInt)n;
    return true;
}

/* Unpacks what there is, up to the end of the member. */
static bool step(struct gunzip *gunzip, struct err *err)
{
    z_stream *stream = &gunzip->stream;

    if (!gunzip->is_inside && library.reset(stream) != Z_OK) {
        return err_set(err, ERR_SYSTEM, "zlib cannot begin");
    }
    gunzip->is_inside = true;
    int status = library.inflate(stream, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
        gunzip->is_inside = false;
        gunzip->has_member = true;
        return true;
    }
    if (status == Z_MEM_ERROR) {
        return err_set(err, ERR_SYSTEM, "no memory to unpack");
    }
    return status == Z_OK || status == Z_BUF_ERROR ||
           err_set(err, ERR_INPUT, "file cannot be unpacked: %.120s",
                   stream->msg == NULL ? "it is damaged" : stream->msg);
}

bool gunzip_read(struct gunzip *gunzip, char *to, size_t size, size_t *n_read, struct err *err)
{
    z_stream *stream = &gunzip->stream;

    *n_read = 0;
    while (*n_read < size) {
        if (!fill(gunzip, err)) {
            return false;
        }
        if (stream->avail_in == 0 && !gunzip->is_inside && gunzip->has_member) {
            return true;
        }
        size_t left = size - *n_read;
        stream->next_out = (Bytef *)to + *n_read;
        stream->avail_out = (uInt)(left < STEP_MAX ? left : STEP_MAX);
        bool is_last = stream->avail_in == 0;
        if (!step(gunzip, err)) {
            return false;
        }
        size_t n = (size_t)(stream->next_out - (Bytef *)to) - *n_read;
        *n_read += n;
        if (is_last && n == 0 && gunzip->is_inside) {
            return err_set(err, ERR_INPUT, "file cannot be unpacked: it is cut off");
        }
    }
    return true;
}

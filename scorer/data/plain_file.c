/* SPDX-License-Identifier: MIT */
/*
 * Plain files, through a window. See the header.
 */
#include "scorer/data/plain_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scorer/data/plain_fields.h"
#include "scorer/data/window.h"

enum { PLAIN_ROW_MAX = 1 << 10 };

uint64_t plain_file_size(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
}

static void *alloc_window(void *data, size_t size, struct err *err)
{
    return arena_alloc(data, size, 1, err);
}

/* The byte behind the header, NULL where the file does not start with it. */
static const char *skip_header(const struct plain_file *file, const char *data, size_t size)
{
    size_t length = strlen(file->header);

    if (size < length + 2 || memcmp(data, file->header, length) != 0) {
        return NULL;
    }
    return plain_line_end(data + length);
}

/* Takes all rows of an open file. */
static bool take_all(const struct plain_file *file, struct window *window)
{
    const char *data = NULL;
    const char *at = NULL;
    size_t size = 0;
    struct err err;

    do {
        size_t kept = at == NULL ? 0 : (size_t)(data + size - at);
        if (kept > PLAIN_ROW_MAX || !window_fill(window, &data, &size, kept, &err)) {
            return false;
        }
        at = at == NULL ? skip_header(file, data, size) : data;
        if (at == NULL) {
            return false;
        }
        at = file->take(file->data, at, data + size);
    } while (!window->is_ended);
    return at == data + size;
}

bool plain_file_read(const struct plain_file *file, struct arena *scratch)
{
    struct window_source source = {.fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct window window = {.source = &source, .alloc = alloc_window, .alloc_data = scratch};

    if (source.fd < 0) {
        return false;
    }
    source.size = plain_file_size(file->path);
    window_start(&window, 0, source.size);
    bool ok = source.size > 0 && take_all(file, &window);
    close(source.fd);
    return ok;
}

/* SPDX-License-Identifier: MIT */
/*
 * Label rows as files. See the header.
 */
#include "client/audit/label_files.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/label_list.h"

static const char *const names[] = {"solution.csv", "images.csv", "ground_truth.csv"};

static FILE *open_file(const char *folder, const char *name, struct err *err)
{
    char path[LABEL_FILES_PATH_SIZE + 32];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wxe");
    if (file == NULL) {
        err_set(err, ERR_SYSTEM, "open %s: %s", path, strerror(errno));
    }
    return file;
}

/* A quoted field. */
static void put_text(FILE *file, const void *text, size_t size)
{
    const char *at = text;

    putc('"', file);
    for (size_t i = 0; i < size; i++) {
        if (at[i] == '"') {
            putc('"', file);
        }
        putc(at[i], file);
    }
    putc('"', file);
}

/* A split as label files have it: "Public". */
static void put_usage(FILE *file, const char *split)
{
    fprintf(file, ",%c%s\n", toupper((unsigned char)split[0]), split + 1);
}

static void put_class(FILE *file, const struct commitment_row *row)
{
    put_text(file, row->id, row->id_size);
    fprintf(file, ",%.*s", (int)row->label_size, (const char *)row->label);
    put_usage(file, row->split);
}

/* "CLASS X Y WIDTH HEIGHT AREA CROWD" joined by ';': a line each. */
static void put_boxes(FILE *file, const struct commitment_row *row)
{
    const char *at = row->label;
    const char *end = at + row->label_size;

    while (at < end) {
        put_text(file, row->id, row->id_size);
        putc(',', file);
        for (; at < end && *at != ';'; at++) {
            putc(*at == ' ' ? ',' : *at, file);
        }
        putc('\n', file);
        at++;
    }
}

static void put_image(FILE *file, const struct commitment_row *row)
{
    put_text(file, row->id, row->id_size);
    put_usage(file, row->split);
}

static bool write_rows(const char *folder, const char *name, const char *header,
                       const struct bytes *rows,
                       void (*put)(FILE *file, const struct commitment_row *row), struct err *err)
{
    const char *at = (const char *)rows->data;
    const char *end = at + rows->size_bytes;
    bool ok = true;

    FILE *file = open_file(folder, name, err);
    if (file == NULL) {
        return false;
    }
    fputs(header, file);
    while (ok && at < end) {
        struct label_list_row row;
        ok = label_list_next(&row, &at, end, err);
        if (ok) {
            put(file, &row.row);
        }
    }
    bool is_written = !ferror(file);
    is_written = fclose(file) == 0 && is_written;
    if (ok && !is_written) {
        return err_set(err, ERR_SYSTEM, "write %s: %s", name, strerror(errno));
    }
    return ok;
}

bool label_files_make(char folder[static LABEL_FILES_PATH_SIZE], const struct bytes *rows,
                      enum task task, struct err *err)
{
    const char *temporary = getenv("TMPDIR");

    int n = snprintf(folder, LABEL_FILES_PATH_SIZE, "%s/assay-audit-XXXXXX",
                     temporary == NULL || strlen(temporary) > 32 ? "/tmp" : temporary);
    if (n < 0 || mkdtemp(folder) == NULL) {
        err_set(err, ERR_SYSTEM, "make %s: %s", folder, strerror(errno));
        folder[0] = '\0';
        return false;
    }
    if (task == TASK_CLASSIFICATION) {
        return write_rows(folder, names[0], "id,expected,usage\n", rows, put_class, err);
    }
    return write_rows(folder, names[1], "image_id,usage\n", rows, put_image, err) &&
           write_rows(folder, names[2], "image_id,category_id,x,y,width,height,area,iscrowd\n",
                      rows, put_boxes, err);
}

void label_files_remove(const char *folder)
{
    if (folder[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[LABEL_FILES_PATH_SIZE + 32];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path); /* not all of them are there */
    }
    rmdir(folder);
}

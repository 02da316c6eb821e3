/* SPDX-License-Identifier: MIT */
/*
 * A detection workload as COCO JSON: the texts of the CSV files' numbers, copied.
 */
#include "tests/bench/workload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

enum { FIELDS_MAX = 8 };

/* Splits a line of our own plain CSV in place; returns the number of fields. */
static size_t line_split(char *fields[static FIELDS_MAX], char *line)
{
    size_t n = 0;

    line[strcspn(line, "\n")] = '\0';
    while (n < FIELDS_MAX) {
        fields[n++] = line;
        line = strchr(line, ',');
        if (line == NULL) {
            break;
        }
        *line++ = '\0';
    }
    return n;
}

static void write_image(FILE *out, char *const *fields, size_t row)
{
    (void)row;
    fprintf(out, "{\"id\":%s,\"width\":%s,\"height\":%s}", fields[0], fields[1], fields[2]);
}

static void write_category(FILE *out, char *const *fields, size_t row)
{
    (void)row;
    fprintf(out, "{\"id\":%s,\"name\":\"class%s\",\"supercategory\":\"%s\"}", fields[0], fields[0],
            fields[1]);
}

static void write_truth(FILE *out, char *const *fields, size_t row)
{
    fprintf(out,
            "{\"id\":%zu,\"image_id\":%s,\"category_id\":%s,\"bbox\":[%s,%s,%s,%s],\"area\":%s,"
            "\"iscrowd\":%s}",
            row, fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6],
            fields[7]);
}

static void write_detection(FILE *out, char *const *fields, size_t row)
{
    (void)row;
    fprintf(out, "{\"image_id\":%s,\"category_id\":%s,\"bbox\":[%s,%s,%s,%s],\"score\":%s}",
            fields[0], fields[1], fields[3], fields[4], fields[5], fields[6], fields[2]);
}

/* Writes a CSV file as a JSON array. */
static bool write_array(FILE *out, const char *folder, const char *name, size_t n_fields,
                        void (*write_row)(FILE *, char *const *, size_t), struct err *err)
{
    char path[WORKLOAD_PATH_SIZE];
    char line[512];
    char *fields[FIELDS_MAX];
    size_t row = 0;

    if (!path_join(path, sizeof(path), folder, name, err)) {
        return false;
    }
    FILE *in = fopen(path, "re");
    if (in == NULL || fgets(line, sizeof(line), in) == NULL) {
        err_set(err, ERR_SYSTEM, "read %s: %s", path, strerror(errno));
        if (in != NULL) {
            fclose(in);
        }
        return false;
    }
    fputc('[', out);
    while (fgets(line, sizeof(line), in) != NULL && line_split(fields, line) == n_fields) {
        fputs(row > 0 ? ",\n" : "", out);
        write_row(out, fields, ++row);
    }
    fputc(']', out);
    fclose(in);
    return true;
}

static bool write_truth_file(const char *folder, struct err *err)
{
    FILE *out = workload_open(folder, "truth.json", err);

    if (out == NULL) {
        return false;
    }
    fputs("{\"info\":{},\"licenses\":[],\"images\":", out);
    bool ok = write_array(out, folder, "images.csv", 3, write_image, err);
    fputs(",\"categories\":", out);
    ok = ok && write_array(out, folder, "categories.csv", 2, write_category, err);
    fputs(",\"annotations\":", out);
    ok = ok && write_array(out, folder, "ground_truth.csv", 8, write_truth, err);
    fputs("}\n", out);
    return workload_close(out, "truth.json", err) && ok;
}

bool workload_json_write(const char *folder, struct err *err)
{
    if (!write_truth_file(folder, err)) {
        return false;
    }
    FILE *out = workload_open(folder, "detections.part", err);
    if (out == NULL) {
        return false;
    }
    bool ok = write_array(out, folder, "predictions.csv", 7, write_detection, err);
    if (!workload_close(out, "detections.part", err) || !ok) {
        return false;
    }
    char part[WORKLOAD_PATH_SIZE];
    char whole[WORKLOAD_PATH_SIZE];
    if (!path_join(part, sizeof(part), folder, "detections.part", err) ||
        !path_join(whole, sizeof(whole), folder, "detections.json", err)) {
        return false;
    }
    return rename(part, whole) == 0 ||
           err_set(err, ERR_SYSTEM, "rename %s: %s", part, strerror(errno));
}

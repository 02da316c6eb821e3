/* SPDX-License-Identifier: MIT */
/*
 * A submission from its first byte to its columns: see reading.c for how its rows are read.
 */
#include "scorer/data/submission.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scorer/data/id_set.h"
#include "scorer/data/reading.h"
#include "scorer/data/unpack.h"

enum { STRIDE_IMAGES = 32 /* as arrays.h has it */, MISSING_NAMED = 3 };

/* Adds what parts saw into the first; false where two of them saw the same image. */
static bool merge_seen(const struct reading *reading)
{
    size_t n_words = reading->source->catalog->n_images / 64 + 1;
    uint64_t *seen = reading->parts[0].seen;
    uint64_t both = 0;

    for (size_t i = 1; i < reading->n_parts; i++) {
        const uint64_t *more = reading->parts[i].seen;
        for (size_t word = 0; word < n_words; word++) {
            both |= seen[word] & more[word];
            seen[word] |= more[word];
        }
    }
    return both == 0;
}

/* Adds one problem, where the file ends, for all images that have no row, naming the first ones. */
static void check_missing(const struct reading *reading, struct problems *problems)
{
    const struct catalog *catalog = reading->source->catalog;
    const uint64_t *seen = reading->parts[0].seen;
    char names[MISSING_NAMED * (EXCERPT_SIZE + 4)] = "";
    char id[CATALOG_ID_BYTES_MAX];
    char excerpt[EXCERPT_SIZE];
    size_t used = 0;
    size_t n = 0;

    for (uint32_t image = 0; image < catalog->n_images; image++) {
        if ((seen[image / 64] >> (image % 64) & 1) == 0 && n++ < MISSING_NAMED) {
            size_t size = catalog_image_id(id, catalog, image);
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s'%s'",
                                     used == 0 ? "" : ", ", input_excerpt(excerpt, id, size));
        }
    }
    if (n > 0) {
        problems_add(problems, reading->n_lines + 1, 1, "%zu %s missing: %s%s", n,
                     n == 1 ? "id is" : "ids are", names, n > MISSING_NAMED ? ", …" : "");
    }
}

enum pass_outcome {
    PASS_DONE,
    PASS_AGAIN, /* an id repeats in two parts: which row is the later one takes one pass */
    PASS_FAILED,
};

/* Reads all rows and puts together what the parts found. */
static enum pass_outcome read_file(struct submission *submission, struct problems *problems,
                                   struct reading *reading, struct lane *lanes, struct err *err)
{
    size_t n_lanes = reading_lanes(reading);

    if (!reading_header(&lanes[0], err)) {
        *problems = reading->parts[0].problems;
        return err->code == ERR_NONE ? PASS_DONE : PASS_FAILED;
    }
    for (size_t i = 1; i < n_lanes; i++) {
        table_adopt_header(&lanes[i].table, &lanes[0].table);
    }
    reading_rows(reading, lanes, n_lanes);
    if (!reading_gather(problems, &submission->n_rows, &lanes[0], err)) {
        return PASS_FAILED;
    }
    if (reading->parts[0].seen != NULL) {
        if (!merge_seen(reading)) {
            return PASS_AGAIN;
        }
        if (reading->parts[reading->n_parts - 1].status == PART_DONE) {
            check_missing(reading, problems);
        }
    }
    return PASS_DONE;
}

static void *alloc_window(void *data, size_t size, struct err *err)
{
    return reading_alloc(data, size, 1, err);
}

/* The tools of all lanes, the cuts, and the set of ids where there is no list of them. */
static struct lane *ready_lanes(struct reading *reading, struct err *err)
{
    size_t n_wanted = reading_wanted_parts(reading);
    size_t n_threads = reading->n_threads == 0 ? 1 : reading->n_threads;
    size_t n_lanes_max = n_threads < LANES_MAX ? n_threads : LANES_MAX;
    struct lane *lanes = reading_alloc(reading, n_lanes_max, sizeof(*lanes), err);

    reading->parts = reading_alloc(reading, n_wanted, sizeof(*reading->parts), err);
    if (lanes == NULL || reading->parts == NULL ||
        (reading->source->catalog->is_open_images &&
         !id_set_open(&reading->ids, reading->scratch, err))) {
        return NULL;
    }
    if (reading->ranks != NULL) { /* every part fills them at once */
        reading->rankings = reading_alloc(reading, reading->source->form.k * reading->stride,
                                          sizeof(*reading->rankings), err);
        if (reading->rankings == NULL) {
            return NULL;
        }
    }
    reading_cut(reading, n_wanted);
    for (size_t i = 0; i < reading_lanes(reading); i++) {
        lanes[i].reading = reading;
        lanes[i].window = (struct window){
            .source = &reading->bytes, .alloc = alloc_window, .alloc_data = reading};
        table_open(&lanes[i].table, &reading->header, NULL);
    }
    return lanes;
}

/* Reads the file with so many threads, in memory of its own. */
static enum pass_outcome pass(struct submission *submission, struct problems *problems,
                              struct reading *reading, struct err *err)
{
    enum pass_outcome outcome = PASS_FAILED;

    *problems = (struct problems){0};
    submission->n_rows = 0;
    atomic_store(&reading->last_part, SIZE_MAX);
    if (!arena_open(&reading->scratch, arena_left_bytes(reading->arena), err)) {
        return PASS_FAILED;
    }
    struct lane *lanes = ready_lanes(reading, err);
    if (lanes != NULL) {
        size_t n_lanes = reading_lanes(reading);
        outcome = read_file(submission, problems, reading, lanes, err);
        if (outcome == PASS_DONE && problems->n_all == 0 &&
            !reading->source->catalog->is_open_images &&
            !reading->format->finish(submission, reading, err)) {
            outcome = PASS_FAILED;
        }
        for (size_t i = 0; i < n_lanes; i++) {
            table_close(&lanes[i].table);
        }
    }
    arena_close(&reading->scratch);
    return outcome;
}

static void name_columns(struct reading *reading, const struct format *format,
                         const char *const *names, size_t n_names)
{
    assert(format->n_columns == n_names);
    reading->format = format;
    for (size_t i = 0; i < n_names; i++) {
        reading->columns[i].name = names[i];
    }
}

/* Whether the catalog has what the form of a prediction string needs. */
static bool check_form(const struct submission_source *source, struct err *err)
{
    const struct prediction_form *form = source->form.prediction;
    const struct catalog *catalog = source->catalog;

    if (source->form.format != FORMAT_PREDICTION_STRING || catalog->is_open_images) {
        return true;
    }
    if (!form->has_label && catalog->n_classes != 1) {
        return err_set(err, ERR_CONFIG,
                       "a prediction string without labels needs one class, the categories have %u",
                       catalog->n_classes);
    }
    if (form->is_normalized && catalog->image_size == NULL) {
        return err_set(err, ERR_CONFIG,
                       "normalized coordinates need columns width and height in the image list");
    }
    return true;
}

/* Whether any place of the file can be read: memory, or a regular file. */
static bool can_seek(uint64_t *size, const struct submission_source *source)
{
    struct stat info;

    *size = source->size;
    if (source->data != NULL) {
        return true;
    }
    if (source->n_threads <= 1 || fstat(source->fd, &info) < 0 || !S_ISREG(info.st_mode) ||
        lseek(source->fd, 0, SEEK_SET) < 0) {
        return false;
    }
    *size = (uint64_t)info.st_size;
    return true;
}

static bool unpack_bytes(void *data, char *to, size_t size, size_t *n_read, struct err *err)
{
    struct reading *reading = data;

    return unpack_read(reading->unpack, to, size, n_read, err);
}

/* Where the bytes are: packed files and pipes are streams, one thread reads them in one pass. */
static bool ready_bytes(struct reading *reading, struct err *err)
{
    const struct submission_source *source = reading->source;
    char head[STREAM_HEAD_BYTES] = {0};
    uint64_t size;
    size_t n_head;

    bool is_seekable = can_seek(&size, source);
    reading->stream = (struct stream){.data = source->data, .size = source->size, .fd = source->fd};
    if (!stream_peek(&reading->stream, head, &n_head, err)) {
        return false;
    }
    struct unpack_source packed = {.packing = unpack_packing(head, n_head),
                                   .read = stream_read,
                                   .read_data = &reading->stream,
                                   .bytes_max = source->unpacked_max};
    if (packed.packing != PACKING_NONE) {
        reading->bytes =
            (struct window_source){.size = UINT64_MAX, .read = unpack_bytes, .read_data = reading};
        return unpack_open(&reading->unpack, &packed, err);
    }
    if (is_seekable) {
        reading->bytes =
            (struct window_source){.data = source->data, .fd = source->fd, .size = size};
    } else {
        reading->bytes = (struct window_source){
            .size = UINT64_MAX, .read = stream_read, .read_data = &reading->stream};
    }
    return true;
}

/* Where the bytes are, and the names of the columns. */
static bool ready_source(struct reading *reading, struct err *err)
{
    const struct submission_source *source = reading->source;
    const struct submission_columns *names = source->form.columns;

    switch (source->form.format) {
    case FORMAT_TOPK:
        name_columns(reading, &topk_format, (const char *const[]){names->id, names->predicted}, 2);
        break;
    case FORMAT_BOXES:
        name_columns(reading, &boxes_format,
                     (const char *const[]){names->image_id, names->category_id, names->score,
                                           names->x, names->y, names->width, names->height},
                     7);
        break;
    case FORMAT_PREDICTION_STRING:
        name_columns(reading, &strings_format,
                     (const char *const[]){names->image_id, names->prediction_string}, 2);
        break;
    }
    reading->header = (struct table_source){
        .columns = reading->columns, .n_columns = reading->format->n_columns, .is_strict = true};
    return ready_bytes(reading, err);
}

/* The columns of topk. */
static bool ready_ranks(struct reading *reading, struct err *err)
{
    size_t n_images = reading->source->catalog->n_images;

    if (reading->source->form.format != FORMAT_TOPK || reading->source->catalog->is_open_images) {
        return true;
    }
    reading->stride = (n_images + STRIDE_IMAGES - 1) / STRIDE_IMAGES * STRIDE_IMAGES;
    reading->ranks = arena_alloc(reading->arena, reading->source->form.k * reading->stride,
                                 sizeof(*reading->ranks), err);
    return reading->ranks != NULL;
}

bool submission_read(struct submission *submission, const struct submission_source *source,
                     struct arena *arena, struct problems *problems, struct err *err)
{
    struct reading reading = {.source = source, .arena = arena, .n_threads = source->n_threads};
    enum pass_outcome outcome = PASS_FAILED;

    assert(source->form.format != FORMAT_TOPK ||
           (source->form.k >= 1 && source->form.k <= TOPK_K_MAX));
    *submission = (struct submission){0};
    *problems = (struct problems){0};
    *err = (struct err){0};
    pthread_mutex_init(&reading.mutex, NULL);
    if (check_form(source, err) && ready_source(&reading, err) && ready_ranks(&reading, err)) {
        outcome = pass(submission, problems, &reading, err);
        if (outcome == PASS_AGAIN) {
            reading.n_threads = 1;
            outcome = pass(submission, problems, &reading, err);
        }
    }
    unpack_close(&reading.unpack);
    pthread_mutex_destroy(&reading.mutex);
    if (outcome == PASS_DONE && problems->n_all > 0) {
        return err_set(err, ERR_INPUT, "submission has %llu problems",
                       (unsigned long long)problems->n_all);
    }
    return outcome == PASS_DONE;
}

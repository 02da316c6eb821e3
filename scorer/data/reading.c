/* SPDX-License-Identifier: MIT */
/*
 * Reading a submission in parts. The file is cut behind line ends; each part is read as if no row
 * lay across its ends. Where a quoted row does (its part then overruns), the parts behind it are
 * dropped and the rest of the file is read as one part from that row on: the outcome is that of one
 * pass from the first byte to the last.
 */
#include "scorer/data/reading.h"

#include <assert.h>
#include <string.h>

#include "scorer/data/id_set.h"

enum {
    PART_BYTES = 128 << 10, /* less is not worth a thread */
    CUT_WINDOW = 4 << 10,
};

void *reading_alloc(struct reading *reading, size_t count, size_t size_bytes, struct err *err)
{
    pthread_mutex_lock(&reading->mutex);
    void *given = arena_alloc(reading->scratch, count, size_bytes, err);
    pthread_mutex_unlock(&reading->mutex);
    return given;
}

void *reading_take(struct reading *reading, size_t *count, size_t size_bytes, struct err *err)
{
    pthread_mutex_lock(&reading->mutex);
    size_t n_left = arena_left_bytes(reading->arena) / size_bytes;
    *count = n_left == 0 ? 1 : n_left < *count ? n_left : *count;
    void *given = arena_alloc(reading->arena, *count, size_bytes, err);
    pthread_mutex_unlock(&reading->mutex);
    return given;
}

/* ---- ids ---- */

static bool find_open_image(struct reading *reading, struct table *table,
                            const struct row_field *field, struct err *err)
{
    char excerpt[EXCERPT_SIZE];

    if (!reading->format->has_unique_ids) {
        return true;
    }
    switch (id_set_add(reading->ids, field->text, field->size, err)) {
    case ID_SET_ADDED:
        return true;
    case ID_SET_REPEATS:
        table_problem(table, field, "id '%s' repeats",
                      input_excerpt(excerpt, field->text, field->size));
        break;
    case ID_SET_FAILED:
        break;
    }
    return false;
}

bool reading_find_image(uint32_t *image, struct reading *reading, struct part *part,
                        struct table *table, size_t column, struct err *err)
{
    const struct row_field *field = table_field(table, column);
    char excerpt[EXCERPT_SIZE];

    *image = 0;
    if (field->size == 0) {
        table_problem(table, field, "id is empty");
        return false;
    }
    if (reading->source->catalog->is_open_images) {
        return find_open_image(reading, table, field, err);
    }
    *image = catalog_find_image(reading->source->catalog, field->text, field->size);
    if (*image == CATALOG_NONE) {
        table_problem(table, field, "id '%s' is not in the list of images",
                      input_excerpt(excerpt, field->text, field->size));
        return false;
    }
    if (part->seen == NULL || part_sees(part, *image)) {
        return true;
    }
    table_problem(table, field, "id '%s' repeats",
                  input_excerpt(excerpt, field->text, field->size));
    return false;
}

/* ---- one part ---- */

/* Gives the rows more bytes; false at the end of the part, or with err filled. */
static bool give_more(struct lane *lane, const struct part *part, struct err *err)
{
    struct rows *rows = &lane->table.rows;
    size_t kept = (size_t)(rows->end - rows->at);
    const char *data = rows->at;
    size_t size = kept;

    if (lane->window.is_ended || !window_fill(&lane->window, &data, &size, kept, err)) {
        return false;
    }
    size_t n_mark = lane->is_fresh && part->begin == 0 ? rows_mark_size(data, size) : 0;
    lane->is_fresh = false;
    rows_give(rows, data + n_mark, size - n_mark,
              lane->window.is_ended && part->end == lane->reading->bytes.size);
    return true;
}

/* Ends a part that has no more bytes to give. */
static void end_part(struct part *part, const struct lane *lane, const struct err *err)
{
    const struct rows *rows = &lane->table.rows;

    if (err->code == ERR_INPUT) { /* it cannot be unpacked */
        problems_add(&part->problems, 0, 0, "%s", err->text);
        part->status = PART_STOPPED;
    } else if (err->code != ERR_NONE) {
        part->status = PART_FAILED;
        part->err = *err;
    } else if (rows->at < rows->end) {
        part->status = PART_OVERRUN;
        part->overrun_at = part->end - (uint64_t)(rows->end - rows->at);
    } else {
        part->status = PART_DONE;
    }
}

/* Reads the rows of a part, whose first bytes the lane may hold already. */
static void read_rows(struct lane *lane, struct part *part)
{
    struct reading *reading = lane->reading;
    struct table *table = &lane->table;
    struct err err = {0};

    while (part->status == PART_WAITING) {
        if (reading->has_plain) {
            uint64_t line = table->rows.line;
            table->rows.at = reading->format->take_plain(reading, part, &table->rows);
            part->n_rows += table->rows.line - line;
        }
        switch (table_next(table, &err)) {
        case TABLE_ROW:
            part->n_rows++;
            if (!reading->format->take_row(reading, part, table, &err)) {
                end_part(part, lane, &err);
            }
            break;
        case TABLE_MORE:
            if (!give_more(lane, part, &err)) {
                end_part(part, lane, &err);
            }
            break;
        case TABLE_END:
            part->status = PART_DONE;
            break;
        case TABLE_STOP:
            part->status = err.code == ERR_NONE ? PART_STOPPED : PART_FAILED;
            part->err = err;
            break;
        }
    }
    part->n_lines = table->rows.line - 1;
}

static bool ready_part(struct reading *reading, struct part *part, struct err *err)
{
    if (reading->format->has_unique_ids && !reading->source->catalog->is_open_images) {
        part->seen = reading_alloc(reading, reading->source->catalog->n_images / 64 + 1,
                                   sizeof(*part->seen), err);
        return part->seen != NULL;
    }
    return true;
}

/* Starts a lane on a part. */
static void enter(struct lane *lane, struct part *part)
{
    struct table *table = &lane->table;

    rows_free(&table->rows);
    rows_start(&table->rows, 1);
    table->problems = &part->problems;
    part->lane = lane;
    window_start(&lane->window, part->begin, part->end);
    lane->is_fresh = true;
}

static void read_part(struct lane *lane, size_t index)
{
    struct reading *reading = lane->reading;
    struct part *part = &reading->parts[index];
    struct err err = {0};

    if (index > atomic_load(&reading->last_part)) {
        return;
    }
    if (index > 0) { /* the first part was entered for its header */
        enter(lane, part);
    }
    if (!ready_part(reading, part, &err)) {
        part->status = PART_FAILED;
        part->err = err;
    }
    read_rows(lane, part);
    if (part->status != PART_DONE) {
        size_t last = atomic_load(&reading->last_part);
        while (index < last && !atomic_compare_exchange_weak(&reading->last_part, &last, index)) {
        }
    }
}

/* ---- threads ---- */

static void *run_lane(void *data)
{
    struct lane *lane = data;
    struct reading *reading = lane->reading;

    for (;;) {
        size_t index = atomic_fetch_add(&reading->next_part, 1);
        if (index >= reading->n_parts) {
            return NULL;
        }
        read_part(lane, index);
    }
}

size_t reading_lanes(const struct reading *reading)
{
    size_t n = reading->n_threads;

    n = n < 1 ? 1 : n < LANES_MAX ? n : LANES_MAX;
    return n < reading->n_parts ? n : reading->n_parts;
}

/* Lane 0 begins with part 0; what a thread that cannot be made would do, the others do. */
void reading_rows(struct reading *reading, struct lane *lanes, size_t n_lanes)
{
    pthread_t threads[LANES_MAX];
    size_t n_made = 0;

    assert(n_lanes > 0 && n_lanes <= LANES_MAX);
    atomic_store(&reading->next_part, 1);
    while (n_made + 1 < n_lanes &&
           pthread_create(&threads[n_made], NULL, run_lane, &lanes[n_made + 1]) == 0) {
        n_made++;
    }
    read_part(&lanes[0], 0);
    run_lane(&lanes[0]);
    for (size_t i = 0; i < n_made; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* ---- the cuts ---- */

/* Finds the first line feed from `at` on; false where there is none near, or the read fails. */
static bool find_line_feed(uint64_t *found, const struct reading *reading, uint64_t at)
{
    char bytes[CUT_WINDOW];
    struct err err;
    uint64_t end =
        reading->bytes.size - at < ROW_BYTES_MAX ? reading->bytes.size : at + ROW_BYTES_MAX;

    for (; at < end; at += sizeof(bytes)) {
        size_t size = end - at < sizeof(bytes) ? (size_t)(end - at) : sizeof(bytes);
        if (!window_read_at(&reading->bytes, bytes, at, size, &err)) {
            return false;
        }
        const char *line_feed = memchr(bytes, '\n', size);
        if (line_feed != NULL) {
            *found = at + (uint64_t)(line_feed - bytes);
            return true;
        }
    }
    return false;
}

void reading_cut(struct reading *reading, size_t n_wanted)
{
    uint64_t size = reading->bytes.size;
    uint64_t begin = 0;
    uint64_t line_feed;

    reading->n_parts = 0;
    for (size_t i = 1; i < n_wanted; i++) {
        uint64_t nominal = size / n_wanted * i;
        if (nominal > begin && find_line_feed(&line_feed, reading, nominal - 1) &&
            line_feed + 1 < size) {
            reading->parts[reading->n_parts].begin = begin;
            reading->parts[reading->n_parts++].end = line_feed + 1;
            begin = line_feed + 1;
        }
    }
    reading->parts[reading->n_parts].begin = begin;
    reading->parts[reading->n_parts++].end = size;
}

size_t reading_wanted_parts(const struct reading *reading)
{
    const struct submission_source *source = reading->source;
    size_t part_bytes = source->part_bytes == 0 ? PART_BYTES : source->part_bytes;
    size_t n_max = reading->n_threads * reading->format->parts_a_lane;
    uint64_t n = reading->bytes.size / part_bytes;

    if (reading->n_threads <= 1 || reading->bytes.read != NULL || source->catalog->is_open_images) {
        return 1;
    }
    n_max = n_max < PARTS_MAX ? n_max : PARTS_MAX;
    return n < 1 ? 1 : n < n_max ? (size_t)n : n_max;
}

/* ---- header and order ---- */

bool reading_header(struct lane *lane, struct err *err)
{
    struct part *part = &lane->reading->parts[0];
    enum table_event event;

    enter(lane, part);
    while ((event = table_header(&lane->table, err)) == TABLE_MORE) {
        if (!give_more(lane, part, err)) {
            if (err->code == ERR_INPUT) {
                problems_add(&part->problems, 0, 0, "%s", err->text);
                *err = (struct err){0};
                return false;
            }
            if (err->code != ERR_NONE) {
                return false;
            }
            /* a header with a quoted line end lies across the first cut */
            part->end = lane->reading->bytes.size;
            lane->reading->n_parts = 1;
            lane->window.limit = part->end;
            lane->window.is_ended = false;
        }
    }
    const struct format *format = lane->reading->format;
    lane->reading->has_plain =
        format->has_plain != NULL && format->has_plain(lane->reading, &lane->table);
    return event == TABLE_ROW;
}

/* Reads the rest of the file, behind an overrun, as one part. */
static void read_rest(struct lane *lane, size_t index)
{
    struct reading *reading = lane->reading;
    uint64_t begin = reading->parts[index].overrun_at;

    reading->parts[index + 1] = (struct part){.begin = begin, .end = reading->bytes.size};
    reading->n_parts = index + 2;
    atomic_store(&reading->last_part, index + 1);
    read_part(lane, index + 1);
}

bool reading_gather(struct problems *problems, uint64_t *n_rows, struct lane *lane, struct err *err)
{
    struct reading *reading = lane->reading;
    reading->n_lines = 0;
    for (size_t i = 0; i < reading->n_parts; i++) {
        struct part *part = &reading->parts[i];
        if (part->status == PART_FAILED) {
            *err = part->err;
            return false;
        }
        for (uint32_t j = 0; j < part->problems.n_kept; j++) {
            part->problems.kept[j].line += part->problems.kept[j].line == 0 ? 0 : reading->n_lines;
        }
        problems_merge(problems, &part->problems);
        reading->n_lines += part->n_lines;
        *n_rows += part->n_rows;
        if (part->status == PART_STOPPED) {
            reading->n_parts = i + 1;
        } else if (part->status == PART_OVERRUN) {
            read_rest(lane, i);
        }
    }
    return true;
}

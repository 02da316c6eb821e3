/* SPDX-License-Identifier: MIT */
/*
 * What the parts of submission_read share: one reading of one file, the parts it is cut into, the
 * lanes (threads) that work on them, and what a submission format must bring.
 */
#pragma once

#include "scorer/data/stream.h"
#include "scorer/data/submission.h"
#include "scorer/data/table.h"
#include "scorer/data/window.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PARTS_MAX = 64, LANES_MAX = 16 };

enum part_status {
    PART_WAITING,
    PART_DONE,
    PART_OVERRUN, /* its last row goes on behind its end: the parts behind it mean nothing */
    PART_STOPPED, /* nothing behind this can be read: a problem tells why */
    PART_FAILED,  /* err tells why */
};

/* A range of the file that starts and ends between rows, unless a quoted row lies across. */
struct part {
    uint64_t begin;
    uint64_t end;
    enum part_status status;
    uint64_t overrun_at; /* where that row starts */
    uint64_t n_rows;
    uint64_t n_lines;
    size_t n_taken;           /* plain rows that the last batch came to, +1; 0 before the first */
    struct problems problems; /* lines count from the start of the part */
    struct err err;
    uint64_t *seen;          /* a bit an image that has a row; formats whose ids may not repeat */
    struct lane *lane;       /* what it is read with */
    struct box_lists *boxes; /* NULL before the first one */
    bool is_wide;            /* it has a box that cannot be packed */
};

/* Marks an image as seen; false where it was before. */
static inline bool part_sees(struct part *part, uint32_t image)
{
    uint64_t *word = &part->seen[image / 64];
    uint64_t bit = 1ULL << (image % 64);
    bool is_new = (*word & bit) == 0;

    *word |= bit;
    return is_new;
}

/*
 * How many plain rows to read at once: up to max, and only a few where the last batch came to few.
 * What is read behind a row that is refused is read again, so that a file of such rows would be
 * read as often as a batch is long.
 */
static inline size_t part_batch(const struct part *part, size_t max)
{
    return part->n_taken == 0 || 2 * part->n_taken > max ? max : 2 * part->n_taken;
}

struct reading;

/* One submission format. */
struct format {
    size_t n_columns;
    bool has_unique_ids; /* every image has exactly one row */
    size_t parts_a_lane; /* smaller parts level the load but need memory each */

    /* Whether take_plain is of use for this file, whose header was read. */
    bool (*has_plain)(const struct reading *reading, const struct table *table);

    /*
     * Takes rows in their plainest form, without spaces and quotes, as long as it can, and counts
     * their lines; returns the start of the first row it leaves to the general way. It must never
     * take what take_row would refuse, nor take it otherwise.
     */
    const char *(*take_plain)(struct reading *reading, struct part *part, struct rows *rows);

    /* Takes the row that `table` read last. Errors: ERR_LIMIT, ERR_SYSTEM. */
    bool (*take_row)(struct reading *reading, struct part *part, struct table *table,
                     struct err *err);

    /* Makes the columns of all parts, which hold no problem. */
    bool (*finish)(struct submission *submission, struct reading *reading, struct err *err);
};

/* Memory that a lane cuts pieces of columns from. */
struct slab {
    struct box_piece *next;
    size_t n_left;
    size_t bytes; /* of the last one taken */
};

/* A thread's tools. */
struct lane {
    struct reading *reading;
    bool is_fresh; /* no byte of its part was read */
    struct window window;
    struct table table;
    struct slab slab;
};

struct reading {
    const struct submission_source *source;
    const struct format *format;
    struct table_column columns[TABLE_COLUMNS_MAX];
    struct table_source header;
    struct stream stream;
    struct unpack *unpack; /* NULL: the file is not packed */
    struct window_source bytes;

    struct arena *arena;   /* the columns */
    struct arena *scratch; /* everything else; ends with the reading */
    pthread_mutex_t mutex; /* of both, while there are lanes */

    size_t n_threads;
    bool has_plain;

    size_t n_parts;
    uint64_t n_lines; /* ends of lines in those that were gathered */
    struct part *parts;
    atomic_size_t next_part;
    atomic_size_t last_part; /* those behind it need not be read any more */

    uint16_t *rankings; /* FORMAT_TOPK: k of each image, as they are read */
    uint16_t *ranks;    /* the same as columns, of `stride` images */
    size_t stride;
    struct id_set *ids; /* open images: those that were met; one part only */
};

/* Allocates for a part or a lane, whatever thread it is on. */
MUST_CHECK void *reading_alloc(struct reading *reading, size_t count, size_t size_bytes,
                               struct err *err);

/* Allocates *count items for the columns, or as many as still fit, at least one. */
MUST_CHECK void *reading_take(struct reading *reading, size_t *count, size_t size_bytes,
                              struct err *err);

/*
 * Looks up an image id and, in a format with unique ids, marks it as seen.
 *
 *   image   out, the index; 0 with open images
 *
 * Returns false where the id is unknown or repeats (a problem was added), or with err filled.
 */
MUST_CHECK bool reading_find_image(uint32_t *image, struct reading *reading, struct part *part,
                                   struct table *table, size_t column, struct err *err);

/* ---- the steps of a reading, in their order ---- */

/* How many parts the file is worth. */
size_t reading_wanted_parts(const struct reading *reading);

/* Cuts the file behind line feeds into at most `n_wanted` parts of about the same size; the parts
 * are all zero before. */
void reading_cut(struct reading *reading, size_t n_wanted);

/* How many lanes work on the parts. */
size_t reading_lanes(const struct reading *reading);

/*
 * Reads the header with lane 0; false where it is wrong (part 0 has the problems), or with err
 * filled.
 */
MUST_CHECK bool reading_header(struct lane *lane, struct err *err);

/* Reads the rows of all parts, each into its struct part; lane 0 goes on behind the header. */
void reading_rows(struct reading *reading, struct lane *lanes, size_t n_lanes);

/*
 * Puts together what the parts found, in the order of the file, and drops those that mean nothing.
 *
 *   lane    lane 0, to read the rest behind a row that lay across a cut
 * Errors    that of the first part that failed
 */
MUST_CHECK bool reading_gather(struct problems *problems, uint64_t *n_rows, struct lane *lane,
                               struct err *err);

extern const struct format topk_format;
extern const struct format boxes_format;
extern const struct format strings_format;

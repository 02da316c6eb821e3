/* SPDX-License-Identifier: MIT */
/*
 * The phases of a scoring. See the header.
 */
#include "tests/bench/phases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scorer/data/columns.h"
#include "scorer/data/labels.h"
#include "scorer/data/submission.h"
#include "scorer/metric/evaluate.h"
#include "tests/bench/libcsv.h"
#include "tests/bench/measure.h"

enum { TIME_LABELS, TIME_READ, TIME_LIBCSV, TIME_SCORE, TIME_RESCORE, N_TIMES };

static const size_t memory_max = (size_t)64 << 30;

/* What one run holds. */
struct run {
    const struct workload_files *files;
    struct competition competition;
    struct labels *labels;
    struct arena *columns_arena;
    struct arena *work_arena; /* used again and again, as a worker does */
    struct submission submission;
    struct columns_frame frame;
    void *block;
    size_t block_bytes;
};

static bool load_labels(struct run *run, struct err *err)
{
    struct problems problems = {0};

    if (!competition_load_file(&run->competition, run->files->competition, &problems, err)) {
        return false;
    }
    const struct labels_source source = {.task = (enum task)run->competition.task,
                                         .path = run->files->labels,
                                         .categories = run->files->categories};
    return labels_load(&run->labels, &source, &problems, err);
}

static bool read_submission(struct run *run, struct err *err)
{
    struct problems problems = {0};
    struct submission_source source = {
        .form = {.format = (enum submission_format)run->competition.submission.format,
                 .k = (size_t)run->competition.submission.k,
                 .columns = &run->competition.submission.columns},
        .catalog = &run->labels->catalog,
        .fd = open(run->files->submission, O_RDONLY | O_CLOEXEC),
        .n_threads = 1,
    };

    if (source.fd < 0) {
        return err_set(err, ERR_SYSTEM, "open %s: %s", run->files->submission, strerror(errno));
    }
    bool ok = submission_read(&run->submission, &source, run->columns_arena, &problems, err);
    close(source.fd);
    return ok;
}

static bool read_by_libcsv(struct run *run, struct err *err)
{
    struct stat info;
    struct arena *arena = NULL;
    size_t n_rows;
    bool ok = false;

    int fd = open(run->files->submission, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || !arena_open(&arena, memory_max, err)) {
        err_set(err, ERR_SYSTEM, "open %s: %s", run->files->submission, strerror(errno));
        goto out;
    }
    size_t size = (size_t)info.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED) {
        err_set(err, ERR_SYSTEM, "map %s: %s", run->files->submission, strerror(errno));
        goto out;
    }
    ok =
        libcsv_read(&n_rows, data, size, (enum submission_format)run->competition.submission.format,
                    &run->labels->catalog, arena, err);
    munmap(data, size);
out:
    arena_close(&arena);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool evaluate(struct run *run, const struct topk_columns *topk,
                     const struct box_columns *boxes, struct err *err)
{
    const struct evaluate_options how = {.n_threads = 1, .has_curves = true};
    struct scorecard card;

    arena_reset(run->work_arena);
    return run->competition.task == TASK_CLASSIFICATION
               ? evaluate_topk(&card, topk, &run->labels->truth, &run->labels->classes,
                               run->work_arena, err)
               : evaluate_boxes(&card, boxes, &run->labels->boxes, &run->labels->classes, &how,
                                run->work_arena, err);
}

/* Stores the columns as a block, which is then in memory as a cached file is. */
static bool store_block(struct run *run, struct err *err)
{
    bool is_topk = run->competition.task == TASK_CLASSIFICATION;
    struct columns columns = {.kind = is_topk ? COLUMNS_TOPK : COLUMNS_BOXES};
    struct stat info;
    bool ok = false;

    run->frame = (struct columns_frame){.kind = columns.kind,
                                        .n_images = run->labels->catalog.n_images,
                                        .n_classes = run->labels->catalog.n_classes,
                                        .k = is_topk ? (size_t)run->competition.submission.k : 0};
    if (is_topk) {
        columns.topk = run->submission.topk;
    } else {
        columns.boxes = run->submission.boxes;
    }
    int fd = memfd_create("columns", MFD_CLOEXEC);
    if (fd < 0) {
        return err_set(err, ERR_SYSTEM, "make a file in memory: %s", strerror(errno));
    }
    if (!columns_write(fd, &columns, &run->frame, err) || fstat(fd, &info) != 0) {
        goto out;
    }
    run->block_bytes = (size_t)info.st_size;
    run->block = mmap(NULL, run->block_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    ok = run->block != MAP_FAILED ||
         err_set(err, ERR_SYSTEM, "map the columns: %s", strerror(errno));
out:
    close(fd);
    return ok;
}

static bool rescore(struct run *run, struct err *err)
{
    struct columns columns;

    return columns_check(&columns, run->block, run->block_bytes, &run->frame, err) &&
           evaluate(run, &columns.topk, &columns.boxes, err);
}

/* Runs a step and adds its time. */
static bool timed(double *time_ms, bool (*step)(struct run *run, struct err *err), struct run *run,
                  struct err *err)
{
    double start_ms = measure_now_ms();
    bool ok = step(run, err);

    *time_ms = measure_now_ms() - start_ms;
    return ok;
}

static bool score(struct run *run, struct err *err)
{
    return evaluate(run, &run->submission.topk, &run->submission.boxes, err);
}

static bool run_all(double *times, void *data, struct err *err)
{
    struct run run = {.files = data};

    bool ok = arena_open(&run.columns_arena, memory_max, err) &&
              arena_open(&run.work_arena, memory_max, err) &&
              timed(&times[TIME_LABELS], load_labels, &run, err) &&
              timed(&times[TIME_READ], read_submission, &run, err) &&
              timed(&times[TIME_LIBCSV], read_by_libcsv, &run, err) && score(&run, err) &&
              timed(&times[TIME_SCORE], score, &run, err) && store_block(&run, err) &&
              timed(&times[TIME_RESCORE], rescore, &run, err);
    if (run.block_bytes > 0) {
        munmap(run.block, run.block_bytes);
    }
    labels_close(&run.labels);
    arena_close(&run.work_arena);
    arena_close(&run.columns_arena);
    return ok;
}

bool phases_measure(struct phases *phases, const struct workload_files *files, size_t n_runs,
                    struct err *err)
{
    struct workload_files own = *files;
    double times[N_TIMES];

    if (!measure_function(times, N_TIMES, run_all, &own, n_runs, err)) {
        return false;
    }
    *phases = (struct phases){.labels_ms = times[TIME_LABELS],
                              .read_ms = times[TIME_READ],
                              .libcsv_ms = times[TIME_LIBCSV],
                              .score_ms = times[TIME_SCORE],
                              .rescore_ms = times[TIME_RESCORE]};
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * COCO bbox evaluation: classes are handed out to threads, largest first, and their numbers are
 * added up afterwards.
 */
#include "scorer/metric/detection.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "scorer/metric/boxclass.h"

enum { THREADS_MAX = 64 };

struct job {
    const struct box_columns *columns;
    const struct box_labels *labels;
    const struct detection_options *options;
    struct arena_lock memory;
    struct sort_item *order; /* classes with true boxes, largest first */
    size_t n_classes;        /* of order */
    atomic_size_t next;      /* of order */
    bool has_split[N_CARD_SPLITS];
    struct metric_values *values[N_CARD_SPLITS];
    double *curves[N_CARD_SPLITS];
    struct boxclass *works; /* one a thread */
};

struct worker {
    struct job *job;
    struct boxclass *work;
    bool is_ok;
    struct err err;
};

static void write_class(const struct job *job, const struct boxclass *work, size_t category)
{
    const struct detection_options *options = job->options;

    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        if (job->has_split[split]) {
            double *curve =
                options->has_curves ? &job->curves[split][category * CURVE_POINTS] : NULL;
            curve_numbers(&job->values[split][category], curve, &work->set, split);
        }
    }
    if (options->arrays != NULL) {
        double top_score = boxclass_top_score(work, options->arrays_split);
        curve_write(options->arrays, category, &work->set, options->arrays_split, top_score,
                    boxclass_scores(work));
    }
}

static void *worker_run(void *context)
{
    struct worker *worker = context;
    struct job *job = worker->job;

    worker->is_ok = boxclass_start(worker->work, &job->memory, job->columns, job->labels,
                                   job->options->arrays != NULL, &worker->err);
    while (worker->is_ok) {
        size_t at = atomic_fetch_add(&job->next, 1);
        if (at >= job->n_classes) {
            break;
        }
        size_t category = job->order[at].index;
        worker->is_ok = boxclass_match(worker->work, category, &worker->err);
        if (worker->is_ok) {
            write_class(job, worker->work, category);
        }
    }
    return NULL;
}

/* Runs on as many threads as can be had; a thread less changes nothing but the time. */
static bool run_threads(struct job *job, size_t n_threads, struct err *err)
{
    struct worker workers[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    size_t n_started = 0;

    workers[0] = (struct worker){.job = job, .work = &job->works[0]};
    for (size_t i = 1; i < n_threads; i++) {
        workers[i] = (struct worker){.job = job, .work = &job->works[i]};
        if (pthread_create(&threads[i], NULL, worker_run, &workers[i]) != 0) {
            break;
        }
        n_started = i;
    }
    worker_run(&workers[0]);
    for (size_t i = 1; i <= n_started; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i <= n_started; i++) {
        if (!workers[i].is_ok) {
            *err = workers[i].err;
            return false;
        }
    }
    return true;
}

/* Classes with true boxes, by falling number of boxes; only the time depends on it. */
static bool order_classes(struct job *job, struct arena *arena, struct err *err)
{
    size_t n_all = job->labels->n_classes;
    struct sort_item *scratch = arena_alloc(arena, n_all, sizeof(*scratch), err);

    job->order = arena_alloc(arena, n_all, sizeof(*job->order), err);
    if (scratch == NULL || job->order == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_all; i++) {
        if (job->labels->class_start[i] == job->labels->class_start[i + 1]) {
            continue;
        }
        size_t n_boxes = job->columns->class_start[i + 1] - job->columns->class_start[i];
        job->order[job->n_classes++] =
            (struct sort_item){.key = UINT64_MAX - n_boxes, .index = (uint32_t)i};
    }
    sort_stable(job->order, scratch, job->n_classes);
    return true;
}

/* A split without images has no numbers; where only one has any, all images are that one. */
static void find_splits(struct job *job)
{
    for (size_t i = 0; i < job->labels->n_images; i++) {
        job->has_split[CARD_PUBLIC] |= job->labels->split[i] == SPLIT_PUBLIC;
        job->has_split[CARD_PRIVATE] |= job->labels->split[i] == SPLIT_PRIVATE;
    }
    job->has_split[CARD_ALL] = job->has_split[CARD_PUBLIC] && job->has_split[CARD_PRIVATE];
}

static bool take_results(struct job *job, struct arena *arena, struct err *err)
{
    size_t n_classes = job->labels->n_classes;

    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        job->values[split] = arena_alloc(arena, n_classes, sizeof(*job->values[split]), err);
        if (job->values[split] == NULL) {
            return false;
        }
        if (!job->options->has_curves) {
            continue;
        }
        job->curves[split] = arena_alloc(arena, n_classes, CURVE_POINTS * sizeof(double), err);
        if (job->curves[split] == NULL) {
            return false;
        }
    }
    return true;
}

static void put_result(struct detection_result *result, const struct job *job)
{
    unsigned only = job->has_split[CARD_PRIVATE] ? CARD_PRIVATE : CARD_PUBLIC;

    result->n_classes = job->labels->n_classes;
    for (unsigned split = 0; split < N_CARD_SPLITS; split++) {
        unsigned from = split == CARD_ALL && !job->has_split[CARD_ALL] ? only : split;
        result->classes[split] = job->values[from];
        result->curves[split] = job->curves[from];
    }
}

bool detection_evaluate(struct detection_result *result, const struct box_columns *columns,
                        const struct box_labels *labels, const struct detection_options *options,
                        struct arena *arena, struct err *err)
{
    struct job job = {.columns = columns, .labels = labels, .options = options};
    size_t n_threads = options->n_threads < THREADS_MAX ? options->n_threads : THREADS_MAX;

    assert(n_threads >= 1 && columns->n_classes == labels->n_classes);
    if (columns->n_rows >= UINT32_MAX || labels->n_rows >= UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "%zu boxes, limit is %u", columns->n_rows, UINT32_MAX - 1);
    }
    find_splits(&job);
    if (!order_classes(&job, arena, err) || !take_results(&job, arena, err)) {
        return false;
    }
    if (options->arrays != NULL) {
        curve_clear(options->arrays);
    }
    n_threads = n_threads < job.n_classes ? n_threads : job.n_classes;
    n_threads = n_threads == 0 ? 1 : n_threads;
    job.works = arena_alloc(arena, n_threads, sizeof(*job.works), err);
    if (job.works == NULL) {
        return false;
    }
    job.memory.arena = arena;
    pthread_mutex_init(&job.memory.mutex, NULL);
    bool ok = run_threads(&job, n_threads, err);
    pthread_mutex_destroy(&job.memory.mutex);
    if (ok) {
        put_result(result, &job);
    }
    return ok;
}

static bool is_of_group(const struct grouping *grouping, size_t group, size_t category)
{
    return grouping == NULL || grouping->group[category] == group;
}

size_t detection_mean(struct metric_values *mean, const struct detection_result *result,
                      enum card_split split, const struct grouping *grouping, size_t group)
{
    size_t counts[N_BOX_METRICS] = {0};
    double sums[N_BOX_METRICS] = {0};

    for (size_t category = 0; category < result->n_classes; category++) {
        const struct metric_values *values = &result->classes[split][category];
        for (unsigned i = 0; i < N_BOX_METRICS && is_of_group(grouping, group, category); i++) {
            double value;
            if (metric_get(&value, values, i)) {
                sums[i] += value;
                counts[i]++;
            }
        }
    }
    *mean = (struct metric_values){0};
    for (unsigned i = 0; i < N_BOX_METRICS; i++) {
        if (counts[i] > 0) {
            metric_set(mean, i, sums[i] / (double)counts[i]);
        }
    }
    return counts[BOX_AP];
}

bool detection_mean_curve(double curve[static CURVE_POINTS], const struct detection_result *result,
                          enum card_split split, const struct grouping *grouping, size_t group)
{
    size_t count = 0;

    memset(curve, 0, CURVE_POINTS * sizeof(double));
    for (size_t category = 0; category < result->n_classes; category++) {
        const double *of_class = result->curves[split] + category * CURVE_POINTS;
        double value;
        if (!is_of_group(grouping, group, category) ||
            !metric_get(&value, &result->classes[split][category], BOX_AP50)) {
            continue;
        }
        count++;
        for (size_t r = 0; r < CURVE_POINTS; r++) {
            curve[r] += of_class[r];
        }
    }
    for (size_t r = 0; r < CURVE_POINTS && count > 0; r++) {
        curve[r] /= (double)count;
    }
    return count > 0;
}

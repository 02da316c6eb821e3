/* SPDX-License-Identifier: MIT */
/*
 * Two lists under one lock, and an eventfd that says when the second is not empty.
 */
#include "broker/store/finisher.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { THREADS_MAX = 16 };

struct job_list {
    struct finisher_job *first;
    struct finisher_job **end;
};

struct finisher {
    pthread_mutex_t lock; /* of everything below but the threads */
    pthread_cond_t has_work;
    struct job_list waiting;
    struct job_list finished;
    bool is_closing;
    int event_fd;
    unsigned n_threads;
    pthread_t threads[THREADS_MAX];
};

static void list_start(struct job_list *list)
{
    *list = (struct job_list){.end = &list->first};
}

static void list_add(struct job_list *list, struct finisher_job *job)
{
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
}

static struct finisher_job *list_take(struct job_list *list)
{
    struct finisher_job *job = list->first;

    if (job != NULL) {
        list->first = job->next;
        if (list->first == NULL) {
            list->end = &list->first;
        }
    }
    return job;
}

/* The next job, waiting for one; NULL when the finisher closes. */
static struct finisher_job *wait_for_job(struct finisher *finisher)
{
    pthread_mutex_lock(&finisher->lock);
    while (!finisher->is_closing && finisher->waiting.first == NULL) {
        pthread_cond_wait(&finisher->has_work, &finisher->lock);
    }
    struct finisher_job *job = finisher->is_closing ? NULL : list_take(&finisher->waiting);
    pthread_mutex_unlock(&finisher->lock);
    return job;
}

static bool work(struct finisher_job *job)
{
    switch (job->work) {
    case FINISHER_FINISH:
        return blobs_upload_finish(job->sha256, job->upload, &job->err);
    case FINISHER_FINISH_AS:
        return blobs_upload_finish_as(&job->is_other, job->sha256, job->upload, &job->err);
    case FINISHER_REHASH:
        return blobs_upload_rehash(job->upload, &job->err);
    }
    return false;
}

static void *run(void *context)
{
    struct finisher *finisher = context;

    for (struct finisher_job *job = wait_for_job(finisher); job != NULL;
         job = wait_for_job(finisher)) {
        job->is_done = work(job);
        pthread_mutex_lock(&finisher->lock);
        list_add(&finisher->finished, job);
        pthread_mutex_unlock(&finisher->lock);
        (void)eventfd_write(finisher->event_fd, 1); /* cannot fill up: the loop reads it */
    }
    return NULL;
}

bool finisher_open(struct finisher **finisher, unsigned n_threads, struct err *err)
{
    struct finisher *opened = calloc(1, sizeof(*opened));

    if (opened == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for threads");
    }
    list_start(&opened->waiting);
    list_start(&opened->finished);
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->has_work, NULL);
    opened->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (opened->event_fd < 0) {
        err_set(err, ERR_SYSTEM, "eventfd: %s", strerror(errno));
        goto fail;
    }
    while (opened->n_threads < n_threads && opened->n_threads < THREADS_MAX) {
        int code = pthread_create(&opened->threads[opened->n_threads], NULL, run, opened);
        if (code != 0) {
            err_set(err, ERR_SYSTEM, "thread: %s", strerror(code));
            goto fail;
        }
        opened->n_threads++;
    }
    *finisher = opened;
    return true;
fail:
    finisher_close(&opened);
    return false;
}

void finisher_close(struct finisher **finisher)
{
    struct finisher *closed = *finisher;

    if (closed == NULL) {
        return;
    }
    pthread_mutex_lock(&closed->lock);
    closed->is_closing = true;
    pthread_cond_broadcast(&closed->has_work);
    pthread_mutex_unlock(&closed->lock);
    for (unsigned i = 0; i < closed->n_threads; i++) {
        pthread_join(closed->threads[i], NULL);
    }
    pthread_cond_destroy(&closed->has_work);
    pthread_mutex_destroy(&closed->lock);
    if (closed->event_fd >= 0) {
        close(closed->event_fd);
    }
    free(closed);
    *finisher = NULL;
}

int finisher_descriptor(const struct finisher *finisher)
{
    return finisher->event_fd;
}

void finisher_add(struct finisher *finisher, struct finisher_job *job)
{
    pthread_mutex_lock(&finisher->lock);
    list_add(&finisher->waiting, job);
    pthread_cond_signal(&finisher->has_work);
    pthread_mutex_unlock(&finisher->lock);
}

struct finisher_job *finisher_take(struct finisher *finisher)
{
    eventfd_t count;

    (void)eventfd_read(finisher->event_fd, &count); /* before the list: a job added next is told */
    pthread_mutex_lock(&finisher->lock);
    struct finisher_job *job = list_take(&finisher->finished);
    bool is_empty = finisher->finished.first == NULL;
    pthread_mutex_unlock(&finisher->lock);
    if (!is_empty) {
        (void)eventfd_write(finisher->event_fd, 1);
    }
    return job;
}

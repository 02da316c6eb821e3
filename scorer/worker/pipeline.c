/* SPDX-License-Identifier: MIT */
/*
 * The pipeline: one enum of stages, one function a stage's answer. See the header.
 */
#include "scorer/worker/pipeline.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sha256.h"
#include "schemas/blob.h"
#include "scorer/worker/column_cache.h"
#include "scorer/worker/packet.h"
#include "scorer/worker/report.h"

enum { SHEETS_MAX = 16, HASH_BYTES = 1 << 20, GRACE_MS = PACKET_PATIENCE_MS, PATH_SIZE = 4096 };

/* One re-score in so many parses the submission again and so proves the kept columns. */
enum { PARSE_EVERY = 1000 };

enum stage {
    STAGE_IDLE,
    STAGE_PEERS,   /* one of them is being started again */
    STAGE_SHEET,   /* the scorer loads labels and gives the sheet */
    STAGE_COLUMNS, /* the reader parses */
    STAGE_RESULT,  /* the scorer scores, or opens */
    STAGE_HASH,    /* the answer is there; the blob's hash is not yet */
    STAGE_DONE,
    N_STAGES,
};

/* Whose answer a stage waits for. */
static const enum pipeline_peer stage_peer[N_STAGES] = {
    [STAGE_SHEET] = PEER_SCORER, [STAGE_COLUMNS] = PEER_READER, [STAGE_RESULT] = PEER_SCORER};

static const char *const peer_names[N_PEERS] = {"scorer", "reader"};

struct cached_sheet {
    char competition[64]; /* "" in a free place */
    uint32_t version;
    int fd; /* owned */
    uint64_t used;
};

struct pipeline {
    const struct worker_settings *settings;
    enum stage stage;
    int64_t deadline_ms; /* of the stage */
    int sockets[N_PEERS];
    bool wants_restart[N_PEERS];

    struct wire_buffer frame; /* of the job */
    struct wire_message job;  /* borrows from it */

    int blob; /* -1 where none is open */
    uint64_t n_hashed;
    bool is_unreadable; /* the rest of the blob could not be read */
    struct sha256 hash;
    unsigned char *hash_buffer; /* owned, HASH_BYTES */

    int columns;           /* what the reader gave, to be kept once its blob is proven; or -1 */
    bool is_from_cache;    /* the job goes by kept columns */
    bool is_cache_wrong;   /* they were refused: parse */
    bool is_worth_keeping; /* scored, and the blob has its hash */

    struct packet packet;
    struct wire_buffer answer;
    struct cached_sheet sheets[SHEETS_MAX];
    uint64_t uses;
};

bool pipeline_open(struct pipeline **pipeline, const struct worker_settings *settings,
                   struct err *err)
{
    struct pipeline *opened = calloc(1, sizeof(*opened));
    unsigned char *buffer = malloc(HASH_BYTES);

    if (opened == NULL || buffer == NULL) {
        free(opened);
        free(buffer);
        return err_set(err, ERR_SYSTEM, "no memory for a pipeline");
    }
    opened->settings = settings;
    opened->hash_buffer = buffer;
    opened->blob = opened->columns = -1;
    opened->sockets[PEER_SCORER] = opened->sockets[PEER_READER] = -1;
    *pipeline = opened;
    return true;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static void drop_sheet(struct cached_sheet *sheet)
{
    if (sheet->competition[0] != '\0') {
        close(sheet->fd);
    }
    *sheet = (struct cached_sheet){0};
}

/* Ends the connection to a peer; what the scorer gave goes with it. */
static void detach(struct pipeline *pipeline, enum pipeline_peer peer)
{
    close_fd(&pipeline->sockets[peer]);
    for (size_t i = 0; peer == PEER_SCORER && i < SHEETS_MAX; i++) {
        drop_sheet(&pipeline->sheets[i]);
    }
}

void pipeline_close(struct pipeline **pipeline)
{
    struct pipeline *closed = *pipeline;

    if (closed == NULL) {
        return;
    }
    detach(closed, PEER_SCORER);
    detach(closed, PEER_READER);
    close_fd(&closed->blob);
    close_fd(&closed->columns);
    packet_free(&closed->packet);
    wire_buffer_free(&closed->frame);
    wire_buffer_free(&closed->answer);
    free(closed->hash_buffer);
    free(closed);
    *pipeline = NULL;
}

/* ---- ends of a job ---- */

static void end_job(struct pipeline *pipeline)
{
    close_fd(&pipeline->blob);
    pipeline->stage = STAGE_DONE;
}

/* No peer may be busy with the job then: its answer would be taken for the next job's. */
PRINTF_LIKE(2, 3)
static void fail_job(struct pipeline *pipeline, const char *format, ...)
{
    char reason[240];
    struct err err;
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    if (!report_failure(&pipeline->answer, &pipeline->job, pipeline->settings->name, reason,
                        &err)) {
        pipeline->answer.size = 0;
    }
    end_job(pipeline);
}

/* A peer closed its end; a job that waits for it fails. */
static void lose_peer(struct pipeline *pipeline, enum pipeline_peer peer)
{
    bool is_waiting = pipeline->stage >= STAGE_SHEET && pipeline->stage <= STAGE_RESULT &&
                      stage_peer[pipeline->stage] == peer;

    detach(pipeline, peer);
    if (is_waiting) {
        fail_job(pipeline, "the %s ended during this job", peer_names[peer]);
    }
}

/* ---- steps of a job ---- */

static bool has_peers(const struct pipeline *pipeline)
{
    return pipeline->sockets[PEER_SCORER] >= 0 && pipeline->sockets[PEER_READER] >= 0;
}

static int64_t stage_end_ms(const struct pipeline *pipeline, int64_t now_ms)
{
    return now_ms + pipeline->settings->job_seconds * 1000 + GRACE_MS;
}

/* Sends the job with these descriptors to the peer of `stage`, which is then waited for. */
static void ask(struct pipeline *pipeline, enum stage stage, const int *fds, size_t n_fds,
                int64_t now_ms)
{
    enum pipeline_peer peer = stage_peer[stage];
    struct err err;

    pipeline->stage = stage;
    pipeline->deadline_ms = now_ms + pipeline->settings->job_seconds * 1000 + GRACE_MS;
    if (pipeline->sockets[peer] < 0 || !packet_send(pipeline->sockets[peer], pipeline->frame.data,
                                                    pipeline->frame.size, fds, n_fds, &err)) {
        lose_peer(pipeline, peer);
    }
}

static int find_sheet(struct pipeline *pipeline)
{
    const struct wire_job *job = &pipeline->job.job;

    for (size_t i = 0; i < SHEETS_MAX; i++) {
        struct cached_sheet *sheet = &pipeline->sheets[i];
        if (sheet->version == job->label_version &&
            wire_text_is(job->competition, sheet->competition)) {
            sheet->used = ++pipeline->uses;
            return sheet->fd;
        }
    }
    return -1;
}

/* Takes the descriptor in place of the sheet that has waited longest. */
static void keep_sheet(struct pipeline *pipeline, int fd)
{
    struct cached_sheet *oldest = &pipeline->sheets[0];

    for (size_t i = 1; i < SHEETS_MAX; i++) {
        if (pipeline->sheets[i].used < oldest->used) {
            oldest = &pipeline->sheets[i];
        }
    }
    drop_sheet(oldest);
    wire_text_copy(oldest->competition, sizeof(oldest->competition), pipeline->job.job.competition);
    oldest->version = pipeline->job.job.label_version;
    oldest->fd = fd;
    oldest->used = ++pipeline->uses;
}

static bool open_blob(struct pipeline *pipeline, struct err *err)
{
    const struct wire_job *job = &pipeline->job.job;
    char path[PATH_SIZE];
    struct stat info;

    if (!blob_path(path, sizeof(path), pipeline->settings->blobs, job->sha256, err)) {
        return false;
    }
    pipeline->blob = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (pipeline->blob < 0 || fstat(pipeline->blob, &info) < 0) {
        return err_set(err, ERR_SYSTEM, "open blob: %s", strerror(errno));
    }
    if (!S_ISREG(info.st_mode) || (uint64_t)info.st_size != job->size_bytes) {
        return err_set(err, ERR_STORE, "blob has %jd bytes, not %" PRIu64, (intmax_t)info.st_size,
                       job->size_bytes);
    }
    pipeline->n_hashed = 0;
    pipeline->is_unreadable = false;
    sha256_start(&pipeline->hash);
    return true;
}

static void ask_for_columns(struct pipeline *pipeline, int sheet, int64_t now_ms)
{
    const int fds[] = {pipeline->blob, sheet};

    ask(pipeline, STAGE_COLUMNS, fds, ARRAY_SIZE(fds), now_ms);
}

/* A re-score goes by the columns of the first time, where they are kept. */
static bool ask_by_cache(struct pipeline *pipeline, int64_t now_ms)
{
    const struct wire_job *job = &pipeline->job.job;
    int fd;

    pipeline->is_from_cache = job->kind == JOB_RESCORE && !pipeline->is_cache_wrong &&
                              job->job_id % PARSE_EVERY != 0 &&
                              pipeline->settings->columns[0] != '\0' &&
                              column_cache_get(&fd, pipeline->settings->columns, job);
    if (pipeline->is_from_cache) {
        ask(pipeline, STAGE_RESULT, &fd, 1, now_ms);
        close(fd);
    }
    return pipeline->is_from_cache;
}

static void start_job(struct pipeline *pipeline, int64_t now_ms)
{
    struct err err = {0};

    if (!has_peers(pipeline)) {
        pipeline->stage = STAGE_PEERS;
        pipeline->deadline_ms = stage_end_ms(pipeline, now_ms);
        return;
    }
    if (pipeline->job.job.kind == JOB_OPEN) {
        ask(pipeline, STAGE_RESULT, NULL, 0, now_ms);
        return;
    }
    if (ask_by_cache(pipeline, now_ms)) {
        return;
    }
    if (!open_blob(pipeline, &err)) {
        fail_job(pipeline, "%s", err.text);
        return;
    }
    int sheet = find_sheet(pipeline);
    if (sheet >= 0) {
        ask_for_columns(pipeline, sheet, now_ms);
    } else {
        ask(pipeline, STAGE_SHEET, NULL, 0, now_ms);
    }
}

/* After the answer is out: the job's frame is still here, and names them. */
static void keep_columns(struct pipeline *pipeline)
{
    if (pipeline->columns >= 0 && pipeline->is_worth_keeping) {
        column_cache_put(pipeline->settings->columns, &pipeline->job.job, pipeline->columns);
    }
    close_fd(&pipeline->columns);
    pipeline->is_worth_keeping = false;
}

void pipeline_start(struct pipeline *pipeline, const void *frame, size_t size, int64_t now_ms)
{
    struct err err = {0};

    assert(pipeline->stage == STAGE_IDLE);
    keep_columns(pipeline);
    pipeline->is_cache_wrong = false;
    pipeline->answer.size = 0;
    unsigned char *copy = size <= pipeline->frame.capacity ? pipeline->frame.data
                                                           : realloc(pipeline->frame.data, size);
    if (copy == NULL) {
        pipeline->stage = STAGE_DONE; /* with an empty answer */
        return;
    }
    if (size > pipeline->frame.capacity) {
        pipeline->frame.capacity = size;
    }
    memcpy(copy, frame, size);
    pipeline->frame.data = copy;
    pipeline->frame.size = size;
    if (!report_read_job(&pipeline->job, copy, size, &err)) {
        pipeline->stage = STAGE_DONE;
        return;
    }
    start_job(pipeline, now_ms);
}

/* ---- answers ---- */

/* The scorer's or reader's own frame: the job's RESULT or FAILED, and no other. */
static void take_frame(struct pipeline *pipeline, int64_t now_ms)
{
    const struct wire_job *job = &pipeline->job.job;
    struct wire_message message;
    struct err err;

    if (!wire_decode(&message, FROM_WORKER, pipeline->packet.data, pipeline->packet.size, &err)) {
        fail_job(pipeline, "an answer inside the worker cannot be read");
        return;
    }
    bool is_result = message.type == WIRE_RESULT && message.result.job_id == job->job_id &&
                     message.result.fence == job->fence;
    bool is_failure = message.type == WIRE_FAILED && message.failed.job_id == job->job_id &&
                      message.failed.fence == job->fence;
    if (!is_result && !is_failure) {
        fail_job(pipeline, "an answer inside the worker is of another job");
        return;
    }
    if (is_failure && pipeline->is_from_cache) { /* damaged, or of another catalog: parse instead */
        column_cache_drop(pipeline->settings->columns, job);
        pipeline->is_cache_wrong = true;
        start_job(pipeline, now_ms);
        return;
    }
    if (!wire_encode(&pipeline->answer, &message, &err)) {
        pipeline->answer.size = 0;
    }
    pipeline->is_worth_keeping = is_result && message.result.outcome == OUTCOME_SCORED;
    pipeline->stage = STAGE_HASH;
    if (is_failure || pipeline->blob < 0) {
        end_job(pipeline);
    }
}

static void take_descriptor(struct pipeline *pipeline, int64_t now_ms)
{
    int fd = packet_take_fd(&pipeline->packet, 0);

    if (pipeline->stage == STAGE_SHEET) {
        keep_sheet(pipeline, fd);
        ask_for_columns(pipeline, fd, now_ms);
    } else {
        ask(pipeline, STAGE_RESULT, &fd, 1, now_ms);
        close_fd(&pipeline->columns);
        if (pipeline->settings->columns[0] != '\0') {
            pipeline->columns = fd;
        } else {
            close(fd);
        }
    }
}

static void take_answer(struct pipeline *pipeline, enum pipeline_peer peer, int64_t now_ms)
{
    struct err err;

    if (packet_receive(&pipeline->packet, pipeline->sockets[peer], &err) == PACKET_CLOSED ||
        pipeline->stage < STAGE_SHEET || pipeline->stage > STAGE_RESULT ||
        stage_peer[pipeline->stage] != peer) {
        lose_peer(pipeline, peer); /* it ended, or speaks without being asked */
        return;
    }
    if (pipeline->packet.size > 0) {
        take_frame(pipeline, now_ms);
    } else if (pipeline->packet.n_fds == 1 && pipeline->stage != STAGE_RESULT) {
        take_descriptor(pipeline, now_ms);
    } else {
        fail_job(pipeline, "an answer inside the worker is empty");
    }
}

/* ---- the blob's hash, a piece at a time ---- */

static bool is_hashing(const struct pipeline *pipeline)
{
    return pipeline->blob >= 0 && pipeline->n_hashed < pipeline->job.job.size_bytes;
}

static void hash_piece(struct pipeline *pipeline)
{
    ssize_t n = pread(pipeline->blob, pipeline->hash_buffer, HASH_BYTES, (off_t)pipeline->n_hashed);

    if (n <= 0) {
        pipeline->is_unreadable = true;
        pipeline->n_hashed = pipeline->job.job.size_bytes;
        return;
    }
    sha256_add(&pipeline->hash, pipeline->hash_buffer, (size_t)n);
    pipeline->n_hashed += (uint64_t)n;
}

/* Only now, when no peer is busy with it, a bad blob ends the job. */
static void finish_hash(struct pipeline *pipeline)
{
    uint8_t digest[SHA256_BYTES];

    sha256_finish(&pipeline->hash, digest);
    if (pipeline->is_unreadable) {
        pipeline->is_worth_keeping = false;
        fail_job(pipeline, "blob cannot be read to its end");
    } else if (memcmp(digest, pipeline->job.job.sha256, sizeof(digest)) != 0) {
        pipeline->is_worth_keeping = false;
        fail_job(pipeline, "blob does not have the bytes that its name says");
    } else {
        end_job(pipeline);
    }
}

/* ---- the loop's side ---- */

void pipeline_attach(struct pipeline *pipeline, enum pipeline_peer peer, int socket)
{
    if (pipeline->sockets[peer] >= 0) {
        lose_peer(pipeline, peer);
    }
    pipeline->sockets[peer] = socket;
}

bool pipeline_is_ready(const struct pipeline *pipeline)
{
    return pipeline->stage == STAGE_IDLE && has_peers(pipeline);
}

size_t pipeline_waits(const struct pipeline *pipeline, struct channel_wait waits[static N_PEERS])
{
    size_t n = 0;

    for (size_t i = 0; i < N_PEERS; i++) {
        if (pipeline->sockets[i] >= 0) {
            waits[n++] = (struct channel_wait){.fd = pipeline->sockets[i]};
        }
    }
    return n;
}

int64_t pipeline_timeout_ms(const struct pipeline *pipeline, int64_t now_ms)
{
    if (pipeline->stage == STAGE_DONE || pipeline->stage == STAGE_HASH || is_hashing(pipeline)) {
        return 0;
    }
    if (pipeline->stage == STAGE_IDLE) {
        return pipeline->columns >= 0 ? 0 : -1;
    }
    return pipeline->deadline_ms > now_ms ? pipeline->deadline_ms - now_ms : 0;
}

static void check_deadline(struct pipeline *pipeline, int64_t now_ms)
{
    if (pipeline->stage < STAGE_PEERS || pipeline->stage > STAGE_RESULT ||
        now_ms < pipeline->deadline_ms) {
        return;
    }
    if (pipeline->stage == STAGE_PEERS) {
        fail_job(pipeline, "a process of this worker does not start");
        return;
    }
    enum pipeline_peer peer = stage_peer[pipeline->stage];
    detach(pipeline, peer);
    pipeline->wants_restart[peer] = true;
    fail_job(pipeline, "the %s took longer than %" PRId64 " s", peer_names[peer],
             pipeline->settings->job_seconds);
}

static void poll_peers(struct pipeline *pipeline, int64_t now_ms)
{
    for (int peer = 0; peer < N_PEERS; peer++) {
        struct channel_wait wait = {.fd = pipeline->sockets[peer]};
        struct err err;
        if (wait.fd >= 0 && channel_wait(&wait, 1, 0, &err) && wait.is_ready) {
            take_answer(pipeline, (enum pipeline_peer)peer, now_ms);
        }
    }
}

bool pipeline_step(struct wire_bytes *answer, struct pipeline *pipeline, int64_t now_ms)
{
    if (pipeline->stage == STAGE_IDLE) {
        keep_columns(pipeline);
    }
    poll_peers(pipeline, now_ms);
    if (pipeline->stage == STAGE_PEERS && has_peers(pipeline)) {
        start_job(pipeline, now_ms);
    }
    if (is_hashing(pipeline)) {
        hash_piece(pipeline);
    }
    if (pipeline->stage == STAGE_HASH && !is_hashing(pipeline)) {
        finish_hash(pipeline);
    }
    check_deadline(pipeline, now_ms);
    if (pipeline->stage != STAGE_DONE) {
        return false;
    }
    *answer = wire_buffer_bytes(&pipeline->answer);
    pipeline->stage = STAGE_IDLE;
    return true;
}

bool pipeline_wants_restart(enum pipeline_peer *peer, struct pipeline *pipeline)
{
    for (int i = 0; i < N_PEERS; i++) {
        if (pipeline->wants_restart[i]) {
            pipeline->wants_restart[i] = false;
            *peer = (enum pipeline_peer)i;
            return true;
        }
    }
    return false;
}

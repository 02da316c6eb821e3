/* SPDX-License-Identifier: MIT */
/*
 * A real worker in a temporary folder, and a broker's endpoint that says what the test tells it to.
 * The worker is forked while this process has no ZeroMQ.
 */
#pragma once

#include "common/channel.h"
#include "common/file.h"
#include "common/sha256.h"
#include "common/text.h"
#include "schemas/blob.h"
#include "schemas/wire.h"
#include "schemas/worker_key.h"
#include "scorer/data/label_file.h"
#include "scorer/data/label_rows.h"
#include "scorer/worker/worker.h"
#include "tests/unit/attester.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { RIG_PATIENCE_MS = 60000, RIG_PATH_SIZE = 256, RIG_LEASE_MS = 60000, RIG_SETS_MAX = 64 };

/* What a competition's log would say of its labels. */
struct rig_set {
    char competition[COMPETITION_ID_SIZE];
    struct tree_hash root;
    uint8_t sha256[SHA256_BYTES];
};

struct rig {
    char folder[RIG_PATH_SIZE];
    struct worker_settings settings;
    pid_t worker;
    struct channel_context *context;
    struct channel *broker;
    struct channel_peer peer; /* of the last message */
    uint64_t claim_id;
    uint64_t next_job;
    bool is_lease_held; /* what a RENEW is told */
    unsigned n_renewals;
    struct rig_set sets[RIG_SETS_MAX];
    size_t n_sets;
    struct bytes frame; /* of the last message */
    struct wire_message message;
};

static inline void rig_path(char path[static RIG_PATH_SIZE], const struct rig *rig,
                            const char *name)
{
    assert_true(snprintf(path, RIG_PATH_SIZE, "%.100s/%.100s", rig->folder, name) < RIG_PATH_SIZE);
}

static inline void rig_write(const struct rig *rig, const char *name, const char *text)
{
    char path[RIG_PATH_SIZE];
    char folder[RIG_PATH_SIZE];
    struct err err = {0};

    rig_path(path, rig, name);
    assert_true(path_folder(folder, sizeof(folder), path, &err));
    assert_true(folder_make(folder, 0700, &err));
    assert_true(file_write_durable(path, text, strlen(text), 0600, &err));
}

/* Binds the broker's endpoint; a bound one is closed first, as if the broker had died. */
static inline void rig_bind(struct rig *rig)
{
    struct err err = {0};

    channel_close(&rig->broker);
    channel_context_close(&rig->context);
    assert_true(channel_context_open(&rig->context, &err));
    assert_true(channel_open(&rig->broker, rig->context, CHANNEL_ROUTER, rig->settings.broker,
                             WIRE_FRAME_MAX, &err));
}

/* Makes the folder and starts the worker with this parser. */
static inline void rig_start(struct rig *rig,
                             bool (*parse)(struct columns *columns,
                                           const struct reader_input *input, struct err *err))
{
    *rig = (struct rig){.settings = {.name = "tester",
                                     .job_memory_bytes = 256 << 20,
                                     .job_seconds = 30,
                                     .claim_wait_ms = 200,
                                     .log = 3},
                        .next_job = 1,
                        .is_lease_held = true};
    snprintf(rig->folder, sizeof(rig->folder), "/tmp/assay-worker-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    rig_path(rig->settings.blobs, rig, "blobs");
    rig_path(rig->settings.labels, rig, "labels");
    rig_path(rig->settings.keys, rig, "keys");
    snprintf(rig->settings.broker, sizeof(rig->settings.broker), "ipc://%.100s/workers.sock",
             rig->folder);
    const struct reader reader = {.settings = &rig->settings, .parse = parse};
    fflush(NULL);
    rig->worker = fork();
    assert_true(rig->worker >= 0);
    if (rig->worker == 0) {
        _exit(worker_run(&reader));
    }
    rig_bind(rig);
}

/* What the organizer's command does: seals labels to the worker of the rig. */
static inline void rig_install(struct rig *rig, const char *competition, const char *labels_path)
{
    static const struct label_seeds seeds = {.label = {1}, .score = {2}};
    uint8_t organizer[CRYPT_PUBLIC_KEY_BYTES];
    uint8_t organizer_secret[CRYPT_SECRET_KEY_BYTES];
    static struct problems problems;
    struct rig_set *set = &rig->sets[rig->n_sets++];
    struct worker_public_key key;
    struct competition rules;
    struct labels *labels = NULL;
    struct bytes yaml = {0};
    struct bytes block = {0};
    struct err err = {0};

    assert_true(rig->n_sets <= RIG_SETS_MAX);
    assert_true(crypt_start(&err));
    assert_true(worker_key_public(&key, rig->settings.keys, rig->settings.name, &err));
    assert_true(competition_load_file(&rules, competition, &problems, &err));
    assert_true(file_read(&yaml, competition, CONF_FILE_MAX, &err));
    const struct labels_source source = {.task = (enum task)rules.task, .path = labels_path};
    if (!labels_load(&labels, &source, &problems, &err)) {
        fail_msg("%s", err.text);
    }
    attester_organizer(organizer, organizer_secret);
    const struct label_block_source parts = {.version = 1,
                                             .seeds = &seeds,
                                             .organizer = organizer,
                                             .yaml = yaml.data,
                                             .yaml_size = yaml.size_bytes,
                                             .labels = labels};
    assert_true(label_block_make(&block, &parts, &err));
    memcpy(set->competition, rules.id, sizeof(set->competition));
    sha256_of(set->sha256, block.data, block.size_bytes);
    assert_true(label_rows_root(&set->root, labels, rules.id, seeds.label, &err));
    assert_true(label_file_write(rig->settings.labels, rules.id, 1, &block, &key.seal, 1, &err));
    labels_close(&labels);
    bytes_free(&yaml);
    bytes_free(&block);
}

/* Waits for the worker's end; its status as of waitpid. */
static inline int rig_wait(struct rig *rig)
{
    int status = 0;

    assert_int_equal(waitpid(rig->worker, &status, 0), rig->worker);
    rig->worker = 0;
    return status;
}

static inline void rig_stop(struct rig *rig)
{
    char command[RIG_PATH_SIZE + 16];

    if (rig->worker > 0) {
        assert_int_equal(kill(rig->worker, SIGTERM), 0);
        assert_int_equal(rig_wait(rig), 0);
    }
    channel_close(&rig->broker);
    channel_context_close(&rig->context);
    bytes_free(&rig->frame);
    snprintf(command, sizeof(command), "rm -rf %s", rig->folder);
    assert_int_equal(system(command), 0);
}

static inline void rig_send(struct rig *rig, const struct wire_message *message)
{
    struct wire_buffer frame = {0};
    struct err err = {0};

    assert_true(wire_encode(&frame, message, &err));
    assert_int_equal(channel_send(rig->broker, &rig->peer, frame.data, frame.size), CHANNEL_DONE);
    wire_buffer_free(&frame);
}

/* Takes the next message into rig->message; false when none came in time. */
static inline bool rig_receive(struct rig *rig, int64_t patience_ms)
{
    struct channel_wait wait = {.channel = rig->broker};
    const unsigned char *frame;
    size_t size;
    struct err err = {0};

    int64_t end_ms = time_boot_ms() + patience_ms;
    while (channel_receive(rig->broker, &rig->peer, &frame, &size) != CHANNEL_DONE) {
        int64_t left_ms = end_ms - time_boot_ms();
        if (left_ms <= 0) {
            return false;
        }
        assert_true(channel_wait(&wait, 1, left_ms, &err));
    }
    bytes_free(&rig->frame);
    rig->frame.data = malloc(size);
    rig->frame.size_bytes = size;
    memcpy(rig->frame.data, frame, size);
    assert_true(wire_decode(&rig->message, FROM_WORKER, rig->frame.data, size, &err));
    return true;
}

/* The reason of the FAILED message that came. */
static inline const char *rig_reason(const struct rig *rig)
{
    static char reason[300];

    wire_text_copy(reason, sizeof(reason), rig->message.failed.reason);
    return reason;
}

/* True while a process runs; one that waits to be reaped does not. */
static inline bool rig_is_running(pid_t pid)
{
    char path[64];
    char line[256] = "";

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    line[fread(line, 1, sizeof(line) - 1, file)] = '\0';
    fclose(file);
    const char *state = strrchr(line, ')');
    return state != NULL && state[2] != 'Z' && state[2] != 'X';
}

/* Waits until a process has ended. */
static inline void rig_expect_end(pid_t pid)
{
    struct err err = {0};

    for (int i = 0; i < RIG_PATIENCE_MS && rig_is_running(pid); i++) {
        assert_true(channel_wait(NULL, 0, 1, &err));
    }
    assert_false(rig_is_running(pid));
}

/* Receives until a message of this type, answering renewals and leaving claims open. */
static inline void rig_expect(struct rig *rig, enum wire_type type)
{
    for (;;) {
        assert_true(rig_receive(rig, RIG_PATIENCE_MS));
        if (rig->message.type == WIRE_CLAIM) {
            rig->claim_id = rig->message.request_id;
        }
        if (rig->message.type == type) {
            return;
        }
        if (rig->message.type == WIRE_RENEW) {
            const struct wire_message renewed = {.type = WIRE_RENEWED,
                                                 .request_id = rig->message.request_id,
                                                 .renewed = {.job_id = rig->message.renew.job_id,
                                                             .is_held = rig->is_lease_held,
                                                             .lease_ms = RIG_LEASE_MS}};
            rig->n_renewals++;
            rig_send(rig, &renewed);
        } else if (rig->message.type != WIRE_CLAIM) {
            fail_msg("%s came, not %s: %s", wire_type_name(rig->message.type), wire_type_name(type),
                     rig->message.type == WIRE_FAILED ? rig_reason(rig) : "");
        }
    }
}

/* Tells the worker that its result is recorded. */
static inline void rig_take(struct rig *rig)
{
    uint64_t job_id =
        rig->message.type == WIRE_RESULT ? rig->message.result.job_id : rig->message.failed.job_id;
    const struct wire_message taken = {
        .type = WIRE_RESULT_TAKEN,
        .request_id = rig->message.request_id,
        .result_taken = {.job_id = job_id, .verdict = VERDICT_RECORDED}};

    rig_send(rig, &taken);
}

/* Puts bytes where the blob of this hash lies. */
static inline void rig_put_blob(const struct rig *rig, const uint8_t sha256[static SHA256_BYTES],
                                const void *data, size_t size)
{
    char path[2 * RIG_PATH_SIZE];
    char folder[2 * RIG_PATH_SIZE];
    struct err err = {0};

    assert_true(blob_path(path, sizeof(path), rig->settings.blobs, sha256, &err));
    assert_true(path_folder(folder, sizeof(folder), path, &err));
    assert_true(folder_make(folder, 0700, &err));
    assert_true(file_write_durable(path, data, size, 0440, &err));
}

/* Waits for a claim and gives it this job; job_id and fence are filled in where they are 0. */
static inline void rig_give(struct rig *rig, struct wire_job job)
{
    rig_expect(rig, WIRE_CLAIM);
    job.job_id = job.job_id == 0 ? rig->next_job++ : job.job_id;
    job.fence = job.fence == 0 ? job.job_id + 100 : job.fence;
    job.lease_ms = job.lease_ms == 0 ? RIG_LEASE_MS : job.lease_ms;
    job.label_version = job.rules_version = 1;
    const struct wire_message message = {.type = WIRE_JOB, .request_id = rig->claim_id, .job = job};
    rig_send(rig, &message);
}

static const char rig_submission[] = "0123456789abcdef0123456789abcdef";

/* Says in a job what the log says of the competition's labels. */
static inline void rig_name_labels(struct wire_job *job, const struct rig *rig,
                                   const char *competition)
{
    for (size_t i = 0; i < rig->n_sets; i++) {
        if (strcmp(rig->sets[i].competition, competition) == 0) {
            memcpy(job->label_root, rig->sets[i].root.bytes, sizeof(job->label_root));
            memcpy(job->label_set, rig->sets[i].sha256, sizeof(job->label_set));
        }
    }
}

/* A job to score these bytes, whose blob is put in place. */
static inline struct wire_job rig_job(const struct rig *rig, const char *competition,
                                      const void *data, size_t size)
{
    struct wire_job job = {.kind = JOB_SCORE,
                           .submission = wire_text(rig_submission),
                           .competition = wire_text(competition),
                           .size_bytes = size};

    rig_name_labels(&job, rig, competition);
    sha256_of(job.sha256, data, size);
    rig_put_blob(rig, job.sha256, data, size);
    return job;
}

/* Finds the worker's process of that name; 0 where there is none now. */
static inline pid_t rig_find(pid_t parent, const char *name)
{
    char path[64];
    char children[512] = "";
    char found[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    children[fread(children, 1, sizeof(children) - 1, file)] = '\0';
    fclose(file);
    for (char *at = children; *at != '\0'; at += strspn(at, " \n")) {
        long pid = strtol(at, &at, 10);
        snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
        file = fopen(path, "r");
        bool is_it = file != NULL && fgets(found, sizeof(found), file) != NULL &&
                     strncmp(found, name, strlen(name)) == 0;
        if (file != NULL) {
            fclose(file);
        }
        if (is_it) {
            return (pid_t)pid;
        }
    }
    return 0;
}

/* As rig_find, waiting until it is there. */
static inline pid_t rig_await(pid_t parent, const char *name)
{
    struct err err = {0};
    pid_t pid = 0;

    for (int i = 0; i < RIG_PATIENCE_MS && pid == 0; i++) {
        pid = rig_find(parent, name);
        assert_true(channel_wait(NULL, 0, pid == 0 ? 1 : 0, &err));
    }
    assert_true(pid > 0);
    return pid;
}

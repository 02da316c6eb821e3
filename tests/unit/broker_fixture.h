/* SPDX-License-Identifier: MIT */
/*
 * A real broker in a folder of its own, and a peer that talks to it in frames. Waits are bounded;
 * nothing is left behind.
 */
#pragma once

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/file.h"
#include "common/text.h"
#include "schemas/token.h"
#include "schemas/wire.h"
#include "tests/unit/attester.h"

enum { FIXTURE_WAIT_MS = 20000, FIXTURE_ROUND_MS = 2000 };

struct fixture {
    char folder[64];
    pid_t pid;
    int64_t lease_ms;
    struct channel_context *context;
    struct channel *gateway;
    struct channel *worker;
    struct channel *events;
    uint64_t next_request;
    char organizer[TOKEN_SIZE];
};

static inline void fixture_fail(const char *what)
{
    fprintf(stderr, "fixture: %s\n", what);
    abort();
}

static inline void fixture_connect(struct fixture *fixture, struct channel **channel,
                                   enum channel_kind kind, const char *name)
{
    char endpoint[128];
    struct err err;

    snprintf(endpoint, sizeof(endpoint), "ipc://%s/%s.sock", fixture->folder, name);
    channel_close(channel);
    if (!channel_open(channel, fixture->context, kind, endpoint, WIRE_FRAME_MAX, &err)) {
        fixture_fail(err.text);
    }
}

static inline void fixture_write_config(const struct fixture *fixture)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/broker.yaml", fixture->folder);
    FILE *file = fopen(path, "w");
    fprintf(file,
            "gateways: ipc://%s/gateways.sock\nworkers: ipc://%s/workers.sock\n"
            "events: ipc://%s/events.sock\ndatabase: %s/assay.db\nkeys: %s/keys\n"
            "receipt_public_key: %s/receipt.pub\norganizer_token: %s/organizer.token\n"
            "lease_ms: %lld\ndisk_free_min_bytes: 0\nreserve_bytes: 0\n",
            fixture->folder, fixture->folder, fixture->folder, fixture->folder, fixture->folder,
            fixture->folder, fixture->folder, (long long)fixture->lease_ms);
    fclose(file);
}

/* Starts the broker; with `is_quiet` its log goes nowhere. Returns at once. */
static inline pid_t fixture_spawn(const struct fixture *fixture, bool is_quiet)
{
    char path[128];
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (is_quiet && freopen("/dev/null", "w", stderr) == NULL) {
            _exit(3);
        }
        snprintf(path, sizeof(path), "%s/broker.yaml", fixture->folder);
        execl(ASSAY_BIN "/assay-broker", "assay-broker", "--config", path, (char *)NULL);
        _exit(3);
    }
    return pid;
}

/* Takes one frame that waits, or waits for it; false after FIXTURE_ROUND_MS without one. */
static inline bool fixture_receive(struct channel *channel, struct wire_message *message)
{
    struct channel_wait wait = {.channel = channel};
    const unsigned char *frame;
    size_t size;
    struct err err;

    if (channel_receive(channel, NULL, &frame, &size) != CHANNEL_DONE) {
        if (!channel_wait(&wait, 1, FIXTURE_ROUND_MS, &err)) {
            fixture_fail(err.text);
        }
        if (channel_receive(channel, NULL, &frame, &size) != CHANNEL_DONE) {
            return false;
        }
    }
    if (!wire_decode(message, FROM_BROKER, frame, size, &err)) {
        fixture_fail(err.text);
    }
    if (message->type == WIRE_JOB) {
        attester_saw_message(message);
    }
    return true;
}

/* Sends without waiting for an answer, again and again until the peer is there. */
static inline uint64_t fixture_send(struct fixture *fixture, struct channel *channel,
                                    struct wire_message *request)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    struct wire_buffer frame = {0};
    struct err err;

    if (request->type == WIRE_RESULT) {
        attester_scores(&request->result);
        attester_sign(&request->result, 5);
    }
    request->request_id = ++fixture->next_request;
    if (!wire_encode(&frame, request, &err)) {
        fixture_fail(err.text);
    }
    for (int i = 0; i < FIXTURE_WAIT_MS / 5; i++) {
        if (channel_send(channel, NULL, frame.data, frame.size) == CHANNEL_DONE) {
            wire_buffer_free(&frame);
            return request->request_id;
        }
        nanosleep(&pause, NULL);
    }
    fixture_fail("no broker takes the frame");
    return 0;
}

/* The answer to a request; others are dropped. */
static inline struct wire_message fixture_answer(struct channel *channel, uint64_t request_id)
{
    struct wire_message message;

    for (int i = 0; i < FIXTURE_WAIT_MS / FIXTURE_ROUND_MS; i++) {
        while (fixture_receive(channel, &message)) {
            if (message.request_id == request_id) {
                return message;
            }
        }
    }
    fixture_fail("no answer");
    return (struct wire_message){0};
}

static inline struct wire_message fixture_ask(struct fixture *fixture, struct wire_message request)
{
    return fixture_answer(fixture->gateway, fixture_send(fixture, fixture->gateway, &request));
}

static inline struct wire_message fixture_work(struct fixture *fixture, struct wire_message request)
{
    return fixture_answer(fixture->worker, fixture_send(fixture, fixture->worker, &request));
}

/* Starts the broker and waits until it answers. */
static inline void fixture_start(struct fixture *fixture)
{
    char path[128];
    struct bytes token = {0};
    struct err err;

    fixture->pid = fixture_spawn(fixture, true);
    fixture_connect(fixture, &fixture->gateway, CHANNEL_DEALER, "gateways");
    fixture_connect(fixture, &fixture->worker, CHANNEL_DEALER, "workers");
    fixture_connect(fixture, &fixture->events, CHANNEL_SUB, "events");
    struct wire_message key = fixture_ask(fixture, (struct wire_message){.type = WIRE_KEY_GET});
    if (key.type != WIRE_KEY) {
        fixture_fail("the broker has no key");
    }
    snprintf(path, sizeof(path), "%s/organizer.token", fixture->folder);
    if (!file_read(&token, path, TOKEN_SIZE, &err)) {
        fixture_fail(err.text);
    }
    memcpy(fixture->organizer, token.data, TOKEN_SIZE - 1);
    bytes_free(&token);
}

/* Ends the broker by a signal; returns its wait status. */
static inline int fixture_stop(struct fixture *fixture, int signal)
{
    int status = 0;

    kill(fixture->pid, signal);
    waitpid(fixture->pid, &status, 0);
    fixture->pid = 0;
    return status;
}

static inline void fixture_open(struct fixture *fixture, int64_t lease_ms)
{
    struct err err;

    *fixture = (struct fixture){.folder = "/tmp/assay-broker-XXXXXX", .lease_ms = lease_ms};
    if (mkdtemp(fixture->folder) == NULL || !channel_context_open(&fixture->context, &err)) {
        fixture_fail("no folder");
    }
    fixture_write_config(fixture);
    fixture_start(fixture);
}

static inline int fixture_remove_one(const char *path, const struct stat *info, int type,
                                     struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void fixture_close(struct fixture *fixture)
{
    if (fixture->pid != 0) {
        fixture_stop(fixture, SIGKILL);
    }
    channel_close(&fixture->gateway);
    channel_close(&fixture->worker);
    channel_close(&fixture->events);
    channel_context_close(&fixture->context);
    nftw(fixture->folder, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- the messages that every test needs ---- */

static inline struct wire_message fixture_make_competition(struct fixture *fixture,
                                                           const char *yaml)
{
    struct wire_message request = {.type = WIRE_COMPETITION_PUT};

    request.competition_put.token = wire_text(fixture->organizer);
    request.competition_put.yaml = wire_text(yaml);
    attester_commit(&request.competition_put);
    return fixture_ask(fixture, request);
}

static inline void fixture_make_team(struct fixture *fixture, const char *competition,
                                     const char *name, char token[static TOKEN_SIZE])
{
    struct wire_message request = {.type = WIRE_TEAM_PUT};

    request.team_put.token = wire_text(fixture->organizer);
    request.team_put.competition = wire_text(competition);
    request.team_put.name = wire_text(name);
    request.team_put.members = wire_text("ada,grace");
    struct wire_message reply = fixture_ask(fixture, request);
    if (reply.type != WIRE_TEAM_MADE) {
        fixture_fail("the team was not made");
    }
    wire_text_copy(token, TOKEN_SIZE, reply.team_made.token);
}

/* A submission whose key, and whose file's hash, are made of a number. */
static inline struct wire_message fixture_submission(const char *competition, const char *token,
                                                     uint64_t key, uint64_t file)
{
    struct wire_message request = {.type = WIRE_SUBMIT_COMMIT};

    request.submit_commit.token = wire_text(token);
    request.submit_commit.competition = wire_text(competition);
    memcpy(request.submit_commit.key, &key, sizeof(key));
    memcpy(request.submit_commit.sha256, &file, sizeof(file));
    request.submit_commit.size_bytes = 1000;
    request.submit_commit.received_ms = time_wall_ms();
    request.submit_commit.file_name = wire_text("guess.csv");
    request.submit_commit.message = wire_text("first try");
    return request;
}

static inline struct wire_message fixture_claim(struct fixture *fixture, uint32_t wait_ms)
{
    struct wire_message request = {.type = WIRE_CLAIM};

    request.claim.worker = wire_text("w1");
    request.claim.build = wire_text("b1");
    request.claim.wait_ms = wait_ms;
    attester_claim(request.claim.key);
    return fixture_work(fixture, request);
}

static inline struct wire_message fixture_result(uint64_t job, uint64_t fence, double value)
{
    struct wire_message request = {.type = WIRE_RESULT};

    request.result.job_id = job;
    request.result.fence = fence;
    request.result.outcome = OUTCOME_SCORED;
    request.result.rows = 10;
    request.result.has_value = 1;
    request.result.value = value;
    request.result.scorecard = wire_text("{\"splits\":{}}");
    request.result.sealed = wire_text("sealed");
    request.result.worker = wire_text("w1");
    request.result.build = wire_text("b1");
    return request;
}

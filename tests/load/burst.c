/* SPDX-License-Identifier: MIT */
/*
 * Deadline day: a competition with stored submissions is scored again while new ones come at a
 * steady rate, then for a while at a hundred times that. Workers are played: each holds one claim
 * open and takes a fixed time a job. What is told: how long a new submission waits for its result,
 * and how much of the second scoring goes on meanwhile. Everything must be scored in the end.
 */
#include "tests/load/load.h"

enum {
    STORED = 1000,
    WORKERS = 64,
    SERVICE_US = 5000,
    LATENCIES_MAX = 1 << 20,
};

struct worker {
    uint64_t claim; /* request under way; 0: at work */
    int64_t done_us;
    struct wire_message result;
};

struct phase {
    size_t n_live;
    size_t n_again;
    size_t n_waits;
};

struct burst {
    struct load load;
    struct worker workers[WORKERS];
    int64_t sent_us[LATENCIES_MAX]; /* by number of the file */
    int64_t waits_us[LATENCIES_MAX];
    size_t n_sent;
    size_t n_accepted;
    size_t n_live; /* new submissions that a worker has got */
    size_t n_stored;
    bool is_again; /* a second scoring goes on */
    struct phase phase;
};

static struct burst burst;

static void claim(struct worker *worker)
{
    struct wire_message request = {.type = WIRE_CLAIM};

    request.claim.worker = wire_text("load");
    request.claim.build = wire_text("load");
    attester_claim(request.claim.key);
    request.claim.wait_ms = 1000;
    worker->claim = fixture_send(&burst.load.fixture, burst.load.fixture.worker, &request);
}

/* The same file has the same result, again and again. */
static uint64_t file_of(const struct wire_job *job)
{
    uint64_t file;

    memcpy(&file, job->sha256, sizeof(file));
    return file;
}

static void take_job(struct worker *worker, const struct wire_job *job)
{
    uint64_t file = file_of(job);

    worker->claim = 0;
    worker->done_us = now_us() + SERVICE_US;
    worker->result = fixture_result(job->job_id, job->fence, (double)(file % 9973) / 9973);
    if (job->kind == JOB_RESCORE) {
        burst.phase.n_again++;
    } else if (file < STORED) {
        burst.n_stored++;
    } else {
        burst.phase.n_live++;
        burst.n_live++;
        burst.waits_us[burst.phase.n_waits++] = now_us() - burst.sent_us[file];
    }
}

static void take_answers(void)
{
    struct fixture *fixture = &burst.load.fixture;
    struct wire_message answer;
    const unsigned char *frame;
    size_t size;
    struct err err;

    while (channel_receive(fixture->gateway, NULL, &frame, &size) == CHANNEL_DONE) {
        if (!wire_decode(&answer, FROM_BROKER, frame, size, &err)) {
            fixture_fail(err.text);
        }
        burst.n_accepted += answer.type == WIRE_SUBMIT_ACCEPTED;
    }
    while (channel_receive(fixture->worker, NULL, &frame, &size) == CHANNEL_DONE) {
        if (!wire_decode(&answer, FROM_BROKER, frame, size, &err)) {
            fixture_fail(err.text);
        }
        for (size_t i = 0; i < WORKERS; i++) {
            if (burst.workers[i].claim == answer.request_id && answer.type == WIRE_JOB) {
                take_job(&burst.workers[i], &answer.job);
            } else if (burst.workers[i].claim == answer.request_id) {
                claim(&burst.workers[i]);
            }
        }
    }
}

static void work(void)
{
    for (size_t i = 0; i < WORKERS; i++) {
        struct worker *worker = &burst.workers[i];
        if (worker->claim == 0 && now_us() >= worker->done_us) {
            if (worker->result.type == WIRE_RESULT) {
                fixture_send(&burst.load.fixture, burst.load.fixture.worker, &worker->result);
                worker->result.type = 0;
            }
            claim(worker);
        }
    }
}

/* The second scoring never ends: once a second another run is asked for, and refused while one is
 * under way. */
static void start_again(void)
{
    static int64_t due_us;
    struct wire_message request = {.type = WIRE_RESCORE_START};

    if (!burst.is_again || now_us() < due_us) {
        return;
    }
    due_us = now_us() + 1000000;
    request.rescore_start.token = wire_text(burst.load.fixture.organizer);
    request.rescore_start.competition = wire_text("load");
    fixture_send(&burst.load.fixture, burst.load.fixture.gateway, &request);
}

static void round_once(void)
{
    struct channel_wait waits[] = {{.channel = burst.load.fixture.gateway},
                                   {.channel = burst.load.fixture.worker}};
    struct err err;

    take_answers();
    work();
    start_again();
    if (!channel_wait(waits, 2, 1, &err)) {
        fixture_fail(err.text);
    }
}

static void submit_one(void)
{
    uint64_t number = STORED + burst.n_sent++;
    struct wire_message request =
        fixture_submission("load", burst.load.tokens[number % burst.load.n_teams], number, number);

    burst.sent_us[number] = now_us();
    fixture_send(&burst.load.fixture, burst.load.fixture.gateway, &request);
}

static void run_phase(const char *name, size_t per_second, size_t n_seconds)
{
    int64_t start_us = now_us();
    int64_t end_us = start_us + (int64_t)n_seconds * 1000000;
    size_t n_due = 0;

    burst.phase = (struct phase){0};
    for (int64_t now = start_us; now < end_us; now = now_us()) {
        size_t wanted = (size_t)((now - start_us) * (int64_t)per_second / 1000000);
        for (int i = 0; n_due < wanted && i < 64; i++, n_due++) {
            submit_one();
        }
        round_once();
    }
    printf("%-8s %6zu offered a second: %7.1f live and %7.1f again a second, live waits p50 %.1f "
           "ms, p99 %.1f ms\n",
           name, per_second, (double)burst.phase.n_live / (double)n_seconds,
           (double)burst.phase.n_again / (double)n_seconds,
           1e-3 * (double)percentile(burst.waits_us, burst.phase.n_waits, 50),
           1e-3 * (double)percentile(burst.waits_us, burst.phase.n_waits, 99));
    fflush(stdout);
}

int load_burst(size_t n_seconds, size_t per_second)
{
    load_open(&burst.load, 100);
    submit_range(&burst.load, "stored", 0, STORED, 256);
    while (burst.n_stored < STORED) {
        round_once();
    }
    run_phase("alone", per_second, n_seconds);
    burst.is_again = true;
    run_phase("calm", per_second, n_seconds);
    run_phase("burst", 100 * per_second, n_seconds);
    run_phase("after", per_second, n_seconds);
    for (int64_t end_us = now_us() + 600000000; burst.n_live < burst.n_sent && now_us() < end_us;) {
        round_once();
    }
    printf("%zu sent, %zu accepted, %zu scored\n", burst.n_sent, burst.n_accepted, burst.n_live);
    bool is_whole = burst.n_sent == burst.n_accepted && burst.n_sent == burst.n_live;
    load_close(&burst.load);
    return is_whole ? 0 : 1;
}

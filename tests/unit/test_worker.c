/* SPDX-License-Identifier: MIT */
/*
 * The worker's processes under a broker that forgets, refuses and dies, and with processes that are
 * killed. The parser does what the submission's first byte says; the rest is real.
 */
#include "worker_rig.h"

#include <stdint.h>

static const char competition_file[] = "competition: birds\n"
                                       "task: classification\n"
                                       "metric: top1_accuracy\n"
                                       "submission: {format: topk, k: 1}\n";

/* 'o': three right classes; 'w': waits until it is killed; 'c': crashes. */
static bool parse(struct columns *columns, const struct reader_input *input, struct err *err)
{
    size_t stride = columns_stride(input->sheet->frame.n_images);
    uint16_t *ranks = arena_alloc(input->arena, stride, sizeof(*ranks), err);
    volatile bool is_done = false;
    char first;

    if (ranks == NULL || read(input->fd, &first, 1) != 1) {
        return false;
    }
    while (first == 'w' && !is_done) {
    }
    if (first == 'c') {
        abort();
    }
    *columns = (struct columns){
        .kind = COLUMNS_TOPK,
        .topk = {
            .n_images = input->sheet->frame.n_images, .stride = stride, .k = 1, .ranks = ranks}};
    return true;
}

static int start(void **state)
{
    static struct rig rig;
    char competition[RIG_PATH_SIZE];
    char labels[RIG_PATH_SIZE];

    rig_start(&rig, parse);
    rig_write(&rig, "birds.yaml", competition_file);
    rig_write(&rig, "solution.csv", "id,expected,usage\na,4,Public\nb,4,Private\nc,5,Private\n");
    rig_path(competition, &rig, "birds.yaml");
    rig_path(labels, &rig, "solution.csv");
    rig_install(&rig, competition, labels);
    *state = &rig;
    return 0;
}

static int stop(void **state)
{
    rig_stop(*state);
    return 0;
}

static void give(struct rig *rig, const char *text)
{
    rig_give(rig, rig_job(rig, "birds", text, strlen(text)));
}

/* The next job is scored as ever: what happened before has left nothing behind. */
static void expect_healthy(struct rig *rig)
{
    uint64_t job_id = rig->next_job;

    give(rig, "o");
    rig_expect(rig, WIRE_RESULT);
    assert_int_equal(rig->message.result.job_id, job_id);
    assert_int_equal(rig->message.result.fence, job_id + 100);
    assert_int_equal(rig->message.result.outcome, OUTCOME_SCORED);
    assert_true(rig->message.result.has_value);
    assert_true(rig->message.result.value > 0.99);
    rig_take(rig);
}

static void test_worker_run_scores(void **state)
{
    struct rig *rig = *state;

    for (int i = 0; i < 3; i++) {
        expect_healthy(rig);
    }
    assert_true(wire_text_is(rig->message.result.worker, "tester"));
    assert_int_equal(rig->message.result.rows, 3);
    assert_int_equal(rig->message.result.n_problems, 0);
}

static void test_worker_run_failures(void **state)
{
    struct rig *rig = *state;
    struct wire_job job;

    job = rig_job(rig, "birds", "o1", 2);
    job.sha256[0] ^= 1;
    rig_give(rig, job);
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "open blob"));
    rig_take(rig);

    rig_put_blob(rig, job.sha256, "o1", 2);
    rig_give(rig, job);
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "does not have the bytes"));
    rig_take(rig);

    job = rig_job(rig, "birds", "o2", 2);
    job.size_bytes = 3;
    rig_give(rig, job);
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "has 2 bytes, not 3"));
    rig_take(rig);

    rig_give(rig, rig_job(rig, "fish", "o", 1));
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "no labels of fish"));
    rig_take(rig);

    rig_give(rig, rig_job(rig, "../birds", "o", 1));
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "no id of a competition"));
    rig_take(rig);

    give(rig, "c");
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "crashed: signal"));
    rig_take(rig);
    expect_healthy(rig);
}

/* A result is sent until the broker has it, always the same bytes. */
static void test_worker_run_reports_again(void **state)
{
    struct rig *rig = *state;
    struct bytes first;

    give(rig, "o");
    rig_expect(rig, WIRE_RESULT);
    first = rig->frame;
    rig->frame = (struct bytes){0};
    rig_expect(rig, WIRE_RESULT);
    assert_int_equal(rig->frame.size_bytes, first.size_bytes);
    assert_memory_equal(rig->frame.data, first.data, first.size_bytes);
    bytes_free(&first);
    rig_take(rig);
    expect_healthy(rig);
}

/* The broker dies with a claim open and comes back; and dies again before it has a result. */
static void test_worker_run_broker_restarts(void **state)
{
    struct rig *rig = *state;

    rig_expect(rig, WIRE_CLAIM);
    rig_bind(rig);
    give(rig, "o");
    rig_expect(rig, WIRE_RESULT);
    rig_bind(rig);
    rig_expect(rig, WIRE_RESULT);
    rig_take(rig);
    expect_healthy(rig);
}

static void test_worker_run_waits_when_told(void **state)
{
    struct rig *rig = *state;

    rig_expect(rig, WIRE_CLAIM);
    const struct wire_message no_job = {
        .type = WIRE_NO_JOB, .request_id = rig->claim_id, .no_job = {.retry_ms = 1}};
    rig_send(rig, &no_job);
    rig_expect(rig, WIRE_CLAIM);
    const struct wire_message refused = {.type = WIRE_REFUSED,
                                         .request_id = rig->claim_id,
                                         .refused = {.refusal = REFUSAL_BUSY, .retry_after_ms = 1}};
    rig_send(rig, &refused);
    expect_healthy(rig);
}

/* Waits until the worker says nothing any more: it has given up its lease. */
static void expect_silence(struct rig *rig)
{
    while (rig_receive(rig, 1000)) {
        assert_true(rig->message.type == WIRE_RENEW || rig->message.type == WIRE_CLAIM);
    }
}

/* A lease that went to another worker: the result of the first one is never sent. */
static void test_worker_run_lost_lease(void **state)
{
    struct rig *rig = *state;
    struct wire_job job = rig_job(rig, "birds", "w", 1);

    job.lease_ms = 1000;
    rig->is_lease_held = false;
    rig_give(rig, job);
    rig_expect(rig, WIRE_RENEW);
    const struct wire_message renewed = {.type = WIRE_RENEWED,
                                         .request_id = rig->message.request_id,
                                         .renewed = {.job_id = rig->message.renew.job_id}};
    rig_send(rig, &renewed);
    rig->is_lease_held = true;
    expect_silence(rig);
    pid_t reader = rig_await(rig->worker, "assay-reader");
    kill(rig_await(reader, "assay-reader"), SIGKILL); /* the job ends for nobody */
    expect_healthy(rig);
}

static void test_worker_run_keeps_lease(void **state)
{
    struct rig *rig = *state;
    struct wire_job job = rig_job(rig, "birds", "w", 1);

    job.lease_ms = 1000;
    rig_give(rig, job);
    rig_expect(rig, WIRE_RENEW);
    assert_int_equal(rig->message.renew.job_id, 1);
    assert_int_equal(rig->message.renew.fence, 101);
    const struct wire_message renewed = {
        .type = WIRE_RENEWED,
        .request_id = rig->message.request_id,
        .renewed = {.job_id = 1, .is_held = 1, .lease_ms = RIG_LEASE_MS}};
    rig_send(rig, &renewed);
    pid_t reader = rig_await(rig->worker, "assay-reader");
    kill(rig_await(reader, "assay-reader"), SIGKILL);
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "signal 9"));
    rig_take(rig);
    expect_healthy(rig);
}

/* A broker that confirms nothing: the worker lets go of the job by itself. */
static void test_worker_run_unconfirmed_lease(void **state)
{
    struct rig *rig = *state;
    struct wire_job job = rig_job(rig, "birds", "w", 1);

    job.lease_ms = 1000;
    rig_give(rig, job);
    for (unsigned n_renewals = 0; n_renewals < 3;) {
        assert_true(rig_receive(rig, RIG_PATIENCE_MS));
        assert_true(rig->message.type == WIRE_RENEW || rig->message.type == WIRE_CLAIM);
        n_renewals += rig->message.type == WIRE_RENEW;
    }
    expect_silence(rig);
    pid_t reader = rig_await(rig->worker, "assay-reader");
    kill(rig_await(reader, "assay-reader"), SIGKILL);
    expect_healthy(rig);
}

static void test_worker_run_scorer_killed(void **state)
{
    struct rig *rig = *state;

    expect_healthy(rig);
    rig_expect(rig, WIRE_CLAIM); /* a claim is open, so that the job meets the loss */
    pid_t scorer = rig_await(rig->worker, "assay-scorer");
    kill(scorer, SIGKILL);
    rig_expect_end(scorer);
    for (int i = 0; i < 3; i++) {
        expect_healthy(rig);
    }
}

static void test_worker_run_reader_killed(void **state)
{
    struct rig *rig = *state;

    give(rig, "w");
    pid_t reader = rig_await(rig->worker, "assay-reader");
    pid_t child = rig_await(reader, "assay-reader");
    kill(reader, SIGKILL);
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "the reader ended"));
    rig_take(rig);
    expect_healthy(rig);
    rig_expect_end(child); /* it went with its parent */
}

static void test_worker_run_link_killed(void **state)
{
    struct rig *rig = *state;

    give(rig, "w");
    pid_t reader = rig_await(rig->worker, "assay-reader");
    pid_t child = rig_await(reader, "assay-reader");
    kill(rig_await(rig->worker, "assay-link"), SIGKILL);
    int status = rig_wait(rig);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
    rig_expect_end(reader);
    rig_expect_end(child);
}

static void test_worker_run_supervisor_killed(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = {"assay-scorer", "assay-reader", "assay-link"};
    pid_t pids[ARRAY_SIZE(names)];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        pids[i] = rig_await(rig->worker, names[i]);
    }
    kill(rig->worker, SIGKILL);
    rig_wait(rig);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        rig_expect_end(pids[i]);
    }
}

/* SIGTERM in the middle of a job: the job is finished and reported first. */
static void test_worker_run_stops_after_the_job(void **state)
{
    struct rig *rig = *state;

    give(rig, "o");
    rig_expect(rig, WIRE_RESULT);
    assert_int_equal(kill(rig->worker, SIGTERM), 0);
    rig_expect(rig, WIRE_RESULT); /* still asking for its answer */
    rig_take(rig);
    assert_int_equal(rig_wait(rig), 0);
}

static void test_worker_run_refuses_bad_keys(void **state)
{
    struct rig rig = {.settings = {.name = "tester",
                                   .broker = "ipc:///tmp/assay-worker-nowhere.sock",
                                   .job_memory_bytes = 16 << 20,
                                   .job_seconds = 1,
                                   .claim_wait_ms = 100,
                                   .blobs = "/dev/null/blobs",
                                   .labels = "/dev/null/labels",
                                   .keys = "/dev/null/keys",
                                   .log = 4}};
    const struct reader reader = {.settings = &rig.settings, .parse = parse};

    (void)state;
    fflush(NULL);
    rig.worker = fork();
    if (rig.worker == 0) {
        _exit(worker_run(&reader));
    }
    int status = rig_wait(&rig);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(test_worker_run_scores),
        RIGGED(test_worker_run_failures),
        RIGGED(test_worker_run_reports_again),
        RIGGED(test_worker_run_broker_restarts),
        RIGGED(test_worker_run_waits_when_told),
        RIGGED(test_worker_run_lost_lease),
        RIGGED(test_worker_run_keeps_lease),
        RIGGED(test_worker_run_unconfirmed_lease),
        RIGGED(test_worker_run_scorer_killed),
        RIGGED(test_worker_run_reader_killed),
        RIGGED(test_worker_run_link_killed),
        RIGGED(test_worker_run_supervisor_killed),
        RIGGED(test_worker_run_stops_after_the_job),
        cmocka_unit_test(test_worker_run_refuses_bad_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

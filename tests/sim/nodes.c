/* SPDX-License-Identifier: MIT */
/*
 * Clients ask until they are answered, always with the same key. Workers claim, score, report; they
 * are slow, pause, fail, and send results long after their lease.
 */
#include "tests/sim/inside.h"

#include <string.h>

enum { RETRY_MS = 1500, SCORE_MS = 800, CLAIM_WAIT_MS = 1000 };

double score_of(const uint8_t sha256[static SHA256_BYTES])
{
    return (double)sha256[0] / 256;
}

/* ---- clients ---- */

static void promise(struct world *world, unsigned node)
{
    struct client *client = &world->clients[node];
    struct wish *wish = &client->wishes[client->next];
    struct wire_message message = {.type = WIRE_PROMISE_PUT, .request_id = ++client->request_id};

    message.promise_put.token = wire_text(client->token);
    message.promise_put.competition = wire_text("sim");
    memcpy(message.promise_put.key, wish->key, sizeof(wish->key));
    memcpy(message.promise_put.sha256, wish->sha256, sizeof(wish->sha256));
    message.promise_put.size_bytes = 1000;
    message.promise_put.file_name = wire_text("file.csv");
    world_send(world, NODE_CLIENT, node, &message);
    client->retry_ms = world->now_ms + RETRY_MS + (int64_t)world_below(world, RETRY_MS);
}

/* The bytes of a promise follow when it was acknowledged; its id is that of the submission. */
static void take_promise(struct world *world, struct client *client,
                         const struct wire_promised *promised)
{
    struct wish *wish = &client->wishes[client->next];

    for (unsigned i = 0; i < SUBMISSIONS_EACH; i++) {
        if (wire_text_is(promised->submission, client->wishes[i].promised_id)) {
            return;
        }
    }
    if (wish->is_promised && wish->promised_id[0] == '\0') {
        wire_text_copy(wish->promised_id, sizeof(wish->promised_id), promised->submission);
        client->retry_ms = world->now_ms + (int64_t)world_below(world, 4000);
    }
}

static void ask(struct world *world, unsigned node)
{
    struct client *client = &world->clients[node];
    struct wish *wish = &client->wishes[client->next];
    struct wire_message message = {.type = WIRE_SUBMIT_COMMIT, .request_id = ++client->request_id};

    message.submit_commit.token = wire_text(client->token);
    message.submit_commit.competition = wire_text("sim");
    memcpy(message.submit_commit.key, wish->key, sizeof(wish->key));
    memcpy(message.submit_commit.sha256, wish->sha256, sizeof(wish->sha256));
    message.submit_commit.size_bytes = 1000;
    message.submit_commit.received_ms = START_WALL_MS + world->now_ms + client->skew_ms;
    message.submit_commit.file_name = wire_text("file.csv");
    message.submit_commit.message = wire_text("");
    world_send(world, NODE_CLIENT, node, &message);
    client->retry_ms = world->now_ms + RETRY_MS + (int64_t)world_below(world, RETRY_MS);
}

void client_tick(struct world *world, unsigned node)
{
    struct client *client = &world->clients[node];

    if (client->next < world->n_each && world->now_ms >= client->retry_ms) {
        const struct wish *wish = &client->wishes[client->next];
        wish->is_promised && wish->promised_id[0] == '\0' ? promise(world, node) : ask(world, node);
    }
}

static void take_receipt(struct world *world, struct client *client,
                         const struct wire_submit_accepted *accepted)
{
    struct wish *wish = &client->wishes[client->next];

    if (wish->is_promised && !wire_text_is(accepted->submission, wish->promised_id)) {
        world_fail(world, "the bytes of %s became another submission", wish->promised_id);
        return;
    }
    if (!wish->is_acked) {
        wish->is_acked = true;
        wire_text_copy(wish->id, sizeof(wish->id), accepted->submission);
        wish->entry_size = accepted->entry.size;
        memcpy(wish->entry, accepted->entry.data, accepted->entry.size);
        check_receipt(world, wish, accepted);
        world->n_acks++;
        client->next++;
        client->retry_ms = world->now_ms + (int64_t)world_below(world, 2000);
    }
}

/* An answer to an earlier try is as good: it must name the same submission. */
static bool is_known(struct world *world, const struct client *client,
                     const struct wire_submit_accepted *accepted)
{
    for (unsigned i = 0; i < SUBMISSIONS_EACH; i++) {
        const struct wish *wish = &client->wishes[i];
        if (wish->is_acked && wire_text_is(accepted->submission, wish->id)) {
            if (accepted->entry.size != wish->entry_size ||
                memcmp(accepted->entry.data, wish->entry, wish->entry_size) != 0) {
                world_fail(world, "a repeated request got another receipt");
            }
            return true;
        }
    }
    return false;
}

void client_receive(struct world *world, unsigned node, const struct wire_message *message)
{
    struct client *client = &world->clients[node];

    if (message->type == WIRE_PROMISED && client->next < world->n_each) {
        take_promise(world, client, &message->promised);
        return;
    }
    if (message->type != WIRE_SUBMIT_ACCEPTED || client->next >= world->n_each ||
        is_known(world, client, &message->submit_accepted)) {
        return;
    }
    take_receipt(world, client, &message->submit_accepted);
}

/* ---- workers ---- */

static struct wish *wish_of(struct world *world, const char *submission,
                            const uint8_t sha256[static SHA256_BYTES])
{
    /* Its id is not known to the client yet, which sends the next one, maybe with the same file,
     * only when it is: the first. */
    struct wish *same_file = NULL;

    for (unsigned i = 0; i < world_wishes(world); i++) {
        struct wish *wish = world_wish(world, i);
        if (wish->is_acked && strcmp(wish->id, submission) == 0) {
            return wish;
        }
        if (same_file == NULL && !wish->is_acked &&
            memcmp(wish->sha256, sha256, SHA256_BYTES) == 0) {
            same_file = wish;
        }
    }
    return same_file;
}

static void claim(struct world *world, unsigned node)
{
    struct worker *worker = &world->workers[node];
    struct wire_message message = {.type = WIRE_CLAIM, .request_id = ++worker->request_id};

    message.claim.worker = wire_text("worker");
    message.claim.build = wire_text("sim");
    message.claim.wait_ms = CLAIM_WAIT_MS;
    attester_claim(message.claim.key);
    world_send(world, NODE_WORKER, node, &message);
    worker->retry_ms = world->now_ms + CLAIM_WAIT_MS + RETRY_MS;
}

static void report_failure(struct world *world, unsigned node)
{
    struct worker *worker = &world->workers[node];
    struct wire_message message = {.type = WIRE_FAILED, .request_id = ++worker->request_id};

    message.failed.job_id = worker->job.job_id;
    message.failed.fence = worker->job.fence;
    message.failed.reason = wire_text("reader was killed");
    message.failed.worker = wire_text("worker");
    world_send(world, NODE_WORKER, node, &message);
}

static void report(struct world *world, unsigned node)
{
    struct worker *worker = &world->workers[node];
    struct wish *wish = wish_of(world, worker->submission, worker->job.sha256);
    struct wire_message message = {.type = WIRE_RESULT, .request_id = ++worker->request_id};

    if (wish == NULL) {
        world_fail(world, "a job is of a file that nobody sent");
        return;
    }
    worker->is_reported = true;
    worker->retry_ms = world->now_ms + RETRY_MS;
    if (wish->is_poison || (!world->is_calm && world_chance(world, world->faults.fail_per_mille))) {
        wish->n_failures += wish->failed_fence != (int64_t)worker->job.fence;
        wish->failed_fence = (int64_t)worker->job.fence;
        worker->has_failed = true;
        report_failure(world, node);
        return;
    }
    message.result.job_id = worker->job.job_id;
    message.result.fence = worker->job.fence;
    message.result.outcome = OUTCOME_SCORED;
    message.result.rows = 10;
    message.result.has_value = 1;
    message.result.value = score_of(worker->job.sha256);
    message.result.scorecard = wire_text("{}");
    message.result.sealed = wire_text("sealed");
    message.result.worker = wire_text("worker");
    message.result.build = wire_text("sim");
    attester_sign(&message.result, 5);
    world_send(world, NODE_WORKER, node, &message);
}

static void renew(struct world *world, unsigned node)
{
    struct worker *worker = &world->workers[node];
    struct wire_message message = {.type = WIRE_RENEW, .request_id = ++worker->request_id};

    message.renew.job_id = worker->job.job_id;
    message.renew.fence = worker->job.fence;
    world_send(world, NODE_WORKER, node, &message);
}

void worker_tick(struct world *world, unsigned node)
{
    struct worker *worker = &world->workers[node];

    if (worker->is_down || world->now_ms < worker->wake_ms) {
        return;
    }
    if (!worker->has_job) {
        if (world->now_ms >= worker->retry_ms) {
            claim(world, node);
        }
    } else if (!worker->is_reported) {
        if (world->now_ms >= worker->done_ms) {
            report(world, node);
        } else if (world_chance(world, 50)) {
            renew(world, node);
        }
    } else if (world->now_ms >= worker->retry_ms) {
        report(world, node);
    }
}

static void take_job(struct world *world, struct worker *worker, const struct wire_job *job)
{
    if (worker->has_job) {
        return; /* a second copy, or a claim that was answered twice: its lease runs out */
    }
    worker->has_job = true;
    worker->is_reported = false;
    worker->has_failed = false;
    worker->job = *job;
    worker->job_request_id = worker->request_id;
    wire_text_copy(worker->submission, sizeof(worker->submission), job->submission);
    attester_saw(job, "sim", worker->submission);
    worker->done_ms = world->now_ms + (int64_t)world_below(world, SCORE_MS);
}

/* What was recorded was nobody else's any more: whoever got the job later was refused it. */
static void check_fence(struct world *world, const struct worker *worker,
                        const struct wire_message *message)
{
    bool is_of_job = !worker->has_failed && message->request_id > worker->job_request_id;

    for (size_t i = 0;
         i < world->n_grants && is_of_job && message->result_taken.verdict == VERDICT_RECORDED;
         i++) {
        if (world->grants[i].job == (int64_t)worker->job.job_id &&
            world->grants[i].fence > (int64_t)worker->job.fence) {
            world_fail(world, "job %lld was recorded under fence %lld, which was given on",
                       (long long)worker->job.job_id, (long long)worker->job.fence);
        }
    }
}

void worker_receive(struct world *world, unsigned node, const struct wire_message *message)
{
    struct worker *worker = &world->workers[node];

    if (worker->is_down) {
        return;
    }
    if (message->type == WIRE_JOB) {
        take_job(world, worker, &message->job);
    } else if (message->type == WIRE_NO_JOB) {
        worker->retry_ms = world->now_ms;
    } else if (message->type == WIRE_RESULT_TAKEN && worker->has_job &&
               message->result_taken.job_id == worker->job.job_id) {
        if (message->result_taken.verdict == VERDICT_DIFFERENT) {
            world_fail(world, "equal results were told apart");
        }
        check_fence(world, worker, message);
        worker->has_job = false;
        worker->retry_ms = world->now_ms;
    } else if (message->type == WIRE_RENEWED && worker->has_job && !worker->is_reported &&
               message->renewed.job_id == worker->job.job_id && message->renewed.is_held == 0 &&
               world_chance(world, 500)) {
        worker->has_job = false; /* half of the workers do not look: their results come late */
        worker->retry_ms = world->now_ms;
    }
}

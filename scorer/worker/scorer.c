/* SPDX-License-Identifier: MIT */
/*
 * Scoring of one job after the other; label sets stay loaded between them. Texts of failures come
 * from counts and from what the operator named, never from a label.
 */
#include "scorer/worker/scorer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/crashpoint.h"
#include "common/log.h"
#include "schemas/order.h"
#include "schemas/score.h"
#include "schemas/scorecard.h"
#include "schemas/statement.h"
#include "schemas/worker_key.h"
#include "scorer/metric/evaluate.h"
#include "scorer/worker/label_set.h"
#include "scorer/worker/packet.h"
#include "scorer/worker/report.h"
#include "scorer/worker/sandbox.h"
#include "scorer/worker/seal.h"
#include "scorer/worker/sealed.h"

enum { JSON_MAX = 1 << 20, THREADS_MAX = 16, COLUMNS_SPARE_BYTES = 1 << 20 };

struct scorer {
    const struct worker_settings *settings;
    int socket;
    size_t n_threads;
    struct seal_key key;
    struct worker_key own;
    struct label_sets sets;
    struct arena *arena; /* of one evaluation */
    struct packet packet;
    struct wire_buffer answer;
    struct wire_buffer problems; /* of one result */
};

static struct seal_subject subject_of(const struct wire_job *job)
{
    return (struct seal_subject){.submission = job->submission.data,
                                 .submission_size = job->submission.size,
                                 .label_version = job->label_version,
                                 .rules_version = job->rules_version};
}

/* A RESULT with the members that do not depend on the outcome. */
static struct wire_message start_result(const struct scorer *scorer,
                                        const struct wire_message *message, uint8_t outcome)
{
    return (struct wire_message){
        .type = WIRE_RESULT,
        .request_id = message->request_id,
        .result = {.job_id = message->job.job_id,
                   .fence = message->job.fence,
                   .outcome = outcome,
                   .worker = wire_text(scorer->settings->name),
                   .build = wire_text(ASSAY_VERSION)},
    };
}

/* ---- what is committed to and signed ---- */

/* A score as it is committed to: the shortest decimal, or nothing. */
static const char *write_score(char text[static DOUBLE_TEXT_SIZE], bool has_value, double value)
{
    text[0] = '\0';
    if (has_value) {
        double_text(text, value);
    }
    return text;
}

static void commit(uint8_t commitment[static COMMITMENT_BYTES], const struct label_block *block,
                   const struct wire_job *job, const char *track, bool has_value, double value)
{
    char submission[2 * 16 + 1];
    char metric[64];
    char score[DOUBLE_TEXT_SIZE];
    const struct commitment_score parts = {.competition = block->competition.id,
                                           .submission = submission,
                                           .file_sha256 = job->sha256,
                                           .label_version = job->label_version,
                                           .metric = metric,
                                           .score = write_score(score, has_value, value)};

    wire_text_copy(submission, sizeof(submission), job->submission);
    snprintf(metric, sizeof(metric), "%s/%s", block->competition.metric, track);
    commitment_score(commitment, block->seeds->score, &parts);
}

/* Signs a result that is complete but for that. */
static void sign(struct wire_result *result, const struct scorer *scorer,
                 const struct label_set *set, const struct wire_job *job)
{
    const struct label_block *block = &set->file.block;
    char submission[2 * 16 + 1];
    char score[SCORE_TEXT_SIZE] = "";
    struct statement_parts parts;
    struct statement statement = {.competition = block->competition.id,
                                  .submission = submission,
                                  .file_sha256 = job->sha256,
                                  .labels = job->label_version,
                                  .label_root = job->label_root,
                                  .rules = job->rules_version,
                                  .score = score};

    wire_text_copy(submission, sizeof(submission), job->submission);
    if (result->has_value != 0) {
        score_text(score, result->value, (int)block->competition.board.decimals);
    }
    statement_of_result(&statement, &parts, result);
    memcpy(result->key, scorer->own.public_key.sign, sizeof(result->key));
    statement_sign(result->signature, &statement, scorer->own.sign_secret);
}

/* ---- answers ---- */

static bool answer_invalid(struct scorer *scorer, const struct wire_message *message,
                           const struct label_set *set, const struct columns *columns,
                           struct err *err)
{
    struct wire_message result = start_result(scorer, message, OUTCOME_INVALID);

    scorer->problems.size = 0;
    for (size_t i = 0; i < columns->problems.n_kept; i++) {
        const struct problem *problem = &columns->problems.kept[i];
        const struct wire_problem record = {
            .line = problem->line, .column = problem->column, .text = wire_text(problem->text)};
        if (!wire_append(&scorer->problems, WIRE_PROBLEM, &record, err)) {
            return false;
        }
    }
    result.result.n_problems = columns->problems.n_all;
    result.result.problems = wire_buffer_bytes(&scorer->problems);
    commit(result.result.public_commitment, &set->file.block, &message->job, "public", false, 0);
    commit(result.result.private_commitment, &set->file.block, &message->job, "private", false, 0);
    sign(&result.result, scorer, set, &message->job);
    return wire_encode(&scorer->answer, &result, err);
}

static bool evaluate(struct scorecard *card, struct scorer *scorer, const struct label_set *set,
                     const struct columns *columns, const struct wire_job *job, struct err *err)
{
    const struct labels *labels = &set->file.block.labels;
    const struct evaluate_options options = {.n_threads = scorer->n_threads, .has_curves = true};

    arena_reset(scorer->arena);
    bool ok = labels->task == TASK_CLASSIFICATION
                  ? evaluate_topk(card, &columns->topk, &labels->truth, &labels->classes,
                                  scorer->arena, err)
                  : evaluate_boxes(card, &columns->boxes, &labels->boxes, &labels->classes,
                                   &options, scorer->arena, err);
    if (!ok) {
        return false;
    }
    memcpy(card->competition, set->file.block.competition.id, sizeof(card->competition));
    memcpy(card->submission_sha256, job->sha256, sizeof(card->submission_sha256));
    card->labels = job->label_version;
    card->submission_bytes = (int64_t)job->size_bytes;
    card->submission_rows = (int64_t)columns_rows(columns);
    return true;
}

/* The box with the private split, and with all images, which together with public would tell it. */
static bool seal_private(struct bytes *box, const struct scorer *scorer,
                         const struct scorecard *card, const struct wire_job *job,
                         struct seal_score *score, struct err *err)
{
    struct seal_subject subject = subject_of(job);
    struct jwriter writer;

    jwriter_start(&writer, JSON_MAX);
    scorecard_write(&writer, card, CARD_BIT(CARD_PRIVATE) | CARD_BIT(CARD_ALL));
    score->json = writer.out.data;
    score->json_size = writer.out.size_bytes;
    bool ok = jwriter_ok(&writer, err) && seal_close(box, &scorer->key, &subject, score, err);
    jwriter_end(&writer);
    return ok;
}

/* The public part in clear, with the score as it is released; the rest sealed and committed to. */
static bool answer_card(struct scorer *scorer, const struct wire_message *message,
                        const struct label_set *set, const struct scorecard *card,
                        struct wire_message *result, struct err *err)
{
    const struct label_block *block = &set->file.block;
    const char *metric = block->competition.metric;
    struct seal_score score = {0};
    struct bytes box = {0};
    struct jwriter writer;

    score.has_value = scorecard_metric(&score.value, card, CARD_PRIVATE, metric);
    score.has_public_value = scorecard_metric(&score.public_value, card, CARD_PUBLIC, metric);
    if (!seal_private(&box, scorer, card, &message->job, &score, err)) {
        return false;
    }
    jwriter_start(&writer, JSON_MAX);
    scorecard_write(&writer, card, CARD_BIT(CARD_PUBLIC));
    result->result.has_value = score.has_public_value;
    if (score.has_public_value) {
        result->result.value =
            score_released(score.public_value, (int)block->competition.board.decimals);
    }
    result->result.scorecard = (struct wire_bytes){writer.out.data, writer.out.size_bytes};
    result->result.sealed = (struct wire_bytes){box.data, box.size_bytes};
    commit(result->result.public_commitment, block, &message->job, "public", score.has_public_value,
           score.public_value);
    commit(result->result.private_commitment, block, &message->job, "private", score.has_value,
           score.value);
    sign(&result->result, scorer, set, &message->job);
    bool ok = jwriter_ok(&writer, err) && wire_encode(&scorer->answer, result, err);
    jwriter_end(&writer);
    bytes_free(&box);
    return ok;
}

static bool answer_scored(struct scorer *scorer, const struct wire_message *message,
                          const struct label_set *set, const struct columns *columns,
                          struct err *err)
{
    static struct scorecard card; /* large, and one at a time */
    struct wire_message result = start_result(scorer, message, OUTCOME_SCORED);

    result.result.rows = columns_rows(columns);
    return evaluate(&card, scorer, set, columns, &message->job, err) &&
           answer_card(scorer, message, set, &card, &result, err);
}

static bool answer_columns(struct scorer *scorer, const struct wire_message *message,
                           const struct label_set *set, struct err *err)
{
    size_t size_max = (size_t)scorer->settings->job_memory_bytes + COLUMNS_SPARE_BYTES;
    struct sealed map = {0};
    struct columns columns;
    bool ok = false;

    if (!sealed_map(&map, scorer->packet.fds[0], size_max, err)) {
        return false;
    }
    if (!columns_check(&columns, map.data, map.size_bytes, &set->frame, err)) {
        goto out;
    }
    switch (columns.kind) {
    case COLUMNS_TOPK:
    case COLUMNS_BOXES:
        ok = answer_scored(scorer, message, set, &columns, err);
        break;
    case COLUMNS_PROBLEMS:
        ok = answer_invalid(scorer, message, set, &columns, err);
        break;
    case COLUMNS_FAILURE:
        err_set(err, ERR_SYSTEM, "reader: %.200s", columns.failure->text);
        break;
    }
out:
    sealed_unmap(&map);
    return ok;
}

/* The organizer must have asked for it: the broker alone cannot. */
static bool check_order(const struct label_block *block, const struct wire_job *job,
                        struct err *err)
{
    uint8_t seed[SHA256_BYTES];
    const struct order_reveal order = {.competition = block->competition.id,
                                       .score_seed_sha256 = seed};

    sha256_of(seed, block->seeds->score, sizeof(block->seeds->score));
    return order_reveal_check(job->order, &order, block->organizer) ||
           err_set(err, ERR_PEER, "the organizer did not ask to open private scores");
}

/* What is in the box of a result; an invalid file has none. */
static bool open_box(struct seal_score *score, struct bytes *plain, const struct scorer *scorer,
                     const struct wire_job *job, struct err *err)
{
    struct seal_subject subject = subject_of(job);

    *score = (struct seal_score){0};
    return job->sealed.size == 0 ||
           seal_open(score, plain, &scorer->key, &subject, job->sealed.data, job->sealed.size, err);
}

/* Opens a box, with what the commitments of its result were made to. */
static bool answer_open(struct scorer *scorer, const struct wire_message *message,
                        const struct label_set *set, struct err *err)
{
    char public_score[DOUBLE_TEXT_SIZE];
    char private_score[DOUBLE_TEXT_SIZE];
    const struct wire_job *job = &message->job;
    struct wire_message result = start_result(scorer, message, OUTCOME_OPENED);
    struct seal_score score;
    struct bytes plain = {0};

    if (!check_order(&set->file.block, job, err) || !open_box(&score, &plain, scorer, job, err)) {
        return false;
    }
    result.result.has_value = score.has_value;
    result.result.value = score.value;
    result.result.scorecard = (struct wire_bytes){score.json, score.json_size};
    result.result.public_score =
        wire_text(write_score(public_score, score.has_public_value, score.public_value));
    result.result.private_score =
        wire_text(write_score(private_score, score.has_value, score.value));
    memcpy(result.result.score_seed, set->file.block.seeds->score,
           sizeof(result.result.score_seed));
    bool ok = wire_encode(&scorer->answer, &result, err);
    if (plain.data != NULL) {
        crypt_wipe(plain.data, plain.size_bytes);
    }
    bytes_free(&plain);
    return ok;
}

/* The label set of a job; false also for rules that this build does not have. */
static bool find_set(struct label_set **set, struct scorer *scorer, const struct wire_job *job,
                     struct err *err)
{
    if (job->rules_version != SCORING_RULES) {
        return err_set(err, ERR_CONFIG, "scoring rules %" PRIu32 " are not of this build (%d)",
                       job->rules_version, SCORING_RULES);
    }
    return label_sets_get(set, &scorer->sets, job, err);
}

/* Puts the answer into scorer->answer, or the descriptor of a sheet into *sheet. */
static bool work(int *sheet, struct scorer *scorer, const struct wire_message *message,
                 struct err *err)
{
    struct label_set *set;

    scorer->answer.size = 0;
    if (!find_set(&set, scorer, &message->job, err)) {
        return false;
    }
    if (message->job.kind == JOB_OPEN) {
        return answer_open(scorer, message, set, err);
    }
    if (scorer->packet.n_fds == 0) {
        *sheet = set->sheet;
        return true;
    }
    return answer_columns(scorer, message, set, err);
}

/* Answers one packet; false when the link is gone. */
static bool serve(struct scorer *scorer, struct err *err)
{
    struct wire_message message;
    int sheet = -1;

    if (!report_read_job(&message, scorer->packet.data, scorer->packet.size, err)) {
        return false;
    }
    CRASHPOINT("scorer asked");
    if (!work(&sheet, scorer, &message, err)) {
        struct err reason = *err;
        if (!report_failure(&scorer->answer, &message, scorer->settings->name, reason.text, err)) {
            return false;
        }
    }
    CRASHPOINT("scored, link not told");
    return packet_send(scorer->socket, scorer->answer.data, scorer->answer.size, &sheet,
                       sheet >= 0 ? 1 : 0, err);
}

/* Takes the secrets, then gives up every way to anything else. */
static bool start(struct scorer *scorer, struct err *err)
{
    const struct worker_settings *settings = scorer->settings;
    const struct sandbox_folder folders[] = {{settings->labels, false}};
    enum sandbox_policy policy = (enum sandbox_policy)settings->sandbox;
    long n_processors = sysconf(_SC_NPROCESSORS_ONLN);

    scorer->n_threads = n_processors < 1             ? 1
                        : n_processors > THREADS_MAX ? THREADS_MAX
                                                     : (size_t)n_processors;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
        return err_set(err, ERR_SYSTEM, "not dumpable: %s", strerror(errno));
    }
    scorer->sets.folder = settings->labels;
    scorer->sets.key = &scorer->own.seal;
    return crypt_start(err) && seal_key_open(&scorer->key, settings->keys, err) &&
           worker_key_open(&scorer->own, settings->keys, settings->name, err) &&
           arena_open(&scorer->arena, (size_t)settings->job_memory_bytes, err) &&
           folder_make(settings->labels, 0700, err) &&
           sandbox_files(folders, ARRAY_SIZE(folders), policy, err) && sandbox_scorer(policy, err);
}

int scorer_run(int socket, const struct worker_settings *settings)
{
    struct scorer scorer = {.settings = settings, .socket = socket};
    struct err err = {0};
    bool ok = start(&scorer, &err);
    bool is_closed = false;

    while (ok && !is_closed) {
        struct pollfd wait = {.fd = socket, .events = POLLIN};
        if (poll(&wait, 1, -1) < 0) { /* idle: no job waits */
            continue;
        }
        is_closed = packet_receive(&scorer.packet, socket, &err) == PACKET_CLOSED;
        ok = is_closed || serve(&scorer, &err);
    }
    ok = ok || err.code == ERR_PEER; /* the link is gone: the usual end */
    if (!ok) {
        log_error("scorer ends", "reason=\"%s\"", err.text);
    }
    label_sets_free(&scorer.sets);
    arena_close(&scorer.arena);
    packet_free(&scorer.packet);
    wire_buffer_free(&scorer.answer);
    wire_buffer_free(&scorer.problems);
    crypt_wipe(&scorer.key, sizeof(scorer.key));
    crypt_wipe(&scorer.own, sizeof(scorer.own));
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

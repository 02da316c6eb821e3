/* SPDX-License-Identifier: MIT */
/*
 * Every golden case through a real worker, sandbox and all: the scorecard's bytes, the value's
 * bits, the private part that only JOB_OPEN shows, and the list of problems are those that the same
 * library gives in one process.
 */
#include "golden.h"
#include "worker_rig.h"

#include "common/jwriter.h"
#include "schemas/score.h"
#include "schemas/statement.h"

#include <dirent.h>

#include "schemas/scorecard.h"
#include "scorer/data/labels.h"
#include "scorer/data/submission.h"
#include "scorer/metric/evaluate.h"

enum { ARENA_BYTES = 256 << 20, JSON_BYTES = 4 << 20 };

static int start(void **state)
{
    static struct rig rig;

    rig_start(&rig, reader_parse);
    *state = &rig;
    return 0;
}

static int stop(void **state)
{
    rig_stop(*state);
    return 0;
}

/* ---- what one process makes of a submission ---- */

struct reference {
    bool is_valid;
    struct problems problems;
    struct jwriter shown;  /* public */
    struct jwriter hidden; /* private and all */
    bool has_value[2];     /* public, private */
    double value[2];
    char metric[48];
};

/* What a result commits to. */
struct commitments {
    const char *competition;
    uint8_t made[2][COMMITMENT_BYTES]; /* public, private */
};

static void reference_end(struct reference *reference)
{
    jwriter_end(&reference->shown);
    jwriter_end(&reference->hidden);
    free(reference);
}

static void write_cards(struct reference *reference, const struct scorecard *card,
                        const char *metric)
{
    struct err err = {0};

    snprintf(reference->metric, sizeof(reference->metric), "%s", metric);
    jwriter_start(&reference->shown, JSON_BYTES);
    jwriter_start(&reference->hidden, JSON_BYTES);
    scorecard_write(&reference->shown, card, CARD_BIT(CARD_PUBLIC));
    scorecard_write(&reference->hidden, card, CARD_BIT(CARD_PRIVATE) | CARD_BIT(CARD_ALL));
    assert_true(jwriter_ok(&reference->shown, &err) && jwriter_ok(&reference->hidden, &err));
    reference->has_value[0] = scorecard_metric(&reference->value[0], card, CARD_PUBLIC, metric);
    reference->has_value[1] = scorecard_metric(&reference->value[1], card, CARD_PRIVATE, metric);
}

static bool evaluate(struct scorecard *card, const struct submission *submission,
                     const struct labels *labels, struct arena *arena)
{
    const struct evaluate_options options = {.n_threads = 1, .has_curves = true};
    struct err err = {0};

    return labels->task == TASK_CLASSIFICATION
               ? evaluate_topk(card, &submission->topk, &labels->truth, &labels->classes, arena,
                               &err)
               : evaluate_boxes(card, &submission->boxes, &labels->boxes, &labels->classes,
                                &options, arena, &err);
}

static struct reference *make_reference(const struct rig *rig, const char *id,
                                        const struct bytes *data)
{
    struct reference *reference = calloc(1, sizeof(*reference));
    struct label_file file;
    struct organizer_key key;
    struct arena *arena = NULL;
    struct submission submission;
    struct scorecard card = {0};
    struct err err = {0};

    assert_true(organizer_key_open(&key, rig->settings.keys, "tester.secret", &err));
    assert_true(label_file_open(&file, rig->settings.labels, id, 1, &key.seal, NULL, &err));
    const struct competition *competition = &file.block.competition;
    const struct labels *labels = &file.block.labels;
    assert_true(arena_open(&arena, ARENA_BYTES, &err));
    const struct submission_source input = {
        .form = {.format = (enum submission_format)competition->submission.format,
                 .k = (size_t)competition->submission.k,
                 .columns = &competition->submission.columns},
        .catalog = &labels->catalog,
        .data = data->data,
        .size = data->size_bytes,
        .n_threads = 1};
    reference->is_valid = submission_read(&submission, &input, arena, &reference->problems, &err);
    if (reference->is_valid) {
        assert_true(evaluate(&card, &submission, labels, arena));
        snprintf(card.competition, sizeof(card.competition), "%s", id);
        card.labels = 1;
        card.submission_bytes = (int64_t)data->size_bytes;
        card.submission_rows = (int64_t)submission.n_rows;
        sha256_of(card.submission_sha256, data->data, data->size_bytes);
        write_cards(reference, &card, competition->metric);
    }
    arena_close(&arena);
    label_file_close(&file);
    return reference;
}

/* ---- what the worker makes of it ---- */

static void expect_problems(const struct rig *rig, const struct reference *reference)
{
    const struct wire_result *result = &rig->message.result;
    struct wire_bytes rest = result->problems;
    struct wire_problem record;

    assert_int_equal(result->outcome, OUTCOME_INVALID);
    assert_int_equal(result->n_problems, reference->problems.n_all);
    for (uint32_t i = 0; i < reference->problems.n_kept; i++) {
        const struct problem *problem = &reference->problems.kept[i];
        assert_int_equal(wire_next(&record, WIRE_PROBLEM, &rest), WIRE_ITEM);
        assert_int_equal(record.line, problem->line);
        assert_int_equal(record.column, problem->column);
        assert_true(wire_text_is(record.text, problem->text));
    }
    assert_int_equal(wire_next(&record, WIRE_PROBLEM, &rest), WIRE_LAST);
    assert_int_equal(result->scorecard.size, 0);
    assert_int_equal(result->sealed.size, 0);
}

static void expect_card(const struct rig *rig, uint8_t outcome, const struct jwriter *json,
                        bool has_value, double value)
{
    const struct wire_result *result = &rig->message.result;

    assert_int_equal(result->outcome, outcome);
    assert_int_equal(result->scorecard.size, json->out.size_bytes);
    assert_memory_equal(result->scorecard.data, json->out.data, json->out.size_bytes);
    assert_int_equal(result->has_value, has_value);
    assert_true(!has_value || memcmp(&result->value, &value, sizeof(value)) == 0);
}

/* The result is signed by the worker of the rig. */
static void expect_signed(const struct rig *rig, const char *id, const struct wire_job *job)
{
    const struct wire_result *result = &rig->message.result;
    char score[SCORE_TEXT_SIZE] = "";
    struct statement_parts parts;
    struct statement statement = {.competition = id,
                                  .submission = rig_submission,
                                  .file_sha256 = job->sha256,
                                  .labels = 1,
                                  .label_root = job->label_root,
                                  .rules = 1,
                                  .score = score};
    struct worker_public_key key;
    struct err err;

    if (result->has_value != 0) {
        score_text(score, result->value, 5);
    }
    statement_of_result(&statement, &parts, result);
    assert_true(worker_key_public(&key, rig->settings.keys, rig->settings.name, &err));
    assert_memory_equal(result->key, key.sign, sizeof(key.sign));
    assert_true(statement_check(result->signature, &statement, key.sign));
}

/* The scores and the seed that come with an opened box make the commitments of the result. */
static void expect_opening(const struct rig *rig, const struct reference *reference,
                           const struct commitments *scored, const uint8_t *file_sha256)
{
    const struct wire_result *result = &rig->message.result;
    const struct wire_bytes texts[] = {result->public_score, result->private_score};
    static const char *const tracks[] = {"public", "private"};

    for (size_t i = 0; i < 2; i++) {
        char metric[80];
        char text[DOUBLE_TEXT_SIZE];
        uint8_t made[COMMITMENT_BYTES];
        const struct commitment_score score = {.competition = scored->competition,
                                               .submission = rig_submission,
                                               .file_sha256 = file_sha256,
                                               .label_version = 1,
                                               .metric = metric,
                                               .score = text};
        snprintf(metric, sizeof(metric), "%s/%s", reference->metric, tracks[i]);
        wire_text_copy(text, sizeof(text), texts[i]);
        assert_int_equal(text[0] != '\0', reference->has_value[i]);
        assert_true(text[0] == '\0' || strtod(text, NULL) == reference->value[i]);
        commitment_score(made, result->score_seed, &score);
        assert_memory_equal(made, scored->made[i], sizeof(made));
    }
}

/* Nothing is opened without the organizer's order for this very competition. */
static void refuse_orders(struct rig *rig, struct wire_job job, const char *id)
{
    for (int i = 0; i < 3; i++) {
        memset(job.order, 0, sizeof(job.order));
        if (i > 0) {
            attester_order(job.order, i == 1 ? "another" : id);
            job.order[0] ^= i == 2;
        }
        rig_take(rig);
        rig_give(rig, job);
        rig_expect(rig, WIRE_FAILED);
        assert_non_null(strstr(rig_reason(rig), "the organizer did not ask"));
    }
    rig_take(rig);
}

/* Has the sealed part of the last result opened, and refused where it is not as it was. */
static void expect_sealed(struct rig *rig, const struct reference *reference, const char *id,
                          const uint8_t *file_sha256)
{
    struct wire_bytes sealed = rig->message.result.sealed;
    struct commitments scored = {.competition = id};
    unsigned char *box = malloc(sealed.size);
    struct wire_job job = {.kind = JOB_OPEN,
                           .submission = wire_text(rig_submission),
                           .competition = wire_text(id),
                           .sealed = {box, sealed.size}};

    memcpy(scored.made[0], rig->message.result.public_commitment, COMMITMENT_BYTES);
    memcpy(scored.made[1], rig->message.result.private_commitment, COMMITMENT_BYTES);
    memcpy(job.sha256, file_sha256, sizeof(job.sha256));
    rig_name_labels(&job, rig, id);
    memcpy(box, sealed.data, sealed.size);
    refuse_orders(rig, job, id);
    attester_order(job.order, id);
    rig_give(rig, job);
    rig_expect(rig, WIRE_RESULT);
    expect_card(rig, OUTCOME_OPENED, &reference->hidden, reference->has_value[1],
                reference->value[1]);
    expect_opening(rig, reference, &scored, job.sha256);
    rig_take(rig);
    box[sealed.size / 2] ^= 1;
    rig_give(rig, job);
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "does not open"));
    rig_take(rig);
    box[sealed.size / 2] ^= 1;
    job.submission = wire_text("fedcba9876543210fedcba9876543210");
    rig_give(rig, job);
    rig_expect(rig, WIRE_FAILED);
    free(box);
}

static void run_case(struct rig *rig, const char *id, const char *submission_path)
{
    struct bytes data = {0};
    struct err err = {0};

    assert_true(file_read(&data, submission_path, 64 << 20, &err));
    struct reference *reference = make_reference(rig, id, &data);
    struct wire_job job = rig_job(rig, id, data.data, data.size_bytes);
    rig_give(rig, job);
    rig_expect(rig, WIRE_RESULT);
    expect_signed(rig, id, &job);
    if (reference->is_valid) {
        expect_card(rig, OUTCOME_SCORED, &reference->shown, reference->has_value[0],
                    score_released(reference->value[0], 5));
        assert_true(rig->message.result.sealed.size > 0);
        expect_sealed(rig, reference, id, job.sha256);
    } else {
        expect_problems(rig, reference);
    }
    rig_take(rig);
    reference_end(reference);
    bytes_free(&data);
}

/* ---- cases ---- */

/* "edge_crlf" -> "edge-crlf" */
static const char *id_of(const char *name)
{
    static char id[COMPETITION_ID_SIZE];

    snprintf(id, sizeof(id), "%.60s", name);
    for (char *c = id; *c != '\0'; c++) {
        *c = *c == '_' ? '-' : *c;
    }
    return id;
}

static void install(struct rig *rig, const char *id, const char *task, const char *labels)
{
    char competition[RIG_PATH_SIZE];
    char text[512];

    snprintf(text, sizeof(text), "competition: %s\n%s", id, task);
    rig_write(rig, "competition.yaml", text);
    rig_path(competition, rig, "competition.yaml");
    rig_install(rig, competition, labels);
}

/* Runs every case folder of a golden folder; false where there was none. */
static void run_folder(struct rig *rig, const char *folder_name, const char *task,
                       const char *labels_name, const char *submission_name)
{
    char path[GOLDEN_PATH_SIZE];
    char labels[2 * GOLDEN_PATH_SIZE];
    char submission[2 * GOLDEN_PATH_SIZE];
    struct dirent *entry;
    size_t n = 0;

    snprintf(path, sizeof(path), "%s/tests/golden/%s", ASSAY_SOURCE_DIR, folder_name);
    DIR *list = opendir(path);
    assert_non_null(list);
    while ((entry = readdir(list)) != NULL) {
        snprintf(labels, sizeof(labels), "%s/%s%s", path, entry->d_name, labels_name);
        snprintf(submission, sizeof(submission), "%s/%s/%s", path, entry->d_name, submission_name);
        if (access(submission, R_OK) == 0 && access(labels, R_OK) == 0) {
            const char *id = id_of(entry->d_name);
            install(rig, id, task, labels);
            run_case(rig, id, submission);
            n++;
        }
    }
    closedir(list);
    assert_true(n > 0);
}

static const char top5[] = "task: classification\n"
                           "metric: top5_error\n"
                           "submission: {format: topk, k: 5}\n";
static const char top1[] = "task: classification\n"
                           "metric: mean_class_top1_accuracy\n"
                           "submission: {format: topk, k: 1}\n";
static const char boxes[] = "task: detection\n"
                            "metric: AP\n"
                            "submission: {format: boxes}\n";

/* k = 5 and k = 1: every case is valid with one of them at most. */
static void test_worker_golden_classification(void **state)
{
    run_folder(*state, "classification", top5, "/solution.csv", "submission.csv");
}

static void test_worker_golden_classification_top1(void **state)
{
    run_folder(*state, "classification", top1, "/solution.csv", "submission.csv");
}

static void test_worker_golden_detection(void **state)
{
    run_folder(*state, "detection", boxes, "/", "predictions.csv");
}

static void test_worker_golden_detection_edges(void **state)
{
    run_folder(*state, "detection/edge", boxes, "/", "predictions.csv");
}

/* Real boxes with every second image private: both boards have numbers. */
static void test_worker_golden_split(void **state)
{
    struct rig *rig = *state;
    char path[GOLDEN_PATH_SIZE];
    char source[GOLDEN_PATH_SIZE];
    char labels[RIG_PATH_SIZE];
    char text[16384] = "image_id,usage\n";
    char line[256];
    size_t used = strlen(text);
    struct bytes file = {0};
    struct err err = {0};

    snprintf(source, sizeof(source), "%s/tests/golden/detection/coco_val2014_100",
             ASSAY_SOURCE_DIR);
    snprintf(path, sizeof(path), "%.900s/images.csv", source);
    FILE *images = fopen(path, "r");
    assert_non_null(images);
    assert_non_null(fgets(line, sizeof(line), images));
    for (size_t i = 0; fgets(line, sizeof(line), images) != NULL; i++) {
        line[strcspn(line, "\r\n,")] = '\0';
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s,%s\n", line,
                                 i % 2 == 0 ? "Public" : "Private");
    }
    fclose(images);
    rig_write(rig, "set/images.csv", text);
    static const char *const names[] = {"ground_truth.csv", "categories.csv"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%.900s/%s", source, names[i]);
        assert_true(file_read(&file, path, 1 << 20, &err));
        snprintf(line, sizeof(line), "set/%s", names[i]);
        rig_write(rig, line, (const char *)file.data);
        bytes_free(&file);
    }
    rig_path(labels, rig, "set");
    install(rig, "coco-split", boxes, labels);
    snprintf(path, sizeof(path), "%.900s/predictions.csv", source);
    run_case(rig, "coco-split", path);
}

/* Labels as one COCO JSON file: another loader, with other system calls. */
static void test_worker_golden_coco_json(void **state)
{
    static const char json[] =
        "{\"images\":[{\"id\":7},{\"id\":8}],\"categories\":[{\"id\":1},{\"id\":2}],"
        "\"annotations\":[{\"id\":1,\"image_id\":7,\"category_id\":2,\"bbox\":[1,2,30,40],"
        "\"area\":1200,\"iscrowd\":0}]}";
    struct rig *rig = *state;
    char path[RIG_PATH_SIZE];

    rig_write(rig, "labels.json", json);
    rig_write(rig, "boxes.csv",
              "image_id,category_id,score,x,y,width,height\n7,2,0.5,1,2,30,41\n8,1,0.5,1,2,3,4\n");
    rig_path(path, rig, "labels.json");
    install(rig, "coco-json", boxes, path);
    rig_path(path, rig, "boxes.csv");
    run_case(rig, "coco-json", path);
}

/* ---- submissions that try to be too much ---- */

static void test_worker_golden_endless_line(void **state)
{
    struct rig *rig = *state;
    size_t size = 24 << 20;
    char *text = malloc(size);
    char labels[GOLDEN_PATH_SIZE];

    snprintf(labels, sizeof(labels), "%.900s/tests/golden/classification/edge_usage/solution.csv",
             ASSAY_SOURCE_DIR);
    install(rig, "endless", top1, labels);
    memset(text, '7', size);
    memcpy(text, "id,predicted\n", 13);
    rig_give(rig, rig_job(rig, "endless", text, size));
    rig_expect(rig, WIRE_RESULT);
    assert_int_equal(rig->message.result.outcome, OUTCOME_INVALID);
    rig_take(rig);
    memset(text, '"', size);
    rig_give(rig, rig_job(rig, "endless", text, size));
    rig_expect(rig, WIRE_RESULT);
    assert_int_equal(rig->message.result.outcome, OUTCOME_INVALID);
    rig_take(rig);
    memset(text, '\0', size);
    rig_give(rig, rig_job(rig, "endless", text, size));
    rig_expect(rig, WIRE_RESULT);
    assert_int_equal(rig->message.result.outcome, OUTCOME_INVALID);
    rig_take(rig);
    free(text);
}

/* More boxes than the worker's memory holds: a failure, not an invalid file, and nobody dies. */
static void test_worker_golden_too_many_boxes(void **state)
{
    struct rig *rig = *state;
    static const char header[] = "image_id,category_id,score,x,y,width,height\n";
    static const char row[] = "1146,1,0.98765432109,1,1,1,1\n"; /* too long to be packed */
    size_t n = 6 << 20;
    size_t size = strlen(header) + n * strlen(row);
    char *text = malloc(size + 1);
    char labels[GOLDEN_PATH_SIZE];

    snprintf(labels, sizeof(labels), "%.900s/tests/golden/detection/coco_val2014_100",
             ASSAY_SOURCE_DIR);
    install(rig, "many", boxes, labels);
    memcpy(text, header, strlen(header));
    for (size_t i = 0; i < n; i++) {
        memcpy(text + strlen(header) + i * strlen(row), row, strlen(row));
    }
    rig_give(rig, rig_job(rig, "many", text, size));
    rig_expect(rig, WIRE_FAILED);
    assert_non_null(strstr(rig_reason(rig), "reader: "));
    rig_take(rig);
    rig_give(rig, rig_job(rig, "many", header, strlen(header)));
    rig_expect(rig, WIRE_RESULT);
    assert_int_equal(rig->message.result.outcome, OUTCOME_SCORED);
    rig_take(rig);
    free(text);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(test_worker_golden_classification), RIGGED(test_worker_golden_classification_top1),
        RIGGED(test_worker_golden_detection),      RIGGED(test_worker_golden_detection_edges),
        RIGGED(test_worker_golden_split),          RIGGED(test_worker_golden_coco_json),
        RIGGED(test_worker_golden_endless_line),   RIGGED(test_worker_golden_too_many_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

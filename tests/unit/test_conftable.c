/* SPDX-License-Identifier: MIT */
/* The configuration table, through the competition file: every problem with its position. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/competition.h"

static const char minimal[] = "competition: inat2017\n"
                              "task: classification\n"
                              "metric: top5_error\n"
                              "submission: {format: topk}\n";

static const char full[] = "competition: inat2017\n"
                           "task: classification\n"
                           "metric: top5_error\n"
                           "submission: {format: topk, k: 6, columns: {id: Id}}\n"
                           "title: \"iNaturalist \\\"2017\\\"\"\n"
                           "categories: categories.csv\n"
                           "opens: 2017-06-01T00:00:00Z\n"
                           "closes: 2017-07-07T23:59:00Z\n"
                           "limits: {per_day: 2, final_selections: 1}\n"
                           "board: {decimals: 4, freeze: null, ladder: off}\n";

static void test_competition_load_minimal(void **state)
{
    (void)state;
    static struct problems problems;
    struct competition competition;

    problems = (struct problems){0};
    assert_true(competition_load(&competition, minimal, strlen(minimal), &problems));
    assert_string_equal(competition.id, "inat2017");
    assert_int_equal(competition.task, TASK_CLASSIFICATION);
    assert_int_equal(competition.submission.k, 5);
    assert_string_equal(competition.submission.columns.id, "id");
    assert_int_equal(competition.limits.per_day, 5);
    assert_true(competition.closes_ms == CONF_NULL);
    assert_true(competition.limits.total == CONF_NULL);
    assert_int_equal(competition.board.decimals, 5);
    assert_string_equal(competition.categories, "");
}

static void test_competition_load_full_and_print_round_trip(void **state)
{
    (void)state;
    static struct problems problems;
    struct competition first;
    struct competition again;
    char *text = NULL;
    size_t size = 0;

    problems = (struct problems){0};
    assert_true(competition_load(&first, full, strlen(full), &problems));
    assert_string_equal(first.title, "iNaturalist \"2017\"");
    assert_string_equal(first.submission.columns.id, "Id");
    assert_int_equal(first.opens_ms, 1496275200000);
    FILE *out = open_memstream(&text, &size);
    conf_print(out, &competition_table, &first);
    fclose(out);
    assert_true(competition_load(&again, text, size, &problems));
    assert_memory_equal(&first, &again, sizeof(first));
    free(text);
}

static void test_competition_load_problems(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text; /* after the minimal file */
        uint64_t line;
        uint32_t column;
        const char *message;
    } cases[] = {
        {"unknown key", "tittle: x\n", 5, 1, "unknown key 'tittle', did you mean 'title'?"},
        {"unknown nested key", "limits:\n  perday: 3\n", 6, 3,
         "unknown key 'perday', did you mean 'per_day'?"},
        {"no near key", "zzzzzz: 1\n", 5, 1, "unknown key 'zzzzzz'"},
        {"repeated key", "task: detection\n", 5, 1, "repeated key 'task'"},
        {"range", "limits: {per_day: 0}\n", 5, 19, "expected 1 to 1000000, found '0'"},
        {"number", "limits: {per_day: many}\n", 5, 19, "expected a whole number, found 'many'"},
        {"quoted number", "limits: {per_day: \"3\"}\n", 5, 19,
         "expected a number without quotes: '3'"},
        {"null", "limits: {per_day: null}\n", 5, 19, "a value is needed here, found 'null'"},
        {"time", "opens: yesterday\n", 5, 8,
         "expected a UTC time such as 2017-06-01T00:00:00Z, found 'yesterday'"},
        {"february", "opens: 2017-02-30T00:00:00Z\n", 5, 8,
         "expected a UTC time such as 2017-06-01T00:00:00Z, found '2017-02-30T00:00:00Z'"},
        {"alias", "title: &a x\ncategories: *a\n", 5, 8, "aliases are not allowed"},
        {"mapping for a value", "title: {a: b}\n", 5, 8, "expected one value for key 'title'"},
        {"value for a mapping", "limits: 3\n", 5, 9, "expected keys below 'limits'"},
        {"second document", "---\na: b\n", 6, 1, "a second document begins here"},
        {"bad yaml", "title: [1\n", 6, 1, "not YAML: did not find expected ',' or ']'"},
        {"closes first", "opens: 2018-01-01T00:00:00Z\ncloses: 2017-01-01T00:00:00Z\n", 1, 1,
         "closes is not after opens"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct problems problems;
        struct competition competition;
        char text[1024];
        snprintf(text, sizeof(text), "%s%s", minimal, cases[i].text);
        problems = (struct problems){0};
        assert_false(competition_load(&competition, text, strlen(text), &problems));
        if (problems.kept[0].line != cases[i].line || problems.kept[0].column != cases[i].column ||
            strcmp(problems.kept[0].text, cases[i].message) != 0) {
            fail_msg("%s: %d:%d: %s", cases[i].name, (int)problems.kept[0].line,
                     (int)problems.kept[0].column, problems.kept[0].text);
        }
    }
}

static void test_competition_load_checks_the_metric(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"competition: a\ntask: classification\nmetric: top5_eror\nsubmission: {format: topk}\n",
         "metric 'top5_eror' is no metric of task 'classification'"},
        {"competition: a\ntask: detection\nmetric: top5_error\nsubmission: {format: boxes}\n",
         "metric 'top5_error' is no metric of task 'detection'"},
        {"competition: a\ntask: classification\nmetric: top5_error\n"
         "submission: {format: topk, k: 4}\n",
         "metric 'top5_error' needs a submission.k of 5 or more"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct problems problems;
        struct competition competition;
        problems = (struct problems){0};
        assert_false(
            competition_load(&competition, cases[i].text, strlen(cases[i].text), &problems));
        assert_int_equal(problems.n_all, 1);
        assert_string_equal(problems.kept[0].text, cases[i].message);
    }
}

static void test_competition_load_prediction_strings(void **state)
{
    static const struct {
        const char *submission;
        const char *message; /* NULL: it loads */
        const char *image_id;
        size_t n_tokens;
        bool has_label;
        bool is_normalized;
    } cases[] = {
        {"", NULL, "image_id", 6, true, false},
        {", preset: open_images", NULL, "ImageId", 6, true, true},
        {", preset: global_wheat", NULL, "image_id", 5, false, false},
        {", preset: rsna", NULL, "patientId", 5, false, false},
        {", preset: vinbigdata", NULL, "image_id", 6, true, false},
        {", tokens: xmin ymin xmax ymax score, coordinates: normalized", NULL, "image_id", 5, false,
         true},
        {", tokens: score x y width", "submission.tokens 'score x y width' must name", NULL, 0,
         false, false},
        {", tokens: score x y width ymax", "submission.tokens 'score x y width ymax'", NULL, 0,
         false, false},
        {", tokens: score x y width height x", "submission.tokens '", NULL, 0, false, false},
        {", tokens: 'score x  y width height'", "submission.tokens '", NULL, 0, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct problems problems;
        struct competition competition;
        char text[300];
        snprintf(text, sizeof(text),
                 "competition: x\ntask: detection\nmetric: AP\n"
                 "submission: {format: prediction_string%s}\n",
                 cases[i].submission);
        problems = (struct problems){0};
        bool ok = competition_load(&competition, text, strlen(text), &problems);
        assert_int_equal(ok, cases[i].message == NULL);
        if (!ok) {
            assert_memory_equal(problems.kept[0].text, cases[i].message, strlen(cases[i].message));
            continue;
        }
        const struct prediction_form *form = &competition.submission.prediction;
        assert_string_equal(competition.submission.columns.image_id, cases[i].image_id);
        assert_string_equal(competition.submission.columns.prediction_string, "PredictionString");
        assert_int_equal(form->n_tokens, cases[i].n_tokens);
        assert_int_equal(form->has_label, cases[i].has_label);
        assert_int_equal(form->is_normalized, cases[i].is_normalized);
    }
}

static void test_competition_load_finds_all_problems_in_one_pass(void **state)
{
    (void)state;
    static const char text[] = "competition: Bad Name\ntask: guess\nmetrik: AP\n";
    static struct problems problems;
    struct competition competition;

    problems = (struct problems){0};
    assert_false(competition_load(&competition, text, strlen(text), &problems));
    assert_int_equal(problems.n_all, 3);
    assert_string_equal(problems.kept[1].text,
                        "expected classification | detection, found 'guess'");
    assert_string_equal(problems.kept[2].text, "unknown key 'metrik', did you mean 'metric'?");
}

static void test_conf_load_missing_and_empty(void **state)
{
    (void)state;
    static struct problems problems;
    struct competition competition;

    problems = (struct problems){0};
    assert_false(competition_load(&competition, "", 0, &problems));
    assert_string_equal(problems.kept[0].text, "the file is empty");
    problems = (struct problems){0};
    assert_false(competition_load(&competition, "task: detection\n", 16, &problems));
    assert_int_equal(problems.n_all, 3);
}

static void test_conf_write_schema_is_json_with_every_key(void **state)
{
    (void)state;
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, 1 << 20);
    conf_write_schema(&writer, &competition_table, "competition.schema.json");
    assert_true(jwriter_ok(&writer, &err));
    const char *text = (const char *)writer.out.data;
    assert_non_null(strstr(text, "\"per_day\":{\"description\""));
    assert_non_null(strstr(text, "\"enum\":[\"topk\",\"boxes\",\"prediction_string\"]"));
    assert_non_null(
        strstr(text, "\"required\":[\"competition\",\"task\",\"metric\",\"submission\"]"));
    jwriter_end(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_competition_load_minimal),
        cmocka_unit_test(test_competition_load_full_and_print_round_trip),
        cmocka_unit_test(test_competition_load_problems),
        cmocka_unit_test(test_competition_load_checks_the_metric),
        cmocka_unit_test(test_competition_load_prediction_strings),
        cmocka_unit_test(test_competition_load_finds_all_problems_in_one_pass),
        cmocka_unit_test(test_conf_load_missing_and_empty),
        cmocka_unit_test(test_conf_write_schema_is_json_with_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

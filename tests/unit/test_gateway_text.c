/* SPDX-License-Identifier: MIT */
/*
 * What the gateway reads and writes as text: headers, request bodies, problem details, boards as
 * JSON, CSV and pages. Names of teams are hostile everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/gateway/body.h"
#include "broker/gateway/header.h"
#include "broker/gateway/html.h"
#include "broker/gateway/pages.h"
#include "broker/gateway/problem.h"
#include "broker/gateway/records.h"
#include "common/crypt.h"

/* ---- headers ---- */

static void test_header_bearer(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *header;
        const char *token;
    } cases[] = {
        {"none", NULL, ""},
        {"token", "Bearer asy1_abc", "asy1_abc"},
        {"case and spaces", "bEARER   asy1_abc", "asy1_abc"},
        {"other scheme", "Basic YTpi", "-"},
        {"empty", "Bearer ", "-"},
        {"no space", "Bearer", "-"},
        {"two words", "Bearer a b", "-"},
        {"empty header", "", "-"},
    };
    char longest[7 + 98] = "Bearer ";

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("case: %s\n", cases[i].name);
        assert_true(wire_text_is(header_bearer(cases[i].header), cases[i].token));
    }
    memset(longest + 7, 'a', 97);
    assert_true(wire_text_is(header_bearer(longest), "-"));
    longest[7 + 96] = '\0';
    assert_int_equal(header_bearer(longest).size, 96);
}

static void test_header_wait_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int64_t seconds;
    } cases[] = {
        {NULL, 0},
        {"", 0},
        {"wait=30", 30},
        {"Wait=30", 30},
        {"respond-async, wait=5", 5},
        {"respond-async,\twait=5; x", 5},
        {"wait=99999999999999999999999", 60},
        {"wait=-5", 0},
        {"wait=", 0},
        {"await=5", 0},
        {",,,", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("case: %s\n", cases[i].header == NULL ? "none" : cases[i].header);
        assert_int_equal(header_wait_seconds(cases[i].header, 60), cases[i].seconds);
    }
}

static void test_header_has_etag(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool has;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"\"abc\"", true},
        {"W/\"abc\"", true},
        {"\"x\" , \"abc\"", true},
        {"*", true},
        {"\"abcd\"", false},
        {"abc", false},
        {"\"ab\",\"c\"", false},
        {", ,", false},
        {"**", false},
        {"W/", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("case: %s\n", cases[i].header == NULL ? "none" : cases[i].header);
        assert_int_equal(header_has_etag(cases[i].header, "\"abc\""), cases[i].has);
    }
}

/* ---- bodies ---- */

static void test_body_read_team(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *members; /* NULL: refused */
        const char *error;
    } cases[] = {
        {"{\"name\":\"a\"}", "", ""},
        {"{\"name\":\"a\",\"members\":[\"b\",\"c d\"]}", "b,c d", ""},
        {"{\"name\":\"a\",\"members\":[]}", "", ""},
        {"{\"name\":\"a\",\"members\":[\"b,c\"]}", NULL, "'members' holds ',' in 'b,c'"},
        {"{\"name\":\"a\",\"members\":[1]}", NULL, "'members' must be a text"},
        {"{\"name\":\"\"}", NULL, "'name' has 0 bytes, it may have 1 to 100"},
        {"{\"name\":7}", NULL, "'name' must be a text"},
        {"{\"name\":\"a\\nb\"}", NULL, "'name' holds a control character"},
        {"{\"name\":\"a\",\"nick\":1}", NULL, "unknown key 'nick'"},
        {"{}", NULL, "'name' must be a text"},
        {"[]", NULL, "the body is not a JSON object"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct body_team team;
        struct err err;
        print_message("case: %s\n", cases[i].body);
        bool ok = body_read_team(&team, cases[i].body, strlen(cases[i].body), &err);
        assert_int_equal(ok, cases[i].members != NULL);
        if (ok) {
            assert_string_equal(team.members, cases[i].members);
        } else {
            assert_int_equal(err.code, ERR_INPUT);
            assert_string_equal(err.text, cases[i].error);
        }
    }
}

static void test_body_limits(void **state)
{
    (void)state;
    char body[8192];
    struct body_team team;
    struct body_selection selection;
    struct err err;

    for (int length = 100; length <= 101; length++) {
        snprintf(body, sizeof(body), "{\"name\":\"%0*d\"}", length, 0);
        assert_int_equal(body_read_team(&team, body, strlen(body), &err), length == 100);
    }
    for (int n = 100; n <= 101; n++) { /* 33 bytes each, with the separator; 3,300 fit */
        int used = snprintf(body, sizeof(body), "{\"submissions\":[\"%032d\"", 0);
        for (int i = 1; i < n; i++) {
            used += snprintf(body + used, sizeof(body) - (size_t)used, ",\"%032d\"", i);
        }
        used += snprintf(body + used, sizeof(body) - (size_t)used, "]}");
        assert_int_equal(body_read_selection(&selection, body, (size_t)used, &err), n == 100);
    }
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_body_read_disclosure_and_correction(void **state)
{
    (void)state;
    static const char good[] =
        "{\"labels\":2,\"label_seed\":\"" HASH "\",\"rows_sha256\":\"" HASH "\"}";
    static const char *const bad[] = {
        "{\"labels\":-2,\"label_seed\":\"" HASH "\",\"rows_sha256\":\"" HASH "\"}",
        "{\"labels\":2,\"label_seed\":\"" HASH "0\",\"rows_sha256\":\"" HASH "\"}",
        "{\"labels\":2,\"label_seed\":\"" HASH "\"}",
        "{\"labels\":2,\"label_seed\":\"" HASH "\",\"rows_sha256\":\"" HASH "\",\"a\":1}", "[]"};
    static const char *const reasons[] = {"why", "", "line\\nend"};
    char order[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];
    const uint8_t signature[CRYPT_SIGNATURE_BYTES] = {9};
    struct body_disclosure disclosure;
    struct body_correction correction;
    char body[1024];
    struct err err;

    assert_true(body_read_disclosure(&disclosure, good, strlen(good), &err));
    assert_int_equal(disclosure.labels, 2);
    assert_int_equal(disclosure.rows[0], 1);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(body_read_disclosure(&disclosure, bad[i], strlen(bad[i]), &err));
        assert_int_equal(err.code, ERR_INPUT);
    }
    crypt_base64(order, sizeof(order), signature, sizeof(signature));
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        int size = snprintf(body, sizeof(body),
                            "{\"labels\":2,\"root\":\"" HASH "\",\"set_sha256\":\"" HASH
                            "\",\"public\":3,\"private\":4,\"reason\":\"%s\","
                            "\"proof_sha256\":\"" HASH "\",\"order\":\"%s\"}",
                            reasons[i], order);
        assert_int_equal(body_read_correction(&correction, body, (size_t)size, &err), i == 0);
    }
    int size = snprintf(body, sizeof(body), "{\"labels\":2}");
    assert_false(body_read_correction(&correction, body, (size_t)size, &err));
}

static void test_body_read_move(void **state)
{
    (void)state;
    static const char *const good[] = {"publish", "freeze", "reveal"};
    static const char *const bad[] = {"{\"move\":\"open\"}",
                                      "{\"move\":\"publish \"}",
                                      "{\"move\":null}",
                                      "{}",
                                      "",
                                      "{\"move\":\"a\",\"b\":1}",
                                      "{\"move\":\"reveal\",\"order\":\"AAAA\"}",
                                      "{\"move\":\"reveal\",\"order\":1}"};
    char body[256];
    char order[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];
    const uint8_t signature[CRYPT_SIGNATURE_BYTES] = {7, 8};
    struct body_move move;
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        snprintf(body, sizeof(body), "{\"move\":\"%s\"}", good[i]);
        assert_true(body_read_move(&move, body, strlen(body), &err));
        assert_int_equal(move.move, i);
        assert_int_equal(move.order[0], 0);
    }
    crypt_base64(order, sizeof(order), signature, sizeof(signature));
    snprintf(body, sizeof(body), "{\"move\":\"reveal\",\"order\":\"%s\"}", order);
    assert_true(body_read_move(&move, body, strlen(body), &err));
    assert_memory_equal(move.order, signature, sizeof(signature));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(body_read_move(&move, bad[i], strlen(bad[i]), &err));
        assert_int_equal(err.code, ERR_INPUT);
    }
}

/* ---- problems ---- */

static void test_problem_of_refusal(void **state)
{
    (void)state;
    static const struct {
        uint8_t refusal;
        unsigned status;
        const char *code;
    } cases[] = {
        {REFUSAL_BAD_REQUEST, 400, "bad_request"},
        {REFUSAL_NO_TOKEN, 401, "invalid_token"},
        {REFUSAL_NOT_ALLOWED, 403, "not_allowed"},
        {REFUSAL_NOT_FOUND, 404, "not_found"},
        {REFUSAL_CLOSED, 403, "closed"},
        {REFUSAL_QUOTA, 429, "quota"},
        {REFUSAL_CONFLICT, 409, "conflict"},
        {REFUSAL_TOO_LARGE, 413, "too_large"},
        {REFUSAL_BUSY, 503, "busy"},
        {REFUSAL_INVALID, 422, "invalid"},
        {0, 502, "bad_answer"},
        {200, 502, "bad_answer"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct wire_refused refused = {.refusal = cases[i].refusal, .text = wire_text("why")};
        struct problem_answer problem = problem_of_refusal(&refused);
        assert_int_equal(problem.status, cases[i].status);
        assert_string_equal(problem.code, cases[i].code);
        assert_true(wire_text_is(problem.detail, problem.status == 401 ? "Invalid token" : "why"));
        assert_int_equal(problem.retry_after_ms, problem.status == 503 ? 1000 : 0);
        assert_string_not_equal(problem_title(problem.status), "Error");
    }
}

static void test_problem_write(void **state)
{
    (void)state;
    struct wire_buffer list = {0};
    struct wire_problem line = {.line = 3, .column = 5, .text = wire_text("a \"quoted\" word")};
    struct jwriter writer;
    struct err err;

    assert_true(wire_append(&list, WIRE_PROBLEM, &line, &err));
    struct problem_answer problem = {.status = 422,
                                     .code = "invalid",
                                     .detail = wire_text("no"),
                                     .problems = wire_buffer_bytes(&list)};
    jwriter_start(&writer, 4096);
    problem_write(&writer, &problem);
    assert_true(jwriter_ok(&writer, &err));
    assert_string_equal(writer.out.data,
                        "{\"type\":\"about:blank\",\"title\":\"Unprocessable Content\","
                        "\"status\":422,\"detail\":\"no\",\"code\":\"invalid\",\"errors\":["
                        "{\"line\":3,\"column\":5,\"detail\":\"a \\\"quoted\\\" word\"}],"
                        "\"error\":\"no\",\"message\":\"no\"}");
    jwriter_end(&writer);
    wire_buffer_free(&list);
}

/* ---- boards ---- */

static const struct wire_board_row board_rows[] = {
    {.rank = 1, .team_id = 7, .last_ms = 1496275200123, .n_submissions = 3, .public_rank = 2},
    {.rank = 2, .team_id = 8, .last_ms = 1496275201000, .n_submissions = 1, .public_rank = 1},
    {.rank = 3, .team_id = 9, .last_ms = 0, .n_submissions = 0},
};

static const char *const board_teams[] = {"<script>alert(\"x\")</script>",
                                          "Anna \"Ace\", & friends\r\n=1+1", " plain"};

/* A copy as the cache would hold it. */
static struct copy *make_board(enum copy_kind kind, uint8_t board_state)
{
    struct copy *copy = calloc(1, sizeof(*copy));
    struct wire_competition_row competition = {.id = wire_text("trees"),
                                               .title = wire_text("Trees & <b>"),
                                               .metric = wire_text("top1_error"),
                                               .board_state = board_state,
                                               .opens_ms = INT64_MIN,
                                               .closes_ms = 1499471940000,
                                               .n_teams = 4};
    struct err err;

    *copy = (struct copy){.n_holders = 1, .kind = kind, .version = 5, .changed_ms = 1496275200123};
    copy->row_offsets = calloc(ARRAY_SIZE(board_rows), sizeof(*copy->row_offsets));
    assert_true(wire_append(&copy->head, WIRE_COMPETITION_ROW, &competition, &err));
    for (size_t i = 0; i < ARRAY_SIZE(board_rows); i++) {
        struct wire_board_row row = board_rows[i];
        row.team = wire_text(board_teams[i]);
        row.members = wire_text(i == 0 ? "anna,bert" : "");
        row.score = wire_text(i == 2 ? "" : "0.25000");
        row.submission = wire_text("");
        copy->row_offsets[i] = (uint32_t)copy->rows.size;
        assert_true(wire_append(&copy->rows, WIRE_BOARD_ROW, &row, &err));
        copy->n_rows++;
    }
    return copy;
}

static void test_board_csv(void **state)
{
    (void)state;
    struct copy *copy = make_board(COPY_BOARD_PUBLIC, BOARD_PUBLIC);
    struct jwriter writer;

    jwriter_start(&writer, 4096);
    board_csv(&writer, copy);
    assert_string_equal(
        writer.out.data,
        "Rank,TeamId,TeamName,LastSubmissionDate,Score,SubmissionCount,TeamMemberUserNames\n"
        "1,7,\"<script>alert(\"\"x\"\")</script>\",2017-06-01 00:00:00,0.25000,3,\"anna,bert\"\n"
        "2,8,\"Anna \"\"Ace\"\", & friends\r\n=1+1\",2017-06-01 00:00:01,0.25000,1,\n"
        "3,9,\" plain\",1970-01-01 00:00:00,,0,\n");
    jwriter_end(&writer);
    copy_release(&copy);
}

static void test_board_json(void **state)
{
    (void)state;
    struct copy *copy = make_board(COPY_BOARD_PRIVATE, BOARD_REVEALED);
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, 4096);
    assert_true(board_json(&writer, copy, 1, 1));
    assert_true(jwriter_ok(&writer, &err));
    assert_string_equal(
        writer.out.data,
        "{\"competition\":\"trees\",\"title\":\"Trees & <b>\",\"track\":\"private\","
        "\"state\":\"revealed\",\"version\":5,\"changed\":\"2017-06-01T00:00:00.123Z\","
        "\"n_teams\":3,\"metric\":\"top1_error\",\"is_higher_better\":false,\"first\":1,\"rows\":["
        "{\"rank\":2,\"team_id\":8,\"team\":\"Anna \\\"Ace\\\", & friends\\r\\n=1+1\","
        "\"members\":[],\"last_submission\":\"2017-06-01T00:00:01Z\",\"score\":\"0.25000\","
        "\"n_submissions\":1,\"submission\":null,\"public_rank\":1}]}");
    jwriter_end(&writer);
    jwriter_start(&writer, 4096);
    assert_true(board_json(&writer, copy, 1000000, 10));
    assert_true(jwriter_ok(&writer, &err));
    assert_non_null(strstr((char *)writer.out.data, "\"rows\":[]"));
    jwriter_end(&writer);
    copy_release(&copy);
}

static void test_pages_escape(void **state)
{
    (void)state;
    static const enum copy_kind kinds[] = {COPY_BOARD_PUBLIC, COPY_BOARD_PRIVATE};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct copy *copy = make_board(kinds[i], BOARD_REVEALED);
        struct html html;
        html_start(&html, 1 << 20);
        assert_true(page_board(&html, copy, 0));
        const char *text = (const char *)html.out.out.data;
        assert_non_null(strstr(text, "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"));
        assert_non_null(strstr(text, "Anna &quot;Ace&quot;, &amp; friends"));
        assert_non_null(strstr(text, "<title>Trees &amp; &lt;b&gt;"));
        assert_null(strstr(text, "<script"));
        assert_null(strstr(text, "<b>"));
        assert_int_equal(strstr(text, "Moved") != NULL, kinds[i] == COPY_BOARD_PRIVATE);
        jwriter_end(&html.out);
        copy_release(&copy);
    }
}

static void test_html_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"<>&\"'", "&lt;&gt;&amp;&quot;&#39;"},
        {"a<b", "a&lt;b"},
        {"a\tb\x7f", "a\xef\xbf\xbd"
                     "b\xef\xbf\xbd"},
        {"\xc3\x84", "\xc3\x84"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct html html;
        html_start(&html, 4096);
        html_markup(&html, "|");
        html_string(&html, cases[i].text);
        assert_string_equal(html.out.out.data + 1, cases[i].expected);
        jwriter_end(&html.out);
    }
}

static void test_page_limit(void **state)
{
    (void)state;
    struct copy *copy = make_board(COPY_BOARD_PUBLIC, BOARD_PUBLIC);
    struct content *content = NULL;
    struct html html;
    struct err err;

    html_start(&html, 100);
    assert_true(page_board(&html, copy, 0));
    assert_false(content_make(&content, &html.out, "text/html", &err));
    assert_int_equal(err.code, ERR_LIMIT);
    copy_release(&copy);
}

static void test_content(void **state)
{
    (void)state;
    struct content *first = NULL;
    struct content *second = NULL;
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, 100);
    jwriter_raw(&writer, "abc", 3);
    assert_true(content_make(&first, &writer, "text/plain", &err));
    assert_string_equal(first->etag, "\"ba7816bf8f01cfea414140de5dae2223\"");
    second = content_hold(first);
    content_release(&first);
    assert_null(first);
    assert_memory_equal(second->bytes.data, "abc", 3);
    content_release(&second);
    content_release(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_bearer),
        cmocka_unit_test(test_header_wait_seconds),
        cmocka_unit_test(test_header_has_etag),
        cmocka_unit_test(test_body_read_team),
        cmocka_unit_test(test_body_limits),
        cmocka_unit_test(test_body_read_move),
        cmocka_unit_test(test_body_read_disclosure_and_correction),
        cmocka_unit_test(test_problem_of_refusal),
        cmocka_unit_test(test_problem_write),
        cmocka_unit_test(test_board_csv),
        cmocka_unit_test(test_board_json),
        cmocka_unit_test(test_pages_escape),
        cmocka_unit_test(test_html_text),
        cmocka_unit_test(test_page_limit),
        cmocka_unit_test(test_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

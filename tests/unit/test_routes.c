/* SPDX-License-Identifier: MIT */
/*
 * The router, and the table of routes against schemas/openapi.yaml: every address and method is in
 * both, by a plain scan of the file's indentation. And the socket that all of it listens on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/gateway/listen.h"
#include "broker/gateway/routes.h"
#include "common/file.h"

#define ID "0123456789abcdef0123456789abcdef"

static const char *const method_names[] = {"get", "put", "post", "patch"};

static void test_route_find(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http_method method;
        const char *path;
        enum route_match match;
        const char *expected; /* the pattern, or the methods that are allowed */
        const char *arg;
    } cases[] = {
        {"root", HTTP_GET, "/", ROUTE_FOUND, "/", ""},
        {"empty", HTTP_GET, "", ROUTE_NO_PATH, "", ""},
        {"one argument", HTTP_GET, "/c/inat-2017", ROUTE_FOUND, "/c/{competition}", "inat-2017"},
        {"longest id", HTTP_GET, "/c/" ID "0123456789abcdef0123456789abcde", ROUTE_FOUND,
         "/c/{competition}", ID "0123456789abcdef0123456789abcde"},
        {"too long an id", HTTP_GET, "/c/" ID ID, ROUTE_NO_PATH, "", ""},
        {"no id", HTTP_GET, "/c/", ROUTE_NO_PATH, "", ""},
        {"upper case", HTTP_GET, "/c/Trees", ROUTE_NO_PATH, "", ""},
        {"slash at the end", HTTP_GET, "/c/trees/", ROUTE_NO_PATH, "", ""},
        {"dots", HTTP_GET, "/c/..", ROUTE_NO_PATH, "", ""},
        {"csv", HTTP_GET, "/v1/competitions/a/leaderboard.csv", ROUTE_FOUND,
         "/v1/competitions/{competition}/leaderboard.csv", "a"},
        {"json", HTTP_GET, "/v1/competitions/a/leaderboard", ROUTE_FOUND,
         "/v1/competitions/{competition}/leaderboard", "a"},
        {"other ending", HTTP_GET, "/v1/competitions/a/leaderboard.xml", ROUTE_NO_PATH, "", ""},
        {"submission", HTTP_GET, "/v1/submissions/" ID, ROUTE_FOUND, "/v1/submissions/{submission}",
         ID},
        {"receipt", HTTP_GET, "/v1/submissions/" ID "/receipt", ROUTE_FOUND,
         "/v1/submissions/{submission}/receipt", ID},
        {"short submission", HTTP_GET, "/v1/submissions/0123", ROUTE_NO_PATH, "", ""},
        {"run", HTTP_GET, "/v1/rescores/12", ROUTE_FOUND, "/v1/rescores/{run}", "12"},
        {"run without digits", HTTP_GET, "/v1/rescores/x", ROUTE_NO_PATH, "", ""},
        {"run too long", HTTP_GET, "/v1/rescores/1234567890123456789", ROUTE_NO_PATH, "", ""},
        {"put", HTTP_PUT, "/v1/competitions/a/submissions", ROUTE_FOUND,
         "/v1/competitions/{competition}/submissions", "a"},
        {"wrong method", HTTP_POST, "/v1/competitions/a/submissions", ROUTE_NO_METHOD,
         "PUT, GET, HEAD", ""},
        {"unknown method", HTTP_OTHER, "/healthz", ROUTE_NO_METHOD, "GET, HEAD", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct route *route = NULL;
        struct route_args args = {0};
        char allowed[ROUTE_ALLOWED_SIZE];
        print_message("case: %s\n", cases[i].name);
        assert_int_equal(
            route_find(&route, &args, allowed, routes, n_routes, cases[i].method, cases[i].path),
            cases[i].match);
        if (cases[i].match == ROUTE_FOUND) {
            assert_string_equal(route->pattern, cases[i].expected);
            assert_string_equal(args.text[0], cases[i].arg);
        } else {
            assert_string_equal(allowed, cases[i].expected);
        }
    }
}

struct scan {
    char text[128];
    size_t n_operations;
};

/* Lines of the file "  /path:" and "    get:" are paths and their methods. */
static bool next_operation(struct scan *scan, char **line, char path[static 128],
                           enum http_method *method)
{
    while (*line != NULL && **line != '\0') {
        char *at = *line;
        char *end = strchr(at, '\n');
        *line = end == NULL ? NULL : end + 1;
        if (end != NULL) {
            *end = '\0';
        }
        if (strncmp(at, "  /", 3) == 0) {
            snprintf(scan->text, sizeof(scan->text), "%.*s", (int)strcspn(at + 2, ":"), at + 2);
        }
        for (size_t i = 0; i < ARRAY_SIZE(method_names); i++) {
            size_t length = strlen(method_names[i]);
            if (strncmp(at, "    ", 4) == 0 && strncmp(at + 4, method_names[i], length) == 0 &&
                strcmp(at + 4 + length, ":") == 0) {
                snprintf(path, 128, "%s", scan->text);
                *method = (enum http_method)i;
                scan->n_operations++;
                return true;
            }
        }
    }
    return false;
}

static void test_routes_are_described(void **state)
{
    (void)state;
    struct bytes text = {0};
    struct scan scan = {0};
    char path[128];
    enum http_method method;
    struct err err;

    assert_true(file_read(&text, ASSAY_SOURCE_DIR "/schemas/openapi.yaml", 1 << 20, &err));
    char *line = (char *)text.data;
    while (next_operation(&scan, &line, path, &method)) {
        bool is_found = false;
        for (size_t i = 0; i < n_routes; i++) {
            is_found =
                is_found || (routes[i].method == method && strcmp(routes[i].pattern, path) == 0);
        }
        print_message("described: %s %s\n", method_names[method], path);
        assert_true(is_found);
    }
    assert_int_equal(scan.n_operations, n_routes); /* each once, so that all are described */
    bytes_free(&text);
}

static void test_listen_open(void **state)
{
    (void)state;
    static const struct {
        const char *where;
        const char *address; /* how it begins; NULL: refused */
    } cases[] = {
        {"127.0.0.1:0", "http://127.0.0.1:"},
        {"0.0.0.0:0", "http://0.0.0.0:"},
        {"127.0.0.1", NULL},
        {":8080", NULL},
        {"", NULL},
        {"[127.0.0.1:80", NULL},
        {"localhost:0", NULL},
        {"127.0.0.1:http", NULL},
        {"127.0.0.1:65536", NULL},
        {"192.0.2.1:0", NULL}, /* TEST-NET-1 (RFC 5737): of no machine */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char address[LISTEN_ADDRESS_SIZE];
        struct err err;
        int fd = -1;
        print_message("case: %s\n", cases[i].where);
        bool ok = listen_open(&fd, address, cases[i].where, &err);
        assert_int_equal(ok, cases[i].address != NULL);
        if (!ok) {
            assert_int_equal(err.code, ERR_CONFIG);
            assert_int_equal(fd, -1);
            continue;
        }
        assert_memory_equal(address, cases[i].address, strlen(cases[i].address));
        assert_true(strcmp(strrchr(address, ':'), ":0") != 0);
        char again[LISTEN_ADDRESS_SIZE]; /* the port is taken now */
        int second = -1;
        assert_false(listen_open(&second, again, address + strlen("http://"), &err));
        assert_int_equal(err.code, ERR_CONFIG);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route_find),
        cmocka_unit_test(test_routes_are_described),
        cmocka_unit_test(test_listen_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

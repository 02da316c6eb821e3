/* SPDX-License-Identifier: MIT */
/*
 * Paths and queries that go to the service, and what an unreachable one means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "client/service.h"

static void test_service_query(void **state)
{
    (void)state;
    char path[SERVICE_PATH_SIZE];
    struct err err;

    assert_true(service_path(path, &err, "/v1/competitions/%s/submissions", "inat"));
    assert_true(service_query(path, "file_name", "a b&c.csv", &err));
    assert_true(service_query(path, "message", "é=/?\"", &err));
    assert_string_equal(path, "/v1/competitions/inat/submissions?file_name=a%20b%26c.csv"
                              "&message=%C3%A9%3D%2F%3F%22");
}

static void test_service_query_limit(void **state)
{
    (void)state;
    char path[SERVICE_PATH_SIZE];
    char text[SERVICE_PATH_SIZE];
    struct err err;

    for (size_t size = 1300; size < 1400; size++) { /* around a third of the path */
        memset(text, ' ', size);
        text[size] = '\0';
        assert_true(service_path(path, &err, "/x"));
        bool ok = service_query(path, "m", text, &err);
        bool fits = 2 + 3 + 3 * size < SERVICE_PATH_SIZE;
        assert_int_equal(ok, fits);
        assert_true(strlen(path) < SERVICE_PATH_SIZE);
        assert_true(ok || err.code == ERR_LIMIT);
    }
}

static void test_service_checks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_competition;
        bool is_submission;
    } cases[] = {
        {"inat-2017", true, false},
        {"", false, false},
        {"../x", false, false},
        {"Inat", false, false},
        {"0123456789abcdef0123456789abcdef", true, true},
        {"0123456789ABCDEF0123456789abcdef", false, false},
        {"0123456789abcdef0123456789abcdef0", true, false},
        {"0123456789012345678901234567890123456789012345678901234567890123", false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err;
        assert_int_equal(service_check_competition(cases[i].text, &err), cases[i].is_competition);
        assert_int_equal(service_check_submission(cases[i].text, &err), cases[i].is_submission);
    }
}

/* A real exchange with a port where nobody listens. */
static void test_service_ask_unreachable(void **state)
{
    (void)state;
    const struct login login = {.url = "http://127.0.0.1:1"};
    const struct service_request request = {.method = "GET", .path = "/healthz"};
    struct service *service = NULL;
    struct service_answer answer;
    struct err err;

    assert_true(service_open_as(&service, &login, &err));
    assert_int_equal(service_ask(service, &answer, &request), EXIT_UNREACHABLE);
    service_answer_free(&answer);
    service_close(&service);
    service_close(&service);
}

/* A child that reads one request and sends `text`; where it listens goes to url. */
static pid_t serve_once(char url[static LOGIN_URL_SIZE], const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, LOGIN_URL_SIZE, "http://127.0.0.1:%d", ntohs(address.sin_port));
    pid_t child = fork();
    if (child == 0) {
        char request[4096];
        int link = accept(listener, NULL, NULL);
        bool ok = read(link, request, sizeof(request)) > 0 &&
                  write(link, text, strlen(text)) == (ssize_t)strlen(text);
        _exit(ok ? 0 : 1);
    }
    close(listener);
    return child;
}

/* What is cut off anywhere is no answer, whatever its status line says. */
static void test_service_ask_cut(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        int code;
    } cases[] = {
        {"whole", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", EXIT_DONE},
        {"whole, without a body", "HTTP/1.1 204 No Content\r\n\r\n", EXIT_DONE},
        {"in its body", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", EXIT_UNREACHABLE},
        {"in a field", "HTTP/1.1 200 OK\r\nContent-Le", EXIT_UNREACHABLE},
        {"behind a field", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", EXIT_UNREACHABLE},
        {"behind the status", "HTTP/1.1 202 Accepted\r\n", EXIT_UNREACHABLE},
        {"behind another answer", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nCont",
         EXIT_UNREACHABLE},
        {"at once", "", EXIT_UNREACHABLE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct login login = {0};
        pid_t child = serve_once(login.url, cases[i].text);
        const struct service_request request = {.method = "GET", .path = "/healthz"};
        struct service *service = NULL;
        struct service_answer answer;
        struct err err;
        int status;

        print_message("%s\n", cases[i].name);
        assert_true(service_open_as(&service, &login, &err));
        assert_int_equal(service_ask(service, &answer, &request), cases[i].code);
        service_answer_free(&answer);
        service_close(&service);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_query),   cmocka_unit_test(test_service_query_limit),
        cmocka_unit_test(test_service_checks),  cmocka_unit_test(test_service_ask_unreachable),
        cmocka_unit_test(test_service_ask_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

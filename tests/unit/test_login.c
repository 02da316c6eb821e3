/* SPDX-License-Identifier: MIT */
/*
 * Which address and token a command takes, and that a kept token stays with its address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/login.h"
#include "common/file.h"

#define TOKEN_OF(c)                                                                                \
    "asy1_" c c c c c c c c c c c c "_" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c  \
        c c c c c c c c c c c c c c c c c c c c c c c

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/assay-login-XXXXXX");
    assert_non_null(mkdtemp(folder));
    setenv("ASSAY_CONFIG_DIR", folder, 1);
    unsetenv("ASSAY_URL");
    unsetenv("ASSAY_TOKEN");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[128];

    snprintf(path, sizeof(path), "%s/login.yaml", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/token", folder);
    unlink(path);
    return rmdir(folder);
}

static void keep(const char *url, const char *token)
{
    char path[LOGIN_URL_SIZE];
    struct login login = {0};
    struct stat info;
    struct err err;

    assert_true(login_set_url(&login, url, &err));
    assert_true(login_set_token(&login, token, &err));
    assert_true(login_keep(path, &login, &err));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_login_find_kept(void **state)
{
    (void)state;
    struct login login;
    struct err err;

    keep("http://a.example:8080/", TOKEN_OF("a"));
    assert_true(login_find(&login, NULL, NULL, &err));
    assert_string_equal(login.url, "http://a.example:8080");
    assert_string_equal(login.token, TOKEN_OF("a"));
    /* another address does not get the kept token */
    assert_true(login_find(&login, "http://b.example", NULL, &err));
    assert_string_equal(login.url, "http://b.example");
    assert_string_equal(login.token, "");
    assert_true(login_find(&login, "http://a.example:8080", NULL, &err));
    assert_string_equal(login.token, TOKEN_OF("a"));
}

static void test_login_find_environment(void **state)
{
    (void)state;
    struct login login;
    struct err err;

    keep("http://a.example", TOKEN_OF("a"));
    setenv("ASSAY_URL", "https://c.example/", 1);
    assert_true(login_find(&login, NULL, NULL, &err));
    assert_string_equal(login.url, "https://c.example");
    assert_string_equal(login.token, "");
    setenv("ASSAY_TOKEN", " " TOKEN_OF("c") "\n", 1);
    assert_true(login_find(&login, NULL, NULL, &err));
    assert_string_equal(login.token, TOKEN_OF("c"));
    assert_true(login_find(&login, "http://d.example", NULL, &err));
    assert_string_equal(login.url, "http://d.example");
}

static void test_login_find_token_file(void **state)
{
    (void)state;
    static const char text[] = TOKEN_OF("f") "\n";
    struct login login;
    struct err err;
    char path[128];

    snprintf(path, sizeof(path), "%s/token", folder);
    assert_true(file_write_durable(path, text, sizeof(text) - 1, 0600, &err));
    setenv("ASSAY_TOKEN", TOKEN_OF("c"), 1);
    assert_true(login_find(&login, "http://d.example", path, &err));
    assert_string_equal(login.token, TOKEN_OF("f"));
    assert_false(login_find(&login, "http://d.example", "/nonexistent/token", &err));
    assert_int_equal(err.code, ERR_SYSTEM);
}

static void test_login_find_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *url;
        const char *token;
    } cases[] = {
        {"no address", NULL, NULL},
        {"no scheme", "example.org", NULL},
        {"another scheme", "ftp://example.org", NULL},
        {"a space", "http://example.org/ x", NULL},
        {"a line end", "http://example.org\r\nHost: x", NULL},
        {"no token", "http://example.org", "hunter2"},
        {"a short token", "http://example.org", "asy1_aaaaaaaaaaaa_b"},
    };
    struct login login;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        cases[i].token == NULL ? unsetenv("ASSAY_TOKEN") : setenv("ASSAY_TOKEN", cases[i].token, 1);
        bool ok = login_find(&login, cases[i].url, NULL, &err);
        if (ok || err.code != ERR_CONFIG) {
            fail_msg("%s: ok %d, code %d, '%s'", cases[i].name, ok, err.code, err.text);
        }
        if (cases[i].token != NULL && strstr(err.text, cases[i].token) != NULL) {
            fail_msg("%s: the error shows the token", cases[i].name);
        }
    }
}

static void test_login_is_exposed(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool is_exposed;
    } cases[] = {
        {"https://example.org", false},
        {"http://example.org", true},
        {"http://localhost", false},
        {"http://localhost:8080/x", false},
        {"http://127.0.0.1:8080", false},
        {"http://[::1]:8080", false},
        {"http://localhost.example.org", true},
        {"http://127.0.0.10", true},
        {"http://127.0.0.1@example.org", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct login login = {0};
        struct err err;
        assert_true(login_set_url(&login, cases[i].url, &err));
        if (login_is_exposed(&login) != cases[i].is_exposed) {
            fail_msg("%s", cases[i].url);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_login_find_kept, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_login_find_environment, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_login_find_token_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_login_find_wrong, make_folder, remove_folder),
        cmocka_unit_test(test_login_is_exposed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

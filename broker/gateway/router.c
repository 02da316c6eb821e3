/* SPDX-License-Identifier: MIT */
/*
 * The router: a table walked from its start. Two dozen rows need nothing cleverer.
 */
#include "broker/gateway/router.h"

#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* What each name in braces may hold. */
static const struct {
    const char *name;
    const char *characters;
    size_t length_min;
    size_t length_max;
} kinds[] = {
    {"competition", LOWER DIGITS "-", 1, 63},
    {"submission", DIGITS "abcdef", 32, 32},
    {"run", DIGITS, 1, 18},
};

static bool is_of_kind(const char *name, size_t name_length, const char *text, size_t length)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strlen(kinds[i].name) == name_length && memcmp(kinds[i].name, name, name_length) == 0) {
            return length >= kinds[i].length_min && length <= kinds[i].length_max &&
                   strspn(text, kinds[i].characters) >= length;
        }
    }
    return false;
}

static bool match_path(struct route_args *args, const char *pattern, const char *path)
{
    size_t n_args = 0;

    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        size_t name_length = strcspn(pattern, "}") - 1;
        size_t length = strcspn(path, "/.");
        if (n_args == ROUTE_ARGS_MAX || !is_of_kind(pattern + 1, name_length, path, length)) {
            return false;
        }
        snprintf(args->text[n_args++], ROUTE_ARG_SIZE, "%.*s", (int)length, path);
        pattern += name_length + 2;
        path += length;
    }
    return *path == '\0';
}

static void add_allowed(char allowed[static ROUTE_ALLOWED_SIZE], enum http_method method)
{
    static const char *const names[] = {"GET, HEAD", "PUT", "POST", "PATCH"};
    size_t used = strlen(allowed);

    if (method != HTTP_OTHER) {
        snprintf(allowed + used, ROUTE_ALLOWED_SIZE - used, "%s%s", used > 0 ? ", " : "",
                 names[method]);
    }
}

enum route_match route_find(const struct route **route, struct route_args *args,
                            char allowed[static ROUTE_ALLOWED_SIZE], const struct route *routes,
                            size_t n_routes, enum http_method method, const char *path)
{
    enum route_match match = ROUTE_NO_PATH;

    allowed[0] = '\0';
    for (size_t i = 0; i < n_routes; i++) {
        *args = (struct route_args){0};
        if (!match_path(args, routes[i].pattern, path)) {
            continue;
        }
        if (routes[i].method == method) {
            *route = &routes[i];
            return ROUTE_FOUND;
        }
        add_allowed(allowed, routes[i].method);
        match = ROUTE_NO_METHOD;
    }
    return match;
}

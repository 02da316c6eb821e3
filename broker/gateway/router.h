/* SPDX-License-Identifier: MIT */
/*
 * Which handler a method and a path belong to. A pattern's `{name}` takes one path segment of the
 * kind that its name says; a segment of another form is as unknown as any other path.
 */
#pragma once

#include "broker/gateway/http.h"

#include <stddef.h>

enum { ROUTE_ARGS_MAX = 2, ROUTE_ARG_SIZE = 64 };

struct exchange;

enum route_body {
    BODY_NONE,   /* what comes is dropped */
    BODY_SMALL,  /* collected, then the handler is called */
    BODY_UPLOAD, /* the handler is called before it, and gets it as it comes */
};

struct route {
    enum http_method method;
    const char *pattern; /* "/v1/competitions/{competition}/leaderboard.csv" */
    enum route_body body;
    bool is_page; /* HTML, so that its errors are too */
    void (*handle)(struct exchange *exchange);
};

/* The segments that the braces took, in order. */
struct route_args {
    char text[ROUTE_ARGS_MAX][ROUTE_ARG_SIZE];
};

enum { ROUTE_ALLOWED_SIZE = 32 };

enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/*
 * Finds the route of a request.
 *
 *   route    out, for ROUTE_FOUND
 *   args     out, for ROUTE_FOUND
 *   allowed  out, for ROUTE_NO_METHOD: "GET, PUT"
 */
enum route_match route_find(const struct route **route, struct route_args *args,
                            char allowed[static ROUTE_ALLOWED_SIZE], const struct route *routes,
                            size_t n_routes, enum http_method method, const char *path);

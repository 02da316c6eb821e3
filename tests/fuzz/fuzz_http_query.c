/* SPDX-License-Identifier: MIT */
/*
 * What the gateway reads of a request by itself: the path, three headers, the JSON bodies. The
 * first byte chooses; whatever is taken in keeps its bounds.
 */
#include <string.h>

#include "broker/gateway/body.h"
#include "broker/gateway/header.h"
#include "broker/gateway/routes.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_MAX = 4096 };

static void feed_path(const char *text)
{
    const struct route *route = NULL;
    struct route_args args;
    char allowed[ROUTE_ALLOWED_SIZE];

    if (route_find(&route, &args, allowed, routes, n_routes, HTTP_GET, text) == ROUTE_FOUND) {
        FUZZ_CHECK(route != NULL && strpbrk(args.text[0], "/.<>\"%") == NULL);
    }
}

static void feed_headers(const char *text)
{
    struct wire_bytes token = header_bearer(text);
    int64_t seconds = header_wait_seconds(text, 60);

    FUZZ_CHECK(token.size <= 96 && memchr(token.data, ' ', token.size) == NULL);
    FUZZ_CHECK(seconds >= 0 && seconds <= 60);
    if (header_has_etag(text, "\"e\"")) {
        FUZZ_CHECK(strstr(text, "\"e\"") != NULL || strchr(text, '*') != NULL);
    }
}

static void feed_bodies(const uint8_t *data, size_t size)
{
    struct body_team team;
    struct body_selection selection;
    struct body_move move;
    struct body_disclosure disclosure;
    struct body_correction correction;
    struct err err;

    if (body_read_team(&team, data, size, &err)) {
        FUZZ_CHECK(strlen(team.name) > 0 && strpbrk(team.name, "\n\r\t\x1b\x7f") == NULL);
    } else {
        FUZZ_CHECK(err.code == ERR_INPUT);
    }
    if (body_read_selection(&selection, data, size, &err)) {
        FUZZ_CHECK(strlen(selection.submissions) < sizeof(selection.submissions));
    }
    if (body_read_move(&move, data, size, &err)) {
        FUZZ_CHECK(move.move <= BOARD_REVEAL);
    }
    if (body_read_disclosure(&disclosure, data, size, &err)) {
        FUZZ_CHECK(disclosure.labels >= 0);
    }
    if (body_read_correction(&correction, data, size, &err)) {
        FUZZ_CHECK(correction.labels >= 0 && strlen(correction.reason) > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX];

    if (size == 0 || size > sizeof(text)) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 3) {
    case 0:
        feed_path(text);
        break;
    case 1:
        feed_headers(text);
        break;
    default:
        feed_bodies(data + 1, size - 1);
        break;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * One parser for all shared options. See the header.
 */
#include "client/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { KEY_URL = 0x1000, KEY_TOKEN_FILE, KEY_JSON, KEY_CSV };

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case KEY_URL:
        options->url = text;
        return 0;
    case KEY_TOKEN_FILE:
        options->token_path = text;
        return 0;
    case 'c':
        options->competition = text;
        return 0;
    case KEY_JSON:
        options->form = FORM_JSON;
        return 0;
    case KEY_CSV:
        options->form = FORM_CSV;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option competition_option[] = {
    {"competition", 'c', "COMP", 0, "the competition", 0}, {0}};
static const struct argp_option csv_option[] = {{"csv", KEY_CSV, NULL, 0, "print CSV", 5}, {0}};
static const struct argp_option json_option[] = {
    {"json", KEY_JSON, NULL, 0, "print JSON, as the service answers it", 5}, {0}};
static const struct argp_option service_options[] = {
    {"url", KEY_URL, "URL", 0, "address of the service (else ASSAY_URL, else as logged in)", 10},
    {"token-file", KEY_TOKEN_FILE, "FILE", 0,
     "file with the token (else ASSAY_TOKEN, else as logged in)", 10},
    {0}};

static const struct argp competition_argp = {.options = competition_option, .parser = parse_option};
static const struct argp csv_argp = {.options = csv_option, .parser = parse_option};
static const struct argp json_argp = {.options = json_option, .parser = parse_option};
static const struct argp service_argp = {.options = service_options, .parser = parse_option};

static const struct argp no_argp = {.parser = parse_option};

/* All sets have N_CHILDREN parsers, so that options_share need not know which set it is. */
enum { N_CHILDREN = 4 };
#define CHILDREN(a, b, c, d)                                                                       \
    {                                                                                              \
        {.argp = &a##_argp}, {.argp = &b##_argp}, {.argp = &c##_argp}, {.argp = &d##_argp},        \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

const struct argp_child options_service[] = CHILDREN(service, no, no, no);
const struct argp_child options_answer[] = CHILDREN(service, json, no, no);
const struct argp_child options_list[] = CHILDREN(service, json, csv, no);
const struct argp_child options_competition[] = CHILDREN(service, competition, no, no);
const struct argp_child options_report[] = CHILDREN(service, competition, json, no);
const struct argp_child options_table[] = CHILDREN(service, competition, json, csv);

void options_share(const struct argp_state *state, struct options *options)
{
    for (size_t i = 0; i < N_CHILDREN; i++) {
        state->child_inputs[i] = options;
    }
}

bool options_take_competition(struct options *options, const char *text)
{
    if (options->competition != NULL) {
        return false;
    }
    options->competition = text;
    return true;
}

void options_need_competition(const struct options *options, const struct argp_state *state)
{
    if (options->competition == NULL) {
        argp_error(state, "which competition? -c COMP says it");
    }
}

error_t options_parse_competition(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, options);
        return 0;
    case ARGP_KEY_ARG:
        return options_take_competition(options, text) ? 0 : ARGP_ERR_UNKNOWN;
    case ARGP_KEY_END:
        options_need_competition(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int64_t options_number(const char *text, int64_t max, const struct argp_state *state)
{
    char *end;

    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < 1 || value > max) {
        argp_error(state, "expected a number from 1 to %" PRId64 ", found '%s'", max, text);
    }
    return value;
}

int options_run(int argc, char **argv, const struct argp *argp, void *arguments,
                int (*run)(struct service *service, void *arguments))
{
    const struct options *options = arguments;
    struct service *service = NULL;
    struct err err;

    if (argp_parse(argp, argc, argv, 0, NULL, arguments) != 0) {
        return EXIT_USAGE;
    }
    if (!service_open(&service, options->url, options->token_path, &err)) {
        return command_failed(&err);
    }
    int code = run(service, arguments);
    service_close(&service);
    return code;
}

/* SPDX-License-Identifier: MIT */
/*
 * The options that many commands share, as children of their argp parsers, and the way from the
 * arguments to a command that asks the service.
 */
#pragma once

#include <argp.h>
#include <stdbool.h>

#include "client/service.h"

/* What to print. */
enum options_form { FORM_TEXT, FORM_CSV, FORM_JSON };

struct options {
    const char *url;         /* --url, or NULL */
    const char *token_path;  /* --token-file, or NULL */
    const char *competition; /* -c, or NULL */
    enum options_form form;
};

/* Children for `struct argp`; all of them fill the struct options of options_share. */
extern const struct argp_child options_service[];     /* --url, --token-file */
extern const struct argp_child options_answer[];      /* and --json */
extern const struct argp_child options_list[];        /* and --csv, --json */
extern const struct argp_child options_competition[]; /* and -c */
extern const struct argp_child options_report[];      /* and -c, --json */
extern const struct argp_child options_table[];       /* and -c, --csv, --json */

/* For the ARGP_KEY_INIT of a parser with one of these sets of children. */
void options_share(const struct argp_state *state, struct options *options);

/* A whole parser for commands with a struct options and nothing else: COMP, or -c COMP. */
error_t options_parse_competition(int key, char *text, struct argp_state *state);

/* Takes COMP as the next plain argument where -c did not say it; false where that is taken. */
bool options_take_competition(struct options *options, const char *text);

/* Ends the program with a usage error where no competition was named. */
void options_need_competition(const struct options *options, const struct argp_state *state);

/* An option's number, 1 to max; ends the program with a usage error where it is none. */
int64_t options_number(const char *text, int64_t max, const struct argp_state *state);

/*
 * Parses a command's arguments, opens the service that they name, and runs the command.
 *
 *   arguments   the command's own struct, which begins with a struct options
 *   run         gives the exit code
 */
int options_run(int argc, char **argv, const struct argp *argp, void *arguments,
                int (*run)(struct service *service, void *arguments));

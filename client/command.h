/* SPDX-License-Identifier: MIT */
/*
 * What every sub-command of `assay` shares: its row in a table, its exit codes, and how a failure
 * is shown. Results go to stdout, everything else to stderr.
 */
#pragma once

#include "common/problems.h"

#include <stdio.h>

/* What a script can tell apart. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_INVALID = 1,     /* the submission (or the receipt) is not valid */
    EXIT_USAGE = 2,       /* wrong usage or configuration */
    EXIT_REFUSED = 3,     /* quota, closed, not allowed */
    EXIT_UNREACHABLE = 4, /* the service does not answer, or not usefully */
};

struct command {
    const char *name;
    /* argv[0] is the command's full name ("assay submit"); the result is an exit code */
    int (*run)(int argc, char **argv);
    const char *help; /* one line, upper case, no full stop */
};

struct command_group {
    const char *name; /* "assay", "assay competition" */
    const char *doc;  /* below the list of its commands, or NULL */
    const struct command *commands;
    size_t n_commands;
};

/* Runs the command that argv[1] names. Nothing, `help` and `--help` print the group's list; an
 * unknown name is EXIT_USAGE with "did you mean". */
int command_run(const struct command_group *group, int argc, char **argv);

/* Prints a group's list of commands. */
void command_list(FILE *out, const struct command_group *group);

/* "assay: text" on stderr, with its position; gives the exit code of the error. */
int command_failed(const struct err *err);

/* As command_failed, of a file: "assay: name:line:column: text". */
int command_failed_in(const char *file_name, const struct err *err);

/* Shows what is wrong with a configuration file: every problem that was found, or the error where
 * there is none. Gives EXIT_USAGE. */
int command_bad_config(const char *file_name, const struct problems *problems,
                       const struct err *err);

/* One "line:column: text" per kept problem on stderr, and how many more there are. */
void command_problems(const struct problems *problems);

/* The exit code for who must act. */
enum exit_code command_exit_code(const struct err *err);

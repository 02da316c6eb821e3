/* SPDX-License-Identifier: MIT */
/*
 * The assay command: a table of sub-commands, each in a file of its own.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/commands.h"

static const struct command commands[] = {
    {"split", command_split, "Divide photos into train, validation and test, by observer"},
    {"verify", command_verify, "Check receipts, offline"},
};

static const struct command_group assay = {
    .name = "assay",
    .doc = "Exit codes: 0 done, 1 the submission is invalid, 2 usage or configuration,\n"
           "3 refused (quota, closed, not allowed), 4 the service is unreachable.",
    .commands = commands,
    .n_commands = ARRAY_SIZE(commands),
};

int main(int argc, char **argv)
{
    argp_err_exit_status = EXIT_USAGE;
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        puts("assay " ASSAY_VERSION);
        return EXIT_DONE;
    }
    int code = command_run(&assay, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "assay: write to standard output: %s\n", strerror(errno));
        return code == EXIT_DONE ? EXIT_USAGE : code;
    }
    return code;
}

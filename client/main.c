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
    {"score", command_score, "Score a submission offline, with the labels"},
    {"check", command_check, "Validate a submission offline, without labels"},
    {"submit", command_submit, "Send a submission, wait for its score"},
    {"submissions", command_submissions, "List your submissions"},
    {"status", command_status, "Show one submission"},
    {"leaderboard", command_leaderboard, "Show the board; publish, freeze or reveal it"},
    {"select", command_select, "Choose the submissions that count in the end"},
    {"receipt", command_receipt, "Store the receipts of a submission"},
    {"verify", command_verify, "Check receipts, offline"},
    {"log", command_log, "Write a competition's log as files, checked"},
    {"audit", command_audit, "Check a whole competition from public files"},
    {"competition", command_competition, "Competitions: create, list, show"},
    {"team", command_team, "Make a team and its token"},
    {"retry", command_retry, "Put a failed submission back"},
    {"rescore", command_rescore, "Score everything again and compare"},
    {"report", command_report, "Tables and figures of the iNaturalist 2017 paper"},
    {"split", command_split, "Divide photos into train, validation and test, by observer"},
    {"login", command_login, "Keep the address of a service and your token"},
    {"up", command_up, "Run the service on this machine"},
    {"backup", command_backup, "Copy the service's database while it works"},
    {"doctor", command_doctor, "Look at what the service on this machine needs"},
    {"health", command_health, "Ask whether the service is well"},
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

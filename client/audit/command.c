/* SPDX-License-Identifier: MIT */
/*
 * `assay audit`: a competition checked from public files alone, a line of report for each check.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "client/audit/audit.h"
#include "client/command.h"
#include "client/commands.h"

enum { KEY_SUBMISSIONS = 0x1000, KEY_CATEGORIES, KEY_KEYS };

struct audit_arguments {
    const char *folder;
    const char *submissions;
    const char *categories;
    const char *keys;
};

static const struct argp_option options[] = {
    {"submissions", KEY_SUBMISSIONS, "DIR", 0, "score these files again, found by their SHA-256",
     0},
    {"categories", KEY_CATEGORIES, "FILE", 0, "the competition's file of classes, to score with",
     0},
    {"keys", KEY_KEYS, "DIR", 0, "the keys that you hold, with the checkpoints that you have seen",
     0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct audit_arguments *arguments = state->input;

    switch (key) {
    case KEY_SUBMISSIONS:
        arguments->submissions = text;
        return 0;
    case KEY_CATEGORIES:
        arguments->categories = text;
        return 0;
    case KEY_KEYS:
        arguments->keys = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->folder != NULL) {
            argp_error(state, "one folder at a time");
            return EINVAL;
        }
        arguments->folder = text;
        return 0;
    case ARGP_KEY_END:
        if (arguments->folder == NULL) {
            argp_error(state, "which folder? `assay log COMPETITION --dir DIR` writes one");
            return EINVAL;
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool run_checks(struct audit *audit, const struct audit_arguments *arguments,
                       const struct log_summary *log, struct err *err)
{
    audit_passed("log", "%" PRIu64 " entries and %zu files are as %s signed them",
                 log->checkpoint.size, log->n_files, log->key.origin);
    return audit_keys(audit, log, arguments->folder, arguments->keys, err) &&
           audit_signatures(audit, err) && audit_rescores(audit, err) && audit_labels(audit, err) &&
           audit_openings(audit, err) && audit_boards(audit, err) &&
           (arguments->submissions == NULL ||
            audit_scores(audit, arguments->submissions, arguments->categories, err));
}

static int run(struct audit *audit, const struct audit_arguments *arguments)
{
    const struct log_visitor visitor = {.see = audit_see, .context = audit};
    struct log_summary log;
    struct err err;

    bool is_read = log_folder_read(&log, arguments->folder, &visitor, &err);
    bool ok = is_read && run_checks(audit, arguments, &log, &err);
    log_summary_free(&log);
    if (!is_read && err.code == ERR_INPUT) {
        audit_failed(audit, "log", "%s", err.text);
    } else if (!ok) {
        return command_failed_in(arguments->folder, &err);
    }
    printf("\n%s\n", audit->n_failed == 0 ? "everything that was seen is as it was signed"
                                          : "the audit FAILED");
    return audit->n_failed == 0 ? EXIT_DONE : EXIT_INVALID;
}

int command_audit(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "DIR",
        .doc =
            "Checks a competition from public files alone: DIR is what `assay log` wrote. Looks at "
            "every entry and signature, who stated the results, what the reveal opened, the "
            "labels, the re-scores and the boards; with files, scores them again.\v"
            "Exit codes: 0 all that was seen is right, 1 something is not, 2 usage.",
    };
    static struct audit audit; /* large */
    struct audit_arguments arguments = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    int code = run(&audit, &arguments);
    audit_free(&audit);
    return code;
}

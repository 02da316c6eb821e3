/* SPDX-License-Identifier: MIT */
/*
 * `assay audit`: what a competition's log vouches for, from the files that `assay log` wrote and
 * the log's key as the competitor has it. It says what was checked, with counts, and what was not.
 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "client/attest.h"
#include "client/command.h"
#include "client/commands.h"
#include "client/keyring.h"
#include "client/log_check.h"
#include "common/file.h"

enum { KEY_VKEY = 0x2000 };

struct audit_arguments {
    const char *folder;
    const char *vkey_path;
};

static bool visit(void *context, const struct entry *entry, const char *line, size_t line_size,
                  const struct bytes *file, struct err *err)
{
    return attest_entry(context, entry, line, line_size, file, err);
}

/* The folder's key must be the one that the competitor has from elsewhere. */
static bool check_key(const struct audit_arguments *arguments, struct err *err)
{
    char path[KEYRING_PATH_SIZE];
    struct bytes there = {0};
    struct bytes known = {0};
    struct note_public_key keys[2];

    bool ok = path_join(path, sizeof(path), arguments->folder, "vkey", err) &&
              file_read(&there, path, NOTE_KEY_TEXT_SIZE, err) &&
              file_read(&known, arguments->vkey_path, NOTE_KEY_TEXT_SIZE, err) &&
              note_public_key_read(&keys[0], there.data, there.size_bytes, err) &&
              note_public_key_read(&keys[1], known.data, known.size_bytes, err);
    if (ok && memcmp(keys[0].key, keys[1].key, sizeof(keys[0].key)) != 0) {
        ok = err_set(err, ERR_INPUT, "the log is signed with another key than %s",
                     arguments->vkey_path);
    }
    bytes_free(&there);
    bytes_free(&known);
    return ok;
}

static void print_report(const struct attest *attest, const struct audit_arguments *arguments)
{
    printf("log key       %s\n", arguments->vkey_path != NULL
                                     ? "the one given"
                                     : "NOT CHECKED: only the folder says it; give yours (--vkey)");
    printf("results       %zu, each signed by a worker that the log lists\n", attest->n_results);
    printf("confirmations %zu signatures of further workers\n", attest->n_confirmed);
    printf("re-scores     %zu with the root of the results before them\n", attest->n_rescores);
    if (attest->n_unequal > 0) {
        printf("              NOT CHECKED: the roots of %zu with differences or failures\n",
               attest->n_unequal);
    }
    printf("orders        %zu, signed by the organizer\n", attest->n_orders);
    if (attest->n_opened == attest->n_results) {
        printf("scores        %zu, both commitments of each open\n", attest->n_opened);
    } else {
        puts("scores        NOT CHECKED: they were not opened");
    }
    printf("labels        %zu of %zu versions are published, with the root committed to\n",
           attest->n_disclosed, attest->n_label_roots);
    puts("board         NOT CHECKED: ranks are not made again from the scores\n"
         "submissions   NOT CHECKED: files are not scored again (assay score, with the labels)");
}

static int audit(const struct audit_arguments *arguments)
{
    static struct attest attest;
    const struct log_visitor visitor = {.visit = visit, .context = &attest};
    struct err err;

    if (!crypt_start(&err)) {
        return command_failed(&err);
    }
    if (arguments->vkey_path != NULL && !check_key(arguments, &err)) {
        return command_failed_in(arguments->folder, &err);
    }
    int code = log_check(arguments->folder, &visitor);
    if (code == EXIT_DONE) {
        print_report(&attest, arguments);
    }
    attest_free(&attest);
    return code;
}

static const struct argp_option list[] = {
    {"vkey", KEY_VKEY, "FILE", 0, "the log's key as you have it (log.vkey beside a receipt)", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct audit_arguments *arguments = state->input;

    switch (key) {
    case KEY_VKEY:
        arguments->vkey_path = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->folder != NULL) {
            return ARGP_ERR_UNKNOWN;
        }
        arguments->folder = text;
        return 0;
    case ARGP_KEY_END:
        if (arguments->folder == NULL) {
            argp_error(state, "DIR is missing: a folder that assay log wrote");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int command_audit(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "DIR",
        "Checks a folder that `assay log` wrote, without the service: the checkpoint, every entry "
        "and file, who signed results, confirmations, the order to reveal and corrections, that "
        "opened scores and published labels are those committed to, and the roots of re-scores.\v"
        "It says what it could not check. Exits with 0 when all that it checked holds, 1 when "
        "something does not, naming the entry.",
        NULL,
        NULL,
        NULL};
    struct audit_arguments arguments = {0};

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return EXIT_USAGE;
    }
    return audit(&arguments);
}

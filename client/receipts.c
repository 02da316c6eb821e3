/* SPDX-License-Identifier: MIT */
/*
 * `assay receipt`. The service's file names are checked before they name a file here, and a receipt
 * that its keys do not verify, or of a log that does not continue what was seen of it, is an error
 * at once, not at the end of the competition.
 */
#include "client/receipts.h"

#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "client/follow.h"
#include "client/options.h"
#include "client/verify.h"
#include "common/file.h"

/* "ID" or "ID.word" */
static bool is_receipt_name(const char *name, const char *id)
{
    size_t length = strlen(id);
    const char *rest = name + length;

    return strncmp(name, id, length) == 0 &&
           (*rest == '\0' ||
            (*rest == '.' && strlen(rest) < 32 &&
             strspn(rest + 1, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(rest + 1)));
}

/* Writes the files of a receipt under its name; path is that of its entry then. */
static bool store(char path[static VERIFY_PATH_SIZE], const struct receipt_files *files,
                  const char *folder, const char *name, struct err *err)
{
    char file_name[128];

    if (!folder_make(folder, 0755, err)) {
        return false;
    }
    for (size_t i = PARTS; i-- > 0;) {
        snprintf(file_name, sizeof(file_name), "%s%s", name, verify_endings[i]);
        if (!path_join(path, VERIFY_PATH_SIZE, folder, file_name, err) ||
            !file_write_durable(path, files->parts[i].data, files->parts[i].size_bytes, 0644,
                                err)) {
            return false;
        }
    }
    return true;
}

/* What was refused overwrites nothing that is good, and is kept: it is evidence. */
static void store_refused(const struct receipt_files *files, const char *folder, const char *name)
{
    char refused[VERIFY_PATH_SIZE];
    char path[VERIFY_PATH_SIZE];
    struct err err;

    if (path_join(refused, sizeof(refused), folder, "refused", &err) &&
        store(path, files, refused, name, &err)) {
        fprintf(stderr, "assay: what the service sent is kept as %s\n", path);
    }
}

/* Checks a receipt and that its log goes on as it was seen. An exit code. */
static int check(struct service *service, const struct keyring *keyring,
                 const struct receipt_files *files)
{
    static struct verify_receipt receipt;
    struct err err;

    if (!verify_files(&receipt, files, keyring, &err)) {
        return command_failed(&err);
    }
    struct sighting sighting = verify_sighting(&receipt);
    return follow_log(service, keyring, &sighting);
}

static int store_and_check(struct service *service, const struct keyring *keyring,
                           const struct jvalue *file, const char *id, const char *folder)
{
    static const char *const members[PARTS] = {"entry", "minisig", "sshsig", "proof"};
    struct receipt_files files;
    const char *name = service_text(file, "name");
    char path[VERIFY_PATH_SIZE];
    struct err err;

    if (!is_receipt_name(name, id)) {
        err_set(&err, ERR_PEER, "the service names a receipt '%.80s'", name);
        return command_failed(&err);
    }
    for (size_t i = 0; i < PARTS; i++) {
        files.parts[i].data = service_text(file, members[i]);
        files.parts[i].size_bytes = strlen(files.parts[i].data);
    }
    int code = check(service, keyring, &files);
    if (code == EXIT_INVALID) {
        store_refused(&files, folder, name);
    } else if (code == EXIT_DONE && !store(path, &files, folder, name, &err)) {
        code = command_failed(&err);
    } else if (code == EXIT_DONE) {
        fprintf(stderr, "Stored and verified %s\n", path);
    }
    return code;
}

static int store_all(struct service *service, const struct keyring *keyring,
                     const struct jvalue *files, const char *id, const char *folder)
{
    int code = EXIT_DONE;
    struct err err;

    if (jvalue_count(files) == 0) {
        err_set(&err, ERR_PEER, "the service has no receipt of %s", id);
        return command_failed(&err);
    }
    for (size_t i = 0; i < jvalue_count(files) && code == EXIT_DONE; i++) {
        code = store_and_check(service, keyring, jvalue_item(files, i), id, folder);
    }
    return code;
}

int receipts_fetch(struct service *service, const char *id, const char *folder)
{
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    static struct keyring keyring;
    struct err err;

    if (!service_check_submission(id, &err) || !folder_make(folder, 0755, &err) ||
        !service_path(path, &err, "/v1/submissions/%s/receipt", id) || !crypt_start(&err)) {
        return command_failed(&err);
    }
    int code = follow_keys(&keyring, service, folder);
    if (code != EXIT_DONE) {
        return code;
    }
    code = service_get(service, &answer, path);
    if (code == EXIT_DONE) {
        code =
            store_all(service, &keyring, jvalue_member(service_root(&answer), "files"), id, folder);
    }
    service_answer_free(&answer);
    return code;
}

enum { KEY_DIR = 0x2000 };

struct receipt_arguments {
    struct options options;
    const char *id;
    const char *folder;
};

static const struct argp_option list[] = {
    {"dir", KEY_DIR, "DIR", 0, "folder to store it in (default: this one)", 1},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct receipt_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case KEY_DIR:
        arguments->folder = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->id != NULL) {
            argp_error(state, "one submission only: %s", text);
        }
        arguments->id = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "the receipt of which submission?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int fetch(struct service *service, void *context)
{
    const struct receipt_arguments *arguments = context;

    return receipts_fetch(service, arguments->id, arguments->folder);
}

int command_receipt(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "ID",
        "Stores the receipts of a submission: ID.json with ID.json.minisig, ID.json.sig and "
        "ID.tlog-proof; the same of ID.result once it is scored or invalid, and of ID.promise "
        "where "
        "it was promised.\v"
        "Each is checked with the keys in the folder or one up (receipt.pub, allowed_signers, "
        "log.vkey); where there are none, the service's are stored there. What was seen of the log "
        "is kept in COMPETITION.checkpoints: a log that does not continue it is refused. Check "
        "them "
        "with stock tools too: `minisign -V -p receipt.pub -m ID.json'.",
        options_service,
        NULL,
        NULL};
    struct receipt_arguments arguments = {.folder = "."};

    return options_run(argc, argv, &argp, &arguments, fetch);
}

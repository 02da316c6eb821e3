/* SPDX-License-Identifier: MIT */
/*
 * `assay receipt`. The service's file names are checked before they name a file here, and a receipt
 * that its key does not verify is an error at once, not at the end of the competition.
 */
#include "client/receipts.h"

#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "client/options.h"
#include "client/verify.h"

/* "ID" or "ID.word" */
static bool is_receipt_name(const char *name, const char *id)
{
    size_t length = strlen(id);
    const char *rest = name + length;

    return strncmp(name, id, length) == 0 &&
           (*rest == '\0' || (*rest == '.' && strlen(rest) < 32 &&
                              strspn(rest + 1, "abcdefghijklmnopqrstuvwxyz") == strlen(rest + 1)));
}

static bool store(const char *folder, const char *name, const char *ending, const char *text,
                  struct err *err)
{
    char path[VERIFY_PATH_SIZE];
    char file_name[128];

    snprintf(file_name, sizeof(file_name), "%s%s", name, ending);
    return path_join(path, sizeof(path), folder, file_name, err) &&
           file_write_durable(path, text, strlen(text), 0644, err);
}

/* The key near the receipts; where there is none, the service's own. */
static int ensure_key(struct service *service, const char *folder)
{
    char path[VERIFY_PATH_SIZE];
    struct service_answer answer = {0};
    struct err err;

    if (verify_find_key(path, folder)) {
        return EXIT_DONE;
    }
    int code = service_get(service, &answer, "/v1/keys/receipt.pub");
    if (code == EXIT_DONE && (!path_join(path, sizeof(path), folder, "receipt.pub", &err) ||
                              !file_write_durable(path, answer.http.body.data,
                                                  answer.http.body.size_bytes, 0644, &err))) {
        code = command_failed(&err);
    } else if (code == EXIT_DONE) {
        fprintf(stderr, "Stored the service's public key as %s: keep it\n", path);
    }
    service_answer_free(&answer);
    return code;
}

static bool store_and_check(const struct jvalue *file, const char *id, const char *folder,
                            struct err *err)
{
    const char *name = service_text(file, "name");
    char path[VERIFY_PATH_SIZE];
    char file_name[128];
    static struct verify_receipt receipt;

    if (!is_receipt_name(name, id)) {
        return err_set(err, ERR_PEER, "the service names a receipt '%.80s'", name);
    }
    snprintf(file_name, sizeof(file_name), "%s.json", name);
    if (!store(folder, name, ".json", service_text(file, "entry"), err) ||
        !store(folder, name, ".json.minisig", service_text(file, "minisig"), err) ||
        !path_join(path, sizeof(path), folder, file_name, err)) {
        return false;
    }
    if (!verify_receipt(&receipt, path, NULL, err)) {
        return false;
    }
    fprintf(stderr, "Stored and verified %s\n", path);
    return true;
}

static int store_all(const struct jvalue *files, const char *id, const char *folder)
{
    struct err err;

    if (jvalue_count(files) == 0) {
        err_set(&err, ERR_PEER, "the service has no receipt of %s", id);
        return command_failed(&err);
    }
    for (size_t i = 0; i < jvalue_count(files); i++) {
        if (!store_and_check(jvalue_item(files, i), id, folder, &err)) {
            return command_failed(&err);
        }
    }
    return EXIT_DONE;
}

int receipts_fetch(struct service *service, const char *id, const char *folder)
{
    char path[SERVICE_PATH_SIZE];
    struct service_answer answer = {0};
    struct err err;

    if (!service_check_submission(id, &err) || !folder_make(folder, 0755, &err) ||
        !service_path(path, &err, "/v1/submissions/%s/receipt", id)) {
        return command_failed(&err);
    }
    int code = ensure_key(service, folder);
    if (code != EXIT_DONE) {
        return code;
    }
    code = service_get(service, &answer, path);
    if (code == EXIT_DONE) {
        code = store_all(jvalue_member(service_root(&answer), "files"), id, folder);
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
        "Stores the receipts of a submission: ID.json and ID.json.minisig, and ID.result.json with "
        "its signature once it is scored or invalid.\v"
        "Each is checked with receipt.pub in the folder or one up; where there is none, the "
        "service's key is stored there. Check them with stock tools too: "
        "`minisign -V -p receipt.pub -m ID.json'.",
        options_service,
        NULL,
        NULL};
    struct receipt_arguments arguments = {.folder = "."};

    return options_run(argc, argv, &argp, &arguments, fetch);
}

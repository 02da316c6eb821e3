/* SPDX-License-Identifier: MIT */
/*
 * `assay verify`: receipts checked offline, against the public key that the competitor kept. What
 * it accepts, stock minisign accepts too; the reverse does not hold.
 */
#include "client/verify.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/commands.h"
#include "client/digest.h"
#include "common/file.h"
#include "schemas/receipt.h"

struct verify_arguments {
    const char *key_path;
    const char *submission_path;
    char **receipts;
    int n_receipts;
};

static const struct argp_option options[] = {
    {"key", 'k', "FILE", 0,
     "public key of the service (default: receipt.pub in the receipt's folder or one up)", 0},
    {"file", 'f', "SUBMISSION", 0, "also check that the receipt is for this file", 0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct verify_arguments *arguments = state->input;

    switch (key) {
    case 'k':
        arguments->key_path = text;
        return 0;
    case 'f':
        arguments->submission_path = text;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->receipts = state->argv + state->next;
        arguments->n_receipts = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which receipt?");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool read_key_file(struct receipt_public_key *key, const char *path, struct err *err)
{
    struct bytes text = {0};

    bool ok = file_read(&text, path, RECEIPT_KEY_TEXT_SIZE, err) &&
              receipt_public_key_read(key, text.data, text.size_bytes, err);
    bytes_free(&text);
    return ok;
}

bool verify_find_key(char path[static VERIFY_PATH_SIZE], const char *folder)
{
    static const char *const places[] = {"receipt.pub", "../receipt.pub"};
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (path_join(path, VERIFY_PATH_SIZE, folder, places[i], &err) && access(path, R_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* The key that was named, else the one near the receipt. */
static bool read_key(struct receipt_public_key *key, const char *key_path, const char *receipt,
                     struct err *err)
{
    char folder[VERIFY_PATH_SIZE];
    char path[VERIFY_PATH_SIZE];

    if (key_path != NULL) {
        return read_key_file(key, key_path, err);
    }
    if (!path_folder(folder, sizeof(folder), receipt, err)) {
        return false;
    }
    if (!verify_find_key(path, folder)) {
        return err_set(err, ERR_CONFIG,
                       "no receipt.pub beside it or one folder up: name it with --key");
    }
    return read_key_file(key, path, err);
}

/* True when the entry is about the file's very bytes. */
static bool check_submission(const struct entry *entry, const char *path, struct err *err)
{
    struct digest digest;

    if (entry->kind != ENTRY_SUBMISSION) {
        return err_set(err, ERR_CONFIG, "a %s receipt names no file", entry_kind_name(entry->kind));
    }
    if (!digest_of_file(&digest, path, err)) {
        return false;
    }
    if (strcmp(digest.text, entry->values[ENTRY_SUBMISSION_FILE_SHA256].text) != 0 ||
        digest.size_bytes != entry->values[ENTRY_SUBMISSION_FILE_BYTES].number) {
        return err_set(err, ERR_INPUT, "the receipt is for another file: %s has sha256 %s", path,
                       digest.text);
    }
    return true;
}

static void print_entry(const char *path, const struct entry *entry)
{
    const struct entry_value *values = entry->values;

    printf("%s: valid %s receipt, %s entry %" PRId64 "\n", path, entry_kind_name(entry->kind),
           entry->competition, entry->index);
    if (entry->kind == ENTRY_SUBMISSION) {
        printf("  submission %s of team %s\n  received %s, %" PRId64 " bytes\n  sha256 %s\n",
               values[ENTRY_SUBMISSION_ID].text, values[ENTRY_SUBMISSION_TEAM].text,
               values[ENTRY_SUBMISSION_RECEIVED].text, values[ENTRY_SUBMISSION_FILE_BYTES].number,
               values[ENTRY_SUBMISSION_FILE_SHA256].text);
    } else if (entry->kind == ENTRY_PROMISE) {
        printf("  submission %s of team %s\n  promised %s, %" PRId64
               " bytes until %s\n  sha256 %s\n",
               values[ENTRY_PROMISE_ID].text, values[ENTRY_PROMISE_TEAM].text,
               values[ENTRY_PROMISE_RECEIVED].text, values[ENTRY_PROMISE_FILE_BYTES].number,
               values[ENTRY_PROMISE_UNTIL].text, values[ENTRY_PROMISE_FILE_SHA256].text);
    } else if (entry->kind == ENTRY_RESULT) {
        printf("  submission %s, %s %s\n  finished %s\n", values[ENTRY_RESULT_ID].text,
               values[ENTRY_RESULT_OUTCOME].text, values[ENTRY_RESULT_SCORE].text,
               values[ENTRY_RESULT_FINISHED].text);
    }
}

static bool check_bytes(struct verify_receipt *receipt, const char *path, const char *key_path,
                        const struct bytes *line, const struct bytes *signature, struct err *err)
{
    struct receipt_public_key key;

    return read_key(&key, key_path, path, err) &&
           receipt_check(&key, line->data, line->size_bytes, signature->data, signature->size_bytes,
                         err) &&
           entry_read(&receipt->entry, receipt->texts, line->data, line->size_bytes, err);
}

bool verify_receipt(struct verify_receipt *receipt, const char *path, const char *key_path,
                    struct err *err)
{
    char signature_path[VERIFY_PATH_SIZE];
    struct bytes line = {0};
    struct bytes signature = {0};

    if (snprintf(signature_path, sizeof(signature_path), "%s.minisig", path) >= VERIFY_PATH_SIZE) {
        return err_set(err, ERR_LIMIT, "path is longer than %d bytes", VERIFY_PATH_SIZE - 1);
    }
    bool ok = file_read(&line, path, ENTRY_SIZE, err) &&
              file_read(&signature, signature_path, RECEIPT_SIGNATURE_SIZE, err) &&
              check_bytes(receipt, path, key_path, &line, &signature, err);
    bytes_free(&line);
    bytes_free(&signature);
    return ok;
}

static bool verify_and_print(const struct verify_arguments *arguments, const char *path,
                             struct err *err)
{
    struct verify_receipt receipt;

    if (!verify_receipt(&receipt, path, arguments->key_path, err)) {
        return false;
    }
    if (arguments->submission_path != NULL &&
        !check_submission(&receipt.entry, arguments->submission_path, err)) {
        return false;
    }
    print_entry(path, &receipt.entry);
    return true;
}

int command_verify(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        "RECEIPT.json...",
        "Checks receipts without the service: signature, canonical form and, with --file, that the "
        "receipt is for that very file. RECEIPT.json.minisig must lie beside each.\v"
        "Exits with 0 when all are valid, 1 when one is not.",
        NULL,
        NULL,
        NULL};
    struct verify_arguments arguments = {0};
    int code = EXIT_DONE;
    struct err err;

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return EXIT_USAGE;
    }
    if (!crypt_start(&err)) {
        return command_failed(&err);
    }
    for (int i = 0; i < arguments.n_receipts; i++) {
        if (!verify_and_print(&arguments, arguments.receipts[i], &err)) {
            int failed = command_failed_in(arguments.receipts[i], &err);
            code = code > failed ? code : failed;
        }
    }
    return code;
}

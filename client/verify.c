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

#include "client/command.h"
#include "client/commands.h"
#include "client/digest.h"
#include "common/file.h"
#include "schemas/sshsig.h"

struct verify_arguments {
    const char *key_path;
    const char *submission_path;
    char **receipts;
    int n_receipts;
};

static const struct argp_option options[] = {
    {"key", 'k', "FILE", 0,
     "public key of the service, with the other keys beside it (default: receipt.pub in the "
     "receipt's folder or one up)",
     0},
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
        printf("  submission %s, %s %s\n  finished %s, labels of version %" PRId64 "\n",
               values[ENTRY_RESULT_ID].text, values[ENTRY_RESULT_OUTCOME].text,
               values[ENTRY_RESULT_SCORE].text, values[ENTRY_RESULT_FINISHED].text,
               values[ENTRY_RESULT_LABELS].number);
    }
}

static bool check_proof(struct verify_receipt *receipt, const struct receipt_files *files,
                        const struct keyring *keyring, struct err *err)
{
    const struct entry *entry = &receipt->entry;
    size_t size = files->parts[PART_PROOF].size_bytes;
    struct tree_hash leaf;

    if (size >= sizeof(receipt->proof)) {
        return err_set(err, ERR_INPUT, "proof has %zu bytes, limit is %d", size,
                       NOTE_PROOF_SIZE - 1);
    }
    memcpy(receipt->proof, files->parts[PART_PROOF].data, size);
    receipt->proof_size = size;
    size_t at = note_proof_checkpoint(receipt->proof, size);
    entry_leaf(leaf.bytes, files->parts[PART_ENTRY].data, files->parts[PART_ENTRY].size_bytes);
    return keyring_log(&receipt->log, keyring, entry->competition, receipt->proof + at, size - at,
                       err) &&
           note_proof_check(&receipt->checkpoint, &receipt->log, &leaf, (uint64_t)entry->index,
                            receipt->proof, size, err);
}

bool verify_files(struct verify_receipt *receipt, const struct receipt_files *files,
                  const struct keyring *keyring, struct err *err)
{
    const void *line = files->parts[PART_ENTRY].data;
    size_t size = files->parts[PART_ENTRY].size_bytes;

    return receipt_check(&keyring->receipt, line, size, files->parts[PART_MINISIG].data,
                         files->parts[PART_MINISIG].size_bytes, err) &&
           sshsig_check(keyring->ssh, line, size, files->parts[PART_SSHSIG].data,
                        files->parts[PART_SSHSIG].size_bytes, err) &&
           entry_read(&receipt->entry, receipt->texts, line, size, err) &&
           check_proof(receipt, files, keyring, err);
}

const char *const verify_endings[PARTS] = {".json", ".json.minisig", ".json.sig", ".tlog-proof"};

bool verify_receipt(struct verify_receipt *receipt, const char *path, const struct keyring *keyring,
                    struct err *err)
{
    static const size_t sizes[PARTS] = {ENTRY_SIZE, RECEIPT_SIGNATURE_SIZE, SSHSIG_SIZE,
                                        NOTE_PROOF_SIZE};
    struct receipt_files files = {0};
    struct bytes texts[PARTS] = {0};
    char name[VERIFY_PATH_SIZE];
    size_t ending = strlen(verify_endings[PART_ENTRY]);
    size_t stem = strlen(path) < ending ? 0 : strlen(path) - ending;
    bool ok = true;

    if (stem == 0 || stem + sizeof(".json.minisig") > sizeof(name) ||
        strcmp(path + stem, verify_endings[PART_ENTRY]) != 0) {
        return err_set(err, ERR_CONFIG, "a receipt is called ID%s", verify_endings[PART_ENTRY]);
    }
    for (size_t i = 0; i < PARTS && ok; i++) {
        snprintf(name, sizeof(name), "%.*s%s", (int)stem, path, verify_endings[i]);
        ok = file_read(&texts[i], name, sizes[i], err);
        files.parts[i].data = texts[i].data;
        files.parts[i].size_bytes = texts[i].size_bytes;
    }
    ok = ok && verify_files(receipt, &files, keyring, err);
    for (size_t i = 0; i < PARTS; i++) {
        bytes_free(&texts[i]);
    }
    return ok;
}

struct sighting verify_sighting(const struct verify_receipt *receipt)
{
    size_t at = note_proof_checkpoint(receipt->proof, receipt->proof_size);

    return (struct sighting){.competition = receipt->entry.competition,
                             .log = &receipt->log,
                             .checkpoint = receipt->checkpoint,
                             .note = receipt->proof + at,
                             .note_size = receipt->proof_size - at};
}

/* The keys that the arguments name, else those near the receipt. */
static bool find_keys(struct keyring *keyring, const struct verify_arguments *arguments,
                      const char *path, struct err *err)
{
    char folder[VERIFY_PATH_SIZE];
    char keys[VERIFY_PATH_SIZE];

    if (arguments->key_path != NULL) {
        return path_folder(keys, sizeof(keys), arguments->key_path, err) &&
               keyring_read(keyring, keys, arguments->key_path, err);
    }
    if (!path_folder(folder, sizeof(folder), path, err)) {
        return false;
    }
    if (!keyring_find(keys, folder)) {
        return err_set(err, ERR_CONFIG,
                       "no receipt.pub beside it or one folder up: name it with --key");
    }
    return keyring_read(keyring, keys, NULL, err);
}

static bool check_history(const struct verify_receipt *receipt, const struct keyring *keyring,
                          struct err *err)
{
    struct sighting sighting = verify_sighting(receipt);
    bool is_new;

    if (!keyring_see(&is_new, keyring, &sighting, err)) {
        return false;
    }
    return !is_new ||
           err_set(err, ERR_INPUT,
                   "nothing shows that its checkpoint of %" PRIu64
                   " entries continues those seen before: assay receipt ID fetches the proof",
                   receipt->checkpoint.size);
}

static bool verify_and_print(const struct verify_arguments *arguments, const char *path,
                             struct err *err)
{
    static struct verify_receipt receipt;
    static struct keyring keyring;

    if (!find_keys(&keyring, arguments, path, err) ||
        !verify_receipt(&receipt, path, &keyring, err) || !check_history(&receipt, &keyring, err)) {
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
        "Checks receipts without the service: both signatures, canonical form, that the entry "
        "stands in the log, that the log continues what was seen of it before, and, with --file, "
        "that the receipt is for that very file.\v"
        "Beside ID.json lie ID.json.minisig, ID.json.sig and ID.tlog-proof; beside receipt.pub lie "
        "allowed_signers, log.vkey and, once something was seen, COMPETITION.checkpoints. Exits "
        "with 0 when all are valid, 1 when one is not.",
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

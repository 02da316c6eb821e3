/* SPDX-License-Identifier: MIT */
/*
 * Corrects labels. The next version is made here, of the same seeds, and sealed to the workers; the
 * service gets its root with the proof of which rows changed, signed by the organizer's key. A
 * command that is repeated finds the version that it made before.
 */
#include "client/competition_create.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/log_file.h"
#include "client/options.h"
#include "client/organizer.h"
#include "common/text.h"
#include "schemas/correction.h"
#include "schemas/order.h"
#include "scorer/data/label_rows.h"

enum {
    KEY_REASON = 0x3000,
    BODY_BYTES_MAX = 16 << 10,
    REASON_MAX = 200,
    WAIT_MS = 60 * 60 * 1000,
    PAUSE_MS = 200
};

struct correct_arguments {
    struct options options;
    struct organizer_arguments organizer;
    const char *path;
    const char *reason;
};

/* What was read, and what is made of it. */
struct fix {
    struct organizer organizer;
    struct competition competition;
    struct bytes yaml;
    struct labels *labels; /* the corrected ones */
    struct label_file before;
    struct bytes block;
    uint32_t version; /* of the corrected ones */
    bool is_new;      /* the version was not there before */
    struct tree_hash old_root;
    struct tree_hash new_root;
    struct correction correction;
    char proof[SHA256_HEX_SIZE];
};

static const struct argp_option list[] = {
    {"reason", KEY_REASON, "TEXT", 0, "why, for everybody to read in the log", 1},
    ORGANIZER_OPTIONS,
    {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct correct_arguments *arguments = state->input;

    if (organizer_parse(&arguments->organizer, key, text)) {
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case KEY_REASON:
        arguments->reason = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path != NULL) {
            argp_error(state, "one competition only: %s", text);
        }
        arguments->path = text;
        return 0;
    case ARGP_KEY_END:
        if (arguments->path == NULL || arguments->organizer.labels == NULL ||
            arguments->reason == NULL) {
            argp_error(state, arguments->path == NULL     ? "which competition file?"
                              : arguments->reason == NULL ? "why? --reason TEXT says it"
                                                          : "which labels? --labels PATH says it");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool check_reason(const char *reason, struct err *err)
{
    size_t size = strlen(reason);

    for (size_t i = 0; i < size; i++) {
        if (reason[i] < 0x20 || reason[i] > 0x7e || reason[i] == '"' || reason[i] == '\\') {
            return err_set(err, ERR_CONFIG,
                           "a reason is printable ASCII without quotes and backslashes");
        }
    }
    return (size > 0 && size <= REASON_MAX) ||
           err_set(err, ERR_CONFIG, "a reason has 1 to %d bytes, not %zu", REASON_MAX, size);
}

/* ---- the versions ---- */

/* The newest version that there is; 0 without any. */
static uint32_t newest_version(const struct fix *fix)
{
    uint32_t version = 0;

    while (label_file_exists(fix->organizer.label_folder, fix->competition.id, version + 1)) {
        version++;
    }
    return version;
}

/* Images are never removed, and none is added: their rows stand in the tree for good. */
static bool check_images(const struct fix *fix, struct err *err)
{
    const struct catalog *before = &fix->before.block.labels.catalog;
    const struct catalog *now = &fix->labels->catalog;
    char id[CATALOG_ID_BYTES_MAX];

    for (uint32_t i = 0; i < before->n_images; i++) {
        size_t size = catalog_image_id(id, before, i);
        if (catalog_find_image(now, id, size) == CATALOG_NONE) {
            return err_set(err, ERR_CONFIG,
                           "image '%.*s' is missing: images are not removed, mark it as ignored",
                           (int)size, id);
        }
    }
    return now->n_images == before->n_images ||
           err_set(err, ERR_CONFIG, "there are %" PRIu32 " images now, there were %" PRIu32,
                   now->n_images, before->n_images);
}

static bool make_block(struct fix *fix, uint32_t version, struct err *err)
{
    const struct label_block_source source = {.version = version,
                                              .seeds = fix->before.block.seeds,
                                              .organizer = fix->organizer.key.sign,
                                              .yaml = fix->yaml.data,
                                              .yaml_size = fix->yaml.size_bytes,
                                              .labels = fix->labels};

    bytes_free(&fix->block);
    return label_block_make(&fix->block, &source, err);
}

static bool open_before(struct fix *fix, uint32_t version, struct err *err)
{
    const struct label_block *block = &fix->before.block;

    label_file_close(&fix->before);
    if (!label_file_open(&fix->before, fix->organizer.label_folder, fix->competition.id, version,
                         &fix->organizer.key.seal, NULL, err)) {
        return false;
    }
    if (block->yaml_size != fix->yaml.size_bytes ||
        memcmp(block->yaml, fix->yaml.data, block->yaml_size) != 0) {
        return err_set(err, ERR_CONFIG,
                       "the competition file is not the one that the competition began with");
    }
    if (memcmp(block->organizer, fix->organizer.key.sign, CRYPT_PUBLIC_KEY_BYTES) != 0) {
        return err_set(err, ERR_CONFIG, "the labels name another organizer's key than yours");
    }
    return check_images(fix, err);
}

/* Opens the version before, and makes the next: the newest one where it was made by this command,
 * which is repeated then. */
static bool make_version(struct fix *fix, struct err *err)
{
    uint32_t newest = newest_version(fix);

    if (newest == 0) {
        return err_set(err, ERR_CONFIG, "%s has no labels of %s", fix->organizer.label_folder,
                       fix->competition.id);
    }
    if (!open_before(fix, newest, err) || !make_block(fix, newest, err)) {
        return false;
    }
    fix->is_new = newest == LABEL_VERSION_FIRST ||
                  fix->before.size_bytes != fix->block.size_bytes ||
                  memcmp(fix->before.data, fix->block.data, fix->block.size_bytes) != 0;
    fix->version = fix->is_new ? newest + 1 : newest;
    return open_before(fix, fix->version - 1, err) && make_block(fix, fix->version, err);
}

/* ---- the proof ---- */

static bool make_leaves(struct tree_hash *leaves, const struct fix *fix,
                        const struct labels *labels, struct err *err)
{
    struct label_rows rows = {0};

    if (!label_rows_open(&rows, labels, err)) {
        return false;
    }
    struct commitment_rows all = label_rows_all(&rows);
    bool ok =
        commitment_leaves(leaves, fix->before.block.seeds->label, fix->competition.id, &all, err);
    label_rows_free(&rows);
    return ok;
}

static bool make_correction(struct fix *fix, struct err *err)
{
    size_t n = fix->labels->catalog.n_images;
    struct tree_hash *leaves = calloc(2 * n, sizeof(*leaves));

    if (leaves == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory to commit to labels");
    }
    bool ok = make_leaves(leaves, fix, &fix->before.block.labels, err) &&
              make_leaves(leaves + n, fix, fix->labels, err) &&
              commitment_root(&fix->old_root, leaves, n, err) &&
              commitment_root(&fix->new_root, leaves + n, n, err) &&
              correction_make(&fix->correction, leaves, leaves + n, n, err);
    free(leaves);
    if (!ok && err->code == ERR_INPUT) {
        err->code = ERR_CONFIG; /* the organizer's own labels */
    }
    return ok;
}

/* ---- the service ---- */

static void write_body(struct jwriter *writer, const struct fix *fix, const char *reason)
{
    char order[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];
    char hex[SHA256_HEX_SIZE];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    uint8_t set[SHA256_BYTES];
    uint8_t proof[SHA256_BYTES] = {0};
    size_t counts[N_SPLITS];
    struct err ignored;
    const struct order_correct parts = {.competition = fix->competition.id,
                                        .labels = fix->version,
                                        .old_root = fix->old_root.bytes,
                                        .new_root = fix->new_root.bytes,
                                        .label_set_sha256 = set,
                                        .proof_sha256 = proof,
                                        .reason = reason};

    label_rows_count(counts, fix->labels);
    sha256_of(set, fix->block.data, fix->block.size_bytes);
    bool is_hex = hex_read(proof, sizeof(proof), fix->proof, strlen(fix->proof), &ignored);
    (void)is_hex; /* log_file_put made it */
    order_correct_sign(signature, &parts, fix->organizer.key.sign_secret);
    crypt_base64(order, sizeof(order), signature, sizeof(signature));
    jwriter_object(writer);
    jwriter_key_int(writer, "labels", fix->version);
    hex_text(hex, fix->new_root.bytes, TREE_HASH_BYTES);
    jwriter_key_text(writer, "root", hex);
    hex_text(hex, set, sizeof(set));
    jwriter_key_text(writer, "set_sha256", hex);
    jwriter_key_int(writer, "public", (int64_t)counts[SPLIT_PUBLIC]);
    jwriter_key_int(writer, "private", (int64_t)counts[SPLIT_PRIVATE]);
    jwriter_key_text(writer, "reason", reason);
    jwriter_key_text(writer, "proof_sha256", fix->proof);
    jwriter_key_text(writer, "order", order);
    jwriter_object_end(writer);
}

static int post(struct service *service, const struct fix *fix, const char *reason)
{
    struct service_answer answer = {0};
    char path[SERVICE_PATH_SIZE];
    struct jwriter writer;
    struct err err;

    jwriter_start(&writer, BODY_BYTES_MAX);
    write_body(&writer, fix, reason);
    bool ok = jwriter_ok(&writer, &err) &&
              service_path(path, &err, "/v1/competitions/%s/corrections", fix->competition.id);
    const struct service_request request = {.method = "POST",
                                            .path = path,
                                            .content_type = "application/json",
                                            .body = writer.out.data,
                                            .body_bytes = writer.out.size_bytes};
    int code = ok ? service_ask(service, &answer, &request) : command_failed(&err);
    service_answer_free(&answer);
    jwriter_end(&writer);
    return code;
}

static int put_proof(struct service *service, struct fix *fix)
{
    struct bytes text = {0};
    struct err err;

    int code = correction_write(&text, &fix->correction, &err)
                   ? log_file_put(fix->proof, service, fix->competition.id, &text)
                   : command_failed(&err);
    bytes_free(&text);
    return code;
}

/* Waits until the board shows the new version. */
static int wait_until_shown(struct service *service, const struct fix *fix)
{
    int64_t end_ms = time_boot_ms() + WAIT_MS;
    char path[SERVICE_PATH_SIZE];
    struct err err;

    if (!service_path(path, &err, "/v1/competitions/%s", fix->competition.id)) {
        return command_failed(&err);
    }
    while (time_boot_ms() < end_ms) {
        struct service_answer answer = {0};
        int code = service_get(service, &answer, path);
        bool is_shown = service_int(service_root(&answer), "labels") >= fix->version;
        service_answer_free(&answer);
        if (code != EXIT_DONE || is_shown) {
            return code;
        }
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
    err_set(&err, ERR_PEER, "%s: not everything is scored again yet; is a worker running?",
            fix->competition.id);
    return command_failed(&err);
}

/* The labels first: workers must have what they are to score by. */
static int install_and_post(struct service *service, struct fix *fix, const char *reason)
{
    const char *id = fix->competition.id;
    const char *folder = fix->organizer.label_folder;
    struct err err;

    if (!make_version(fix, &err) || !make_correction(fix, &err) ||
        !organizer_seal(&fix->organizer, id, fix->version, &fix->block, &err)) {
        return command_failed(&err);
    }
    int code = put_proof(service, fix);
    code = code == EXIT_DONE ? post(service, fix, reason) : code;
    if (code != EXIT_DONE && code != EXIT_UNREACHABLE && fix->is_new &&
        !label_file_remove(folder, id, fix->version, &err)) {
        command_failed(&err);
    }
    code = code == EXIT_DONE ? wait_until_shown(service, fix) : code;
    if (code == EXIT_DONE) {
        fprintf(stderr,
                "%s: %zu of %" PRIu64 " rows corrected, the board shows version %" PRIu32
                " of the labels\n",
                id, fix->correction.n_changes, fix->correction.size, fix->version);
    }
    return code;
}

static int correct(struct service *service, void *context)
{
    const struct correct_arguments *arguments = context;
    struct fix fix = {0};
    struct err err;

    int code = check_reason(arguments->reason, &err) &&
                       organizer_open(&fix.organizer, &arguments->organizer, &err)
                   ? organizer_load(&fix.competition, &fix.yaml, &fix.labels, arguments->path,
                                    arguments->organizer.labels)
                   : command_failed(&err);
    if (code == EXIT_DONE) {
        code = install_and_post(service, &fix, arguments->reason);
    }
    labels_close(&fix.labels);
    label_file_close(&fix.before);
    correction_free(&fix.correction);
    bytes_free(&fix.yaml);
    bytes_free(&fix.block);
    crypt_wipe(&fix.organizer.key, sizeof(fix.organizer.key));
    return code;
}

int competition_correct(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "COMPETITION.yaml",
        "Corrects labels of a competition (organizer): makes the next version of them, proves in "
        "the log which rows changed and no other, has everything scored again, and waits until "
        "the board shows it.\v"
        "The labels hold every image; one that is to count no more is ignored. What was scored "
        "before stays in the log.",
        options_service,
        NULL,
        NULL};
    struct correct_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, correct);
}

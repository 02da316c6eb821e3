/* SPDX-License-Identifier: MIT */
/*
 * The reveal. The order to open private scores is signed with the organizer's key, which the log
 * names and workers check: the service cannot give it. Where the competition says so, the labels
 * are published behind it.
 */
#include "client/reveal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/log_file.h"
#include "client/options.h"
#include "client/organizer.h"
#include "common/text.h"
#include "schemas/label_list.h"
#include "schemas/order.h"
#include "scorer/data/label_rows.h"

enum { WAIT_MS = 10 * 60 * 1000, PAUSE_MS = 200, BODY_SIZE = 512 };

struct reveal_arguments {
    struct options options;
    struct organizer_arguments organizer;
};

struct reveal {
    struct service *service;
    const char *competition;
    const struct organizer_arguments *arguments;
    struct organizer_key key;
    uint8_t score_seed_sha256[SHA256_BYTES]; /* as the log has it */
    bool is_full;                            /* the labels are to be published */
};

/* ---- the order ---- */

/* The first entry of the log must name this organizer's key. */
static bool read_genesis(struct reveal *reveal, const struct bytes *line, struct err *err)
{
    static char texts[ENTRY_SIZE];
    char own[SHA256_HEX_SIZE];
    struct entry entry;

    hex_text(own, reveal->key.sign, sizeof(reveal->key.sign));
    if (!entry_read(&entry, texts, line->data, line->size_bytes, err)) {
        return false;
    }
    if (entry.kind != ENTRY_GENESIS || strcmp(entry.competition, reveal->competition) != 0 ||
        strcmp(entry.values[ENTRY_GENESIS_ORGANIZER].text, own) != 0) {
        return err_set(err, ERR_CONFIG,
                       "the log of %s names another organizer's key than yours: --organizer-key "
                       "says where it is",
                       reveal->competition);
    }
    reveal->is_full = strcmp(entry.values[ENTRY_GENESIS_REVEAL].text, "full") == 0;
    return hex_read(reveal->score_seed_sha256, SHA256_BYTES,
                    entry.values[ENTRY_GENESIS_SCORE_SEED_SHA256].text, 2 * SHA256_BYTES, err);
}

static int get_genesis(struct reveal *reveal)
{
    struct service_answer answer = {0};
    char path[SERVICE_PATH_SIZE];
    struct err err;

    if (!service_path(path, &err, "/v1/competitions/%s/log/entries?first=0&end=1",
                      reveal->competition)) {
        return command_failed(&err);
    }
    int code = service_get(reveal->service, &answer, path);
    if (code == EXIT_DONE && !read_genesis(reveal, &answer.http.body, &err)) {
        code = command_failed(&err);
    }
    service_answer_free(&answer);
    return code;
}

static void sign_order(char order[static CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)],
                       const struct reveal *reveal)
{
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
    const struct order_reveal parts = {.competition = reveal->competition,
                                       .score_seed_sha256 = reveal->score_seed_sha256};

    order_reveal_sign(signature, &parts, reveal->key.sign_secret);
    crypt_base64(order, CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES), signature, sizeof(signature));
}

static int post(const struct reveal *reveal, const char *what, const char *body)
{
    struct service_answer answer = {0};
    char path[SERVICE_PATH_SIZE];
    struct err err;

    if (!service_path(path, &err, "/v1/competitions/%s/%s", reveal->competition, what)) {
        return command_failed(&err);
    }
    const struct service_request request = {.method = "POST",
                                            .path = path,
                                            .content_type = "application/json",
                                            .body = body,
                                            .body_bytes = strlen(body)};
    int code = service_ask(reveal->service, &answer, &request);
    service_answer_free(&answer);
    return code;
}

static int post_order(const struct reveal *reveal)
{
    char order[CRYPT_BASE64_SIZE(CRYPT_SIGNATURE_BYTES)];
    char body[BODY_SIZE];

    sign_order(order, reveal);
    snprintf(body, sizeof(body), "{\"move\":\"reveal\",\"order\":\"%s\"}", order);
    return post(reveal, "leaderboard", body);
}

/* Waits until every result is opened; the workers do it one by one. */
static int wait_until_open(const struct reveal *reveal)
{
    int64_t end_ms = time_boot_ms() + WAIT_MS;
    char path[SERVICE_PATH_SIZE];
    struct err err;

    if (!service_path(path, &err, "/v1/competitions/%s", reveal->competition)) {
        return command_failed(&err);
    }
    while (time_boot_ms() < end_ms) {
        struct service_answer answer = {0};
        int code = service_get(reveal->service, &answer, path);
        bool is_revealed = strcmp(service_text(service_root(&answer), "state"), "revealed") == 0;
        service_answer_free(&answer);
        if (code != EXIT_DONE || is_revealed) {
            return code;
        }
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
    err_set(&err, ERR_PEER, "%s: private scores are still being opened; is a worker running?",
            reveal->competition);
    return command_failed(&err);
}

/* ---- the labels ---- */

/* The rows of one label set, as they are published. */
static bool list_rows(struct bytes *list, const struct label_file *file, struct err *err)
{
    struct label_rows rows = {0};

    if (!label_rows_open(&rows, &file->block.labels, err)) {
        return false;
    }
    struct commitment_rows all = label_rows_all(&rows);
    bool ok = label_list_make(list, file->block.seeds->label, &all, err);
    label_rows_free(&rows);
    return ok;
}

static int disclose(const struct reveal *reveal, const char *folder, uint32_t version)
{
    struct label_file file = {0};
    struct bytes list = {0};
    char seed[SHA256_HEX_SIZE];
    char rows[SHA256_HEX_SIZE];
    char body[BODY_SIZE];
    struct err err;

    bool ok = label_file_open(&file, folder, reveal->competition, version, &reveal->key.seal, NULL,
                              &err) &&
              list_rows(&list, &file, &err);
    int code =
        ok ? log_file_put(rows, reveal->service, reveal->competition, &list) : command_failed(&err);
    if (code == EXIT_DONE) {
        hex_text(seed, file.block.seeds->label, sizeof(file.block.seeds->label));
        snprintf(body, sizeof(body),
                 "{\"labels\":%" PRIu32 ",\"label_seed\":\"%s\",\"rows_sha256\":\"%s\"}", version,
                 seed, rows);
        code = post(reveal, "disclosures", body);
    }
    label_file_close(&file);
    bytes_free(&list);
    return code;
}

/* Every version that there is. */
static int disclose_all(const struct reveal *reveal)
{
    char folder[STATE_PATH_SIZE];
    uint32_t version = LABEL_VERSION_FIRST;
    int code = EXIT_DONE;
    struct err err;

    if (!organizer_label_folder(folder, reveal->arguments, &err)) {
        return command_failed(&err);
    }
    if (!label_file_exists(folder, reveal->competition, version)) {
        err_set(&err, ERR_CONFIG, "%s has no labels of %s: they must be published now", folder,
                reveal->competition);
        return command_failed(&err);
    }
    for (; code == EXIT_DONE && label_file_exists(folder, reveal->competition, version);
         version++) {
        code = disclose(reveal, folder, version);
    }
    return code;
}

/* ---- the command ---- */

static int run(struct service *service, void *context)
{
    const struct reveal_arguments *arguments = context;
    static struct reveal reveal;
    struct err err;

    reveal = (struct reveal){.service = service,
                             .competition = arguments->options.competition,
                             .arguments = &arguments->organizer};
    bool ok = service_check_competition(reveal.competition, &err) && crypt_start(&err) &&
              organizer_open_key(&reveal.key, reveal.arguments, &err);
    int code = ok ? get_genesis(&reveal) : command_failed(&err);
    code = code == EXIT_DONE ? post_order(&reveal) : code;
    code = code == EXIT_DONE ? wait_until_open(&reveal) : code;
    code = code == EXIT_DONE && reveal.is_full ? disclose_all(&reveal) : code;
    crypt_wipe(&reveal.key, sizeof(reveal.key));
    if (code == EXIT_DONE) {
        fprintf(stderr, "%s: the private scores are open, the board is final%s\n",
                reveal.competition, reveal.is_full ? ", the labels are published" : "");
    }
    return code;
}

static const struct argp_option list[] = {ORGANIZER_PLACES, {0}};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct reveal_arguments *arguments = state->input;

    if (organizer_parse(&arguments->organizer, key, text)) {
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, &arguments->options);
        return 0;
    case ARGP_KEY_ARG:
        return options_take_competition(&arguments->options, text) ? 0 : ARGP_ERR_UNKNOWN;
    case ARGP_KEY_END:
        options_need_competition(&arguments->options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int leaderboard_reveal(int argc, char **argv)
{
    static const struct argp argp = {
        list,
        parse_option,
        "[COMP]",
        "Opens the private scores of a competition and makes its board final (organizer). The "
        "order "
        "is signed with your key, which the log names: without it no worker opens anything.\v"
        "Everything that was scored is opened and listed in a file that the log names. Where the "
        "competition says `reveal: {labels: full}', the labels are published, too.",
        options_competition,
        NULL,
        NULL};
    struct reveal_arguments arguments = {0};

    return options_run(argc, argv, &argp, &arguments, run);
}

/* SPDX-License-Identifier: MIT */
/*
 * `assay score`: scores a submission with the labels at hand, by the same library as the service's
 * worker. The submission's SHA-256 is computed on a thread of its own meanwhile.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client/cardtext.h"
#include "client/commands.h"
#include "client/digest.h"
#include "client/offline.h"

/* A scorecard of the largest catalog stays far below. */
static const size_t json_bytes_max = (size_t)1 << 30;

struct score_arguments {
    const char *competition;
    const char *submission;
    const char *labels;
    unsigned splits; /* CARD_BITs */
    bool is_json;
};

enum { KEY_LABELS = 0x1000, KEY_SPLIT, KEY_JSON };

static const struct argp_option options[] = {
    {"labels", KEY_LABELS, "PATH", 0, "solution file, COCO JSON file or folder (required)", 0},
    {"split", KEY_SPLIT, "SPLIT", 0, "public, private or all (default: all of them)", 0},
    {"json", KEY_JSON, NULL, 0, "print the scorecard as JSON and nothing else", 0},
    {0},
};

static bool parse_split(unsigned *splits, const char *text)
{
    static const struct {
        const char *name;
        unsigned splits;
    } names[] = {{"public", CARD_BIT(CARD_PUBLIC)},
                 {"private", CARD_BIT(CARD_PRIVATE)},
                 {"all", CARD_BITS_ALL}};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(text, names[i].name) == 0) {
            *splits = names[i].splits;
            return true;
        }
    }
    return false;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct score_arguments *arguments = state->input;

    switch (key) {
    case KEY_LABELS:
        arguments->labels = text;
        return 0;
    case KEY_SPLIT:
        if (!parse_split(&arguments->splits, text)) {
            argp_error(state, "split '%s' is not public, private or all", text);
            return EINVAL;
        }
        return 0;
    case KEY_JSON:
        arguments->is_json = true;
        return 0;
    case ARGP_KEY_ARG:
        return offline_take(&arguments->competition, &arguments->submission, text);
    case ARGP_KEY_END:
        if (arguments->submission == NULL || arguments->labels == NULL) {
            argp_error(state, "which competition, which submission, and --labels where?");
            return EINVAL;
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The submission's hash and size, computed beside the scoring. */
struct hashing {
    const char *path;
    struct digest digest;
    bool is_ok;
    struct err err;
};

struct scoring {
    struct score_arguments arguments;
    struct offline offline;
    struct arena *arena;
    struct labels *labels; /* the card borrows names from them */
    struct hashing hashing;
    struct scorecard card;
};

static void *hashing_run(void *context)
{
    struct hashing *hashing = context;

    hashing->is_ok = digest_of_file(&hashing->digest, hashing->path, &hashing->err);
    return NULL;
}

static enum exit_code score(struct scoring *scoring)
{
    struct submission submission;
    struct err err = {0};

    enum exit_code code =
        offline_labels(&scoring->labels, scoring->arguments.labels, &scoring->offline);
    if (code != EXIT_DONE) {
        return code;
    }
    code = offline_read(&submission, scoring->arguments.submission, &scoring->offline,
                        &scoring->labels->catalog, scoring->arena);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!offline_evaluate(&scoring->card, scoring->labels, &submission, scoring->arguments.is_json,
                          scoring->arena, &err)) {
        return command_failed(&err);
    }
    memcpy(scoring->card.competition, scoring->offline.competition.id,
           sizeof(scoring->card.competition));
    scoring->card.labels = 1;
    scoring->card.submission_rows = (int64_t)submission.n_rows;
    return EXIT_DONE;
}

/* Scores, and fills in what the hash says. */
static enum exit_code score_and_hash(struct scoring *scoring)
{
    struct hashing *hashing = &scoring->hashing;
    pthread_t thread;

    hashing->path = scoring->arguments.submission;
    bool is_beside = pthread_create(&thread, NULL, hashing_run, hashing) == 0;
    enum exit_code code = score(scoring);
    if (is_beside) {
        pthread_join(thread, NULL);
    } else {
        hashing_run(hashing);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    if (!hashing->is_ok) {
        return command_failed(&hashing->err);
    }
    memcpy(scoring->card.submission_sha256, hashing->digest.sha256, SHA256_BYTES);
    scoring->card.submission_bytes = hashing->digest.size_bytes;
    return EXIT_DONE;
}

static bool print_json(const struct scorecard *card, unsigned splits, struct err *err)
{
    struct jwriter writer;

    jwriter_start(&writer, json_bytes_max);
    scorecard_write(&writer, card, splits);
    jwriter_raw(&writer, "\n", 1);
    bool ok = jwriter_ok(&writer, err);
    if (ok) {
        fwrite(writer.out.data, 1, writer.out.size_bytes, stdout); /* main looks at its state */
    }
    jwriter_end(&writer);
    return ok;
}

static bool print_card(const struct scoring *scoring, struct err *err)
{
    const struct score_arguments *arguments = &scoring->arguments;
    const struct competition *competition = &scoring->offline.competition;
    const struct scorecard *card = &scoring->card;

    if (arguments->is_json) {
        return print_json(card, arguments->splits, err);
    }
    printf("%s\n%s: %" PRId64 " %s, %" PRId64 " bytes\nsha256 %s\n\n",
           competition->title[0] == '\0' ? competition->id : competition->title,
           arguments->submission, card->submission_rows,
           offline_rows_name(competition, (uint64_t)card->submission_rows), card->submission_bytes,
           scoring->hashing.digest.text);
    return cardtext_print(stdout, card, competition, arguments->splits, err);
}

int command_score(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse_option,
        .args_doc = "COMPETITION.yaml SUBMISSION",
        .doc = "Scores a submission offline, with the labels.",
    };
    struct scoring scoring = {.arguments = {.splits = CARD_BITS_ALL}};
    struct err err = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &scoring.arguments);
    enum exit_code code = offline_open(&scoring.offline, scoring.arguments.competition);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!arena_open(&scoring.arena, offline_memory_max, &err)) {
        return command_failed(&err);
    }
    code = score_and_hash(&scoring);
    if (code == EXIT_DONE && !print_card(&scoring, &err)) {
        code = command_failed(&err);
    }
    labels_close(&scoring.labels);
    arena_close(&scoring.arena);
    return code;
}

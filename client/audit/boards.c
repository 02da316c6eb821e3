/* SPDX-License-Identifier: MIT */
/*
 * Boards made again from the log alone, as the broker makes them: of each team the best submission;
 * better scores first, then the earlier one. What is compared is the hash over the lines
 * "RANK,TEAM,SCORE,SUBMISSION".
 */
#include "client/audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "schemas/score.h"

/* A submission that may stand on a board. */
struct candidate {
    int64_t team;
    int64_t sort_key;
    int64_t received_ms;
    size_t submission; /* its place in the log's order */
};

static int compare_int(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_ranks(const void *a, const void *b)
{
    const struct candidate *left = a;
    const struct candidate *right = b;
    int order = compare_int(left->sort_key, right->sort_key);

    order = order != 0 ? order : compare_int(left->received_ms, right->received_ms);
    return order != 0 ? order : compare_int((int64_t)left->submission, (int64_t)right->submission);
}

static int compare_teams(const void *a, const void *b)
{
    const struct candidate *left = a;
    const struct candidate *right = b;
    int order = compare_int(left->team, right->team);

    return order != 0 ? order : compare_ranks(a, b);
}

static int compare_places(const void *a, const void *b)
{
    const struct candidate *left = a;
    const struct candidate *right = b;

    return compare_int((int64_t)left->submission, (int64_t)right->submission);
}

static struct candidate candidate_of(const struct audit *audit, size_t submission,
                                     const char *score)
{
    return (struct candidate){
        .team = audit->submissions[submission].team,
        .sort_key = score_key(strtod(score, NULL), audit->is_higher_better),
        .received_ms = audit->submissions[submission].received_ms,
        .submission = submission,
    };
}

/* Sorts by team and rank, and keeps the first `n_max` of each team; returns how many are left. */
static size_t keep_best(struct candidate *candidates, size_t n, int64_t n_max)
{
    size_t n_kept = 0;
    int64_t n_of_team = 0;

    qsort(candidates, n, sizeof(*candidates), compare_teams);
    for (size_t i = 0; i < n; i++) {
        n_of_team = i > 0 && candidates[i].team == candidates[i - 1].team ? n_of_team + 1 : 1;
        if (n_of_team <= n_max) {
            candidates[n_kept++] = candidates[i];
        }
    }
    return n_kept;
}

/* ---- which submissions decide ---- */

/* The submission's result under the last labels that it was scored by; NULL where it is invalid. */
static const struct audit_result *last_score(const struct audit *audit, size_t submission)
{
    size_t place = audit->submissions[submission].last_result;

    return place != 0 && audit->results[place - 1].is_scored ? &audit->results[place - 1] : NULL;
}

static int compare_team_of(const void *team, const void *candidate)
{
    return compare_int(*(const int64_t *)team, ((const struct candidate *)candidate)->team);
}

/* The finals in the order of the log: what the teams chose, else their best on the public board. */
static size_t make_finals(struct candidate *finals, const struct audit *audit)
{
    size_t n_chosen = 0;

    for (size_t i = 0; i < audit->n_submissions; i++) {
        if (audit->submissions[i].is_selected && last_score(audit, i) != NULL) {
            finals[n_chosen++] = candidate_of(audit, i, "0");
        }
    }
    qsort(finals, n_chosen, sizeof(*finals), compare_teams);
    struct candidate *others = finals + n_chosen;
    size_t n_others = 0;
    for (size_t i = 0; i < audit->n_submissions; i++) {
        const struct audit_result *result = last_score(audit, i);
        if (result != NULL && result->score[0] != '\0' &&
            bsearch(&audit->submissions[i].team, finals, n_chosen, sizeof(*finals),
                    compare_team_of) == NULL) {
            others[n_others++] = candidate_of(audit, i, result->score);
        }
    }
    size_t n = n_chosen + keep_best(others, n_others, audit->competition.limits.final_selections);
    qsort(finals, n, sizeof(*finals), compare_places);
    return n;
}

static void check_finals(struct audit *audit, const struct candidate *finals, size_t n)
{
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    char text[SHA256_HEX_SIZE];

    sha256_start(&hash);
    for (size_t i = 0; i < n; i++) {
        sha256_add(&hash, audit->submissions[finals[i].submission].id, AUDIT_ID_SIZE - 1);
        sha256_add(&hash, "\n", 1);
    }
    sha256_finish(&hash, digest);
    hex_text(text, digest, sizeof(digest));
    if ((int64_t)n != audit->n_finals || strcmp(text, audit->finals_sha256) != 0) {
        audit_failed(audit, "finals",
                     "entry %" PRId64 " lets other submissions decide than the %zu "
                     "of the log",
                     audit->reveal_index, n);
    } else {
        audit_passed("finals", "%zu submissions decide, as chosen or best of their teams", n);
    }
}

/* ---- boards ---- */

/* What the public board shows at an entry: results under those labels before it. */
static size_t public_candidates(struct candidate *candidates, const struct audit *audit,
                                const struct audit_board *board)
{
    size_t n = 0;

    for (size_t i = 0; i < audit->n_results; i++) {
        const struct audit_result *result = &audit->results[i];
        if (result->index < board->index && result->labels == board->labels && result->is_scored &&
            result->score[0] != '\0') {
            candidates[n++] = candidate_of(audit, result->submission, result->score);
        }
    }
    return n;
}

/* The finals with their opened private scores. */
static size_t private_candidates(struct candidate *candidates, const struct audit *audit,
                                 const struct candidate *finals, size_t n_finals)
{
    size_t n = 0;

    for (size_t i = 0; i < n_finals; i++) {
        size_t submission = finals[i].submission;
        const struct audit_result *result = last_score(audit, submission);
        if (result != NULL && result->is_opened && result->opening.private_score[0] != '\0') {
            candidates[n++] = candidate_of(audit, submission, result->opening.private_score);
        }
    }
    return n;
}

static void hash_board(char text[static SHA256_HEX_SIZE], const struct audit *audit,
                       const struct candidate *rows, size_t n)
{
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];

    sha256_start(&hash);
    for (size_t i = 0; i < n; i++) {
        char score[SCORE_TEXT_SIZE];
        char line[160];
        score_text(score, score_of_key(rows[i].sort_key, audit->is_higher_better),
                   (int)audit->competition.board.decimals);
        int size = snprintf(line, sizeof(line), "%zu,t%" PRId64 ",%s,%s\n", i + 1, rows[i].team,
                            score, audit->submissions[rows[i].submission].id);
        sha256_add(&hash, line, (size_t)size);
    }
    sha256_finish(&hash, digest);
    hex_text(text, digest, sizeof(digest));
}

static void check_board(struct audit *audit, const struct audit_board *board,
                        struct candidate *candidates, const struct candidate *finals,
                        size_t n_finals)
{
    char text[SHA256_HEX_SIZE];

    size_t n = board->is_private ? private_candidates(candidates, audit, finals, n_finals)
                                 : public_candidates(candidates, audit, board);
    n = keep_best(candidates, n, 1);
    qsort(candidates, n, sizeof(*candidates), compare_ranks);
    hash_board(text, audit, candidates, n);
    if (strcmp(text, board->sha256) != 0) {
        audit_failed(audit, "boards",
                     "entry %" PRId64 " (%s) is of another board than the log's "
                     "%zu teams give",
                     board->index, board->move, n);
    } else {
        audit_passed("boards", "entry %" PRId64 " (%s): %zu teams, made again from the log",
                     board->index, board->move, n);
    }
}

bool audit_boards(struct audit *audit, struct err *err)
{
    size_t n_max = audit->n_submissions + audit->n_results + 1;
    struct candidate *candidates = calloc(n_max, sizeof(*candidates));
    struct candidate *finals = calloc(n_max, sizeof(*finals));
    size_t n_finals = 0;

    if (candidates == NULL || finals == NULL) {
        free(candidates);
        free(finals);
        return err_set(err, ERR_SYSTEM, "no memory for %zu submissions", n_max);
    }
    if (audit->reveal_index != 0) {
        n_finals = make_finals(finals, audit);
        check_finals(audit, finals, n_finals);
    }
    for (size_t i = 0; i < audit->n_boards; i++) {
        check_board(audit, &audit->boards[i], candidates, finals, n_finals);
    }
    if (audit->n_boards == 0) {
        audit_skipped("boards", "none was published");
    }
    free(candidates);
    free(finals);
    return true;
}

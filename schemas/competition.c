/* SPDX-License-Identifier: MIT */
/*
 * The table of the competition file, and the checks between its keys.
 */
#include "schemas/competition.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schemas/scorecard.h"

static const char *const tasks[] = {"classification", "detection", NULL};
static const char *const formats[] = {"topk", "boxes", "prediction_string", NULL};
static const char *const label_reveals[] = {"none", "full", NULL};
static const char *const coordinates[] = {"pixels", "normalized", NULL};

/* Prediction strings of well-known competitions. The first preset sets nothing. */
static const char *const preset_names[] = {"none", "open_images", "global_wheat",
                                           "rsna", "vinbigdata",  NULL};
static const struct preset {
    const char *image_id;
    const char *prediction_string;
    const char *tokens;
    bool is_normalized;
} presets[] = {
    {"", "", "", false},
    {"ImageId", "PredictionString", "label score xmin ymin xmax ymax", true},
    {"image_id", "PredictionString", "score x y width height", false},
    {"patientId", "PredictionString", "score x y width height", false},
    {"image_id", "PredictionString", "label score xmin ymin xmax ymax", false},
};
static_assert(ARRAY_SIZE(presets) + 1 == ARRAY_SIZE(preset_names), "a preset for each name");

#define MEMBER(member) CONF_MEMBER(struct competition, member)
#define COLUMN(name, what)                                                                         \
    {                                                                                              \
        .path = "submission.columns." #name, .type = CONF_TEXT, MEMBER(submission.columns.name),   \
        .fallback = #name, .help = "name of the column that holds " what                           \
    }

static const struct conf_key keys[] = {
    {.path = "competition",
     .type = CONF_ID,
     MEMBER(id),
     .help = "short name of the competition, used in addresses and receipts"},
    {.path = "task",
     .type = CONF_ENUM,
     MEMBER(task),
     .choices = tasks,
     .help = "what is predicted: a class per image, or boxes"},
    {.path = "metric",
     .type = CONF_TEXT,
     MEMBER(metric),
     .help = "the metric of the scorecard that ranks the board, such as top5_error or AP"},
    {.path = "submission.format",
     .type = CONF_ENUM,
     MEMBER(submission.format),
     .choices = formats,
     .help = "format of the uploaded CSV file"},
    {.path = "submission.k",
     .type = CONF_INT,
     MEMBER(submission.k),
     .min = 1,
     .max = TOPK_K_MAX,
     .fallback = "5",
     .unit = "class ids in a row",
     .help = "topk: how many class ids every row has, best first"},
    COLUMN(id, "the image id (topk)"),
    COLUMN(predicted, "the class ids (topk)"),
    COLUMN(image_id, "the image id (boxes, prediction_string)"),
    COLUMN(category_id, "the class id (boxes)"),
    COLUMN(score, "the confidence (boxes)"),
    COLUMN(x, "the left edge (boxes)"),
    COLUMN(y, "the top edge (boxes)"),
    COLUMN(width, "the width (boxes)"),
    COLUMN(height, "the height (boxes)"),
    {.path = "submission.columns.prediction_string",
     .type = CONF_TEXT,
     MEMBER(submission.columns.prediction_string),
     .fallback = "PredictionString",
     .help = "name of the column that holds the boxes of an image (prediction_string)"},
    {.path = "submission.preset",
     .type = CONF_ENUM,
     MEMBER(submission.preset),
     .choices = preset_names,
     .fallback = "none",
     .help =
         "prediction_string: the form of a well-known competition; sets tokens, coordinates and "
         "the two columns"},
    {.path = "submission.tokens",
     .type = CONF_TEXT,
     MEMBER(submission.tokens),
     .fallback = "label score x y width height",
     .help = "prediction_string: the values of a box in their order; xmin ymin xmax ymax may stand "
             "for x y width height, label may be left out"},
    {.path = "submission.coordinates",
     .type = CONF_ENUM,
     MEMBER(submission.coordinates),
     .choices = coordinates,
     .fallback = "pixels",
     .help = "prediction_string: pixels, or shares of the width and height in the image list"},
    {.path = "submission.null",
     .type = CONF_TEXT,
     MEMBER(submission.prediction.none),
     .fallback = "",
     .is_nullable = true,
     .help = "prediction_string: what stands for no box, besides an empty string"},
    {.path = "title",
     .type = CONF_TEXT,
     MEMBER(title),
     .fallback = "",
     .is_nullable = true,
     .help = "the name people read; the short name where it is empty"},
    {.path = "categories",
     .type = CONF_TEXT,
     MEMBER(categories),
     .fallback = "",
     .is_nullable = true,
     .help = "CSV file of the classes, relative to this file; without it any class id is valid"},
    {.path = "images",
     .type = CONF_TEXT,
     MEMBER(images),
     .fallback = "",
     .is_nullable = true,
     .help = "CSV file of the image ids, relative to this file, for `assay check`; a sample "
             "submission is one"},
    {.path = "opens",
     .type = CONF_TIME,
     MEMBER(opens_ms),
     .fallback = "null",
     .is_nullable = true,
     .help = "submissions are accepted from this time on"},
    {.path = "closes",
     .type = CONF_TIME,
     MEMBER(closes_ms),
     .fallback = "null",
     .is_nullable = true,
     .help = "submissions are accepted until this time"},
    {.path = "limits.per_day",
     .type = CONF_INT,
     MEMBER(limits.per_day),
     .min = 1,
     .max = 1000000,
     .fallback = "5",
     .unit = "scored submissions a UTC day",
     .help = "a team's quota; invalid and failed submissions are not counted"},
    {.path = "limits.total",
     .type = CONF_INT,
     MEMBER(limits.total),
     .min = 1,
     .max = 1000000000,
     .fallback = "null",
     .is_nullable = true,
     .unit = "scored submissions",
     .help = "a team's quota over the whole competition"},
    {.path = "limits.final_selections",
     .type = CONF_INT,
     MEMBER(limits.final_selections),
     .min = 1,
     .max = 100,
     .fallback = "2",
     .unit = "submissions",
     .help = "how many submissions of a team the reveal looks at"},
    {.path = "limits.file_bytes",
     .type = CONF_INT,
     MEMBER(limits.file_bytes),
     .min = 1,
     .max = (int64_t)16 << 30,
     .fallback = "1073741824",
     .unit = "bytes",
     .help = "largest file a team may upload"},
    {.path = "board.decimals",
     .type = CONF_INT,
     MEMBER(board.decimals),
     .min = 0,
     .max = 15,
     .fallback = "5",
     .unit = "digits",
     .help = "digits of a score after the point, on the board and in receipts"},
    {.path = "board.freeze",
     .type = CONF_TIME,
     MEMBER(board.freeze_ms),
     .fallback = "null",
     .is_nullable = true,
     .help = "from this time on the public board stands still until the reveal"},
    {.path = "board.ladder",
     .type = CONF_BOOL,
     MEMBER(board.is_ladder),
     .fallback = "off",
     .help = "show a score only when it beats the team's best by a step (Blum and Hardt 2015)"},
    {.path = "reveal.labels",
     .type = CONF_ENUM,
     MEMBER(label_reveal),
     .choices = label_reveals,
     .fallback = "none",
     .help = "what is published of the labels with the private scores; full: all rows, so that "
             "anybody can score again"},
};

const struct conf_table competition_table = {
    .name = "competition",
    .title = "The competition file",
    .keys = keys,
    .n_keys = ARRAY_SIZE(keys),
};

/* The token that a word names; false for other words. */
static bool find_token(enum prediction_token *token, const char *word, size_t size)
{
    static const struct {
        const char *name;
        enum prediction_token token;
    } names[] = {
        {"label", PREDICTION_LABEL}, {"score", PREDICTION_SCORE},   {"x", PREDICTION_X},
        {"y", PREDICTION_Y},         {"xmin", PREDICTION_X},        {"ymin", PREDICTION_Y},
        {"width", PREDICTION_WIDTH}, {"height", PREDICTION_HEIGHT}, {"xmax", PREDICTION_XMAX},
        {"ymax", PREDICTION_YMAX},
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strlen(names[i].name) == size && memcmp(names[i].name, word, size) == 0) {
            *token = names[i].token;
            return true;
        }
    }
    return false;
}

/* Reads "label score x y width height"; false where it does not name each value of a box once. */
static bool read_tokens(struct prediction_form *form, const char *text)
{
    enum { BOX = 1 << PREDICTION_SCORE | 1 << PREDICTION_X | 1 << PREDICTION_Y };
    const unsigned by_size = BOX | 1 << PREDICTION_WIDTH | 1 << PREDICTION_HEIGHT;
    const unsigned by_edges = BOX | 1 << PREDICTION_XMAX | 1 << PREDICTION_YMAX;
    unsigned found = 0;

    form->n_tokens = 0;
    for (const char *at = text; *at != '\0'; at += *at == ' ') {
        size_t size = strcspn(at, " ");
        enum prediction_token token;
        if (form->n_tokens == PREDICTION_TOKENS_MAX || !find_token(&token, at, size) ||
            (found & 1u << token) != 0) {
            return false;
        }
        form->tokens[form->n_tokens++] = token;
        found |= 1u << token;
        at += size;
    }
    form->has_label = (found & 1u << PREDICTION_LABEL) != 0;
    found &= ~(1u << PREDICTION_LABEL);
    return found == by_size || found == by_edges;
}

/* Makes the form of a prediction string from its keys, after the preset has set them. */
static void make_prediction(struct competition *competition, struct problems *problems)
{
    const struct preset *preset = &presets[competition->submission.preset];
    struct submission_columns *columns = &competition->submission.columns;

    if (competition->submission.preset != 0) {
        snprintf(columns->image_id, sizeof(columns->image_id), "%s", preset->image_id);
        snprintf(columns->prediction_string, sizeof(columns->prediction_string), "%s",
                 preset->prediction_string);
        snprintf(competition->submission.tokens, sizeof(competition->submission.tokens), "%s",
                 preset->tokens);
        competition->submission.coordinates = preset->is_normalized;
    }
    competition->submission.prediction.is_normalized = competition->submission.coordinates == 1;
    if (!read_tokens(&competition->submission.prediction, competition->submission.tokens)) {
        problems_add(problems, 1, 1,
                     "submission.tokens '%s' must name score, x, y and width, height or xmax, ymax "
                     "once each, and maybe label, with single spaces between",
                     competition->submission.tokens);
    }
}

static void check_between(const struct competition *competition, struct problems *problems)
{
    bool is_detection = competition->task == TASK_DETECTION;
    bool is_topk = competition->submission.format == FORMAT_TOPK;

    if (is_detection == is_topk) {
        problems_add(problems, 1, 1, "submission.format '%s' does not fit task '%s'",
                     formats[competition->submission.format], tasks[competition->task]);
    }
    const struct metric_info *metric = metric_find(competition->task, competition->metric);
    if (metric == NULL) {
        problems_add(problems, 1, 1, "metric '%s' is no metric of task '%s'", competition->metric,
                     tasks[competition->task]);
    } else if (!is_detection && competition->submission.k < metric->k_min) {
        problems_add(problems, 1, 1, "metric '%s' needs a submission.k of %d or more", metric->name,
                     metric->k_min);
    }
    if (competition->board.is_ladder) {
        problems_add(problems, 1, 1, "board.ladder: this version has no ladder, leave it off");
    }
    if (competition->opens_ms != CONF_NULL && competition->closes_ms != CONF_NULL &&
        competition->closes_ms <= competition->opens_ms) {
        problems_add(problems, 1, 1, "closes is not after opens");
    }
}

bool competition_load(struct competition *competition, const void *text, size_t size,
                      struct problems *problems)
{
    uint64_t n_before = problems->n_all;

    *competition = (struct competition){0};
    if (!conf_load(competition, &competition_table, text, size, problems)) {
        return false;
    }
    make_prediction(competition, problems);
    check_between(competition, problems);
    return problems->n_all == n_before;
}

bool competition_load_file(struct competition *competition, const char *path,
                           struct problems *problems, struct err *err)
{
    *competition = (struct competition){0};
    if (!conf_load_file(competition, &competition_table, path, problems, err)) {
        return false;
    }
    make_prediction(competition, problems);
    check_between(competition, problems);
    if (problems->n_all > 0) {
        const struct problem *first = &problems->kept[0];
        return err_set_at(err, ERR_CONFIG, first->line, first->column, "%s: %s", path, first->text);
    }
    return true;
}

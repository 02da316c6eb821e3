/* SPDX-License-Identifier: MIT */
/*
 * The competition file: one YAML file, one task, one ranking metric, one label set. Its reference
 * page and its JSON Schema come from the table in competition.c.
 */
#pragma once

#include "common/conftable.h"

enum task {
    TASK_CLASSIFICATION,
    TASK_DETECTION,
};

enum submission_format {
    FORMAT_TOPK,              /* id,predicted: k class ids separated by single spaces, best first */
    FORMAT_BOXES,             /* one row a box: image_id,category_id,score,x,y,width,height */
    FORMAT_PREDICTION_STRING, /* one row an image: image_id,PredictionString, any count of boxes */
};

/* One value of a box in a prediction string. */
enum prediction_token {
    PREDICTION_LABEL, /* class id, or a name of the categories file */
    PREDICTION_SCORE,
    PREDICTION_X, /* left edge; also called xmin */
    PREDICTION_Y, /* top edge; also called ymin */
    PREDICTION_WIDTH,
    PREDICTION_HEIGHT,
    PREDICTION_XMAX, /* right edge, instead of the width */
    PREDICTION_YMAX,
};

enum { PREDICTION_TOKENS_MAX = 6, PREDICTION_NONE_SIZE = 32 };

/* How a prediction string is read: n_tokens values a box, separated by single spaces. */
struct prediction_form {
    size_t n_tokens;
    enum prediction_token tokens[PREDICTION_TOKENS_MAX];
    bool has_label;     /* without, all boxes are of the only class */
    bool is_normalized; /* edges and sizes are shares of the image's width and height, not pixels */
    char none[PREDICTION_NONE_SIZE]; /* stands for no box; an empty string always does */
};

/* What the organizer publishes of the labels when the private scores are open. */
enum label_reveal {
    LABEL_REVEAL_NONE,
    LABEL_REVEAL_FULL, /* all rows and the seed of their salts: anybody can score again */
};

enum { COMPETITION_ID_SIZE = 64, COLUMN_NAME_SIZE = 64, CONF_PATH_SIZE = 1024, TOPK_K_MAX = 100 };

/* The names of the columns in the header of a submission. */
struct submission_columns {
    char id[COLUMN_NAME_SIZE];
    char predicted[COLUMN_NAME_SIZE];
    char image_id[COLUMN_NAME_SIZE];
    char category_id[COLUMN_NAME_SIZE];
    char score[COLUMN_NAME_SIZE];
    char x[COLUMN_NAME_SIZE];
    char y[COLUMN_NAME_SIZE];
    char width[COLUMN_NAME_SIZE];
    char height[COLUMN_NAME_SIZE];
    char prediction_string[COLUMN_NAME_SIZE];
};

struct competition {
    char id[COMPETITION_ID_SIZE];
    int task;        /* enum task */
    char metric[48]; /* a metric of the scorecard */
    struct {
        int format; /* enum submission_format */
        int64_t k;
        struct submission_columns columns;
        int preset; /* of a prediction string: sets what follows, and two columns */
        char tokens[64];
        int coordinates;
        struct prediction_form prediction; /* made from these */
    } submission;
    char title[200];
    char categories[CONF_PATH_SIZE]; /* as the file has it: relative to the file; "" without */
    char images[CONF_PATH_SIZE];     /* likewise: ids without labels, for checks offline */
    int64_t opens_ms;                /* CONF_NULL: open from the start */
    int64_t closes_ms;               /* CONF_NULL: open until the reveal */
    struct {
        int64_t per_day;          /* scored submissions of a team in a UTC day */
        int64_t total;            /* scored submissions of a team in all, or CONF_NULL */
        int64_t final_selections; /* submissions of a team that the reveal looks at */
        int64_t file_bytes;
    } limits;
    struct {
        int64_t decimals; /* of a score on the board */
        int64_t freeze_ms;
        bool is_ladder;
    } board;
    int label_reveal; /* enum label_reveal */
};

extern const struct conf_table competition_table;

/*
 * Reads a competition from YAML text; false with at least one problem added.
 * Checks between keys (a format that does not fit the task, closes before opens) are made here too.
 */
MUST_CHECK bool competition_load(struct competition *competition, const void *text, size_t size,
                                 struct problems *problems);

/*
 * As competition_load, from a file.
 *
 * Errors   as conf_load_file
 */
MUST_CHECK bool competition_load_file(struct competition *competition, const char *path,
                                      struct problems *problems, struct err *err);

/* SPDX-License-Identifier: MIT */
/*
 * The format prediction_string: one row an image, image_id,PredictionString, where the string holds
 * the values of any count of boxes, separated by single spaces, in the order that the competition
 * states. Boxes become pixels and x, y, width, height here.
 */
#include <math.h>
#include <string.h>

#include "scorer/data/box_stage.h"
#include "scorer/data/number.h"

enum column { COLUMN_ID, COLUMN_STRING, N_COLUMNS };

static const char *const token_names[] = {
    [PREDICTION_LABEL] = "label", [PREDICTION_SCORE] = "score", [PREDICTION_X] = "x",
    [PREDICTION_Y] = "y",         [PREDICTION_WIDTH] = "width", [PREDICTION_HEIGHT] = "height",
    [PREDICTION_XMAX] = "xmax",   [PREDICTION_YMAX] = "ymax",
};

/* A string while it is read. */
struct string {
    struct table *table;
    const struct row_field *field;
    const char *at;
    const char *end;
};

/* One value of a box. */
struct token {
    const char *text;
    size_t size;
};

/* Adds a problem at a value of the string. */
static void token_problem(const struct string *string, const struct token *token, const char *name,
                          const char *what)
{
    struct row_field at = *string->field;
    char excerpt[EXCERPT_SIZE];

    if (!at.is_quoted) {
        at.column += (uint32_t)(token->text - at.text);
    }
    table_problem(string->table, &at, "%s '%s' %s", name,
                  input_excerpt(excerpt, token->text, token->size), what);
}

/* Takes the next value; false at the end, and where two spaces follow each other (a problem). */
static bool next_token(struct token *token, struct string *string, bool *is_wrong)
{
    if (string->at > string->end) {
        return false;
    }
    const char *space = memchr(string->at, ' ', (size_t)(string->end - string->at));
    const char *token_end = space == NULL ? string->end : space;
    *token = (struct token){.text = string->at, .size = (size_t)(token_end - string->at)};
    if (token->size == 0) {
        token_problem(string, token, "value", "is empty: values are separated by single spaces");
        *is_wrong = true;
        return false;
    }
    string->at = token_end + 1;
    return true;
}

/* The class of a label: an id, else a name of the categories. */
static bool read_label(uint16_t *class_index, const struct string *string,
                       const struct catalog *catalog, const struct token *token)
{
    uint32_t found = CATALOG_NONE;
    int64_t id;

    if (number_int64(&id, token->text, token->size) == NUMBER_OK) {
        found = catalog_find_class(catalog, id);
    }
    if (found == CATALOG_NONE) {
        found = catalog_find_name(catalog, token->text, token->size);
    }
    if (found == CATALOG_NONE && !catalog->is_open_classes) {
        token_problem(string, token, "label", "is not in the list of classes");
        return false;
    }
    *class_index = (uint16_t)found;
    return true;
}

static bool read_value(double *value, const struct string *string, enum prediction_token kind,
                       const struct token *token)
{
    bool is_size = kind == PREDICTION_WIDTH || kind == PREDICTION_HEIGHT;
    enum number_status status = number_double(value, token->text, token->size);

    if (status == NUMBER_OK && (*value >= 0 || !is_size)) {
        return true;
    }
    token_problem(string, token, token_names[kind],
                  status == NUMBER_BAD     ? "is no number"
                  : status == NUMBER_RANGE ? "is too large for a number"
                                           : "is negative");
    return false;
}

/* Pixels, x, y, width and height from the values of a box; false where an edge lies before the
 * other one. */
static bool make_box(struct box *box, const double *values, const struct string *string,
                     const struct prediction_form *form, const uint32_t *image_size)
{
    double scale_x = image_size == NULL ? 1 : image_size[0];
    double scale_y = image_size == NULL ? 1 : image_size[1];
    bool has_edges = false;

    for (size_t i = 0; i < form->n_tokens; i++) {
        has_edges = has_edges || form->tokens[i] == PREDICTION_XMAX;
    }
    box->x = values[PREDICTION_X] * scale_x;
    box->y = values[PREDICTION_Y] * scale_y;
    box->width = values[has_edges ? PREDICTION_XMAX : PREDICTION_WIDTH] * scale_x;
    box->height = values[has_edges ? PREDICTION_YMAX : PREDICTION_HEIGHT] * scale_y;
    if (has_edges) {
        box->width -= box->x;
        box->height -= box->y;
    }
    if (!isfinite(box->x) || !isfinite(box->y) || !isfinite(box->width) || !isfinite(box->height)) {
        table_problem(string->table, string->field, "a box is too large for numbers");
        return false;
    }
    if (box->width < 0 || box->height < 0) {
        table_problem(string->table, string->field, "%s is below %s in box (%g, %g, %g, %g)",
                      box->width < 0 ? "xmax" : "ymax", box->width < 0 ? "xmin" : "ymin",
                      values[PREDICTION_X], values[PREDICTION_Y], values[PREDICTION_XMAX],
                      values[PREDICTION_YMAX]);
        return false;
    }
    return true;
}

struct labelled_box {
    uint16_t class_index;
    struct wide_box box;
};

enum box_outcome { BOX_READ, BOX_WRONG, BOX_NONE };

/*
 * Reads the values of one box; image_size is NULL where they are pixels. After BOX_WRONG the next
 * box follows, unless *is_stopped.
 */
static enum box_outcome read_box(struct labelled_box *read, struct string *string,
                                 const struct submission_source *source, const uint32_t *image_size,
                                 bool *is_stopped)
{
    const struct prediction_form *form = source->form.prediction;
    const struct catalog *catalog = source->catalog;
    double values[PREDICTION_YMAX + 1] = {0};
    bool ok = true;

    read->class_index = 0;
    for (size_t i = 0; i < form->n_tokens; i++) {
        enum prediction_token kind = form->tokens[i];
        struct token token;
        if (!next_token(&token, string, is_stopped)) {
            if (i > 0 && !*is_stopped) {
                table_problem(string->table, string->field,
                              "the last box has %zu values, expected %zu", i, form->n_tokens);
                *is_stopped = true;
            }
            return *is_stopped ? BOX_WRONG : BOX_NONE;
        }
        ok = (kind == PREDICTION_LABEL ? read_label(&read->class_index, string, catalog, &token)
                                       : read_value(&values[kind], string, kind, &token)) &&
             ok;
    }
    read->box.score = values[PREDICTION_SCORE];
    return ok && make_box(&read->box.box, values, string, form, image_size) ? BOX_READ : BOX_WRONG;
}

static bool is_none(const struct row_field *field, const struct prediction_form *form)
{
    return field->size == 0 ||
           (strlen(form->none) == field->size && memcmp(form->none, field->text, field->size) == 0);
}

static bool take_row(struct reading *reading, struct part *part, struct table *table,
                     struct err *err)
{
    const struct row_field *field = table_field(table, COLUMN_STRING);
    struct string string = {
        .table = table, .field = field, .at = field->text, .end = field->text + field->size};
    const struct submission_source *source = reading->source;
    const uint32_t *image_size = NULL;
    struct labelled_box read;
    enum box_outcome outcome;
    bool is_stopped = false;

    bool is_image = reading_find_image(&read.box.image, reading, part, table, COLUMN_ID, err);
    if (err->code != ERR_NONE) {
        return false;
    }
    if (is_none(field, source->form.prediction)) {
        return true;
    }
    is_image = is_image && !source->catalog->is_open_images;
    if (is_image && source->form.prediction->is_normalized) {
        image_size = source->catalog->image_size[read.box.image];
    }
    while (!is_stopped &&
           (outcome = read_box(&read, &string, source, image_size, &is_stopped)) != BOX_NONE) {
        if (outcome != BOX_READ || !is_image || read.class_index == CLASS_OTHER) {
            continue; /* what an open catalog does not list is never evaluated */
        }
        if (!box_stage_ready(reading, part, err) ||
            !box_stage_put_wide(reading, part, read.class_index, &read.box, err)) {
            return false;
        }
    }
    return true;
}

/* Rows are images: a scorecard counts the boxes, as it does in the format boxes. */
static bool finish(struct submission *submission, struct reading *reading, struct err *err)
{
    if (!box_stage_finish(submission, reading, err)) {
        return false;
    }
    submission->n_rows = submission->boxes.n_rows;
    return true;
}

const struct format strings_format = {
    .n_columns = N_COLUMNS,
    .has_unique_ids = true,
    .parts_a_lane = 1,
    .take_row = take_row,
    .finish = finish,
};

/* SPDX-License-Identifier: MIT */
/*
 * The pages. Everything that came from outside goes through html_text; names of teams stand in
 * <bdi>, so that no writing direction leaks out of them. See the header.
 */
#include "broker/gateway/pages.h"

#include "broker/gateway/records.h"
#include "schemas/competition.h"

static void page_start(struct html *html, const char *title, struct wire_bytes more)
{
    html_markup(html, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<title>");
    html_text(html, more);
    html_markup(html, more.size > 0 ? " · " : "");
    html_string(html, title);
    html_markup(html, "</title>\n<link rel=\"stylesheet\" href=\"/static/assay.css\">\n"
                      "<link rel=\"icon\" type=\"image/svg+xml\" href=\"/static/mark.svg\">\n"
                      "</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to content</a>\n"
                      "<header class=\"site\"><a href=\"/\">"
                      "<img src=\"/static/mark.svg\" alt=\"\" width=\"26\" height=\"26\">Assay"
                      "</a></header>\n<main id=\"main\">\n");
}

static void page_end(struct html *html)
{
    html_markup(html, "</main>\n<footer><p>Every accepted submission and every result has a signed "
                      "receipt that <code>minisign</code> checks against the "
                      "<a href=\"/v1/keys/receipt.pub\">receipt key</a>.</p></footer>\n"
                      "</body>\n</html>\n");
}

static void badge(struct html *html, const char *kind, const char *text)
{
    html_markup(html, "<span class=\"badge ");
    html_markup(html, kind);
    html_markup(html, "\">");
    html_markup(html, text);
    html_markup(html, "</span>");
}

static const char *state_label(unsigned state)
{
    static const char *const labels[] = {"not published", "live", "frozen", "being revealed",
                                         "final"};

    return state < ARRAY_SIZE(labels) ? labels[state] : "unknown";
}

static void cell_start(struct html *html, const char *classes)
{
    html_markup(html, "<td class=\"");
    html_markup(html, classes);
    html_markup(html, "\">");
}

static void cell_int(struct html *html, const char *classes, int64_t value)
{
    cell_start(html, classes);
    html_int(html, value);
    html_markup(html, "</td>");
}

/* ---- the list of competitions ---- */

static void index_row(struct html *html, const struct wire_competition_row *row)
{
    html_markup(html, "<tr><th scope=\"row\"><a href=\"/c/");
    html_text(html, row->id);
    html_markup(html, row->board_state == BOARD_REVEALED ? "?track=private\">" : "\">");
    html_text(html, row->title.size > 0 ? row->title : row->id);
    html_markup(html, "</a><span class=\"members\">");
    html_string(html, row->task == TASK_DETECTION ? "detection" : "classification");
    html_markup(html, ", ");
    html_text(html, row->metric);
    html_markup(html, "</span></th>");
    cell_start(html, "when");
    badge(html, board_state_name(row->board_state), state_label(row->board_state));
    html_markup(html, "</td>");
    cell_start(html, "when");
    if (row->closes_ms == INT64_MIN) {
        html_markup(html, row->board_state == BOARD_REVEALED ? "–" : "open");
    } else {
        html_time(html, row->closes_ms);
    }
    html_markup(html, "</td>");
    cell_int(html, "number", row->n_teams);
    cell_int(html, "number", (int64_t)row->n_submissions);
    html_markup(html, "</tr>\n");
}

void page_index(struct html *html, const struct copy *copy)
{
    struct wire_bytes rest = copy_rows(copy, 0);
    struct wire_competition_row row;

    page_start(html, "Assay", wire_text("Competitions"));
    html_markup(html, "<h1>Competitions</h1>\n");
    if (copy->n_rows == 0) {
        html_markup(html, "<p class=\"empty\">There is no competition yet. An organizer makes one "
                          "with <code>assay competition create</code>.</p>\n");
        page_end(html);
        return;
    }
    html_markup(
        html,
        "<p class=\"soft\">Times are UTC.</p>\n<div class=\"scroll\">"
        "<table><caption>Competitions</caption><thead><tr>"
        "<th scope=\"col\">Competition</th>"
        "<th scope=\"col\" class=\"when\">Leaderboard</th>"
        "<th scope=\"col\" class=\"when\">Closes</th><th scope=\"col\" class=\"number\">Teams</th>"
        "<th scope=\"col\" class=\"number\">Entries</th></tr></thead>\n<tbody>\n");
    while (wire_next(&row, WIRE_COMPETITION_ROW, &rest) == WIRE_ITEM) {
        index_row(html, &row);
    }
    html_markup(html, "</tbody></table></div>\n");
    page_end(html);
}

/* ---- a leaderboard ---- */

static void fact_start(struct html *html, const char *name)
{
    html_markup(html, "<div><dt>");
    html_markup(html, name);
    html_markup(html, "</dt><dd>");
}

static void board_facts(struct html *html, const struct wire_competition_row *row)
{
    html_markup(html, "<dl class=\"facts\">");
    fact_start(html, "Ranked by");
    html_text(html, row->metric);
    html_markup(html, row->is_higher_better ? ", higher is better" : ", lower is better");
    html_markup(html, "</dd></div>");
    fact_start(html, "Teams");
    html_int(html, row->n_teams);
    html_markup(html, "</dd></div>");
    fact_start(html, "Entries");
    html_int(html, (int64_t)row->n_submissions);
    html_markup(html, "</dd></div>");
    if (row->per_day > 0) {
        fact_start(html, "Per team and day");
        html_int(html, row->per_day);
        html_markup(html, "</dd></div>");
    }
    if (row->closes_ms != INT64_MIN) {
        fact_start(html, "Closes");
        html_time(html, row->closes_ms);
        html_markup(html, " UTC</dd></div>");
    }
    html_markup(html, "</dl>\n");
}

static void board_banner(struct html *html, const struct wire_competition_row *row, bool is_private)
{
    static const char *const banners[] = {
        [BOARD_HIDDEN] = "This leaderboard is not published.",
        [BOARD_PUBLIC] = NULL,
        [BOARD_FROZEN] = "Frozen: the leaderboard stands as it was when it was frozen. Entries are "
                         "still scored; the final ranking follows with the reveal.",
        [BOARD_REVEALING] = "The private scores are being opened; the final ranking follows.",
        [BOARD_REVEALED] = "Revealed: this competition is decided.",
    };
    const char *text = row->board_state < ARRAY_SIZE(banners) ? banners[row->board_state] : NULL;

    if (text == NULL) {
        return;
    }
    html_markup(html, "<p class=\"banner ");
    html_markup(html, board_state_name(row->board_state));
    html_markup(html, "\" role=\"status\">");
    html_markup(html, text);
    if (row->board_state == BOARD_REVEALED) {
        html_markup(html, is_private ? " This is the final ranking, by private score."
                                     : " The final ranking is the private one.");
    }
    html_markup(html, "</p>\n");
}

static void track_link(struct html *html, struct wire_bytes id, const char *query,
                       const char *label, bool is_current)
{
    html_markup(html, "<a href=\"/c/");
    html_text(html, id);
    html_markup(html, query);
    html_markup(html, is_current ? "\" aria-current=\"page\">" : "\">");
    html_markup(html, label);
    html_markup(html, "</a>");
}

static void download_link(struct html *html, struct wire_bytes id, const char *ending,
                          bool is_private, const char *label)
{
    html_markup(html, "<a href=\"/v1/competitions/");
    html_text(html, id);
    html_markup(html, "/leaderboard");
    html_markup(html, ending);
    html_markup(html, is_private ? "?track=private\">" : "\">");
    html_markup(html, label);
    html_markup(html, "</a>");
}

static void board_tracks(struct html *html, const struct wire_competition_row *row, bool is_private)
{
    html_markup(html, "<nav class=\"tracks\" aria-label=\"Leaderboard\">");
    if (row->board_state == BOARD_REVEALED) {
        track_link(html, row->id, "?track=private", "Private, final", is_private);
    }
    track_link(html, row->id, "", "Public", !is_private);
    html_markup(html, "<span class=\"downloads\">");
    download_link(html, row->id, ".csv", is_private, "CSV");
    download_link(html, row->id, "", is_private, "JSON");
    html_markup(html, "</span></nav>\n");
}

/* How far a team moved from the public to the private ranking; not by colour alone. */
static void move_cell(struct html *html, const struct wire_board_row *row)
{
    int64_t up = (int64_t)row->public_rank - row->rank;

    cell_start(html, "number");
    if (row->public_rank == 0) {
        html_markup(html, "–");
    } else if (up == 0) {
        html_markup(html, "<span class=\"soft\">=</span>");
    } else {
        html_markup(html, up > 0 ? "<span class=\"up\">▲ " : "<span class=\"down\">▼ ");
        html_int(html, up > 0 ? up : -up);
        html_markup(html, "</span>");
    }
    html_markup(html, "</td>");
}

static void board_row(struct html *html, const struct wire_board_row *row, bool is_private)
{
    html_markup(html, "<tr>");
    cell_int(html, "rank number", row->rank);
    if (is_private) {
        move_cell(html, row);
    }
    html_markup(html, "<th scope=\"row\"><bdi>");
    html_text(html, row->team);
    html_markup(html, "</bdi>");
    if (row->members.size > 0) {
        html_markup(html, "<span class=\"members\"><bdi>");
        html_text(html, row->members);
        html_markup(html, "</bdi></span>");
    }
    html_markup(html, "</th>");
    cell_start(html, "number score");
    html_text(html, row->score);
    html_markup(html, "</td>");
    cell_int(html, "number", row->n_submissions);
    cell_start(html, "when");
    html_time(html, row->last_ms);
    html_markup(html, "</td></tr>\n");
}

static void board_table(struct html *html, const struct copy *copy, size_t first, bool is_private)
{
    struct wire_bytes rest = copy_rows(copy, first);
    struct wire_board_row row;

    html_markup(html, "<div class=\"scroll\" role=\"region\" aria-label=\"Leaderboard\" "
                      "tabindex=\"0\"><table><caption>Leaderboard</caption><thead><tr>"
                      "<th scope=\"col\" class=\"number\">Rank</th>");
    html_markup(html, is_private ? "<th scope=\"col\" class=\"number\">Moved</th>" : "");
    html_markup(
        html,
        "<th scope=\"col\">Team</th><th scope=\"col\" class=\"number\">Score</th>"
        "<th scope=\"col\" class=\"number\">Entries</th>"
        "<th scope=\"col\" class=\"when\">Last submission (UTC)</th></tr></thead>\n<tbody>\n");
    for (int n = 0; n < PAGE_BOARD_ROWS && wire_next(&row, WIRE_BOARD_ROW, &rest) == WIRE_ITEM;
         n++) {
        board_row(html, &row, is_private);
    }
    html_markup(html, "</tbody></table></div>\n");
}

static void page_link(struct html *html, struct wire_bytes id, size_t first, bool is_private,
                      const char *label)
{
    html_markup(html, "<a href=\"/c/");
    html_text(html, id);
    html_markup(html, "?first=");
    html_int(html, (int64_t)first);
    html_markup(html, is_private ? "&amp;track=private\">" : "\">");
    html_markup(html, label);
    html_markup(html, "</a>");
}

static void board_pages(struct html *html, const struct copy *copy, struct wire_bytes id,
                        size_t first, bool is_private)
{
    if (first == 0 && copy->n_rows <= PAGE_BOARD_ROWS) {
        return;
    }
    html_markup(html, "<nav class=\"pages\" aria-label=\"Pages\"><span>");
    if (first > 0) {
        page_link(html, id, first > PAGE_BOARD_ROWS ? first - PAGE_BOARD_ROWS : 0, is_private,
                  "← Higher places");
    }
    html_markup(html, "</span><span>");
    if (copy->n_rows > first + PAGE_BOARD_ROWS) {
        page_link(html, id, first + PAGE_BOARD_ROWS, is_private, "Lower places →");
    }
    html_markup(html, "</span></nav>\n");
}

bool page_board(struct html *html, const struct copy *copy, size_t first)
{
    bool is_private = copy->kind == COPY_BOARD_PRIVATE;
    struct wire_competition_row row;

    if (!copy_competition(&row, copy)) {
        return false;
    }
    page_start(html, "Assay", row.title.size > 0 ? row.title : row.id);
    html_markup(html, "<h1>");
    html_text(html, row.title.size > 0 ? row.title : row.id);
    html_markup(html, " ");
    badge(html, board_state_name(row.board_state), state_label(row.board_state));
    html_markup(html, "</h1>\n");
    board_facts(html, &row);
    board_banner(html, &row, is_private);
    board_tracks(html, &row, is_private);
    if (copy->n_rows == 0) {
        html_markup(html, "<p class=\"empty\">No scored submission yet.</p>\n");
    } else {
        board_table(html, copy, first, is_private);
        board_pages(html, copy, row.id, first, is_private);
    }
    html_markup(html, "<p class=\"soft\">Equal scores are ranked by the earlier submission. ");
    html_markup(html, "Last change ");
    html_time(html, copy->changed_ms);
    html_markup(html, " UTC.</p>\n");
    page_end(html);
    return true;
}

/* ---- a receipt, an error ---- */

static void receipt_file(struct html *html, const struct wire_receipt_file *file)
{
    html_markup(html, "<h2>");
    html_text(html, file->name);
    html_markup(html, ".json</h2>\n<pre>");
    html_text(html, (struct wire_bytes){.data = file->entry.data,
                                        .size = file->entry.size - (file->entry.size > 0)});
    html_markup(html, "</pre>\n");
}

/* How a submission stands: its state, why, and what it waits for. */
static void submission_state(struct html *html, const struct wire_submission_row *row)
{
    html_markup(html, "<p>State: <b>");
    html_string(html, submission_state_name(row->state));
    html_markup(html, "</b>");
    if (row->reason.size > 0) {
        html_markup(html, " (");
        html_text(html, row->reason);
        html_markup(html, ")");
    }
    if (row->public_score.size > 0) {
        html_markup(html, ", public score ");
        html_text(html, row->public_score);
    }
    if (row->state == SUBMISSION_RECEIVING) {
        html_markup(html, ", its bytes are taken until ");
        html_time(html, row->until_ms);
        html_markup(html, " UTC");
    }
    if (row->queue_position > PAGE_POSITION_MAX) {
        html_markup(html, ", more than 1000 are before it");
    } else if (row->queue_position > 0) {
        html_markup(html, ", place ");
        html_int(html, row->queue_position);
        html_markup(html, " in the queue");
    }
    if (row->expected_ms >= 0) {
        html_markup(html, ", its score is expected in about ");
        html_int(html, (row->expected_ms + 999) / 1000);
        html_markup(html, " s");
    }
    html_markup(html, ".</p>\n");
}

void page_receipt(struct html *html, const char *submission, struct wire_bytes row,
                  struct wire_bytes files)
{
    struct wire_receipt_file file;
    struct wire_submission_row shown;

    page_start(html, "Assay", wire_text("Receipt"));
    html_markup(html, "<h1>Receipt</h1>\n<p class=\"soft\">Submission <code>");
    html_string(html, submission);
    html_markup(html, "</code></p>\n");
    if (wire_next(&shown, WIRE_SUBMISSION_ROW, &row) == WIRE_ITEM) {
        submission_state(html, &shown);
    }
    html_markup(html, "<p>What was recorded about this submission, line by line as it "
                      "was signed. <code>assay receipt ");
    html_string(html, submission);
    html_markup(html, "</code> saves the lines with their signatures, and <code>minisign -V</code> "
                      "checks them.</p>\n");
    while (wire_next(&file, WIRE_RECEIPT_FILE, &files) == WIRE_ITEM) {
        receipt_file(html, &file);
    }
    page_end(html);
}

void page_error(struct html *html, unsigned status, const char *title, struct wire_bytes detail)
{
    page_start(html, "Assay", wire_text(title));
    html_markup(html, "<h1>");
    html_string(html, title);
    html_markup(html, "</h1>\n<p>");
    html_text(html, detail);
    html_markup(html, "</p>\n<p class=\"soft\">Status ");
    html_int(html, status);
    html_markup(html, ". <a href=\"/\">All competitions</a></p>\n");
    page_end(html);
}

/* SPDX-License-Identifier: MIT */
/*
 * A report as one page of HTML: no script, nothing fetched, readable on paper and in the dark.
 */
#include "client/report/figures.h"
#include "client/report/tables.h"

#include <inttypes.h>
#include <string.h>

#include "common/text.h"

static const char style[] =
    ":root{--ink:#1d2530;--soft:#5b6472;--line:#dfe3e8;--paper:#fff;--back:#f4f6f8;--mark:#0b6e99}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b2;--line:#343c47;"
    "--paper:#1b2027;--back:#12161b;--mark:#5ab3d8}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--back);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}"
    "main{max-width:62rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}"
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 .25rem}"
    "h2{font-size:1.15rem;margin:0 0 .25rem}"
    "p{margin:0 0 1rem;color:var(--soft)}"
    "dl{display:flex;flex-wrap:wrap;gap:.5rem 2.5rem;margin:1.25rem 0 2rem}"
    "dt{font-size:.8rem;color:var(--soft)}dd{margin:0;font-weight:600}"
    ".big dd{font-size:1.6rem;line-height:1.2;color:var(--mark)}"
    "code{font:.85rem ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}"
    "section{background:var(--paper);border:1px solid var(--line);border-radius:.6rem;"
    "padding:1.25rem 1.5rem;margin:0 0 1.25rem;break-inside:avoid}"
    ".wide{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}"
    "th{font-weight:600;font-size:.8rem;color:var(--soft);vertical-align:bottom}"
    "th,td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);text-align:left}"
    "tr:last-child td{border-bottom:0}.all td{font-weight:600}"
    ".n{text-align:right}th:last-child,td:last-child{padding-right:0}"
    "figure{margin:.5rem 0 0;background:#fff;border-radius:.4rem;padding:.5rem;overflow-x:auto}"
    "figure svg{display:block;width:100%;min-width:34rem;height:auto}"
    "details{margin-top:.75rem}summary{cursor:pointer;color:var(--soft);font-size:.9rem}"
    ".note{border-left:4px solid #c79a1b;padding:.6rem 1rem;background:var(--paper);"
    "color:var(--ink)}"
    "footer{color:var(--soft);font-size:.85rem;margin-top:2rem}"
    "@media print{body{background:#fff}section{border:0;padding:.5rem 0}}";

/* Text inside an element or a quoted attribute. */
static void write_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            putc(*text, out);
        }
    }
}

static void write_cell(FILE *out, const char *element, const struct listing_column *column,
                       const char *text)
{
    fprintf(out, "<%s%s>", element, column->is_number ? " class=n" : "");
    write_escaped(out, text);
    fprintf(out, "</%s>", element);
}

static bool write_table(FILE *out, const struct report *report, enum report_table which,
                        struct err *err)
{
    struct listing table = report_table_make(report, which);
    bool ok = !table.is_failed;

    fputs("<div class=wide><table><thead><tr>", out);
    for (size_t i = 0; i < table.n_columns; i++) {
        write_cell(out, "th", &table.columns[i], table.columns[i].title);
    }
    fputs("</tr></thead><tbody>", out);
    for (size_t i = 0; i < table.n_cells && table.n_columns > 0; i++) {
        size_t column = i % table.n_columns;
        if (column == 0) {
            fputs(strcmp(table.cells[i], report_all_classes) == 0 ? "<tr class=all>" : "<tr>", out);
        }
        write_cell(out, "td", &table.columns[column], table.cells[i]);
        fputs(column + 1 == table.n_columns ? "</tr>\n" : "", out);
    }
    fputs("</tbody></table></div>\n", out);
    listing_free(&table);
    return ok || err_set(err, ERR_SYSTEM, "no memory for a table");
}

/* The picture without its XML declaration, which may stand only at the start of a file. */
static void write_figure(FILE *out, const char *title, const struct bytes *svg)
{
    const char *start = strstr((const char *)svg->data, "<svg");

    if (start != NULL) {
        fputs("<figure role=img aria-label=\"", out);
        write_escaped(out, title);
        fputs("\">", out);
        fputs(start, out);
        fputs("</figure>\n", out);
    }
}

static bool write_section(FILE *out, const struct report *report, const struct figures *figures,
                          enum report_table which, struct err *err)
{
    const struct report_caption *caption = &report_captions[which];
    const struct bytes *svg =
        caption->figure == 0 ? NULL : &figures->svg[figures_index(caption->figure)];

    fputs("<section><h2>", out);
    write_escaped(out, caption->title);
    fputs("</h2><p>", out);
    write_escaped(out, caption->text);
    fputs("</p>\n", out);
    if (svg == NULL || svg->data == NULL) {
        bool ok = write_table(out, report, which, err);
        fputs("</section>\n", out);
        return ok;
    }
    write_figure(out, caption->title, svg);
    fputs("<details><summary>As numbers</summary>", out);
    bool ok = write_table(out, report, which, err);
    fputs("</details></section>\n", out);
    return ok;
}

static void write_number(FILE *out, const char *name, const struct metric_values *metrics,
                         unsigned index)
{
    double value;

    if (metric_get(&value, metrics, index)) {
        fprintf(out, "<div><dt>%s</dt><dd>%.2f %%</dd></div>", name, 100 * value);
    }
}

/* The numbers that everybody looks for first. */
static void write_headline(FILE *out, const struct report *report)
{
    const struct metric_values *metrics = &report->card.splits[report->options.split].metrics;

    fputs("<dl class=big>", out);
    if (report->card.task == TASK_CLASSIFICATION) {
        write_number(out, "top-1 accuracy", metrics, TOP1_ACCURACY);
        write_number(out, "top-5 accuracy", metrics, TOP5_ACCURACY);
        write_number(out, "mean of the classes, top-1", metrics, MEAN_CLASS_TOP1_ACCURACY);
    } else {
        write_number(out, "AP", metrics, BOX_AP);
        write_number(out, "AP at IoU 0.5", metrics, BOX_AP50);
        write_number(out, "AR, 10 boxes", metrics, BOX_AR10);
    }
    fputs("</dl>\n", out);
}

static void write_facts(FILE *out, const struct report *report)
{
    char hash[SHA256_HEX_SIZE];

    hex_text(hash, report->card.submission_sha256, SHA256_BYTES);
    fprintf(out,
            "<dl><div><dt>split</dt><dd>%s</dd></div><div><dt>images</dt><dd>%" PRId64
            "</dd></div><div><dt>rows of the submission</dt><dd>%" PRId64 "</dd></div>",
            report_split_name(report->options.split),
            report->card.splits[report->options.split].images, report->card.submission_rows);
    if (report->options.is_single_instance) {
        fprintf(out, "<div><dt>only images with one true box; left out</dt><dd>%zu</dd></div>",
                report->n_images_filtered);
    }
    if (report->options.is_half_area) {
        fputs("<div><dt>area of an object</dt><dd>half of its box</dd></div>", out);
    }
    fprintf(out, "<div><dt>SHA-256</dt><dd><code>%s</code></dd></div></dl>\n", hash);
}

bool report_write_page(const struct report *report, const struct figures *figures, const char *note,
                       FILE *out, struct err *err)
{
    bool ok = true;

    fputs("<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n"
          "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>",
          out);
    write_escaped(out, report->card.competition);
    fprintf(out, ": report</title>\n<style>%s</style></head>\n<body><main>\n<h1>", style);
    write_escaped(out, report->title);
    fputs("</h1>\n<p>The tables and figures of the iNaturalist 2017 paper for one submission; "
          "in percent.</p>\n",
          out);
    write_headline(out, report);
    write_facts(out, report);
    if (note != NULL) {
        fputs("<p class=note>There are no figures: ", out);
        write_escaped(out, note);
        fputs("</p>\n", out);
    }
    for (int which = 0; which < N_REPORT_TABLES && ok; which++) {
        if (report_table_is_there(report, (enum report_table)which)) {
            ok = write_section(out, report, figures, (enum report_table)which, err);
        }
    }
    fputs("<footer>Made by Assay " ASSAY_VERSION ", `assay report`. Means over classes count each "
          "class once; a dash stands where there is no ground "
          "truth.</footer>\n</main></body></html>\n",
          out);
    return ok;
}

/* SPDX-License-Identifier: MIT */
/*
 * What a reader's child does: one submission to columns or problems. One thread: a filter cannot
 * see the flags of clone3, which lie in memory, so that allowing threads would allow processes too.
 */
#include "common/crashpoint.h"
#include "scorer/data/submission.h"
#include "scorer/worker/reader.h"

bool reader_parse(struct columns *columns, const struct reader_input *input, struct err *err)
{
    const struct competition *competition = &input->sheet->competition;
    const struct submission_source source = {
        .form = {.format = (enum submission_format)competition->submission.format,
                 .k = (size_t)competition->submission.k,
                 .columns = &competition->submission.columns,
                 .prediction = &competition->submission.prediction},
        .catalog = &input->sheet->catalog,
        .fd = input->fd,
        .unpacked_max = (size_t)competition->limits.file_bytes,
        .n_threads = 1,
    };
    struct problems *problems = arena_alloc(input->arena, 1, sizeof(*problems), err);
    struct submission submission;

    if (problems == NULL) {
        return false;
    }
    if (!submission_read(&submission, &source, input->arena, problems, err)) {
        if (problems->n_all == 0) {
            return false;
        }
        MISBEHAVE(problems->kept[0].text);
        *columns = (struct columns){.kind = COLUMNS_PROBLEMS,
                                    .problems = {.n_all = problems->n_all,
                                                 .n_kept = problems->n_kept,
                                                 .kept = problems->kept}};
        return true;
    }
    *columns = (struct columns){.kind = input->sheet->frame.kind};
    if (columns->kind == COLUMNS_TOPK) {
        columns->topk = submission.topk;
    } else {
        columns->boxes = submission.boxes;
    }
    return true;
}

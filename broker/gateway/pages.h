/* SPDX-License-Identifier: MIT */
/*
 * The pages: complete HTML from the server, no script. Made from copies, so that nobody's token
 * has a part in them.
 */
#pragma once

#include "broker/gateway/copies.h"
#include "broker/gateway/html.h"

enum { PAGE_BOARD_ROWS = 500, PAGE_POSITION_MAX = 1000 };

/* The competitions. */
void page_index(struct html *html, const struct copy *copy);

/*
 * A leaderboard, PAGE_BOARD_ROWS rows from place `first` on. False where the copy is not a board.
 */
MUST_CHECK bool page_board(struct html *html, const struct copy *copy, size_t first);

/*
 * A submission: how it stands, and its receipts.
 *
 *   row    a record of submission_row
 *   files  records of receipt_file
 */
void page_receipt(struct html *html, const char *submission, struct wire_bytes row,
                  struct wire_bytes files);

void page_error(struct html *html, unsigned status, const char *title, struct wire_bytes detail);

/* SPDX-License-Identifier: MIT */
/*
 * One function a route, as routes.c lists them; schemas/openapi.yaml says what each takes and
 * answers.
 */
#pragma once

#include "broker/gateway/exchange.h"

void handle_health(struct exchange *exchange);
void handle_ready(struct exchange *exchange);
void handle_metrics(struct exchange *exchange);

void handle_receipt_key(struct exchange *exchange);
void handle_signers(struct exchange *exchange);
void handle_log_key(struct exchange *exchange);
void handle_log_checkpoint(struct exchange *exchange);
void handle_log_growth(struct exchange *exchange);
void handle_log_tile(struct exchange *exchange);
void handle_log_entries(struct exchange *exchange);
void handle_log_file(struct exchange *exchange);
void handle_log_file_put(struct exchange *exchange);
void handle_disclosure_post(struct exchange *exchange);
void handle_correction_post(struct exchange *exchange);

void handle_competition_list(struct exchange *exchange);
void handle_competition_get(struct exchange *exchange);
void handle_competition_post(struct exchange *exchange);
void handle_team_post(struct exchange *exchange);
void handle_workers_post(struct exchange *exchange);
void handle_team_token_post(struct exchange *exchange);

void handle_upload(struct exchange *exchange);
void handle_promise_post(struct exchange *exchange);
void handle_upload_get(struct exchange *exchange);
void handle_upload_patch(struct exchange *exchange);
void handle_submission_list(struct exchange *exchange);
void handle_submission_get(struct exchange *exchange);
void handle_submission_retry(struct exchange *exchange);
void handle_receipt_get(struct exchange *exchange);
void handle_selection_put(struct exchange *exchange);

void handle_board_json(struct exchange *exchange);
void handle_board_csv(struct exchange *exchange);
void handle_board_move(struct exchange *exchange);
void handle_rescore_post(struct exchange *exchange);
void handle_rescore_get(struct exchange *exchange);

void handle_backup_post(struct exchange *exchange);
void handle_backup_get(struct exchange *exchange);

void handle_index_page(struct exchange *exchange);
void handle_board_page(struct exchange *exchange);
void handle_receipt_page(struct exchange *exchange);
void handle_static(struct exchange *exchange);

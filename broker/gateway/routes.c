/* SPDX-License-Identifier: MIT */
/*
 * The table of routes. tests/unit/test_routes.c holds it against schemas/openapi.yaml.
 */
#include "broker/gateway/routes.h"

#include "broker/gateway/handlers.h"

#define COMPETITION "/v1/competitions/{competition}"
#define SUBMISSION "/v1/submissions/{submission}"

const struct route routes[] = {
    {HTTP_GET, "/", BODY_NONE, true, handle_index_page},
    {HTTP_GET, "/c/{competition}", BODY_NONE, true, handle_board_page},
    {HTTP_GET, "/s/{submission}", BODY_NONE, true, handle_receipt_page},
    {HTTP_GET, "/static/assay.css", BODY_NONE, true, handle_static},
    {HTTP_GET, "/static/mark.svg", BODY_NONE, true, handle_static},
    {HTTP_GET, "/healthz", BODY_NONE, false, handle_health},
    {HTTP_GET, "/readyz", BODY_NONE, false, handle_ready},
    {HTTP_GET, "/v1/keys/receipt.pub", BODY_NONE, false, handle_receipt_key},
    {HTTP_GET, "/v1/keys/allowed_signers", BODY_NONE, false, handle_signers},
    {HTTP_GET, "/v1/keys/log.vkey", BODY_NONE, false, handle_log_key},
    {HTTP_GET, "/v1/competitions", BODY_NONE, false, handle_competition_list},
    {HTTP_POST, "/v1/competitions", BODY_SMALL, false, handle_competition_post},
    {HTTP_GET, COMPETITION, BODY_NONE, false, handle_competition_get},
    {HTTP_POST, COMPETITION "/workers", BODY_SMALL, false, handle_workers_post},
    {HTTP_POST, COMPETITION "/teams", BODY_SMALL, false, handle_team_post},
    {HTTP_POST, COMPETITION "/tokens", BODY_SMALL, false, handle_team_token_post},
    {HTTP_POST, COMPETITION "/uploads", BODY_SMALL, false, handle_promise_post},
    {HTTP_GET, "/v1/uploads/{submission}", BODY_NONE, false, handle_upload_get},
    {HTTP_PATCH, "/v1/uploads/{submission}", BODY_UPLOAD, false, handle_upload_patch},
    {HTTP_PUT, COMPETITION "/submissions", BODY_UPLOAD, false, handle_upload},
    {HTTP_GET, COMPETITION "/submissions", BODY_NONE, false, handle_submission_list},
    {HTTP_PUT, COMPETITION "/selection", BODY_SMALL, false, handle_selection_put},
    {HTTP_GET, COMPETITION "/leaderboard", BODY_NONE, false, handle_board_json},
    {HTTP_GET, COMPETITION "/leaderboard.csv", BODY_NONE, false, handle_board_csv},
    {HTTP_POST, COMPETITION "/leaderboard", BODY_SMALL, false, handle_board_move},
    {HTTP_GET, COMPETITION "/log/checkpoint", BODY_NONE, false, handle_log_checkpoint},
    {HTTP_GET, COMPETITION "/log/growth", BODY_NONE, false, handle_log_growth},
    {HTTP_GET, COMPETITION "/log/tile", BODY_NONE, false, handle_log_tile},
    {HTTP_GET, COMPETITION "/log/entries", BODY_NONE, false, handle_log_entries},
    {HTTP_GET, COMPETITION "/log/file", BODY_NONE, false, handle_log_file},
    {HTTP_PUT, COMPETITION "/log/file", BODY_SMALL, false, handle_log_file_put},
    {HTTP_POST, COMPETITION "/corrections", BODY_SMALL, false, handle_correction_post},
    {HTTP_POST, COMPETITION "/disclosures", BODY_SMALL, false, handle_disclosure_post},
    {HTTP_POST, COMPETITION "/rescores", BODY_SMALL, false, handle_rescore_post},
    {HTTP_GET, SUBMISSION, BODY_NONE, false, handle_submission_get},
    {HTTP_GET, SUBMISSION "/receipt", BODY_NONE, false, handle_receipt_get},
    {HTTP_POST, SUBMISSION "/retry", BODY_SMALL, false, handle_submission_retry},
    {HTTP_GET, "/v1/rescores/{run}", BODY_NONE, false, handle_rescore_get},
    {HTTP_POST, "/v1/backups", BODY_SMALL, false, handle_backup_post},
    {HTTP_GET, "/v1/backups", BODY_NONE, false, handle_backup_get},
};

const size_t n_routes = ARRAY_SIZE(routes);

const struct route operator_routes[] = {
    {HTTP_GET, "/metrics", BODY_NONE, false, handle_metrics},
    {HTTP_GET, "/healthz", BODY_NONE, false, handle_health},
};

const size_t n_operator_routes = ARRAY_SIZE(operator_routes);

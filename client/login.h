/* SPDX-License-Identifier: MIT */
/*
 * Which service and with which token: the address and token that `assay login` keeps, readable by
 * their owner alone, and what the environment and the options put in their place.
 *
 *   ASSAY_URL         address of the service
 *   ASSAY_TOKEN       bearer token
 *   ASSAY_CONFIG_DIR  folder of login.yaml; else $XDG_CONFIG_HOME/assay, else ~/.config/assay
 */
#pragma once

#include "common/err.h"
#include "schemas/token.h"

enum { LOGIN_URL_SIZE = 1024 };

struct login {
    char url[LOGIN_URL_SIZE]; /* without a slash at the end */
    char token[TOKEN_SIZE];   /* empty: asks as anybody may */
};

/*
 * Finds address and token. The kept token is only for the kept address: another address given here
 * or in the environment does not get it.
 *
 *   url          from --url, or NULL
 *   token_path   from --token-file, or NULL
 *
 * Errors   ERR_CONFIG  no address, or one that is not http:// or https://; a token of a wrong form
 *          ERR_SYSTEM  a file cannot be read
 */
MUST_CHECK bool login_find(struct login *login, const char *url, const char *token_path,
                           struct err *err);

/* Keeps address and token, mode 0600; `path` gets where. Errors: ERR_SYSTEM, ERR_LIMIT. */
MUST_CHECK bool login_keep(char path[static LOGIN_URL_SIZE], const struct login *login,
                           struct err *err);

/* The folder of login.yaml, which need not be there. Errors: ERR_CONFIG, ERR_LIMIT. */
MUST_CHECK bool login_folder(char folder[static LOGIN_URL_SIZE], struct err *err);

/* Takes an address as typed. Errors: ERR_CONFIG. */
MUST_CHECK bool login_set_url(struct login *login, const char *url, struct err *err);

/* True where the token would go unencrypted over a network: http:// to another machine. */
bool login_is_exposed(const struct login *login);

/* Takes a token as typed or read, with spaces around it. Errors: ERR_CONFIG. */
MUST_CHECK bool login_set_token(struct login *login, const char *text, struct err *err);

/* Reads the token from a file; warns on stderr where others can read it too.
 * Errors: ERR_SYSTEM, ERR_CONFIG. */
MUST_CHECK bool login_read_token(struct login *login, const char *path, struct err *err);

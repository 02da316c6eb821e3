/* SPDX-License-Identifier: MIT */
/*
 * `assay login`: keeps an address and a token after the service accepted them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "client/commands.h"
#include "client/options.h"
#include "client/service.h"

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_share(state, options);
        return 0;
    case ARGP_KEY_ARG:
        if (options->url != NULL) {
            argp_error(state, "one address only: %s", text);
        }
        options->url = text;
        return 0;
    case ARGP_KEY_END:
        if (options->url == NULL) {
            argp_error(state, "the address of which service?");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* One line from standard input, not echoed where that is a terminal. */
static bool ask_token(struct login *login, struct err *err)
{
    char line[256] = "";
    struct termios shown;
    bool is_terminal = tcgetattr(STDIN_FILENO, &shown) == 0;

    if (is_terminal) {
        struct termios hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fputs("Token: ", stderr);
    }
    bool is_read = fgets(line, sizeof(line), stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        putc('\n', stderr);
    }
    bool ok = is_read ? login_set_token(login, line, err)
                      : err_set(err, ERR_CONFIG, "no token on standard input");
    crypt_wipe(line, sizeof(line));
    return ok;
}

/* EXIT_DONE when the service knows the token. */
static int check_token(const struct login *login)
{
    struct service *service = NULL;
    struct service_answer answer = {0};
    struct err err;

    if (!service_open_as(&service, login, &err)) {
        return command_failed(&err);
    }
    int code = service_get(service, &answer, "/v1/competitions");
    service_answer_free(&answer);
    service_close(&service);
    return code;
}

int command_login(int argc, char **argv)
{
    static const struct argp argp = {
        NULL,
        parse_option,
        "URL",
        "Keeps the address of a service and your token, readable by you alone, in "
        "$XDG_CONFIG_HOME/assay (or ~/.config/assay, or $ASSAY_CONFIG_DIR). The token is asked "
        "for, "
        "or read from standard input or --token-file; it is kept when the service accepts it.",
        options_service,
        NULL,
        NULL};
    struct options options = {0};
    struct login login = {0};
    char path[LOGIN_URL_SIZE];
    struct err err;

    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0) {
        return EXIT_USAGE;
    }
    bool ok = login_set_url(&login, options.url, &err) &&
              (options.token_path != NULL ? login_read_token(&login, options.token_path, &err)
                                          : ask_token(&login, &err));
    if (ok && login_is_exposed(&login)) {
        fprintf(stderr, "assay: the token goes to %s unencrypted; https:// would hide it\n",
                login.url);
    }
    int code = ok ? check_token(&login) : command_failed(&err);
    if (code == EXIT_DONE && !login_keep(path, &login, &err)) {
        code = command_failed(&err);
    } else if (code == EXIT_DONE) {
        fprintf(stderr, "Logged in at %s; kept in %s\n", login.url, path);
    }
    crypt_wipe(&login, sizeof(login));
    return code;
}

/* SPDX-License-Identifier: MIT */
/*
 * The kept login is one YAML file of two keys. See the header.
 */
#include "client/login.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conftable.h"
#include "common/file.h"
#include "common/text.h"

enum { TOKEN_FILE_MAX = 1024 };

static const struct conf_key keys[] = {
    {.path = "url",
     .type = CONF_TEXT,
     CONF_MEMBER(struct login, url),
     .help = "address of the service"},
    {.path = "token",
     .type = CONF_TEXT,
     CONF_MEMBER(struct login, token),
     .fallback = "",
     .is_nullable = true,
     .help = "bearer token"},
};

static const struct conf_table table = {
    .name = "login", .title = "Login", .keys = keys, .n_keys = ARRAY_SIZE(keys)};

/* The value of a variable that is set and not empty, else NULL. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

bool login_folder(char folder[static LOGIN_URL_SIZE], struct err *err)
{
    const char *own = variable("ASSAY_CONFIG_DIR");
    const char *config = variable("XDG_CONFIG_HOME");
    const char *home = variable("HOME");

    if (own != NULL) {
        return text_copy(folder, LOGIN_URL_SIZE, own, err);
    }
    if (config != NULL) {
        return path_join(folder, LOGIN_URL_SIZE, config, "assay", err);
    }
    if (home == NULL) {
        return err_set(err, ERR_CONFIG,
                       "neither ASSAY_CONFIG_DIR, XDG_CONFIG_HOME nor HOME is set");
    }
    return path_join(folder, LOGIN_URL_SIZE, home, ".config/assay", err);
}

static bool find_file(char path[static LOGIN_URL_SIZE], struct err *err)
{
    char folder[LOGIN_URL_SIZE];

    return login_folder(folder, err) && path_join(path, LOGIN_URL_SIZE, folder, "login.yaml", err);
}

static void warn_where_readable(const char *path)
{
    struct stat info;

    if (stat(path, &info) == 0 && (info.st_mode & 077) != 0) {
        fprintf(stderr, "assay: %s can be read by others: chmod 600 %s\n", path, path);
    }
}

/* The kept login; an empty one where there is none. */
static bool read_kept(struct login *kept, struct err *err)
{
    static struct problems problems;
    char path[LOGIN_URL_SIZE];

    *kept = (struct login){0};
    if (!find_file(path, err)) {
        return false;
    }
    if (access(path, F_OK) != 0) {
        return true;
    }
    warn_where_readable(path);
    return conf_load_file(kept, &table, path, &problems, err);
}

bool login_set_url(struct login *login, const char *url, struct err *err)
{
    size_t length = strlen(url);

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        return err_set(err, ERR_CONFIG, "expected http://... or https://..., found '%.100s'", url);
    }
    while (length > 0 && url[length - 1] == '/') {
        length--;
    }
    if (length >= sizeof(login->url) || strpbrk(url, " \t\r\n\"'\\") != NULL) {
        return err_set(err, ERR_CONFIG, "'%.100s' is no address of a service", url);
    }
    memcpy(login->url, url, length);
    login->url[length] = '\0';
    return true;
}

bool login_is_exposed(const struct login *login)
{
    static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = login->url + 7;

    if (strncmp(login->url, "http://", 7) != 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        size_t length = strlen(own[i]);
        if (strncmp(host, own[i], length) == 0 && strchr(":/", host[length]) != NULL) {
            return false; /* strchr finds the end of the text too */
        }
    }
    return true;
}

bool login_set_token(struct login *login, const char *text, struct err *err)
{
    static const char spaces[] = " \t\r\n";
    struct token token;

    text += strspn(text, spaces);
    if (!token_read(&token, text, strcspn(text, spaces), err)) {
        err->code = ERR_CONFIG;
        return false;
    }
    token_text(login->token, &token);
    return true;
}

bool login_read_token(struct login *login, const char *path, struct err *err)
{
    struct bytes text = {0};

    if (!file_read(&text, path, TOKEN_FILE_MAX, err)) {
        return false;
    }
    warn_where_readable(path);
    bool ok = login_set_token(login, (const char *)text.data, err);
    crypt_wipe(text.data, text.size_bytes);
    bytes_free(&text);
    return ok;
}

bool login_find(struct login *login, const char *url, const char *token_path, struct err *err)
{
    struct login kept;

    *login = (struct login){0};
    if (!read_kept(&kept, err)) {
        return false;
    }
    url = url != NULL ? url : variable("ASSAY_URL");
    if (url == NULL && kept.url[0] == '\0') {
        return err_set(err, ERR_CONFIG,
                       "which service? `assay login URL', ASSAY_URL or --url says it");
    }
    if (!login_set_url(login, url != NULL ? url : kept.url, err)) {
        return false;
    }
    if (token_path != NULL) {
        return login_read_token(login, token_path, err);
    }
    if (variable("ASSAY_TOKEN") != NULL) {
        return login_set_token(login, variable("ASSAY_TOKEN"), err);
    }
    if (kept.token[0] != '\0' && strcmp(login->url, kept.url) == 0) {
        return login_set_token(login, kept.token, err);
    }
    return true;
}

bool login_keep(char path[static LOGIN_URL_SIZE], const struct login *login, struct err *err)
{
    char folder[LOGIN_URL_SIZE];
    char *text = NULL;
    size_t size = 0;

    if (!login_folder(folder, err) || !folder_make(folder, 0700, err) || !find_file(path, err)) {
        return false;
    }
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %s", path);
    }
    conf_print(out, &table, login);
    bool ok = fclose(out) == 0 || err_set(err, ERR_SYSTEM, "no memory for %s", path);
    ok = ok && file_write_durable(path, text, size, 0600, err);
    if (text != NULL) {
        crypt_wipe(text, size);
    }
    free(text);
    return ok;
}

/* SPDX-License-Identifier: MIT */
/*
 * Request headers. See the header.
 */
#include "broker/gateway/header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_MAX = 96 };

struct wire_bytes header_bearer(const char *authorization)
{
    static const char scheme[] = "Bearer ";

    if (authorization == NULL) {
        return wire_text("");
    }
    if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0) {
        return wire_text("-");
    }
    const char *token = authorization + sizeof(scheme) - 1;
    token += strspn(token, " ");
    size_t length = strcspn(token, " \t");
    if (length == 0 || length > TOKEN_MAX || token[length] != '\0') {
        return wire_text("-");
    }
    return (struct wire_bytes){.data = (const unsigned char *)token, .size = length};
}

int64_t header_wait_seconds(const char *prefer, int64_t seconds_max)
{
    int64_t seconds = 0;

    if (prefer == NULL) {
        return 0;
    }
    const char *at = prefer;
    while (strncasecmp(at, "wait=", 5) != 0) {
        at += strcspn(at, ",");
        if (*at == '\0') {
            return 0;
        }
        at++;
        at += strspn(at, " \t");
    }
    for (at += 5; *at >= '0' && *at <= '9' && seconds < seconds_max; at++) {
        seconds = 10 * seconds + (*at - '0');
    }
    return seconds < seconds_max ? seconds : seconds_max;
}

bool header_has_etag(const char *if_none_match, const char *etag)
{
    size_t length = strlen(etag);

    if (if_none_match == NULL) {
        return false;
    }
    const char *at = if_none_match;
    for (;;) {
        at += strspn(at, " \t,");
        if (strncmp(at, "W/", 2) == 0) {
            at += 2;
        }
        size_t item = strcspn(at, " \t,");
        if (item == 0) {
            return false;
        }
        if ((item == 1 && *at == '*') || (item == length && memcmp(at, etag, length) == 0)) {
            return true;
        }
        at += item;
    }
}

bool header_read_offset(uint64_t *offset, const char *text, struct err *err)
{
    size_t length = text == NULL ? 0 : strlen(text);

    if (length == 0 || length > 15 || strspn(text, "0123456789") != length) {
        return err_set(err, ERR_INPUT, "Upload-Offset must be a number of at most 15 digits");
    }
    *offset = strtoull(text, NULL, 10);
    return true;
}

bool header_read_flag(bool *flag, const char *text, struct err *err)
{
    if (text == NULL || (strcmp(text, "?0") != 0 && strcmp(text, "?1") != 0)) {
        return err_set(err, ERR_INPUT, "Upload-Complete must be ?0 or ?1");
    }
    *flag = text[1] == '1';
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * Shared answer bytes. See the header.
 */
#include "broker/gateway/content.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/sha256.h"
#include "common/text.h"

bool content_make(struct content **content, struct jwriter *writer, const char *type,
                  struct err *err)
{
    enum { ETAG_BYTES = (CONTENT_ETAG_SIZE - 3) / 2 };
    uint8_t sha256[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];

    if (!jwriter_ok(writer, err)) {
        jwriter_end(writer);
        return false;
    }
    struct content *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        jwriter_end(writer);
        return err_set(err, ERR_SYSTEM, "no memory for an answer");
    }
    sha256_of(sha256, writer->out.data, writer->out.size_bytes);
    hex_text(hex, sha256, ETAG_BYTES);
    snprintf(made->etag, sizeof(made->etag), "\"%.*s\"", 2 * ETAG_BYTES, hex);
    made->bytes = writer->out;
    made->type = type;
    made->n_holders = 1;
    *writer = (struct jwriter){0};
    *content = made;
    return true;
}

struct content *content_hold(struct content *content)
{
    content->n_holders++;
    return content;
}

void content_release(struct content **content)
{
    if (*content != NULL && --(*content)->n_holders == 0) {
        bytes_free(&(*content)->bytes);
        free(*content);
    }
    *content = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * Sealed files. See the header. Every length is derived from the size of the whole: nothing in the
 * file says how long anything is but the number of recipients.
 */
#include "schemas/scoreseal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "SCORESEAL1\n";

enum {
    MAGIC_BYTES = sizeof(magic) - 1,
    RECORD_BYTES = CRYPT_KEY_BYTES + CRYPT_KEY_BYTES + CRYPT_SEALED_EXTRA_BYTES,
    CHUNK_SEALED_BYTES = SCORESEAL_CHUNK_BYTES + CRYPT_STREAM_EXTRA_BYTES,
};

static_assert(RECORD_BYTES == 32 + 80, "layout of a recipient");

static size_t head_bytes(size_t n_recipients)
{
    return MAGIC_BYTES + 1 + n_recipients * RECORD_BYTES + CRYPT_STREAM_HEADER_BYTES;
}

static size_t chunks_of(size_t size)
{
    return size == 0 ? 1 : (size + SCORESEAL_CHUNK_BYTES - 1) / SCORESEAL_CHUNK_BYTES;
}

/* Writes everything before the chunks. */
static void write_head(unsigned char *head, struct crypt_stream *stream,
                       const uint8_t (*recipients)[CRYPT_KEY_BYTES], size_t n_recipients)
{
    uint8_t key[CRYPT_KEY_BYTES];
    unsigned char *at = head + MAGIC_BYTES + 1;

    crypt_random(key, sizeof(key));
    memcpy(head, magic, MAGIC_BYTES);
    head[MAGIC_BYTES] = (unsigned char)n_recipients;
    for (size_t i = 0; i < n_recipients; i++) {
        memcpy(at, recipients[i], CRYPT_KEY_BYTES);
        crypt_seal(at + CRYPT_KEY_BYTES, key, sizeof(key), recipients[i]);
        at += RECORD_BYTES;
    }
    crypt_stream_start(stream, at, key);
    crypt_wipe(key, sizeof(key));
}

bool scoreseal_make(struct bytes *sealed, const uint8_t (*recipients)[CRYPT_KEY_BYTES],
                    size_t n_recipients, const void *plain, size_t size, struct err *err)
{
    uint8_t head_hash[CRYPT_KEY_BYTES];
    struct crypt_stream stream;
    const unsigned char *from = plain;

    if (n_recipients == 0 || n_recipients > SCORESEAL_RECIPIENTS_MAX) {
        return err_set(err, ERR_LIMIT, "sealed to %zu keys, 1 to %d are possible", n_recipients,
                       SCORESEAL_RECIPIENTS_MAX);
    }
    size_t head = head_bytes(n_recipients);
    size_t n_chunks = chunks_of(size);
    size_t all = head + size + n_chunks * CRYPT_STREAM_EXTRA_BYTES;
    unsigned char *made = malloc(all);
    if (made == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory to seal %zu bytes", size);
    }
    write_head(made, &stream, recipients, n_recipients);
    crypt_hash(head_hash, sizeof(head_hash), made, head, NULL);
    unsigned char *to = made + head;
    for (size_t i = 0; i < n_chunks; i++) {
        size_t n = i + 1 < n_chunks ? SCORESEAL_CHUNK_BYTES : size - i * SCORESEAL_CHUNK_BYTES;
        crypt_stream_push(&stream, to, from, n, i == 0 ? head_hash : NULL,
                          i == 0 ? sizeof(head_hash) : 0, i + 1 == n_chunks);
        from += n;
        to += n + CRYPT_STREAM_EXTRA_BYTES;
    }
    crypt_wipe(&stream, sizeof(stream));
    *sealed = (struct bytes){.data = made, .size_bytes = all};
    return true;
}

/* The number of recipients; 0 for what cannot be a container. */
static size_t read_recipients(const unsigned char *sealed, size_t size)
{
    if (size < MAGIC_BYTES + 1 || memcmp(sealed, magic, MAGIC_BYTES) != 0) {
        return 0;
    }
    size_t n = sealed[MAGIC_BYTES];
    return n <= SCORESEAL_RECIPIENTS_MAX && size >= head_bytes(n) + CRYPT_STREAM_EXTRA_BYTES ? n
                                                                                             : 0;
}

bool scoreseal_plain_size(size_t *plain_size, const void *sealed, size_t size, struct err *err)
{
    size_t n_recipients = read_recipients(sealed, size);

    if (n_recipients == 0) {
        return err_set(err, ERR_PEER, "not a sealed file");
    }
    size_t body = size - head_bytes(n_recipients);
    size_t n_chunks = (body + CHUNK_SEALED_BYTES - 1) / CHUNK_SEALED_BYTES;
    size_t last = body - (n_chunks - 1) * CHUNK_SEALED_BYTES;
    if (last < CRYPT_STREAM_EXTRA_BYTES || (last == CRYPT_STREAM_EXTRA_BYTES && n_chunks > 1)) {
        return err_set(err, ERR_PEER, "sealed file was cut");
    }
    *plain_size = body - n_chunks * CRYPT_STREAM_EXTRA_BYTES;
    return true;
}

size_t scoreseal_recipients(uint8_t recipients[static SCORESEAL_RECIPIENTS_MAX][CRYPT_KEY_BYTES],
                            const void *sealed, size_t size)
{
    size_t n = read_recipients(sealed, size);

    for (size_t i = 0; i < n; i++) {
        const unsigned char *record =
            (const unsigned char *)sealed + MAGIC_BYTES + 1 + i * RECORD_BYTES;
        memcpy(recipients[i], record, CRYPT_KEY_BYTES);
    }
    return n;
}

/* Opens the file key by the record of this recipient. */
static bool find_key(uint8_t file_key[static CRYPT_KEY_BYTES], const unsigned char *sealed,
                     size_t n_recipients, const struct scoreseal_key *key)
{
    const unsigned char *at = sealed + MAGIC_BYTES + 1;

    for (size_t i = 0; i < n_recipients; i++) {
        if (memcmp(at, key->public_key, CRYPT_KEY_BYTES) == 0 &&
            crypt_seal_open(file_key, at + CRYPT_KEY_BYTES,
                            CRYPT_KEY_BYTES + CRYPT_SEALED_EXTRA_BYTES, key->public_key,
                            key->secret_key)) {
            return true;
        }
        at += RECORD_BYTES;
    }
    return false;
}

static bool open_chunks(unsigned char *plain, struct crypt_stream *stream,
                        const unsigned char *sealed, size_t head, size_t size)
{
    uint8_t head_hash[CRYPT_KEY_BYTES];
    bool is_first = true;

    crypt_hash(head_hash, sizeof(head_hash), sealed, head, NULL);
    for (size_t at = head; at < size;) {
        size_t n = size - at < CHUNK_SEALED_BYTES ? size - at : CHUNK_SEALED_BYTES;
        if (!crypt_stream_pull(stream, plain, sealed + at, n, is_first ? head_hash : NULL,
                               is_first ? sizeof(head_hash) : 0, at + n == size)) {
            return false;
        }
        is_first = false;
        plain += n - CRYPT_STREAM_EXTRA_BYTES;
        at += n;
    }
    return true;
}

bool scoreseal_open(void *plain, const void *sealed, size_t size, const struct scoreseal_key *key,
                    struct err *err)
{
    uint8_t file_key[CRYPT_KEY_BYTES];
    struct crypt_stream stream;
    size_t plain_size;

    if (!scoreseal_plain_size(&plain_size, sealed, size, err)) {
        return false;
    }
    size_t n_recipients = read_recipients(sealed, size);
    size_t head = head_bytes(n_recipients);
    const unsigned char *header = (const unsigned char *)sealed + head - CRYPT_STREAM_HEADER_BYTES;
    if (!find_key(file_key, sealed, n_recipients, key)) {
        return err_set(err, ERR_PEER, "file is not sealed to this key");
    }
    crypt_stream_open(&stream, header, file_key);
    bool ok = open_chunks(plain, &stream, sealed, head, size);
    crypt_wipe(file_key, sizeof(file_key));
    crypt_wipe(&stream, sizeof(stream));
    if (!ok) {
        return err_set(err, ERR_PEER, "sealed file was changed");
    }
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * The functions of libsodium that Assay uses. See the header.
 */
#include "common/crypt.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

static_assert(CRYPT_SEED_BYTES == crypto_sign_SEEDBYTES, "seed size");
static_assert(CRYPT_PUBLIC_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "public key size");
static_assert(CRYPT_SECRET_KEY_BYTES == crypto_sign_SECRETKEYBYTES, "secret key size");
static_assert(CRYPT_SIGNATURE_BYTES == crypto_sign_BYTES, "signature size");
static_assert(CRYPT_KEY_BYTES == crypto_secretbox_KEYBYTES, "box key size");
static_assert(CRYPT_KEY_BYTES == crypto_scalarmult_BYTES, "curve key size");
static_assert(CRYPT_KEY_BYTES == crypto_kdf_KEYBYTES, "derivation key size");
static_assert(CRYPT_SHA512_BYTES == crypto_hash_sha512_BYTES, "SHA-512 size");
static_assert(CRYPT_NONCE_BYTES == crypto_secretbox_NONCEBYTES, "nonce size");
static_assert(CRYPT_BOX_EXTRA_BYTES == crypto_secretbox_MACBYTES, "box extra size");

static_assert(CRYPT_SEALED_EXTRA_BYTES == crypto_box_SEALBYTES, "sealed box size");
static_assert(CRYPT_KEY_BYTES == crypto_box_PUBLICKEYBYTES, "sealed box key size");
static_assert(CRYPT_STREAM_EXTRA_BYTES == crypto_secretstream_xchacha20poly1305_ABYTES,
              "chunk size");
static_assert(CRYPT_STREAM_HEADER_BYTES == crypto_secretstream_xchacha20poly1305_HEADERBYTES,
              "stream header size");
static_assert(sizeof(struct crypt_stream) >= sizeof(crypto_secretstream_xchacha20poly1305_state),
              "stream state size");

bool crypt_start(struct err *err)
{
    if (sodium_init() < 0) {
        return err_set(err, ERR_SYSTEM, "libsodium cannot start: no random bytes");
    }
    return true;
}

void crypt_random(void *data, size_t size)
{
    randombytes_buf(data, size);
}

void crypt_wipe(void *data, size_t size)
{
    sodium_memzero(data, size);
}

bool crypt_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void crypt_hash(void *hash, size_t hash_size, const void *data, size_t size, const uint8_t *key)
{
    int status =
        crypto_generichash(hash, hash_size, data, size, key, key == NULL ? 0 : CRYPT_KEY_BYTES);

    assert(status == 0);
}

void crypt_sha512(uint8_t hash[static CRYPT_SHA512_BYTES], const void *data, size_t size)
{
    crypto_hash_sha512(hash, data, size);
}

void crypt_sign_keys(uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES],
                     uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES],
                     const uint8_t seed[static CRYPT_SEED_BYTES])
{
    crypto_sign_seed_keypair(public_key, secret_key, seed);
}

void crypt_sign(uint8_t signature[static CRYPT_SIGNATURE_BYTES], const void *data, size_t size,
                const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES])
{
    crypto_sign_detached(signature, NULL, data, size, secret_key);
}

bool crypt_verify(const uint8_t signature[static CRYPT_SIGNATURE_BYTES], const void *data,
                  size_t size, const uint8_t public_key[static CRYPT_PUBLIC_KEY_BYTES])
{
    return crypto_sign_verify_detached(signature, data, size, public_key) == 0;
}

void crypt_curve_public(uint8_t public_key[static CRYPT_KEY_BYTES],
                        const uint8_t secret_key[static CRYPT_KEY_BYTES])
{
    int status = crypto_scalarmult_base(public_key, secret_key);

    assert(status == 0);
}

void crypt_derive(uint8_t key[static CRYPT_KEY_BYTES], uint64_t id, const char purpose[static 8],
                  const uint8_t master[static CRYPT_KEY_BYTES])
{
    int status = crypto_kdf_derive_from_key(key, CRYPT_KEY_BYTES, id, purpose, master);

    assert(status == 0);
}

void crypt_box_seal(uint8_t *box, const void *data, size_t size,
                    const uint8_t nonce[static CRYPT_NONCE_BYTES],
                    const uint8_t key[static CRYPT_KEY_BYTES])
{
    crypto_secretbox_easy(box, data, size, nonce, key);
}

bool crypt_box_open(void *data, const uint8_t *box, size_t box_size,
                    const uint8_t nonce[static CRYPT_NONCE_BYTES],
                    const uint8_t key[static CRYPT_KEY_BYTES])
{
    return box_size >= CRYPT_BOX_EXTRA_BYTES &&
           crypto_secretbox_open_easy(data, box, box_size, nonce, key) == 0;
}

void crypt_seal(uint8_t *box, const void *data, size_t size,
                const uint8_t public_key[static CRYPT_KEY_BYTES])
{
    int status = crypto_box_seal(box, data, size, public_key);

    assert(status == 0);
}

bool crypt_seal_open(void *data, const uint8_t *box, size_t box_size,
                     const uint8_t public_key[static CRYPT_KEY_BYTES],
                     const uint8_t secret_key[static CRYPT_KEY_BYTES])
{
    return crypto_box_seal_open(data, box, box_size, public_key, secret_key) == 0;
}

static crypto_secretstream_xchacha20poly1305_state *state_of(struct crypt_stream *stream)
{
    return (crypto_secretstream_xchacha20poly1305_state *)(void *)stream->state;
}

void crypt_stream_start(struct crypt_stream *stream,
                        uint8_t header[static CRYPT_STREAM_HEADER_BYTES],
                        const uint8_t key[static CRYPT_KEY_BYTES])
{
    crypto_secretstream_xchacha20poly1305_init_push(state_of(stream), header, key);
}

void crypt_stream_open(struct crypt_stream *stream,
                       const uint8_t header[static CRYPT_STREAM_HEADER_BYTES],
                       const uint8_t key[static CRYPT_KEY_BYTES])
{
    int status = crypto_secretstream_xchacha20poly1305_init_pull(state_of(stream), header, key);

    assert(status == 0);
}

void crypt_stream_push(struct crypt_stream *stream, uint8_t *chunk, const void *data, size_t size,
                       const void *additional, size_t additional_size, bool is_last)
{
    uint8_t tag = is_last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0;

    crypto_secretstream_xchacha20poly1305_push(state_of(stream), chunk, NULL, data, size,
                                               additional, additional_size, tag);
}

bool crypt_stream_pull(struct crypt_stream *stream, void *data, const uint8_t *chunk,
                       size_t chunk_size, const void *additional, size_t additional_size,
                       bool is_last)
{
    uint8_t wanted = is_last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0;
    uint8_t tag;

    return crypto_secretstream_xchacha20poly1305_pull(state_of(stream), data, NULL, &tag, chunk,
                                                      chunk_size, additional,
                                                      additional_size) == 0 &&
           tag == wanted;
}

void crypt_base64(char *text, size_t text_size, const void *data, size_t size)
{
    sodium_bin2base64(text, text_size, data, size, sodium_base64_VARIANT_ORIGINAL);
}

bool crypt_base64_read(void *data, size_t size, const char *text, size_t text_size, struct err *err)
{
    char again[1024];
    size_t n = 0;

    if (text_size != CRYPT_BASE64_SIZE(size) - 1 || text_size >= sizeof(again) ||
        sodium_base642bin(data, size, text, text_size, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        n != size) {
        return err_set(err, ERR_INPUT, "expected base64 of %zu bytes", size);
    }
    crypt_base64(again, sizeof(again), data, size); /* one text per value: no loose last bits */
    if (memcmp(again, text, text_size) != 0) {
        return err_set(err, ERR_INPUT, "base64 is not canonical");
    }
    return true;
}

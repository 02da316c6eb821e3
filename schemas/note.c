/* SPDX-License-Identifier: MIT */
/*
 * Signed notes. See the header.
 */
#include "schemas/note.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

static const char dash[] = "\xe2\x80\x94 "; /* U+2014 and a space begin a signature line */
static const char step_start[] = "old ";
static const char next_step_start[] = "\nold "; /* no line of a checkpoint begins so */
static const char proof_first_line[] = "c2sp.org/tlog-proof@v1\n";

enum {
    KEY_ID_BYTES = 4,
    KEY_TYPE = 1, /* Ed25519 over the text */
    BODY_SIZE = NOTE_ORIGIN_SIZE + 24 + CRYPT_BASE64_SIZE(TREE_HASH_BYTES) + 2,
    HASH_BASE64_LENGTH = CRYPT_BASE64_SIZE(TREE_HASH_BYTES) - 1,
    NUMBER_DIGITS_MAX = 19,
};

/* Text that is read from the front. */
struct reader {
    const char *at;
    const char *end;
};

struct note_signature {
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t signature[CRYPT_SIGNATURE_BYTES];
};

struct typed_key {
    uint8_t type;
    uint8_t key[CRYPT_PUBLIC_KEY_BYTES];
};

static_assert(sizeof(struct note_signature) == 68, "as the note format lays it out");
static_assert(sizeof(struct typed_key) == 33, "as the note format lays it out");

/* SHA-256 of name, LF, type and key; the first four bytes */
static void key_id_of(uint8_t key_id[static KEY_ID_BYTES], const struct note_public_key *key)
{
    uint8_t digest[SHA256_BYTES];
    struct sha256 hash;
    const uint8_t head[2] = {'\n', KEY_TYPE};

    sha256_start(&hash);
    sha256_add(&hash, key->origin, strlen(key->origin));
    sha256_add(&hash, head, sizeof(head));
    sha256_add(&hash, key->key, sizeof(key->key));
    sha256_finish(&hash, digest);
    memcpy(key_id, digest, KEY_ID_BYTES);
}

void note_public_key_text(char text[static NOTE_KEY_TEXT_SIZE], const struct note_public_key *key)
{
    struct typed_key typed = {.type = KEY_TYPE};
    uint8_t key_id[KEY_ID_BYTES];
    char hex[2 * KEY_ID_BYTES + 1];
    char base64[CRYPT_BASE64_SIZE(sizeof(typed))];

    memcpy(typed.key, key->key, sizeof(typed.key));
    key_id_of(key_id, key);
    hex_text(hex, key_id, sizeof(key_id));
    crypt_base64(base64, sizeof(base64), &typed, sizeof(typed));
    snprintf(text, NOTE_KEY_TEXT_SIZE, "%s+%s+%s", key->origin, hex, base64);
}

bool note_public_key_read(struct note_public_key *key, const void *text, size_t size,
                          struct err *err)
{
    char again[NOTE_KEY_TEXT_SIZE];
    struct typed_key typed;
    const char *begin = text;
    const char *plus = memchr(text, '+', size);

    if (size > 0 && begin[size - 1] == '\n') {
        size--;
    }
    if (plus == NULL || plus == begin || (size_t)(plus - begin) >= sizeof(key->origin) ||
        size - (size_t)(plus - begin) < 2 + 2 * KEY_ID_BYTES) {
        return err_set(err, ERR_INPUT, "not a key of a log: expected ORIGIN+hash+key");
    }
    memcpy(key->origin, begin, (size_t)(plus - begin));
    key->origin[plus - begin] = '\0';
    const char *base64 = plus + 2 + 2 * KEY_ID_BYTES;
    if (!crypt_base64_read(&typed, sizeof(typed), base64, size - (size_t)(base64 - begin), err)) {
        return false;
    }
    memcpy(key->key, typed.key, sizeof(key->key));
    note_public_key_text(again, key);
    if (strlen(again) != size || memcmp(again, text, size) != 0) {
        return err_set(err, ERR_INPUT, "key of a log does not fit its hash");
    }
    return true;
}

/* What is signed: origin, size and root, each with its LF. Returns its length. */
static size_t write_body(char body[static BODY_SIZE], const char *origin,
                         const struct checkpoint *checkpoint)
{
    char base64[HASH_BASE64_LENGTH + 1];

    crypt_base64(base64, sizeof(base64), checkpoint->root.bytes, TREE_HASH_BYTES);
    return (size_t)snprintf(body, BODY_SIZE, "%s\n%" PRIu64 "\n%s\n", origin, checkpoint->size,
                            base64);
}

void checkpoint_sign(char note[static NOTE_SIZE], const struct checkpoint *checkpoint,
                     const struct note_public_key *key,
                     const uint8_t secret_key[static CRYPT_SECRET_KEY_BYTES])
{
    struct note_signature signature;
    char body[BODY_SIZE];
    char base64[CRYPT_BASE64_SIZE(sizeof(signature))];

    size_t size = write_body(body, key->origin, checkpoint);
    key_id_of(signature.key_id, key);
    crypt_sign(signature.signature, body, size, secret_key);
    crypt_base64(base64, sizeof(base64), &signature, sizeof(signature));
    snprintf(note, NOTE_SIZE, "%s\n%s%s %s\n", body, dash, key->origin, base64);
}

static bool skip(struct reader *reader, const char *text)
{
    size_t length = strlen(text);

    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0) {
        return false;
    }
    reader->at += length;
    return true;
}

/* A decimal without leading zeros, and the LF behind it. */
static bool take_number(struct reader *reader, uint64_t *number)
{
    const char *begin = reader->at;

    *number = 0;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        if (reader->at - begin == NUMBER_DIGITS_MAX) {
            return false;
        }
        *number = 10 * *number + (uint64_t)(*reader->at++ - '0');
    }
    ptrdiff_t n_digits = reader->at - begin;
    bool is_canonical = n_digits == 1 || (n_digits > 1 && *begin != '0');
    return is_canonical && skip(reader, "\n");
}

static bool take_hash(struct reader *reader, struct tree_hash *hash)
{
    struct err err;

    if (reader->end - reader->at < HASH_BASE64_LENGTH ||
        !crypt_base64_read(hash->bytes, TREE_HASH_BYTES, reader->at, HASH_BASE64_LENGTH, &err)) {
        return false;
    }
    reader->at += HASH_BASE64_LENGTH;
    return skip(reader, "\n");
}

/* A line that may stand here though nobody asked for it: printable, no second line in disguise. */
static bool is_plain(const char *text, const char *end)
{
    while (text < end && *text >= 0x20 && *text <= 0x7e) {
        text++;
    }
    return text == end;
}

/* One signature line: 1 a right signature of this key, 0 another key's, -1 a wrong one. */
static int check_line(struct reader *reader, const struct note_public_key *key, const char *body,
                      size_t body_size)
{
    struct note_signature signature;
    uint8_t key_id[KEY_ID_BYTES];
    struct err err;
    const char *line_end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));

    if (line_end == NULL || !skip(reader, dash) || !is_plain(reader->at, line_end)) {
        return -1;
    }
    bool is_name = skip(reader, key->origin) && skip(reader, " ");
    const char *base64 = reader->at;
    reader->at = line_end + 1;
    if (!is_name) { /* which holds no line end: what follows it stands in this line */
        return 0;
    }
    if (!crypt_base64_read(&signature, sizeof(signature), base64, (size_t)(line_end - base64),
                           &err)) {
        return -1;
    }
    key_id_of(key_id, key);
    if (memcmp(key_id, signature.key_id, sizeof(key_id)) != 0) {
        return 0;
    }
    return crypt_verify(signature.signature, body, body_size, key->key) ? 1 : -1;
}

bool checkpoint_origin(char origin[static NOTE_ORIGIN_SIZE], const void *note, size_t size,
                       struct err *err)
{
    const char *begin = note;
    const char *end = memchr(begin, '\n', size);

    if (end == NULL || end == begin || end - begin >= NOTE_ORIGIN_SIZE || !is_plain(begin, end)) {
        return err_set(err, ERR_INPUT, "not a checkpoint");
    }
    memcpy(origin, begin, (size_t)(end - begin));
    origin[end - begin] = '\0';
    return true;
}

bool checkpoint_read(struct checkpoint *checkpoint, const struct note_public_key *key,
                     const void *note, size_t size, struct err *err)
{
    struct reader reader = {note, (const char *)note + size};
    bool is_signed = false;

    if (!skip(&reader, key->origin) || !skip(&reader, "\n")) {
        return err_set(err, ERR_INPUT, "checkpoint of another log");
    }
    if (!take_number(&reader, &checkpoint->size) || !take_hash(&reader, &checkpoint->root)) {
        return err_set(err, ERR_INPUT, "checkpoint has no size and root");
    }
    size_t body_size = (size_t)(reader.at - (const char *)note);
    if (!skip(&reader, "\n")) {
        return err_set(err, ERR_INPUT, "checkpoint has an extension");
    }
    while (reader.at < reader.end) {
        int verdict = check_line(&reader, key, note, body_size);
        if (verdict < 0) {
            return err_set(err, ERR_INPUT, "signature of the checkpoint is wrong");
        }
        is_signed = is_signed || verdict > 0;
    }
    if (!is_signed) {
        return err_set(err, ERR_INPUT, "checkpoint is not signed by the log");
    }
    return true;
}

/* Hashes in base64, a line each. Returns the length. */
static size_t write_hashes(char *text, size_t size, const struct tree_proof *proof)
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < proof->n; i++) {
        char base64[HASH_BASE64_LENGTH + 1];
        crypt_base64(base64, sizeof(base64), proof->hashes[i].bytes, TREE_HASH_BYTES);
        length += (size_t)snprintf(text + length, size - length, "%s\n", base64);
    }
    return length;
}

void note_growth_write(char text[static NOTE_PROOF_SIZE], const struct tree_proof *proof)
{
    write_hashes(text, NOTE_PROOF_SIZE, proof);
}

static bool take_hashes(struct tree_proof *proof, struct reader *reader)
{
    proof->n = 0;
    while (reader->at < reader->end && *reader->at != '\n') {
        if (proof->n == TREE_PROOF_MAX || !take_hash(reader, &proof->hashes[proof->n])) {
            return false;
        }
        proof->n++;
    }
    return true;
}

bool note_growth_read(struct tree_proof *proof, const void *text, size_t size, struct err *err)
{
    struct reader reader = {text, (const char *)text + size};

    if (!take_hashes(proof, &reader) || reader.at != reader.end) {
        return err_set(err, ERR_INPUT, "proof has a line that is no hash");
    }
    return true;
}

void note_proof_write(char text[static NOTE_PROOF_SIZE], uint64_t index,
                      const struct tree_proof *proof, const char *checkpoint_note)
{
    size_t length =
        (size_t)snprintf(text, NOTE_PROOF_SIZE, "%sindex %" PRIu64 "\n", proof_first_line, index);

    length += write_hashes(text + length, NOTE_PROOF_SIZE - length, proof);
    snprintf(text + length, NOTE_PROOF_SIZE - length, "\n%s", checkpoint_note);
}

size_t note_proof_checkpoint(const void *text, size_t size)
{
    const char *blank = memmem(text, size, "\n\n", 2);

    return blank == NULL ? size : (size_t)(blank - (const char *)text) + 2;
}

bool note_proof_check(struct checkpoint *checkpoint, const struct note_public_key *key,
                      const struct tree_hash *leaf, uint64_t index, const void *text, size_t size,
                      struct err *err)
{
    struct reader reader = {text, (const char *)text + size};
    struct tree_proof proof;
    uint64_t said;

    if (!skip(&reader, proof_first_line) || !skip(&reader, "index ") ||
        !take_number(&reader, &said)) {
        return err_set(err, ERR_INPUT, "not a tlog-proof file");
    }
    if (said != index) {
        return err_set(err, ERR_INPUT, "proof is of entry %" PRIu64 ", not %" PRIu64, said, index);
    }
    if (!take_hashes(&proof, &reader) || !skip(&reader, "\n")) {
        return err_set(err, ERR_INPUT, "proof has a line that is no hash");
    }
    return checkpoint_read(checkpoint, key, reader.at, (size_t)(reader.end - reader.at), err) &&
           tree_check_leaf(leaf, index, checkpoint->size, &proof, &checkpoint->root, err);
}

void note_step_write(char text[static NOTE_STEP_SIZE], const struct note_step *step)
{
    size_t length =
        (size_t)snprintf(text, NOTE_STEP_SIZE, "%s%" PRIu64 "\n", step_start, step->old_size);

    length += write_hashes(text + length, NOTE_STEP_SIZE - length, &step->growth);
    snprintf(text + length, NOTE_STEP_SIZE - length, "\n%.*s", (int)step->note_size, step->note);
}

bool note_step_take(struct note_step *step, const char **at, const char *end, struct err *err)
{
    struct reader reader = {*at, end};

    if (!skip(&reader, step_start) || !take_number(&reader, &step->old_size) ||
        !take_hashes(&step->growth, &reader) || !skip(&reader, "\n")) {
        return err_set(err, ERR_INPUT, "not a step to a checkpoint");
    }
    step->note = reader.at;
    const char *next =
        memmem(reader.at, (size_t)(end - reader.at), next_step_start, strlen(next_step_start));
    *at = next == NULL ? end : next + 1;
    step->note_size = (size_t)(*at - step->note);
    if (step->note_size >= NOTE_SIZE) {
        return err_set(err, ERR_INPUT, "checkpoint has %zu bytes, limit is %d", step->note_size,
                       NOTE_SIZE - 1);
    }
    return true;
}

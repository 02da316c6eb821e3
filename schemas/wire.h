/* SPDX-License-Identifier: MIT */
/*
 * The messages of wire.def as structs, and one bounded codec for all of them. Decoding borrows
 * texts and blobs from the frame. Decoders check size, magic and version, then who may send, then
 * every field's bound; a frame that passes can be used without further checks of its form.
 */
#pragma once

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_MAGIC = 0x31595341, /* "ASY1" */
    WIRE_VERSION = 3,
    WIRE_HEADER_BYTES = 24,
    WIRE_FRAME_MAX = 4 << 20,
};

enum wire_sender { FROM_BROKER, FROM_GATEWAY, FROM_WORKER };

/* Why a request was refused; the gateway turns it into a status code. */
enum wire_refusal {
    REFUSAL_BAD_REQUEST = 1, /* 400 */
    REFUSAL_NO_TOKEN,        /* 401: none, unknown, expired or revoked */
    REFUSAL_NOT_ALLOWED,     /* 403 */
    REFUSAL_NOT_FOUND,       /* 404 */
    REFUSAL_CLOSED,          /* 403: not open yet, or closed */
    REFUSAL_QUOTA,           /* 429 */
    REFUSAL_CONFLICT,        /* 409: the key or the name is taken by something else */
    REFUSAL_TOO_LARGE,       /* 413 */
    REFUSAL_BUSY,            /* 503, with retry_after_ms */
    REFUSAL_INVALID,         /* 422: a configuration with problems */
    REFUSAL_EXPIRED,         /* 410: a promise whose bytes did not come in time */
};

enum wire_track { TRACK_PUBLIC, TRACK_PRIVATE };

enum wire_move { BOARD_PUBLISH, BOARD_FREEZE, BOARD_REVEAL };

enum wire_board_state {
    BOARD_HIDDEN,    /* nobody but the organizer sees it */
    BOARD_PUBLIC,    /* live */
    BOARD_FROZEN,    /* as it stood when it was frozen */
    BOARD_REVEALING, /* private scores are being opened */
    BOARD_REVEALED,  /* final: the private track is public */
};

enum wire_submission_state {
    SUBMISSION_ACCEPTED,
    SUBMISSION_SCORING,
    SUBMISSION_SCORED,
    SUBMISSION_INVALID,
    SUBMISSION_FAILED,
    SUBMISSION_RECEIVING, /* promised: its bytes may still come */
    SUBMISSION_EXPIRED,   /* promised, but they did not come in time */
};

enum wire_key_kind {
    KEY_RECEIPT, /* a minisign public key file */
    KEY_SIGNERS, /* an allowed_signers file of OpenSSH */
    KEY_LOG,     /* HOST+hash+key: under every log's own name it is that log's key */
};

enum wire_backup_state { BACKUP_NONE, BACKUP_RUNNING, BACKUP_DONE, BACKUP_FAILED };

enum wire_stats_kind {
    STATS_READY, /* whether the store answers and new submissions are taken; the rest is 0 */
    STATS_ALL,
};

enum wire_log_part {
    LOG_CHECKPOINT, /* the last signed note */
    LOG_KEY,        /* that checks it: ORIGIN+hash+key */
    LOG_GROWTH,     /* that the log of size `first` begins that of size `second`: base64 lines */
    LOG_TILE,       /* hashes: level `first`, index `second`, width `third` */
    LOG_ENTRIES,    /* the lines from `first`, up to `second`, that the caller may see */
    LOG_FILE,       /* of a file that an entry names by its `sha256`: the bytes from `first` on */
};

enum wire_job_kind {
    JOB_SCORE,
    JOB_RESCORE, /* again, and compared */
    JOB_OPEN,    /* a private score */
    JOB_CORRECT, /* again, under a further version of the labels */
};

enum wire_outcome { OUTCOME_SCORED, OUTCOME_INVALID, OUTCOME_OPENED };

enum wire_verdict {
    VERDICT_RECORDED,  /* it is durable */
    VERDICT_REPEATED,  /* the same result was there already */
    VERDICT_STALE,     /* the lease had gone to another worker; discarded */
    VERDICT_DIFFERENT, /* another result was recorded before: nothing changed, an alarm is raised */
};

/* Borrowed bytes; a text is not NUL-terminated. */
struct wire_bytes {
    const unsigned char *data;
    size_t size;
};

enum wire_type {
#define WIRE_MESSAGE(name, NAME, number, sender) WIRE_##NAME = number,
#define WIRE_RECORD(name, NAME, number) WIRE_##NAME = number,
#define WIRE_END(name)
#define WIRE_U8(message, field)
#define WIRE_U32(message, field)
#define WIRE_U64(message, field)
#define WIRE_I64(message, field)
#define WIRE_F64(message, field)
#define WIRE_FIXED(message, field, size)
#define WIRE_TEXT(message, field, max)
#define WIRE_BLOB(message, field, max)
#include "schemas/wire.def"
#undef WIRE_MESSAGE
#undef WIRE_RECORD
#undef WIRE_END
#undef WIRE_U8
#undef WIRE_U32
#undef WIRE_U64
#undef WIRE_I64
#undef WIRE_F64
#undef WIRE_FIXED
#undef WIRE_TEXT
#undef WIRE_BLOB
};

/* struct wire_refused { uint8_t refusal; struct wire_bytes text; … }; and so on */
#define WIRE_MESSAGE(name, NAME, number, sender) struct wire_##name {
#define WIRE_RECORD(name, NAME, number) struct wire_##name {
#define WIRE_END(name)                                                                             \
    }                                                                                              \
    ;
#define WIRE_U8(message, field) uint8_t field;
#define WIRE_U32(message, field) uint32_t field;
#define WIRE_U64(message, field) uint64_t field;
#define WIRE_I64(message, field) int64_t field;
#define WIRE_F64(message, field) double field;
#define WIRE_FIXED(message, field, size) uint8_t field[size];
#define WIRE_TEXT(message, field, max) struct wire_bytes field;
#define WIRE_BLOB(message, field, max) struct wire_bytes field;
#include "schemas/wire.def"
#undef WIRE_MESSAGE
#undef WIRE_RECORD
#undef WIRE_END
#define WIRE_END(name)
#undef WIRE_U8
#undef WIRE_U32
#undef WIRE_U64
#undef WIRE_I64
#undef WIRE_F64
#undef WIRE_FIXED
#undef WIRE_TEXT
#undef WIRE_BLOB

/* Any message: the type says which member is set. */
struct wire_message {
    enum wire_type type;
    uint64_t request_id;
    union {
#define WIRE_MESSAGE(name, NAME, number, sender) struct wire_##name name;
#define WIRE_RECORD(name, NAME, number)
#define WIRE_U8(message, field)
#define WIRE_U32(message, field)
#define WIRE_U64(message, field)
#define WIRE_I64(message, field)
#define WIRE_F64(message, field)
#define WIRE_FIXED(message, field, size)
#define WIRE_TEXT(message, field, max)
#define WIRE_BLOB(message, field, max)
#include "schemas/wire.def"
#undef WIRE_MESSAGE
#undef WIRE_RECORD
#undef WIRE_END
#undef WIRE_U8
#undef WIRE_U32
#undef WIRE_U64
#undef WIRE_I64
#undef WIRE_F64
#undef WIRE_FIXED
#undef WIRE_TEXT
#undef WIRE_BLOB
    };
};

/* Bytes under construction: a frame, or a list of records. {0} … wire_buffer_free. */
struct wire_buffer {
    unsigned char *data; /* owned */
    size_t size;
    size_t capacity;
};

void wire_buffer_free(struct wire_buffer *buffer);

/* Borrows a NUL-terminated text, or a buffer's contents, for a message. */
struct wire_bytes wire_text(const char *text);
struct wire_bytes wire_buffer_bytes(const struct wire_buffer *buffer);

/* Replaces the buffer's contents with a copy of the bytes. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool wire_buffer_set(struct wire_buffer *buffer, struct wire_bytes bytes,
                                struct err *err);

/* Appends bytes. Errors: ERR_SYSTEM (no memory). */
MUST_CHECK bool wire_buffer_add(struct wire_buffer *buffer, struct wire_bytes bytes,
                                struct err *err);

/* Copies a text with a NUL into copy[copy_size]; what does not fit is cut. */
void wire_text_copy(char *copy, size_t copy_size, struct wire_bytes text);

/* True when the bytes are this text. */
bool wire_text_is(struct wire_bytes bytes, const char *text);

/* "SUBMIT_BEGIN", for logs; "UNKNOWN" for a number that is no message. */
const char *wire_type_name(enum wire_type type);

/*
 * Replaces the buffer's contents with the frame of `message`.
 *
 * Errors   ERR_LIMIT   a field is longer than wire.def allows
 *          ERR_SYSTEM  no memory
 */
MUST_CHECK bool wire_encode(struct wire_buffer *frame, const struct wire_message *message,
                            struct err *err);

/*
 * Reads a frame that `sender` sent.
 *
 *   message  out, borrows from the frame
 *
 * Errors   ERR_INPUT  not a frame of this version, not a message `sender` may send, or a field out
 *                     of its bounds
 */
MUST_CHECK bool wire_decode(struct wire_message *message, enum wire_sender sender,
                            const void *frame, size_t size, struct err *err);

/*
 * Appends a record, such as a struct wire_problem for WIRE_PROBLEM, to a list.
 *
 * Errors   as wire_encode
 */
MUST_CHECK bool wire_append(struct wire_buffer *list, enum wire_type record_type,
                            const void *record, struct err *err);

enum wire_step { WIRE_ITEM, WIRE_LAST, WIRE_BROKEN };

/*
 * Takes the next record off the front of `rest`: WIRE_ITEM with *record set, WIRE_LAST when none is
 * left, WIRE_BROKEN when the bytes are no such record.
 */
MUST_CHECK enum wire_step wire_next(void *record, enum wire_type record_type,
                                    struct wire_bytes *rest);

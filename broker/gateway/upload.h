/* SPDX-License-Identifier: MIT */
/*
 * What a whole file and a file in pieces share on their way through the gateway. Each function
 * that cannot go on has answered the client.
 */
#pragma once

#include "broker/gateway/exchange.h"

/* The client's Idempotency-Key, or one of ours where it has none. Errors: ERR_INPUT. */
MUST_CHECK bool upload_read_key(struct exchange *exchange, struct err *err);

/* True where the disk has room for the body and some to spare. */
MUST_CHECK bool upload_has_room(struct exchange *exchange);

/* The query's file name and message; borrowed. Errors: ERR_INPUT. */
MUST_CHECK bool upload_read_names(struct wire_bytes *file_name, struct wire_bytes *message,
                                  const struct exchange *exchange, struct err *err);

/* Answers 413. */
void upload_fail_too_large(struct exchange *exchange);

/* What was promised: so many bytes with this hash, until then. */
void upload_expect(struct exchange *exchange, uint64_t size_bytes,
                   const uint8_t sha256[static SHA256_BYTES], int64_t until_ms);

/*
 * Ends an older request that adds to the same promised file: a new one means that it is dead. False
 * where the older one has all it needs and is at work.
 */
MUST_CHECK bool upload_take_over(struct exchange *exchange);

/* Opens the promised file (exchange->upload.id) to add to it, or anew. */
MUST_CHECK bool upload_open_part(struct exchange *exchange, bool is_new);

/* Forgets the exchange's file; what has come of a promised one stays. */
void upload_leave(struct exchange *exchange);

/* Lets the body come, once what is there has been hashed. */
void upload_go_on(struct exchange *exchange);

/* A piece of the body. */
void upload_add(struct exchange *exchange, const void *data, size_t size);

/* The last byte is there: makes the file durable, tells the broker, answers. */
void upload_finish(struct exchange *exchange);

/* Tells the broker what upload.job.sha256 names, and answers. */
void upload_commit(struct exchange *exchange);

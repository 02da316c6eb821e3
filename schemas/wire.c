/* SPDX-License-Identifier: MIT */
/*
 * One codec over the field tables that wire.def generates.
 */
#include "schemas/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum field_kind { FIELD_U8, FIELD_U32, FIELD_U64, FIELD_FIXED, FIELD_BYTES };

struct field {
    enum field_kind kind;
    size_t offset;
    size_t max; /* bytes */
};

static_assert(sizeof(double) == 8, "doubles travel as their IEEE bits");

#define WIRE_MESSAGE(name, NAME, number, sender) static const struct field fields_##name[] = {
#define WIRE_RECORD(name, NAME, number) static const struct field fields_##name[] = {
#define WIRE_END(name)                                                                             \
    }                                                                                              \
    ;
#define WIRE_U8(message, field) {FIELD_U8, offsetof(struct wire_##message, field), 1},
#define WIRE_U32(message, field) {FIELD_U32, offsetof(struct wire_##message, field), 4},
#define WIRE_U64(message, field) {FIELD_U64, offsetof(struct wire_##message, field), 8},
#define WIRE_I64(message, field) {FIELD_U64, offsetof(struct wire_##message, field), 8},
#define WIRE_F64(message, field) {FIELD_U64, offsetof(struct wire_##message, field), 8},
#define WIRE_FIXED(message, field, size)                                                           \
    {FIELD_FIXED, offsetof(struct wire_##message, field), size},
#define WIRE_TEXT(message, field, max) {FIELD_BYTES, offsetof(struct wire_##message, field), max},
#define WIRE_BLOB(message, field, max) {FIELD_BYTES, offsetof(struct wire_##message, field), max},
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

enum sender_or_record { SENDER_RECORD = FROM_WORKER + 1 };

struct shape {
    const char *name;
    int sender; /* enum wire_sender, or SENDER_RECORD */
    const struct field *fields;
    size_t n_fields;
};

enum { TYPES_MAX = 256 };

static const struct shape shapes[TYPES_MAX] = {
#define WIRE_MESSAGE(name, NAME, number, sender)                                                   \
    [number] = {#NAME, sender, fields_##name, ARRAY_SIZE(fields_##name)},
#define WIRE_RECORD(name, NAME, number)                                                            \
    [number] = {#NAME, SENDER_RECORD, fields_##name, ARRAY_SIZE(fields_##name)},
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
};

void wire_buffer_free(struct wire_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct wire_buffer){0};
}

struct wire_bytes wire_text(const char *text)
{
    return (struct wire_bytes){(const unsigned char *)text, strlen(text)};
}

struct wire_bytes wire_buffer_bytes(const struct wire_buffer *buffer)
{
    return (struct wire_bytes){buffer->data, buffer->size};
}

void wire_text_copy(char *copy, size_t copy_size, struct wire_bytes text)
{
    size_t size = text.size < copy_size ? text.size : copy_size - 1;

    if (size > 0) {
        memcpy(copy, text.data, size);
    }
    copy[size] = '\0';
}

bool wire_text_is(struct wire_bytes bytes, const char *text)
{
    return bytes.size == strlen(text) &&
           (bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

static const struct shape *find_shape(unsigned type)
{
    return type < TYPES_MAX && shapes[type].name != NULL ? &shapes[type] : NULL;
}

const char *wire_type_name(enum wire_type type)
{
    const struct shape *shape = find_shape(type);

    return shape == NULL ? "UNKNOWN" : shape->name;
}

/* A pointer to `size` new bytes at the end of the buffer; NULL without memory. */
static unsigned char *extend(struct wire_buffer *buffer, size_t size)
{
    size_t needed = buffer->size + size;

    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity == 0 ? 256 : buffer->capacity;
        while (capacity < needed) {
            capacity *= 2;
        }
        unsigned char *grown = realloc(buffer->data, capacity);
        if (grown == NULL) {
            return NULL;
        }
        buffer->data = grown;
        buffer->capacity = capacity;
    }
    unsigned char *added = buffer->data + buffer->size;
    buffer->size = needed;
    return added;
}

bool wire_buffer_set(struct wire_buffer *buffer, struct wire_bytes bytes, struct err *err)
{
    buffer->size = 0;
    return wire_buffer_add(buffer, bytes, err);
}

bool wire_buffer_add(struct wire_buffer *buffer, struct wire_bytes bytes, struct err *err)
{
    if (bytes.size == 0) {
        return true;
    }
    unsigned char *copy = extend(buffer, bytes.size);
    if (copy == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for %zu bytes", bytes.size);
    }
    memcpy(copy, bytes.data, bytes.size);
    return true;
}

static void put_integer(unsigned char *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = (unsigned char)(value >> 8 * i);
    }
}

static uint64_t get_integer(const unsigned char *from, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)from[i] << 8 * i;
    }
    return value;
}

static size_t encoded_size(const struct field *field, const void *member)
{
    return field->kind == FIELD_BYTES ? 4 + ((const struct wire_bytes *)member)->size : field->max;
}

static void encode_field(unsigned char *to, const struct field *field, const void *member)
{
    const struct wire_bytes *bytes = member;

    switch (field->kind) {
    case FIELD_U8:
        to[0] = *(const uint8_t *)member;
        return;
    case FIELD_U32:
        put_integer(to, *(const uint32_t *)member, 4);
        return;
    case FIELD_U64:
        put_integer(to, *(const uint64_t *)member, 8);
        return;
    case FIELD_FIXED:
        memcpy(to, member, field->max);
        return;
    case FIELD_BYTES:
        put_integer(to, bytes->size, 4);
        if (bytes->size > 0) {
            memcpy(to + 4, bytes->data, bytes->size);
        }
        return;
    }
}

static bool encode_fields(struct wire_buffer *buffer, const struct shape *shape, const void *values,
                          struct err *err)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        const struct field *field = &shape->fields[i];
        const void *member = (const char *)values + field->offset;
        size_t size = encoded_size(field, member);
        if (field->kind == FIELD_BYTES && size - 4 > field->max) {
            return err_set(err, ERR_LIMIT, "field %zu of %s has %zu bytes, limit is %zu", i,
                           shape->name, size - 4, field->max);
        }
        unsigned char *to = extend(buffer, size);
        if (to == NULL) {
            return err_set(err, ERR_SYSTEM, "no memory for a message");
        }
        encode_field(to, field, member);
    }
    return true;
}

bool wire_encode(struct wire_buffer *frame, const struct wire_message *message, struct err *err)
{
    const struct shape *shape = find_shape(message->type);

    assert(shape != NULL && shape->sender != SENDER_RECORD);
    frame->size = 0;
    if (extend(frame, WIRE_HEADER_BYTES) == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a message");
    }
    if (!encode_fields(frame, shape, &message->refused, err)) {
        return false;
    }
    size_t body_size = frame->size - WIRE_HEADER_BYTES;
    if (frame->size > WIRE_FRAME_MAX) {
        return err_set(err, ERR_LIMIT, "%s has %zu bytes, limit is %d", shape->name, frame->size,
                       WIRE_FRAME_MAX);
    }
    put_integer(frame->data, WIRE_MAGIC, 4);
    put_integer(frame->data + 4, WIRE_VERSION, 2);
    put_integer(frame->data + 6, message->type, 2);
    put_integer(frame->data + 8, body_size, 4);
    put_integer(frame->data + 12, 0, 4); /* reserved */
    put_integer(frame->data + 16, message->request_id, 8);
    return true;
}

bool wire_append(struct wire_buffer *list, enum wire_type record_type, const void *record,
                 struct err *err)
{
    const struct shape *shape = find_shape(record_type);

    assert(shape != NULL && shape->sender == SENDER_RECORD);
    return encode_fields(list, shape, record, err);
}

/* Takes one field off the front of `rest`; false where it does not fit its bounds. */
static bool decode_field(void *member, const struct field *field, struct wire_bytes *rest)
{
    size_t fixed = field->kind == FIELD_BYTES ? 4 : field->max;

    if (rest->size < fixed) {
        return false;
    }
    const unsigned char *from = rest->data;
    rest->data += fixed;
    rest->size -= fixed;
    switch (field->kind) {
    case FIELD_U8:
        *(uint8_t *)member = from[0];
        return true;
    case FIELD_U32:
        *(uint32_t *)member = (uint32_t)get_integer(from, 4);
        return true;
    case FIELD_U64:
        *(uint64_t *)member = get_integer(from, 8);
        return true;
    case FIELD_FIXED:
        memcpy(member, from, field->max);
        return true;
    case FIELD_BYTES:
        break;
    }
    size_t size = (size_t)get_integer(from, 4);
    if (size > field->max || size > rest->size) {
        return false;
    }
    *(struct wire_bytes *)member = (struct wire_bytes){rest->data, size};
    rest->data += size;
    rest->size -= size;
    return true;
}

static bool decode_fields(void *values, const struct shape *shape, struct wire_bytes *rest)
{
    for (size_t i = 0; i < shape->n_fields; i++) {
        const struct field *field = &shape->fields[i];
        if (!decode_field((char *)values + field->offset, field, rest)) {
            return false;
        }
    }
    return true;
}

bool wire_decode(struct wire_message *message, enum wire_sender sender, const void *frame,
                 size_t size, struct err *err)
{
    const unsigned char *header = frame;

    if (size < WIRE_HEADER_BYTES || size > WIRE_FRAME_MAX) {
        return err_set(err, ERR_INPUT, "frame has %zu bytes, expected %d to %d", size,
                       WIRE_HEADER_BYTES, WIRE_FRAME_MAX);
    }
    if (get_integer(header, 4) != WIRE_MAGIC || get_integer(header + 4, 2) != WIRE_VERSION) {
        return err_set(err, ERR_INPUT, "not a frame of version %d", WIRE_VERSION);
    }
    unsigned type = (unsigned)get_integer(header + 6, 2);
    const struct shape *shape = find_shape(type);
    if (shape == NULL || shape->sender != (int)sender) {
        return err_set(err, ERR_INPUT, "message type %u is not the sender's to send", type);
    }
    struct wire_bytes rest = {header + WIRE_HEADER_BYTES, size - WIRE_HEADER_BYTES};
    if (get_integer(header + 8, 4) != rest.size || get_integer(header + 12, 4) != 0) {
        return err_set(err, ERR_INPUT, "%s says another size than it has", shape->name);
    }
    *message = (struct wire_message){.type = (enum wire_type)type,
                                     .request_id = get_integer(header + 16, 8)};
    if (!decode_fields(&message->refused, shape, &rest) || rest.size != 0) {
        return err_set(err, ERR_INPUT, "%s has a field out of its bounds", shape->name);
    }
    return true;
}

enum wire_step wire_next(void *record, enum wire_type record_type, struct wire_bytes *rest)
{
    const struct shape *shape = find_shape(record_type);

    assert(shape != NULL && shape->sender == SENDER_RECORD);
    if (rest->size == 0) {
        return WIRE_LAST;
    }
    return decode_fields(record, shape, rest) ? WIRE_ITEM : WIRE_BROKEN;
}

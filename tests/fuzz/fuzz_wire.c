/* SPDX-License-Identifier: MIT */
/*
 * Frames and lists of records from any sender: what decodes is made again to the same bytes, what
 * does not is an error of the input, and a list is walked to its end or its first broken record.
 */
#include <string.h>

#include "schemas/wire.h"
#include "tests/fuzz/fuzz.h"

static void walk(struct wire_bytes rest, enum wire_type type)
{
    union {
        struct wire_problem problem;
        struct wire_submission_row submission_row;
        struct wire_board_row board_row;
        struct wire_receipt_file receipt_file;
    } record;
    size_t size = rest.size;

    while (wire_next(&record, type, &rest) == WIRE_ITEM) {
        FUZZ_CHECK(rest.size < size);
        size = rest.size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum wire_type lists[] = {WIRE_PROBLEM, WIRE_SUBMISSION_ROW, WIRE_BOARD_ROW,
                                           WIRE_RECEIPT_FILE};

    for (int sender = FROM_BROKER; sender <= FROM_WORKER; sender++) {
        struct wire_buffer again = {0};
        struct wire_message message;
        struct err err;
        if (wire_decode(&message, (enum wire_sender)sender, data, size, &err)) {
            FUZZ_CHECK(wire_encode(&again, &message, &err));
            FUZZ_CHECK(again.size == size && memcmp(again.data, data, size) == 0);
            if (message.type == WIRE_RESULT) {
                walk(message.result.problems, WIRE_PROBLEM);
            }
        } else {
            FUZZ_CHECK(err.code == ERR_INPUT);
        }
        wire_buffer_free(&again);
    }
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        walk((struct wire_bytes){.data = data, .size = size}, lists[i]);
    }
    return 0;
}

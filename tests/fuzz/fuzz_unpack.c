/* SPDX-License-Identifier: MIT */
/* Packed files of any content: refused, or unpacked within the limit. */
#include "scorer/data/stream.h"
#include "scorer/data/unpack.h"
#include "tests/fuzz/fuzz.h"

enum { BYTES_MAX = 1 << 16, PIECE = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream stream = {.data = (const char *)data, .size = size};
    struct unpack_source source = {.packing = unpack_packing((const char *)data, size),
                                   .read = stream_read,
                                   .read_data = &stream,
                                   .bytes_max = BYTES_MAX};
    struct unpack *unpack = NULL;
    struct err err = {0};
    char piece[PIECE];
    size_t n_all = 0;
    size_t n = PIECE;

    if (source.packing == PACKING_NONE) {
        return 0;
    }
    FUZZ_CHECK(unpack_open(&unpack, &source, &err));
    while (n == PIECE && unpack_read(unpack, piece, PIECE, &n, &err)) {
        n_all += n;
    }
    FUZZ_CHECK(n_all <= BYTES_MAX);
    FUZZ_CHECK(n < PIECE || err.code == ERR_INPUT);
    unpack_close(&unpack);
    return 0;
}

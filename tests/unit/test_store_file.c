/* SPDX-License-Identifier: MIT */
/* Files that entries name, and the rows of labels: only those of the log's root are published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/label_list.h"
#include "tests/unit/store_fixture.h"

static const uint8_t label_seed[COMMITMENT_SEED_BYTES] = {4};

enum { N_ROWS = 4000 };

static void get_row(struct commitment_row *row, void *context, size_t index)
{
    static char id[32];

    (void)context;
    snprintf(id, sizeof(id), "image %zu", index);
    *row = (struct commitment_row){.id = id,
                                   .id_size = strlen(id),
                                   .split = index % 4 == 0 ? "public" : "private",
                                   .label = "7",
                                   .label_size = 1};
}

/* A competition whose labels these rows are. */
static int64_t make_competition(struct world *world, struct bytes *list)
{
    const struct commitment_rows rows = {.n = N_ROWS, .get = get_row};
    struct store_call call = competition_call("open", "competition: open");
    struct label_list_sum sum;
    struct err err;

    assert_true(label_list_make(list, label_seed, &rows, &err));
    assert_true(label_list_check(&sum, list->data, list->size_bytes, label_seed, "open", &err));
    memcpy(call.competition_put.label_root, sum.root.bytes, TREE_HASH_BYTES);
    call.competition_put.n_images = N_ROWS;
    call.competition_put.n_public = N_ROWS / 4;
    call.competition_put.n_private = N_ROWS - N_ROWS / 4;
    run(world, &call);
    assert_int_equal(call.competition_put.outcome, STORE_DONE);
    return call.competition_put.competition;
}

/* Puts a file in pieces; returns its hash in `call`'s place. */
static void put(struct world *world, uint8_t sha256[static SHA256_BYTES], int64_t competition,
                const void *data, size_t size)
{
    enum { PIECE = 30000 };
    struct store_call call = {.kind = CALL_FILE_PUT};

    sha256_of(sha256, data, size);
    for (size_t at = 0; at < size; at += PIECE) {
        size_t rest = size - at;
        call.file_put = (struct store_file_put){
            .competition = competition,
            .at = (int64_t)at,
            .data = {(const unsigned char *)data + at, rest < PIECE ? rest : PIECE}};
        memcpy(call.file_put.sha256, sha256, SHA256_BYTES);
        run(world, &call);
        assert_int_equal(call.file_put.outcome, STORE_DONE);
    }
}

static struct store_disclosure_put disclose(struct world *world, int64_t competition,
                                            int64_t labels, const uint8_t *seed,
                                            const uint8_t *sha256)
{
    struct store_call call = {.kind = CALL_DISCLOSURE_PUT};

    call.disclosure_put = (struct store_disclosure_put){
        .competition = competition, .labels = labels, .now_ms = NOW_MS};
    memcpy(call.disclosure_put.label_seed, seed, SHA256_BYTES);
    memcpy(call.disclosure_put.sha256, sha256, SHA256_BYTES);
    run(world, &call);
    return call.disclosure_put;
}

static void reveal(struct world *world, int64_t competition)
{
    struct store_call call = {.kind = CALL_BOARD_MOVE};

    call.board_move = (struct store_board_move){
        .competition = competition, .move = BOARD_REVEAL, .now_ms = NOW_MS};
    attester_order(call.board_move.order, "open");
    run(world, &call);
    assert_int_equal(call.board_move.board_state, BOARD_REVEALED); /* nothing was ever scored */
}

/* The bytes of a published file, piece by piece; false where it is none. */
static bool get(struct world *world, struct wire_buffer *data, int64_t competition,
                const uint8_t *sha256)
{
    struct store_call call = {.kind = CALL_LOG_GET};
    struct err err;

    data->size = 0;
    call.log_get = (struct store_log_get){.competition = competition, .part = LOG_FILE};
    memcpy(call.log_get.sha256, sha256, SHA256_BYTES);
    for (;;) {
        call.log_get.first = data->size;
        run(world, &call);
        struct wire_bytes piece = wire_buffer_bytes(&call.log_get.data);
        if (call.log_get.outcome != STORE_DONE || piece.size == 0) {
            break;
        }
        assert_true(wire_buffer_add(data, piece, &err));
    }
    enum store_outcome outcome = call.log_get.outcome;
    store_call_free(&call);
    return outcome == STORE_DONE;
}

static void check_disclosure(struct world *world)
{
    static const uint8_t other_seed[COMMITMENT_SEED_BYTES] = {5};
    struct wire_buffer data = {0};
    struct bytes list = {0};
    uint8_t sha256[SHA256_BYTES];
    uint8_t other[SHA256_BYTES];
    int64_t competition = make_competition(world, &list);

    put(world, sha256, competition, list.data, list.size_bytes);
    assert_false(get(world, &data, competition, sha256)); /* nobody's yet */
    assert_int_equal(disclose(world, competition, 1, label_seed, sha256).outcome, STORE_CONFLICT);
    reveal(world, competition);
    assert_int_equal(disclose(world, competition, 2, label_seed, sha256).outcome, STORE_EMPTY);
    assert_int_equal(disclose(world, competition, 1, other_seed, sha256).outcome, STORE_CONFLICT);
    assert_int_equal(disclose(world, competition, 1, label_seed, other_seed).outcome,
                     STORE_CONFLICT); /* no such file */
    char *label = strstr((char *)list.data + list.size_bytes / 2, "\t7\t");
    label[1] = '8';
    put(world, other, competition, list.data, list.size_bytes);
    label[1] = '7';
    assert_int_equal(disclose(world, competition, 1, label_seed, other).outcome, STORE_CONFLICT);
    put(world, other, competition, list.data, list.size_bytes - 20);
    assert_int_equal(disclose(world, competition, 1, label_seed, other).outcome, STORE_CONFLICT);
    assert_int_equal(disclose(world, competition, 1, label_seed, sha256).outcome, STORE_DONE);
    assert_int_equal(disclose(world, competition, 1, label_seed, sha256).outcome, STORE_REPEATED);
    assert_int_equal(disclose(world, competition, 1, label_seed, other).outcome, STORE_CONFLICT);
    assert_true(get(world, &data, competition, sha256));
    assert_int_equal(data.size, list.size_bytes);
    assert_memory_equal(data.data, list.data, data.size);
    wire_buffer_free(&data);
    bytes_free(&list);
}

/* What is published stays; a file whose pieces do not fit is none. */
static void check_pieces(struct world *world)
{
    static const char yaml[] = "competition: demo";
    struct store_call call = {.kind = CALL_FILE_PUT};
    struct wire_buffer data = {0};
    uint8_t sha256[SHA256_BYTES];

    sha256_of(sha256, yaml, strlen(yaml));
    assert_true(get(world, &data, world->competition, sha256)); /* the rules, from the start */
    assert_true(wire_text_is(wire_buffer_bytes(&data), yaml));
    call.file_put =
        (struct store_file_put){.competition = world->competition, .data = wire_text("other")};
    memcpy(call.file_put.sha256, sha256, sizeof(sha256));
    run(world, &call);
    assert_int_equal(call.file_put.outcome, STORE_DONE);
    assert_true(get(world, &data, world->competition, sha256));
    assert_true(wire_text_is(wire_buffer_bytes(&data), yaml));
    wire_buffer_free(&data);
}

TEST(disclosure)
TEST(pieces)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disclosure),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

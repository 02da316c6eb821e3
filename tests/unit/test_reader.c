/* SPDX-License-Identifier: MIT */
/* A real reader process, given parsers that behave, crash, hang and grow. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon.h"
#include "common/file.h"
#include "schemas/wire.h"
#include "scorer/data/stream.h"
#include "scorer/data/unpack.h"
#include "scorer/worker/packet.h"
#include "scorer/worker/reader.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER true
#else
#define HAS_SANITIZER false
#endif

enum { PATIENCE_MS = 30000, MEMORY = 4 << 20 };

static const struct worker_settings settings = {
    .name = "tester", .job_memory_bytes = MEMORY, .job_seconds = 1};

static const int64_t class_ids[] = {3, 5, 9};
static const struct id_text image_ids[] = {{"a", 1}, {"b", 1}};

/* ---- the parser: the first byte of the submission says what it does ---- */

static bool give_columns(struct columns *columns, const struct reader_input *input, struct err *err)
{
    size_t stride = columns_stride(input->sheet->frame.n_images);
    uint16_t *ranks = arena_alloc(input->arena, stride, sizeof(*ranks), err);

    if (ranks == NULL) {
        return false;
    }
    ranks[0] = (uint16_t)catalog_find_class(&input->sheet->catalog, 9);
    ranks[1] = (uint16_t)(input->size_bytes % 3);
    *columns = (struct columns){
        .kind = COLUMNS_TOPK,
        .topk = {
            .n_images = input->sheet->frame.n_images, .stride = stride, .k = 1, .ranks = ranks}};
    return true;
}

static bool give_problems(struct columns *columns)
{
    static struct problems problems;

    problems_add(&problems, 7, 2, "unknown image id '%s'", "zebra");
    *columns = (struct columns){.kind = COLUMNS_PROBLEMS,
                                .problems = {.n_all = 1, .n_kept = 1, .kept = problems.kept}};
    return true;
}

/* More boxes than the output may hold, all at one address range that costs nothing. */
static bool give_too_much(struct columns *columns, const struct reader_input *input)
{
    static size_t starts[4] = {0, 1 << 17, 1 << 17, 1 << 17};
    static struct box boxes[1 << 17];

    (void)input;
    *columns = (struct columns){.kind = COLUMNS_BOXES,
                                .boxes = {.n_rows = 1 << 17,
                                          .n_classes = 3,
                                          .class_start = starts,
                                          .image = (const uint32_t *)boxes,
                                          .score = (const double *)boxes,
                                          .box = boxes}};
    return true;
}

static bool grow(struct err *err)
{
    for (;;) {
        char *memory =
            mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            return err_set(err, ERR_SYSTEM, "no memory left");
        }
        memory[0] = 1;
    }
}

/* A deflated file with a name in UTF-8, made by Python's zipfile. */
static const char zip[] =
    "\x50\x4b\x03\x04\x14\x00\x00\x08\x08\x00\x00\x00\xc1\x4a\x86\x7e\x52\xa5\x1b"
    "\x00\x00\x00\x19\x00\x00\x00\x06\x00\x00\x00\xc3\xa9\x2e\x63\x73\x76\xcb\x4c"
    "\xd1\x29\x28\x4a\x4d\xc9\x4c\x2e\x49\x4d\xe1\x4a\xd4\x31\x50\x30\xe4\x4a\xd2"
    "\x31\x54\x30\xe0\x02\x00\x50\x4b\x01\x02\x14\x03\x14\x00\x00\x08\x08\x00\x00"
    "\x00\xc1\x4a\x86\x7e\x52\xa5\x1b\x00\x00\x00\x19\x00\x00\x00\x06\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00\x00\xc3\xa9\x2e\x63\x73"
    "\x76\x50\x4b\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00\x34\x00\x00\x00\x3f\x00"
    "\x00\x00\x00\x00";

/* What libarchive opens on its first use must be open already. */
static bool unpack(struct columns *columns, const struct reader_input *input, struct err *err)
{
    struct stream stream = {.data = zip, .size = sizeof(zip) - 1};
    const struct unpack_source source = {
        .packing = PACKING_ZIP, .read = stream_read, .read_data = &stream, .bytes_max = 1000};
    struct unpack *unpack = NULL;
    char text[1000];
    size_t n;

    return unpack_open(&unpack, &source, err) && unpack_read(unpack, text, sizeof(text), &n, err) &&
           n == 25 && give_columns(columns, input, err);
}

static bool parse(struct columns *columns, const struct reader_input *input, struct err *err)
{
    char first = 0;
    volatile bool is_done = false;

    if (read(input->fd, &first, 1) != 1) {
        return err_set(err, ERR_SYSTEM, "nothing to read");
    }
    switch (first) {
    case 'o':
        return give_columns(columns, input, err);
    case 'p':
        return give_problems(columns);
    case 'z':
        return unpack(columns, input, err);
    case 'c':
        *(volatile int *)(uintptr_t)(first - 'c') = 1;
        return false;
    case 'f':
        return open("/etc/passwd", O_RDONLY) >= 0;
    case 'a':
        return arena_alloc(input->arena, 1, MEMORY + 1, err) != NULL;
    case 'g':
        return grow(err);
    case 't':
        return give_too_much(columns, input);
    case 's':
        while (!is_done) {
        }
        return false;
    case 'e':
        _exit(5);
    default:
        return false;
    }
}

/* ---- the harness ---- */

struct rig {
    int socket;
    int sheet;
    pid_t pid;
    struct packet packet;
};

static int start(void **state)
{
    static struct rig rig;
    static struct competition competition = {.submission = {.format = FORMAT_TOPK, .k = 1}};
    const struct catalog_source source = {
        .n_ids = 2, .ids = image_ids, .n_classes = 3, .class_ids = class_ids};
    const struct reader reader = {.settings = &settings, .parse = parse};
    struct catalog catalog;
    struct arena *arena = NULL;
    struct err err = {0};
    int ends[2];

    if (!packet_pair(ends, &err)) {
        return -1;
    }
    rig = (struct rig){.socket = ends[0]};
    rig.pid = fork();
    if (rig.pid == 0) {
        close(ends[0]);
        _exit(daemon_harden(&err) ? reader_run(ends[1], &reader) : 1);
    }
    close(ends[1]);
    bool ok = arena_open(&arena, 1 << 20, &err) &&
              catalog_make(&catalog, NULL, &source, arena, &err) &&
              sheet_make(&rig.sheet, &competition, &catalog, &err);
    arena_close(&arena);
    *state = &rig;
    return ok ? 0 : -1;
}

static int stop(void **state)
{
    struct rig *rig = *state;
    int status = -1;

    close(rig->socket);
    close(rig->sheet);
    packet_free(&rig->packet);
    waitpid(rig->pid, &status, 0);
    return status;
}

static void send_job(struct rig *rig, int blob, uint64_t size)
{
    const struct wire_message message = {
        .type = WIRE_JOB, .request_id = 4, .job = {.job_id = 11, .fence = 3, .size_bytes = size}};
    struct wire_buffer frame = {0};
    struct err err = {0};
    const int fds[] = {blob, rig->sheet};

    assert_true(wire_encode(&frame, &message, &err));
    assert_true(packet_send(rig->socket, frame.data, frame.size, fds, 2, &err));
    wire_buffer_free(&frame);
}

static void receive(struct rig *rig)
{
    struct pollfd wait = {.fd = rig->socket, .events = POLLIN};
    struct err err = {0};

    assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
    assert_int_equal(packet_receive(&rig->packet, rig->socket, &err), PACKET_DONE);
}

static void run_job(struct rig *rig, const char *text)
{
    int blob = memfd_create("blob", MFD_CLOEXEC);

    assert_true(blob >= 0);
    assert_int_equal(write(blob, text, strlen(text)), strlen(text));
    assert_int_equal(lseek(blob, 0, SEEK_SET), 0);
    send_job(rig, blob, strlen(text));
    close(blob);
    receive(rig);
}

/* The reason of a FAILED answer. */
static const char *failure(struct rig *rig)
{
    static char reason[300];
    struct wire_message message;
    struct err err = {0};

    assert_int_equal(rig->packet.n_fds, 0);
    assert_true(wire_decode(&message, FROM_WORKER, rig->packet.data, rig->packet.size, &err));
    assert_int_equal(message.type, WIRE_FAILED);
    assert_int_equal(message.request_id, 4);
    assert_int_equal(message.failed.job_id, 11);
    assert_int_equal(message.failed.fence, 3);
    assert_true(wire_text_is(message.failed.worker, "tester"));
    wire_text_copy(reason, sizeof(reason), message.failed.reason);
    return reason;
}

/* The column block of an answer; end it with sealed_unmap. */
static struct columns answer(struct rig *rig, struct sealed *map)
{
    static struct sheet sheet;
    struct sealed sheet_map = {0};
    struct columns columns;
    struct err err = {0};

    assert_int_equal(rig->packet.size, 0);
    assert_int_equal(rig->packet.n_fds, 1);
    assert_true(sheet_open(&sheet, &sheet_map, rig->sheet, &err));
    assert_true(sealed_map(map, rig->packet.fds[0], SIZE_MAX, &err));
    assert_true(columns_check(&columns, map->data, map->size_bytes, &sheet.frame, &err));
    sealed_unmap(&sheet_map);
    return columns;
}

static void test_reader_run_columns(void **state)
{
    struct rig *rig = *state;
    struct sealed map = {0};

    run_job(rig, "o234");
    struct columns columns = answer(rig, &map);
    assert_int_equal(columns.kind, COLUMNS_TOPK);
    assert_int_equal(columns.topk.ranks[0], 2);
    assert_int_equal(columns.topk.ranks[1], 1);
    sealed_unmap(&map);
    run_job(rig, "p");
    columns = answer(rig, &map);
    assert_int_equal(columns.kind, COLUMNS_PROBLEMS);
    assert_string_equal(columns.problems.kept[0].text, "unknown image id 'zebra'");
    sealed_unmap(&map);
    run_job(rig, "z");
    assert_int_equal(answer(rig, &map).kind, COLUMNS_TOPK);
    sealed_unmap(&map);
}

/* Poison ends as this job's failure, and the next job is read as if nothing had been. */
static void test_reader_run_poison(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        const char *reason;
        bool is_failure_block; /* the parser could still say it itself */
        bool is_limit_of_addresses;
    } cases[] = {
        {"crash", "c", "crashed: signal", false, false},
        {"forbidden call", "f", "crashed: signal 31", false, false},
        {"exit", "e", "ended with status 5", false, false},
        {"endless computing", "s", "longer than 1 s", false, false},
        {"too large output", "t", "columns are larger", false, false},
        {"more than the arena", "a", "limit of 4194304 bytes", true, false},
        {"all addresses", "g", "no memory left", true, true},
        {"empty", "", "nothing to read", true, false},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sealed map = {0};
        if (cases[i].is_limit_of_addresses && HAS_SANITIZER) {
            continue;
        }
        run_job(rig, cases[i].text);
        const char *reason = NULL;
        if (cases[i].is_failure_block) {
            struct columns columns = answer(rig, &map);
            assert_int_equal(columns.kind, COLUMNS_FAILURE);
            reason = columns.failure->text;
        } else {
            reason = failure(rig);
        }
        if (strstr(reason, cases[i].reason) == NULL) {
            fail_msg("%s: %s", cases[i].name, reason);
        }
        sealed_unmap(&map);
        run_job(rig, "o");
        assert_int_equal(answer(rig, &map).kind, COLUMNS_TOPK);
        sealed_unmap(&map);
    }
}

/* A submission that never ends its read: the clock on the wall ends it. */
static void test_reader_run_hang(void **state)
{
    struct rig *rig = *state;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    send_job(rig, ends[0], 1);
    receive(rig);
    assert_non_null(strstr(failure(rig), "took longer than 1 s"));
    close(ends[0]);
    close(ends[1]);
}

static void test_reader_run_wrong_descriptors(void **state)
{
    struct rig *rig = *state;
    int sheet = rig->sheet;
    struct sealed map = {0};

    rig->sheet = STDIN_FILENO;
    run_job(rig, "o");
    rig->sheet = sheet;
    struct columns columns = answer(rig, &map);
    assert_int_equal(columns.kind, COLUMNS_FAILURE);
    assert_non_null(strstr(columns.failure->text, "not a sealed memory file"));
    sealed_unmap(&map);
}

/* When nobody waits for the answer any more, the child ends at once and so does the reader. */
static void test_reader_run_link_gone(void **state)
{
    struct rig *rig = *state;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    send_job(rig, ends[0], 1);
    close(ends[0]);
    shutdown(rig->socket, SHUT_RDWR);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reader_run_columns, start, stop),
        cmocka_unit_test_setup_teardown(test_reader_run_poison, start, stop),
        cmocka_unit_test_setup_teardown(test_reader_run_hang, start, stop),
        cmocka_unit_test_setup_teardown(test_reader_run_wrong_descriptors, start, stop),
        cmocka_unit_test_setup_teardown(test_reader_run_link_gone, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

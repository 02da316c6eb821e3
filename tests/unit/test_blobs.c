/* SPDX-License-Identifier: MIT */
/*
 * The blob folder on a real file system: names, modes, and a real failure after every step of an
 * upload (write, name, rename), each of which must leave no file and no descriptor behind.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/store/finisher.h"
#include "common/file.h"
#include "common/text.h"
#include "schemas/blob.h"

struct fixture {
    char folder[64];
    char incoming[80];
    int n_descriptors;
    struct blobs *blobs;
};

static int count_files(const char *path)
{
    DIR *folder = opendir(path);
    int n = 0;

    assert_non_null(folder);
    for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        n += item->d_name[0] != '.';
    }
    closedir(folder);
    return n;
}

static int open_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct err err;

    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/assay-blobs-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->incoming, sizeof(fixture->incoming), "%s/incoming", fixture->folder);
    fixture->n_descriptors = count_files("/proc/self/fd");
    assert_true(blobs_open(&fixture->blobs, fixture->folder, &err));
    *state = fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    blobs_close(&fixture->blobs);
    assert_null(fixture->blobs);
    assert_int_equal(count_files("/proc/self/fd"), fixture->n_descriptors);
    snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static struct blobs_upload *start(struct fixture *fixture, const char *text)
{
    struct blobs_upload *upload = NULL;
    struct err err;

    assert_true(blobs_upload_open(&upload, fixture->blobs, &err));
    assert_true(blobs_upload_add(upload, text, strlen(text), &err));
    return upload;
}

static void test_blobs_upload(void **state)
{
    struct fixture *fixture = *state;
    uint8_t sha256[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    char path[256];
    struct bytes bytes;
    struct stat info;
    struct err err;

    for (int repeat = 0; repeat < 2; repeat++) {
        struct blobs_upload *upload = start(fixture, "a");
        assert_true(blobs_upload_add(upload, "bc", 2, &err));
        assert_int_equal(count_files(fixture->incoming), 1);
        assert_int_equal(blobs_upload_bytes(upload), 3);
        assert_true(blobs_upload_finish(sha256, upload, &err));
        blobs_upload_close(&upload);
        assert_null(upload);
        hex_text(hex, sha256, sizeof(sha256));
        /* FIPS 180-2, appendix B.1 */
        assert_string_equal(hex,
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_true(blob_path(path, sizeof(path), fixture->folder, sha256, &err));
        assert_true(file_read(&bytes, path, 100, &err));
        assert_string_equal(bytes.data, "abc");
        bytes_free(&bytes);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0440);
        assert_int_equal(count_files(fixture->incoming), 0);
    }
}

static void test_blobs_upload_empty(void **state)
{
    struct fixture *fixture = *state;
    struct blobs_upload *upload = start(fixture, "");
    uint8_t sha256[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    struct err err;

    assert_true(blobs_upload_finish(sha256, upload, &err));
    blobs_upload_close(&upload);
    hex_text(hex, sha256, sizeof(sha256));
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_blobs_upload_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct blobs_upload *upload = start(fixture, "half of it");

    blobs_upload_close(&upload);
    assert_int_equal(count_files(fixture->incoming), 0);
}

/* The file size limit makes a real write fail in the middle. */
static void test_blobs_upload_write_fails(void **state)
{
    struct fixture *fixture = *state;
    struct blobs_upload *upload = start(fixture, "abc");
    struct rlimit before;
    struct err err;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){5, before.rlim_max}), 0);
    bool ok = blobs_upload_add(upload, "defghij", 7, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_false(ok);
    assert_int_equal(err.code, ERR_STORE);
    blobs_upload_close(&upload);
    assert_int_equal(count_files(fixture->incoming), 0);
}

static void test_blobs_upload_open_fails(void **state)
{
    struct fixture *fixture = *state;
    struct blobs_upload *upload = NULL;
    struct err err;

    assert_int_equal(rmdir(fixture->incoming), 0);
    assert_false(blobs_upload_open(&upload, fixture->blobs, &err));
    assert_int_equal(err.code, ERR_STORE);
    assert_null(upload);
}

/* A folder where the blob should be: the rename is refused, the bytes go away. */
static void test_blobs_upload_rename_fails(void **state)
{
    struct fixture *fixture = *state;
    uint8_t sha256[SHA256_BYTES];
    char path[256];
    struct err err;

    sha256_of(sha256, "abc", 3);
    assert_true(blob_path(path, sizeof(path), fixture->folder, sha256, &err));
    assert_int_equal(mkdir(path, 0700), 0);
    struct blobs_upload *upload = start(fixture, "abc");
    assert_false(blobs_upload_finish(sha256, upload, &err));
    assert_int_equal(err.code, ERR_STORE);
    blobs_upload_close(&upload);
    assert_int_equal(count_files(fixture->incoming), 0);
}

/* A process that dies in the middle of an upload leaves a file; the next start removes it, but
 * not the file of a writer that lives. */
static void test_blobs_open_sweeps(void **state)
{
    struct fixture *fixture = *state;
    struct blobs_upload *living = start(fixture, "mine");
    struct blobs *second = NULL;
    uint8_t sha256[SHA256_BYTES];
    struct err err;
    int status;

    pid_t child = fork();
    if (child == 0) {
        struct blobs_upload *upload = start(fixture, "never finished");
        _exit(blobs_upload_bytes(upload) == 14 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count_files(fixture->incoming), 2);
    assert_true(blobs_open(&second, fixture->folder, &err));
    assert_int_equal(count_files(fixture->incoming), 1);
    assert_true(blobs_upload_finish(sha256, living, &err));
    blobs_upload_close(&living);
    blobs_close(&second);
}

static void test_blobs_open_fails(void **state)
{
    struct fixture *fixture = *state;
    struct blobs *blobs = NULL;
    char path[128];
    struct err err;

    snprintf(path, sizeof(path), "%s/file", fixture->folder);
    assert_true(file_write_durable(path, "x", 1, 0600, &err));
    assert_false(blobs_open(&blobs, path, &err));
    assert_int_equal(err.code, ERR_STORE);
    assert_null(blobs);
}

static void test_blobs_free_bytes(void **state)
{
    struct fixture *fixture = *state;
    uint64_t free_bytes = 0;
    struct err err;

    assert_true(blobs_free_bytes(&free_bytes, fixture->blobs, &err));
    assert_true(free_bytes > 0);
}

/* Waits until a job is back. */
static struct finisher_job *take(struct finisher *finisher)
{
    struct pollfd event = {.fd = finisher_descriptor(finisher), .events = POLLIN};
    struct finisher_job *job = finisher_take(finisher);

    while (job == NULL) {
        assert_int_equal(poll(&event, 1, 60000), 1);
        job = finisher_take(finisher);
    }
    return job;
}

/* More jobs than threads; one of them fails. */
static void test_finisher(void **state)
{
    enum { N_JOBS = 50, BROKEN = 20 };
    struct fixture *fixture = *state;
    struct finisher *finisher = NULL;
    struct finisher_job jobs[N_JOBS] = {0};
    bool is_back[N_JOBS] = {false};
    char text[16];
    char path[256];
    uint8_t sha256[SHA256_BYTES];
    struct err err;

    assert_true(finisher_open(&finisher, 3, &err));
    assert_null(finisher_take(finisher));
    for (int i = 0; i < N_JOBS; i++) {
        snprintf(text, sizeof(text), "job %d", i);
        sha256_of(sha256, text, strlen(text));
        if (i == BROKEN) {
            assert_true(blob_path(path, sizeof(path), fixture->folder, sha256, &err));
            assert_int_equal(mkdir(path, 0700), 0);
        }
        jobs[i].upload = start(fixture, text);
        jobs[i].context = &is_back[i];
        finisher_add(finisher, &jobs[i]);
    }
    for (int n = 0; n < N_JOBS; n++) {
        struct finisher_job *job = take(finisher);
        int i = (int)(job - jobs);
        assert_false(is_back[i]);
        *(bool *)job->context = true;
        assert_int_equal(job->is_done, i != BROKEN);
        snprintf(text, sizeof(text), "job %d", i);
        sha256_of(sha256, text, strlen(text));
        if (job->is_done) {
            assert_memory_equal(job->sha256, sha256, sizeof(sha256));
        } else {
            assert_int_equal(job->err.code, ERR_STORE);
        }
        blobs_upload_close(&job->upload);
    }
    assert_null(finisher_take(finisher));
    finisher_close(&finisher);
    assert_null(finisher);
    assert_int_equal(count_files(fixture->incoming), 0);
}

/* Closed with jobs that nobody takes back: none is touched afterwards. */
static void test_finisher_close_early(void **state)
{
    enum { N_JOBS = 20 };
    struct fixture *fixture = *state;
    struct finisher *finisher = NULL;
    struct finisher_job jobs[N_JOBS] = {0};
    struct err err;

    assert_true(finisher_open(&finisher, 2, &err));
    for (int i = 0; i < N_JOBS; i++) {
        jobs[i].upload = start(fixture, "x");
        finisher_add(finisher, &jobs[i]);
    }
    finisher_close(&finisher);
    for (int i = 0; i < N_JOBS; i++) {
        blobs_upload_close(&jobs[i].upload);
    }
    assert_int_equal(count_files(fixture->incoming), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_blobs_upload, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_blobs_upload_empty, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_blobs_upload_is_dropped, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_blobs_upload_write_fails, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_blobs_upload_open_fails, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_blobs_upload_rename_fails, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(test_blobs_open_sweeps, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_blobs_open_fails, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_blobs_free_bytes, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_finisher, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_finisher_close_early, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * Label folders. A set is written into a folder of its own and renamed at the end, so that a
 * version is there whole or not at all; rename refuses to replace a folder that is not empty.
 */
#include "scorer/data/label_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

enum { COPY_BYTES = 256 << 10 };

static const char competition_name[] = "competition.yaml";
static const char *const label_names[] = {"labels", "labels.csv", "labels.json"};

static bool copy_bytes(int from, int to, char buffer[static COPY_BYTES], struct err *err)
{
    for (;;) {
        ssize_t n = read(from, buffer, COPY_BYTES);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 || err_set(err, ERR_SYSTEM, "read: %s", strerror(errno));
        }
        if (!write_full(to, buffer, (size_t)n, err)) {
            return false;
        }
    }
}

static bool copy_file(const char *from, const char *to, struct err *err)
{
    char *buffer = malloc(COPY_BYTES);
    int in = -1;
    int out = -1;
    bool ok = false;

    if (buffer == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a copy");
    }
    in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (in < 0) {
        err_set(err, ERR_SYSTEM, "open %s: %s", from, strerror(errno));
        goto out;
    }
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0) {
        err_set(err, ERR_SYSTEM, "create %s: %s", to, strerror(errno));
        goto out;
    }
    ok = copy_bytes(in, out, buffer, err);
    if (ok && fsync(out) < 0) {
        ok = err_set(err, ERR_SYSTEM, "fsync %s: %s", to, strerror(errno));
    }
out:
    if (out >= 0) {
        close(out);
    }
    if (in >= 0) {
        close(in);
    }
    free(buffer);
    return ok;
}

static bool make_folder(const char *path, struct err *err)
{
    return mkdir(path, 0700) == 0 ||
           err_set(err, ERR_SYSTEM, "make folder %s: %s", path, strerror(errno));
}

static bool is_name(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Removes a folder of files and of folders of files, as far as it can. */
static void remove_folder(const char *path)
{
    char inner[LABEL_PATH_SIZE];
    struct err ignored;
    struct dirent *entry;
    DIR *list = opendir(path);

    while (list != NULL && (entry = readdir(list)) != NULL) {
        if (is_name(entry) && path_join(inner, sizeof(inner), path, entry->d_name, &ignored) &&
            unlink(inner) < 0 && errno == EISDIR) {
            remove_folder(inner);
        }
    }
    if (list != NULL) {
        closedir(list);
    }
    rmdir(path);
}

/* Copies the files of a folder; folders inside it are not of a label set. */
static bool copy_folder(const char *from, const char *to, struct err *err)
{
    char inner_from[LABEL_PATH_SIZE];
    char inner_to[LABEL_PATH_SIZE];
    struct dirent *entry;
    struct stat info;
    bool ok = make_folder(to, err);
    DIR *list = ok ? opendir(from) : NULL;

    if (list == NULL) {
        return ok && err_set(err, ERR_SYSTEM, "open folder %s: %s", from, strerror(errno));
    }
    while (ok && (entry = readdir(list)) != NULL) {
        if (!is_name(entry)) {
            continue;
        }
        ok = path_join(inner_from, sizeof(inner_from), from, entry->d_name, err) &&
             path_join(inner_to, sizeof(inner_to), to, entry->d_name, err);
        if (ok && stat(inner_from, &info) == 0 && S_ISREG(info.st_mode)) {
            ok = copy_file(inner_from, inner_to, err);
        }
    }
    closedir(list);
    return ok && folder_sync(to, err);
}

static bool is_same_file(const char *a, const char *b)
{
    char left[4096];
    char right[4096];
    FILE *file_a = fopen(a, "re");
    FILE *file_b = fopen(b, "re");
    bool is_same = file_a != NULL && file_b != NULL;
    size_t n = 1;

    while (is_same && n > 0) {
        n = fread(left, 1, sizeof(left), file_a);
        is_same = fread(right, 1, sizeof(right), file_b) == n && memcmp(left, right, n) == 0 &&
                  !ferror(file_a) && !ferror(file_b);
    }
    if (file_a != NULL) {
        fclose(file_a);
    }
    if (file_b != NULL) {
        fclose(file_b);
    }
    return is_same;
}

/* True when every name of `a` is in `b` with the same bytes. */
static bool is_part_of(const char *a, const char *b)
{
    char inner_a[LABEL_PATH_SIZE];
    char inner_b[LABEL_PATH_SIZE];
    struct err ignored;
    struct dirent *entry;
    struct stat info;
    DIR *list = opendir(a);
    bool ok = list != NULL;

    while (ok && (entry = readdir(list)) != NULL) {
        if (!is_name(entry)) {
            continue;
        }
        ok =
            path_join(inner_a, sizeof(inner_a), a, entry->d_name, &ignored) &&
            path_join(inner_b, sizeof(inner_b), b, entry->d_name, &ignored) &&
            stat(inner_a, &info) == 0 &&
            (S_ISDIR(info.st_mode) ? is_part_of(inner_a, inner_b) : is_same_file(inner_a, inner_b));
    }
    if (list != NULL) {
        closedir(list);
    }
    return ok;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* The name that labels get: the loader tells their form by it. */
static const char *label_name(const char *path, bool is_folder)
{
    const char *dot = strrchr(base_name(path), '.');

    for (size_t i = 1; !is_folder && dot != NULL && i < ARRAY_SIZE(label_names); i++) {
        if (strcmp(dot, strchr(label_names[i], '.')) == 0) {
            return label_names[i];
        }
    }
    return label_names[0];
}

static bool load_competition(struct competition *competition, const char *path, struct err *err)
{
    struct problems *problems = calloc(1, sizeof(*problems));

    if (problems == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory to load %s", path);
    }
    bool ok = competition_load_file(competition, path, problems, err);
    free(problems);
    return ok;
}

static bool copy_categories(const char *to, const char *competition_path, const char *categories,
                            struct err *err)
{
    char folder[LABEL_PATH_SIZE];
    char from[LABEL_PATH_SIZE];
    char copy[LABEL_PATH_SIZE];
    const char *name = base_name(categories);
    bool is_taken = strcmp(name, competition_name) == 0;

    for (size_t i = 0; i < ARRAY_SIZE(label_names); i++) {
        is_taken |= strcmp(name, label_names[i]) == 0;
    }
    if (is_taken) {
        return err_set(err, ERR_CONFIG, "the categories file cannot be called '%s'", name);
    }
    return path_folder(folder, sizeof(folder), competition_path, err) &&
           path_join(from, sizeof(from), folder, categories, err) &&
           path_join(copy, sizeof(copy), to, name, err) && copy_file(from, copy, err);
}

static bool copy_labels(const char *to, const char *labels, struct err *err)
{
    char copy[LABEL_PATH_SIZE];
    struct stat info;

    if (stat(labels, &info) < 0) {
        return err_set(err, ERR_SYSTEM, "labels %s: %s", labels, strerror(errno));
    }
    bool is_folder = S_ISDIR(info.st_mode);
    return path_join(copy, sizeof(copy), to, label_name(labels, is_folder), err) &&
           (is_folder ? copy_folder(labels, copy, err) : copy_file(labels, copy, err));
}

/* Fills the new folder `to`. */
static bool copy_set(const char *to, const char *competition_path, const char *labels,
                     const struct competition *competition, struct err *err)
{
    char copy[LABEL_PATH_SIZE];

    return make_folder(to, err) && path_join(copy, sizeof(copy), to, competition_name, err) &&
           copy_file(competition_path, copy, err) &&
           (competition->categories[0] == '\0' ||
            copy_categories(to, competition_path, competition->categories, err)) &&
           copy_labels(to, labels, err) && folder_sync(to, err);
}

/* Gives the finished folder its name; one that is there must be the same. */
static bool publish_set(const char *made, const char *path, struct err *err)
{
    if (rename(made, path) == 0) {
        return true;
    }
    if (errno != EEXIST && errno != ENOTEMPTY) {
        return err_set(err, ERR_SYSTEM, "rename to %s: %s", path, strerror(errno));
    }
    bool is_same = is_part_of(made, path) && is_part_of(path, made);
    remove_folder(made);
    return is_same ||
           err_set(err, ERR_CONFIG, "%s holds another competition file or other labels", path);
}

bool label_folder_install(const char *folder, const char *competition, const char *labels,
                          uint32_t version, struct err *err)
{
    struct competition loaded;
    char above[LABEL_PATH_SIZE];
    char path[LABEL_PATH_SIZE];
    char made[LABEL_PATH_SIZE];
    char name[32];

    if (!load_competition(&loaded, competition, err)) {
        return false;
    }
    snprintf(name, sizeof(name), "%" PRIu32, version);
    if (!path_join(above, sizeof(above), folder, loaded.id, err) ||
        !path_join(path, sizeof(path), above, name, err)) {
        return false;
    }
    snprintf(name, sizeof(name), ".%" PRIu32 ".new.%ld", version, (long)getpid());
    if (!path_join(made, sizeof(made), above, name, err) || !folder_make(above, 0700, err)) {
        return false;
    }
    if (!copy_set(made, competition, labels, &loaded, err) || !publish_set(made, path, err)) {
        remove_folder(made);
        return false;
    }
    return folder_sync(above, err) && folder_sync(folder, err);
}

static bool is_competition_id(const char *id)
{
    size_t size = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return size > 0 && size < COMPETITION_ID_SIZE && id[size] == '\0';
}

/* "FOLDER/COMPETITION/VERSION" for what is an id of a competition. */
static bool set_path(char path[static LABEL_PATH_SIZE], const char *folder, const char *competition,
                     uint32_t version, struct err *err)
{
    if (!is_competition_id(competition)) {
        return err_set(err, ERR_CONFIG, "'%.80s' is no id of a competition", competition);
    }
    int n = snprintf(path, LABEL_PATH_SIZE, "%s/%s/%" PRIu32, folder, competition, version);
    return (n >= 0 && n < LABEL_PATH_SIZE) ||
           err_set(err, ERR_LIMIT, "path is longer than %d bytes", LABEL_PATH_SIZE - 1);
}

bool label_folder_remove(const char *folder, const char *competition, uint32_t version,
                         struct err *err)
{
    char path[LABEL_PATH_SIZE];

    if (!set_path(path, folder, competition, version, err)) {
        return false;
    }
    remove_folder(path);
    return access(path, F_OK) < 0 || err_set(err, ERR_SYSTEM, "cannot remove %s", path);
}

static bool find_labels(struct label_folder *set, const char *path, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(label_names); i++) {
        if (!path_join(set->labels, sizeof(set->labels), path, label_names[i], err)) {
            return false;
        }
        if (access(set->labels, F_OK) == 0) {
            return true;
        }
    }
    return err_set(err, ERR_CONFIG, "%s holds no labels", path);
}

bool label_folder_open(struct label_folder *set, const char *folder, const char *competition,
                       uint32_t version, struct err *err)
{
    char path[LABEL_PATH_SIZE];
    struct competition loaded;

    *set = (struct label_folder){0};
    if (!set_path(path, folder, competition, version, err)) {
        return false;
    }
    if (access(path, F_OK) < 0) {
        return err_set(err, ERR_CONFIG, "no labels of %s, version %" PRIu32, competition, version);
    }
    if (!path_join(set->competition, sizeof(set->competition), path, competition_name, err) ||
        !load_competition(&loaded, set->competition, err)) {
        return false;
    }
    if (loaded.categories[0] != '\0' && !path_join(set->categories, sizeof(set->categories), path,
                                                   base_name(loaded.categories), err)) {
        return false;
    }
    return find_labels(set, path, err);
}

/* SPDX-License-Identifier: MIT */
/*
 * main() of a fuzz program where libFuzzer is not linked: runs every file of the folder it is
 * given, in order of name, through the entry once.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_BYTES_MAX = 1 << 20 };

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool replay(const char *folder, const char *name)
{
    char path[4096];
    struct bytes input = {0};
    struct err err = {0};

    if (!path_join(path, sizeof(path), folder, name, &err) ||
        !file_read(&input, path, INPUT_BYTES_MAX, &err)) {
        fprintf(stderr, "%s: %s\n", name, err.text);
        return false;
    }
    LLVMFuzzerTestOneInput(input.data, input.size_bytes);
    bytes_free(&input);
    return true;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    bool is_ok = true;
    int n = argc == 2 ? scandir(argv[1], &entries, is_shown, alphasort) : -1;

    if (n <= 0) {
        fprintf(stderr, "usage: %s FOLDER-WITH-INPUTS\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < n; i++) {
        is_ok = replay(argv[1], entries[i]->d_name) && is_ok;
        free(entries[i]);
    }
    free(entries);
    printf("%d inputs\n", n);
    return is_ok ? 0 : 1;
}

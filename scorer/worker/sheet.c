/* SPDX-License-Identifier: MIT */
/*
 * Job sheets: a head of fixed size, then the catalog's block, which has no pointers. Both processes
 * are forks of one, so that the head is the struct itself.
 */
#include "scorer/worker/sheet.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/sha256.h"

static const char sheet_magic[8] = {'A', 'S', 'Y', 'S', 'H', 'E', 'E', 'T'};

struct head {
    char magic[8];
    size_t catalog_bytes;
    struct competition competition;
    struct columns_frame frame;
};

enum { HEAD_BYTES = 8192 };

static_assert(sizeof(struct head) <= HEAD_BYTES, "the catalog starts aligned behind the head");

struct columns_frame sheet_frame(const struct competition *competition,
                                 const struct catalog *catalog)
{
    bool is_topk = competition->submission.format == FORMAT_TOPK;
    struct columns_frame frame = {.kind = is_topk ? COLUMNS_TOPK : COLUMNS_BOXES,
                                  .n_images = catalog->n_images,
                                  .n_classes = catalog->n_classes,
                                  .k = is_topk ? (size_t)competition->submission.k : 0,
                                  .has_other_classes = is_topk && catalog->is_open_classes};

    static_assert(sizeof(frame.catalog) == SHA256_BYTES, "a catalog is named by its hash");
    sha256_of(frame.catalog, catalog->block, catalog->block_bytes);
    return frame;
}

bool sheet_make(int *fd, const struct competition *competition, const struct catalog *catalog,
                struct err *err)
{
    union {
        struct head head;
        char bytes[HEAD_BYTES];
    } start = {.bytes = {0}};

    memcpy(start.head.magic, sheet_magic, sizeof(sheet_magic));
    start.head.catalog_bytes = catalog->block_bytes;
    start.head.competition = *competition;
    start.head.frame = sheet_frame(competition, catalog);
    if (!sealed_make(fd, "assay-sheet", err)) {
        return false;
    }
    if (!write_full(*fd, start.bytes, sizeof(start.bytes), err) ||
        !write_full(*fd, catalog->block, catalog->block_bytes, err) || !sealed_finish(*fd, err)) {
        close(*fd);
        *fd = -1;
        return false;
    }
    return true;
}

bool sheet_open(struct sheet *sheet, struct sealed *map, int fd, struct err *err)
{
    if (!sealed_map(map, fd, SIZE_MAX, err)) {
        return false;
    }
    const struct head *head = map->data;
    if (map->size_bytes < HEAD_BYTES ||
        memcmp(head->magic, sheet_magic, sizeof(sheet_magic)) != 0 ||
        head->catalog_bytes != map->size_bytes - HEAD_BYTES) {
        err_set(err, ERR_PEER, "memory file is not a job sheet");
        goto fail;
    }
    sheet->competition = head->competition;
    sheet->frame = head->frame;
    if (!catalog_open(&sheet->catalog, (const char *)map->data + HEAD_BYTES, head->catalog_bytes,
                      err)) {
        goto fail;
    }
    return true;
fail:
    sealed_unmap(map);
    return false;
}

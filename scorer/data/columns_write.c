/* SPDX-License-Identifier: MIT */
/*
 * Writing column blocks. Boxes in pieces go by class after class, so that a reader needs no second
 * copy of them; all bytes go by twice, first for the checksum, then into the file.
 */
#include <string.h>

#include "common/file.h"
#include "scorer/data/columns_block.h"
#include "scorer/metric/boxrows.h"
#include "scorer/metric/packed.h"

enum { SINK_BYTES = 64 << 10 };

/* The header without sizes and checksum. */
static struct block_header describe(const struct columns *columns,
                                    const struct columns_frame *frame)
{
    struct block_header header = {.version = BLOCK_VERSION, .kind = columns->kind};

    memcpy(header.magic, columns_block_magic, sizeof(columns_block_magic));
    memcpy(header.catalog, frame->catalog, sizeof(frame->catalog));
    switch (columns->kind) {
    case COLUMNS_TOPK:
        assert(columns->topk.stride == columns_stride(columns->topk.n_images));
        header.n_images = columns->topk.n_images;
        header.n_classes = frame->n_classes;
        header.k = columns->topk.k;
        break;
    case COLUMNS_BOXES:
        header.n_images = frame->n_images;
        header.n_classes = columns->boxes.n_classes;
        header.n_rows = columns->boxes.n_rows;
        header.is_packed = boxrows_are_packed(&columns->boxes);
        break;
    case COLUMNS_PROBLEMS:
        header.n_rows = columns->problems.n_all;
        header.k = columns->problems.n_kept;
        break;
    case COLUMNS_FAILURE:
        break;
    }
    return header;
}

/* Where the bytes of a block go: into its checksum, and into a file unless fd is -1. */
struct sink {
    int fd;
    struct block_checksum sum;
    bool is_ok;
    struct err *err;
    size_t n_waiting;
    unsigned char waiting[SINK_BYTES];
};

static void sink_pass(struct sink *sink, const void *data, size_t size)
{
    if (sink->fd < 0) {
        columns_block_sum_add(&sink->sum, data, size);
    } else if (sink->is_ok && size > 0) {
        sink->is_ok = write_full(sink->fd, data, size, sink->err);
    }
}

static void sink_put(struct sink *sink, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    if (sink->n_waiting == 0 && size >= SINK_BYTES) {
        size_t whole = size / COLUMNS_ALIGNMENT * COLUMNS_ALIGNMENT;
        sink_pass(sink, bytes, whole);
        bytes += whole;
        size -= whole;
    }
    while (size > 0) {
        size_t room = SINK_BYTES - sink->n_waiting;
        size_t n = size < room ? size : room;
        memcpy(sink->waiting + sink->n_waiting, bytes, n);
        sink->n_waiting += n;
        bytes += n;
        size -= n;
        if (sink->n_waiting == SINK_BYTES) {
            sink_pass(sink, sink->waiting, SINK_BYTES);
            sink->n_waiting = 0;
        }
    }
}

/* Ends a part: zeros up to its alignment. */
static void sink_end_part(struct sink *sink)
{
    size_t size = (sink->n_waiting + COLUMNS_ALIGNMENT - 1) / COLUMNS_ALIGNMENT * COLUMNS_ALIGNMENT;

    memset(sink->waiting + sink->n_waiting, 0, size - sink->n_waiting);
    sink_pass(sink, sink->waiting, size);
    sink->n_waiting = 0;
}

static void put_part(struct sink *sink, const void *data, size_t count, size_t item_bytes)
{
    sink_put(sink, data, count * item_bytes);
    sink_end_part(sink);
}

/* The columns of boxes in pieces, some of which may be wide. */
enum piece_column { PIECE_ROW, PIECE_IMAGE, PIECE_SCORE, PIECE_BOX };

static void put_wide_piece(struct sink *sink, const struct box_piece *piece,
                           enum piece_column column)
{
    for (size_t i = 0; i < piece->n; i++) {
        struct wide_box box = piece->is_wide ? piece->wide[i] : packed_wide(&piece->packed[i]);
        switch (column) {
        case PIECE_IMAGE:
            sink_put(sink, &box.image, sizeof(box.image));
            break;
        case PIECE_SCORE:
            sink_put(sink, &box.score, sizeof(box.score));
            break;
        case PIECE_ROW:
        case PIECE_BOX:
            sink_put(sink, &box.box, sizeof(box.box));
            break;
        }
    }
}

static void put_pieces(struct sink *sink, const struct box_columns *boxes, enum piece_column column)
{
    for (size_t category = 0; category < boxes->n_classes; category++) {
        for (size_t part = 0; part < boxes->n_parts; part++) {
            const struct box_piece *piece = boxes->pieces[part * boxes->n_classes + category];
            for (; piece != NULL; piece = piece->next) {
                if (column == PIECE_ROW) {
                    sink_put(sink, piece->packed, piece->n * sizeof(struct packed_box));
                } else {
                    put_wide_piece(sink, piece, column);
                }
            }
        }
    }
    sink_end_part(sink);
}

static void put_boxes(struct sink *sink, const struct box_columns *boxes)
{
    put_part(sink, boxes->class_start, boxes->n_classes + 1, sizeof(size_t));
    if (boxes->packed != NULL) {
        put_part(sink, boxes->packed, boxes->n_rows, sizeof(struct packed_box));
    } else if (boxes->pieces == NULL) {
        put_part(sink, boxes->image, boxes->n_rows, sizeof(uint32_t));
        put_part(sink, boxes->score, boxes->n_rows, sizeof(double));
        put_part(sink, boxes->box, boxes->n_rows, sizeof(struct box));
    } else if (boxes->has_wide) {
        put_pieces(sink, boxes, PIECE_IMAGE);
        put_pieces(sink, boxes, PIECE_SCORE);
        put_pieces(sink, boxes, PIECE_BOX);
    } else {
        put_pieces(sink, boxes, PIECE_ROW);
    }
}

static void put_block(struct sink *sink, const struct block_header *header,
                      const struct columns *columns)
{
    put_part(sink, header, 1, sizeof(*header));
    switch (columns->kind) {
    case COLUMNS_TOPK:
        put_part(sink, columns->topk.ranks, columns->topk.stride * columns->topk.k,
                 sizeof(uint16_t));
        break;
    case COLUMNS_BOXES:
        put_boxes(sink, &columns->boxes);
        break;
    case COLUMNS_PROBLEMS:
        put_part(sink, columns->problems.kept, columns->problems.n_kept, sizeof(struct problem));
        break;
    case COLUMNS_FAILURE:
        put_part(sink, columns->failure, 1, sizeof(struct err));
        break;
    }
}

bool columns_write(int fd, const struct columns *columns, const struct columns_frame *frame,
                   struct err *err)
{
    struct sink sink = {.fd = -1, .is_ok = true, .err = err};
    struct block_header header = describe(columns, frame);
    struct block_layout layout;

    if (!columns_block_layout(&layout, &header)) {
        return err_set(err, ERR_LIMIT, "columns do not fit into memory");
    }
    header.size_bytes = layout.size_bytes;
    columns_block_sum_start(&sink.sum);
    put_block(&sink, &header, columns);
    header.checksum = columns_block_sum_finish(&sink.sum);
    sink.fd = fd;
    put_block(&sink, &header, columns);
    return sink.is_ok;
}

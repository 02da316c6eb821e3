/* SPDX-License-Identifier: MIT */
/*
 * Plain rows of boxes. See the header.
 */
#include "scorer/data/box_plain.h"

#include <assert.h>
#include <string.h>

#include "scorer/data/plain_fields.h"

/* The first fields of a plain row; NULL where it is not. */
static const char *take_ids(uint32_t *image, uint16_t *class_index, const struct catalog *catalog,
                            const char *at, const char *end)
{
    at = plain_image(image, catalog, at, end);
    return at == NULL ? NULL : plain_class(class_index, catalog, at, ',');
}

/* The numbers of a plain row, packed. */
static const char *take_numbers(struct packed_box *box, const char *at)
{
    if ((at = plain_packed(&box->score, at, ',')) == NULL ||
        (at = plain_packed(&box->x, at, ',')) == NULL ||
        (at = plain_packed(&box->y, at, ',')) == NULL ||
        (at = plain_packed(&box->width, at, ',')) == NULL ||
        (at = plain_packed(&box->height, at, '\n')) == NULL || packed_is_negative(box->width) ||
        packed_is_negative(box->height)) {
        return NULL;
    }
    return at;
}

size_t box_plain_portable(struct plain_box *boxes, size_t n_max, const struct catalog *catalog,
                          const char *at, const char *end)
{
    size_t n = 0;

    while (n < n_max && at < end) {
        struct plain_box *box = &boxes[n];
        const char *next = take_ids(&box->box.image, &box->class_index, catalog, at, end);
        if (next == NULL || (next = take_numbers(&box->box, next)) == NULL || next > end ||
            next - at > PLAIN_ROW_MAX_BYTES) {
            break;
        }
        box->row_bytes = (uint16_t)(next - at);
        at = next;
        n++;
    }
    return n;
}

const char *box_plain_wide(struct wide_box *wide, uint16_t *class_index,
                           const struct catalog *catalog, const char *at, const char *end)
{
    struct box *box = &wide->box;

    if ((at = take_ids(&wide->image, class_index, catalog, at, end)) == NULL ||
        (at = plain_number(&wide->score, at, ',')) == NULL ||
        (at = plain_number(&box->x, at, ',')) == NULL ||
        (at = plain_number(&box->y, at, ',')) == NULL ||
        (at = plain_number(&box->width, at, ',')) == NULL ||
        (at = plain_number(&box->height, at, '\n')) == NULL || box->width < 0 || box->height < 0) {
        return NULL;
    }
    return at <= end ? at : NULL;
}

#if defined(__x86_64__)

#include <immintrin.h>

static_assert(PACKED_DIGITS_MAX >= 99999999, "any eight digits can be packed");

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

enum { N_FIELDS = 7, ROW_WINDOW = 64 };

/* Bit i tells what byte i of a row is; nothing is said of the bytes behind its line end. */
struct marks {
    uint64_t separators;
    uint64_t points;
    uint64_t others; /* neither of these, nor a digit */
};

/* Bit i: byte i of 64 is `c`. */
AVX2 static inline uint64_t find_byte(__m256i low, __m256i high, char c)
{
    __m256i wanted = _mm256_set1_epi8(c);
    uint32_t in_low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
    uint32_t in_high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));

    return in_low | (uint64_t)in_high << 32;
}

AVX2 static inline uint64_t find_digits(__m256i low, __m256i high)
{
    __m256i zero = _mm256_set1_epi8('0');
    __m256i nine = _mm256_set1_epi8(9);
    __m256i low_value = _mm256_sub_epi8(low, zero);
    __m256i high_value = _mm256_sub_epi8(high, zero);
    __m256i is_low = _mm256_cmpeq_epi8(_mm256_min_epu8(low_value, nine), low_value);
    __m256i is_high = _mm256_cmpeq_epi8(_mm256_min_epu8(high_value, nine), high_value);

    return (uint32_t)_mm256_movemask_epi8(is_low) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(is_high) << 32;
}

/* False where no line ends among the 64 bytes. */
AVX2 static inline bool mark_row(struct marks *marks, const char *at)
{
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
    uint64_t line_ends = find_byte(low, high, '\n');
    uint64_t row = line_ends ^ (line_ends - 1); /* up to the first one */

    marks->separators = (find_byte(low, high, ',') | line_ends) & row;
    marks->points = find_byte(low, high, '.') & row;
    marks->others = row & ~(find_digits(low, high) | marks->separators | marks->points);
    return line_ends != 0;
}

/*
 * The number from `start` to `end`. Its first eight characters are loaded, those behind the point
 * from one byte later, so that the point drops out; then the digits move to the end of the word.
 * Where it is none of these numbers *wrong is no longer 0.
 */
AVX2 static inline uint32_t take_number(uint64_t *wrong, const char *at, uint64_t points,
                                        uint64_t start, uint64_t end)
{
    uint64_t inside = _bzhi_u64(points, (unsigned)end) >> start;
    uint64_t n_points = (uint64_t)_mm_popcnt_u64(inside);
    uint64_t point = _tzcnt_u64(inside);
    uint64_t n_behind = (end - start - 1 - point) & (0 - n_points);
    uint64_t n_digits = end - start - n_points;
    uint64_t word;
    uint64_t later;

    memcpy(&word, at + start, sizeof(word));
    memcpy(&later, at + start + n_points, sizeof(later)); /* the same where there is no point */
    word = _bzhi_u64(word ^ later, (unsigned)(8 * point)) ^ later ^ 0x3030303030303030;
    *wrong |= (n_points & ~1ULL) | ((n_digits - 1) & ~7ULL);
    return digits_value(word, (unsigned)((n_digits - 1) & 7) + 1) | (uint32_t)n_behind
                                                                        << PACKED_DIGIT_BITS;
}

/* The number at the start of a field of `size` digits, 1 to 8. */
AVX2 static inline uint32_t take_id(const char *at, uint64_t size)
{
    return digits_value(digits_load(at), (unsigned)((size - 1) & 7) + 1);
}

/* Takes the id of `size` bytes at the start of a row: its number, which find_images looks up, or,
 * where the catalog has texts, the image itself. */
AVX2 static inline bool take_image(uint32_t *image, const struct catalog *catalog, const char *at,
                                   uint64_t size)
{
    if (catalog->number_word == NULL) {
        *image = catalog_find_image(catalog, at, size);
        return *image != CATALOG_NONE;
    }
    *image = take_id(at, size);
    return size <= 8 && (at[0] != '0' || size == 1);
}

/* Whether the marks are those of a row of numbers; what stands in a first field of text is left to
 * the catalog. */
AVX2 static inline bool is_row(const struct marks *marks, bool is_text)
{
    uint64_t starts = marks->separators << 1 | 1;
    uint64_t image = marks->separators ^ (marks->separators - 1);
    uint64_t ids = marks->separators & (marks->separators - 1);

    ids ^= ids - 1;
    if (is_text) {
        ids &= ~image;
    } else {
        image = 0;
    }
    uint64_t wrong = (marks->others & ~image) | (marks->points & ids) |
                     (marks->separators & starts) |
                     (marks->points & ~image & (starts | marks->separators >> 1));
    return wrong == 0 && _mm_popcnt_u64(marks->separators) == N_FIELDS;
}

/* Takes one row; 0 where it is not plain, else its bytes. */
AVX2 static inline size_t take_row(struct plain_box *box, const struct catalog *catalog,
                                   const char *at)
{
    struct marks marks;
    uint64_t end[N_FIELDS];
    uint64_t wrong = 0;

    if (!mark_row(&marks, at) || !is_row(&marks, catalog->number_word == NULL)) {
        return 0;
    }
    uint64_t left = marks.separators;
    for (size_t i = 0; i < N_FIELDS; i++) {
        end[i] = _tzcnt_u64(left);
        left &= left - 1;
    }
    bool is_image = take_image(&box->box.image, catalog, at, end[0]);
    uint64_t class_bytes = end[1] - end[0] - 1;
    uint32_t class_id = take_id(at + end[0] + 1, class_bytes);
    box->box.score = take_number(&wrong, at, marks.points, end[1] + 1, end[2]);
    box->box.x = take_number(&wrong, at, marks.points, end[2] + 1, end[3]);
    box->box.y = take_number(&wrong, at, marks.points, end[3] + 1, end[4]);
    box->box.width = take_number(&wrong, at, marks.points, end[4] + 1, end[5]);
    box->box.height = take_number(&wrong, at, marks.points, end[5] + 1, end[6]);
    if (wrong != 0 || !is_image || class_bytes > 7 || class_id >= catalog->n_class_slots ||
        catalog->class_slot[class_id] == 0) {
        return 0;
    }
    box->class_index = (uint16_t)(catalog->class_slot[class_id] - 1);
    return end[6] + 1;
}

/*
 * Numbers to images, in one go: few of these lookups are in the cache, and here they wait for
 * memory side by side. Returns how many boxes come before the first one without an image.
 */
AVX2 static size_t find_images(struct plain_box *boxes, size_t n, const struct catalog *catalog)
{
    for (size_t i = 0; i < n && catalog->number_word != NULL; i++) {
        boxes[i].box.image = catalog_find_number(catalog, boxes[i].box.image);
    }
    for (size_t i = 0; i < n; i++) {
        if (boxes[i].box.image == CATALOG_NONE) {
            return i;
        }
    }
    return n;
}

AVX2 static size_t read_avx2(struct plain_box *boxes, size_t n_max, const struct catalog *catalog,
                             const char *at, const char *end)
{
    size_t n = 0;

    while (n < n_max && at < end) {
        size_t size = take_row(&boxes[n], catalog, at);
        if (size == 0 || size > (size_t)(end - at)) {
            break;
        }
        boxes[n++].row_bytes = (uint16_t)size;
        at += size;
    }
    return find_images(boxes, n, catalog);
}

size_t box_plain_read(struct plain_box *boxes, size_t n_max, const struct catalog *catalog,
                      const char *at, const char *end)
{
    bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");

    return has_avx2 ? read_avx2(boxes, n_max, catalog, at, end)
                    : box_plain_portable(boxes, n_max, catalog, at, end);
}

#else

size_t box_plain_read(struct plain_box *boxes, size_t n_max, const struct catalog *catalog,
                      const char *at, const char *end)
{
    return box_plain_portable(boxes, n_max, catalog, at, end);
}

#endif

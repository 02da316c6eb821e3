/* SPDX-License-Identifier: MIT */
/*
 * Plain rows of topk. See the header.
 */
#include "scorer/data/topk_plain.h"

#include <assert.h>

#include "scorer/data/plain_fields.h"
#include "scorer/metric/arrays.h"

/* The index of a class id; false where it is not listed. Branches that are always the same. */
static inline bool find_class(uint16_t *class_index, const struct catalog *catalog, uint32_t id)
{
    uint16_t slot = id < catalog->n_class_slots ? catalog->class_slot[id] : 0;

    *class_index = slot == 0 ? CLASS_OTHER : (uint16_t)(slot - 1);
    return slot != 0 || catalog->is_open_classes;
}

static inline bool is_among(const uint32_t *ids, size_t n, uint32_t id)
{
    bool is_found = false;

    for (size_t i = 0; i < n; i++) {
        is_found |= ids[i] == id;
    }
    return is_found;
}

/* The class ids behind the comma and the line end; NULL where they are not plain. */
static const char *take_ranking(uint16_t *class_index, const struct catalog *catalog, size_t k,
                                const char *at)
{
    uint32_t ids[TOPK_K_MAX];

    for (size_t rank = 0; rank < k; rank++) {
        uint64_t word = digits_load(at);
        unsigned n = digits_count(word);
        if (n == 0 || n == 8) {
            return NULL;
        }
        ids[rank] = digits_value(word, n);
        if (!find_class(&class_index[rank], catalog, ids[rank]) || is_among(ids, rank, ids[rank])) {
            return NULL;
        }
        at += n;
        if (rank + 1 < k && *at++ != ' ') {
            return NULL;
        }
    }
    return plain_line_end(at);
}

size_t topk_plain_portable(struct topk_batch *batch, size_t n_max, const struct catalog *catalog,
                           size_t k, const char *at, const char *end)
{
    size_t n = 0;

    while (n < n_max && at < end) {
        const char *next = plain_image(&batch->image[n], catalog, at, end);
        if (next == NULL ||
            (next = take_ranking(&batch->class_index[n * k], catalog, k, next)) == NULL ||
            next > end) {
            break;
        }
        batch->row_bytes[n++] = (uint16_t)(next - at);
        at = next;
    }
    return n;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

enum { K = 5, ID_DIGITS_MAX = 7, CLASS_DIGITS_MAX = 4 };

/* Bit i: byte i of 64 is a digit. */
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

/* All bytes before the first comma. */
AVX2 static inline uint64_t find_text(__m256i low, __m256i high)
{
    __m256i comma = _mm256_set1_epi8(',');
    uint32_t in_low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, comma));
    uint32_t in_high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, comma));

    return _blsmsk_u64(in_low | (uint64_t)in_high << 32) >> 1;
}

/*
 * Finds where the fields of a row end; false where they are not K + 1 fields of digits within 64
 * bytes, of which the last K are short, with what belongs between them. A first field of text may
 * hold what it likes. Tests that always go the same way cost less than one sum of them all.
 */
AVX2 static inline bool find_ends(size_t end[static K + 1], const char *at, bool is_text)
{
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
    uint64_t digits = find_digits(low, high);
    uint64_t left;

    if (is_text) {
        digits |= find_text(low, high);
    }
    left = ~digits;
    end[0] = _tzcnt_u64(left);
    uint64_t long_runs = digits & ~_blsmsk_u64(left);
    for (size_t i = 1; i <= K; i++) {
        left = _blsr_u64(left);
        end[i] = _tzcnt_u64(left);
    }
    uint64_t row = _blsmsk_u64(left);
    long_runs &= row;
    long_runs &= long_runs >> 1;
    long_runs &= long_runs >> 2;
    long_runs &= digits >> CLASS_DIGITS_MAX;
    return left != 0 && (row & ~digits & (~digits << 1 | 1)) == 0 && long_runs == 0 &&
           at[end[0]] == ',' && at[end[1]] == ' ' && at[end[2]] == ' ' && at[end[3]] == ' ' &&
           at[end[4]] == ' ';
}

/* The four bytes before a separator. */
AVX2 static inline int load_before(const char *at, size_t end)
{
    int word;

    memcpy(&word, at + end - 4, sizeof(word));
    return word;
}

/*
 * The class ids, which have up to four digits. Each lane holds the last bytes of a field; where it
 * is shorter, the separator before it is below '0', and all bytes up to it are cleared. Then
 * neighbours are added: four digits, two pairs, one number.
 */
AVX2 static inline __m256i take_classes(const char *at, const size_t end[static K + 1])
{
    __m256i text =
        _mm256_setr_epi32(load_before(at, end[1]), load_before(at, end[2]), load_before(at, end[3]),
                          load_before(at, end[4]), load_before(at, end[5]), 0, 0, 0);
    __m256i value = _mm256_sub_epi8(text, _mm256_set1_epi8('0'));
    __m256i others = _mm256_cmpgt_epi8(_mm256_setzero_si256(), value);

    others = _mm256_or_si256(others, _mm256_srli_epi32(others, 8));
    others = _mm256_or_si256(others, _mm256_srli_epi32(others, 16));
    value = _mm256_andnot_si256(others, value);
    value = _mm256_maddubs_epi16(value, _mm256_set1_epi16(10 | 1 << 8));
    return _mm256_madd_epi16(value, _mm256_set1_epi32(100 | 1 << 16));
}

/* Whether all five class ids have slots, and none repeats: those one and two places on, in a
 * circle, are all others. */
AVX2 static inline bool are_classes_right(__m256i ids, uint64_t n_slots)
{
    const __m256i by_one = _mm256_setr_epi32(1, 2, 3, 4, 0, 5, 6, 7);
    const __m256i by_two = _mm256_setr_epi32(2, 3, 4, 0, 1, 5, 6, 7);
    int last_slot = n_slots > INT32_MAX ? INT32_MAX : (int)n_slots - 1;
    __m256i is_far = _mm256_cmpgt_epi32(ids, _mm256_set1_epi32(last_slot));
    __m256i is_next = _mm256_cmpeq_epi32(ids, _mm256_permutevar8x32_epi32(ids, by_one));
    __m256i is_second = _mm256_cmpeq_epi32(ids, _mm256_permutevar8x32_epi32(ids, by_two));
    __m256i is_wrong = _mm256_or_si256(is_far, _mm256_or_si256(is_next, is_second));

    return (_mm256_movemask_ps(_mm256_castsi256_ps(is_wrong)) & ((1 << K) - 1)) == 0;
}

/* Takes one row: its id as a number or, where ids are texts, as an image; the slots of its classes.
 * 0 where it is not plain, else its bytes. */
AVX2 static inline size_t take_row(uint32_t *id, uint16_t *slots, const struct catalog *catalog,
                                   const char *at)
{
    bool is_text = catalog->number_word == NULL;
    size_t end[K + 1];
    uint32_t class_id[8];

    if (!find_ends(end, at, is_text)) {
        return 0;
    }
    const char *next = plain_line_end(at + end[K]);
    __m256i classes = take_classes(at, end);
    if (next == NULL || !are_classes_right(classes, catalog->n_class_slots)) {
        return 0;
    }
    if (is_text) {
        *id = catalog_find_image(catalog, at, end[0]);
    } else if (end[0] > ID_DIGITS_MAX || (at[0] == '0' && end[0] > 1)) {
        return 0;
    } else {
        *id = digits_value(digits_load(at), (unsigned)end[0]);
    }
    _mm256_storeu_si256((__m256i *)(void *)class_id, classes);
    for (size_t rank = 0; rank < K; rank++) {
        slots[rank] = catalog->class_slot[class_id[rank]];
    }
    return (size_t)(next - at);
}

/* Turns the ids of n rows into images; returns the first row whose image is not listed. A loop of
 * its own, so that many looks into a table beyond the first cache are under way at once. */
AVX2 static size_t find_images(struct topk_batch *batch, size_t n, const struct catalog *catalog)
{
    size_t n_known = n;

    for (size_t i = n; i-- > 0;) {
        if (catalog->number_word != NULL) {
            batch->image[i] = catalog_find_number(catalog, batch->image[i]);
        }
        n_known = batch->image[i] == CATALOG_NONE ? i : n_known;
    }
    return n_known;
}

/* Turns the slots of n rows into class indexes; returns the first row with a class that is not
 * listed. An empty slot becomes CLASS_OTHER. */
AVX2 static size_t find_classes(struct topk_batch *batch, size_t n, const struct catalog *catalog)
{
    uint16_t largest = 0;
    size_t n_known = 0;

    static_assert((uint16_t)(0 - 1) == CLASS_OTHER, "an empty slot is 0");
    for (size_t i = 0; i < n * K; i++) {
        batch->class_index[i] = (uint16_t)(batch->class_index[i] - 1);
        largest = batch->class_index[i] > largest ? batch->class_index[i] : largest;
    }
    if (catalog->is_open_classes || largest != CLASS_OTHER) {
        return n;
    }
    while (batch->class_index[n_known] != CLASS_OTHER) {
        n_known++;
    }
    return n_known / K;
}

AVX2 static size_t read_avx2(struct topk_batch *batch, size_t n_max, const struct catalog *catalog,
                             size_t k, const char *at, const char *end)
{
    size_t n = 0;

    if (k != K) {
        return topk_plain_portable(batch, n_max, catalog, k, at, end);
    }
    while (n < n_max && at < end) {
        size_t size = take_row(&batch->image[n], &batch->class_index[n * K], catalog, at);
        if (size == 0 || size > (size_t)(end - at)) {
            break;
        }
        batch->row_bytes[n++] = (uint16_t)size;
        at += size;
    }
    n = find_images(batch, n, catalog);
    return find_classes(batch, n, catalog);
}

size_t topk_plain_read(struct topk_batch *batch, size_t n_max, const struct catalog *catalog,
                       size_t k, const char *at, const char *end)
{
    bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");

    return has_avx2 ? read_avx2(batch, n_max, catalog, k, at, end)
                    : topk_plain_portable(batch, n_max, catalog, k, at, end);
}

#else

size_t topk_plain_read(struct topk_batch *batch, size_t n_max, const struct catalog *catalog,
                       size_t k, const char *at, const char *end)
{
    return topk_plain_portable(batch, n_max, catalog, k, at, end);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A detection workload, image by image. Of every true box there is a main detection, sometimes a
 * second one; the rest of an image's detections are confusions near true boxes and background, with
 * low scores. Memory: one image, and the classes.
 */
#include "tests/bench/workload.h"

#include <math.h>
#include <stdlib.h>

#include "tests/bench/random.h"

enum { CLASSES_LIMIT = 2854, TRUE_BOXES_LIMIT = 64, BOXES_LIMIT = 1024, SEED = 20170601 };

static const uint32_t inat_supers[] = {1021, 964, 289, 186, 115, 93, 77, 56, 53};
static const uint32_t coco_supers[] = {1, 8, 5, 10, 5, 10, 7, 10, 6, 6, 5, 7};

struct rectangle {
    double x;
    double y;
    double width;
    double height;
};

struct true_box {
    struct rectangle at;
    double area;
    size_t class;
    bool is_crowd;
};

struct detection {
    struct rectangle at;
    double score;
    size_t class;
    size_t row; /* equal scores keep their order */
};

struct scene {
    uint32_t id;
    double width;
    double height;
    size_t n_boxes;
    struct true_box boxes[TRUE_BOXES_LIMIT];
    size_t n_detections;
    struct detection detections[BOXES_LIMIT];
};

struct maker {
    struct draw draw;
    bool is_inat;
    size_t n_boxes_max; /* detections an image */
    size_t n_classes;
    uint32_t class_id[CLASSES_LIMIT];
    uint32_t super[CLASSES_LIMIT];
    uint32_t super_start[CLASSES_LIMIT];
    uint32_t super_size[CLASSES_LIMIT];
    double cumulated[CLASSES_LIMIT];
    struct scene scene; /* the image at hand */
};

/* Shares of small, medium and large objects, and the side of the largest. */
struct sizes {
    double small;
    double medium;
    double side_max;
};

static const struct sizes inat_sizes = {0.057, 0.236, 470};
static const struct sizes coco_sizes = {0.414, 0.343, 340};

static void supers_make(struct maker *maker)
{
    const uint32_t *sizes = maker->is_inat ? inat_supers : coco_supers;
    size_t n_supers = maker->is_inat ? ARRAY_SIZE(inat_supers) : ARRAY_SIZE(coco_supers);
    uint32_t start = 0;

    for (uint32_t super = 0; super < n_supers; super++) {
        for (uint32_t i = start; i < start + sizes[super]; i++) {
            maker->super[i] = super + 1;
            maker->super_start[i] = start;
            maker->super_size[i] = sizes[super];
        }
        start += sizes[super];
    }
    maker->n_classes = start;
}

/* COCO's class ids are 80 of 1 to 90, ascending; iNaturalist's are 1 to 2,854. */
static void class_ids_make(struct maker *maker)
{
    uint32_t left = 90;

    for (uint32_t i = 0, id = 1; i < maker->n_classes; id++) {
        uint32_t wanted = (uint32_t)maker->n_classes - i;
        if (maker->is_inat || draw_below(&maker->draw, left--) < wanted) {
            maker->class_id[i++] = id;
        }
    }
}

static void weights_make(struct maker *maker)
{
    double spread = maker->is_inat ? 1.0 : 1.4;
    double sum = 0;

    for (size_t i = 0; i < maker->n_classes; i++) {
        maker->cumulated[i] = exp(spread * random_normal(&maker->draw));
        sum += maker->cumulated[i];
    }
    if (!maker->is_inat) { /* the first class of COCO, person, is very frequent */
        sum -= maker->cumulated[0];
        maker->cumulated[0] = 0.4 * sum;
        sum += maker->cumulated[0];
    }
    double even = maker->is_inat ? 0.15 : 0; /* no class of iNaturalist is very rare */
    double before = 0;
    for (size_t i = 0; i < maker->n_classes; i++) {
        double share = even / (double)maker->n_classes + (1 - even) * maker->cumulated[i] / sum;
        before += share;
        maker->cumulated[i] = before;
    }
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* The square root of an object's area: log-uniform among small and medium, else almost uniform. */
static double side_draw(struct maker *maker, double side_max)
{
    const struct sizes *sizes = maker->is_inat ? &inat_sizes : &coco_sizes;
    double kind = draw_unit(&maker->draw);
    double at = draw_unit(&maker->draw);

    if (kind < sizes->small) {
        return 8 * pow(32.4 / 8, at);
    }
    if (kind < sizes->small + sizes->medium) {
        return 32.4 * pow(96.4 / 32.4, at);
    }
    return 96.4 + (side_max - 96.4) * pow(at, 1.3);
}

/* A box of whole pixels inside the image; `share` of it is the object. */
static struct rectangle rectangle_draw(struct maker *maker, double side, double share)
{
    double image_width = maker->scene.width;
    double image_height = maker->scene.height;
    double area = fmin(side * side / share, 0.98 * image_width * image_height);
    double width = sqrt(area * exp(0.38 * random_normal(&maker->draw)));
    double height = area / width;

    if (width > image_width) {
        width = image_width;
        height = area / width;
    }
    if (height > image_height) {
        height = image_height;
        width = area / height;
    }
    width = clamp(round(width), 2, image_width);
    height = clamp(round(height), 2, image_height);
    double x = floor(draw_unit(&maker->draw) * (image_width - width + 1));
    double y = floor(draw_unit(&maker->draw) * (image_height - height + 1));
    return (struct rectangle){x, y, width, height};
}

/* The box, moved and scaled a little. */
static struct rectangle rectangle_jitter(struct maker *maker, const struct rectangle *box,
                                         double spread)
{
    struct draw *draw = &maker->draw;
    double x = box->x + box->width / 2 + random_normal(draw) * spread * box->width;
    double y = box->y + box->height / 2 + random_normal(draw) * spread * box->height;
    double width = box->width * exp(random_normal(draw) * spread * 1.4);
    double height = box->height * exp(random_normal(draw) * spread * 1.4);

    return (struct rectangle){x - width / 2, y - height / 2, width, height};
}

/* The class that a detector says: the right one, one of the same super-class, or any. */
static size_t class_confuse(struct maker *maker, size_t class, double right, double same_super)
{
    double at = draw_unit(&maker->draw);

    if (at < right) {
        return class;
    }
    if (at < right + (1 - right) * same_super) {
        return maker->super_start[class] +
               (size_t)draw_below(&maker->draw, maker->super_size[class]);
    }
    return random_weighted(&maker->draw, maker->cumulated, maker->n_classes);
}

static size_t count_draw(struct maker *maker)
{
    struct draw *draw = &maker->draw;

    if (!maker->is_inat) {
        size_t n = random_geometric(draw, 1 / 7.43);
        return random_chance(draw, 0.0096) ? 0 : n < TRUE_BOXES_LIMIT ? n : TRUE_BOXES_LIMIT - 1;
    }
    double kind = draw_unit(draw);
    if (kind < 0.88) {
        return 1;
    }
    return kind < 0.987 ? 2 + (size_t)fmin(4 * pow(draw_unit(draw), 1.8), 3)
                        : 6 + (size_t)draw_below(draw, 5);
}

static void truth_make(struct maker *maker)
{
    struct scene *scene = &maker->scene;
    bool is_landscape = random_chance(&maker->draw, 0.75);
    double long_side = maker->is_inat ? 800 : 640;
    double short_side = maker->is_inat ? 600 : 480;

    scene->width = is_landscape ? long_side : short_side;
    scene->height = is_landscape ? short_side : long_side;
    scene->n_boxes = count_draw(maker);
    size_t first = random_weighted(&maker->draw, maker->cumulated, maker->n_classes);
    for (size_t i = 0; i < scene->n_boxes; i++) {
        struct true_box *box = &scene->boxes[i];
        bool is_first = maker->is_inat || i == 0 || random_chance(&maker->draw, 0.5);
        box->class =
            is_first ? first : random_weighted(&maker->draw, maker->cumulated, maker->n_classes);
        double share =
            maker->is_inat ? 0.5 : clamp(0.58 + 0.12 * random_normal(&maker->draw), 0.2, 0.95);
        double side = side_draw(maker, maker->is_inat ? inat_sizes.side_max : coco_sizes.side_max);
        box->at = rectangle_draw(maker, side, share);
        box->area = round(box->at.width * box->at.height * share * 1e4) / 1e4;
        box->is_crowd = !maker->is_inat && random_chance(&maker->draw, 0.0121);
    }
}

static void detection_add(struct maker *maker, struct rectangle at, size_t class, double score)
{
    struct scene *scene = &maker->scene;

    if (scene->n_detections == BOXES_LIMIT) {
        return;
    }
    double right = clamp(at.x + at.width, 0, scene->width);
    double bottom = clamp(at.y + at.height, 0, scene->height);
    at.x = clamp(at.x, 0, scene->width - 1);
    at.y = clamp(at.y, 0, scene->height - 1);
    at.width = fmax(right - at.x, 0.5);
    at.height = fmax(bottom - at.y, 0.5);
    scene->detections[scene->n_detections] =
        (struct detection){.at = at,
                           .score = clamp(round(score * 1e6) / 1e6, 1e-5, 0.99999),
                           .class = class,
                           .row = scene->n_detections};
    scene->n_detections++;
}

/* What a detector finds of the true boxes. */
static void detections_of_truth(struct maker *maker)
{
    struct draw *draw = &maker->draw;

    for (size_t i = 0; i < maker->scene.n_boxes; i++) {
        const struct true_box *box = &maker->scene.boxes[i];
        if (random_chance(draw, 0.93)) {
            double spread = fabs(0.085 * random_normal(draw)) + 0.01;
            struct rectangle at = rectangle_jitter(maker, &box->at, spread);
            size_t class = class_confuse(maker, box->class, maker->is_inat ? 0.62 : 0.85, 0.8);
            bool is_right = class == box->class;
            detection_add(maker, at, class,
                          is_right ? random_beta(draw, 4, 1.6) : random_beta(draw, 2, 2.2));
        }
        if (random_chance(draw, 0.25)) {
            struct rectangle at = rectangle_jitter(maker, &box->at, 0.14);
            detection_add(maker, at, class_confuse(maker, box->class, 0.7, 0.8),
                          random_beta(draw, 1.6, 3.5));
        }
    }
}

/* One detection of the long tail: near a true box, or background. */
static void detection_of_tail(struct maker *maker)
{
    struct draw *draw = &maker->draw;
    size_t n_boxes = maker->scene.n_boxes;
    const struct true_box *box =
        &maker->scene.boxes[n_boxes == 0 ? 0 : (size_t)draw_below(draw, n_boxes)];

    if (n_boxes > 0 && random_chance(draw, 0.6)) {
        double spread = random_chance(draw, 0.5) ? 0.08 : 0.25;
        struct rectangle at = rectangle_jitter(maker, &box->at, spread);
        size_t class = class_confuse(maker, box->class, maker->is_inat ? 0.08 : 0.25, 0.8);
        detection_add(maker, at, class, random_beta(draw, 1.1, 7));
        return;
    }
    struct rectangle at = rectangle_draw(maker, side_draw(maker, 300), 0.5);
    size_t class = random_weighted(draw, maker->cumulated, maker->n_classes);
    if (maker->is_inat && n_boxes > 0 && random_chance(draw, 0.6)) {
        class = class_confuse(maker, box->class, 0.02, 1);
    }
    detection_add(maker, at, class, random_beta(draw, 1, 14));
}

/* Best score first. */
static int detection_order(const void *left, const void *right)
{
    const struct detection *a = left;
    const struct detection *b = right;

    if (a->score > b->score || a->score < b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row);
}

static void detections_make(struct maker *maker)
{
    struct scene *scene = &maker->scene;
    size_t wanted = maker->n_boxes_max;

    if (random_chance(&maker->draw, 0.15)) { /* a cut by score leaves fewer on some images */
        double share = 0.2 + 0.8 * draw_unit(&maker->draw);
        wanted = (size_t)fmax(1, (double)wanted * share);
    }
    scene->n_detections = 0;
    detections_of_truth(maker);
    while (scene->n_detections < wanted) {
        detection_of_tail(maker);
    }
    qsort(scene->detections, scene->n_detections, sizeof(scene->detections[0]), detection_order);
    if (scene->n_detections > maker->n_boxes_max) {
        scene->n_detections = maker->n_boxes_max;
    }
}

struct outputs {
    FILE *images;
    FILE *truth;
    FILE *predictions;
};

static uint64_t hundredths(double value)
{
    return (uint64_t)llround(value * 100);
}

static void scene_write(const struct outputs *out, const struct maker *maker)
{
    const struct scene *scene = &maker->scene;

    fprintf(out->images, "%u,%.0f,%.0f\n", scene->id, scene->width, scene->height);
    for (size_t i = 0; i < scene->n_boxes; i++) {
        const struct true_box *box = &scene->boxes[i];
        fprintf(out->truth, "%u,%u,%.0f,%.0f,%.0f,%.0f,%.4f,%d\n", scene->id,
                maker->class_id[box->class], box->at.x, box->at.y, box->at.width, box->at.height,
                box->area, box->is_crowd);
    }
    for (size_t i = 0; i < scene->n_detections; i++) {
        const struct detection *box = &scene->detections[i];
        uint64_t x = hundredths(box->at.x);
        uint64_t y = hundredths(box->at.y);
        uint64_t width = hundredths(box->at.width);
        uint64_t height = hundredths(box->at.height);
        fprintf(out->predictions, "%u,%u,0.%06lu,%lu.%02lu,%lu.%02lu,%lu.%02lu,%lu.%02lu\n",
                scene->id, maker->class_id[box->class], (unsigned long)llround(box->score * 1e6),
                x / 100, x % 100, y / 100, y % 100, width / 100, width % 100, height / 100,
                height % 100);
    }
}

static bool write_categories(const char *folder, const struct maker *maker, struct err *err)
{
    FILE *out = workload_open(folder, "categories.csv", err);

    if (out == NULL) {
        return false;
    }
    fprintf(out, "category_id,supercategory\n");
    for (size_t i = 0; i < maker->n_classes; i++) {
        fprintf(out, "%u,super%u\n", maker->class_id[i], maker->super[i]);
    }
    return workload_close(out, "categories.csv", err);
}

/* Different image ids in no order: the first n_images of shuffled numbers. */
static uint32_t *image_ids_make(struct maker *maker, size_t n_images, struct err *err)
{
    size_t n = 7 * n_images + 49;
    uint32_t *ids = malloc(n * sizeof(*ids));

    if (ids == NULL) {
        err_set(err, ERR_SYSTEM, "no memory for %zu image ids", n);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        ids[i] = i + 1;
    }
    random_shuffle(&maker->draw, ids, n);
    return ids;
}

static bool write_scenes(const struct outputs *out, struct maker *maker, size_t n_images,
                         struct err *err)
{
    uint32_t *ids = image_ids_make(maker, n_images, err);

    if (ids == NULL) {
        return false;
    }
    fprintf(out->images, "image_id,width,height\n");
    fprintf(out->truth, "image_id,category_id,x,y,width,height,area,iscrowd\n");
    fprintf(out->predictions, "image_id,category_id,score,x,y,width,height\n");
    for (size_t i = 0; i < n_images; i++) {
        maker->scene.id = ids[i];
        truth_make(maker);
        detections_make(maker);
        scene_write(out, maker);
    }
    free(ids);
    return true;
}

bool workload_boxes_write(const char *folder, const struct workload *workload, struct err *err)
{
    struct maker *maker = calloc(1, sizeof(*maker));
    struct outputs out = {0};
    bool ok = false;

    if (maker == NULL) {
        return err_set(err, ERR_SYSTEM, "no memory for a workload");
    }
    maker->draw.state = SEED;
    maker->is_inat = workload->kind == WORKLOAD_INAT;
    maker->n_boxes_max = workload->n_boxes;
    supers_make(maker);
    class_ids_make(maker);
    weights_make(maker);
    out.images = workload_open(folder, "images.csv", err);
    out.truth = out.images == NULL ? NULL : workload_open(folder, "ground_truth.csv", err);
    out.predictions = out.truth == NULL ? NULL : workload_open(folder, "predictions.csv", err);
    ok = out.predictions != NULL && write_categories(folder, maker, err) &&
         write_scenes(&out, maker, workload->n_images, err);
    if (out.images != NULL) {
        ok = workload_close(out.images, "images.csv", err) && ok;
    }
    if (out.truth != NULL) {
        ok = workload_close(out.truth, "ground_truth.csv", err) && ok;
    }
    if (out.predictions != NULL) {
        ok = workload_close(out.predictions, "predictions.csv", err) && ok;
    }
    free(maker);
    return ok;
}

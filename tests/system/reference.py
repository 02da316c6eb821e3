# SPDX-License-Identifier: MIT
"""The paper's numbers a second time, written for plainness: COCO's detection metric after pycocotools 2.0.11
(docs/PAPER.md names what it follows), top-k accuracy by class, box plots, common ancestors."""
import statistics

IOU = [i * ((0.95 - 0.5) / 9) + 0.5 for i in range(9)] + [0.95]  # numpy.linspace
RECALL = [i * 0.01 for i in range(100)] + [1.0]
SIZES = {"": (0, 1e10), "_small": (0, 32 ** 2), "_medium": (32 ** 2, 96 ** 2), "_large": (96 ** 2, 1e10)}
EPSILON = 2.0 ** -52


def overlap(box, truth, is_crowd):
    width = min(box[2] + box[0], truth[2] + truth[0]) - max(box[0], truth[0])
    height = min(box[3] + box[1], truth[3] + truth[1]) - max(box[1], truth[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    own = box[2] * box[3]
    return shared / (own if is_crowd else own + truth[2] * truth[3] - shared)


def match_image(boxes, truths, size, threshold):
    """boxes: [(score, box)] by score; truths: [(box, area, is_crowd)]. -> [(score, is_hit, is_ignored)]"""
    low, high = size
    ignored = [is_crowd or not low <= area <= high for _, area, is_crowd in truths]
    order = sorted(range(len(truths)), key=lambda i: ignored[i])
    taken, out = set(), []
    for score, box in boxes:
        best, found = min(threshold, 1 - 1e-10), None
        for i in order:
            if i in taken and not truths[i][2]:
                continue
            if found is not None and not ignored[found] and ignored[i]:
                break
            iou = overlap(box, truths[i][0], truths[i][2])
            if iou >= best:
                best, found = iou, i
        taken.add(found)
        is_ignored = not low <= box[2] * box[3] <= high if found is None else ignored[found]
        out.append((score, found is not None, is_ignored))
    return out


def curve(marks, n_truths):
    """Recall at the end and the precision at 101 recalls."""
    hits = misses = 0
    recalls, precisions = [], []
    for _, is_hit, is_ignored in sorted(marks, key=lambda mark: -mark[0]):
        hits += is_hit and not is_ignored
        misses += not is_hit and not is_ignored
        recalls.append(hits / n_truths)
        precisions.append(hits / (hits + misses + EPSILON))
    for i in range(len(precisions) - 1, 0, -1):
        precisions[i - 1] = max(precisions[i - 1], precisions[i])
    out, at = [], 0
    for recall in RECALL:
        while at < len(recalls) and recalls[at] < recall:
            at += 1
        out.append(precisions[at] if at < len(recalls) else 0.0)
    return (recalls[-1] if recalls else 0.0), out


def detect_class(boxes, truths):
    """boxes, truths: image -> list, of one class. -> metrics (None without ground truth), curve at IoU 0.5"""
    images = sorted(set(boxes) | set(truths))
    ranked = {image: sorted(boxes.get(image, []), key=lambda box: -box[0])[:100] for image in images}
    metrics, middle = {}, None
    for suffix, size in SIZES.items():
        n_truths = sum(not is_crowd and size[0] <= area <= size[1]
                       for image in images for _, area, is_crowd in truths.get(image, []))
        curves, first, tenth = [], [], []
        for threshold in IOU if n_truths else ():
            marks = [match_image(ranked[image], truths.get(image, []), size, threshold) for image in images]
            first.append(curve([mark for image in marks for mark in image[:1]], n_truths)[0])
            tenth.append(curve([mark for image in marks for mark in image[:10]], n_truths)[0])
            curves.append(curve([mark for image in marks for mark in image], n_truths))
        means = [statistics.fmean(precision) for _, precision in curves]
        metrics["AP" + suffix] = statistics.fmean(means) if means else None
        metrics["AR" + (suffix or "100")] = statistics.fmean(recall for recall, _ in curves) if means else None
        if suffix == "":
            metrics["AP50"], metrics["AP75"] = (means[0], means[5]) if means else (None, None)
            metrics["AR1"] = statistics.fmean(first) if means else None
            metrics["AR10"] = statistics.fmean(tenth) if means else None
            middle = curves[0][1] if means else None
    return metrics, middle


def detect(boxes, truths, images, coarse):
    """Rows (image, class, …) of boxes and truths, evaluated as coarse(class). -> class -> metrics, curve"""
    kept = set(images)
    tables = []
    for rows in (boxes, truths):
        table = {}
        for image, category, *rest in sorted(rows, key=lambda row: row[1]):  # pycocotools' order of useCats = 0
            if image in kept:
                table.setdefault(coarse(category), {}).setdefault(image, []).append(rest)
        tables.append(table)
    return {category: detect_class(tables[0].get(category, {}), own) for category, own in tables[1].items()}


def mean(values):
    values = [value for value in values if value is not None]
    return statistics.fmean(values) if values else None


def box_plot(values):
    """Quartiles as numpy's default, whiskers within 1.5 boxes."""
    quarters = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    reach = 1.5 * (quarters[2] - quarters[0])
    inside = [value for value in values if quarters[0] - reach <= value <= quarters[2] + reach]
    return {"low": min(inside), "q1": quarters[0], "median": quarters[1], "q3": quarters[2], "high": max(inside),
            "mean": statistics.fmean(values), "outside": sorted(value for value in values if value not in inside)}


def height(one, other):
    """Of the lowest common ancestor of two classes, each its ranks from the highest and its own name."""
    shared = 0
    while shared < len(one) and one[shared] == other[shared]:
        shared += 1
    return len(one) - shared

/* SPDX-License-Identifier: MIT */
/*
 * The other engines. See the header.
 */
#include "tests/bench/peers.h"

#include <glob.h>
#include <stdio.h>

/* Slopes of memory and time: measured with inat_small and coco5k, on two cores of an AMD Zen 3. */
const struct peer peers[] = {
    {"hotcoco", "boxes_hotcoco.py", "hotcoco", false, 0, 0},
    {"faster_coco_eval", "boxes_faster_coco_eval.py", "faster_coco_eval", false, 910, 6},
    {"pycocotools", "boxes_pycocotools.py", "pycocotools", false, 600, 18},
    {"pandas", "topk_pandas.py", "pandas", true, 0, 0},
    {"scikit-learn", "topk_sklearn.py", "sklearn", true, 16, 0.07},
};
const size_t n_peers = ARRAY_SIZE(peers);

size_t peer_n_classes(const struct workload *workload)
{
    switch (workload->kind) {
    case WORKLOAD_TOPK:
        return 5089;
    case WORKLOAD_INAT:
        return 2854;
    case WORKLOAD_COCO:
        break;
    }
    return 80;
}

static double cells(const struct workload *workload)
{
    return (double)workload->n_images * (double)peer_n_classes(workload);
}

double peer_bytes(const struct peer *peer, const struct workload *workload)
{
    return peer->bytes_per_cell * cells(workload);
}

double peer_seconds(const struct peer *peer, const struct workload *workload)
{
    return peer->us_per_cell * cells(workload) / 1e6;
}

bool peer_is_ready(const struct peer *peer, const struct workload *workload)
{
    char pattern[WORKLOAD_PATH_SIZE];
    glob_t found = {0};

    if (peer->is_topk != (workload->kind == WORKLOAD_TOPK)) {
        return false;
    }
    snprintf(pattern, sizeof(pattern), "%s/.venv/lib/python*/site-packages/%s", ASSAY_SOURCE_DIR,
             peer->module);
    bool is_ready = glob(pattern, 0, NULL, &found) == 0;
    globfree(&found);
    return is_ready;
}

void peer_command(const char *argv[static 5], const struct peer *peer,
                  const struct workload *workload, const struct workload_files *files)
{
    static char script[WORKLOAD_PATH_SIZE];
    bool is_topk = workload->kind == WORKLOAD_TOPK;

    snprintf(script, sizeof(script), "%s/tests/bench/peers/%s", ASSAY_SOURCE_DIR, peer->script);
    argv[0] = ASSAY_SOURCE_DIR "/.venv/bin/python3";
    argv[1] = script;
    argv[2] = is_topk ? files->submission : files->truth_json;
    argv[3] = is_topk ? files->labels : files->detections_json;
    argv[4] = NULL;
}

# SPDX-License-Identifier: MIT
"""boxes_faster_coco_eval.py TRUTH.json DETECTIONS.json: prints its AP."""
import contextlib
import json
import sys

from faster_coco_eval import COCO, COCOeval_faster

with contextlib.redirect_stdout(sys.stderr):
    truth = COCO(sys.argv[1])
    run = COCOeval_faster(truth, truth.loadRes(sys.argv[2]), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
print(json.dumps({"score": float(run.stats[0])}))

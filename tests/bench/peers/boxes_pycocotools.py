# SPDX-License-Identifier: MIT
"""boxes_pycocotools.py TRUTH.json DETECTIONS.json: the reference; prints its AP."""
import contextlib
import json
import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

with contextlib.redirect_stdout(sys.stderr):
    truth = COCO(sys.argv[1])
    run = COCOeval(truth, truth.loadRes(sys.argv[2]), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
print(json.dumps({"score": float(run.stats[0])}))

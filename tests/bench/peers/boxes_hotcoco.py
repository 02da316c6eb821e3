# SPDX-License-Identifier: MIT
"""boxes_hotcoco.py TRUTH.json DETECTIONS.json: prints its AP."""
import contextlib
import json
import sys

from hotcoco import COCO, COCOeval

with contextlib.redirect_stdout(sys.stderr):
    truth = COCO(sys.argv[1])
    run = COCOeval(truth, truth.load_res(sys.argv[2]), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
print(json.dumps({"score": float(run.stats[0])}))

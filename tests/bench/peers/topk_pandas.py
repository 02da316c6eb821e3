# SPDX-License-Identifier: MIT
"""topk_pandas.py SUBMISSION.csv SOLUTION.csv: top-1, top-5 and their means over classes."""
import json
import sys

import numpy as np
import pandas as pd

guess = pd.read_csv(sys.argv[1], dtype={"id": str, "predicted": str})
truth = pd.read_csv(sys.argv[2], dtype={"id": str})
ranks = guess["predicted"].str.split(" ", expand=True).to_numpy().astype(np.int64)
ranks = ranks[pd.Index(guess["id"]).get_indexer(truth["id"])]
right = ranks == truth["expected"].to_numpy()[:, None]
top1, top5 = right[:, 0], right.any(axis=1)
by_class = pd.DataFrame({"class": truth["expected"], "top1": top1, "top5": top5})
means = by_class.groupby("class").mean().mean()
print(json.dumps({"score": float(top5.mean()), "top1": float(top1.mean()),
                  "mean_class_top1": float(means["top1"]), "mean_class_top5": float(means["top5"])}))

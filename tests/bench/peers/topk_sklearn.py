# SPDX-License-Identifier: MIT
"""topk_sklearn.py SUBMISSION.csv SOLUTION.csv: top-1 and top-5 by top_k_accuracy_score, which wants
a score of every class for every image."""
import json
import sys

import numpy as np
import pandas as pd
from sklearn.metrics import top_k_accuracy_score

guess = pd.read_csv(sys.argv[1], dtype={"id": str, "predicted": str})
truth = pd.read_csv(sys.argv[2], dtype={"id": str})
ranks = guess["predicted"].str.split(" ", expand=True).to_numpy().astype(np.int64)
ranks = ranks[pd.Index(guess["id"]).get_indexer(truth["id"])]
expected = truth["expected"].to_numpy()
n_classes = int(max(ranks.max(), expected.max())) + 1
scores = np.zeros((len(ranks), n_classes))
for rank in range(ranks.shape[1]):
    scores[np.arange(len(ranks)), ranks[:, rank]] = ranks.shape[1] - rank
labels = np.arange(n_classes)
print(json.dumps({"top1": float(top_k_accuracy_score(expected, scores, k=1, labels=labels)),
                  "score": float(top_k_accuracy_score(expected, scores, k=5, labels=labels))}))

# SPDX-License-Identifier: MIT
"""What docs/FORMATS.md says, written a second time with hashlib alone: trees, commitments to labels
and scores, what organizers and workers sign. For the tests beside this file."""
import hashlib


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(leaves):
    """RFC 6962, section 2.1, as it stands there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root_of(leaves[:split]), root_of(leaves[split:]))


def framed(data):
    data = data.encode() if isinstance(data, str) else data
    return len(data).to_bytes(4, "big") + data


def keyed(seed, context, data):
    return hashlib.blake2b(context.encode() + data, key=seed, digest_size=32).digest()


# ---- labels ----

def place(seed, row_id):
    return keyed(seed, "scoring-labsort1", row_id)


def label_leaf(seed, competition, row_id, split, label):
    salt = keyed(seed, "scoring-labsalt1", row_id)
    data = b"".join(map(framed, ("scoring/label/v1", competition, row_id, split, label, salt)))
    return hashlib.sha256(b"\0" + data).digest()


def label_rows(data):
    """(split, label, id) of each line of a file of label rows."""
    return [tuple(line.split(b"\t", 2)) for line in data.splitlines()]


def label_leaves(data, seed, competition):
    rows = label_rows(data)
    places = [place(seed, row_id) for _, _, row_id in rows]
    assert places == sorted(places), "rows are in the order of the tree"
    return [label_leaf(seed, competition, row_id, split, label) for split, label, row_id in rows]


# ---- scores ----

def score_commitment(seed, competition, submission, file_sha256, version, metric, score):
    version = version.to_bytes(4, "big")
    nonce = keyed(seed, "scoring-scornon1", framed(competition) + framed(submission) + version)
    data = (framed("scoring/score/v1") + framed(competition) + framed(submission) + framed(bytes.fromhex(file_sha256))
            + version + framed(metric) + framed(score) + framed(nonce))
    return hashlib.sha256(data).hexdigest()


def openings(data):
    """(submission, label version) -> (public score, private score); "" without one."""
    scores = {}
    for line in data.decode().splitlines():
        submission, version, public, private = line.split(" ")
        scores[submission, int(version)] = tuple("" if score == "-" else score for score in (public, private))
    assert list(scores) == sorted(scores), "lines are in their order"
    return scores


def result_leaf(result):
    return hashlib.sha256(b"\0" + bytes.fromhex(result["public_commitment"])
                          + bytes.fromhex(result["private_commitment"])).digest()


def statement(genesis, submission, result, label_root, build):
    """What a worker signs of a result."""
    values = {"competition": genesis["competition"], "submission": result["id"], "file_sha256": submission["file_sha256"],
              "labels": result["labels"], "label_root": label_root, "rules": result["rules"], "outcome": result["outcome"],
              "score": result["score"], "scorecard_sha256": result["scorecard_sha256"],
              "sealed_sha256": result["sealed_sha256"], "public_commitment": result["public_commitment"],
              "private_commitment": result["private_commitment"], "problems": result["problems"], "build": build}
    return ("assay/result/v1\n" + "".join(f"{key} {value}\n" for key, value in values.items())).encode()


# ---- orders ----

def reveal_order(genesis):
    return (f"assay/reveal/v1\ncompetition {genesis['competition']}\n"
            f"score_seed_sha256 {genesis['score_seed_sha256']}\n").encode()


# ---- corrections ----

def correction(data):
    """(rows, {place: (old leaf, new leaf)}, siblings) of the proof of a correction."""
    head, tail = data.decode().split("\n\n", 1)
    title, size, *lines = head.split("\n")
    assert title == "assay/correction/v1"
    changes = {}
    for line in lines:
        place, old, new = line.split(" ")
        changes[int(place)] = (bytes.fromhex(old), bytes.fromhex(new))
    return int(size.split(" ")[1]), changes, [bytes.fromhex(line) for line in tail.splitlines()]


def fold(size, changes, siblings):
    """The old and the new root that a proof leads to; every sibling is used."""
    rest = list(siblings)

    def below(first, count):
        inside = [place for place in changes if first <= place < first + count]
        if not inside:
            sibling = rest.pop(0)
            return sibling, sibling
        if count == 1:
            return changes[first]
        split = 1 << (count - 1).bit_length() - 1
        left, right = below(first, split), below(first + split, count - split)
        return node(left[0], right[0]), node(left[1], right[1])

    roots = below(0, size)
    assert not rest, "the proof is not too long"
    return roots


def correct_order(genesis, entry):
    return (f"assay/correct/v1\ncompetition {genesis['competition']}\nlabels {entry['labels']}\n"
            f"old_root {entry['old_root']}\nnew_root {entry['new_root']}\n"
            f"label_set_sha256 {entry['label_set_sha256']}\nproof_sha256 {entry['proof_sha256']}\n"
            f"reason {entry['reason']}\n").encode()

-- SPDX-License-Identifier: MIT
-- Private scores are opened on the organizer's order alone, all of them, and published with the seed
-- that they were committed to with. Files that entries name. What a re-score came to, by whom.

ALTER TABLE competition ADD COLUMN metric TEXT NOT NULL DEFAULT '';
ALTER TABLE competition ADD COLUMN organizer BLOB NOT NULL DEFAULT x'';         -- Ed25519
ALTER TABLE competition ADD COLUMN score_seed_sha256 BLOB NOT NULL DEFAULT x'';
ALTER TABLE competition ADD COLUMN reveal_order BLOB;   -- the organizer's signature
ALTER TABLE competition ADD COLUMN score_seed BLOB;     -- since the first result was opened

ALTER TABLE submission ADD COLUMN label_version INTEGER NOT NULL DEFAULT 1; -- of the result shown

ALTER TABLE result ADD COLUMN place INTEGER NOT NULL DEFAULT 0;             -- of its entry

ALTER TABLE opened RENAME TO opened_before;
CREATE TABLE opened (                   -- private parts, after the reveal was asked for
    submission INTEGER NOT NULL REFERENCES submission (number),
    label_version INTEGER NOT NULL,
    rules_version INTEGER NOT NULL,
    value_bits INTEGER,
    sort_key INTEGER,
    score TEXT NOT NULL,                -- as the board shows it
    scorecard BLOB NOT NULL,
    public_score TEXT NOT NULL,         -- as they were committed to
    private_score TEXT NOT NULL,
    PRIMARY KEY (submission, label_version, rules_version)
) STRICT, WITHOUT ROWID;
INSERT INTO opened SELECT submission, 1, 1, value_bits, sort_key, score, scorecard, '', ''
    FROM opened_before;
DROP TABLE opened_before;

CREATE TABLE file_piece (               -- of a file that an entry names, or will
    competition INTEGER NOT NULL REFERENCES competition (number),
    sha256 BLOB NOT NULL,               -- of the whole
    at INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (competition, sha256, at)
) STRICT;

CREATE TABLE published (                -- a file that anybody may have
    competition INTEGER NOT NULL REFERENCES competition (number),
    sha256 BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (competition, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE disclosed (                -- label sets whose rows were published
    competition INTEGER NOT NULL REFERENCES competition (number),
    label_version INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (competition, label_version)
) STRICT, WITHOUT ROWID;

ALTER TABLE job ADD COLUMN avoid BLOB NOT NULL DEFAULT x''; -- re-score: the worker that scored it

ALTER TABLE rescore_run ADD COLUMN label_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE rescore_run ADD COLUMN before INTEGER NOT NULL DEFAULT 0; -- entries of results below it
ALTER TABLE rescore_run ADD COLUMN n_confirmed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE rescored (                 -- what a run came to
    run INTEGER NOT NULL REFERENCES rescore_run (number),
    submission INTEGER NOT NULL REFERENCES submission (number),
    key BLOB NOT NULL,                  -- of the worker
    public_commitment BLOB NOT NULL,
    private_commitment BLOB NOT NULL,
    PRIMARY KEY (run, submission)
) STRICT, WITHOUT ROWID;

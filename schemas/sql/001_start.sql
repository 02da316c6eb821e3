-- SPDX-License-Identifier: MIT
-- The first schema. Times are milliseconds: *_ms since 1970, *_boot_ms since the machine's boot.
-- Numbers of submissions are their order of acceptance. Scores are IEEE bits in an integer, or the
-- text that the board shows; never a REAL.

CREATE TABLE competition (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    yaml BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    genesis BLOB NOT NULL,              -- leaf hash of entry 0
    next_entry INTEGER NOT NULL,        -- index of the next log entry: gapless
    board_state INTEGER NOT NULL,       -- enum wire_board_state
    board_version INTEGER NOT NULL,
    board_changed_ms INTEGER NOT NULL,
    n_submissions INTEGER NOT NULL,
    per_day INTEGER NOT NULL,
    total INTEGER,                      -- NULL: no limit
    final_selections INTEGER NOT NULL,
    is_higher_better INTEGER NOT NULL,
    decimals INTEGER NOT NULL
) STRICT;

CREATE TABLE team (
    number INTEGER PRIMARY KEY,
    competition INTEGER NOT NULL REFERENCES competition (number),
    name TEXT NOT NULL,
    members TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    n_submissions INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,           -- receive time of the last submission
    n_open INTEGER NOT NULL,            -- accepted, not finished
    n_scored INTEGER NOT NULL,
    vtag INTEGER NOT NULL,              -- start-time fair queueing: virtual end of its last job
    UNIQUE (competition, name)
) STRICT;

CREATE TABLE team_day (                 -- what the daily quota counts
    team INTEGER NOT NULL REFERENCES team (number),
    day INTEGER NOT NULL,               -- UTC day of the receive time
    n_open INTEGER NOT NULL,
    n_scored INTEGER NOT NULL,
    PRIMARY KEY (team, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL,                 -- keyed BLAKE2b of the secret
    scope INTEGER NOT NULL,
    team INTEGER REFERENCES team (number),
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE submission (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    competition INTEGER NOT NULL REFERENCES competition (number),
    team INTEGER NOT NULL REFERENCES team (number),
    idempotency_key BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    accepted_ms INTEGER NOT NULL,
    file_name TEXT NOT NULL,
    message TEXT NOT NULL,
    state INTEGER NOT NULL,             -- enum wire_submission_state
    reason TEXT NOT NULL,               -- failed: why
    sort_key INTEGER,                   -- of the public score; NULL: not on the board
    is_selected INTEGER NOT NULL,
    is_final INTEGER NOT NULL,          -- the reveal looks at it
    UNIQUE (team, idempotency_key)
) STRICT;
CREATE INDEX submission_of_team ON submission (team, number);
CREATE INDEX submission_of_competition ON submission (competition, number);
CREATE INDEX submission_selected ON submission (team) WHERE is_selected = 1;
CREATE INDEX submission_best ON submission (team, sort_key, received_ms, number)
    WHERE sort_key IS NOT NULL;

CREATE TABLE entry (
    competition INTEGER NOT NULL REFERENCES competition (number),
    place INTEGER NOT NULL,             -- the entry's index in its log
    kind INTEGER NOT NULL,              -- enum entry_kind
    submission INTEGER REFERENCES submission (number),
    line BLOB NOT NULL,
    leaf BLOB NOT NULL,
    PRIMARY KEY (competition, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_of_submission ON entry (submission, kind) WHERE submission IS NOT NULL;

CREATE TABLE job (                      -- unfinished work only
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,              -- enum wire_job_kind
    submission INTEGER NOT NULL REFERENCES submission (number),
    competition INTEGER NOT NULL,
    label_version INTEGER NOT NULL,
    rules_version INTEGER NOT NULL,
    run INTEGER,                        -- of a re-score
    lane INTEGER NOT NULL,              -- 0 live, 1 reveal, 2 re-score
    vtag INTEGER NOT NULL,
    state INTEGER NOT NULL,             -- 0 ready, 1 leased, 2 delayed, 3 parked
    fence INTEGER NOT NULL,
    due_boot_ms INTEGER NOT NULL,       -- leased: end of the lease; delayed: ready again
    ready_ms INTEGER NOT NULL,
    worker TEXT NOT NULL,
    n_fails INTEGER NOT NULL,
    n_lost INTEGER NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (submission, kind, label_version, rules_version)
) STRICT;
CREATE INDEX job_ready ON job (lane, vtag, number) WHERE state = 0;
CREATE INDEX job_due ON job (due_boot_ms) WHERE state IN (1, 2);
CREATE INDEX job_age ON job (ready_ms) WHERE state = 0 AND lane = 0;
CREATE INDEX job_of_competition ON job (kind, competition) WHERE kind <> 0;
CREATE INDEX job_state ON job (state) WHERE state <> 0;

CREATE TABLE lane (
    number INTEGER PRIMARY KEY,
    vtag INTEGER NOT NULL               -- virtual time: of the job that was claimed last
) STRICT;
INSERT INTO lane (number, vtag) VALUES (0, 0), (1, 0), (2, 0);

CREATE TABLE finished (                 -- answers a repeated or late result
    job INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submission (number),
    kind INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;

CREATE TABLE result (
    submission INTEGER NOT NULL REFERENCES submission (number),
    label_version INTEGER NOT NULL,
    rules_version INTEGER NOT NULL,
    outcome INTEGER NOT NULL,           -- enum wire_outcome
    digest BLOB NOT NULL,
    n_rows INTEGER NOT NULL,
    value_bits INTEGER,
    score TEXT NOT NULL,                -- as the board shows it
    scorecard BLOB NOT NULL,
    sealed BLOB NOT NULL,
    n_problems INTEGER NOT NULL,
    problems BLOB NOT NULL,
    worker TEXT NOT NULL,
    build TEXT NOT NULL,
    finished_ms INTEGER NOT NULL,
    PRIMARY KEY (submission, label_version, rules_version)
) STRICT;

CREATE TABLE opened (                   -- private parts, after the reveal was asked for
    submission INTEGER PRIMARY KEY REFERENCES submission (number),
    value_bits INTEGER,
    sort_key INTEGER,
    score TEXT NOT NULL,
    scorecard BLOB NOT NULL
) STRICT;

CREATE TABLE best (
    competition INTEGER NOT NULL REFERENCES competition (number),
    track INTEGER NOT NULL,             -- 0 public, 1 private, 2 public as it was frozen
    team INTEGER NOT NULL REFERENCES team (number),
    sort_key INTEGER NOT NULL,          -- smaller is better
    received_ms INTEGER NOT NULL,
    submission INTEGER NOT NULL REFERENCES submission (number),
    PRIMARY KEY (competition, track, team)
) STRICT, WITHOUT ROWID;

CREATE TABLE rescore_run (
    number INTEGER PRIMARY KEY,
    competition INTEGER NOT NULL REFERENCES competition (number),
    started_ms INTEGER NOT NULL,
    planned_up_to INTEGER NOT NULL,     -- number of the last submission that was planned
    is_planned INTEGER NOT NULL,
    is_finished INTEGER NOT NULL,
    n_planned INTEGER NOT NULL,
    n_equal INTEGER NOT NULL,
    n_different INTEGER NOT NULL,
    n_failed INTEGER NOT NULL
) STRICT;
CREATE INDEX rescore_open ON rescore_run (competition) WHERE is_finished = 0;

CREATE TABLE rescore_difference (
    run INTEGER NOT NULL REFERENCES rescore_run (number),
    submission INTEGER NOT NULL REFERENCES submission (number),
    text TEXT NOT NULL,
    PRIMARY KEY (run, submission)
) STRICT, WITHOUT ROWID;

CREATE TABLE alarm (
    number INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    digest BLOB NOT NULL,               -- of the result that did not fit
    text TEXT NOT NULL,
    raised_ms INTEGER NOT NULL,
    UNIQUE (job, digest)
) STRICT;

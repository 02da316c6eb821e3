-- SPDX-License-Identifier: MIT
-- Labels are committed to before they are used, and only workers whose keys stand in the log score.

CREATE TABLE label_set (
    competition INTEGER NOT NULL REFERENCES competition (number),
    version INTEGER NOT NULL,
    root BLOB NOT NULL,                 -- of the tree over the salted rows
    sha256 BLOB NOT NULL,               -- of the label block
    n_rows INTEGER NOT NULL,
    n_public INTEGER NOT NULL,
    n_private INTEGER NOT NULL,
    PRIMARY KEY (competition, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE worker (
    competition INTEGER NOT NULL REFERENCES competition (number),
    key BLOB NOT NULL,                  -- Ed25519
    name TEXT NOT NULL,
    PRIMARY KEY (competition, key)
) STRICT, WITHOUT ROWID;

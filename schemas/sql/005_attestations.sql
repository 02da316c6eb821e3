-- SPDX-License-Identifier: MIT
-- Results are committed to and signed by the workers that made them.

ALTER TABLE result ADD COLUMN public_commitment BLOB NOT NULL DEFAULT x'';
ALTER TABLE result ADD COLUMN private_commitment BLOB NOT NULL DEFAULT x'';

CREATE TABLE attestation (              -- of the recorded result, by every worker that came to it
    submission INTEGER NOT NULL REFERENCES submission (number),
    label_version INTEGER NOT NULL,
    rules_version INTEGER NOT NULL,
    key BLOB NOT NULL,                  -- Ed25519
    signature BLOB NOT NULL,
    PRIMARY KEY (submission, label_version, rules_version, key)
) STRICT, WITHOUT ROWID;

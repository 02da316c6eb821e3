-- SPDX-License-Identifier: MIT
-- Signatures of workers that confirm a result are published by the re-score that brought them.

ALTER TABLE attestation ADD COLUMN run INTEGER NOT NULL DEFAULT 0; -- 0: of the scoring itself
ALTER TABLE attestation ADD COLUMN build TEXT NOT NULL DEFAULT ''; -- of that worker
CREATE INDEX attestation_of_run ON attestation (run) WHERE run > 0;

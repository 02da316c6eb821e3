-- SPDX-License-Identifier: MIT
-- Promised files: the submission's row comes before its bytes (states 5 receiving, 6 expired). And
-- the files that belong to a submission can be found by their hash, so that others can be swept.

ALTER TABLE submission ADD COLUMN until_ms INTEGER; -- of a promise: its bytes are taken until then
CREATE INDEX submission_promised ON submission (until_ms) WHERE state = 5;
CREATE INDEX submission_of_file ON submission (sha256);

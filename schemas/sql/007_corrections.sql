-- SPDX-License-Identifier: MIT
-- Labels are corrected: a label set of a further version, under which everything is scored again.

ALTER TABLE competition ADD COLUMN label_version INTEGER NOT NULL DEFAULT 1; -- that the board shows
ALTER TABLE result ADD COLUMN sort_key INTEGER;         -- of the public score; NULL: none, or version 1

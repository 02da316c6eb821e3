-- SPDX-License-Identifier: MIT
-- Tokens that end by themselves; and those of scope 3 read what a team may see and send nothing.

ALTER TABLE token ADD COLUMN expires_ms INTEGER; -- NULL: never

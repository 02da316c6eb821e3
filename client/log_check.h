/* SPDX-License-Identifier: MIT */
/*
 * `assay log --check`: a log that was written as files before, looked at without the service.
 */
#pragma once

/* Checks the folder and says what was found; returns the exit code. */
int log_check(const char *folder);

/* SPDX-License-Identifier: MIT */
/*
 * `assay competition create`.
 */
#pragma once

int competition_create(int argc, char **argv);
int competition_correct(int argc, char **argv);
int competition_workers(int argc, char **argv);

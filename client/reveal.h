/* SPDX-License-Identifier: MIT */
/*
 * `assay leaderboard reveal`: the organizer's order to open private scores, signed here, and what
 * is published of the labels then.
 */
#pragma once

int leaderboard_reveal(int argc, char **argv);

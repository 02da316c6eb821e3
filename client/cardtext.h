/* SPDX-License-Identifier: MIT */
/*
 * A scorecard as tables for people.
 */
#pragma once

#include <stdio.h>

#include "schemas/scorecard.h"

/*
 * Prints the metrics of the chosen splits beside each other, then the groups of one of them.
 *
 *   splits   CARD_BITs
 *
 * Errors   ERR_SYSTEM  no memory
 */
MUST_CHECK bool cardtext_print(FILE *out, const struct scorecard *card,
                               const struct competition *competition, unsigned splits,
                               struct err *err);

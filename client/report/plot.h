/* SPDX-License-Identifier: MIT */
/*
 * Draws with gnuplot, a program of its own: a script goes in, SVG comes out. Where it is not
 * installed, or fails, the caller does without figures.
 */
#pragma once

#include "common/file.h"

/*
 * Runs gnuplot on a script, for at most 60 seconds.
 *
 *   svg      out, what it printed
 *
 * Errors   ERR_CONFIG  gnuplot is not installed
 *          ERR_PEER    it failed (its first words), took too long or printed nothing
 *          ERR_SYSTEM  it cannot be started
 * Owns     *svg is owned by the caller
 */
MUST_CHECK bool plot_svg(struct bytes *svg, const void *script, size_t size, struct err *err);

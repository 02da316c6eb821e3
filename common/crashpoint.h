/* SPDX-License-Identifier: MIT */
/*
 * Named places at which a test can make the process die as if it were killed there. They exist only
 * in builds configured with ASSAY_CRASHPOINTS (the presets dev and faults): anywhere else the macro
 * is nothing, and no environment can do anything.
 *
 * ASSAY_CRASHPOINT="NAME N" kills the process that reaches NAME for the N-th time, counted over it
 * and all that it forks; it happens once. The names are found in the binaries themselves, behind
 * "crashpoint:", so that a new place is tested without being listed anywhere.
 */
#pragma once

#ifdef ASSAY_CRASHPOINTS
#define CRASHPOINT(name) crashpoint_reach("crashpoint:" name)

void crashpoint_reach(const char *marked_name);
#else
#define CRASHPOINT(name) ((void)0)
#endif

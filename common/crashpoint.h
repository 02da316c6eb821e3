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

#define MISBEHAVE(text) crashpoint_misbehave(text)

void crashpoint_reach(const char *marked_name);

/*
 * A bug as an untrusted file might find one. Where `text` holds one of these words, the process
 * behind it does that, whatever its limits and its sandbox make of it; else nothing happens.
 *
 *   misbehave:crash     executes an illegal instruction
 *   misbehave:hang      uses the processor and never ends
 *   misbehave:memory    takes all that it gets and then crashes
 *   misbehave:flood     writes to descriptor 1 until it cannot, and then crashes
 *   misbehave:fork      starts a process
 *   misbehave:open      opens a file
 */
void crashpoint_misbehave(const char *text);
#else
#define CRASHPOINT(name) ((void)0)
#define MISBEHAVE(text) ((void)0)
#endif

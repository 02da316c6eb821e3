/* SPDX-License-Identifier: MIT */
/*
 * The sub-commands of `assay`, each in the file of its name. They take what main takes, with
 * argv[0] as the command's full name, and give an exit code. `assay CMD --help` documents them.
 */
#pragma once

int command_split(int argc, char **argv);
int command_verify(int argc, char **argv);

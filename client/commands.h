/* SPDX-License-Identifier: MIT */
/*
 * The sub-commands of `assay`, each in the file of its name. They take what main takes, with
 * argv[0] as the command's full name, and give an exit code. `assay CMD --help` documents them.
 */
#pragma once

int command_audit(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_check(int argc, char **argv);
int command_competition(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_health(int argc, char **argv);
int command_leaderboard(int argc, char **argv);
int command_log(int argc, char **argv);
int command_login(int argc, char **argv);
int command_receipt(int argc, char **argv);
int command_report(int argc, char **argv);
int command_rescore(int argc, char **argv);
int command_retry(int argc, char **argv);
int command_score(int argc, char **argv);
int command_select(int argc, char **argv);
int command_split(int argc, char **argv);
int command_status(int argc, char **argv);
int command_submissions(int argc, char **argv);
int command_submit(int argc, char **argv);
int command_team(int argc, char **argv);
int command_up(int argc, char **argv);
int command_verify(int argc, char **argv);
